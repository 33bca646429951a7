#!/usr/bin/env bats
# Limits of memory, processors and processes: by cgroup v2 where this host lets us have one, and a
# note where not.
load helpers
load build
load verify

setup() {
    common_setup
    require_root
}

# Skips where this host's cgroup v2 has not that controller.
require_controller() {
    local point
    point=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    [ -n "$point" ] && grep -qw "$1" "$point/cgroup.controllers" || skip "needs the cgroup v2 controller $1"
}

@test "a step that needs more memory than it may use is killed, and the error says so" {
    require_controller memory
    build_fails 1 --memory 16m <<<$'FROM base\nRUN head -c 100000000 /dev/zero | tail -c 90000000 | wc -c'
    assert_stderr_contains 'it needed more memory than --memory allows'
    build --memory 64m --pids-limit 50 --cpus 0.5 <<<$'FROM base
RUN cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max >/limits'
    assert_equal "$(layer -1 | tar -xO limits | paste -sd' ')" '67108864 50 50000 100000'
    [ -z "$(find /sys/fs/cgroup -name 'imgbuild-*' 2>/dev/null)" ]
}

@test "a check has limits of its own" {
    require_controller memory
    require_controller pids
    cat >checks.yaml <<'Y'
checks:
- {name: small, command: 'true', memory: 32m}
- {name: big, command: 'head -c 100000000 /dev/zero | tail -c 90000000 | wc -c'}
- {name: many, command: 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait', pids: 5}
Y
    run_exit 1 "$IMGVERIFY" --memory 16m -c checks.yaml "oci:$(tiny_layout)" --output json=report
    assert_json '[.images[0].checks[].verdict] == ["passed", "failed", "failed"]' report
    assert_json '.images[0].checks[1].detail | test("out of the memory that it may use")' report
}

@test "where nothing can be limited, a note says why and the build goes on" {
    # A mount namespace without any cgroup hierarchy in it.
    mkdir context
    printf 'FROM base\nRUN true\n' >context/Dockerfile
    # shellcheck disable=SC2016 # for the inner shell
    run_ok unshare --mount sh -c 'umount -R /sys/fs/cgroup 2>/dev/null; exec "$@"' - "$IMGBUILD" \
        --memory 64m --build-context "base=oci-layout://$(tiny_layout):latest" context
    assert_stderr_contains '--memory: not applied, since no cgroup v2 hierarchy is mounted here'
}

@test "a limit that is none is a mistake of the command line" {
    mkdir context
    printf 'FROM scratch\n' >context/Dockerfile
    for words in '--memory much' '--memory 1k' '--cpus 0' '--cpus 1,5' '--pids-limit -1'; do
        # shellcheck disable=SC2086 # words are words
        run_exit 2 "$IMGBUILD" $words context
        # shellcheck disable=SC2086
        run_exit 2 "$IMGVERIFY" $words "oci:$(tiny_layout)" -c /dev/null
    done
    printf 'checks:\n- {name: a, command: x, memory: lots}\n' >checks.yaml
    run_exit 3 "$IMGVERIFY" -c checks.yaml "oci:$(tiny_layout)"
    assert_stderr_contains '“memory” must be a size'
}
