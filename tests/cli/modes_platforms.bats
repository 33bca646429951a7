#!/usr/bin/env bats
# Every mode makes the same image under emulation too: some of the Dockerfiles of
# tests/fixtures/modes, built for linux/arm64.
load helpers
load modes
load platforms

setup_file() {
    [ "$(id -u)" -eq 0 ] || return 0
    modes_setup
    platforms_layout >/dev/null
    cp -R "$TEST_CACHE/platforms.oci" "$BATS_FILE_TMPDIR/platforms"
    mkdir "$BATS_FILE_TMPDIR/fixtures"
    cp "$FIXTURES"/modes/{owners-chown,modes-odd,hard-links,users,whiteouts,xattrs,symlinks}*.Dockerfile \
        "$BATS_FILE_TMPDIR/fixtures" 2>/dev/null || true
    chmod -R a+rX "$BATS_FILE_TMPDIR"/{platforms,fixtures}
}

setup() {
    common_setup
    require_root
    require_emulation
    modes_open
}

# digests MODE COMMAND…: NAME DIGEST of each Dockerfile, by `COMMAND… imgbuild …`.
digests() {
    local mode=$1 file digest
    shift
    for file in "$PLACE"/fixtures/*.Dockerfile; do
        digest=$("$@" "$PLACE/bin/imgbuild" --quiet --isolation "$mode" --platform linux/arm64 \
            --build-context "base=oci-layout://$PLACE/platforms:latest" -f "$file" \
            "$PLACE/context" 2>stderr) || digest="failed: $(head -n 3 stderr)"
        printf '%s %s\n' "${file##*/}" "$digest"
    done
}

# as_root's digests, made once.
expected() {
    [ -e "$PLACE/expected" ] || digests root env IMGBUILD_ROOT="$PLACE/root" >"$PLACE/expected"
    ! grep failed "$PLACE/expected"
    [ "$(wc -l <"$PLACE/expected")" -ge 6 ]
}

@test "emulated, userns: what an ordinary user with subordinate ids builds is what root builds" {
    require_user_namespaces
    expected
    digests userns as_user 65536 >found
    diff "$PLACE/expected" found
}

@test "emulated, single: the same without subordinate ids" {
    require_user_namespaces
    expected
    digests single as_user none >found
    diff "$PLACE/expected" found
}

@test "emulated, chroot: the same without a mount" {
    expected
    digests chroot env IMGBUILD_ROOT="$PLACE/chroot" >found
    diff "$PLACE/expected" found
}
