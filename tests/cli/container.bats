#!/usr/bin/env bats
# Steps in a container with Docker's default capabilities and seccomp profile: no mount, no
# namespace. They see their root by chroot, and a notifier fakes ids and hands in /proc.
load helpers
load container

setup() {
    common_setup
    require_root
    need_container
    mkdir -p context image
}

# build_inside [OPTION…] <DOCKERFILE: in a container, in mode chroot unless an option says otherwise.
build_inside() {
    cat >context/Dockerfile
    in_container "$IMGBUILD" --root "$STORE" --progress plain "$@" \
        --build-context "base=oci-layout://$(tiny_layout):latest" \
        --output "type=oci,dest=$PWD/image.tar" -f "$PWD/context/Dockerfile" "$PWD/context"
}

# set_protected LEVEL: fs.protected_*; what they were comes back in teardown.
set_protected() {
    local name
    for name in symlinks regular fifos; do
        [ -e "$BATS_TEST_TMPDIR/protected_$name" ] ||
            cat "/proc/sys/fs/protected_$name" >"$BATS_TEST_TMPDIR/protected_$name"
        # symlinks knows 0 and 1 alone
        echo "$([[ $name = symlinks && $1 -gt 1 ]] && echo 1 || echo "$1")" \
            >"/proc/sys/fs/protected_$name" || skip "needs to set fs.protected_$name"
    done
}

teardown() {
    local name
    for name in symlinks regular fifos; do
        [ ! -e "$BATS_TEST_TMPDIR/protected_$name" ] ||
            cat "$BATS_TEST_TMPDIR/protected_$name" >"/proc/sys/fs/protected_$name"
    done
    common_teardown
}

@test "auto takes chroot there, and the image is the same as root's, digest and all" {
    cat >context/Dockerfile <<'END'
FROM base
RUN mkdir /d && chown 1000:1001 /d && chmod 2750 /d && echo x >/d/f && ln /d/f /d/g && ln -s f /d/l
RUN chown -h 7:8 /d/l && mkfifo /d/p && chown 5:6 /d/p && mknod /d/null c 1 3 && cp /bin/busybox /d/su && chown 33:34 /d/su && chmod 6755 /d/su
RUN rm /d/g && mv /d/l /d/m && rm -r /home && mkdir /home
USER 1000:1001
RUN id >/tmp/id && touch /tmp/mine && mkdir /tmp/dir && ln -s x /tmp/link && umask 077 && touch /tmp/closed
WORKDIR /work
END
    cp context/Dockerfile context/kept
    export SOURCE_DATE_EPOCH=1700000000
    run -0 env IMGBUILD_ROOT="$PWD/other" "$IMGBUILD" --isolation root --quiet \
        --build-context "base=oci-layout://$(tiny_layout):latest" \
        --output type=oci,dest="$PWD/root.tar" -f context/Dockerfile context
    local expected=$output
    CONTAINER_CHANGE='.process.env += ["SOURCE_DATE_EPOCH=1700000000"]'
    container_bundle "$BATS_TEST_TMPDIR/bundle" "$CONTAINER_CHANGE"
    run -0 build_inside <context/kept
    assert_output_contains "isolation: chroot (faked ids, chroot)"
    assert_output_contains "$expected"
}

@test "what a step needs of /proc, /dev and its terminal is there" {
    run -0 build_inside <<'END'
FROM base
RUN test "$(readlink /proc/self/exe)" = /bin/busybox && ps | grep -q ps && grep -q '^Name:' /proc/self/status
RUN cd /proc/self && cat comm && cd .. && test -e self && cd .. && test "$(pwd)" = / && test -e /bin/busybox
RUN ln -s /dev/stdout /log && echo through-a-link >/log && echo err >/dev/stderr && echo x | cat /dev/stdin /dev/fd/0
RUN test -c /dev/null && test -w /dev/shm && test -d /dev/pts && df / >/dev/null && echo in >/dev/null
RUN test "$(cat /etc/hosts | head -n 1 | cut -f1)" = 127.0.0.1
END
    assert_output_contains through-a-link
}

@test "a user's own files in /tmp stay his where the kernel protects them" {
    cat >context/kept <<'END'
FROM base
USER 1000:1000
RUN cd /tmp && echo one >own && echo two >own && grep two own && ln -s own link && grep two link && echo three >link && grep three own && stat link && mkfifo fifo && (cat fifo & sleep .1; echo through >fifo; wait)
USER root
RUN cd /tmp && stat -c %u own link fifo | sort -u | grep -x 1000
END
    local level
    for level in 1 2; do
        set_protected "$level"
        run -0 build_inside --no-cache <context/kept
        assert_output_contains through
    done
}

@test "nothing that a step leaves running survives it" {
    run -0 build_inside <<'END'
FROM base
RUN (sleep 4711 &) ; setsid sleep 4711 & setsid sh -c 'sleep 4711 & sleep 4711' & true
END
    run -1 pgrep -f 'sleep 4711'
}

@test "where another notifier watches, steps run in a plain chroot and it is said what is missing" {
    cat >context/kept <<'END'
FROM base
RUN test ! -e /proc/self && id && echo x >/dev/null && touch /made && chown 5:6 /made
USER 1000
RUN id | grep uid=1000
END
    cp context/kept context/Dockerfile
    cp "$HELPERS_DIR/outer_notifier.py" .
    run -0 in_container python3 "$PWD/outer_notifier.py" "$IMGBUILD" --root "$STORE" \
        --progress plain --build-context "base=oci-layout://$(tiny_layout):latest" \
        --output "type=oci,dest=$PWD/image.tar" -f "$PWD/context/Dockerfile" "$PWD/context"
    assert_output_contains "isolation: chroot (real ids, chroot)"
    assert_output_contains "no /proc"
    assert_output_contains "another seccomp notifier"
}

@test "what can't be had there is refused by name" {
    run build_inside <<'END'
FROM base
RUN --network=none true
END
    [ "$status" -eq 7 ]
    assert_output_contains "network namespace"
    run build_inside <<'END'
FROM base
RUN --mount=type=tmpfs,target=/t true
END
    [ "$status" -eq 7 ]
    assert_output_contains "mount on /t: this host allows no mounts"
}

@test "checks run there too" {
    printf '%s\n' 'checks:' '- {name: user, command: "id -u", user: nobody, stdout: "65534"}' >checks.yaml
    run in_container "$IMGVERIFY" --root "$STORE" --config "$PWD/checks.yaml" "oci:$(tiny_layout):latest"
    [ "$status" -eq 0 ] || fail "$output"
}
