#!/usr/bin/env bats
# What only the built program shows: steps' privileges and surroundings, the store's upkeep, images
# taken in and out, and what is written for people and for a CI.
load helpers
load build

setup() {
    common_setup
    require_root
}

teardown() {
    assert_store_clean
    common_teardown
}

@test "--network none leaves the loopback alone; hosts, shared memory and limits are as asked" {
    build --network none --add-host db:10.1.2.3 --add-host 'six:[fd00::1]' --shm-size 1m \
        --ulimit nofile=77:88 <<'END'
FROM base
RUN ip -o link | cut -d: -f2 > /links; cat /etc/hosts > /hosts; \
    df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d' ' -f2 > /shm; ulimit -n > /soft; ulimit -H -n > /hard
END
    assert_equal "$(layer -1 | tar -xO links)" ' lo'
    layer -1 | tar -xO hosts >hosts
    grep -qx $'10.1.2.3\tdb' hosts
    grep -qx $'fd00::1\tsix' hosts
    assert_equal "$(layer -1 | tar -xO shm)" 1024
    assert_equal "$(layer -1 | tar -xO soft) $(layer -1 | tar -xO hard)" '77 88'
    run_ok build_again --network none --add-host db:10.1.2.4
    assert_stderr_contains '0 of 1 steps from the cache'
}

@test "RUN --network=none closes one step's network alone" {
    build <<'END'
FROM base
RUN --network=none ip -o link | wc -l > /none
RUN ip -o link | wc -l > /host
END
    assert_equal "$(layer 2 | tar -xO none)" 1
    assert_equal "$(layer 3 | tar -xO host)" "$(ip -o link | wc -l)"
}

@test "--ca-certs: steps see the bundle and the variables; image, history and cache don't" {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca-of-ours \
        -keyout key.pem -out ca.pem 2>/dev/null
    mkdir -p context
    cat >context/Dockerfile <<'END'
FROM base
RUN env > /tmp/env; mkdir -p /seen; for v in SSL_CERT_FILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE \
    PIP_CERT NODE_EXTRA_CA_CERTS GIT_SSL_CAINFO; do f=$(sed -n "s/^$v=//p" /tmp/env); \
    test -s "$f" && tail -n 5 "$f" | sha256sum | cut -d' ' -f1 > /seen/$v || true; done; rm /tmp/env
END
    SSL_CERT_FILE=$PWD/ca.pem run_ok build_again --ca-certs
    layer -1 | tar -x
    for name in SSL_CERT_FILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PIP_CERT NODE_EXTRA_CA_CERTS \
        GIT_SSL_CAINFO; do
        assert_equal "$name $(cat "seen/$name")" "$name $(tail -n 5 ca.pem | sha256sum | cut -d' ' -f1)"
    done
    config 'tostring' >config
    ! grep -qE 'SSL_CERT|CA_BUNDLE|PIP_CERT|CA_CERTS|CAINFO' config
    assert_equal "$(layer_list -1 | grep -vc '^seen/\|^tmp/$')" 0
    first=$(digest)
    run_ok env -u SSL_CERT_FILE "$IMGBUILD" -q --build-context \
        "base=oci-layout://$(tiny_layout):latest" -f context/Dockerfile context
    assert_equal "$output" "$first"
}

@test "ONBUILD: a base's instructions run in the child, once, and not in the grandchild" {
    build -t parent <<<$'FROM base\nONBUILD COPY f /f\nONBUILD RUN cat /f /f > /ff'
    assert_equal "$(layers)" 1
    echo content >context/f
    build -t child <<<$'FROM parent\nRUN cat /ff > /end'
    assert_equal "$(layer -1 | tar -xO end)" $'content\ncontent'
    assert_equal "$(config '.config.OnBuild')" null
    rm context/f
    build <<<$'FROM child\nRUN true'
    build_fails 3 <<<$'FROM parent\nRUN true'
    assert_stderr_contains 'ONBUILD of docker.io/library/parent:latest'
}

