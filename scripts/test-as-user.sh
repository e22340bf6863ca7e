#!/usr/bin/env bash
# Runs the binary-level tests once more as an unprivileged user, for whom other mechanisms hold (no cgroup to write to, no
# second account). Only root can do that; the binaries are copied to a place that the user can reach.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
    echo "-- skipped: the tests run as an unprivileged user already"
    exit 0
fi
executable() { # TARGET KIND: the path of what cargo built
    cargo test --no-run --message-format=json --test it 2>/dev/null |
        sed -n "s/.*\"name\":\"$1\".*\"executable\":\"\([^\"]*\)\".*/\1/p" | tail -1
}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cp "$(executable it)" "$place/it"
cp "$(executable reeve)" "$place/reeve"
mkdir "$place/home" "$place/tmp"
chown -R nobody "$place"
chmod 755 "$place"
# The real stack and what reads the source tree have been tested as root, in the same run.
skipped=()
for module in backend director docs governance governify grafana modes package proxy registry setup stack web; do
    skipped+=(--skip "$module::")
done
cd "$place"
setpriv --reuid "$(id -u nobody)" --regid "$(id -g nobody)" --clear-groups --inh-caps=-all \
    env -i PATH="$PATH" HOME="$place/home" TMPDIR="$place/tmp" RUST_BACKTRACE=0 TEST_REEVE_BINARY="$place/reeve" \
    "$place/it" "${skipped[@]}" "$@"
