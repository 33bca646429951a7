# shellcheck shell=bash
# The rows: row_NAME prepares, has the tools take turns, and reports. turn_NAME TOOL is one turn.
# shellcheck disable=SC2154 # the variables of tests/bench/run and machine.bash
# shellcheck disable=SC2016,SC2034 # inner shells expand what is quoted; machine.bash uses the rest
# shellcheck disable=SC2046 # buildah_limits and lists of names are words to be split

# Pull the base and unpack it, with nothing there before.

turn_pull() {
    local fresh=$work/pull/$nonce
    mkdir -p "$work/pull" "$fresh"
    [ "$1" != buildkit ] || { start_buildkit && buildkit_forget; } || return 1
    warm
    case $1 in
    imgbuild) timed pull.imgbuild "$imgbuild" pull -q --root "$fresh" "$base_ref" ;;
    crane+tar)
        have crane || return 1
        timed pull.crane+tar bash -c 'crane export --insecure "$0" - | tar -x -C "$1"' "$base_ref" "$fresh"
        ;;
    skopeo+umoci)
        have skopeo umoci || return 1
        timed pull.skopeo+umoci bash -c 'skopeo copy -q --src-tls-verify=false "docker://$0" "oci:$1/i:1" &&
            umoci unpack --image "$1/i:1" "$1/u"' "$base_ref" "$fresh"
        ;;
    buildah)
        have buildah || return 1
        buildah_here "$fresh"
        timed pull.buildah "${buildah[@]}" pull -q --tls-verify=false "$base_ref"
        umount "$fresh/overlay" 2>/dev/null || true
        ;;
    buildkit)
        printf 'FROM %s\nRUN true # %s\n' "$base_ref" "$nonce" >"$work/pull/Dockerfile"
        buildkit pull.buildkit+run "$work/pull" "$work/pull/Dockerfile" --no-cache
        ;;
    esac
    local result=$?
    rm -rf --one-file-system "$fresh"
    return $result
}

row_pull() {
    take_turns pull imgbuild crane+tar buildkit buildah skopeo+umoci
    report 'Pull and unpack the base' 0.3 pull.imgbuild pull.crane+tar pull.buildkit+run \
        pull.buildah pull.skopeo+umoci
}

# One more RUN true, committed: twenty more in one build, by twenty.

steps() { # N NONCE: a Dockerfile with N of them
    echo "FROM $base_ref"
    local i
    for ((i = 0; i < $1; i++)); do
        echo "RUN true # $2 $i"
    done
}

# build_steps NAME TOOL DOCKERFILE
build_steps() {
    case $2 in
    imgbuild) timed "$1" "$imgbuild" -q -f "$3" "$work/steps" ;;
    buildkit) buildkit "$1" "$work/steps" "$3" ;;
    buildah)
        have buildah || return 1
        buildah_here "$work/buildah"
        timed "$1" "${buildah[@]}" build -q --layers --tls-verify=false $(buildah_limits) \
            -f "$3" "$work/steps"
        ;;
    esac
}

turn_run() {
    mkdir -p "$work/steps"
    if [ "$1" = runc ]; then
        make_bundle "$work/bundle" || return 1
        timed run.runc runc run -b "$work/bundle" "bench-$nonce"
        return
    fi
    steps 1 "$nonce" >"$work/steps/first"
    steps 1 "$nonce few" >"$work/steps/few"
    steps 21 "$nonce many" >"$work/steps/many"
    build_steps run.first "$1" "$work/steps/first" || return 1
    build_steps "run.few.$1" "$1" "$work/steps/few" || return 1
    build_steps "run.many.$1" "$1" "$work/steps/many" || return 1
    difference "run.$1" "run.many.$1" "run.few.$1" 20
}

# make_bundle DIRECTORY: the base's files, and runc's own configuration with `true` to run.
make_bundle() {
    have runc jq || return 1
    [ ! -d "$1/rootfs" ] || return 0
    mkdir -p "$1/rootfs"
    tar -x -C "$1/rootfs" -f "$base"
    (cd "$1" && runc spec && jq '.process.terminal = false | .process.args = ["/bin/sh", "-c", "true"]' \
        config.json >config && mv config config.json)
}

row_run() {
    take_turns run imgbuild buildkit buildah runc
    report 'One more RUN true, committed (a twentieth of twenty)' 0.1 run.imgbuild run.buildkit \
        run.buildah
    report 'The same beside runc alone, which commits nothing' - run.imgbuild run.runc
}

