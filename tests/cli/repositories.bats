#!/usr/bin/env bats
# What is in registries and layouts, looked at and changed without building: copy, inspect, tags,
# attach, delete.
load helpers
load build
load fault

digest_of_layout() {
    jq -r '.manifests[0].digest' "$1/index.json"
}

@test "copy takes an image through every transport and back without another byte" {
    start_registry
    local layout digest place from
    layout=$(tiny_layout)
    digest=$(digest_of_layout "$layout")
    from=oci:$layout:latest
    for place in "$REGISTRY/a/b:1" "oci:$PWD/copy:x" "docker://$REGISTRY/c:2" \
        "oci-archive:$PWD/copy.tar:y" "$REGISTRY/d:3"; do
        run_ok "$IMGBUILD" copy "$from" "$place"
        assert_equal "$output" "$digest"
        from=$place
    done
    # Docker's archives hold the layers as they are unpacked: the image is the same, its manifest not.
    run_ok "$IMGBUILD" copy "$from" "docker-archive:$PWD/docker.tar:a/b:1"
    assert_equal "$("$IMGBUILD" inspect --format '{{json .config}}' "docker-archive:$PWD/docker.tar")" \
        "$("$IMGBUILD" inspect --format '{{json .config}}' "$REGISTRY/d:3")"
}

@test "copy takes all platforms of an index, and between two registries" {
    local first layout digest
    start_registry
    first=$REGISTRY
    start_registry
    layout=$(platforms_layout)
    digest=$(digest_of_layout "$layout")
    run_ok "$IMGBUILD" copy "oci:$layout:latest" "$first/n:1"
    run_ok "$IMGBUILD" copy -t other -t latest "$first/n:1" "$REGISTRY/m:1"
    assert_equal "$output" "$digest"
    assert_equal "$(registry_tags m | tr '\n' ' ')" '1 latest other '
    local each
    for each in $(registry_manifest m other | jq -r '.manifests[].digest'); do
        registry_manifest m "$each" >manifest
        assert_equal "sha256:$(sha256sum <manifest | cut -d' ' -f1)" "$each"
    done
}

@test "inspect prints parts of an image by a template" {
    local ref digest
    ref=oci:$(tiny_layout):latest
    digest=$(digest_of_layout "$(tiny_layout)")
    run_ok "$IMGBUILD" inspect --format '{{.digest}} {{ .Platform }}' "$ref"
    assert_equal "$output" "$digest linux/amd64"
    run_ok "$IMGBUILD" inspect -f '{{index .layers 0 "size"}}|{{index .config.config "none"}}|' "$ref"
    [[ $output =~ ^[0-9]+\|\|$ ]] || fail "$output"
    run_ok "$IMGBUILD" inspect --format '{{json .config.rootfs.type}}' "$ref"
    assert_equal "$output" '"layers"'
    local bad
    for bad in '{{.a' '{{}}' '{{digest}}' '{{.a..b}}' '{{range .a}}' '{{.a | json}}'; do
        run_exit 2 "$IMGBUILD" inspect --format "$bad" "$ref"
        assert_stderr_contains '--format'
    done
    run_exit 2 "$IMGBUILD" inspect --raw --format '{{.a}}' "$ref"
    run_exit 2 "$IMGBUILD" inspect --raw --config "$ref"
}

@test "tags of a repository are what its registry has, those of a definition what a build places" {
    start_registry
    run_ok "$IMGBUILD" copy -t 1 -t latest "oci:$(tiny_layout):latest" "$REGISTRY/o/n:x"
    run_ok "$IMGBUILD" tags "$REGISTRY/o/n"
    assert_equal "$(sort <<<"$output" | tr '\n' ' ')" '1 latest x '
    run_ok "$IMGBUILD" tags --full "$REGISTRY/o/n"
    assert_output_contains "$REGISTRY/o/n:latest"
    run_ok "$IMGBUILD" tags "oci:$(tiny_layout)"
    assert_equal "$output" latest
    run_exit 3 "$IMGBUILD" tags "$REGISTRY/o/none"
    run_exit 2 "$IMGBUILD" tags --dev "$REGISTRY/o/n"
    cd "$SOURCE_ROOT"
    run_ok "$IMGBUILD" tags --dev allocator
    assert_output_contains linux-amd64-test
}

