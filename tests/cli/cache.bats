#!/usr/bin/env bats
# --cache-to and --cache-from: what one host built, another doesn't build again.
load helpers
load build

setup() {
    common_setup
    require_root
    mkdir context
    echo one >context/file
    cat >context/Dockerfile <<'END'
FROM base AS tool
RUN dd if=/dev/zero of=/large bs=1024 count=64 && echo tool > /tool
FROM base
RUN true
WORKDIR /work
COPY file .
RUN --mount=type=cache,target=/kept,id=kept echo x >> /kept/log && cat /kept/log > log
COPY --from=tool /tool /tool
END
}

# on STORE OPTION…: build there; $image is the digest, $cached how many of the five steps were cached.
on() {
    local store=$1
    shift
    run_ok "$IMGBUILD" --progress plain --root "$store" \
        --build-context "base=oci-layout://$(tiny_layout):latest" "$@" -f context/Dockerfile context
    image=$(tail -n 1 <<<"$output")
    cached=$(sed -n 's/.*; \([0-9]*\) of [0-9]* steps from the cache/\1/p' <<<"$stderr")
}

@test "a registry's cache gives another host the same image, and only the layers that it needs" {
    start_registry
    on first --cache-to "type=registry,ref=$REGISTRY/c:cache,mode=max"
    assert_equal "$cached" 0
    local wanted=$image
    on second --cache-from "type=registry,ref=$REGISTRY/c:cache"
    assert_equal "$image" "$wanted"
    assert_equal "$cached" 6
    # The tool's own layer was not even fetched.
    [ "$(find second/oci/blobs -type f | wc -l)" -lt "$(find first/oci/blobs -type f | wc -l)" ]
    # What was fetched is kept as our own.
    stop_registry "$REGISTRY_PID"
    on second
    assert_equal "$image" "$wanted"
    # A change is seen: the steps before it are cached, those after are not.
    start_registry
    echo two >context/file
    on second
    [ "$image" != "$wanted" ]
    # It is an artifact that other tools can read.
    on first --cache-to "$REGISTRY/c:again"
    assert_equal "$(registry_manifest c again | jq -r .config.mediaType)" application/vnd.imgbuild.cache.config.v1+json
}

@test "a directory's cache; mode=min has the image's own steps alone" {
    on first --cache-to type=local,dest=max,mode=max --cache-to type=local,dest=min
    local wanted=$image steps
    steps() { jq -r '.manifests[0].digest' "$1/index.json" | sed 's/://' >d; jq '.layers | length' "$1/blobs/sha256/$(cut -c7- d)"; }
    assert_equal "$(steps max)" $(($(steps min) + 1))
    on second --cache-from type=local,src=max
    assert_equal "$image $cached" "$wanted 6"
    on third --cache-from type=local,src=min
    assert_equal "$cached" 5
    # Another compression has other layers.
    on fourth --cache-from type=local,src=max --compression zstd
    assert_equal "$cached" 0
    # Several are asked; one that is not there is a warning.
    on fifth --cache-from type=local,src=nowhere --cache-from type=local,src=max
    assert_equal "$image $cached" "$wanted 6"
    assert_stderr_contains 'warning: cache from oci:nowhere'
}

@test "an inline cache is in the image, which a rebuild from it gives again" {
    start_registry
    on first --cache-to type=inline -t "$REGISTRY/i:1" --push
    local wanted=$image
    on second --cache-from "$REGISTRY/i:1" --cache-to type=inline
    assert_equal "$cached" 5
    on second --cache-from "$REGISTRY/i:1" --cache-to type=inline
    on third --cache-from "$REGISTRY/i:1"
    [ "$image" != "$wanted" ]
    assert_equal "$cached" 5
}

@test "cache mounts go along with mounts=true, and are not replaced where they are" {
    on first --cache-to type=local,dest=cache,mounts=true
    echo 'RUN --mount=type=cache,target=/kept,id=kept cp /kept/log /result || touch /result' >>context/Dockerfile
    on second --cache-from type=local,src=cache,mounts=true -o second.out
    assert_equal "$(cat second.out/result)" x
    on third --cache-from type=local,src=cache -o third.out
    [ ! -s third.out/result ] || fail 'the mount came without being asked for'
    on second --cache-from type=local,src=cache,mounts=true --no-cache -o again.out
    assert_equal "$(wc -l <again.out/result)" 2
}

@test "--no-cache-filter runs one stage's steps anew, --no-cache asks no cache" {
    on first --cache-to type=local,dest=cache,mode=max
    on first --no-cache-filter tool
    assert_equal "$cached" 5
    on second --no-cache --cache-from type=local,src=cache
    assert_equal "$cached" 0
}

@test "what is no cache is refused by name, and a failed export is said or ignored as asked" {
    refused() { # OPTION SPEC TEXT
        run_exit 2 "$IMGBUILD" "$1" "$2" -f context/Dockerfile context
        assert_stderr_contains "$3"
    }
    refused --cache-to type=gha 'actions/cache'
    refused --cache-from type=s3,bucket=x 'not supported'
    refused --cache-to type=local 'dest= is missing'
    refused --cache-from type=local 'src= is missing'
    refused --cache-to type=registry 'ref= is missing'
    refused --cache-from type=inline 'one of registry, local'
    refused --cache-to type=local,dest=x,mode=most 'min, max'
    refused --cache-to type=inline,mode=max 'own steps alone'
    refused --cache-to type=local,dest=x,compression=zstd 'made otherwise'
    refused --cache-to type=registry,ref=UPPER 'lower'
    start_registry
    local gone=$REGISTRY
    stop_registry "$REGISTRY_PID"
    on first --cache-to "type=registry,ref=$gone/c,ignore-error=true"
    assert_stderr_contains 'warning: cache to'
    mkdir tampered
    printf '{"imageLayoutVersion":"1.0.0"}' >tampered/oci-layout
    echo '{"schemaVersion":2,"manifests":[]}' >tampered/index.json
    on second --cache-from type=local,src=tampered
    assert_stderr_contains 'warning: cache from'
}