@test "an image just built is a base by its name, also where a tag moves on" {
    build -t mine:1 -t other/name:x <<<$'FROM base\nRUN echo 1 > /n'
    build <<<$'FROM mine:1\nCOPY --from=other/name:x /n /m\nRUN cat /n /m > /both'
    assert_equal "$(layer -1 | tar -xO both | tr '\n' ' ')" '1 1 '
    build -t mine:1 <<<$'FROM base\nRUN echo 2 > /n'
    build <<<$'FROM mine:1\nCOPY --from=other/name:x /n /m\nRUN cat /n /m > /both'
    assert_equal "$(layer -1 | tar -xO both | tr '\n' ' ')" '2 1 '
}

@test "FROM scratch, HEALTHCHECK NONE, ADD of a file, COPY --exclude" {
    mkdir -p context/d
    echo 1 >context/d/keep
    echo 2 >context/d/drop.log
    build <<<$'FROM scratch\nADD d/keep /added/\nCOPY --exclude=*.log d /d/\nHEALTHCHECK NONE\nENTRYPOINT ["/x"]'
    assert_equal "$(layers)" 2
    layer_list 1 | grep -qx added/keep
    assert_equal "$(layer_list 2 | tr '\n' ' ')" 'd/ d/keep '
    assert_equal "$(config '.config.Healthcheck.Test[0]')" NONE
    mkdir -p context/d/deep
    echo 3 >context/d/deep/low.log
    build <<<$'FROM scratch\nCOPY --exclude=deep d /d/\nCOPY --exclude=**/*.log d /e/\nCOPY --exclude=*.log d/* /f/'
    assert_equal "$(layer_list 1 | tr '\n' ' ')" 'd/ d/drop.log d/keep '
    assert_equal "$(layer_list 2 | tr '\n' ' ')" 'e/ e/deep/ e/keep '
    layer_list 3 >list
    grep -qx f/keep list && ! grep -qx f/drop.log list
    build <<<$'FROM scratch\nLABEL a=b'
    assert_equal "$(layers)" 0
}

@test "the last --build-arg and --build-context of a name hold; NAME alone is the environment's" {
    export FROM_OUTSIDE=outside
    build --build-arg A=1 --build-arg A=2 --build-arg FROM_OUTSIDE --build-arg NOT_SET_ANYWHERE \
        <<<$'FROM base\nARG A\nARG FROM_OUTSIDE\nARG NOT_SET_ANYWHERE=default\nRUN echo $A $FROM_OUTSIDE $NOT_SET_ANYWHERE > /a'
    assert_equal "$(layer -1 | tar -xO a)" '2 outside default'
    run_exit 3 build_again --build-context base=oci-layout:///nowhere:latest
    assert_stderr_contains /nowhere
}

@test "--iidfile and --metadata-file; they go through symlinks, and devices stay devices" {
    mkdir -p context
    printf 'FROM base\nRUN true\n' >context/Dockerfile
    ln -s real link
    echo old >real
    run_ok build_again -q -t a:1 -t b/c:2 --iidfile link --metadata-file meta.json
    assert_equal "$output" "$(cat real)"
    [ -L link ]
    assert_equal "$(digest)" "$output"
    assert_json '."containerimage.digest" | startswith("sha256:")' meta.json
    assert_equal "$(json '."containerimage.digest"' meta.json)" "$(cat real)"
    assert_json '."image.name" | contains("a:1") and contains("b/c:2")' meta.json
    mkfifo pipe
    cat pipe >from-pipe &
    run_ok build_again -q --iidfile pipe
    wait $!
    assert_equal "$(cat from-pipe)" "$output"
    [ -p pipe ]
    run_ok build_again -q --metadata-file /dev/null
    [ -c /dev/null ]
}

@test "an iidfile of an earlier build doesn't outlive a failed one" {
    mkdir -p context
    printf 'FROM base\nRUN true\n' >context/Dockerfile
    run_ok build_again --iidfile iid
    [ -s iid ]
    printf 'FROM base\nRUN false\n' >context/Dockerfile
    run_exit 1 build_again --iidfile iid
    [ ! -e iid ]
}