@test "a tag is deleted alone, a digest with all its tags, and a refusal says what to do" {
    start_fault_registry
    run_ok "$IMGBUILD" copy -t two "oci:$(tiny_layout):latest" "$REGISTRY/n:one"
    run_exit 2 "$IMGBUILD" delete "$REGISTRY/n"
    assert_stderr_contains 'which tag'
    run_ok "$IMGBUILD" delete "$REGISTRY/n:one"
    assert_equal "$(registry_tags n)" two
    run_exit 3 "$IMGBUILD" delete "$REGISTRY/n:one"
    run_ok "$IMGBUILD" delete "$REGISTRY/n@$(digest_of_layout "$(tiny_layout)")"
    assert_equal "$(registry_tags n 2>/dev/null)" ''
    # Debian's docker-registry deletes by digest alone.
    start_registry
    run_ok "$IMGBUILD" copy -t two "oci:$(tiny_layout):latest" "$REGISTRY/n:one"
    run_exit 3 "$IMGBUILD" delete "$REGISTRY/n:one"
    assert_stderr_contains '@DIGEST'
    run_ok "$IMGBUILD" delete "$REGISTRY/n@$(digest_of_layout "$(tiny_layout)")"
    assert_equal "$(registry_tags n 2>/dev/null)" ''
    cp -r "$(tiny_layout)" mine
    run_ok "$IMGBUILD" delete "oci:mine:latest"
    assert_equal "$(jq '.manifests | length' mine/index.json)" 0
}

@test "files are attached to an image, on a registry with the referrers API and on one without" {
    local start ref
    echo 'checks: []' >checks.yaml
    echo '{}' >sbom.json
    for start in start_registry 'start_fault_registry --referrers'; do
        $start
        ref=$REGISTRY/n:1
        run_ok "$IMGBUILD" copy "oci:$(tiny_layout):latest" "$ref"
        run_ok "$IMGBUILD" attach "$ref" checks.yaml
        local checks=$output
        run_ok "$IMGBUILD" attach --type application/spdx+json "$ref" sbom.json
        run_ok "$IMGBUILD" inspect --attached "$ref"
        assert_equal "$(jq -r 'map(.artifactType) | sort | join(" ")' <<<"$output")" \
            'application/spdx+json application/vnd.imgbuild.checks.v1'
        assert_equal "$(registry_manifest n "$checks" | jq -r '.subject.digest, .layers[0].annotations[]' |
            tr '\n' ' ')" "$(digest_of_layout "$(tiny_layout)") checks.yaml "
        run_ok "$IMGBUILD" inspect --attached --format '{{index . 5}}' "$ref"
    done
    run_exit 2 "$IMGBUILD" attach --type nonsense "$ref" sbom.json
    run_exit 3 "$IMGBUILD" attach "$ref" nowhere.json
    run_exit 3 "$IMGBUILD" attach "$REGISTRY/n:2" checks.yaml
    run_exit 2 "$IMGBUILD" attach "oci:$(tiny_layout):latest" checks.yaml
}

