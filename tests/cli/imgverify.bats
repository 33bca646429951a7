#!/usr/bin/env bats
# imgverify on images of busybox: each kind of check, references, options, reports, bad input.

load helpers
load verify

setup() {
    common_setup
    require_root
    require_program jq
    TINY=oci:$(tiny_layout)
}

# ---- kinds of checks ----

@test "commands pass: arguments, a shell, exit codes, patterns on each stream" {
    checks <<'Y'
checks:
- {name: arguments, command: [echo, "a  b"], stdout: '^a  b$'}
- {name: shell, command: 'echo a; echo b >&2', stdout: ^a$, stderr: ^b$, not_stdout: b, output: [a, b]}
- {name: exit, command: 'exit 3', exit: 3}
Y
    verify 0 "$TINY"
    assert_json '.verdict == "passed" and .totals.passed == 3'
}

@test "commands fail for the right reason" {
    checks <<'Y'
checks:
- {name: exit, command: 'echo first; echo last >&2; exit 9'}
- {name: exit 0, command: 'true', exit: 1}
- {name: signal, command: 'kill -SEGV $$'}
- {name: stdout, command: echo a, stdout: b}
- {name: not stderr, command: 'echo warning >&2', not_stderr: warn}
- {name: time, command: sleep 60, timeout: 0.2}
- {name: no program, command: [/no/such]}
- {name: no user, command: 'true', user: nobdy}
- {name: no mount, command: 'true', mounts: 'absent:/x'}
- {name: traceback, command: 'echo "Traceback (most recent call last):"; echo "KeyError: 1"'}
- {name: pattern, command: 'printf %0999d 0 | tr 0 a; echo b', stdout: '^(a|aa)+$'}
- {name: much, command: 'head -c 5000000 /dev/zero'}
Y
    verify 1 "$TINY"
    assert_verdict exit "failed: exited 9: last"
    assert_verdict "exit 0" "failed: should have exited 1 but exited 0"
    assert_verdict signal "failed: was ended by signal 11 (Segmentation fault)"
    assert_verdict stdout "failed: stdout does not match “b”"
    assert_verdict "not stderr" "failed: stderr matches “warn”, which it must not"
    assert_verdict time "failed: did not end within 0.2 s"
    [[ $(verdict "no program") == "failed: "*"/no/such"*"No such file"* ]]
    [[ $(verdict "no user") == "failed: "*nobdy* ]]
    [[ $(verdict "no mount") == "failed: mount "*"/absent: No such file"* ]]
    assert_verdict traceback "failed: traceback: KeyError: 1"
    [[ $(verdict pattern) == "failed: stdout: the pattern “^(a|aa)+$” could not be decided"* ]]
    [[ $(verdict much) == "failed: wrote more than 4 MiB, too much to be judged" ]]
    assert_stderr_contains "12 of 12 checks failed: "
}

@test "started programs: alive, ended well, ended by an allowed error; and what never passes" {
    checks <<'Y'
checks:
- {name: alive, start: 'echo up; sleep 60', stop_after: 0.3}
- {name: ended, start: echo done}
- {name: allowed, start: 'echo no server >&2; exit 1', allow_error: no server}
- {name: refused, start: 'echo no client >&2; exit 1', allow_error: no server}
- {name: silent, start: sleep 60, timeout: 0.3}
- {name: slow, start: 'sleep 1; echo up; sleep 60', stop_after: 0.3}
- {name: slow traceback, start: 'sleep 1; echo warning; sleep 0.2; echo "ImportError: no x"; sleep 60', stop_after: 1}
- {name: silent end, start: 'true'}
- {name: missing, start: [sh, -c, 'exec nothing'], allow_error: .}
- {name: traceback, start: 'echo "ImportError: no x"; sleep 60', stop_after: 0.3, allow_error: .}
Y
    verify 1 "$TINY"
    assert_json '[.images[0].checks[] | select(.verdict == "passed") | .detail] ==
        ["alive after 0.3 s", "exited 0", "exited 1 with an error that is allowed",
         "alive after 0.3 s"]'
    assert_verdict "slow traceback" "failed: traceback: ImportError: no x"
    assert_verdict refused "failed: exited 1: no client"
    assert_verdict silent "failed: printed nothing within 0.3 s"
    assert_verdict "silent end" "failed: exited 0 but printed nothing"
    [[ $(verdict missing) == "failed: exited 127: "* ]]
    assert_verdict traceback "failed: traceback: ImportError: no x"
}

