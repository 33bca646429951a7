#!/usr/bin/env bats
# Registries that are down, refuse, or give what is not what was asked for: one clear error with its
# place, the exit code of its kind, nothing half-written, and a store that the next run uses.
load helpers
load build
load fault

setup() {
    common_setup
    require_root
}

teardown() {
    assert_store_clean
    common_teardown
}

# from REF: a Dockerfile of one step on that base.
from() {
    mkdir -p context
    printf '# a base\nFROM %s\nRUN echo x > /x\n' "$1" >context/Dockerfile
}

# build_from CODE [OPTION…]: build it, wanting this exit code; and where it fails one error, at FROM.
build_from() {
    local code=$1
    shift
    run_exit "$code" "$IMGBUILD" --output type=oci,dest=image.tar "$@" -f context/Dockerfile context
    [ "$code" -ne 0 ] || return 0
    assert_equal "$output" ''
    assert_equal "$(grep -c '^error:' <<<"$stderr")" 1
    assert_stderr_contains 'context/Dockerfile:2: '
    assert_stderr_contains '    | FROM '
    assert_stderr_contains 'hint: '
    [ ! -e image.tar ] || fail 'an image was written'
}

# A layer's digest in the tiny base.
base_layer() {
    local layout
    layout=$(tiny_layout)
    jq -r '.layers[0].digest' "$layout/blobs/$(jq -r '.manifests[0].digest | sub(":"; "/")' \
        "$layout/index.json")"
}

@test "a base that its registry doesn't have is named, with the place of FROM" {
    start_registry
    registry_put "$(tiny_layout)" base 1
    from "$REGISTRY/base:2"
    build_from 3
    assert_stderr_contains "$REGISTRY/base:2"
    from "$REGISTRY/bse:1"
    build_from 3
    assert_stderr_contains "$REGISTRY/bse:1"
    from "$REGISTRY/base:1"
    build_from 0
}

@test "a base for another architecture says which it is for and which is wanted" {
    start_registry
    make_layout "$BATS_TEST_TMPDIR/arm" "$(tiny_root_tar)" '.architecture = "arm64"'
    registry_put "$BATS_TEST_TMPDIR/arm" base arm
    from "$REGISTRY/base:arm"
    build_from 3
    assert_stderr_contains 'linux/arm64, where linux/amd64 is wanted'
}

@test "a registry that is down is a network error that names its host" {
    start_registry
    stop_registry "$REGISTRY_PID"
    from "$REGISTRY/base:1"
    build_from 4
    assert_stderr_contains "$REGISTRY"
    run_exit 4 "$IMGBUILD" copy "oci:$(tiny_layout):latest" "$REGISTRY/base:1"
    run_exit 4 "$IMGBUILD" pull "$REGISTRY/base:1"
    run_exit 4 "$IMGBUILD" inspect "$REGISTRY/base:1"
}

@test "a host without an address is a network error" {
    from nowhere.invalid/base:1
    build_from 4
    assert_stderr_contains nowhere.invalid
}

@test "credentials: none, wrong ones and right ones" {
    start_registry --auth
    registry_put "$(tiny_layout)" base 1
    from "$REGISTRY/base:1"
    build_from 5
    assert_stderr_contains 'imgbuild login'
    run_exit 5 "$IMGBUILD" login -u "$REGISTRY_USER" --password-stdin "$REGISTRY" <<<wrong-secret
    refute_stderr_contains wrong-secret
    [ ! -e "$DOCKER_CONFIG/config.json" ] || fail 'wrong credentials were kept'
    run_ok "$IMGBUILD" login --no-check -u "$REGISTRY_USER" --password-stdin "$REGISTRY" \
        <<<wrong-secret
    build_from 5
    refute_stderr_contains wrong-secret
    run_exit 5 "$IMGBUILD" copy "oci:$(tiny_layout):latest" "$REGISTRY/other:1"
    refute_stderr_contains wrong-secret
    run_ok "$IMGBUILD" login -u "$REGISTRY_USER" --password-stdin "$REGISTRY" \
        <<<"$REGISTRY_PASSWORD"
    build_from 0
    run_ok "$IMGBUILD" logout "$REGISTRY"
    run_exit 5 "$IMGBUILD" inspect "$REGISTRY/base:1"
}

@test "a layer with another content than its digest is refused, and fetched anew by the next run" {
    start_fault_registry
    registry_put "$(tiny_layout)" base 1
    fault "{\"method\": \"GET\", \"path\": \"/blobs/$(base_layer)\", \"corrupt\": true}"
    from "$REGISTRY/base:1"
    build_from 6
    assert_stderr_contains "$(base_layer)"
    no_faults
    build_from 0
}

@test "a config with another content than its digest is refused" {
    start_fault_registry
    registry_put "$(tiny_layout)" base 1
    fault "{\"method\": \"GET\", \"path\": \"/blobs/(?!$(base_layer))\", \"corrupt\": true}"
    from "$REGISTRY/base:1"
    build_from 6
}

