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