@test "a CI gets digest and tags, and a summary" {
    export GITHUB_OUTPUT=$PWD/out.txt GITHUB_STEP_SUMMARY=$PWD/summary.md
    echo before=1 >out.txt
    build -t example.com/a:1 -t example.com/a:2 <<<$'FROM base\nRUN true'
    assert_file_contains out.txt before=1
    assert_file_contains out.txt "digest=$(digest)"
    sed -n '/^tags<<imgbuild-end$/,/^imgbuild-end$/p' out.txt >tags
    assert_equal "$(sed '1d;$d' tags | tr '\n' ' ')" 'example.com/a:1 example.com/a:2 '
    assert_file_contains summary.md "$(digest)"
}

@test "stdout has names and digest alone; -q the digest alone, with nothing on stderr" {
    mkdir -p context
    printf 'FROM base\nRUN echo noise\n' >context/Dockerfile
    run_ok build_again -t a:1 -t a:1 -t a:2
    assert_equal "$output" "docker.io/library/a:1
docker.io/library/a:2
$(digest)"
    run_ok build_again -q --no-cache -t a:1
    assert_equal "$output" "$(digest)"
    assert_equal "$stderr" ''
}

@test "push, copy, inspect and pull agree on what an image is" {
    start_registry
    build -t "$REGISTRY/one:1" -t "$REGISTRY/one:latest" -t "$REGISTRY/two:1" --push \
        <<<$'FROM base\nRUN echo 1 > /n'
    digest=$(digest)
    assert_equal "$(registry_tags one | tr '\n' ' ')" '1 latest '
    assert_equal "$(registry_tags two)" 1
    assert_equal "$(registry_manifest one 1 | sha256sum | cut -d' ' -f1)" "${digest#sha256:}"
    run_ok "$IMGBUILD" push "$REGISTRY/one:1" "$REGISTRY/three:x"
    assert_equal "$output" "$REGISTRY/three@$digest"
    run_ok "$IMGBUILD" copy "$REGISTRY/three:x" "oci-archive:$PWD/three.tar"
    assert_equal "$output" "$digest"
    run_ok "$IMGBUILD" inspect "oci-archive:$PWD/three.tar"
    assert_equal "$(json .digest)" "$digest"
    run_ok "$IMGBUILD" pull --root "$PWD/other-store" "$REGISTRY/two:1"
    assert_equal "$output" "$digest"
    run_ok "$IMGBUILD" inspect --raw "$REGISTRY/two:1"
    assert_equal "$(printf %s "$output" | sha256sum | cut -d' ' -f1)" "${digest#sha256:}"
    run_exit 3 "$IMGBUILD" push "$REGISTRY/nothing:1"
    assert_stderr_contains "has no image named “$REGISTRY/nothing:1”"
    assert_stderr_contains "hint: it has: "
    refute_stderr_contains sha256
}

@test "a push tells what it moved, and moves nothing twice" {
    start_registry
    mkdir -p context
    printf 'FROM base\nRUN echo 1 > /n\n' >context/Dockerfile
    run_ok build_again -t "$REGISTRY/a:1" -t "$REGISTRY/a:2" --push
    assert_stderr_contains 'pushed 3 blobs'
    assert_equal "$(registry_requests PUT /blobs/uploads/)" 3
    run_ok build_again -t "$REGISTRY/a:1" --push
    assert_stderr_contains '(3 already there)'
}

@test "--dry-run prints the plan, asks no registry, and makes no store" {
    mkdir -p context
    printf 'FROM nowhere.invalid/x\n' >context/Dockerfile
    run_ok "$IMGBUILD" --root "$PWD/none" --dry-run -f context/Dockerfile -t a:1 context
    assert_json '.references // .tags | tostring | contains("a:1")'
    [ ! -e none ]
}

