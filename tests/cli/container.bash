# shellcheck shell=bash
# A container as Docker makes it: its default capabilities, seccomp profile, devices and masked paths
# (tests/container/config.json), run by runc. It sees this machine's programs read-only, and its
# network.

# need_container: skip where runc can't run one.
need_container() {
    command -v runc >/dev/null || skip "needs runc"
    [ "$(id -u)" = 0 ] || skip "needs root"
    in_container true && return 0
    skip "runc can't run a container here"
}

# container_bundle DIR [JQ]: make a bundle; JQ changes the configuration.
container_bundle() {
    local dir=$1 change=${2:-.} name mounts="[]" source
    mkdir -p "$dir/rootfs"/{etc,tmp,root,var,run,proc,sys,dev,volume,usr,opt}
    chmod 1777 "$dir/rootfs/tmp"
    for name in bin sbin lib lib64; do
        [ -L "$dir/rootfs/$name" ] || ln -s "usr/$name" "$dir/rootfs/$name"
    done
    cp -a /etc/ssl /etc/ca-certificates "$dir/rootfs/etc" 2>/dev/null || true
    printf 'root:x:0:0::/root:/bin/sh\n' >"$dir/rootfs/etc/passwd"
    cp -L /etc/resolv.conf "$dir/rootfs/etc/resolv.conf"
    [ ! -e /etc/alternatives ] || cp -a /etc/alternatives /etc/ld.so.cache "$dir/rootfs/etc"
    for source in /usr "$(dirname "$(realpath "$IMGBUILD")")" "$TEST_CACHE" "$BATS_TEST_TMPDIR"; do
        mounts=$(jq -c --arg path "$source" --arg mode "$([[ $source = "$BATS_TEST_TMPDIR" ]] && echo rw || echo ro)" \
            '. + [{destination: $path, type: "bind", source: $path, options: ["rbind", $mode]}]' <<<"$mounts")
    done
    jq --argjson mounts "$mounts" ".mounts += \$mounts | $change" \
        "$BATS_TEST_DIRNAME/../container/config.json" >"$dir/config.json"
}

# in_container COMMAND…: run it in a container of its own; $CONTAINER_CHANGE is container_bundle's JQ.
in_container() {
    local dir=$BATS_TEST_TMPDIR/bundle id="imgbuild-test-$$-$RANDOM" code=0
    [ -e "$dir/rootfs" ] || container_bundle "$dir" "${CONTAINER_CHANGE:-.}"
    jq --argjson args "$(jq -nc '$ARGS.positional' --args -- "$@")" '.process.args = $args' \
        "$dir/config.json" >"$dir/config.new"
    mkdir -p "$dir/run"
    mv "$dir/config.new" "$dir/config.json"
    runc --root "$dir/run" run --bundle "$dir" "$id" </dev/null || code=$?
    return "$code"
}
