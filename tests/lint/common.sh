# shellcheck shell=bash
# For every lint: the sources to look at, whether they come from a checkout or an archive.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# files PATTERN…: paths of our own files that match (as find's -name), without what is generated.
files() {
    local pattern names=()
    for pattern in "$@"; do
        names+=(-o -name "$pattern")
    done
    find . \( -path ./build -o -path './build-*' -o -path ./.git -o -path ./.quickstart \) -prune -o \
        -type f \( "${names[@]:1}" \) -print | sed 's,^\./,,' | sort
}

skip() {
    printf 'ok 1 # SKIP %s\n' "$*"
    exit 0
}

# End with what was found: nothing, or lines that say what is wrong.
verdict() { # MESSAGE FOUND
    [ -z "$2" ] || {
        printf '%s:\n%s\n' "$1" "$2"
        exit 1
    }
}
