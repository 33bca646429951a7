#!/bin/bash
# Sources are formatted by clang-format 14; other releases would do it a little otherwise.
source "$(dirname "$0")/common.sh"
for formatter in clang-format-14 clang-format; do
    version=$("$formatter" --version 2>/dev/null | sed 's/.*version \([0-9]*\).*/\1/') || true
    [ "$version" != 14 ] || break
done
[ "$version" = 14 ] || skip "needs clang-format 14"
mapfile -t sources < <(files '*.c' '*.h' | grep -v '^tests/fixtures/')
"$formatter" --dry-run -Werror "${sources[@]}" 2>&1 | grep -E ': error:' | cut -d: -f1 | sort -u >"$1/format.txt" || true
verdict "not formatted (clang-format -i FILE)" "$(cat "$1/format.txt")"
