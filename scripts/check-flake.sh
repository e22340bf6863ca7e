#!/usr/bin/env bash
# Evaluates flake.nix without a network, a store or a daemon: its outputs are applied to a stand-in for nixpkgs
# (tests/fixtures/nix), and what they must contain is asserted there.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
evaluate() { # flake
    HOME=$work nix-instantiate --store dummy:// --eval --strict --arg flakePath "$1" tests/fixtures/nix/evaluate.nix
}
nix-instantiate --store dummy:// --parse flake.nix >/dev/null
said=$(evaluate "$PWD/flake.nix")
[ "$said" = '"flake: ok"' ] || { echo "check-flake: $said" >&2; exit 1; }

# The check itself must be able to fail: a flake that forgets a part does.
mkdir "$work/bad"
cp -r Cargo.toml Cargo.lock "$work/bad/"
mkdir "$work/bad/web" && cp web/package.json web/package-lock.json "$work/bad/web/"
sed '/node-red = pkgs.node-red;/d' flake.nix >"$work/bad/flake.nix"
if evaluate "$work/bad/flake.nix" >/dev/null 2>&1; then
    echo "check-flake: a flake without Node-RED passed" >&2
    exit 1
fi
echo "flake: ok"