@test "files are looked at: there, absent, glob, type, owner, mode, content" {
    checks <<'Y'
checks:
- {name: there, file: /etc/passwd, owner: 'root:root', mode: 0644, contains: ^root, not_contains: mallory}
- {name: link, file: /bin/sh, type: symlink}
- {name: absent, file: /etc/shadow, absent: true}
- {name: glob, file: '/etc/pass*', type: file}
- {name: not there, file: /etc/shadow}
- {name: not absent, file: /etc/passwd, absent: true}
- {name: no match, file: '/etc/*.conf'}
- {name: owner, file: /etc/passwd, owner: nobody}
- {name: mode, file: /tmp, mode: 0755}
- {name: content, file: /etc/passwd, contains: mallory}
Y
    verify 1 "$TINY"
    assert_json '.totals.passed == 4'
    assert_verdict "not there" "failed: /etc/shadow is not there"
    assert_verdict "not absent" "failed: /etc/passwd is there"
    assert_verdict "no match" "failed: no file matches /etc/*.conf"
    assert_verdict owner "failed: /etc/passwd is owned by 0:0, not by nobody (65534)"
    assert_verdict mode "failed: /tmp has mode 1777, not 0755"
    assert_verdict content "failed: /etc/passwd does not match “mallory”"
}

@test "metadata is compared with the image's config" {
    make_layout "$BATS_TEST_TMPDIR/meta" "$(tiny_root_tar)" '.config.User = "nobody"
        | .config.Labels = {version: "1.2.3"} | .config.ExposedPorts = {"80/tcp": {}}'
    checks <<'Y'
checks:
- name: right
  metadata: {user: nobody, cmd: [/bin/sh], entrypoint: ~, labels: {version: {matches: '^1\.'}}, ports: 80}
- name: wrong
  metadata: {user: root, ports: 80/udp}
Y
    verify 1 "oci:$BATS_TEST_TMPDIR/meta"
    assert_verdict right passed
    assert_verdict wrong "failed: user is “nobody”, not “root”; port 80/udp is not declared"
}

@test "what one check writes, set-up and teardown see and no other check does" {
    checks <<'Y'
checks:
- name: writes
  setup: ['echo one > /x', [cp, /x, /y]]
  command: 'cat /y; rm /y; echo two > /x'
  teardown: ['grep two /x', 'test ! -e /y']
  stdout: one
  writes: {path: /x, contains: two}
- {name: alone, command: 'test ! -e /x'}
- {name: not written, setup: 'echo one > /x', command: cat /x, writes: /x}
- {name: not made, command: 'true', writes: /x}
- {name: not right, command: 'echo a > /x', writes: {path: /x, contains: b}}
- {name: set-up fails, setup: ['true', 'echo why; exit 4'], command: 'true'}
- {name: teardown fails, command: 'true', teardown: 'exit 5'}
Y
    verify 1 "$TINY"
    assert_verdict writes passed
    assert_verdict alone passed
    assert_verdict "not written" "failed: /x was there before and was not written"
    assert_verdict "not made" "failed: /x was not written"
    assert_verdict "not right" "failed: /x does not match “b”"
    assert_verdict "set-up fails" "failed: set-up step 2 exited 4: why"
    assert_verdict "teardown fails" "failed: teardown step 1 exited 5"
    assert_store_clean
}

@test "a check runs as the image's user with its environment, home and directory" {
    make_layout "$BATS_TEST_TMPDIR/user" "$(tiny_root_tar)" '.config.User = "nobody"
        | .config.WorkingDir = "/var" | .config.Env += ["GREETING=hello"]'
    checks <<'Y'
checks:
- {name: image, command: 'id -un; pwd; echo $GREETING $HOME', stdout: '\Anobody\n/var\nhello /nonexistent\n\z'}
- {name: own, user: root, workdir: /etc, env: {GREETING: bye}, command: 'id -un; pwd; echo $GREETING $HOME', stdout: '\Aroot\n/etc\nbye /root\n\z'}
- {name: number, user: '12:34', command: 'id -u; id -g', stdout: '\A12\n34\n\z'}
Y
    verify 0 "oci:$BATS_TEST_TMPDIR/user"
}

