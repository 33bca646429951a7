#!/usr/bin/env bats
# Images that are each broken in one way: each is caught by the check that should, and by no other.

load helpers
load verify

setup_file() {
    # one store for all: the base is unpacked once
    BROKEN_STORE=$BATS_FILE_TMPDIR/store
    export BROKEN_STORE
    mkdir -p "$BROKEN_STORE"
}

setup() {
    common_setup
    require_root
    require_program jq python3
}

# broken_layout: the layout, made once; $cases: its cases.
broken_layout() {
    local layout=$BATS_FILE_TMPDIR/layout
    if [ ! -e "$layout/index.json" ]; then
        rm -rf "$layout"
        python3 "$HELPERS_DIR/broken_images.py" "$(tiny_root_tar)" "$layout" >"$BATS_FILE_TMPDIR/cases"
    fi
    cases=$BATS_FILE_TMPDIR/cases
    cp "$layout/checks.yaml" checks.yaml
}

# failures REPORT: the names of the checks that did not pass.
failures() {
    jq -r '[.images[0].checks[] | select(.verdict != "passed") | .name] | join(", ")' "$1"
}

# each [OPTION…]: verify every image; "TAG: wanted … found …" of those that go wrong.
each() {
    local tag wanted found
    while IFS=$'\t' read -r tag wanted _; do
        "$IMGVERIFY" --root "$BROKEN_STORE" -q --prod --config checks.yaml -o json=report.json "$@" \
            "oci:$BATS_FILE_TMPDIR/layout:$tag" >/dev/null 2>stderr || true
        found=$(failures report.json 2>/dev/null) || found="no report: $(cat stderr)"
        [ "$found" = "${wanted/#-/}" ] || printf '%s: wanted “%s”, found “%s”\n  %s\n' "$tag" "$wanted" \
            "$found" "$(jq -r '.images[0].checks[] | select(.verdict != "passed") | .detail' report.json | head -3)"
        rm -f report.json
    done <"$cases"
}

@test "each of more than fifty broken images is caught by the check that should, and by no other" {
    broken_layout
    [ "$(wc -l <"$cases")" -gt 50 ]
    grep -P '\tall$' "$cases" >all-cases
    cases=all-cases
    each >wrong
    [ ! -s wrong ] || fail "$(cat wrong)"
}

@test "from the layers' streams alone the same is caught, but for what must run" {
    broken_layout
    grep -vE $'\t(job|job writes|serve)\t' "$cases" >static-cases
    cases=static-cases
    each --static --skip 'job*' --skip serve >wrong
    [ ! -s wrong ] || fail "$(cat wrong)"
}

@test "what is wrong names the file's layer and instruction" {
    broken_layout
    verify 1 --root "$BROKEN_STORE" --prod "oci:$BATS_FILE_TMPDIR/layout:key-hidden"
    assert_json '[.images[0].checks[] | select(.blame)] | length == 1'
    assert_json '.images[0].checks[] | select(.blame) | .blame[0] |
        .path == "/root/key" and .layer == 3 and .instruction == "RUN make layer 3"'
    [[ $(verdict "no secret is in a layer") == "failed: /root/key holds a private key in layer 3, where layer 4 only hides it" ]]
}
