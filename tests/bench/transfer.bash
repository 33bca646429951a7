# shellcheck shell=bash
# The rows of transfers alone: an image's blobs as they are, from a layout to a registry (push) and
# from there into one (fetch), on loopback and over a link of 20 ms there and back and 100 Mbit/s.
# shellcheck disable=SC2154,SC2016 # the variables of tests/bench/run and machine.bash; inner shells expand

# A registry behind a slow link, in $slow: netem on the loopback of a network namespace of its own,
# whose registry and clients are run with `in_link`; without netem a forwarder that delays.
start_link() {
    [ -z "${slow:-}" ] || return 0
    if unshare -n bash -c 'ip link set lo up && tc qdisc add dev lo root netem delay 10ms rate 100mbit' 2>/dev/null; then
        start_link_netem
    else
        start_link_forwarder
    fi
}

start_link_netem() {
    unshare -n bash -c 'ip link set lo up; tc qdisc add dev lo root netem delay 10ms rate 100mbit
        exec env OTEL_TRACES_EXPORTER=none docker-registry serve "$0"' "$work/registry.yml" \
        >"$work/slow.log" 2>&1 </dev/null &
    link_pid=$!
    servers+=("$link_pid")
    await_link
    in_link=(nsenter -t "$link_pid" -n)
    echo 'slow link: netem'
}

start_link_forwarder() {
    python3 "$here/slow_link.py" --to "$registry" >"$work/slow.log" 2>&1 </dev/null &
    servers+=($!)
    await_link
    in_link=()
    echo 'slow link: a forwarder, since the kernel has no netem'
}

await_link() {
    local i port=''
    for ((i = 0; i < 100 && ${#port} == 0; i++)); do
        sleep 0.1
        port=$(sed -nE 's/.*listening on 127\.0\.0\.1:([0-9]+).*/\1/p' "$work/slow.log")
    done
    slow=127.0.0.1:$port
}

# The base as a layout, for all tools to send.
make_transfer() {
    [ ! -d "$work/transfer/base" ] || return 0
    mkdir -p "$work/transfer"
    "$imgbuild" copy -q "$base_ref" "oci:$work/transfer/base:1" >/dev/null
}

# A registry that has nothing, so that no tool can have its blobs mounted from an earlier turn; the
# base is put back for the rows behind.
empty_registry() {
    rm -rf "$work/registry/docker/registry/v2/blobs"
}

refill_registry() {
    empty_registry
    "$imgbuild" copy -q "oci:$work/transfer/base:1" "$base_ref" >/dev/null
}

# transfer_push NAME TOOL HOST [COMMAND…]: to a repository of its own, by HOST.
transfer_push() {
    local name=$1 tool=$2 to=$3/$1-$2-$nonce:1 from=$work/transfer/base
    shift 3
    case $tool in
    imgbuild) timed "$name.$tool" "$@" "$imgbuild" copy -q "oci:$from:1" "$to" ;;
    crane) have crane && timed "$name.$tool" "$@" "$(command -v crane)" push --insecure "$from" "$to" ;;
    skopeo) have skopeo && timed "$name.$tool" "$@" "$(command -v skopeo)" copy -q \
        --dest-tls-verify=false "oci:$from:1" "docker://$to" ;;
    buildah)
        have buildah || return 1
        buildah_here "$work/buildah"
        "${buildah[@]}" pull -q "oci:$from:1" >"$work/transfer/id" || return 1
        timed "$name.$tool" "$@" "${buildah[@]}" push -q --tls-verify=false \
            "$(tail -1 "$work/transfer/id")" "docker://$to"
        ;;
    esac
}

# transfer_fetch NAME TOOL REF [COMMAND…]: into a layout that is not there.
transfer_fetch() {
    local name=$1 tool=$2 from=$3 to=$work/transfer/to
    shift 3
    rm -rf "$to"
    case $tool in
    imgbuild) timed "$name.$tool" "$@" "$imgbuild" copy -q "$from" "oci:$to:1" ;;
    crane) have crane && timed "$name.$tool" "$@" "$(command -v crane)" pull --insecure --format oci "$from" "$to" ;;
    skopeo) have skopeo && timed "$name.$tool" "$@" "$(command -v skopeo)" copy -q \
        --src-tls-verify=false "docker://$from" "oci:$to:1" ;;
    esac
}

turn_push() {
    make_transfer
    empty_registry
    warm
    transfer_push push "$1" "$registry"
}

row_push() {
    take_turns push imgbuild crane skopeo buildah
    refill_registry
    report 'Push the base as it is' - push.imgbuild push.crane push.skopeo push.buildah
}

turn_fetch() {
    make_transfer
    warm
    transfer_fetch fetch "$1" "$base_ref"
}

row_fetch() {
    take_turns fetch imgbuild crane skopeo
    report 'Fetch the base as it is' - fetch.imgbuild fetch.crane fetch.skopeo
}

turn_slowpush() {
    make_transfer
    start_link
    empty_registry
    transfer_push slowpush "$1" "$slow" "${in_link[@]}"
}

row_slowpush() {
    take_turns slowpush imgbuild crane skopeo buildah
    refill_registry
    report 'The push over 20 ms and 100 Mbit/s' - slowpush.imgbuild slowpush.crane \
        slowpush.skopeo slowpush.buildah
}

turn_slowfetch() {
    make_transfer
    start_link
    transfer_fetch slowfetch "$1" "$slow/base:1" "${in_link[@]}"
}

row_slowfetch() {
    take_turns slowfetch imgbuild crane skopeo
    report 'The fetch over 20 ms and 100 Mbit/s' - slowfetch.imgbuild slowfetch.crane \
        slowfetch.skopeo
}
