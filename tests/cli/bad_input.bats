#!/usr/bin/env bats
# Bad flags, missing files, failing steps, full disks and sudden ends: one clear error with its
# place and a hint, the documented exit code, nothing left behind, and a store that the next run
# uses as it is.
load helpers
load build

setup() {
    common_setup
    require_root
}

teardown() {
    [ -z "${SMALL-}" ] || umount "$SMALL"
    common_teardown
}

# fails CODE TEXT [OPTION…]: a build of one good step with this command line.
fails() {
    local code=$1 text=$2
    shift 2
    mkdir -p context
    printf 'FROM base\nRUN true\n' >context/Dockerfile
    run_exit "$code" build_again "$@"
    assert_stderr_contains "$text"
    assert_equal "$(grep -c '^error:' <<<"$stderr")" 1
    assert_equal "$output" ''
    [ ! -e image ] || fail 'an image was written'
    assert_store_clean
}

works() {
    printf 'FROM base\nRUN echo "$0" > /works\n' >context/Dockerfile
    run_ok build_again
    assert_store_clean
}

@test "a bad flag or value is an error of usage, before anything is built" {
    fails 2 'did you mean --network?' --netwrok none
    fails 2 'takes one of default|host|none' --network bridge
    fails 2 '--shm-size much' --shm-size much
    fails 2 '--add-host db: it reads HOST:IP' --add-host db
    fails 2 '--add-host db:here: it reads HOST:IP' --add-host db:here
    fails 2 'it reads HOST:IP' --add-host $'db:10.0.0.1\n10.0.0.2 evil'
    fails 2 'host-gateway is not supported yet' --add-host db:host-gateway
    fails 2 'NAME=SOFT[:HARD]' --ulimit nofile
    fails 2 'NAME=SOFT[:HARD]' --ulimit nofile=9:8
    fails 2 'is not a platform' --platform windows
    fails 2 'is not a repository name' -t 'Bad Name'
    fails 2 'names a file or a digest' -t oci:image
    fails 2 '--build-context base: it reads NAME=SOURCE' --build-context base
    fails 2 'it is one of local, tar, oci, docker, image, registry' -o type=zip,dest=image.zip
    fails 3 'there is no directory nowhere' -o type=oci,dest=nowhere/image.tar
    fails 2 'gzip takes levels' --compression gzip:99
    fails 2 'a secret needs an id' --secret src=/etc/hostname
    fails 2 'is no part of a secret' --secret id=x,what=1
    fails 2 'no SSH agent runs' --ssh default
    fails 2 'security.insecure or network.host' --allow network.all
    fails 2 'contradict' --dev --prod
    fails 2 'rawjson is not supported' --progress rawjson
    fails 2 'no name in a registry' --push
    fails 2 'it is none of docker-image://, oci-layout://, git, a URL, a directory' --build-context base=ftp://x
}

@test "a missing context, Dockerfile or definition is named, with what should be there" {
    mkdir context
    run_exit 3 "$IMGBUILD" -f context/Dockerfile context
    assert_stderr_contains 'context/Dockerfile: No such file'
    printf 'FROM scratch\n' >context/Dockerfile
    run_exit 3 "$IMGBUILD" -f context/Dockerfile contxt
    assert_stderr_contains 'build context contxt'
    run_exit 3 "$IMGBUILD" -f context context
    assert_stderr_contains 'not a regular file'
    run_exit 3 "$IMGBUILD" -f - context </dev/null
    assert_stderr_contains 'the file holds no instruction'
    run_exit 2 "$IMGBUILD" -f - - </dev/null
    assert_stderr_contains "can't both come from standard input"
    run_exit 3 "$IMGBUILD" alocator
    assert_stderr_contains 'images/alocator/image.yaml'
    run_exit 2 "$IMGBUILD"
}

@test "a COPY of what isn't there, or is left out, points at the source" {
    build_fails 3 <<'END'
FROM base
COPY a there b /
END
    assert_stderr_contains 'Dockerfile:2: '
    assert_stderr_contains '    | COPY a there b /
    |      ^'
}

@test "a step that fails: its code, its place, its last lines; steps before it are kept" {
    build_fails 1 <<'END'
FROM base
RUN echo one > /one
RUN for i in $(seq 40); do echo "line $i"; done; \
    exit 9
END
    assert_stderr_contains 'Dockerfile:3: '
    assert_stderr_contains 'exited with 9'
    assert_stderr_contains 'line 40'
    assert_store_clean
    sed -i 's/exit 9/exit 0/' context/Dockerfile
    run_ok build_again
    assert_stderr_contains '1 of 2 steps from the cache'
}

