#!/bin/bash
# Every test that a page in docs/ names as a proof is there.
source "$(dirname "$0")/common.sh"
names() {
    # shellcheck disable=SC2016 # the backquotes are the pages' own
    grep -hoE '`[a-z0-9]+(_[a-z0-9]+){2,}`' docs/registries.md | tr -d '`' | sort -u
}
found=$(names | while read -r name; do
    grep -rqE "void $name\(void \*\*" tests/unit || printf '%s\n' "$name"
done)
verdict "docs/registries.md names tests that are not there" "$found"
