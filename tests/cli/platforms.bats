#!/usr/bin/env bats
# Several platforms: an index over images whose steps ran under emulation, while the host's own
# registrations stay as they are.
load helpers
load platforms

setup() {
    common_setup
    require_root
}

@test "each platform is built on its own base, and its programs run there" {
    require_emulation
    on_platforms --platform linux/amd64,linux/arm64 --platform linux/arm/v7,linux/s390x \
        --platform linux/amd64 --iidfile iid --metadata-file metadata -t example.org/o/n:1 <<'END'
FROM --platform=$BUILDPLATFORM base AS native
ARG BUILDPLATFORM
RUN uname -m >/native && echo "$BUILDPLATFORM" >>/native
FROM base
COPY --from=native /native /native
ARG TARGETPLATFORM TARGETARCH TARGETVARIANT
RUN uname -m >/machine && echo "$TARGETPLATFORM $TARGETARCH $TARGETVARIANT" >>/machine
END
    assert_equal "$(jq -r '.manifests[0].mediaType' image/index.json)" \
        application/vnd.oci.image.index.v1+json
    local index
    index=$(jq -r '.manifests[0].digest' image/index.json)
    assert_equal "$(cat iid)" "$index"
    assert_equal "$(jq -r '."containerimage.digest"' metadata)" "$index"
    assert_equal "$(jq -r '."containerimage.descriptor".mediaType' metadata)" \
        application/vnd.oci.image.index.v1+json
    assert_equal "$(jq -r '."imgbuild.platforms"[].platform' metadata | paste -sd' ')" \
        'linux/amd64 linux/arm64 linux/arm/v7 linux/s390x'
    assert_equal "$(jq -r '.manifests[].platform | [.os, .architecture, .variant // ""] | join("/")' \
        "image/blobs/sha256/${index#sha256:}" | paste -sd' ')" \
        'linux/amd64/ linux/arm64/ linux/arm/v7 linux/s390x/'
    assert_equal "$(platform_file linux/amd64 machine)" "x86_64
linux/amd64 amd64 "
    assert_equal "$(platform_file linux/arm64 machine)" "aarch64
linux/arm64 arm64 "
    assert_equal "$(platform_file linux/arm/v7 machine)" "armv7l
linux/arm/v7 arm v7"
    assert_equal "$(platform_file linux/s390x machine)" "s390x
linux/s390x s390x "
    assert_equal "$(platform_file linux/s390x native)" "x86_64
linux/amd64"
}

@test "an emulated step has root's rights over owners, modes and set-id programs, and its ids stay" {
    require_emulation
    on_platforms --platform linux/arm64 <<'END'
FROM base
RUN touch /a /b && chown 5:7 /a && chown 65534:4000000 /b && chmod 6755 /a && mkdir -m 1777 /d \
 && cp /bin/busybox /suid && chmod 4755 /suid && ln -s suid /id && ln /a /hard
USER nobody
RUN test "$(id -u)" = 65534 && ! touch /c
END
    "$SOURCE_ROOT/tests/parity/image_list.py" files image >list
    grep -qx '/a f 6755 5:7 .*' list
    grep -qx '/b f 0644 65534:4000000 .*' list
    grep -qx '/d d 1777 0:0' list
    grep -qx '/suid f 4755 0:0 .*' list
}

# Registrations are the host's for as long as something holds binfmt_misc mounted.
@test "the host's registrations are the same after as before, and do not get in the way" {
    require_emulation
    mkdir seen
    unshare --mount true || skip "needs the right to mount"
    cat >context.sh <<'END'
set -eu
mount -t binfmt_misc binfmt_misc seen
list() { for f in seen/*; do [ "$f" = seen/register ] || { echo "$f"; cat "$f"; }; done; }
trap 'for f in seen/imgbuild-test-*; do echo -1 >"$f"; done' EXIT
# One that is nobody's, and one that would break each 32-bit arm program.
echo ':imgbuild-test-own:M::IMGBUILD-TEST::/bin/false:' >seen/register
echo ':imgbuild-test-arm:M::\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/bin/false:F' >seen/register
list >before
"$@"
list >after
END
    mkdir context
    printf 'FROM base\nRUN uname -m >/machine\n' >context/Dockerfile
    run_ok unshare --mount bash context.sh "$IMGBUILD" --progress plain --platform linux/arm/v7 \
        --build-context "base=oci-layout://$(platforms_layout):latest" \
        --output type=oci,dest=image,tar=false context
    diff before after
    grep -q imgbuild-test-own before
    assert_equal "$(platform_file linux/arm/v7 machine)" armv7l
}

@test "without qemu a RUN for another platform says how to get it, and what needs no RUN is built" {
    mkdir context
    printf 'FROM base\nCOPY Dockerfile /\nRUN true\n' >context/Dockerfile
    printf 'FROM base\nCOPY Dockerfile /\n' >context/copy
    make_layout base "$(tiny_root_tar)" '.architecture = "loong64"'
    # shellcheck disable=SC2016 # for the inner shell
    hide='for f in /usr/bin/qemu-loongarch64*; do
              [ ! -e "$f" ] || mount --bind /dev/null "$f"; done; exec "$@"'
    run_exit 7 unshare --mount sh -c "$hide" - "$IMGBUILD" --platform linux/loong64 \
        --build-context "base=oci-layout://$PWD/base:latest" context
    assert_stderr_contains qemu-user-static
    run_ok "$IMGBUILD" -q --platform linux/loong64 -f context/copy \
        --build-context "base=oci-layout://$PWD/base:latest" context
}

# machine_checks PATTERN: a file of checks that its programs run, and on which machine.
machine_checks() {
    cat >checks.yaml <<END
checks:
  - name: machine
    command: [uname, -m]
    stdout: ["$1"]
  - name: file
    file: /bin/busybox
    mode: 0755
END
}

@test "imgverify runs the checks of each platform of an index, or of one" {
    require_emulation
    machine_checks '^(x86_64|aarch64|armv7l|s390x)$'
    local layout
    layout=oci:$(platforms_layout)
    run_ok "$IMGVERIFY" --config checks.yaml --platform all --output json=report "$layout"
    assert_equal "$(jq -r '.images[] | "\(.platform) \(.emulated) \(.totals.passed)"' report |
        paste -sd,)" 'linux/amd64 false 2,linux/arm64 true 2,linux/arm/v7 true 2,linux/s390x true 2'
    assert_equal "$(jq -r '.images[].checks[0].run.stdout' report | grep . | paste -sd' ')" \
        'x86_64 aarch64 armv7l s390x'
    machine_checks '^s390x$'
    run_ok "$IMGVERIFY" --config checks.yaml --platform linux/s390x "$layout"
    assert_output_contains 'linux/s390x (emulated)'
    run_exit 1 "$IMGVERIFY" --config checks.yaml --platform all "$layout"
    assert_stderr_contains '3 of 8 checks failed'
    run_exit 3 "$IMGVERIFY" --config checks.yaml --platform linux/riscv64 "$layout"
    assert_stderr_contains 'linux/s390x'
}

@test "a definition's platforms get their own tags, the index all others, in registry and store" {
    require_emulation
    start_registry
    mkdir -p images/tiny context
    cat >images/tiny/image.yaml <<'END'
repository: example.org/o/tiny
platforms: [linux/amd64, linux/arm64]
variants:
  prod: {dockerfile: Dockerfile}
tags: ["${platform}-special", "plain"]
END
    printf 'FROM base\nRUN uname -m >/machine\n' >images/tiny/Dockerfile
    run_ok "$IMGBUILD" tiny --prod --registry "$REGISTRY" --push --source context \
        --metadata-file metadata --build-context "base=oci-layout://$(platforms_layout):latest"
    local index arm
    index=${output##*$'\n'}
    arm=$(jq -r '."imgbuild.platforms"[1].digest' metadata)
    assert_equal "$(jq -r '."imgbuild.platforms"[1].names[]' metadata | sed 's/.*://' | paste -sd' ')" \
        'linux-arm64 linux-arm64-latest linux-arm64-special'
    digest_of() { "$IMGBUILD" inspect --raw "$REGISTRY/o/tiny:$1" | sha256sum | cut -d' ' -f1; }
    assert_equal "sha256:$(digest_of latest)" "$index"
    assert_equal "sha256:$(digest_of plain)" "$index"
    assert_equal "sha256:$(digest_of linux-arm64-latest)" "$arm"
    assert_equal "sha256:$(digest_of linux-arm64-special)" "$arm"
    # In the store both serve as bases, and stay when it is pruned.
    run_ok "$IMGBUILD" prune
    printf 'FROM %s\nRUN test "$(cat /machine)" = aarch64\n' "$REGISTRY/o/tiny:latest" >context/Dockerfile
    stop_registries
    run_ok "$IMGBUILD" -q --platform linux/arm64 context
}

@test "annotations go on the manifests and the index, or where they are told to" {
    on_platforms --platform linux/amd64,linux/arm64 --annotation both=1 --annotation index:top=2 \
        --annotation 'manifest[linux/arm64]:arm=3' --annotation manifest-descriptor:entry=4 <<'END'
FROM base
COPY Dockerfile /
END
    local index
    index=image/blobs/sha256/$(jq -r '.manifests[0].digest' image/index.json | cut -d: -f2)
    assert_equal "$(jq -c .annotations "$index")" '{"both":"1","top":"2"}'
    assert_equal "$(jq -c '.manifests[].annotations' "$index" | sort -u)" '{"entry":"4"}'
    manifest_of() { jq -c .annotations "image/blobs/sha256/$(jq -r ".manifests[$1].digest" "$index" |
        cut -d: -f2)"; }
    assert_equal "$(manifest_of 0)" '{"both":"1"}'
    assert_equal "$(manifest_of 1)" '{"both":"1","arm":"3"}'
    run_exit 2 "$IMGBUILD" --annotation index:x=y context
    assert_stderr_contains 'has no index'
    run_exit 2 "$IMGBUILD" --platform linux/amd64,linux/arm64 -o type=docker,dest=x.tar context
    assert_stderr_contains 'a docker archive holds one platform'
}
