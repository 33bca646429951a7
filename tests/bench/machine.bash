# shellcheck shell=bash
# What every row needs: a folder on tmpfs, a registry on loopback, a base in it, and the clock.
# shellcheck disable=SC2154 # runs, base, imgbuild, measure are tests/bench/run's
# shellcheck disable=SC2034 # and rows.bash uses what is set here

# work_begin DIRECTORY: a fresh $work in it, and where the figures go, $results.
work_begin() {
    mkdir -p "$1"
    [ "$(stat -f -c %T "$1")" = tmpfs ] || echo "run: $1 is not on tmpfs: disks make these figures jump" >&2
    work=$(mktemp -d "$(realpath "$1")/bench.XXXXXX")
    results=$work/results
    mkdir "$results"
    servers=()
    export HOME=$work/home DOCKER_CONFIG=$work/home/.docker IMGBUILD_ROOT=$work/store
    export XDG_RUNTIME_DIR=$work/runtime TMPDIR=$work/tmp
    unset SOURCE_DATE_EPOCH SSL_CERT_FILE XDG_DATA_HOME XDG_CACHE_HOME
    mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$TMPDIR" "$DOCKER_CONFIG"
    echo '{}' >"$DOCKER_CONFIG/config.json" # buildah wants one once the variable is set
    nonce=0
}

work_end() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    umount "$work"/buildah/overlay 2>/dev/null || true
    rm -rf --one-file-system "$work"
}

# A port that the kernel chose is in the registry's log.
start_registry() {
    local i port=''
    printf '%s\n' 'version: 0.1' 'log: {level: info, formatter: json, accesslog: {disabled: true}}' \
        "storage: {filesystem: {rootdirectory: $work/registry}}" 'http: {addr: "127.0.0.1:0"}' \
        >"$work/registry.yml"
    OTEL_TRACES_EXPORTER=none docker-registry serve "$work/registry.yml" \
        >"$work/registry.log" 2>&1 </dev/null &
    servers+=($!)
    for ((i = 0; i < 100 && ${#port} == 0; i++)); do
        sleep 0.1
        port=$(sed -nE 's/.*listening on 127\.0\.0\.1:([0-9]+).*/\1/p' "$work/registry.log")
    done
    registry=127.0.0.1:$port
}

# The base: one gzip layer at zlib's level 6, as registries hold them. $base_ref names it.
make_base() {
    base_ref=$registry/base:1
    if [ -z "$base" ]; then
        base=$work/base.tar
        mmdebstrap --quiet --variant=minbase --include=python3,perl,git,openssh-client,less \
            bookworm "$base"
    fi
    gzip -6 -c "$base" >"$work/base.tar.gz"
    local layer diff_id config size
    size=$(stat -c %s "$work/base.tar.gz")
    layer=sha256:$(sha256sum <"$work/base.tar.gz" | cut -d' ' -f1)
    diff_id=sha256:$(sha256sum <"$base" | cut -d' ' -f1)
    printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"],"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},"rootfs":{"type":"layers","diff_ids":["%s"]}}' \
        "$diff_id" >"$work/config"
    config=sha256:$(sha256sum <"$work/config" | cut -d' ' -f1)
    local type=application/vnd.oci.image
    printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"%s","size":%d},"layers":[{"mediaType":"%s","digest":"%s","size":%d}]}' \
        $type.manifest.v1+json $type.config.v1+json "$config" "$(stat -c %s "$work/config")" \
        $type.layer.v1.tar+gzip "$layer" "$size" >"$work/manifest"
    upload "$work/base.tar.gz" "$layer"
    upload "$work/config" "$config"
    curl -sSf -X PUT -H "Content-Type: $type.manifest.v1+json" --data-binary "@$work/manifest" \
        "http://$registry/v2/base/manifests/1"
    printf 'base: %d bytes of tar, %d entries, %d bytes of gzip\n' "$(stat -c %s "$base")" \
        "$(tar tf "$base" | wc -l)" "$size"
}

upload() {
    local url
    url=$(curl -sSf -X POST -D- -o /dev/null "http://$registry/v2/base/blobs/uploads/" |
        tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    curl -sSf -X PUT -H 'Content-Type: application/octet-stream' -T "$1" "$url&digest=$2"
}

# Memory that the hypervisor has not backed costs microseconds a page: have it backed.
warm() {
    head -c 1G /dev/zero >"$work/warm"
    rm "$work/warm"
}

# timed NAME COMMAND…: one figure for $results/NAME. What it prints is kept for when it fails.
timed() {
    local name=$1
    shift
    "$measure" "$results/$name" "$@" >"$work/output" 2>&1 </dev/null || {
        echo "run: $name failed: $*" >&2
        tail -5 "$work/output" >&2
        return 1
    }
}

# difference NAME MANY FEW N: what one of N more costs, from the last figures of the two.
difference() {
    local many few
    many=$(tail -1 "$results/$2") few=$(tail -1 "$results/$3")
    echo "$many $few $4" | awk '{printf "%.6f %d %.6f\n", ($1 - $4) / $7, $2, ($3 - $6) / $7}' >>"$results/$1"
}

# take_turns ROW TOOL…: each tool $runs times, one after the other: turn_ROW TOOL makes ready what
# it needs and calls `timed`. A tool that fails once is left out.
take_turns() {
    local row=$1 i tool
    shift
    local -A failed=()
    for ((i = 0; i < runs; i++)); do
        for tool in "$@"; do
            [ -z "${failed[$tool]:-}" ] || continue
            nonce=$((nonce + 1))
            "turn_$row" "$tool" || failed[$tool]=1
        done
    done
}

# report TITLE BUDGET NAME…: medians and minima, the least work of the processors, and the first
# name's as ratios of the others'.
# BUDGET: the most that the ratio to the second name may be; "-": none.
report() {
    local title=$1 budget=$2 name
    shift 2
    printf '\n%s\n' "$title"
    for name in "$@"; do
        [ -s "$results/$name" ] || continue
        sort -n "$results/$name" | awk -v name="$name" -v work="$(cut -d' ' -f3 "$results/$name" | sort -n | head -1)" '
            { t[NR] = $1; if ($2 > m) m = $2 }
            END { printf "%s %.6f %.6f %.1f %d %.6f\n", name, (t[int((NR + 1) / 2)] + t[int(NR / 2) + 1]) / 2, t[1], m / 1024, NR, work }'
    done | awk -v budget="$budget" -f "$here/report.awk"
}
