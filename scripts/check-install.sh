#!/usr/bin/env bash
# Installs into a temporary root, twice, edits a file, installs again, uninstalls; checks what lies there each time.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "check-install: $1" >&2; exit 1; }
printf '#!/bin/sh\necho reeve\n' >"$work/binary"
chmod 755 "$work/binary"
export DESTDIR=$work/root BINARY=$work/binary PREFIX=/opt/reeve

scripts/install.sh >"$work/first"
root=$work/root
[ "$(stat -c %a "$root/opt/reeve/bin/reeve")" = 755 ] || fail "the binary is not executable"
grep -q '^ExecStart=/opt/reeve/bin/reeve up ' "$root/etc/systemd/system/reeve.service" || fail "the unit does not name the prefix"
cmp -s systemd/reeve.sysusers "$root/usr/lib/sysusers.d/reeve.conf" || fail "sysusers differs"
cmp -s systemd/reeve.tmpfiles "$root/usr/lib/tmpfiles.d/reeve.conf" || fail "tmpfiles differs"
[ "$(zcat "$root/opt/reeve/share/man/man1/reeve.1.gz")" = reeve ] || fail "the manual page is not what the program prints"
for file in bash-completion/completions/reeve zsh/site-functions/_reeve fish/vendor_completions.d/reeve.fish; do
    [ -s "$root/opt/reeve/share/$file" ] || fail "$file is missing"
done
cmp -s docs/README.md "$root/opt/reeve/share/doc/reeve/README.md" || fail "the documents are not there"
[ "$(stat -c %a "$root/var/lib/reeve")" = 711 ] || fail "the data directory has the wrong mode"
if [ -f services.toml ]; then cmp -s services.toml "$root/etc/reeve/services.toml" || fail "services.toml differs"; fi

scripts/install.sh >"$work/second"
[ ! -s "$work/second" ] || fail "a repeat changed something: $(cat "$work/second")"

if [ -f services.toml ]; then
    echo '# edited' >>"$root/etc/reeve/services.toml"
    scripts/install.sh >"$work/third"
    tail -n 1 "$root/etc/reeve/services.toml" | grep -q '^# edited' || fail "an edited services.toml was overwritten"
    [ -f "$root/etc/reeve/services.toml.dist" ] || fail "the new services.toml is not beside the edited one"
fi

if scripts/install.sh --unknown 2>/dev/null; then fail "an unknown argument was accepted"; fi
if BINARY=$work/nothing scripts/install.sh 2>/dev/null; then fail "a missing binary was accepted"; fi

scripts/install.sh --uninstall >/dev/null
[ ! -e "$root/opt/reeve/bin/reeve" ] && [ ! -e "$root/etc/systemd/system/reeve.service" ] || fail "uninstall left files"
left=$(find "$root" -type f ! -path "$root/etc/reeve/*")
[ -z "$left" ] || fail "uninstall left $left"
[ -d "$root/etc/reeve" ] && [ -d "$root/var/lib/reeve" ] || fail "uninstall removed configuration or data"
echo "install: ok"
