#!/usr/bin/env bats
# Build contexts from everywhere: standard input, URLs, git; and named ones of every kind.
load helpers
load build

setup() {
    common_setup
    require_root
    server=''
}

teardown() {
    [ -z "$server" ] || { kill "$server" && wait "$server" || true; }
    common_teardown
}

# serve DIR: sets $url.
serve() {
    require_program python3
    python3 "$HELPERS_DIR/web_server.py" "$1" >port 2>server.log 3>&- 4>&- &
    server=$!
    for _ in $(seq 100); do
        [ ! -s port ] || break
        sleep 0.1
    done
    url=http://127.0.0.1:$(cat port)
}

# files OPTION… CONTEXT: what the image of this build has, in ./out, which is made anew.
files() {
    rm -rf out
    "$IMGBUILD" --progress plain -o type=local,dest=out,mode=delete "$@"
}

# A context with a Dockerfile, another one, a .dockerignore and a folder.
context() {
    mkdir -p "$1/sub"
    printf 'FROM scratch\nCOPY . /all/\n' >"$1/Dockerfile"
    printf 'FROM scratch\nCOPY a /other\n' >"$1/other.Dockerfile"
    echo a >"$1/a"
    echo b >"$1/sub/b"
    printf 'FROM scratch\nCOPY b /sub\n' >"$1/sub/Dockerfile"
    echo a >"$1/.dockerignore"
}

@test "standard input is a Dockerfile, or an archive of any compression with the Dockerfile in it" {
    context c
    printf 'FROM scratch\nLABEL a=b\n' | run_ok files -
    printf 'FROM scratch\nCOPY x /\n' | run_exit 3 files -
    local how
    for how in '' --gzip --bzip2 --xz --zstd; do
        tar -C c $how -cf c.tar .
        run_ok files - <c.tar
        # A context that was fetched has no .dockerignore.
        assert_equal "$(cat out/all/a out/all/sub/b)" $'a\nb'
    done
    run_ok files -f other.Dockerfile - <c.tar
    assert_equal "$(cat out/other)" a
    run_exit 3 files -f ../../etc/passwd - <c.tar
    assert_stderr_contains 'in the build context'
    head -c 100 c.tar >broken.tar
    run files - <broken.tar
    [ "$status" -ne 0 ]
    [ -z "$(find "$STORE/tmp" -name 'context-*')" ] || fail 'a context is left in the store'
}

@test "-f - reads the Dockerfile from standard input, beside a context" {
    context c
    printf 'FROM scratch\nCOPY . /piped/\n' | run_ok files -f - c
    assert_equal "$(cat out/piped/sub/b)" b
    [ ! -e out/piped/a ] || fail '.dockerignore did not count'
    run_exit 2 files -f - - </dev/null
}

@test "a URL is an archive, or a Dockerfile" {
    context c
    mkdir served
    tar -C c -czf served/c.tar.gz .
    printf 'FROM scratch\nCOPY context /Dockerfile\n' >served/Dockerfile
    serve served
    run_ok files "$url/c.tar.gz"
    assert_equal "$(cat out/all/a)" a
    run_ok files -f other.Dockerfile --build-context more="$url/c.tar.gz" "$url/c.tar.gz"
    run_ok files "$url/Dockerfile"
    cmp out/Dockerfile served/Dockerfile
    run_exit 3 files "$url/nothing.tar"
    assert_stderr_contains 'build context http'
}

@test "git: the default branch, a branch, a tag, a commit, a folder" {
    require_program git
    context work
    mkdir served
    git init -q -b main work
    git_ work add -A && git_ work commit -qm one && git_ work tag v1
    git_ work checkout -qb next && echo next >work/a && git_ work commit -qam two && git_ work checkout -q main
    git clone -q --bare work served/r.git
    serve served
    run_ok files "$url/r.git"
    assert_equal "$(cat out/all/a)" a
    [ ! -e out/all/.git ] || fail '.git is in the context'
    run_ok files "$url/r.git#next"
    assert_equal "$(cat out/all/a)" next
    run_ok files "$url/r.git#v1:sub"
    assert_equal "$(cat out/sub)" b
    run_ok files "$url/r.git#$(git -C work rev-parse next)"
    assert_equal "$(cat out/all/a)" next
    run_ok files -f other.Dockerfile "$url/r.git?ref=next"
    assert_equal "$(cat out/other)" next
    run files "$url/r.git#nothing"
    [ "$status" -ne 0 ]
    printf 'FROM scratch\nCOPY --from=repo b /b\n' | run_ok files --build-context "repo=$url/r.git#main:sub" -
    assert_equal "$(cat out/b)" b
}

git_() {
    git -C "$1" -c user.name=t -c user.email=t@example.org "${@:2}"
}

@test "a named directory serves COPY and mounts, with its own .dockerignore, and stands for a stage" {
    mkdir -p main named
    context named
    echo other >named/other
    cat >main/Dockerfile <<'END'
FROM scratch AS tools
COPY nothing /never
FROM base
COPY --from=tools . /copied/
COPY --from=tools --chown=1:2 sub/b /b
RUN --mount=from=tools,target=/mnt cat /mnt/other > /mounted && ! ls /mnt/a
END
    run_ok files --build-context "base=oci-layout://$(tiny_layout):latest" --build-context tools=named main
    assert_equal "$(cat out/mounted out/copied/other)" $'other\nother'
    [ ! -e out/copied/a ] || fail '.dockerignore of the named context did not count'
    echo changed >named/other2
    printf 'FROM scratch\nCOPY --from=tools sub/b /\n' >main/Dockerfile
    run_ok files --build-context tools=named main
    echo more >named/other3
    run_ok files --build-context tools=named main
    assert_stderr_contains '1 of 1 steps from the cache'
    printf 'FROM tools\n' >main/Dockerfile
    run_ok files --build-context tools=named main
    assert_equal "$(cat out/other)" other
    run_exit 3 files --build-context tools=nowhere main
    assert_stderr_contains '--build-context tools=nowhere'
    run_exit 2 files --build-context tools=- main
}

@test "a named image stands for FROM's, however its name is written, by tag and by digest" {
    start_registry
    registry_put "$(tiny_layout)" tiny 1
    mkdir main
    local digest name
    digest=$(jq -r '.manifests[0].digest' "$(tiny_layout)/index.json")
    for name in alpine alpine:latest docker.io/library/alpine; do
        printf 'FROM %s\nCOPY --from=other /bin/busybox /b\n' "$name" >main/Dockerfile
        run_ok files --build-context "alpine=docker-image://$REGISTRY/tiny:1" \
            --build-context "other=oci-layout://$(tiny_layout)@$digest" main
        [ -x out/b ]
    done
}