@test "a step killed by a signal says which, and what SIGKILL often means" {
    mkdir -p context
    printf 'FROM base\nRUN echo started; sleep 300; true\n' >context/Dockerfile
    build_again >out 2>err 3>&- &
    pid=$!
    for _ in $(seq 100); do
        grep -q '^#[0-9]* started' err && break
        sleep 0.1
    done
    kill -KILL "$(pgrep -P "$(pgrep -P "$pid" -x imgbuild)" -x sh)"
    status=0
    wait "$pid" || status=$?
    stderr=$(cat err)
    output=
    assert_exit 1
    assert_stderr_contains 'Dockerfile:2: '
    assert_stderr_contains 'was killed by signal 9 (Killed)'
    assert_stderr_contains 'hint: SIGKILL often means that memory ran out'
    assert_store_clean
}

@test "a step whose program or user isn't in the image says so" {
    build_fails 3 <<<$'FROM base\nRUN ["/nope"]'
    assert_stderr_contains 'run "/nope": No such file'
    build_fails 1 <<<$'FROM base\nRUN nope'
    assert_stderr_contains 'the shell did not find the command'
    build_fails 3 <<<$'FROM base\nUSER someone\nRUN true'
    assert_stderr_contains 'user "someone" is not in the image'
    build_fails 3 <<<$'FROM scratch\nRUN true'
    assert_stderr_contains 'Dockerfile:2: run "/bin/sh"'
}

@test "COPY and config work for any platform, and a RUN for another system is refused" {
    make_layout "$BATS_TEST_TMPDIR/arm" "$(tiny_root_tar)" '.architecture = "arm64"'
    arm=(--platform linux/arm64 --build-context "base=oci-layout://$BATS_TEST_TMPDIR/arm:latest")
    build "${arm[@]}" <<<$'FROM base\nCOPY Dockerfile /d\nENV A=b\nWORKDIR /w'
    assert_equal "$(config .architecture)" arm64
    build --platform linux/arm64 <<<$'FROM scratch\nCOPY Dockerfile /d'
    assert_equal "$(config .architecture)" arm64
    build_fails 3 --platform windows/amd64 <<<$'FROM scratch\nCOPY Dockerfile /d\nRUN true'
    assert_stderr_contains 'Dockerfile:3: RUN in an image for windows/amd64'
}

@test "a store that can't be made is the host's lack" {
    mkdir -p context
    printf 'FROM scratch\n' >context/Dockerfile
    run_exit 7 "$IMGBUILD" --root /dev/null/store -f context/Dockerfile context
    touch file
    run_exit 7 "$IMGBUILD" --root file -f context/Dockerfile context
    assert_stderr_contains "file"
}

# small_store SIZE: the store is a file system of that size.
small_store() {
    SMALL=$BATS_TEST_TMPDIR/small
    mkdir -p "$SMALL"
    mount -t tmpfs -o "size=$1" tmpfs "$SMALL"
    export IMGBUILD_ROOT=$SMALL
    STORE=$SMALL
}

@test "a full disk: in the base, in a step, in a COPY, in the image's blobs; then room, and it works" {
    mkdir -p context
    head -c 3000000 /dev/urandom >context/noise
    for size in 300k 1500k 2500k 4500k 6200k 9m; do
        small_store "$size"
        printf 'FROM base\nCOPY noise /\nRUN cat /noise /noise > /more\n' >context/Dockerfile
        run build_again
        [ "$status" -eq 7 ] || [ "$status" -eq 1 ] || fail "exit code $status with $size:" "$output"
        [[ $output == *'No space left on device'* ]] || fail "with $size:" "$output"
        assert_store_clean
        [ ! -e image ] || fail "an image was written with $size"
        mount -o remount,size=200m "$SMALL"
        run_ok build_again
        assert_store_clean
        umount "$SMALL"
        SMALL=
    done
}

@test "a full disk where the image is written leaves no image" {
    mkdir -p context small
    mount -t tmpfs -o size=500k tmpfs small
    printf 'FROM base\nRUN true\n' >context/Dockerfile
    run build_again -o type=oci,dest=small/image.tar
    left=$(ls -A small)
    umount small
    assert_exit 7
    [[ $output == *'No space left on device'* ]]
    assert_equal "$left" ''
}

