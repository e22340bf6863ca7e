#!/usr/bin/env bash
# Installs reeve for the system: binary, systemd unit, account, directories, the stack's files under /etc/reeve.
#   scripts/install.sh [--uninstall]        PREFIX (/usr/local), DESTDIR (empty) and BINARY (target/release/reeve)
# Repeating it changes nothing that is up to date; a services.toml that was edited is kept. Uninstalling keeps the data
# in /var/lib/reeve and the configuration in /etc/reeve.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=${PREFIX:-/usr/local}
dest=${DESTDIR:-}
binary=${BINARY:-${CARGO_TARGET_DIR:-target}/release/reeve}
units=$dest/usr/lib/systemd/system
# A package's files belong into /usr/lib; an administrator's into /etc and /usr/local/lib. This is the latter.
[ "$prefix" = /usr ] || units=$dest/etc/systemd/system
sysusers=$dest/usr/lib/sysusers.d/reeve.conf
tmpfiles=$dest/usr/lib/tmpfiles.d/reeve.conf
# With DESTDIR the files are only laid down; the machine is not touched.
live() { [ -z "$dest" ] && [ -d /run/systemd/system ]; }

if [ "${1:-}" = --uninstall ]; then
    if live; then systemctl disable --now reeve.service 2>/dev/null || true; fi
    rm -f "$dest$prefix/bin/reeve" "$units/reeve.service" "$sysusers" "$tmpfiles"
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

put 755 "$binary" "$dest$prefix/bin/reeve"
unit=$(mktemp)
trap 'rm -f "$unit"' EXIT
sed "s|^ExecStart=/usr/local/bin/reeve |ExecStart=$prefix/bin/reeve |" systemd/reeve.service >"$unit"
put 644 "$unit" "$units/reeve.service"
put 644 systemd/reeve.sysusers "$sysusers"
put 644 systemd/reeve.tmpfiles "$tmpfiles"

# Configuration: the stack and the files it names. What an administrator has edited stays, the new one lies beside it.
configure() { # source target
    if [ -e "$2" ] && ! cmp -s "$1" "$2"; then
        put 644 "$1" "$2.dist"
        echo "kept $2; the one of this version is $2.dist"
    else
        put 644 "$1" "$2"
        rm -f "$2.dist"
    fi
}
for file in services.toml; do
    [ -f "$file" ] && configure "$file" "$dest/etc/reeve/$file"
done
if [ -d config ]; then
    while IFS= read -r -d '' file; do configure "$file" "$dest/etc/reeve/$file"; done < <(find config -type f -print0 | sort -z)
fi
mkdir -p "$dest/etc/reeve" "$dest/var/lib/reeve"
chmod 711 "$dest/var/lib/reeve"

if [ -z "$dest" ]; then
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers "$sysusers"
    elif ! getent passwd reeve >/dev/null; then
        useradd --system --home-dir /var/lib/reeve --shell /usr/sbin/nologin reeve
    fi
    if command -v systemd-tmpfiles >/dev/null; then systemd-tmpfiles --create "$tmpfiles"; fi
fi
if live; then
    systemctl daemon-reload
    echo "start it, now and at boot: systemctl enable --now reeve"
fi
