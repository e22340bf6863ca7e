#!/usr/bin/env bash
# `systemd-analyze verify` on the unit, which must be silent. The unit names /usr/local/bin/reeve; so that a clean
# checkout can be checked without installing anything, the check runs on a copy that names an executable stand-in.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#!/bin/sh\n' >"$work/reeve"
chmod 755 "$work/reeve"
sed "s|^ExecStart=/usr/local/bin/reeve |ExecStart=$work/reeve |" systemd/reeve.service >"$work/reeve.service"
grep -q "^ExecStart=$work/reeve up " "$work/reeve.service" || { echo "check-unit: ExecStart is not as expected" >&2; exit 1; }
said=$(systemd-analyze verify --man=no --recursive-errors=no "$work/reeve.service" 2>&1) || { echo "$said" >&2; exit 1; }
[ -z "$said" ] || { echo "systemd-analyze verify is not silent:" >&2; echo "$said" >&2; exit 1; }
systemd-analyze security --offline=true --threshold=45 "$work/reeve.service" | tail -n 1
if command -v systemd-sysusers >/dev/null; then
    mkdir -p "$work/root/etc"
    said=$(systemd-sysusers --dry-run --root="$work/root" "$PWD/systemd/reeve.sysusers" 2>&1) || { echo "$said" >&2; exit 1; }
fi
if command -v systemd-tmpfiles >/dev/null; then
    mkdir -p "$work/root/etc"
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$work/root/etc/passwd"
    printf 'root:x:0:\n' >"$work/root/etc/group"
    systemd-tmpfiles --create --root="$work/root" "$PWD/systemd/reeve.tmpfiles"
    [ "$(stat -c %a "$work/root/var/lib/reeve")" = 711 ] || { echo "tmpfiles: /var/lib/reeve has the wrong mode" >&2; exit 1; }
fi
echo "unit: ok"
