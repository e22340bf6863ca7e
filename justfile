# `just` alone lists what there is. Every recipe is one plain command that can be typed without just.

default:
    @just --list

# The web application first: it becomes part of the binary.
build: web
    REEVE_EMBED_WEB=1 cargo build --release --locked

web:
    cd web && npm ci --no-audit --no-fund
    cd web && npm run build

# What CI runs before the tests.
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    scripts/check-unit.sh
    scripts/check-install.sh
    scripts/check-flake.sh

test:
    cargo test

# The documents as a site in target/book; `cargo install mdbook` if it is missing.
book:
    mdbook build

# Writes the pages that are made from the program.
docs:
    UPDATE_DOCS=1 cargo test --test it docs::reference

# A Debian package in target/debian.
deb:
    scripts/deb.sh

# Takes the package of a release through installation, upgrade, removal and purge in a clean root.
check-deb: build
    scripts/check-deb.sh "${CARGO_TARGET_DIR:-target}/release/reeve"

# Ratios against bare loops and other supervisors found here, written to docs/benchmarks.md.
bench:
    cargo bench --bench children
    cargo bench --bench logs
    cargo bench --bench stack
    cargo bench --bench backend
    cargo bench --bench governance
    cargo bench --bench proxy

# Binary, unit, account and configuration; PREFIX and DESTDIR are honoured.
install: build
    scripts/install.sh

# Keeps /etc/reeve and /var/lib/reeve.
uninstall:
    scripts/install.sh --uninstall
