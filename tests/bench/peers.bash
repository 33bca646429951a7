# shellcheck shell=bash
# How each peer is called. Their state is below $work too.
# shellcheck disable=SC2154 # work, registry, results are tests/bench/run's
# shellcheck disable=SC2034 # and rows.bash uses what is set here

have() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || { echo "run: no $program: left out" >&2; return 1; }
    done
}

# BuildKit's daemon, warm, on a socket in $work. runc wants cgroup v2 alone: its own mount namespace
# gives it that on a host that has both.
start_buildkit() {
    [ -z "${buildkit_pid:-}" ] || return 0
    have buildkitd buildctl runc || return 1
    mkdir "$work/buildkit"
    printf '%s\n' "root = \"$work/buildkit\"" '[worker.oci]' '  enabled = true' \
        "  binary = \"$(command -v runc)\"" '  snapshotter = "overlayfs"' '[worker.containerd]' \
        '  enabled = false' "[registry.\"$registry\"]" '  http = true' >"$work/buildkit.toml"
    export BUILDKIT_HOST=unix://$work/buildkit.sock
    # shellcheck disable=SC2016 # the inner shell expands these
    unshare -m bash -c 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
        exec buildkitd --config "$0" --addr "$1"' "$work/buildkit.toml" "$BUILDKIT_HOST" \
        >"$work/buildkit.log" 2>&1 </dev/null &
    buildkit_pid=$!
    servers+=("$buildkit_pid")
    local i
    for ((i = 0; i < 100; i++)); do
        [ ! -S "$work/buildkit.sock" ] || return 0
        sleep 0.1
    done
    return 1
}

# What the daemon and the processes that it waited for have worked so far, in ticks.
buildkit_ticks() {
    awk '{print $14 + $15 + $16 + $17}' "/proc/$buildkit_pid/stat"
}

# buildkit NAME CONTEXT DOCKERFILE [OPTION…]: a timed build; its memory is the daemon's high mark,
# and its work the daemon's and the client's.
buildkit() {
    local name=$1 context=$2 file=$3 ticks
    shift 3
    start_buildkit || return 1
    echo 5 >"/proc/$buildkit_pid/clear_refs"
    ticks=$(buildkit_ticks)
    timed "$name" buildctl build --progress plain --frontend dockerfile.v0 \
        --local "context=$context" --local "dockerfile=${file%/*}" --opt "filename=${file##*/}" \
        "$@" || return 1
    set -- "$(awk '/VmHWM/ {print $2}' "/proc/$buildkit_pid/status")" \
        "$(($(buildkit_ticks) - ticks))" "$(getconf CLK_TCK)"
    tail -1 "$results/$name" |
        awk -v memory="$1" -v ticks="$2" -v hertz="$3" '{print $1, memory, $3 + ticks / hertz}' >"$work/line"
    sed -i '$d' "$results/$name"
    cat "$work/line" >>"$results/$name"
}

buildkit_forget() {
    [ -z "${buildkit_pid:-}" ] || buildctl prune --all >/dev/null 2>&1
}

# The command line of buildah, in $buildah. It looks for a network program even where it uses none.
buildah_here() {
    mkdir -p "$work/buildah-helpers"
    printf '#!/bin/sh\nexit 1\n' >"$work/buildah-helpers/netavark"
    chmod +x "$work/buildah-helpers/netavark"
    printf '[engine]\nhelper_binaries_dir = ["%s"]\n' "$work/buildah-helpers" >"$work/containers.conf"
    export CONTAINERS_CONF=$work/containers.conf BUILDAH_ISOLATION=chroot
    buildah=(buildah --root "$1" --runroot "$work/buildah-run" --storage-driver overlay)
}

# For steps, where the hard limits are lower than what buildah asks for.
buildah_limits() {
    echo "--ulimit=nofile=$(ulimit -Hn):$(ulimit -Hn) --ulimit=nproc=$(ulimit -Hu):$(ulimit -Hu)"
}
