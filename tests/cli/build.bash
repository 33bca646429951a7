# shellcheck shell=bash
# Building small Dockerfiles on a tiny base, and looking at what came of it.

# build [OPTION…] <DOCKERFILE: in ./context, FROM base being the tiny root, to ./image (an OCI layout).
build() {
    mkdir -p context
    cat >context/Dockerfile
    build_again "$@"
}

build_again() {
    rm -rf image
    "$IMGBUILD" --progress plain --build-context "base=oci-layout://$(tiny_layout):latest" \
        --output type=oci,dest=image,tar=false "$@" -f context/Dockerfile context
}

# build_fails CODE [OPTION…] <DOCKERFILE: the same, wanting this exit code and no image.
build_fails() {
    local code=$1
    shift
    mkdir -p context
    cat >context/Dockerfile
    run_exit "$code" build_again "$@"
    [ ! -e image ] || fail 'an image was written'
}

# config JQ: the image config through jq.
config() {
    "$IMGBUILD" inspect --config "oci:$PWD/image" | jq -r "$1"
}

# layer N: the N-th layer's tar (from 1; negative: from the end), on stdout.
layer() {
    local digest
    digest=$("$IMGBUILD" inspect "oci:$PWD/image" |
        jq -r --argjson n "$1" '.layers[if $n > 0 then $n - 1 else $n end].digest')
    zcat "image/blobs/sha256/${digest#sha256:}"
}

layer_list() {
    layer "$1" | tar -t
}

layers() {
    "$IMGBUILD" inspect "oci:$PWD/image" | jq '.layers | length'
}

digest() {
    "$IMGBUILD" inspect "oci:$PWD/image" | jq -r .digest
}
