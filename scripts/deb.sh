#!/usr/bin/env bash
# Builds a Debian package with dpkg-deb alone. dpkg-shlibdeps, strip, cargo and lintian are used where they are.
#   scripts/deb.sh [--binary PATH] [--out DIR] [--version VERSION] [--compress TYPE] [--keep-symbols]
# Without --binary a release is built. The package's name is printed on standard output, everything else on standard error.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/files.sh

usage() { sed -n '2,4s/^# \{0,1\}//p' "$0"; }
fail() { echo "deb.sh: $1" >&2; exit "${2:-1}"; }
target=${CARGO_TARGET_DIR:-target}
binary= out=$target/debian compress=xz strip=1
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
while [ $# -gt 0 ]; do
    case $1 in
    --binary) binary=${2:?} && shift ;;
    --out) out=${2:?} && shift ;;
    --version) version=${2:?} && shift ;;
    --compress) compress=${2:?} && shift ;;
    --keep-symbols) strip= ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && fail "unknown argument: $1" 2 ;;
    esac
    shift
done
command -v dpkg-deb >/dev/null || fail "dpkg-deb is missing: install dpkg"
if [ -z "$binary" ]; then
    # The web application becomes part of the program.
    (cd web && npm ci --no-audit --no-fund && npm run build) >&2
    REEVE_EMBED_WEB=1 cargo build --release --locked >&2
    binary=$target/release/reeve
fi
[ -x "$binary" ] || fail "no program at $binary"
grep -qa 'assets/index-' "$binary" || echo "deb.sh: warning: $binary was built without the web application" >&2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
root=$work/root
mkdir -p "$root/DEBIAN" "$work/made"
architecture=$(dpkg --print-architecture)
# The same sources make the same package, to the byte.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH=$epoch
maintainer="STATUS compliance <statuscompliance@users.noreply.github.com>"

files "$binary" "$work/made" /usr /usr/lib/systemd/system /usr/share/zsh/vendor-completions >"$work/files"
while IFS=$'\t' read -r kind mode source target; do
    install -D -m "$mode" "$source" "$root$target"
    if [ "$kind" = config ]; then echo "$target" >>"$root/DEBIAN/conffiles"; fi
done <"$work/files"
if [ -n "$strip" ] && command -v strip >/dev/null; then strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/reeve"; fi
# Made by tmpfiles.d and the maintainer script, and owned by the package, so that dpkg knows whose it is.
install -d -m 711 "$root/var/lib/reeve"

doc=$root/usr/share/doc/reeve
install -m 644 scripts/deb/copyright "$doc/copyright"
gzip -9n >"$doc/changelog.Debian.gz" <<END
reeve ($version) unstable; urgency=medium

  * Version $version. What changed is in the history of the repository.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$epoch")
END
chmod 644 "$doc/changelog.Debian.gz"

# The libraries that are linked into the program, with their licences.
if command -v cargo >/dev/null && cargo tree --locked --offline -e normal --prefix none --format '{p}: {l}' >"$work/tree" 2>/dev/null; then
    sed 's/ (\*)$//; s/ (proc-macro)//; /^reeve v/d' "$work/tree" | sort -u >"$doc/libraries.txt"
    chmod 644 "$doc/libraries.txt"
else
    echo "deb.sh: without cargo and its sources the list of libraries is left out" >&2
fi

depends=libc6
if command -v dpkg-shlibdeps >/dev/null; then
    mkdir -p "$work/shlibs/debian"
    printf 'Source: reeve\n\nPackage: reeve\nArchitecture: any\nDescription: reeve\n' >"$work/shlibs/debian/control"
    found=$(cd "$work/shlibs" && dpkg-shlibdeps -O "$root/usr/bin/reeve" 2>"$work/shlibs/said") || fail "dpkg-shlibdeps: $(cat "$work/shlibs/said")"
    depends=${found#shlibs:Depends=}
else
    echo "deb.sh: without dpkg-shlibdeps (package dpkg-dev) only libc6 is named, in any version" >&2
fi
for script in postinst prerm postrm; do install -m 755 "scripts/deb/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f ! -path './etc/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
cat >"$root/DEBIAN/control" <<END
Package: reeve
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f 1)
Depends: $depends, adduser, init-system-helpers, procps
Recommends: ca-certificates, nodejs (>= 20), npm, python3-pip
Section: admin
Priority: optional
Homepage: https://github.com/statuscompliance/reeve
Description: supervisor that runs a stack of services as native processes
 reeve installs the binaries of a stack, makes its data directories, starts its
 services in order, checks their health, keeps them running, collects their logs
 and stops them cleanly. It comes with the STATUS compliance platform.
 .
 The first start fetches the databases and Node-RED through npm and pip.
END
chmod 644 "$root/DEBIAN/conffiles" "$root/DEBIAN/md5sums" "$root/DEBIAN/control"
mkdir -p "$out"
package=$out/reeve_${version}_$architecture.deb
dpkg-deb --root-owner-group -Z"$compress" --build "$root" "$package" >&2
if command -v lintian >/dev/null; then lintian --fail-on error "$package" >&2; else echo "-- skipped: lintian is not installed" >&2; fi
echo "$package"
