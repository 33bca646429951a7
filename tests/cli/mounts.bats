#!/usr/bin/env bats
# What a RUN is shown beside its root, and that nothing of it stays. How such steps come out is in
# the corpus (tests/fixtures/dockerfiles: mount, network, security); here is what an image can't tell.
load helpers
load build

setup() {
    common_setup
    require_root
}

# nowhere TEXT…: it is in no file of the store and the image, compressed or not, and in no log.
nowhere() {
    local text file
    for text in "$@"; do
        ! grep -rqF "$text" "$STORE" image ./*.log || fail "$text is in $(grep -rlF "$text" "$STORE" image ./*.log)"
        for file in "$STORE"/oci/blobs/sha256/* image/blobs/sha256/*; do
            ! zcat -f "$file" | grep -qF "$text" || fail "$text is in $file"
        done
    done
}

@test "secrets are in no layer, config, history, log, process listing or cache" {
    printf 'sesame-file' >secret
    export TOKEN=sesame-variable
    build --secret id=one,src=secret --secret id=two,env=TOKEN >build.log 2>&1 <<'END'
FROM base
RUN --mount=type=secret,id=one,required --mount=type=secret,id=two,env=T,required \
    [ "$(wc -c < /run/secrets/one)" -eq 11 ] && [ "${#T}" -eq 15 ] && \
    ps -o args > /listing && cat /proc/*/cmdline > /cmdline
RUN [ ! -e /run/secrets/one ] && [ -z "$T" ]
END
    nowhere sesame-file sesame-variable
    # Another value is no other step; the names are.
    printf 'another' >secret
    build_again --secret id=one,src=secret --secret id=two,env=TOKEN >again.log 2>&1
    grep -q 'CACHED\|cached' again.log
}

@test "a secret that fails its step is not told either" {
    printf 'sesame-file' >secret
    build_fails 1 --secret id=one,src=secret <<'END'
FROM base
RUN --mount=type=secret,id=one cat /run/secrets/one >/dev/null; exit 3
END
    [[ "$output$stderr" != *sesame* ]]
}

@test "cache mounts live on between builds, and prune removes them" {
    build --no-cache <<'END'
FROM base
RUN --mount=type=cache,target=/c echo x >> /c/x; wc -l < /c/x > /lines
END
    build_again --no-cache
    [ "$(layer 2 | tar -xO lines)" -eq 2 ]
    [ "$(find "$STORE/cache/mounts" -name data | wc -l)" -eq 1 ]
    "$IMGBUILD" prune
    [ "$(find "$STORE/cache/mounts" -name data | wc -l)" -eq 1 ]
    "$IMGBUILD" prune --all
    [ "$(find "$STORE/cache/mounts" -name data | wc -l)" -eq 0 ]
}

@test "what a bind mount shows counts for the cache; what a cache mount holds does not" {
    mkdir -p context/d
    echo 1 >context/d/f
    build <<'END'
FROM base
RUN --mount=target=/d,source=d --mount=type=cache,target=/c cat /d/f > /f; echo >> /c/x
END
    build_again 2>log
    grep -q 'CACHED\|cached' log
    echo 2 >context/d/f
    build_again 2>log
    [ "$(layer 2 | tar -xO f)" -eq 2 ]
    echo 3 >context/other
    build_again 2>log
    grep -q 'CACHED\|cached' log
}

@test "writes into a bind mount are thrown away" {
    mkdir -p context/d
    echo 1 >context/d/f
    build <<'END'
FROM base
RUN --mount=target=/d,source=d,rw echo 2 > /d/f && rm -r /d/* && touch /d/new
RUN --mount=target=/d,source=d cat /d/f > /f
END
    [ "$(cat context/d/f)" -eq 1 ]
    [ ! -e context/d/new ]
    [ "$(layer -1 | tar -xO f)" -eq 1 ]
}

@test "a step uses the SSH agent and never sees its key" {
    require_program ssh-keygen ssh-agent ssh-add
    ssh-keygen -q -t ed25519 -N '' -C test -f key
    build --ssh "default=$PWD/key" >build.log 2>&1 <<'END'
FROM base
USER 1000
RUN --mount=type=ssh,uid=1000,required [ -S "$SSH_AUTH_SOCK" ] && [ -w "$SSH_AUTH_SOCK" ]
END
    nowhere "$(sed -n 2p key)"
    [ -z "$(find "$STORE/tmp" -name 'ssh*')" ]
}

@test "privileges come from the command line alone" {
    build_fails 3 <<'END'
FROM base
RUN --security=insecure true
END
    [[ "$stderr" == *'--allow security.insecure'* ]]
    run_exit 2 build_again --allow everything
    [[ "$stderr" == *'security.insecure or network.host'* ]]
}
