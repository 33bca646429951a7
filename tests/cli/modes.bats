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

debian_names() {
    printf 'debian-%s\n' users sudo capabilities attributes apt pip
}

# Debian with what those Dockerfiles need, where any user reaches it.
require_debian() {
    debian_root_tar >/dev/null
    debian_layout >/dev/null
    require_reach http://deb.debian.org/debian/
    [ ! -e "$PLACE/debian" ] || return 0
    _cached modes-debian.oci make_debian_tools >/dev/null
    cp -R "$TEST_CACHE/modes-debian.oci" "$PLACE/debian"
    chmod -R a+rX "$PLACE/debian"
}

make_debian_tools() { # PATH
    mkdir -p "$BATS_TEST_TMPDIR/tools"
    cat >"$BATS_TEST_TMPDIR/tools/Dockerfile" <<'END'
FROM debian
RUN apt-get -qq update && apt-get -qq install -y --no-install-recommends sudo libcap2-bin acl attr \
    && rm -rf /var/lib/apt/lists/* /var/log/*log /var/log/apt
END
    "$PLACE/bin/imgbuild" --quiet --isolation root \
        --build-context "debian=oci-layout://$TEST_CACHE/debian.oci:latest" \
        -o "type=oci,dest=$1,tar=false,name=latest" "$BATS_TEST_TMPDIR/tools"
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

@test "userns: sudo, su, capabilities, lists, apt and pip on Debian give what root's build gives" {
    require_user_namespaces
    require_debian
    WANTED=(--isolation userns)
    same_digests debian as_user 65536
}

@test "userns: reports, archives and digests belong to the user, who verifies and prunes too" {
    require_user_namespaces
    local out=$PLACE/user/out
    mkdir -p "$out" && chown "$MODES_UID:$MODES_UID" "$out"
    as_user 65536 "$PLACE/bin/imgbuild" --isolation userns -t example.com/a:1 --iidfile "$out/iid" \
        --metadata-file "$out/metadata" -o "type=oci,dest=$out/image.tar" -o "type=local,dest=$out/files" \
        --build-context "base=oci-layout://$PLACE/tiny:latest" \
        -f "$PLACE/fixtures/owners-chown.Dockerfile" "$PLACE/context" 2>stderr
    grep -q '^isolation: userns (mapped ids, mounts)$' stderr
    [ "$(find "$out" ! -uid "$MODES_UID" | wc -l)" -eq 0 ]
    [ -f "$out/files/d/e/c" ]
    cat >"$PLACE/user/checks.yaml" <<'END'
checks:
  - {name: owner, file: /d/e, owner: "0:3"}
  - {name: runs, command: 'test "$(id -u)" = 0 && touch /written', exit: 0}
END
    as_user 65536 "$PLACE/bin/imgverify" --isolation userns -c "$PLACE/user/checks.yaml" "$out/image.tar"
    as_user 65536 "$PLACE/bin/imgbuild" prune --all --isolation userns
    [ "$(find "$USER_HOME/.local/share/imgbuild" ! -uid "$MODES_UID" | wc -l)" -eq 0 ]
}

@test "userns: an owner beyond the subordinate ids is an error that says how many it takes" {
    require_user_namespaces
    run_exit 7 as_user 1000 "$PLACE/bin/imgbuild" --isolation userns --root "$PLACE/user/few" \
        --build-context "base=oci-layout://$(high_layout):latest" \
        -f "$PLACE/fixtures/nothing-changed.Dockerfile" "$PLACE/context"
    assert_stderr_contains "belongs to id 70000"
    assert_stderr_contains "It takes 70000 subordinate ids"
}

# The path of a layout of an image with owners up to 70000.
high_layout() {
    mkdir -p "$BATS_TEST_TMPDIR/high"
    touch "$BATS_TEST_TMPDIR/high"/{a,b}
    chown 70000:5 "$BATS_TEST_TMPDIR/high/a"
    chown 5:69000 "$BATS_TEST_TMPDIR/high/b"
    tar -C "$BATS_TEST_TMPDIR/high" -cf "$BATS_TEST_TMPDIR/high.tar" .
    make_layout "$PLACE/high" "$BATS_TEST_TMPDIR/high.tar"
    chmod -R a+rX "$PLACE/high"
    printf '%s\n' "$PLACE/high"
}

@test "an ordinary user without subordinate ids is told what is missing, and the command that gives it" {
    require_user_namespaces
    run_exit 7 as_user none "$PLACE/bin/imgbuild" --isolation userns --root "$PLACE/user/none" \
        -f "$PLACE/fixtures/nothing-changed.Dockerfile" "$PLACE/context"
    assert_stderr_contains "--isolation userns: /etc/subuid has no line for tess"
    assert_stderr_contains "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 tess"
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

@test "single: sudo, su, capabilities, lists, apt and pip on Debian give what root's build gives" {
    require_user_namespaces
    require_mode single as_user none
    require_debian
    WANTED=(--isolation single)
    same_digests debian as_user none
}

@test "no privilege at all: images without RUN are the same, checks of files run, a RUN says what is missing" {
    require_root
    require_program setpriv unshare chroot
    local wanted
    cat >"$PLACE/user/Dockerfile" <<'END'
FROM base AS one
COPY --chown=12:13 --chmod=0000 tree/run.sh /hidden
COPY --chown=33:0 --chmod=4751 tree /tree
WORKDIR /work/dir
FROM base
COPY --from=one / /all
COPY --from=one --chown=5:6 /hidden /given
USER 55
WORKDIR /place
END
    local words=(-f "$PLACE/user/Dockerfile" --build-context "base=oci-layout://$PLACE/tiny:latest" "$PLACE/context")
    wanted=$("$PLACE/bin/imgbuild" -q --root "$BATS_TEST_TMPDIR/root" "${words[@]}")
    run_ok without_privilege "$PLACE/bin/imgbuild" -q -o "type=oci,dest=$PLACE/user/plain.tar" "${words[@]}"
    [ "$output" = "$wanted" ]
    cat >"$PLACE/user/checks.yaml" <<'END'
checks:
  - {name: hidden, file: /all/hidden, owner: "12:13", mode: "0000"}
  - {name: setuid, file: /all/tree/run.sh, owner: "33:0", mode: "4751"}
  - {name: given, file: /given, owner: "5:6"}
  - {name: runs, command: "true"}
END
    run_ok without_privilege "$PLACE/bin/imgverify" -c "$PLACE/user/checks.yaml" "$PLACE/user/plain.tar"
    [[ $output == *"no program of an image can run here: root: this is an ordinary user"* ]]
    run_ok without_privilege "$PLACE/bin/imgbuild" prune --all
    echo 'RUN true' >>"$PLACE/user/Dockerfile"
    run_exit 7 without_privilege "$PLACE/bin/imgbuild" -q "${words[@]}"
    assert_stderr_contains "RUN can't be carried out on this host: root: this is an ordinary user"
}

@test "chroot: root without mounts makes the same images" {
    require_mode chroot env
    LACKING='mounts|network-none' # refused by name: see container.bats
    WANTED=(--isolation chroot --root "$BATS_TEST_TMPDIR/chroot")
    # What a chroot can't give is refused by name.
    WITHOUT=$(grep -lx '# needs mounts' "$PLACE"/fixtures/* | sed 's,.*/,,; s,[.]Dockerfile,,')
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
