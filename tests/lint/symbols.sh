#!/bin/bash
# No global name of ours is one that a library we link exports: the loader would give the library
# ours in place of its own.
source "$(dirname "$0")/common.sh"
build=$1
ours=$(find "$build" -name 'lib*.a' -not -path '*/tests/*' -exec nm --defined-only -g {} + 2>/dev/null |
    awk 'NF == 3 && $2 ~ /[TDBR]/ {print $3}' | sort -u)
theirs=$(find "$build" -name 'lib*_wall.so' -exec ldd {} + | awk '$3 ~ /^\// {print $3}' | sort -u |
    grep -vE '_wall\.so|lib(asan|tsan|ubsan)' | xargs nm -D --defined-only |
    awk 'NF == 3 && $2 ~ /[TDBRVWi]/ {sub(/@.*/, "", $3); print $3}' | sort -u)
verdict "names of libraries" "$(comm -12 <(printf '%s\n' "$ours") <(printf '%s\n' "$theirs"))"
