#!/usr/bin/env bats
# What a host allows, as both programs tell it.
load helpers

valid() { # FILE
    python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$1" \
        "$SOURCE_ROOT/docs/doctor.schema.json"
}

@test "both programs tell the same, for people and by the schema, and leave nothing" {
    require_root
    local program
    for program in "$IMGBUILD" "$IMGVERIFY"; do
        run_ok "$program" doctor --json --root "$PWD/place"
        printf '%s\n' "$output" >found
        valid found
        assert_json '.modes[] | select(.name == "root") | .allowed and .view == "mounts"' found
        assert_json '.auto.name == "root" and .auto.runs' found
        assert_json '.store.form == "overlay" or .store.better or .store.cost' found
        run_ok "$program" doctor
        assert_output_contains 'auto takes root (real ids, mounts)'
    done
    [ ! -e place ]
    assert_equal "$(find . -name '.imgbuild-doctor*')" ''
}

@test "an ordinary user learns what is in the way and the command that changes it" {
    require_root
    require_program setpriv
    chmod 755 "$BATS_TEST_TMPDIR"
    mkdir -m 777 "$BATS_TEST_TMPDIR/open"
    cp "$IMGBUILD" open/imgbuild
    # A user of no name, whom no file gives subordinate ids.
    run setpriv --reuid 54321 --regid 54321 --clear-groups env HOME="$PWD/open" \
        IMGBUILD_ROOT="$PWD/open/store" open/imgbuild doctor --json
    [ "$status" -eq 0 ] || [ "$status" -eq 7 ]
    printf '%s\n' "${output%%$'\n'error:*}" >found
    valid found
    assert_json '.modes[] | select(.name == "root") | .allowed == false and (.fix | test("sudo"))' found
    assert_json '.modes[] | select(.name == "userns") | .allowed == false and
        (.why | test("subuid|user namespaces|AppArmor")) and .fix != null' found
}

@test "a store where no overlay can be is told with its cost, and a better folder" {
    require_root
    # The first overlay lies on the second: the kernel stacks no more.
    cat >inside.sh <<'END'
set -e
mkdir a b c d m n
mount -t tmpfs tmpfs a
mkdir a/l a/u a/w
mount -t overlay overlay -o lowerdir=a/l,upperdir=a/u,workdir=a/w m
exec "$@"
END
    run_ok unshare --mount sh inside.sh "$IMGBUILD" doctor --json --root "$PWD/m/store"
    printf '%s\n' "$output" >found
    valid found
    assert_json '.store.file_system == "overlay" and .store.form == "copies"' found
    assert_json '.store.cost | test("copying")' found
    run_ok unshare --mount sh -c 'rmdir a b c d m n; . ./inside.sh' - "$IMGBUILD" doctor --root "$PWD/m/store"
    assert_output_contains 'each step'\''s root is made by copying'
}

@test "a missing emulator is named with its package" {
    require_root
    # shellcheck disable=SC2016 # for the inner shell
    hide='for f in /usr/bin/qemu-*s390x*; do [ ! -e "$f" ] || mount --bind /dev/null "$f"; done
          umount /proc/sys/fs/binfmt_misc 2>/dev/null; exec "$@"'
    run_ok unshare --mount sh -c "$hide" - "$IMGBUILD" doctor --json
    printf '%s\n' "$output" >found
    assert_json '.emulation[] | select(.arch == "s390x") |
        .available == false and (.fix | test("qemu-user-static"))' found
}
