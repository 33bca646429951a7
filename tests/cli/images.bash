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

# platforms_layout: the path of an OCI layout of an index (tag "latest") over that root of 2 MB for
# linux/amd64, linux/arm64, linux/arm/v7 and linux/s390x, with Debian's busybox of each architecture. Skips where the archive is not reached.
platforms_layout() {
    _cached platforms.oci _make_platforms ||
        skip "needs Debian's archive: $(tail -n 1 "$TEST_CACHE/platforms.oci.log" 2>/dev/null)"
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

_make_tiny_root() { # PATH [BUSYBOX]
    local root=$1.root applet
    rm -rf "$root"
    mkdir -p "$root"/{bin,sbin,dev,etc,proc,sys,root,run,tmp,usr/bin,usr/sbin,var,home}
    chmod 1777 "$root/tmp"
    chmod 700 "$root/root"
    cp "${2:-$(command -v busybox)}" "$root/bin/busybox"
    chmod 755 "$root/bin/busybox"
    for applet in $(busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' \
        'nobody:x:65534:65534:nobody:/nonexistent:/bin/false' >"$root/etc/passwd"
    printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$root/etc/group"
    tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner --mtime=2024-01-01T00:00:00Z \
        -cf "$1" .
    rm -rf "$root"
}

# _download_busybox ARCH DIR: Debian's static busybox of another architecture, as DIR/busybox, by an
# apt that knows nothing of this machine's.
_download_busybox() {
    local dir=$2 keys=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$dir"/state/lists/partial "$dir"/cache/archives/partial "$dir/etc"
    printf 'deb [signed-by=%s] http://deb.debian.org/debian bookworm main\n' "$keys" >"$dir/etc/list"
    printf '%s\n' "Dir::State \"$dir/state\";" 'Dir::State::status "/dev/null";' \
        "Dir::Cache \"$dir/cache\";" "Dir::Etc::SourceList \"$dir/etc/list\";" \
        'Dir::Etc::SourceParts "/dev/null";' "APT::Architecture \"$1\";" \
        "APT::Architectures {\"$1\";};" 'Acquire::Languages "none";' \
        'APT::Sandbox::User "root";' >"$dir/etc/conf"
    APT_CONFIG=$dir/etc/conf apt-get -qq update
    (cd "$dir" && APT_CONFIG=$dir/etc/conf apt-get -qq download busybox-static)
    dpkg-deb --fsys-tarfile "$dir"/busybox-static_*.deb | tar -xO ./bin/busybox >"$dir/busybox"
}

# Debian's architecture, then Go's, and the variant.
_make_platforms() ( # PATH
    set -e
    local path=$1 work=$1.work name arch variant entry
    rm -rf "$work"
    mkdir -p "$work" "$path"
    while read -r name arch variant; do
        _download_busybox "$name" "$work/$name"
        _make_tiny_root "$work/$name.tar" "$work/$name/busybox"
        make_layout "$work/$name.oci" "$work/$name.tar" \
            ".architecture = \"$arch\"${variant:+ | .variant = \"$variant\"}"
        cp -r "$work/$name.oci/." "$path"
        jq -c --arg arch "$arch" --arg variant "$variant" '.manifests[0] | del(.annotations) |
            .platform = ({os: "linux", architecture: $arch} +
            if $variant == "" then {} else {variant: $variant} end)' "$path/index.json"
    done >"$work/entries" <<'END'
amd64 amd64
arm64 arm64
armhf arm v7
s390x s390x
END
    jq -cjs '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: .}' "$work/entries" >"$work/index"
    entry=$(_blob "$path" "$work/index" application/vnd.oci.image.index.v1+json)
    jq -cjn --argjson entry "$entry" '{schemaVersion: 2, manifests: [$entry +
        {annotations: {"org.opencontainers.image.ref.name": "latest"}}]}' >"$path/index.json"
    rm -rf "$work"
)

_make_debian_root() { # PATH
    local mode=unshare
    [ "$(id -u)" -ne 0 ] || mode=root
    TMPDIR=${TEST_CACHE} mmdebstrap --quiet --mode="$mode" --variant=minbase --format=tar \
        --include=python3,python3-venv,ca-certificates --aptopt='Acquire::Languages "none"' \
        bookworm "$1" http://deb.debian.org/debian
}