@test "a manifest asked for by digest has that digest" {
    start_fault_registry
    registry_put "$(tiny_layout)" base 1
    fault '{"method": "GET", "path": "/manifests/", "corrupt": true}'
    from "$REGISTRY/base@$(jq -r '.manifests[0].digest' "$(tiny_layout)/index.json")"
    build_from 6
}

@test "a manifest sent under another digest than its own is refused" {
    start_fault_registry
    registry_put "$(tiny_layout)" base 1
    fault "{\"method\": \"GET\", \"path\": \"/manifests/\", \"digest\": \"$(base_layer)\"}"
    from "$REGISTRY/base:1"
    build_from 6
}

@test "a manifest that is no JSON is an error at FROM, with the manifest's line" {
    start_fault_registry
    registry_put "$(tiny_layout)" base 1
    fault '{"method": "GET", "path": "/manifests/", "status": 200, "body": "<html>", "headers": {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}}'
    from "$REGISTRY/base:1"
    build_from 3
}

@test "a layer that always ends too early fails, one that does so once is fetched on" {
    start_fault_registry
    registry_put "$(tiny_layout)" base 1
    fault "{\"method\": \"GET\", \"path\": \"/blobs/$(base_layer)\", \"truncate\": 1000}"
    from "$REGISTRY/base:1"
    build_from 6
    no_faults
    fault "{\"method\": \"GET\", \"path\": \"/blobs/$(base_layer)\", \"cut\": 1000, \"times\": 1}"
    build_from 0
    [ "$(fault_requests ".path | contains(\"$(base_layer)\")")" -ge 2 ]
}

@test "a layer whose content is not what the image's config says is refused" {
    start_registry
    make_layout "$BATS_TEST_TMPDIR/lying" "$(tiny_root_tar)" \
        '.rootfs.diff_ids[0] |= sub("[0-9a-f]{4}$"; "0000")'
    registry_put "$BATS_TEST_TMPDIR/lying" base 1
    from "$REGISTRY/base:1"
    build_from 6
    assert_stderr_contains "the image's config says"
}

@test "a layer that is no archive is bad input" {
    start_registry
    head -c 100000 /dev/urandom >noise
    make_layout "$BATS_TEST_TMPDIR/noise.oci" noise
    registry_put "$BATS_TEST_TMPDIR/noise.oci" base 1
    from "$REGISTRY/base:1"
    build_from 3
}

@test "a registry that is overloaded for a moment is asked again" {
    start_fault_registry
    registry_put "$(tiny_layout)" base 1
    fault '{"method": "GET", "path": "/blobs/", "status": 503, "times": 2}'
    from "$REGISTRY/base:1"
    build_from 0
}

@test "a push that the registry refuses leaves no tag, and the next one works" {
    start_fault_registry
    from base
    fault '{"method": "PUT", "path": "/blobs/uploads/", "status": 403}'
    run_exit 5 build_again -t "$REGISTRY/out:1" --push
    assert_stderr_contains "$REGISTRY/out"
    assert_equal "$(fault_requests '.method == "PUT" and (.path | contains("/manifests/"))')" 0
    no_faults
    run_ok build_again -t "$REGISTRY/out:1" --push
    assert_equal "$(registry_tags out)" 1
}

# interrupt_when JQ COMMAND…: run it, and press Ctrl-C once the registry has had such a request.
# A group of its own, as a terminal's foreground job is.
interrupt_when() {
    local when=$1 i pid
    shift
    set -m
    "$@" >out 2>err 3>&- 4>&- &
    pid=$!
    set +m
    for ((i = 0; i < 300; i++)); do
        [ "$(fault_requests "$when")" -eq 0 ] || break
        sleep 0.1
    done
    kill -INT -- "-$pid"
    status=0
    wait "$pid" || status=$?
    stderr=$(cat err)
    output=$(cat out)
    assert_exit 130
}

@test "Ctrl-C in mid-pull ends it with 130, and the next run pulls" {
    start_fault_registry
    registry_put "$(tiny_layout)" base 1
    fault "{\"method\": \"GET\", \"path\": \"/blobs/$(base_layer)\", \"cut\": 100000, \"stall\": 300}"
    from "$REGISTRY/base:1"
    interrupt_when ".path | contains(\"$(base_layer)\")" \
        "$IMGBUILD" --output type=oci,dest=image.tar -f context/Dockerfile context
    assert_stderr_contains interrupted
    [ ! -e image.tar ]
    assert_store_clean
    no_faults
    build_from 0
}

@test "Ctrl-C in mid-push ends it with 130 and tags nothing" {
    start_fault_registry
    from base
    fault '{"method": "PUT", "path": "/blobs/uploads/", "stall": 300}'
    interrupt_when '.method == "PUT"' build_again -t "$REGISTRY/out:1" --push
    assert_equal "$(registry_tags out 2>/dev/null)" ''
    assert_store_clean
    no_faults
    run_ok build_again -t "$REGISTRY/out:1" --push
    assert_equal "$(registry_tags out)" 1
}
