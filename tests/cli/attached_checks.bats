#!/usr/bin/env bats
# Checks that travel with the image: attached in its registry, found there by imgverify.

load helpers
load build
load registry

setup() {
    common_setup
    require_root
    require_program jq curl
    mkdir -p images/thing context
    printf 'FROM base\nRUN echo built >/built\n' >images/thing/Dockerfile
    start_registry
    printf 'repository: %s/o/thing\ncontext: context\nchecks: checks.yaml\nvariants: {prod: {dockerfile: Dockerfile}}\n' \
        "$REGISTRY" >images/thing/image.yaml
    echo 'checks: [{name: was built, file: /built, contains: built}]' >images/thing/checks.yaml
    BASE=$(tiny_layout)
}

teardown() {
    stop_registries
    common_teardown
}

build() {
    "$IMGBUILD" thing --build-context base=oci-layout://"$BASE" --push "$@"
}

# The image's name by digest.
image() {
    echo "$REGISTRY/o/thing@$(jq -r '.["containerimage.digest"]' metadata.json)"
}

@test "--attach-checks: whoever has the image's name alone can verify it" {
    run_exit 0 build --attach-checks --metadata-file metadata.json
    name=$(image)
    mv images away
    run_exit 0 "$IMGVERIFY" "$name"
    [[ $output == *"was built"* ]]
    [[ $output == *"checks attached to "* ]]
    run_exit 0 "$IMGVERIFY" --list "$name"
    [[ $output == "was built"* ]]
    run_exit 2 "$IMGVERIFY" --only nothing "$name"
}

@test "without attached checks nor a definition: an error that says what to do" {
    run_exit 0 build --metadata-file metadata.json
    name=$(image)
    mv images away
    run_exit 3 "$IMGVERIFY" "$name"
    assert_stderr_contains "say --config FILE"
    run_exit 0 "$IMGBUILD" attach "$name" away/thing/checks.yaml
    run_exit 0 "$IMGVERIFY" "$name"
}

@test "attached checks reach nothing of the host" {
    run_exit 0 build --metadata-file metadata.json
    name=$(image)
    echo 'checks: [{name: takes, command: "cat /x", mounts: "/etc/hostname:/x"}]' >bad.yaml
    run_exit 0 "$IMGBUILD" attach "$name" bad.yaml
    mv images away
    run_exit 3 "$IMGVERIFY" "$name"
    assert_stderr_contains "shows files of the host"
}

@test "--attach-checks wants --push and checks" {
    run_exit 2 "$IMGBUILD" thing --attach-checks
    assert_stderr_contains "goes with --push"
    sed -i '/^checks/d' images/thing/image.yaml
    run_exit 2 build --attach-checks
    assert_stderr_contains "names no checks"
}
