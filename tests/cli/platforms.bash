# shellcheck shell=bash
# Building for several platforms on tiny bases, and what a host has registered to run them.

# Skips where programs of other architectures can't run.
require_emulation() {
    command -v qemu-aarch64-static >/dev/null || skip "needs qemu-user-static"
    [ "$(_release)" -ge 607 ] || skip "needs Linux 6.7, for a private binfmt_misc"
}

_release() {
    local major minor
    IFS=. read -r major minor _ <<<"$(uname -r)"
    echo $((major * 100 + minor))
}

# on_platforms [OPTION…] <DOCKERFILE: in ./context, FROM base having each platform, to ./image (an
# OCI layout).
on_platforms() {
    mkdir -p context
    cat >context/Dockerfile
    rm -rf image
    "$IMGBUILD" --progress plain --build-context "base=oci-layout://$(platforms_layout):latest" \
        --output type=oci,dest=image,tar=false "$@" -f context/Dockerfile context
}

# platform_file PLATFORM PATH: the content of a file of the image in ./image.
platform_file() {
    local digest
    for digest in $("$IMGBUILD" inspect --platform "$1" "oci:$PWD/image" | jq -r '.layers[].digest'); do
        zcat "image/blobs/sha256/${digest#sha256:}" | tar -xO "$2" 2>/dev/null || true
    done
}
