#!/usr/bin/env bats
# Beside a peer: buildah builds the same Dockerfile from the same base, and config and files of the
# two images are compared. tests/parity/differences names what may differ, docs/compatibility.md
# tells of the whole images, which tests/parity/run compares.
load helpers
load build
source "$SOURCE_ROOT/tests/parity/compare.bash"

setup() {
    common_setup
    require_root
    require_program buildah jq python3 unshare
    export BUILDAH_ISOLATION=chroot
    mkdir -p "$DOCKER_CONFIG"
    echo "{}" >"$DOCKER_CONFIG/config.json"
    # In a mount namespace of its own, so that no mount of it can be left.
    BUILDAH=(unshare --mount --propagation private buildah --storage-driver vfs
        --root "$BATS_TEST_TMPDIR/b/root" --runroot "$BATS_TEST_TMPDIR/b/run")
}

peer_build() {
    local base
    base=$(tiny_layout)
    "${BUILDAH[@]}" pull -q "oci:$base:latest" >id 2>pull.log || skip "buildah can't run here: $(tail -n 1 pull.log)"
    "${BUILDAH[@]}" tag "$(cat id)" localhost/base
    sed 's/^FROM base/FROM localhost\/base/' context/Dockerfile >Dockerfile.peer
    "${BUILDAH[@]}" bud -q --layers --ulimit nproc=1024:1024 --ulimit nofile=1024:1024 \
        -t peer -f Dockerfile.peer context >bud.log 2>&1 || fail "buildah: $(tail -n 5 bud.log)"
    "${BUILDAH[@]}" push -q localhost/peer "oci:$PWD/peer:latest"
}

compare() {
    peer_build
    parity_compare buildah image peer
}

make_tree() {
    mkdir -p context/src/sub
    echo a >context/src/a
    echo b >context/src/sub/b
    chmod 700 context/src/sub
    chown -R 1234:1234 context/src/sub
    ln -s a context/src/l
    ln context/src/a context/src/h
    touch "context/src/two words" context/src/-dash
}

@test "copies, runs, links, owners and stages come out as buildah's" {
    make_tree
    echo 'src/skip' >context/.dockerignore
    echo s >context/src/skip
    build -t parity:latest <<'END'
FROM base AS made
RUN mkdir /out && echo made > /out/file && chmod 640 /out/file && chown 5:6 /out/file
FROM base
ARG WHO=nobody
ENV A=1 B="two words"
COPY src /app
COPY --chown=65534:65534 src/a /owned/
COPY --from=made /out /from
RUN rm /bin/yes && echo "$A $B $WHO" > /app/vars && ln -s vars /app/link && mkdir -p /x/y && rmdir /x/y
WORKDIR /app/work
RUN pwd > where
EXPOSE 5000
VOLUME ["/config"]
LABEL one=1
USER nobody
CMD ["/bin/sh", "-c", "echo ${A}"]
END
    compare
}

@test "a directory made for a COPY has nothing of its source; one that is there keeps its own" {
    make_tree
    build <<'END'
FROM base AS made
RUN mkdir -p /out/d && echo 1 > /out/d/f && chmod 750 /out /out/d && chown -R 7:8 /out
FROM base
COPY src/sub /a
COPY src/sub /b/c/
COPY --chown=3:4 src/sub /d
COPY --from=made /out /e
COPY --from=made /out/d /out /f/
COPY --from=made --chown=3:4 /out /g/h
RUN mkdir -m 0751 /there && chown 9:9 /there
COPY --from=made /out /there
COPY --chown=3:4 src /there/more
END
    compare
}

@test "what a COPY's patterns and links mean, and that each source is copied on its own" {
    make_tree
    ln -s src context/dirlink
    ln -s src/a context/filelink
    build <<'END'
FROM base
COPY src/* /glob/
COPY s?c/a src/[lh] /glob2/
COPY dirlink /dirlink
COPY filelink /filelink
COPY filelink dirlink /links/
RUN mkdir /real && ln -s real /link
COPY src/a /link/
COPY src /link/new/
END
    compare
}

@test "deletions, moves and replacements of what lower layers hold" {
    make_tree
    build <<'END'
FROM base
COPY src /app
RUN rm -rf /app/sub && mkdir /app/sub && echo n > /app/sub/n
RUN mv /app /moved && mkdir /app && echo new > /app/a
RUN rm /moved/a && mkdir /moved/a && rm -r /moved/sub && ln -s a /moved/sub
RUN touch /tmp/x && rm /tmp/x
RUN echo x > /s && chmod 4755 /s && mkdir -m 2775 /g && mkfifo /p && touch -h -d @1 /moved/l
END
    compare
}