# The same build again, with its twenty steps in the cache.

turn_cached() {
    if [ ! -e "$work/steps/cached.$1" ]; then
        mkdir -p "$work/steps"
        steps 20 cached >"$work/steps/cached"
        build_steps cached.first "$1" "$work/steps/cached" || return 1
        touch "$work/steps/cached.$1"
    fi
    build_steps "cached.$1" "$1" "$work/steps/cached"
}

row_cached() {
    take_turns cached imgbuild buildkit
    report 'Rebuild with 20 steps cached' 0.333 cached.imgbuild cached.buildkit
}

# Commit the base's files as one new layer and push it. Ours and BuildKit's take the files from the
# unpacked base; of buildah only the push is timed, of a layer that no cache of its knows.

commit_with_buildah() {
    local container
    buildah_here "$work/buildah"
    echo "$nonce" >"$work/push/nonce"
    container=$("${buildah[@]}" from scratch) &&
        "${buildah[@]}" add -q "$container" "$base" / >/dev/null &&
        "${buildah[@]}" copy -q "$container" "$work/push/nonce" /nonce >/dev/null &&
        "${buildah[@]}" commit -q --rm "$container" "pushed-$nonce" >/dev/null
}

turn_commit() { # KIND TOOL
    local to=$registry/$1-${2%+*}-$nonce:1
    mkdir -p "$work/push"
    printf 'FROM %s AS base\nFROM scratch\nCOPY --from=base / /\n' "$base_ref" >"$work/push/Dockerfile"
    case $2 in
    buildah)
        have buildah || return 1
        commit_with_buildah || return 1
        ;;
    imgbuild) "$imgbuild" pull -q "$base_ref" >/dev/null ;;
    buildkit)
        steps 1 "push" >"$work/push/first"
        buildkit push.first "$work/push" "$work/push/first" || return 1
        ;;
    esac
    warm
    case $2 in
    imgbuild) timed "$1.imgbuild" "$imgbuild" -q -f "$work/push/Dockerfile" --no-cache \
        --compression "$1" -t "$to" --push "$work/push" ;;
    buildkit) buildkit "$1.buildkit" "$work/push" "$work/push/Dockerfile" --no-cache --output \
        "type=image,name=$to,push=true,compression=$1,force-compression=true,oci-mediatypes=true" ;;
    buildah) timed "$1.buildah" "${buildah[@]}" push -q --tls-verify=false --force-compression \
        --compression-format "$1" "pushed-$nonce" "docker://$to" ;;
    esac || return 1
    pushed_size "$to" >"$results/$1.size.$2"
}

pushed_size() {
    local path=${1#*/}
    curl -sSf -H 'Accept: application/vnd.oci.image.manifest.v1+json' -H \
        'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        "http://$registry/v2/${path%:*}/manifests/${path##*:}" | jq '[.layers[].size] | add'
}

turn_gzip() { turn_commit gzip "$1"; }
turn_zstd() { turn_commit zstd "$1"; }

sizes() {
    local tool
    for tool in imgbuild buildkit buildah; do
        [ ! -s "$results/$1.size.$tool" ] ||
            printf '  %s: %s bytes\n' "$tool" "$(cat "$results/$1.size.$tool")"
    done
}

row_gzip() {
    take_turns gzip imgbuild buildkit buildah
    report 'Commit and push the base as gzip' 0.5 gzip.imgbuild gzip.buildah gzip.buildkit
    sizes gzip
}

row_zstd() {
    take_turns zstd imgbuild buildkit buildah
    report 'Commit and push the base as zstd' 0.4 zstd.imgbuild zstd.buildkit zstd.buildah
    sizes zstd
}

# COPY of 20,000 files of 4 KB, cut from the base, in 200 directories, out to an OCI archive: at first, with one file
# changed, with none.

make_files() {
    [ ! -d "$work/files" ] || return 0
    mkdir -p "$work/files/tree" "$work/files/pieces"
    local i
    (
        cd "$work/files" || exit
        head -c 84000000 "$base" | split -b 4200 -a 5 -d - pieces/
        for ((i = 0; i < 200; i++)); do
            mkdir "tree/$i"
            mv $(printf 'pieces/%05d ' $(seq $((i * 100)) $((i * 100 + 99)))) "tree/$i/"
        done
        rmdir pieces
    )
    printf 'FROM scratch\nCOPY tree /tree\n' >"$work/files/Dockerfile"
}

copy_once() { # NAME TOOL
    local out=$work/copy.tar
    rm -f "$out"
    case $2 in
    imgbuild) timed "$1.imgbuild" "$imgbuild" -q --root "$work/copy-store" \
        -f "$work/files/Dockerfile" -o "type=oci,dest=$out" "$work/files" ;;
    buildkit) buildkit "$1.buildkit" "$work/files" "$work/files/Dockerfile" \
        --output "type=oci,dest=$out" ;;
    buildah) timed "$1.buildah" bash -c 'out=$1; files=$2; shift 2
        "$@" build -q --layers -t copied -f "$files/Dockerfile" "$files" && "$@" push -q copied "oci-archive:$out"' \
        bash "$out" "$work/files" "${buildah[@]}" ;;
    esac
}

