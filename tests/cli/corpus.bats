#!/usr/bin/env bats
# The corpus of Dockerfiles, each with what BuildKit makes of it: tests/fixtures/dockerfiles/README.md.
load helpers

setup() {
    common_setup
    require_root
    require_program python3 tar gzip bzip2 xz zstd busybox
    [ "$(uname -m)" = x86_64 ] || skip 'the corpus was recorded for amd64'
}

@test "every Dockerfile of the corpus gives the image, or the error, that is recorded" {
    run "$SOURCE_ROOT/tests/parity/corpus"
    printf '%s\n' "$output" | grep -v '^ok'
    [ "$status" -eq 0 ]
}
