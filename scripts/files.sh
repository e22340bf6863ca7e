# shellcheck shell=bash
# The files of an installation, for install.sh and deb.sh alike; to be sourced, in the root of the repository.
#
#   files BINARY MADE PREFIX UNITS COMPLETIONS
#
# prints one line for each, `kind mode source target` with tabs between: BINARY is the program, MADE a directory for what is made
# by it, PREFIX /usr or /usr/local, UNITS the directory of systemd's units, COMPLETIONS that of zsh. The kind is `program` or
# `config`: what an administrator may have edited.
files() {
    local binary=$1 made=$2 prefix=$3 units=$4 zsh=$5 file
    "$binary" man >"$made/reeve.1"
    gzip -9nf "$made/reeve.1"
    for file in bash zsh fish; do "$binary" completions "$file" >"$made/$file"; done
    sed "s|^ExecStart=/usr/local/bin/reeve |ExecStart=$prefix/bin/reeve |" systemd/reeve.service >"$made/reeve.service"
    one() { printf '%s\t%s\t%s\t%s\n' "$@"; }
    one program 755 "$binary" "$prefix/bin/reeve"
    one program 644 "$made/reeve.service" "$units/reeve.service"
    one program 644 systemd/reeve.sysusers /usr/lib/sysusers.d/reeve.conf
    one program 644 systemd/reeve.tmpfiles /usr/lib/tmpfiles.d/reeve.conf
    one program 644 "$made/reeve.1.gz" "$prefix/share/man/man1/reeve.1.gz"
    one program 644 "$made/bash" "$prefix/share/bash-completion/completions/reeve"
    one program 644 "$made/zsh" "$zsh/_reeve"
    one program 644 "$made/fish" "$prefix/share/fish/vendor_completions.d/reeve.fish"
    while IFS= read -r -d '' file; do one program 644 "$file" "$prefix/share/doc/reeve/${file#docs/}"; done < <(find docs -type f -name '*.md' ! -name SUMMARY.md -print0 | sort -z)
    [ -f services.toml ] && one config 644 services.toml /etc/reeve/services.toml
    while IFS= read -r -d '' file; do one config 644 "$file" "/etc/reeve/$file"; done < <(find config -type f -print0 | sort -z)
}