turn_copy() {
    make_files
    case $1 in
    imgbuild) rm -rf "$work/copy-store" ;;
    buildkit) start_buildkit && buildkit_forget || return 1 ;;
    buildah)
        have buildah || return 1
        buildah_here "$work/buildah"
        "${buildah[@]}" rmi copied >/dev/null 2>&1 || true
        ;;
    esac
    echo "$nonce" >"$work/files/tree/0/00000"
    warm
    copy_once copy.cold "$1" || return 1
    echo "$nonce again" >"$work/files/tree/0/00000"
    warm
    copy_once copy.one "$1" && copy_once copy.none "$1"
}

row_copy() {
    take_turns copy imgbuild buildkit buildah
    local what='COPY of 20,000 files to an OCI archive'
    report "$what" 0.1 copy.cold.imgbuild copy.cold.buildkit copy.cold.buildah
    report "$what, one of them changed" 0.1 copy.one.imgbuild copy.one.buildkit copy.one.buildah
    report "$what, none changed" 0.2 copy.none.imgbuild copy.none.buildkit copy.none.buildah
}

# One more check in an unpacked image: forty more, by forty.

checks() {
    echo 'checks:'
    local i
    for ((i = 0; i < $1; i++)); do
        printf '  - {name: "true %d", command: "true"}\n' "$i"
    done
}

turn_check() {
    mkdir -p "$work/check"
    case $1 in
    imgverify)
        checks 1 >"$work/check/few.yaml"
        checks 41 >"$work/check/many.yaml"
        [ -e "$results/check.first" ] || timed check.first "$imgverify" -q -j 1 -c "$work/check/few.yaml" "$base_ref"
        timed check.few "$imgverify" -q -j 1 -c "$work/check/few.yaml" "$base_ref" || return 1
        timed check.many "$imgverify" -q -j 1 -c "$work/check/many.yaml" "$base_ref" || return 1
        difference check.imgverify check.many check.few 40
        ;;
    runc)
        make_bundle "$work/bundle" || return 1
        timed check.runc runc run -b "$work/bundle" "bench-$nonce"
        ;;
    esac
}

# What container-structure-test takes for three file checks, in all: once, since it is slow.
check_beside_structure_test() {
    have container-structure-test skopeo || return 0
    skopeo copy -q --src-tls-verify=false "docker://$base_ref" \
        "docker-archive:$work/check/base.tar:base:1"
    printf '%s\n' 'checks:' '- {name: sh, file: /bin/sh}' '- {name: passwd, file: /etc/passwd}' \
        '- {name: none, file: /nowhere, absent: true}' >"$work/check/ours.yaml"
    printf '%s\n' 'schemaVersion: 2.0.0' 'fileExistenceTests:' \
        '- {name: sh, path: /bin/sh, shouldExist: true}' \
        '- {name: passwd, path: /etc/passwd, shouldExist: true}' \
        '- {name: none, path: /nowhere, shouldExist: false}' >"$work/check/three.yaml"
    timed three.imgverify "$imgverify" -q -c "$work/check/ours.yaml" --root "$work/check/store" \
        "docker-archive:$work/check/base.tar" || return 0
    timed three.container-structure-test container-structure-test test --driver tar \
        --image "$work/check/base.tar" --config "$work/check/three.yaml" || return 0
    report 'Three file checks of the base from its tar, in all' - three.imgverify \
        three.container-structure-test
}

row_check() {
    take_turns check imgverify runc
    report 'One more check in an unpacked image (a fortieth of forty)' 0.2 check.imgverify check.runc
    check_beside_structure_test
}

