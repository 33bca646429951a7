# shellcheck shell=bash
# shellcheck disable=SC2015 # the last of A && B || C is to run where either fails
# Comparing our image with a peer's, but for what the table `differences` names.

PARITY_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# _named PEER WHAT: the table's patterns for it, one a line.
_named() {
    awk -F '\t' -v peer="$1" -v what="$2" '!/^#/ && ($1 == "any" || $1 == peer) && $2 == what {
        print $3 }' "$PARITY_DIR/differences"
}

_joined() { # PEER WHAT: as one extended regular expression, or one that matches nothing
    _named "$1" "$2" | paste -s -d '|' | sed 's/^$/^$/'
}

# parity_files PEER LAYOUT [TAG]: the image's files without what may differ.
parity_files() {
    local peer=$1
    shift
    CONTENT=$(_joined "$peer" content) ABSENT=$(_joined "$peer" path) \
        "$PARITY_DIR/image_list.py" files "$@" | awk '
        $1 ~ ENVIRON["ABSENT"] { next }
        $1 ~ ENVIRON["CONTENT"] { sub(/ [0-9a-f]+$/, "") }
        { print }'
}

# parity_config PEER LAYOUT [TAG]: the image's config without what may differ.
parity_config() {
    local peer=$1
    shift
    "$PARITY_DIR/image_list.py" config "$@" | jq -S "$(_named "$peer" config | paste -s -d '|')"
}

# parity_compare PEER OURS THEIRS: print how the images differ; succeeds where they don't.
parity_compare() {
    local code=0 what ours theirs
    for what in files config; do
        ours=$("parity_$what" "$1" "$2") && theirs=$("parity_$what" "$1" "$3") || return 2
        diff -u --label "$1's $what" --label "our $what" <(echo "$theirs") <(echo "$ours") || code=1
    done
    return $code
}