# at_random_points SIGNAL: start builds, end each at another moment, and see that what it left is
# neither a mount nor a process, and that the next run just works.
at_random_points() {
    local signal=$1 n pid
    mkdir -p context
    printf 'FROM base\nRUN echo 1 > /a; (sleep 0.05; echo x) | cat > /c\nCOPY big /big\nRUN rm /a; mkdir -p /d/e\n' \
        >context/Dockerfile
    head -c 4000000 /dev/urandom >context/big
    for n in $(seq 0 24); do
        set -m
        build_again --no-cache >out 2>err 3>&- 4>&- &
        pid=$!
        set +m
        sleep "0.$(printf %03d $((n * 17)))"
        kill "-$signal" -- "-$pid" 2>/dev/null || true
        status=0
        wait "$pid" || status=$?
        case $signal.$status in
        *.0 | KILL.137 | INT.130 | TERM.130 | TERM.143) ;;
        *) fail "exit code $status after $n:" "$(cat err)" ;;
        esac
        [ "$signal" = KILL ] || assert_store_clean
        # The end may come after the image was written: then it is there, and whole.
        [ ! -e image/index.json ] || "$IMGBUILD" copy "oci:$PWD/image" "oci:$PWD/whole.$n" >/dev/null ||
            fail "half an image was written after $n"
    done
    assert_no_leftovers
    works
    printf 'FROM base\nCOPY big /big\nRUN cmp /big /big && rm /big\n' >context/Dockerfile
    run_ok build_again
}

@test "killed at many points: nothing runs or is mounted, and the next run sweeps and works" {
    at_random_points KILL
}

@test "Ctrl-C at many points: 130, nothing left at all" {
    at_random_points INT
}

@test "Ctrl-C in a step that ignores signals and has children ends all of it" {
    mkdir -p context
    printf 'FROM base\nRUN trap "" INT TERM HUP; (trap "" INT TERM; setsid sleep 301) & echo started; sleep 302\n' \
        >context/Dockerfile
    set -m
    build_again >out 2>err 3>&- &
    pid=$!
    set +m
    for _ in $(seq 100); do
        grep -q '^#[0-9]* started' err && break
        sleep 0.1
    done
    kill -INT -- "-$pid"
    status=0
    wait "$pid" || status=$?
    output= stderr=$(cat err)
    assert_exit 130
    assert_no_leftovers
    works
}

@test "a background process of a step ends with it and doesn't hold it up" {
    build <<<$'FROM base\nRUN sleep 300 & echo done > /done'
    assert_equal "$(layer -1 | tar -xO done)" 'done'
    assert_no_leftovers
}

@test "a full standard output is said, and an error" {
    mkdir -p context
    printf 'FROM scratch\nLABEL a=b\n' >context/Dockerfile
    status=0
    "$IMGBUILD" -f context/Dockerfile context >/dev/full 2>err || status=$?
    output= stderr=$(cat err)
    assert_exit 7
    assert_stderr_contains 'error: write to standard output: No space left on device'
}

@test "a damaged layout is an error at FROM: no index, a bad index, a missing and a short layer" {
    cp -r "$(tiny_layout)" damaged
    mkdir -p context
    printf 'FROM damaged\n' >context/Dockerfile
    layer=damaged/blobs/sha256/$(find damaged/blobs/sha256 -size +100k -printf '%f\n')
    at_from() { # CODE TEXT
        run_exit "$1" "$IMGBUILD" --build-context damaged=oci-layout://damaged:latest \
            -f context/Dockerfile context
        assert_stderr_contains "$2"
        assert_stderr_contains 'error: context/Dockerfile:1: '
        assert_store_clean
    }
    cp "$layer" whole
    head -c 1000 whole >"$layer"
    at_from 6 'cut short'
    rm "$layer"
    at_from 3 'No such file'
    cp whole "$layer"
    printf '{"manifests": [' >damaged/index.json
    at_from 3 'index.json, line 1: not the JSON expected'
    rm damaged/index.json
    at_from 3 'index.json: No such file'
    cp "$(tiny_layout)/index.json" damaged/
    run_ok "$IMGBUILD" --build-context damaged=oci-layout://damaged:latest -f context/Dockerfile context
}

@test "a store whose layers or blobs were taken away makes them anew" {
    mkdir -p context
    printf 'FROM base\nRUN echo 1 > /one\nRUN cat /one > /two\n' >context/Dockerfile
    run_ok build_again -t it:1
    for gone in layers oci/blobs/sha256 'layers oci/blobs/sha256' cache/steps; do
        for part in $gone; do
            find "$STORE/$part" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
        done
        run_ok build_again -t it:1
        assert_equal "$(layer -1 | tar -xO two)" 1
    done
    find "$STORE/cache/steps" -type f -exec sh -c 'echo garbage >"$1"' - {} \;
    run_ok build_again -t it:1
    assert_stderr_contains '0 of 2 steps from the cache'
}
