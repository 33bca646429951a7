#!/usr/bin/env bats
# Joining what separate runners pushed: imgbuild index.
load helpers

setup() {
    common_setup
    start_registry
}

# push_platform PLATFORM NAME: one of the platforms of the tiny index, as a runner would push it.
push_platform() {
    mkdir -p context
    printf 'FROM base\nCOPY Dockerfile /\n' >context/Dockerfile
    run_ok "$IMGBUILD" -q --platform "$1" --push -t "$REGISTRY/$2" \
        --annotation org.opencontainers.image.description=Tiny --annotation "built.for=$1" \
        --build-context "base=oci-layout://$(platforms_layout):latest" context
}

manifest() {
    "$IMGBUILD" inspect --raw "$REGISTRY/$1"
}

@test "images pushed apart become one index, with nothing sent or compressed anew" {
    require_root
    push_platform linux/amd64 o/n:1-amd64
    push_platform linux/arm64 o/n:1-arm64
    push_platform linux/arm/v7 other/place:7
    cp "$REGISTRY_DIR/log" before
    run_ok "$IMGBUILD" index "$REGISTRY/o/n:1" -t latest --annotation by=test \
        --platform linux/amd64,linux/arm64,linux/arm/v7 --from "$REGISTRY/o/n:1-amd64" \
        --from "$REGISTRY/o/n:1-arm64" --from "$REGISTRY/other/place:7"
    assert_output_contains "$REGISTRY/o/n@sha256:"
    manifest o/n:1 >index
    assert_equal "$(sha256sum <index | cut -d' ' -f1)" "${output##*sha256:}"
    assert_equal "$(jq -r '.manifests[].platform | "\(.architecture)\(.variant // "")"' index |
        paste -sd' ')" 'amd64 arm64 armv7'
    assert_equal "$(jq -r '.manifests[0].digest' index)" \
        "sha256:$(manifest o/n:1-amd64 | sha256sum | cut -d' ' -f1)"
    assert_equal "$(jq -r '.manifests[2].digest' index)" \
        "sha256:$(manifest other/place:7 | sha256sum | cut -d' ' -f1)"
    assert_equal "$(jq -c .annotations index)" \
        '{"org.opencontainers.image.description":"Tiny","by":"test"}'
    assert_equal "$(manifest o/n:latest)" "$(cat index)"
    # Blobs were there or were mounted: no upload got bytes.
    tail -n +"$(($(wc -l <before) + 1))" "$REGISTRY_DIR/log" >after
    grep -q 'mount=sha256' after
    ! grep -q 'http.request.method":"PATCH"' after
}

@test "an index is refused where a platform is missing, comes twice, or was not asked for" {
    require_root
    push_platform linux/amd64 o/n:1-amd64
    push_platform linux/arm64 o/n:1-arm64
    run_exit 3 "$IMGBUILD" index "$REGISTRY/o/n:1" --from "$REGISTRY/o/n:1-amd64" \
        --from "$REGISTRY/o/n:1-s390x"
    assert_stderr_contains 1-s390x
    run_exit 3 "$IMGBUILD" index "$REGISTRY/o/n:1" --from "$REGISTRY/o/n:1-amd64" \
        --platform linux/amd64,linux/arm64
    assert_stderr_contains 'none of the images is for linux/arm64'
    run_exit 3 "$IMGBUILD" index "$REGISTRY/o/n:1" --from "$REGISTRY/o/n:1-amd64" \
        --from "$REGISTRY/o/n:1-arm64" --platform linux/amd64
    assert_stderr_contains 'linux/arm64 was not asked for'
    run_exit 3 "$IMGBUILD" index "$REGISTRY/o/n:1" --from "$REGISTRY/o/n:1-amd64" \
        --from "$REGISTRY/o/n:1-amd64"
    assert_stderr_contains 'is for linux/amd64, as one before it is'
    run_exit 2 "$IMGBUILD" index "$REGISTRY/o/n:1"
    run_exit 3 "$IMGBUILD" inspect "$REGISTRY/o/n:1"
}

@test "an index is refused where an image's programs are not for the architecture it claims" {
    make_layout liar "$(tiny_root_tar)" '.architecture = "arm64"'
    mkdir empty
    tar -C empty -cf empty.tar .
    make_layout empty-arm64 empty.tar '.architecture = "arm64"'
    run_exit 3 "$IMGBUILD" index "$REGISTRY/o/n:1" --from "oci:$(tiny_layout):latest" \
        --from "oci:$PWD/liar:latest"
    assert_stderr_contains 'claims to be for linux/arm64, but its programs are for amd64: /bin/busybox'
    run_exit 3 "$IMGBUILD" inspect "$REGISTRY/o/n:1"
    # Where there is no program, nothing contradicts.
    run_ok "$IMGBUILD" index "$REGISTRY/o/n:1" --from "oci:$(tiny_layout):latest" \
        --from "oci:$PWD/empty-arm64:latest"
    run_exit 2 "$IMGBUILD" index "oci:$PWD/joined:1" --from "$REGISTRY/o/n:1"
}