# Twelve checks of the base: of files, by a file of container-structure-test, from a docker archive
# with nothing there before; and of commands, in what lies unpacked, against a container each.

twelve_files() {
    local path
    echo 'schemaVersion: 2.0.0'
    echo 'fileExistenceTests:'
    for path in /bin/sh /etc/passwd /etc/group /usr/bin/env /usr/bin/perl /var/lib/dpkg/status; do
        printf -- '- {name: "there %s", path: %s}\n' "$path" "$path"
    done
    printf -- '- {name: none %d, path: /nowhere/%d, shouldExist: false}\n' 1 1 2 2 3 3
    echo 'fileContentTests:'
    for path in /etc/passwd /etc/group /etc/debian_version; do
        printf -- '- {name: "text %s", path: %s, excludedContents: [mallory]}\n' "$path" "$path"
    done
}

twelve_runs() {
    local i
    for ((i = 0; i < 12; i++)); do
        runc run -b "$work/bundle" "bench-$nonce-$i" || return 1
    done
}

turn_twelve() {
    local archive=docker-archive:$work/twelve/base.tar
    mkdir -p "$work/twelve"
    if [ ! -e "$work/twelve/base.tar" ]; then
        have skopeo || return 1
        skopeo copy -q --src-tls-verify=false "docker://$base_ref" "$archive:base:1"
        twelve_files >"$work/twelve/files.yaml"
        checks 12 >"$work/twelve/commands.yaml"
    fi
    case $1 in
    imgverify)
        timed twelve.imgverify "$imgverify" -q -c "$work/twelve/files.yaml" --root "$work/twelve/$nonce" "$archive"
        timed twelve.imgverify-static "$imgverify" -q --static --only 'there *' --only 'none *' --only 'text *' \
            -c "$work/twelve/files.yaml" "$archive"
        rm -rf --one-file-system "$work/twelve/$nonce"
        [ -e "$results/twelve.first" ] || timed twelve.first "$imgverify" -q -c "$work/twelve/commands.yaml" "$base_ref"
        timed twelve.imgverify-run "$imgverify" -q -c "$work/twelve/commands.yaml" "$base_ref"
        ;;
    runc)
        make_bundle "$work/bundle" || return 1
        export -f twelve_runs
        timed twelve.runc env work="$work" nonce="$nonce" bash -c twelve_runs
        ;;
    container-structure-test)
        have container-structure-test || return 1
        timed twelve.container-structure-test container-structure-test test --driver tar \
            --image "$work/twelve/base.tar" --config "$work/twelve/files.yaml"
        ;;
    esac
}

row_twelve() {
    take_turns twelve imgverify runc
    # it unpacks the image for each test, and is slow: one turn
    runs=1 take_turns twelve container-structure-test
    report 'Twelve checks of files, from a docker archive' - twelve.imgverify \
        twelve.container-structure-test
    report 'The same with --static, which unpacks nothing' - twelve.imgverify-static \
        twelve.container-structure-test
    report 'Twelve checks that run a command, beside a container each' 0.2 twelve.imgverify-run twelve.runc
}

# Start-up.

turn_start() {
    local i
    have crane buildah || return 1
    for ((i = 0; i < 10; i++)); do
        timed "start.imgbuild" "$imgbuild" --version
        timed "start.crane" crane version
        timed "start.buildah" buildah --version
        timed "start.true" true
    done
}

row_start() {
    take_turns start all
    report 'Start-up: --version' 1.0 start.imgbuild start.crane start.buildah
    report 'The same beside a program that does nothing' - start.imgbuild start.true
}

# What the machine itself takes for the parts that no tool can leave out, and our pipelines alone.

turn_limits() {
    warm
    timed limits.sha256-tar openssl dgst -sha256 "$base"
    timed limits.gunzip gzip -dc "$work/base.tar.gz"
    rm -rf "$work/limits"
    mkdir "$work/limits"
    warm
    timed limits.tar-x tar -x -C "$work/limits" -f "$base"
    rm -rf "$work/limits"
    timed limits.sh-true /bin/sh -c true
}

row_limits() {
    take_turns limits all
    report "The machine's own limits" - limits.sh-true limits.sha256-tar limits.gunzip limits.tar-x
    warm
    "$build/tests/bench/bench_layers" "$base" "$work/layers" "$runs"
}