@test "the command line gives user, environment, network and time limit to checks that name none" {
    checks <<'Y'
checks:
- {name: asks nothing, command: 'id -un; echo $A; sleep 60', stdout: 'nobody\n1'}
- {name: asks itself, user: root, env: {A: 2}, timeout: 30, command: 'id -un; echo $A', stdout: 'root\n2'}
Y
    verify 1 "$TINY" --user nobody --env A=1 --timeout 1
    assert_verdict "asks nothing" "failed: did not end within 1 s"
    assert_verdict "asks itself" passed
}

@test "a check has no network unless it or the command line asks for the host's" {
    checks <<'Y'
checks:
- {name: default, command: 'grep -c : /proc/net/dev', stdout: '^1$'}
Y
    verify 0 "$TINY"
    [ "$(grep -c : /proc/net/dev)" -gt 1 ] || skip "needs a network"
    verify 1 "$TINY" --network host
    checks <<'Y'
defaults: {network: host}
checks:
- {name: host, command: 'grep -c : /proc/net/dev', not_stdout: '^1$'}
- {name: none, network: none, command: 'grep -c : /proc/net/dev', stdout: '^1$'}
Y
    verify 0 "$TINY"
}

@test "files of the host are shown read-only: mounts beside the checks file, and --volume" {
    mkdir conf shared
    echo inside >conf/a.txt
    echo shared >shared/b.txt
    checks <<'Y'
checks:
- {name: mount, mounts: 'conf/a.txt:/opt/a.txt', command: 'cat /opt/a.txt; ! echo x > /opt/a.txt', stdout: inside}
- {name: volume, command: 'cat /shared/b.txt; ! touch /shared/c', stdout: shared}
Y
    verify 0 "$TINY" --volume "$PWD/shared:/shared"
    [ ! -e shared/c ]
    run_exit 2 "$IMGVERIFY" -c checks.yaml "$TINY" --volume "$PWD/shared:/shared:rw"
    run_exit 3 "$IMGVERIFY" -c checks.yaml "$TINY" --volume "$PWD/none:/shared"
    assert_stderr_contains "none: No such file or directory"
}

# ---- skips ----

@test "programs that nothing here can run are skipped with the reason, files still looked at" {
    make_layout "$BATS_TEST_TMPDIR/sparc" "$(tiny_root_tar)" '.architecture = "sparc9"'
    checks <<'Y'
checks:
- {name: runs, command: 'true'}
- {name: looks, file: /etc/passwd}
Y
    verify 0 "oci:$BATS_TEST_TMPDIR/sparc" --platform linux/sparc9
    assert_verdict runs "skipped: no way is known to run programs for sparc9 here (linux/sparc9)"
    assert_verdict looks passed
    verify 1 "oci:$BATS_TEST_TMPDIR/sparc" --platform linux/sparc9 --require-all
    assert_json '.totals.failed == 1 and .totals.skipped == 0'
    verify 7 "oci:$BATS_TEST_TMPDIR/sparc" --platform linux/sparc9 --only runs
    assert_stderr_contains "not one of the checks could run on this host"
    assert_json '.verdict == "failed"'
}

# ---- which checks ----

@test "--only and --skip choose by globs, and leaving none is an error" {
    checks <<'Y'
checks:
- {name: import a, command: 'true'}
- {name: import b, command: 'false'}
- {name: other, command: 'false'}
Y
    verify 0 "$TINY" --only 'import *' --skip '* b'
    assert_json '.totals.checks == 1 and .images[0].left_out == 2'
    run_exit 2 "$IMGVERIFY" -c checks.yaml "$TINY" --only nothing
    assert_stderr_contains "--only and --skip leave no check"
}

