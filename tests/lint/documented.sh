#!/bin/bash
# Headers say what they are for at their top, and every function that they declare stands under (or
# beside) a comment: declarations without a blank line between them share one. What is named _free,
# _release or _at (the clean-up attributes) says itself what it does.
source "$(dirname "$0")/common.sh"
# shellcheck disable=SC2016 # awk's own dollars
found=$(files '*.h' | grep -v '^tests/' | xargs awk '
    function done() {
        if (prototype && !comment) print where " is not explained"
        prototype = comment = 0
    }
    FNR == 1 { done(); if ($0 !~ /^\/\*/) print FILENAME ":1 does not say what the file is for" }
    /^[ \t]*$/ { done(); next }
    /\/\*/ { comment = 1 }
    /^[a-z].*[a-z_0-9]\(.*/ && !/_(free|release|at)\(/ && !/^(typedef|static inline|enum|struct [a-z_]* \{)/ && !prototype {
        prototype = 1
        where = FILENAME ":" FNR ": " $0
    }')
verdict "no comment" "$found"
