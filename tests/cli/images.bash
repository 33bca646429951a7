# shellcheck shell=bash
# Bases for tests, made once a run (below $TEST_CACHE) with other tools than ours.

# tiny_root_tar: the path of a tar of a root of some 2 MB: busybox with its applets, root and nobody.
tiny_root_tar() {
    _cached tiny.tar _make_tiny_root
}

# debian_root_tar: the path of a tar of Debian bookworm, minbase, with python3, python3-venv and
# ca-certificates. Skips where the archive is not reached.
debian_root_tar() {
    _cached debian.tar _make_debian_root ||
        skip "needs Debian's archive: $(tail -n 1 "$TEST_CACHE/debian.tar.log" 2>/dev/null)"
}

# tiny_layout, debian_layout: the path of an OCI layout of one image (tag "latest") of that root.
tiny_layout() {
    tiny_root_tar >/dev/null
    _cached tiny.oci _make_layout "$TEST_CACHE/tiny.tar"
}

debian_layout() {
    debian_root_tar >/dev/null
    _cached debian.oci _make_layout "$TEST_CACHE/debian.tar"
}

# make_layout DIR TAR [JQ]: an OCI layout of one image (tag "latest") with the tar as its layer.
# JQ changes the config, as in '.config.User = "nobody" | .architecture = "arm64"'.
make_layout() {
    local dir=$1 tar=$2 change=${3:-.} layer diff_id config manifest
    mkdir -p "$dir/blobs/sha256"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
    diff_id=$(_sha256 "$tar")
    gzip -1 -n -c "$tar" >"$dir/layer"
    layer=$(_blob "$dir" "$dir/layer" application/vnd.oci.image.layer.v1.tar+gzip)
    jq -cj --arg diff_id "sha256:$diff_id" "{created: \"2024-01-01T00:00:00Z\",
        architecture: \"amd64\", os: \"linux\",
        config: {Env: [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],
                 Cmd: [\"/bin/sh\"]},
        rootfs: {type: \"layers\", diff_ids: [\$diff_id]},
        history: [{created: \"2024-01-01T00:00:00Z\", created_by: \"made for a test\"}]}
        | $change" <<<null >"$dir/config"
    config=$(_blob "$dir" "$dir/config" application/vnd.oci.image.config.v1+json)
    jq -cjn --argjson config "$config" --argjson layer "$layer" '{schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json", config: $config,
        layers: [$layer]}' >"$dir/manifest"
    manifest=$(_blob "$dir" "$dir/manifest" application/vnd.oci.image.manifest.v1+json)
    jq -cjn --argjson manifest "$manifest" '{schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json", manifests: [$manifest +
        {annotations: {"org.opencontainers.image.ref.name": "latest"}}]}' >"$dir/index.json"
}

_sha256() {
    sha256sum "$1" | cut -d' ' -f1
}

# _blob LAYOUT FILE TYPE: move a file to its place in the layout; prints its descriptor.
_blob() {
    local digest
    digest=$(_sha256 "$2")
    mv "$2" "$1/blobs/sha256/$digest"
    jq -cn --arg type "$3" --arg digest "sha256:$digest" \
        --argjson size "$(stat -c %s "$1/blobs/sha256/$digest")" \
        '{mediaType: $type, digest: $digest, size: $size}'
}

# _cached NAME COMMAND…: print $TEST_CACHE/NAME, which `COMMAND… PATH` makes where it is not there.
# Tests that run side by side wait for the one that makes it; what failed is tried again after ten
# minutes, not by each test.
_cached() {
    local path=$TEST_CACHE/$1 failed
    shift
    (
        flock 9
        [ ! -e "$path" ] || exit 0
        failed=$path.failed
        [ -z "$(find "$failed" -mmin -10 2>/dev/null)" ] || exit 1
        rm -rf "$path.new"
        # With few descriptors open: mmdebstrap has sh write to one that sh knows by one digit alone.
        if ! "$@" "$path.new" >"$path.log" 2>&1 3>&- 4>&- 9>&-; then
            touch "$failed"
            rm -rf "$path.new"
            exit 1
        fi
        rm -f "$failed"
        mv "$path.new" "$path"
    ) 9>"$path.lock" || return 1
    printf '%s\n' "$path"
}

_make_layout() { # TAR PATH
    make_layout "$2" "$1"
}

_make_tiny_root() { # PATH
    local root=$1.root applet
    rm -rf "$root"
    mkdir -p "$root"/{bin,sbin,dev,etc,proc,sys,root,run,tmp,usr/bin,usr/sbin,var,home}
    chmod 1777 "$root/tmp"
    chmod 700 "$root/root"
    cp "$(command -v busybox)" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' \
        'nobody:x:65534:65534:nobody:/nonexistent:/bin/false' >"$root/etc/passwd"
    printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$root/etc/group"
    tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner --mtime=2024-01-01T00:00:00Z \
        -cf "$1" .
    rm -rf "$root"
}

_make_debian_root() { # PATH
    local mode=unshare
    [ "$(id -u)" -ne 0 ] || mode=root
    TMPDIR=${TEST_CACHE} mmdebstrap --quiet --mode="$mode" --variant=minbase --format=tar \
        --include=python3,python3-venv,ca-certificates --aptopt='Acquire::Languages "none"' \
        bookworm "$1" http://deb.debian.org/debian
}