@test "--list shows names, kinds and places without an image" {
    checks <<'Y'
python: {venv: /v, imports: [a]}
dev:
  checks:
  - {name: only dev, file: /x}
Y
    run_ok "$IMGVERIFY" --list -c checks.yaml
    assert_equal "$output" "venv activates	command	checks.yaml:1
import a	command	checks.yaml:1"
    run_ok "$IMGVERIFY" --list -c checks.yaml --dev oci:/not/there
    assert_output_contains "only dev	file	checks.yaml:4"
}

@test "several checks files are joined" {
    checks <<<'checks: [{name: a, command: "true"}]'
    echo 'checks: [{name: b, command: "true"}]' >more.yaml
    verify 0 "$TINY" --config more.yaml
    assert_json '[.images[0].checks[] | [.name, .file]] == [["a", "checks.yaml"], ["b", "more.yaml"]]'
}

_definition() {
    mkdir -p images/demo
    cat >images/demo/image.yaml <<'Y'
repository: ghcr.io/${owner}/demo
variants:
  prod: {dockerfile: Dockerfile}
  dev: {dockerfile: Dockerfile.dev, suffix: -test}
checks: checks.yaml
Y
    cat >images/demo/checks.yaml <<'Y'
checks: [{name: both, command: "true"}]
prod: {checks: [{name: for prod, command: "true"}]}
dev: {checks: [{name: for dev, command: "true"}]}
Y
}

@test "without --config the checks are the definition's, the variant the tag's" {
    _definition
    run_ok "$IMGVERIFY" --list 127.0.0.1:1/o/demo:linux-amd64-test
    assert_output_contains "for dev"
    run_ok "$IMGVERIFY" --list 127.0.0.1:1/o/demo:linux-amd64
    assert_output_contains "for prod"
    refute_output_contains "for dev"
    run_ok "$IMGVERIFY" --list --dev 127.0.0.1:1/o/demo:linux-amd64
    assert_output_contains "for dev"
    GITHUB_EVENT_NAME=pull_request GITHUB_REF=refs/pull/1/merge GITHUB_SHA=$(printf %040d 1) \
        GITHUB_REPOSITORY=o/demo GITHUB_REPOSITORY_OWNER=o \
        run_ok "$IMGVERIFY" --list "ghcr.io/o/demo@sha256:$(printf %064d 0)"
    assert_output_contains "for dev"
}

@test "a tag that this run's build doesn't push is warned of" {
    _definition
    export GITHUB_EVENT_NAME=push GITHUB_REF=refs/heads/main GITHUB_REF_NAME=main \
        GITHUB_REPOSITORY=o/demo GITHUB_REPOSITORY_OWNER=o GITHUB_SHA
    GITHUB_SHA=$(printf %040d 1)
    run_ok "$IMGVERIFY" --list ghcr.io/o/demo:nonsense
    assert_stderr_contains "the tag nonsense is none that this run's build pushes"
    run_ok "$IMGVERIFY" --list ghcr.io/o/demo:linux-amd64-latest
    refute_stderr_contains "none that this run's build pushes"
}

# The same for an image in a registry: attached_checks.bats.
@test "no --config and no definition: an error that says what to do" {
    run_exit 3 "$IMGVERIFY" "$TINY"
    assert_stderr_contains "say --config FILE"
}

@test "the shipped checks files are read, and fit the schema" {
    for name in allocator client; do
        for variant in dev prod; do
            run_ok "$IMGVERIFY" --list "--$variant" -c "$SOURCE_ROOT/images/$name/checks.yaml"
            assert_output_contains "venv activates"
        done
        python3 - "$SOURCE_ROOT" "$name" <<'P' || skip "needs python3 with jsonschema and yaml"
import json, sys
try:
    import jsonschema, yaml
except ImportError:
    sys.exit(1)
root, name = sys.argv[1:]
jsonschema.validate(yaml.safe_load(open(f"{root}/images/{name}/checks.yaml")),
                    json.load(open(f"{root}/docs/checks.schema.json")))
P
    done
}

# ---- references ----