@test "a login is tried before it is kept" {
    start_registry --auth --tls
    run_exit 4 "$IMGBUILD" login -u "$REGISTRY_USER" --password-stdin "$REGISTRY" <<<"$REGISTRY_PASSWORD"
    assert_stderr_contains '--tls-ca'
    run_exit 5 "$IMGBUILD" login --tls-ca "$REGISTRY_CA" -u "$REGISTRY_USER" --password-stdin \
        "$REGISTRY" <<<wrong-secret
    refute_stderr_contains wrong-secret
    [ ! -e "$DOCKER_CONFIG/config.json" ] || fail 'it was kept'
    run_ok "$IMGBUILD" login --tls-ca "$REGISTRY_CA" -u "$REGISTRY_USER" --password-stdin \
        "$REGISTRY" <<<"$REGISTRY_PASSWORD"
    run_ok "$IMGBUILD" copy --tls-ca "$REGISTRY_CA" "oci:$(tiny_layout):latest" "$REGISTRY/n:1"
    run_ok "$IMGBUILD" logout "$REGISTRY"
    run_exit 5 "$IMGBUILD" tags --insecure "$REGISTRY" "$REGISTRY/n"
}

@test "a push that was killed goes on in the next run with what had not arrived" {
    start_fault_registry
    fault '{"method": "PUT", "path": "/manifests/", "stall": 300}'
    "$IMGBUILD" copy "oci:$(tiny_layout):latest" "$REGISTRY/n:1" >/dev/null 2>&1 3>&- &
    local pid=$! i
    for ((i = 0; i < 300; i++)); do
        [ "$(fault_requests '.path | contains("/manifests/")')" -eq 0 ] || break
        sleep 0.1
    done
    kill -KILL "$pid"
    wait "$pid" || true
    no_faults
    run_ok "$IMGBUILD" copy "oci:$(tiny_layout):latest" "$REGISTRY/n:1"
    assert_equal "$(fault_requests '.method == "PUT" and (.path | contains("/blobs/"))')" 0
    assert_equal "$(registry_tags n)" 1
}

# crane's registry: another implementation than docker-registry, with the referrers API.
start_crane_registry() {
    require_program crane curl
    local i port=''
    REGISTRY_DIR=$(mktemp -d "$BATS_TEST_TMPDIR/registry.XXXXXX")
    crane registry serve --address 127.0.0.1:0 >"$REGISTRY_DIR/log" 2>&1 3>&- 4>&- </dev/null &
    REGISTRY_PID=$!
    REGISTRY_PIDS+=("$REGISTRY_PID")
    for ((i = 0; i < 100 && ${#port} == 0; i++)); do
        sleep 0.1
        port=$(sed -n 's/.*serving on port \([0-9]*\).*/\1/p' "$REGISTRY_DIR/log")
    done
    [ -n "$port" ] || fail "the registry did not start:" "$(cat "$REGISTRY_DIR/log")"
    REGISTRY=127.0.0.1:$port
    REGISTRY_URL=http://$REGISTRY
    REGISTRY_CA=
}

@test "crane's registry takes what we push, lists what we attach, and deletes by tag" {
    start_crane_registry
    local digest layout
    layout=$(platforms_layout)
    run_ok "$IMGBUILD" copy -t latest "oci:$layout:latest" "$REGISTRY/o/n:1"
    digest=$output
    run_ok crane validate --fast --insecure --remote "$REGISTRY/o/n:1"
    run_ok "$IMGBUILD" copy "$REGISTRY/o/n@$digest" "oci:$PWD/back:x"
    assert_equal "$output" "$digest"
    echo 'checks: []' >checks.yaml
    run_ok "$IMGBUILD" attach "$REGISTRY/o/n:1" checks.yaml
    run_ok "$IMGBUILD" inspect --attached "$REGISTRY/o/n:latest"
    assert_equal "$(jq -r '.[].artifactType' <<<"$output")" application/vnd.imgbuild.checks.v1
    run_ok "$IMGBUILD" tags "$REGISTRY/o/n"
    # It does not say that it lists the subject's referrers, so the fallback tag is kept as well.
    assert_equal "$(sort <<<"$output" | tr '\n' ' ' | cut -d- -f1)" '1 latest sha256'
    run_ok "$IMGBUILD" delete "$REGISTRY/o/n:1"
    run_exit 3 "$IMGBUILD" inspect "$REGISTRY/o/n:1"
    run_ok "$IMGBUILD" inspect "$REGISTRY/o/n:latest"
}