@test "prune keeps named images, frees what has no name, and refuses while a build runs" {
    build -t kept <<<$'FROM base\nRUN echo kept > /k'
    kept=$(digest)
    build <<<$'FROM base\nRUN head -c 3000000 /dev/urandom > /gone'
    gone=$(digest)
    printf 'FROM base\nRUN echo started; sleep 300\n' >context/Dockerfile
    set -m
    build_again >out 2>err 3>&- &
    pid=$!
    set +m
    for _ in $(seq 100); do
        grep -q '^#[0-9]* started' err && break
        sleep 0.1
    done
    run_exit 7 "$IMGBUILD" prune --keep-days 0
    assert_stderr_contains 'in use by another process'
    assert_stderr_contains 'hint: '
    kill -INT -- "-$pid"
    wait "$pid" || true
    touch -d '2 days ago' "$STORE"/cache/steps/*
    before=$(du -sk "$STORE" | cut -f1)
    run_ok "$IMGBUILD" prune --keep-days 1
    assert_output_contains 'freed '
    [ "$(du -sk "$STORE" | cut -f1)" -lt $((before - 2900)) ]
    run_ok "$IMGBUILD" inspect "oci:$STORE/oci:docker.io/library/kept:latest"
    assert_equal "$(json .digest)" "$kept"
    [ ! -e "$STORE/oci/blobs/sha256/${gone#sha256:}" ]
    build <<<$'FROM kept\nRUN cat /k > /copy'
    assert_equal "$(layer -1 | tar -xO copy)" kept
    run_ok "$IMGBUILD" prune --all
    assert_equal "$(find "$STORE/layers" "$STORE/oci/blobs" -mindepth 2 | wc -l)" 0
    build <<<$'FROM base\nRUN true'
}

@test "credentials and passwords are in no output, log, image or store" {
    start_registry --auth
    run_ok "$IMGBUILD" login -u "$REGISTRY_USER" --password-stdin "$REGISTRY" <<<"$REGISTRY_PASSWORD"
    refute_output_contains "$REGISTRY_PASSWORD"
    assert_equal "$(stat -c %a "$HOME/.docker/config.json")" 600
    secret=$(printf %s "$REGISTRY_USER:$REGISTRY_PASSWORD" | base64)
    mkdir -p context
    printf 'FROM base\nRUN env > /env; echo x\n' >context/Dockerfile
    run_ok build_again --push -t "$REGISTRY/a:1"
    for word in "$REGISTRY_PASSWORD" "$secret"; do
        refute_output_contains "$word"
        refute_stderr_contains "$word"
        run grep -rqF -- "$word" "$STORE" image
        assert_exit 1
    done
    run_ok "$IMGBUILD" logout "$REGISTRY"
    ! grep -qF "$secret" "$HOME/.docker/config.json"
}

@test "two builds of one image at once, from an empty store and a registry, both succeed" {
    start_registry
    registry_put "$(tiny_layout)" base 1
    mkdir -p context
    printf 'FROM %s/base:1\nRUN echo 1 > /a; sleep 0.3\nCOPY Dockerfile /d\nRUN echo 2 > /b\n' \
        "$REGISTRY" >context/Dockerfile
    for n in 1 2 3; do
        SOURCE_DATE_EPOCH=1700000000 "$IMGBUILD" -q -t "$REGISTRY/out:1" --push \
            -f context/Dockerfile context >"out.$n" 2>"err.$n" 3>&- &
        pids[n]=$!
    done
    for n in 1 2 3; do wait "${pids[n]}" || fail "$(cat "err.$n")"; done
    assert_equal "$(cat out.1)" "$(cat out.2)"
    assert_equal "$(cat out.1)" "$(cat out.3)"
    assert_equal "sha256:$(registry_manifest out 1 | sha256sum | cut -d' ' -f1)" "$(cat out.1)"
}

@test "prune forgets an image of which the manifest is gone, and goes on" {
    mkdir -p context
    build -t local/kept:1 <<'END'
FROM base
RUN echo kept > /kept
END
    build -t local/lost:1 <<'END'
FROM base
RUN echo lost > /lost
END
    lost=$(digest)
    rm "$STORE/oci/blobs/sha256/${lost#sha256:}"
    run_ok "$IMGBUILD" prune
    assert_stderr_contains 'is forgotten'
    run_ok "$IMGBUILD" prune
    refute_stderr_contains 'is forgotten'
    build <<'END'
FROM local/kept:1
RUN test -f /kept
END
}
