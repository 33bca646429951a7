#!/usr/bin/env bats
# The helpers themselves, on which every other command-line test stands.
load helpers

@test "a registry takes an image and gives it back" {
    start_registry
    registry_put "$(tiny_layout)" team/tiny v1
    assert_equal "$(registry_tags team/tiny)" v1
    output=$(registry_manifest team/tiny v1)
    assert_json '.layers | length == 1'
    assert_equal "$(registry_requests PUT /manifests/v1)" 1
}

@test "a registry with --auth refuses whoever gives no password" {
    start_registry --auth
    run curl -s -o /dev/null -w '%{http_code}' "$REGISTRY_URL/v2/"
    assert_equal "$output" 401
    registry_curl /v2/
    registry_put "$(tiny_layout)" tiny v1
}

@test "a registry with --tls is trusted by its certificate alone" {
    start_registry --tls
    run curl -s "$REGISTRY_URL/v2/"
    assert_exit 60
    registry_curl /v2/
}

@test "a stopped registry answers no more" {
    start_registry
    stop_registry "$REGISTRY_PID"
    run curl -s "$REGISTRY_URL/v2/"
    assert_exit 7
}

@test "the tiny root runs a shell" {
    require_root
    mkdir root
    tar -C root -xf "$(tiny_root_tar)"
    run_ok chroot root /bin/sh -c 'id -u; ls /'
    assert_output_contains 0
}

@test "a process left behind is found" {
    sleep 60 3>&- &
    run assert_no_leftovers
    kill %1
    wait %1 || true
    assert_exit 1
    assert_output_contains "sleep 60"
}

@test "a daemon left behind is found" {
    setsid -f sleep 61 3>&- >/dev/null 2>&1
    run assert_no_leftovers
    kill "$(sed -n "s/ sleep 61 *$//p" <<<"$output")"
    assert_exit 1
    assert_output_contains "sleep 61"
}

@test "a mount left behind is found" {
    require_root
    mkdir place
    mount -t tmpfs none place
    run assert_no_leftovers
    umount place
    assert_exit 1
    assert_output_contains place
}
