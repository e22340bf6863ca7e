#!/usr/bin/env bash
# Installs reeve for the system: binary, manual page, completions, documents, systemd unit, account, directories, the stack's
# files under /etc/reeve.
#   scripts/install.sh [--uninstall]        PREFIX (/usr/local), DESTDIR (empty) and BINARY (target/release/reeve)
# Repeating it changes nothing that is up to date; a file in /etc/reeve that was edited is kept. Uninstalling keeps the data
# in /var/lib/reeve and the configuration in /etc/reeve.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/files.sh

prefix=${PREFIX:-/usr/local}
dest=${DESTDIR:-}
binary=${BINARY:-${CARGO_TARGET_DIR:-target}/release/reeve}
# A package's files belong into /usr/lib; an administrator's into /etc and /usr/local/lib. This is the latter.
units=/etc/systemd/system
zsh=$prefix/share/zsh/site-functions
if [ "$prefix" = /usr ]; then units=/usr/lib/systemd/system; fi
# With DESTDIR the files are only laid down; the machine is not touched.
live() { [ -z "$dest" ] && [ -d /run/systemd/system ]; }

if [ "${1:-}" = --uninstall ]; then
    if live; then systemctl disable --now reeve.service 2>/dev/null || true; fi
    rm -f "$dest$prefix/bin/reeve" "$dest$units/reeve.service" "$dest/usr/lib/sysusers.d/reeve.conf" "$dest/usr/lib/tmpfiles.d/reeve.conf"
    rm -f "$dest$prefix/share/man/man1/reeve.1.gz" "$dest$prefix/share/bash-completion/completions/reeve" "$dest$zsh/_reeve"
    rm -f "$dest$prefix/share/fish/vendor_completions.d/reeve.fish"
    rm -rf "$dest$prefix/share/doc/reeve"
    if live; then systemctl daemon-reload; fi
    echo "uninstalled; kept: $dest/etc/reeve and $dest/var/lib/reeve"
    exit 0
elif [ $# -gt 0 ]; then
    echo "install.sh: unknown argument: $1" >&2
    exit 2
fi

[ -x "$binary" ] || { echo "install.sh: no binary at $binary; build it first: just build (the web application, then reeve with it)" >&2; exit 1; }
# Beside the installed services.toml there is no web/: only the binary can bring the application. Its page says what else to do.
if ! grep -qa 'assets/index-' "$binary"; then
    echo "install.sh: warning: $binary was built without the web application; REEVE_EMBED_WEB=1 cargo build --release, after npm run build in web/, takes it in" >&2
fi
if [ -z "$dest" ] && [ "$(id -u)" != 0 ]; then
    echo "install.sh: installing for the system needs root; or set DESTDIR" >&2
    exit 8
fi

# Unchanged files keep their times; a changed one is put beside and renamed, so that a running reeve is not torn.
put() { # mode source target
    mkdir -p "$(dirname "$3")"
    if cmp -s "$2" "$3"; then chmod "$1" "$3"; return; fi
    install -m "$1" "$2" "$3.new"
    mv -f "$3.new" "$3"
    echo "installed $3"
}

# Configuration: the stack and the files it names. What an administrator has edited stays, the new one lies beside it.
configure() { # mode source target
    if [ -e "$3" ] && ! cmp -s "$2" "$3"; then
        put "$1" "$2" "$3.dist"
        echo "kept $3; the one of this version is $3.dist"
    else
        put "$1" "$2" "$3"
        rm -f "$3.dist"
    fi
}

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
files "$binary" "$made" "$prefix" "$units" "$zsh" >"$made/files"
while IFS=$'\t' read -r kind mode source target; do
    if [ "$kind" = config ]; then configure "$mode" "$source" "$dest$target"; else put "$mode" "$source" "$dest$target"; fi
done <"$made/files"
mkdir -p "$dest/etc/reeve" "$dest/var/lib/reeve"
chmod 711 "$dest/var/lib/reeve"

if [ -z "$dest" ]; then
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers /usr/lib/sysusers.d/reeve.conf
    elif ! getent passwd reeve >/dev/null; then
        useradd --system --home-dir /var/lib/reeve --shell /usr/sbin/nologin reeve
    fi
    if command -v systemd-tmpfiles >/dev/null; then systemd-tmpfiles --create /usr/lib/tmpfiles.d/reeve.conf; fi
fi
if live; then
    systemctl daemon-reload
    echo "start it, now and at boot: systemctl enable --now reeve"
fi
