#!/usr/bin/env bats
# Every mode makes the same image: the Dockerfiles of tests/fixtures/modes have one manifest digest,
# owners, modes, attributes, deletions and links included.
load helpers
load modes

setup_file() {
    [ "$(id -u)" -eq 0 ] || return 0
    modes_setup
    mkdir "$BATS_FILE_TMPDIR/fixtures"
    cp "$FIXTURES"/modes/* "$BATS_FILE_TMPDIR/fixtures"
    chmod -R a+rX "$BATS_FILE_TMPDIR/fixtures"
}

setup() {
    common_setup
    require_root
    modes_open
}

teardown() {
    umount_overlay "$BATS_TEST_TMPDIR/disk"
    common_teardown
}

# The small Dockerfiles, all but Debian's.
tiny_names() {
    local file
    for file in "$PLACE"/fixtures/*.Dockerfile; do
        file=${file##*/}
        [[ $file == debian-* ]] || printf '%s\n' "${file%.Dockerfile}"
    done
}

# digests OUT COMMAND…: NAME DIGEST of each name on standard input, by `COMMAND… imgbuild …`.
digests() {
    local out=$1 name digest
    shift
    while read -r name; do
        digest=$("$@" "$PLACE/bin/imgbuild" --quiet "${OPTIONS[@]}" \
            --build-context "base=oci-layout://$PLACE/tiny:latest" \
            --build-context "debian=oci-layout://$PLACE/debian:latest" \
            -f "$PLACE/fixtures/$name.Dockerfile" "$PLACE/context" 2>"$BATS_TEST_TMPDIR/stderr") || {
            digest=failed
            head -n 20 "$BATS_TEST_TMPDIR/stderr"
        }
        printf '%s %s\n' "$name" "$digest" >>"$out"
    done
}

# What a root build gives, made once.
expected() { # KIND
    local kind=$1
    if [ ! -e "$PLACE/$kind.expected" ]; then
        OPTIONS=(--isolation root --root "$PLACE/$kind.root")
        "${kind}_names" | digests "$PLACE/$kind.new" env
        ! grep failed "$PLACE/$kind.new"
        mv "$PLACE/$kind.new" "$PLACE/$kind.expected"
        "$PLACE/bin/imgbuild" prune --all --root "$PLACE/$kind.root"
    fi
}

# same_digests KIND COMMAND…: as many as expected, and the same.
same_digests() {
    local kind=$1
    shift
    expected "$kind"
    local options=("${WANTED[@]}")
    OPTIONS=("${options[@]}")
    "${kind}_names" | grep -vxE "${LACKING:-none}" | digests "$BATS_TEST_TMPDIR/digests" "$@"
    diff <(grep -vE "^(${LACKING:-none}) " "$PLACE/$kind.expected") "$BATS_TEST_TMPDIR/digests"
}

# Skip where this version knows the mode by name alone.
require_mode() { # MODE COMMAND…
    local mode=$1
    shift
    "$@" "$PLACE/bin/imgbuild" prune --isolation "$mode" --root "$PLACE/user/trial-$mode" \
        >/dev/null 2>"$BATS_TEST_TMPDIR/stderr" || skip "$(head -n 1 "$BATS_TEST_TMPDIR/stderr")"
}

@test "userns: an ordinary user with subordinate ids makes the images that root makes" {
    require_user_namespaces
    [ "$(tiny_names | wc -l)" -ge 40 ]
    WANTED=(--isolation userns)
    same_digests tiny as_user 65536
}

@test "root, in a store where no overlay can be: the same images" {
    mkdir "$BATS_TEST_TMPDIR/disk"
    mount_overlay "$BATS_TEST_TMPDIR/disk"
    WANTED=(--isolation root --root "$BATS_TEST_TMPDIR/disk/merged/store")
    same_digests tiny env
}

@test "userns, in a store where no overlay can be: the same images" {
    require_user_namespaces
    mkdir "$BATS_TEST_TMPDIR/disk"
    mount_overlay "$BATS_TEST_TMPDIR/disk"
    chmod 777 "$BATS_TEST_TMPDIR/disk/merged"
    WANTED=(--isolation userns --root "$BATS_TEST_TMPDIR/disk/merged/store")
    same_digests tiny as_user 65536
}

@test "single: an ordinary user without subordinate ids makes the same images" {
    require_user_namespaces
    require_mode single as_user none
    WANTED=(--isolation single)
    same_digests tiny as_user none
}

@test "chroot: root without mounts makes the same images" {
    require_mode chroot env
    LACKING='mounts|network-none' # refused by name: see container.bats
    WANTED=(--isolation chroot --root "$BATS_TEST_TMPDIR/chroot")
    same_digests tiny env
}

# An overlay, on which another can't be: a tmpfs below it has its parts.
mount_overlay() {
    mount -t tmpfs none "$1"
    mkdir "$1"/{lower,upper,work,merged}
    mount -t overlay none -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/merged"
}

umount_overlay() {
    ! mountpoint -q "$1/merged" || umount "$1/merged"
    ! mountpoint -q "$1" || umount "$1"
}
