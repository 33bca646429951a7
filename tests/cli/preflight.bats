#!/usr/bin/env bats
# What --push asks and refuses before it builds.

load helpers
load build
load registry
load fault
bats_require_minimum_version 1.5.0

setup() {
    common_setup
    require_root
    require_program jq curl
    mkdir context
    printf 'FROM base\nRUN echo built >/built\n' >context/Dockerfile
    BASE=$(tiny_layout)
}

teardown() {
    stop_registries
    common_teardown
}

# build ARGUMENT…: with --push.
build() {
    "$IMGBUILD" --build-context base=oci-layout://"$BASE" --push -f context/Dockerfile "$@" context
}

# built: true where a step was run.
built() {
    [[ $stderr == *"RUN echo built"* ]]
}

@test "a push that may not be is refused before the build, with what to do" {
    start_fault_registry
    fault '{"method": "POST", "path": "/blobs/uploads/", "status": 403,
            "body": "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"permission_denied: write_package\"}]}"}'
    run_exit 5 build -t "$REGISTRY/o/out:1"
    assert_stderr_contains "may we push to $REGISTRY/o/out?"
    assert_stderr_contains "permission_denied: write_package"
    ! built
}

@test "credentials that are missing or wrong are found before the build" {
    start_fault_registry --auth token
    run_exit 5 build -t "$REGISTRY/o/out:1"
    assert_stderr_contains "imgbuild login $REGISTRY"
    ! built
    mkdir docker
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf tester:wrong | base64)" >docker/config.json
    DOCKER_CONFIG=$PWD/docker run_exit 5 build -t "$REGISTRY/o/out:1"
    assert_stderr_contains "docker/config.json"
    ! built
}

@test "the question leaves no upload open, and each repository is asked once" {
    start_fault_registry
    run_exit 0 build -t "$REGISTRY/o/out:1" -t "$REGISTRY/o/out:2" -t "$REGISTRY/o/other:1"
    # asked, then given up: one DELETE for each
    assert_equal "$(fault_requests '.method == "DELETE" and (.path | contains("/o/out/blobs/uploads/"))')" 1
    assert_equal "$(fault_requests '.method == "DELETE" and (.path | contains("/o/other/blobs/uploads/"))')" 1
    built
}

@test "a registry that nobody answers for is found before the build" {
    run_exit 4 build -t "127.0.0.1:1/o/out:1"
    ! built
}

@test "names in upper case are refused with the fix" {
    run_exit 2 build -t "127.0.0.1:1/Owner/Out:1"
    assert_stderr_contains "lower case"
    ! built
}

# ---- a fork's pull request ----

@test "a fork's pull request gets an archive, and the command that would push it" {
    start_fault_registry
    printf '{"pull_request": {"head": {"repo": {"full_name": "them/p"}}, "base": {"repo": {"full_name": "us/p"}}}}' >event
    mkdir -p images/thing
    cp -r context/Dockerfile images/thing/Dockerfile
    printf 'repository: %s/o/thing\ncontext: context\nvariants: {prod: {dockerfile: Dockerfile}}\n' "$REGISTRY" >images/thing/image.yaml
    GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=$PWD/event GITHUB_REPOSITORY=us/p \
        run_exit 0 "$IMGBUILD" thing --build-context base=oci-layout://"$BASE" --push
    assert_stderr_contains "a pull request from a fork can't push: the image is in thing.oci.tar"
    assert_equal "$(fault_requests 'true')" 0
    command=$(sed -n 's/.*to push it: //p' <<<"$stderr" | head -n 1)
    [[ $command == "imgbuild copy oci-archive:thing.oci.tar $REGISTRY/o/thing:"* ]]
    run_exit 0 "$IMGBUILD" ${command#imgbuild }
    [ -n "$(registry_tags o/thing)" ]
}

# ---- build, verify, then promote ----

checked_image() {
    mkdir -p images/thing
    cp context/Dockerfile images/thing/Dockerfile
    printf 'repository: %s/o/thing\ncontext: context\nchecks: checks.yaml\nvariants: {prod: {dockerfile: Dockerfile}}\n' \
        "$REGISTRY" >images/thing/image.yaml
    printf 'checks: [{name: built, file: /built, contains: %s}]\n' "$1" >images/thing/checks.yaml
}

@test "--verify places the tags once the checks have passed, and not before" {
    start_fault_registry
    checked_image built
    run_exit 0 "$IMGBUILD" thing --build-context base=oci-layout://"$BASE" --push --verify
    assert_stderr_contains "1 check: 1 passed"
    [ -n "$(registry_tags o/thing)" ]
}

@test "--verify leaves the tags away where a check fails" {
    start_fault_registry
    checked_image other
    run_exit 1 "$IMGBUILD" thing --build-context base=oci-layout://"$BASE" --push --verify
    assert_stderr_contains "its checks failed"
    assert_stderr_contains "no tag names it"
    assert_equal "$(registry_tags o/thing 2>/dev/null)" ''
}

@test "--verify without --push is refused" {
    run_exit 2 "$IMGBUILD" --verify -f context/Dockerfile context
    assert_stderr_contains "--verify goes with --push"
}
