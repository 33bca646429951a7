#!/usr/bin/env bats
# Bases from a distribution's archive. Here a stand-in writes what mmdebstrap would, so that this
# takes no minute; scripts/quickstart and tests/parity/run use the real one.
load helpers

setup() {
    common_setup
    require_root
    mkdir bin
    PATH=$PWD/bin:$PATH
}

stand_in() {
    printf '#!/bin/sh\n%s\n' "$1" >bin/mmdebstrap
    chmod 755 bin/mmdebstrap
}

@test "a bootstrapped base is its suite's root, with an empty /dev for steps to mount on" {
    stand_in "echo working >&2; exec tar --delete -f - ./dev <'$(tiny_root_tar)'"
    run_ok "$IMGBUILD" bootstrap --suite bookworm --tag debian:bookworm
    "$SOURCE_ROOT/tests/parity/image_list.py" files "$STORE/oci" >list
    grep -qx '/dev d 0755 0:0' list
    grep -q '^/bin/busybox f 0755 0:0 ' list
    mkdir context
    printf 'FROM debian:bookworm\nRUN test -c /dev/null && echo x > /x\n' >context/Dockerfile
    run_ok "$IMGBUILD" -q -t made context
}

@test "a bootstrap that fails tells the end of mmdebstrap's output, and leaves no image" {
    stand_in 'echo "E: no such suite" >&2; exit 25'
    run_exit 1 "$IMGBUILD" bootstrap --suite nonesuch --tag debian:nonesuch
    assert_stderr_contains 'E: no such suite'
    [ ! -e "$STORE/oci/index.json" ] || assert_equal "$(jq '.manifests | length' "$STORE/oci/index.json")" 0
}
