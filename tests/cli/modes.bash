# shellcheck shell=bash
# Building in each mode: as root, and as a real ordinary user with or without subordinate ids, whom
# only the processes started here see. Call modes_setup in setup_file, and modes_open in setup.

MODES_UID=4711

# modes_setup: programs, bases and contexts where any user reaches them.
modes_setup() {
    local place=$BATS_FILE_TMPDIR
    chmod a+rx "$BATS_RUN_TMPDIR" "$place"
    mkdir -p "$place/bin" "$place/user" "$place/context"
    install -m 755 "$IMGBUILD" "$place/bin/imgbuild"
    install -m 755 "$IMGVERIFY" "$place/bin/imgverify"
    cp -R "$(tiny_layout)" "$place/tiny"
    chmod -R a+rX "$place/tiny"
    chown "$MODES_UID:$MODES_UID" "$place/user"
    modes_context "$place/context"
}

modes_open() {
    PLACE=$BATS_FILE_TMPDIR
    USER_HOME=$PLACE/user
    export SOURCE_DATE_EPOCH=1700000000
}

# The context of tests/fixtures/modes.
modes_context() { # DIR
    local dir=$1
    mkdir -p "$dir/tree/sub"
    printf '#!/bin/sh\necho ran\n' >"$dir/tree/run.sh"
    chmod 755 "$dir/tree/run.sh"
    echo text >"$dir/tree/sub/text"
    ln -s run.sh "$dir/tree/link"
    ln "$dir/tree/sub/text" "$dir/tree/sub/twin"
    python3 - "$dir" <<'END'
import io, sys, tarfile, zipfile
with tarfile.open(sys.argv[1] + "/owners.tar", "w") as tar:
    for name, kind, uid, gid, mode in (("d", tarfile.DIRTYPE, 51, 52, 0o2750), ("d/f", tarfile.REGTYPE, 53, 54, 0o4711),
                                       ("l", tarfile.SYMTYPE, 55, 56, 0o777)):
        entry = tarfile.TarInfo(name)
        entry.type, entry.uid, entry.gid, entry.mode, entry.mtime = kind, uid, gid, mode, 1600000000
        entry.linkname = "d/f" if kind == tarfile.SYMTYPE else ""
        tar.addfile(entry, io.BytesIO(b""))
with zipfile.ZipFile(sys.argv[1] + "/demo-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in (("demo.py", "VALUE = 1\n"),
                       ("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
                       ("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
                       ("demo-1.0.dist-info/RECORD", "demo.py,,\ndemo-1.0.dist-info/METADATA,,\ndemo-1.0.dist-info/WHEEL,,\ndemo-1.0.dist-info/RECORD,,\n")):
        wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
END
    chmod -R a+rX "$dir"
}

# as_user IDS COMMAND…: as an ordinary user of uid 4711 that /etc/passwd knows as tess, with so many
# subordinate ids ("none": no line at all), in a mount namespace of its own.
as_user() {
    local ids=$1 dir=$BATS_TEST_TMPDIR/etc
    shift
    mkdir -p "$dir"
    { cat /etc/passwd && echo "tess:x:$MODES_UID:$MODES_UID::$USER_HOME:/bin/sh"; } >"$dir/passwd"
    : >"$dir/subid"
    [ "$ids" = none ] || echo "tess:200000:$ids" >"$dir/subid"
    chmod a+rx "$BATS_TEST_TMPDIR" "$dir"
    chmod a+r "$dir"/*
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --mount sh -c '
        mount --make-rprivate / && mount --bind "$1/passwd" /etc/passwd || exit 125
        [ -e /etc/subuid ] || touch /etc/subuid /etc/subgid
        mount --bind "$1/subid" /etc/subuid && mount --bind "$1/subid" /etc/subgid || exit 125
        home=$2 uid=$3
        shift 3
        exec setpriv --reuid "$uid" --regid "$uid" --clear-groups env HOME="$home" \
            DOCKER_CONFIG="$home/.docker" IMGBUILD_ROOT="${ROOT_FOR_USER:-}" TMPDIR=/tmp "$@"' \
        sh "$dir" "$USER_HOME" "$MODES_UID" "$@"
}

require_user_namespaces() {
    require_root
    require_program setpriv unshare newuidmap
    as_user 65536 unshare --user true 2>/dev/null ||
        skip "needs user namespaces for ordinary users"
}


# without_privilege COMMAND…: as another uid without any capability, with no_new_privs, and where no
# user namespace can be made: the kernel refuses that to whoever is in a chroot.
without_privilege() {
    local jail=$BATS_TEST_TMPDIR/jail
    mkdir -p "$jail"
    chmod a+rx "$BATS_TEST_TMPDIR"
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --mount sh -c '
        mount --make-rprivate / && mount --rbind / "$1" || exit 125
        jail=$1 home=$2 uid=$3
        shift 3
        exec chroot "$jail" setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs \
            --bounding-set=-all --inh-caps=-all env HOME="$home" DOCKER_CONFIG="$home/.docker" \
            IMGBUILD_ROOT= TMPDIR=/tmp "$@"' sh "$jail" "$USER_HOME" "$MODES_UID" "$@"
}
