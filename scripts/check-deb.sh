#!/usr/bin/env bash
# Builds the Debian package of a program and takes it through its life in a clean root: installed, upgraded, removed, purged, by the
# real dpkg with the dependencies it asks for, maintainer scripts in a chroot.
#   scripts/check-deb.sh BINARY
# The root is made from the files of this machine's own packages, only those that the package depends on and what dpkg needs: so it
# proves that these are enough, and not that every release of Debian has them. Nothing is booted: systemd is asked about the unit.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:?the program to package}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "check-deb: $1" >&2; exit 1; }
skip() { echo "-- skipped: $1"; }

build() { scripts/deb.sh --binary "$binary" --out "$work/out" --compress none "$@" 2>"$work/said" || { cat "$work/said" >&2; fail "not built"; }; }
package=$(build)
grep '^-- skipped' "$work/said" || true
if scripts/deb.sh --unknown 2>/dev/null; then fail "an unknown argument was accepted"; fi
if scripts/deb.sh --binary "$work/nothing" 2>/dev/null; then fail "a missing program was accepted"; fi

# What is in it. Every file of the list that install.sh installs is, too; nothing belongs to anybody but root.
dpkg-deb -c "$package" >"$work/contents"
if grep -qv ' root/root ' "$work/contents"; then fail "files of others: $(grep -v ' root/root ' "$work/contents")"; fi
for file in usr/bin/reeve usr/lib/systemd/system/reeve.service usr/lib/sysusers.d/reeve.conf usr/lib/tmpfiles.d/reeve.conf \
    usr/share/man/man1/reeve.1.gz usr/share/bash-completion/completions/reeve usr/share/zsh/vendor-completions/_reeve \
    usr/share/fish/vendor_completions.d/reeve.fish usr/share/doc/reeve/copyright usr/share/doc/reeve/changelog.Debian.gz \
    usr/share/doc/reeve/README.md etc/reeve/services.toml; do
    grep -q " \./$file\$" "$work/contents" || fail "$file is not in the package"
done
dpkg-deb --info "$package" conffiles | sort >"$work/conffiles"
grep -o ' \./etc/.*[^/]$' "$work/contents" | sed 's/^ \.//' | sort | diff "$work/conffiles" - || fail "conffiles are not the files in /etc"

mkdir "$work/x"
dpkg-deb -x "$package" "$work/x"
bash -n "$work/x/usr/share/bash-completion/completions/reeve"
if command -v zsh >/dev/null; then zsh -n "$work/x/usr/share/zsh/vendor-completions/_reeve"; else skip "zsh is not installed"; fi
if command -v fish >/dev/null; then fish -n "$work/x/usr/share/fish/vendor_completions.d/reeve.fish"; else skip "fish is not installed"; fi
if command -v groff >/dev/null; then
    said=$(zcat "$work/x/usr/share/man/man1/reeve.1.gz" | groff -man -ww -z -Tutf8 2>&1) || true
    [ -z "$said" ] || fail "the manual page: $said"
else
    skip "groff is not installed"
fi
rm -r "$work/x"

if [ "$(id -u)" != 0 ]; then
    skip "installing in a clean root needs root"
    exit 0
fi