@test "images come from layouts, archives of both kinds, and files that exist" {
    require_program skopeo
    layout=${TINY#oci:}
    checks <<<'checks: [{name: runs, command: "true"}]'
    tar -C "$layout" -cf image.oci.tar .
    skopeo copy -q "oci:$layout:latest" docker-archive:image.docker.tar:demo:1
    verify 0 "$TINY:latest"
    digest=$(json '.images[0].digest')
    verify 0 oci-archive:image.oci.tar
    assert_equal "$(json '.images[0].digest')" "$digest"
    verify 0 docker-archive:image.docker.tar
    verify 0 image.oci.tar
    verify 0 image.docker.tar
    cp -r "$layout" image.dir
    verify 0 ./image.dir
    verify 3 "$TINY:nothing"
}

@test "images come from a registry, by tag and by digest, several at once" {
    require_program skopeo
    start_registry
    skopeo copy -q --dest-tls-verify=false "$TINY:latest" "docker://$REGISTRY/o/demo:1"
    checks <<<'checks: [{name: runs, command: "true"}]'
    verify 0 "$REGISTRY/o/demo:1"
    digest=$(json '.images[0].digest')
    run_ok "$IMGVERIFY" -q -c checks.yaml "$REGISTRY/o/demo@$digest" "$REGISTRY/o/demo:1"
    assert_equal "$output" "$digest
$digest"
    run_exit 3 "$IMGVERIFY" -c checks.yaml "$REGISTRY/o/demo:none"
    stop_registries
    run_exit 4 "$IMGVERIFY" -c checks.yaml "$REGISTRY/o/demo:1"
}

# ---- reports ----

@test "the JSON report fits its schema, whatever a check prints" {
    checks <<'Y'
checks:
- {name: fine, command: "true"}
- {name: bytes, command: 'printf "\377\000\033[1mx\n"; exit 1'}
- {name: killed, command: 'kill -9 $$'}
- {name: stopped, command: sleep 60, timeout: 0.2}
- {name: looks, file: /etc/passwd}
Y
    verify 1 "$TINY"
    assert_json '.images[0].checks[1].run.stdout == "��x\n"'
    python3 - "$SOURCE_ROOT/docs/report.schema.json" 3<<<"$output" <<'P' || skip "needs python3 with jsonschema"
import json, sys
try:
    import jsonschema
except ImportError:
    sys.exit(1)
jsonschema.validate(json.load(open(3)), json.load(open(sys.argv[1])))
P
}

@test "the terminal report shows verdicts, where a failed check is from, and its last lines" {
    checks <<'Y'
checks:
- {name: good, command: 'true'}
- {name: bad, command: 'seq 1 30; exit 2'}
Y
    run_exit 1 "$IMGVERIFY" -c checks.yaml "$TINY"
    assert_output_contains "✓ good"
    assert_output_contains "✗ bad"
    assert_output_contains "Failed: bad (checks.yaml:3)"
    assert_output_contains "      | …
      | 11
"
    assert_output_contains "2 checks: 1 passed, 1 failed, 0 skipped"
    assert_stderr_contains "1 of 2 checks failed: bad"
}

@test "reports go to files beside standard output, whole or not at all" {
    checks <<<'checks: [{name: a, command: "true"}]'
    run_ok "$IMGVERIFY" -c checks.yaml -o terminal -o json=report.json "$TINY"
    assert_output_contains "1 check: 1 passed"
    assert_json '.verdict == "passed"' report.json
    run_exit 2 "$IMGVERIFY" -c checks.yaml -o terminal -o json "$TINY"
    assert_stderr_contains "only one --output can go to standard output"
    echo before >report.json
    run_exit 3 "$IMGVERIFY" -c checks.yaml -o json=report.json "$TINY:nothing"
    assert_equal "$(cat report.json)" before
}

# ---- bad input ----

@test "a mistake in a checks file is shown with its line and a hint" {
    checks <<'Y'
checks:
- name: a
  command: "true"
  stdot: x
Y
    run_exit 3 "$IMGVERIFY" -c checks.yaml "$TINY"
    assert_stderr_contains "checks.yaml:4"
    assert_stderr_contains "the key “stdot” is not known here"
    assert_stderr_contains "did you mean “stdout”?"
    run_exit 3 "$IMGVERIFY" -c none.yaml "$TINY"
    assert_stderr_contains "none.yaml"
}

@test "a configuration without a check fails" {
    checks <<<'checks: []'
    run_exit 3 "$IMGVERIFY" -c checks.yaml "$TINY"
    assert_stderr_contains "checks.yaml holds no check for the variant prod"
}

@test "wrong command lines" {
    run_exit 2 "$IMGVERIFY"
    assert_stderr_contains "no image is named"
    for words in "--dev --prod" "--timeout 0" "--timeout x" "--env A" "--volume a" "--volume a:b" \
        "--output xml" "--output json=" "--network bridge" "--jobs 1000" "--nothing"; do
        # shellcheck disable=SC2086
        run_exit 2 "$IMGVERIFY" $words "$TINY"
    done
}

@test "a mode that this host refuses is an error that says why and what would help" {
    require_program setpriv
    checks <<<'checks: [{name: a, command: "true"}]'
    chmod a+rx "$BATS_TEST_TMPDIR"
    cp "$IMGVERIFY" ./imgverify-copy
    setpriv --reuid=65534 --regid=65534 --clear-groups true || skip "needs setpriv"
    run_exit 7 setpriv --reuid=65534 --regid=65534 --clear-groups ./imgverify-copy \
        -c checks.yaml --isolation root --root "$BATS_TEST_TMPDIR/other" "oci:/x"
    assert_stderr_contains "--isolation root: this is an ordinary user"
    assert_stderr_contains "hint: run it as root"
}

@test "a host that runs out of something ends the run: no check is skipped for it, nor passes" {
    checks <<'Y'
checks:
- {name: runs, command: 'true'}
- {name: looks, file: /etc/passwd}
Y
    verify 0 "$TINY" # unpacked
    failed=0
    for ((limit = 20; limit < 40; limit++)); do
        run --separate-stderr bash -c 'ulimit -n "$1" && shift && exec "$@"' - "$limit" \
            "$IMGVERIFY" -c checks.yaml -o json "$TINY"
        if [ "$status" -eq 0 ]; then
            assert_json '.totals.passed == 2'
        else
            assert_stderr_contains "Too many open files"
            [ "$status" -ne 7 ] || failed=1
        fi
    done
    [ "$failed" -eq 1 ]
    assert_store_clean
}

# ---- interrupted, at once, small ----

@test "Ctrl-C in the middle of a check ends everything and leaves nothing" {
    checks <<'Y'
checks:
- {name: a, command: 'sleep 600 & sleep 600', timeout: 600}
- {name: b, command: 'sleep 600', timeout: 600}
- {name: c, command: 'sleep 600', timeout: 600}
Y
    # bats' shell ignores SIGINT in what it starts in the background
    env --default-signal=INT "$IMGVERIFY" -c checks.yaml --progress plain "$TINY" \
        >out 2>err 3>&- &
    pid=$!
    for ((i = 0; i < 100; i++)); do
        ! _leftover_processes | grep -q '[0-9] sleep 600' || break
        sleep 0.1
    done
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    assert_equal "$status" 130
    assert_equal "$(cat out)" ""
    assert_store_clean
    assert_no_leftovers
}

@test "two runs share a store" {
    checks <<<'checks: [{name: a, command: "echo x > /x; sleep 0.3", writes: /x}]'
    "$IMGVERIFY" -q -c checks.yaml "$TINY" >one 2>err 3>&- &
    pid=$!
    run_ok "$IMGVERIFY" -q -c checks.yaml "$TINY"
    wait "$pid" || fail "$(cat err)"
    assert_equal "$(cat one)" "$output"
    assert_store_clean
}

@test "--help, --man, --completion and --version come from the tables" {
    run_ok "$IMGVERIFY" --help
    assert_output_contains "--require-all"
    run_ok "$IMGVERIFY" --man
    assert_output_contains ".TH"
    assert_output_contains "EXIT STATUS"
    for shell in bash zsh fish; do
        run_ok "$IMGVERIFY" --completion "$shell"
        assert_output_contains "require-all"
    done
    run_ok "$IMGVERIFY" --version
    [[ $output == "imgverify "[0-9]* ]]
}
