#!/bin/bash
# The guide: a file of 600 lines, a header of 120, a function of 60, a cyclomatic complexity of 15 (a
# switch counts once). Tests are left out.
source "$(dirname "$0")/common.sh"
long_files() {
    local file limit lines
    for file in $(files '*.c' '*.h' '*.bats' '*.bash' '*.sh' | grep -v '^tests/'); do
        limit=600
        [[ $file != *.h ]] || limit=120
        lines=$(wc -l <"$file")
        [ "$lines" -le "$limit" ] || printf '%s has %d lines, more than %d\n' "$file" "$lines" "$limit"
    done
}
long_functions() {
    files '*.c' | grep -v '^tests/' | xargs pmccabe | awk -F'\t' '
        $5 > 60 { print $6 " has " $5 " lines, more than 60" }
        $1 > 15 { print $6 " has a complexity of " $1 ", more than 15" }'
}
found=$(long_files)
if command -v pmccabe >/dev/null; then
    found+=$'\n'$(long_functions)
fi
verdict "too large" "$(grep . <<<"$found" || true)"
