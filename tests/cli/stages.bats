#!/usr/bin/env bats
# Stages that don't need each other are built side by side, and nobody can tell from the result.
load helpers
load build

setup() {
    common_setup
    require_root
}

@test "two stages meet while both run" {
    build --jobs 2 <<'END'
FROM base AS one
RUN --mount=type=cache,id=meet,target=/m touch /m/one && for i in $(seq 600); do [ -e /m/two ] && exit 0; sleep .1; done; exit 9
FROM base AS two
RUN --mount=type=cache,id=meet,target=/m touch /m/two && for i in $(seq 600); do [ -e /m/one ] && exit 0; sleep .1; done; exit 9
FROM scratch
COPY --from=one /bin/busybox /one
COPY --from=two /bin/busybox /two
END
    assert_equal "$(layers)" 2
}

@test "a stage that fails ends the others, and is the one that is told" {
    mkdir -p context
    cat >context/Dockerfile <<'END'
FROM base AS waits
RUN --mount=type=cache,id=meet,target=/m touch /m/begun && sleep 1000
FROM base AS fails
RUN --mount=type=cache,id=meet,target=/m for i in $(seq 600); do [ -e /m/begun ] && exit 9; sleep .1; done
FROM scratch
COPY --from=waits /bin/busybox /a
COPY --from=fails /bin/busybox /b
END
    run_exit 1 build_again --jobs 2
    assert_stderr_contains 'context/Dockerfile:4: '
    assert_stderr_contains 'exited with 9'
    assert_stderr_contains '[fails 1/1]'
}

@test "the same step in two stages is carried out once" {
    build --jobs 3 <<'END'
FROM base AS one
RUN --mount=type=cache,id=log,target=/m sleep 1; echo x >> /m/log; cat /proc/sys/kernel/random/uuid > /id
FROM base AS two
RUN --mount=type=cache,id=log,target=/m sleep 1; echo x >> /m/log; cat /proc/sys/kernel/random/uuid > /id
RUN echo more > /more
FROM base
COPY --from=one /id /one
COPY --from=two /id /more /two/
RUN --mount=type=cache,id=log,target=/m cp /m/log /log && cmp /one /two/id && test $(wc -l < /log) = 1
END
}

@test "the image is the same with one thread and with many, and its cache too" {
    mkdir -p context
    for i in 1 2 3 4 5 6; do
        echo "file $i" >"context/f$i"
        cat >>context/Dockerfile <<END
FROM base AS s$i
COPY f$i /f
RUN cat /f /f > /made$i
END
    done
    echo 'FROM base' >>context/Dockerfile
    for i in 6 5 4 3 2 1; do
        echo "COPY --from=s$i /made$i /" >>context/Dockerfile
    done
    export SOURCE_DATE_EPOCH=1700000000
    build_again --jobs 1 --root one --cache-to type=inline --cache-to type=local,dest=c1,mode=max
    local wanted
    wanted=$(digest)
    build_again --jobs 8 --root many --cache-to type=inline --cache-to type=local,dest=c2,mode=max
    assert_equal "$(digest)" "$wanted"
    cmp c1/index.json c2/index.json
    build_again --jobs 8 --root many
    [ "$(digest)" != "$wanted" ]
}
