#!/usr/bin/env bats
# Beside a peer: buildah builds the same Dockerfile from the same base, and the two images are
# unpacked and compared: file lists, types, modes, owners, contents and config.
#
# Named differences: times and history (each builder's own); the label io.buildah.version; buildah's
# empty etc/hosts, etc/hostname and etc/resolv.conf; and that it makes no directory for WORKDIR where
# no step follows, as Docker does.
load helpers
load build

setup() {
    common_setup
    require_root
    require_program buildah umoci jq
    export BUILDAH_ISOLATION=chroot
    mkdir -p "$DOCKER_CONFIG"
    echo "{}" >"$DOCKER_CONFIG/config.json"
    BUILDAH=(buildah --storage-driver vfs --root "$BATS_TEST_TMPDIR/b/root" --runroot "$BATS_TEST_TMPDIR/b/run")
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

# files LAYOUT: everything in the unpacked image but what differs by name.
files() {
    umoci unpack --image "$1:$2" "$3" >/dev/null 2>umoci.log || fail "$(cat umoci.log)"
    (cd "$3/rootfs" && find . -printf '%P %y %m %U %G %l\n' | LC_ALL=C sort &&
        find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2) |
        grep -vE '[ ./]*etc/(hosts|hostname|resolv.conf)( |$)' 
}

settings() {
    "$IMGBUILD" inspect --config "oci:$PWD/$1" |
        jq -S '.config | {User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, StopSignal,
               Labels: ((.Labels // {}) | del(.["io.buildah.version"]))} |
               with_entries(select(.value != null and .value != {} and .value != ""))'
}

compare() {
    peer_build
    local tag
    tag=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"] // "latest"' image/index.json)
    files image "$tag" ours >ours.list
    files peer latest theirs >theirs.list
    diff -u theirs.list ours.list
    settings image >ours.json
    settings peer >theirs.json
    diff -u theirs.json ours.json
}

@test "copies, runs, links, owners and stages come out as buildah's" {
    mkdir -p context/src/sub
    echo a >context/src/a
    echo b >context/src/sub/b
    chmod 700 context/src/sub
    ln -s a context/src/l
    ln context/src/a context/src/h
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
