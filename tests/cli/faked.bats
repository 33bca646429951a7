#!/usr/bin/env bats
# Faked ids: an ordinary user without subordinate ids builds and verifies what root does, owners
# included.
load helpers

FAKED_UID=4711

setup() {
    common_setup
    require_root
    require_program setpriv python3
    chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.."
    mkdir -p bin user context
    install -m 755 "$IMGBUILD" bin/imgbuild
    install -m 755 "$IMGVERIFY" bin/imgverify
    cp -R "$(tiny_layout)" tiny
    chmod -R a+rX tiny bin context
    chown "$FAKED_UID:$FAKED_UID" user
    BEFORE=()
}

# as_faked COMMAND…: as that user.
as_faked() {
    setpriv --reuid "$FAKED_UID" --regid "$FAKED_UID" --clear-groups \
        env HOME="$PWD/user" TMPDIR=/tmp XDG_DATA_HOME="$PWD/user" IMGBUILD_ROOT="$PWD/user/store" "$@"
}

# build_faked [OPTION…]: context/Dockerfile.
build_faked() {
    as_faked "${BEFORE[@]}" "$PWD/bin/imgbuild" --isolation single --progress plain "$@" \
        --build-context "base=oci-layout://$PWD/tiny:latest" \
        --output "type=oci,dest=$PWD/user/image.tar" -f context/Dockerfile context
}

write_consistent() {
    cat >context/Dockerfile <<'END'
FROM base
RUN mkdir /h && chown 1000:1000 /h && test "$(stat -c %u:%g /h)" = 1000:1000
RUN touch /f && chown 5:6 /f && mv /f /g && ln /g /i && test "$(stat -c %u:%g /i)" = 5:6
RUN ln -s g /l && chown -h 7:8 /l && mv /l /m && test "$(stat -c %u:%g /m)" = 7:8
RUN test "$(stat -c %u:%g /m)" = 7:8 && mv /m /n && test "$(stat -c %u:%g /n)" = 7:8
RUN touch -h -d @5 /n && ln /n /o && test "$(stat -c %u:%g /n /o | sort -u)" = 7:8
RUN mknod /c c 4 64 && test -c /c && test "$(stat -c %t:%T /c)" = 4:40 && mkfifo /p && chown 9:9 /p
RUN cp /bin/busybox /as && chown 33:34 /as && chmod 6755 /as && test "$(stat -c %a:%u /as)" = 6755:33
USER 1000:1001
RUN test "$(id -u):$(id -g)" = 1000:1001
RUN touch /h/mine && test "$(stat -c %u:%g /h/mine)" = 1000:1001 && mkdir /h/d && ln -s x /h/s
RUN ! chown 0 /h/mine && test "$(stat -c %u /h/mine)" = 1000 && cp -p /h/mine /h/copy
END
}

# same_as_root: the digest that a root build has is the last line of the output.
same_as_root() {
    local faked=${lines[-1]}
    run -0 "$IMGBUILD" --isolation root --root "$STORE" --quiet \
        --build-context "base=oci-layout://$PWD/tiny:latest" \
        --output "type=oci,dest=$PWD/root.tar" -f context/Dockerfile context
    assert_equal "$faked" "$output"
}

@test "single: what a step sets it gets back, in this step and the next, and the image is root's" {
    export SOURCE_DATE_EPOCH=1700000000
    write_consistent
    run -0 build_faked
    assert_output_contains "isolation: single (faked ids, mounts)"
    same_as_root
}

@test "single, where mounts are forbidden: faked ids with a chroot, and the same image" {
    export SOURCE_DATE_EPOCH=1700000000
    write_consistent
    cp "$HELPERS_DIR/no_mounts.py" bin
    BEFORE=(python3 "$PWD/bin/no_mounts.py")
    run -0 build_faked
    assert_output_contains "isolation: single (faked ids, chroot)"
    same_as_root
}

@test "single: checks see the owners that the image has, and run as its users" {
    write_consistent
    run -0 build_faked
    printf '%s\n' 'checks:' '- {name: owner, file: /h, owner: "1000:1000"}' \
        '- {name: run, command: "stat -c %u:%g /i /n", stdout: ["5:6", "7:8"]}' \
        '- {name: user, command: "id -u", user: "77", stdout: "77"}' >user/checks.yaml
    run -0 as_faked "$PWD/bin/imgverify" --isolation single --config "$PWD/user/checks.yaml" \
        "oci-archive:$PWD/user/image.tar"
}

@test "single: where another notifier watches, it is said" {
    printf 'FROM base\nRUN true\n' >context/Dockerfile
    cp "$HELPERS_DIR/outer_notifier.py" bin
    BEFORE=(python3 "$PWD/bin/outer_notifier.py")
    run -7 build_faked
    assert_output_contains "another seccomp notifier"
}
