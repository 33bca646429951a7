#!/usr/bin/env bats
# Layers in and out, beside other tools: what they unpack, we unpack, and what we write, they unpack.
load helpers
load build

setup() {
    common_setup
    require_root
}

# describe DIR: all that a layer keeps of the files below it, but for device nodes.
describe() {
    (
        cd "$1" || exit
        find . -mindepth 1 ! -type b ! -type c ! -type d -printf '%P %y %m %U:%G %T@ %s %n %l\n' \
            -o -type d -printf '%P %y %m %U:%G %T@\n' | LC_ALL=C sort
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
        getfattr -R -h -P -d -e hex -m - . 2>/dev/null | grep -v '^trusted.overlay' || true
    )
}

# layer_dir TAR: where the store has this tar's layer.
layer_dir() {
    printf '%s/layers/%s' "$STORE" "$(sha256sum "$1" | cut -d' ' -f1)"
}

@test "Debian's root unpacks as GNU tar and umoci unpack it" {
    require_program umoci getfattr
    local layout tar
    layout=$(debian_layout)
    tar=$(debian_root_tar)
    run_ok "$IMGBUILD" pull "oci:$layout:latest"
    mkdir theirs
    tar -xpf "$tar" -C theirs --xattrs --xattrs-include='*' --numeric-owner --same-owner
    describe "$(layer_dir "$tar")" >ours.list
    describe theirs >theirs.list
    diff -u theirs.list ours.list
    umoci unpack --image "$layout:latest" bundle >umoci.log
    describe bundle/rootfs >umoci.list
    diff -u umoci.list ours.list
    rm -rf theirs bundle
}

# blob N: the path of the N-th layer's blob of ./image.
blob() {
    "$IMGBUILD" inspect "oci:$PWD/image" |
        jq -r --argjson n "$1" '"image/blobs/sha256/" + (.layers[$n].digest | ltrimstr("sha256:"))'
}

# umoci wants a tag.
unpack_with_umoci() {
    jq '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "latest"' \
        image/index.json >index.json
    cp index.json image/index.json
    umoci unpack --image image:latest bundle >umoci.log
}

@test "a step's copy of Debian comes back from tar, umoci and the store as it was" {
    require_program umoci getfattr zstd
    local base compression
    base=$(debian_layout)
    mkdir context
    cat >context/Dockerfile <<'END'
FROM base
RUN mkdir /copy && cp -a /usr/bin /usr/sbin /etc /var /copy && ln /copy/etc/group /copy/etc/hard \
    && chmod 2755 /copy/var && truncate -s 100M /copy/etc/sparse && rm /etc/issue
END
    for compression in gzip zstd none; do
        rm -rf image
        run_ok "$IMGBUILD" --progress plain --build-context "base=oci-layout://$base:latest" \
            --compression "$compression" --output type=oci,dest=image,tar=false context
        case $compression in
        gzip) zcat "$(blob 1)" ;;
        zstd) zstdcat "$(blob 1)" ;;
        none) cat "$(blob 1)" ;;
        esac >"$compression.tar"
        cmp gzip.tar "$compression.tar"
        [ "$compression" != gzip ] || unpack_with_umoci
    done
    describe bundle/rootfs/copy/bin >copy.list
    describe bundle/rootfs/usr/bin >base.list
    diff -u base.list copy.list
    [ ! -e bundle/rootfs/etc/issue ]

    describe bundle/rootfs/copy >umoci.list
    mkdir theirs
    tar -xpf gzip.tar -C theirs --xattrs --xattrs-include='*' --numeric-owner --same-owner
    describe theirs/copy >tar.list
    # The store has what the step itself wrote, with fractions of seconds that a layer does not hold.
    describe "$(layer_dir gzip.tar)/copy" | sed -E 's/ ([0-9]+)\.[0-9]{10}( |$)/ \1.0000000000\2/' >store.list
    IMGBUILD_ROOT=$PWD/other run_ok "$IMGBUILD" pull "oci:$PWD/image"
    describe "other/layers/$(basename "$(layer_dir gzip.tar)")/copy" >pulled.list
    diff -u tar.list umoci.list
    diff -u tar.list store.list
    diff -u tar.list pulled.list
}