# A clean root: the packages that ours names, what those name, and what dpkg itself and maintainer scripts rely on (essential).
root=$work/root
declare -A taken=()
queue=(base-files base-passwd dpkg)
while IFS= read -r name; do queue+=("$name"); done < <(dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p')
clauses() { tr ',' '\n' | sed 's/([^)]*)//g; s/:any//g; s/\[[^]]*\]//g; s/ //g; /^$/d'; }
while IFS= read -r clause; do queue+=("$clause"); done < <(dpkg-deb -f "$package" Depends | clauses)
while [ ${#queue[@]} -gt 0 ]; do
    clause=${queue[0]}
    queue=("${queue[@]:1}")
    for name in ${clause//|/ }; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | head -c 9)" != installed ]; then continue; fi
        if [ -z "${taken[$name]:-}" ]; then
            taken[$name]=1
            while IFS= read -r next; do queue+=("$next"); done < <(dpkg-query -W -f '${Pre-Depends},${Depends}\n' "$name" | clauses)
        fi
        break
    done
done
# The directories that /bin and its kin are links to must be there before the links.
mkdir -p "$root"/{dev,etc,proc,tmp,usr/{bin,sbin,lib,lib64},var/lib/dpkg/{info,updates,triggers}}
dpkg -L "${!taken[@]}" 2>/dev/null | grep -Ev '^(/\.|diverted|.*/share/(doc|locale|man|info|lintian)/|package diverts|$)' | sed 's|^/||' | sort -u >"$work/list"
tar -C / --no-recursion --ignore-failed-read -cf - -T "$work/list" 2>/dev/null | tar -C "$root" --keep-directory-symlink -xf - 2>/dev/null || true
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
: >"$root/etc/shadow"
# What the maintainer scripts of those packages have written here, they have written on every Debian.
cp /etc/pam.d/common-* "$root/etc/pam.d/"
mknod -m 666 "$root/dev/null" c 1 3 2>/dev/null || : >"$root/dev/null"
for name in "${!taken[@]}"; do
    dpkg-query -s "$name" >>"$root/var/lib/dpkg/status"
    echo >>"$root/var/lib/dpkg/status"
    cp /var/lib/dpkg/info/"$name".list /var/lib/dpkg/info/"$name":*.list "$root/var/lib/dpkg/info/" 2>/dev/null || true
done
chroot "$root" /bin/true || fail "the clean root does not run"
[ ! -e "$root/usr/bin/node" ] && ! grep -q '^reeve:' "$root/etc/passwd" || fail "the root is not clean"
dpkg="dpkg --root=$root --log=$work/dpkg.log"

$dpkg --install "$package" >"$work/installed" 2>&1 || { cat "$work/installed" >&2; fail "not installed"; }
grep -q 'systemctl enable --now reeve' "$work/installed" || fail "it does not say how to start"
$dpkg --verify reeve | grep . && fail "files differ from the package's"
grep -q '^reeve:[^:]*:[0-9]*:[0-9]*:[^:]*:/var/lib/reeve:/usr/sbin/nologin$' "$root/etc/passwd" || fail "no account reeve: $(grep reeve "$root/etc/passwd")"
number=$(sed -n 's/^reeve:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/passwd")
[ "$number" -ge 100 ] && [ "$number" -lt 1000 ] || fail "the account's number is $number"
while read -r mode file; do
    [ "$(stat -c '%a %u %g' "$root$file")" = "$mode 0 0" ] || fail "$file is $(stat -c '%a %u %g' "$root$file"), not $mode 0 0"
done <<'END'
755 /usr/bin/reeve
644 /usr/lib/systemd/system/reeve.service
644 /etc/reeve/services.toml
755 /etc/reeve
711 /var/lib/reeve
END
[ "$(chroot "$root" /usr/bin/reeve --version)" = "reeve $(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)" ] || fail "the program does not run"
chroot "$root" /usr/bin/reeve config --check --file /etc/reeve/services.toml >/dev/null || fail "the stack is invalid"
if command -v systemd-analyze >/dev/null; then
    grep -q '^ExecStart=/usr/bin/reeve up ' "$root/usr/lib/systemd/system/reeve.service" || fail "the unit names another program"
    said=$(systemd-analyze verify --man=no --recursive-errors=no --root="$root" reeve.service 2>&1) || fail "the unit: $said"
    [ -z "$said" ] || fail "the unit: $said"
else
    skip "systemd-analyze is not installed"
fi

# An upgrade keeps what was edited; a removal what was edited and the data.
echo '# edited' >>"$root/etc/reeve/services.toml"
mkdir -p "$root/var/lib/reeve/volumes/postgres"
dpkg-deb -R "$package" "$work/newer"
sed -i 's/^Version: .*/Version: 999.0/' "$work/newer/DEBIAN/control"
echo '# new' | tee -a "$work/newer/etc/reeve/services.toml" >>"$work/newer/etc/reeve/config/redis/redis.conf"
newer=$work/newer.deb
dpkg-deb --root-owner-group -Znone --build "$work/newer" "$newer" >/dev/null
rm -r "$work/newer"
$dpkg --force-confdef --force-confold --install "$newer" >"$work/upgraded" 2>&1 || { cat "$work/upgraded" >&2; fail "not upgraded"; }
[ "$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Version}' reeve)" = 999.0 ] || fail "the version is the old one"
[ "$(tail -n 1 "$root/etc/reeve/services.toml")" = '# edited' ] || fail "an upgrade overwrote the stack"
[ "$(tail -n 1 "$root/etc/reeve/services.toml.dpkg-dist")" = '# new' ] || fail "the new stack is not beside the edited one"
[ "$(tail -n 1 "$root/etc/reeve/config/redis/redis.conf")" = '# new' ] || fail "a file that nobody edited was not renewed"
$dpkg --remove reeve >"$work/removed" 2>&1 || { cat "$work/removed" >&2; fail "not removed"; }
[ ! -e "$root/usr/bin/reeve" ] && [ ! -e "$root/usr/lib/systemd/system/reeve.service" ] || fail "a removal left the program"
[ -e "$root/etc/reeve/services.toml" ] && [ -d "$root/var/lib/reeve/volumes/postgres" ] || fail "a removal took configuration or data"
grep -q 'reeve: kept: ' "$work/removed" || fail "a removal does not say what it keeps"
$dpkg --force-confdef --force-confold --install "$newer" >"$work/again" 2>&1 || { cat "$work/again" >&2; fail "not installed again"; }
[ -d "$root/var/lib/reeve/volumes/postgres" ] || fail "the data is gone"
$dpkg --purge reeve >"$work/purged" 2>&1 || { cat "$work/purged" >&2; fail "not purged"; }
grep -q 'deleting /var/lib/reeve' "$work/purged" || fail "a purge does not say that it deletes the data"
for place in /etc/reeve /var/lib/reeve /usr/share/doc/reeve; do [ ! -e "$root$place" ] || fail "a purge left $place"; done
grep -q "^reeve:[^:]*:$number:" "$root/etc/passwd" || fail "a purge removed the account"
echo "deb: ok ($(du -h "$package" | cut -f 1), ${#taken[@]} packages in the clean root)"
