#!/usr/bin/env bats
# Files of container-structure-test, as they are.

load helpers
load verify

setup() {
    common_setup
    require_root
    require_program jq
    TINY=oci:$(tiny_layout)
}

# cst CODE REF [OPTION…]: check by checks.yaml, a file of container-structure-test.
cst() {
    local code=$1
    shift
    run_exit "$code" "$IMGVERIFY" -q --config checks.yaml --output json "$@"
}

# mistake LINE TEXT <<FILE: the file is refused, with this line and text.
mistake() {
    checks
    run_exit 3 "$IMGVERIFY" --list --config checks.yaml
    assert_stderr_contains "checks.yaml:$1: "
    assert_stderr_contains "$2"
}

@test "command tests: arguments, set-up and teardown, variables, exit code, patterns on each stream" {
    checks <<'Y'
schemaVersion: '2.0.0'
globalEnvVars:
- {key: BASE, value: /env}
- {key: PATH, value: '$BASE/bin:${PATH}'}
commandTests:
- name: all
  setup: [[sh, -c, 'echo $OWN > /made'], [mkdir, /more]]
  teardown: [[test, -d, /more]]
  envVars: [{key: OWN, value: '$BASE/own'}]
  command: sh
  args: [-c, 'echo "$PATH" "$0"; cat /made; echo bad >&2; exit 3', 'a $BASE']
  exitCode: 3
  expectedOutput: ['^/env/bin:/usr/local/sbin.* a \$BASE\n', '/env/own\n$']
  excludedOutput: [bad]
  expectedError: ['^bad']
  excludedError: [own, '^$']
- {name: exit code, command: sh, args: [-c, exit 4]}
- {name: output, command: echo, args: [a], expectedOutput: [b]}
- {name: error, command: sh, args: [-c, 'echo a >&2'], excludedError: [a]}
- {name: set-up fails, setup: [['false']], command: 'true'}
- {name: same name, command: 'true'}
- {name: same name, command: 'true'}
Y
    cst 1 "$TINY"
    assert_verdict all passed
    assert_verdict "exit code" "failed: exited 4"
    assert_verdict output "failed: stdout does not match “b”"
    assert_verdict error "failed: stderr matches “a”, which it must not"
    assert_verdict "set-up fails" "failed: set-up step 1 exited 1"
    assert_verdict "same name" passed
    assert_verdict "same name (2)" passed
    assert_json '.images[0].checks | map(.line) == [6, 17, 18, 19, 20, 21, 22]'
}

@test "file tests: there or not, permissions as Go prints them, owners, who may execute, contents" {
    checks <<'Y'
schemaVersion: 2.0.0
fileExistenceTests:
- {name: there, path: /etc/passwd, permissions: -rw-r--r--, uid: 0, gid: 0}
- {name: sticky, path: /tmp, permissions: dtrwxrwxrwx}
- {name: link, path: /bin/sh, permissions: Lrwxrwxrwx}
- {name: through the link, path: /bin/sh, permissions: -rwxr-xr-x, isExecutableBy: other}
- {name: absent, path: /etc/shadow, shouldExist: false}
- {name: not there, path: /etc/shadow}
- {name: not absent, path: /etc/passwd, shouldExist: false}
- {name: mode, path: /etc/passwd, permissions: -rwxr-xr-x}
- {name: owner, path: /etc/passwd, uid: 1}
- {name: group, path: /etc/passwd, gid: 1}
- {name: executable, path: /etc/passwd, isExecutableBy: any}
fileContentTests:
- {name: content, path: /etc/passwd, expectedContents: ['^root', '(?m)^nobody'], excludedContents: ['^nobody', mallory]}
- {name: no content, path: /etc/passwd, expectedContents: [mallory]}
- {name: no file, path: /etc/shadow, excludedContents: [mallory]}
- {name: a directory, path: /etc, excludedContents: [mallory]}
licenseTests:
- {debian: false, files: [/etc/passwd]}
- {files: [/etc/shadow]}
Y
    cst 1 "$TINY"
    assert_json '[.images[0].checks[] | select(.verdict == "passed") | .name] ==
        ["content", "there", "sticky", "link", "through the link", "absent", "licenses"]'
    assert_verdict mode "failed: /etc/passwd has permissions -rw-r--r--, not -rwxr-xr-x"
    assert_verdict owner "failed: /etc/passwd is owned by user 0, not 1"
    assert_verdict "licenses (2)" "failed: /etc/shadow is not there"
}

@test "metadata tests: each field, a port's protocol, and a list that is empty" {
    make_layout "$PWD/meta" "$(tiny_root_tar)" '.config.User = "nobody" | .config.WorkingDir = "/tmp"
        | .config.Env += ["E=", "V=1.2"] | .config.Labels = {a: "x y", e: ""}
        | .config.ExposedPorts = {"80/tcp": {}, "53/udp": {}} | .config.Volumes = {"/v": {}}
        | del(.config.Entrypoint) | .config.Cmd = ["a", "b"]'
    checks <<'Y'
schemaVersion: 2.0.0
metadataTest:
  envVars: [{key: E, value: ''}, {key: V, value: '^\d\.', isRegex: true}]
  unboundEnvVars: [{key: W}]
  labels: [{key: a, value: 'x y'}, {key: e, value: ''}, {key: a, value: '^x', isRegex: true}]
  exposedPorts: ['80', 53/udp]
  unexposedPorts: ['443', 53/tcp]
  entrypoint: []
  cmd: [a, b]
  workdir: /tmp
  volumes: [/v]
  unmountedVolumes: [/w]
  user: nobody
Y
    cst 0 "oci:$PWD/meta"
    checks <<'Y'
schemaVersion: 2.0.0
metadataTest:
  envVars: [{key: V, value: '1'}, {key: W, value: ''}]
  unboundEnvVars: [{key: E}]
  exposedPorts: ['53']
  unexposedPorts: ['53']
  cmd: []
  unmountedVolumes: [/v]
  user: root
Y
    cst 1 "oci:$PWD/meta"
    assert_verdict metadata "failed: variable V is “1.2”, not “1”; variable W is not set; variable E is “” but must not be set; port 53/tcp is not declared; port 53 is declared; volume /v is declared; cmd is [\"a\",\"b\"], not []; user is “nobody”, not “root”"
}

@test "run options: user, variables, capabilities, a terminal, mounts" {
    printf '# a comment\nexport A="x y"\nB=2 # two\nEMPTY=\n' >envfile
    mkdir shown
    checks <<Y
schemaVersion: 2.0.0
globalEnvVars: [{key: A, value: global}, {key: G, value: global}]
commandTests:
- {name: user, command: id, args: [-un], expectedOutput: ['^nobody']}
- {name: variables, command: sh, args: [-c, 'echo "\$A,\$B,\$C,\$G,\$T"'], expectedOutput: ['^x y,2,3,global,test'],
   envVars: [{key: T, value: test}]}
- {name: capabilities, command: grep, args: [CapBnd, /proc/self/status], expectedOutput: ['00000000a82425fb']}
- {name: terminal, command: sh, args: [-c, 'test -t 1 && test -t 2 && echo one']}
- {name: mount, command: test, args: [-d, /shown]}
- {name: read-only, command: touch, args: [/shown/x], exitCode: 1}
containerRunOptions:
  user: nobody
  envFile: envfile
  envVars: [C, NOT_SET]
  capabilities: [sys_admin, CAP_NET_RAW]
  allocateTty: true
  bindMounts: ['$PWD/shown:/shown']
Y
    C=3 cst 0 "$TINY"
    checks <<'Y'
schemaVersion: 2.0.0
commandTests:
- {name: everything, command: grep, args: [CapEff, /proc/self/status], expectedOutput: [CapEff], excludedOutput: [a80425fb]}
containerRunOptions: {privileged: true}
Y
    cst 0 "$TINY"
}

@test "JSON files keep the defaults, several files go together, and the older schema is read" {
    printf '{"schemaVersion": "2.0.0",\n\t"fileExistenceTests": [{"name": "there", "path": "/etc/passwd"}]}\n' >a.json
    cat >b.yaml <<'Y'
schemaVersion: 1.0.0
commandTests:
- {name: old, command: [echo, a], expectedOutput: [^a]}
Y
    checks <<'Y'
checks:
- {name: ours, command: 'true'}
Y
    run_ok "$IMGVERIFY" -q --config a.json --config b.yaml --config checks.yaml -o json "$TINY"
    assert_json '[.images[0].checks[] | .name, .verdict] ==
        ["there", "passed", "old", "passed", "ours", "passed"]'
}

@test "mistakes are shown with their line" {
    mistake 2 "“commandTest”" <<<$'schemaVersion: 2.0.0\ncommandTest: []'
    mistake 1 "“schemaVersion” must be 2.0.0 or 1.0.0" <<<'schemaVersion: 3'
    mistake 3 "needs a “name”" <<<$'schemaVersion: 2.0.0\ncommandTests:\n- {command: a}'
    mistake 3 "needs a “command”" <<<$'schemaVersion: 2.0.0\ncommandTests:\n- {name: a}'
    mistake 4 "which RE2 does not have" <<<$'schemaVersion: 2.0.0\nfileContentTests:\n- name: a\n  expectedContents: ["(?=x)"]\n  path: /x'
    mistake 3 "there is no capability “fly”" <<<$'schemaVersion: 2.0.0\ncontainerRunOptions:\n  capabilities: [fly]'
    mistake 2 "asks for nothing" <<<$'schemaVersion: 2.0.0\nmetadataTest: {workdir: ""}'
    checks <<<'schemaVersion: 2.0.0'
    run_exit 3 "$IMGVERIFY" --list --config checks.yaml
    assert_stderr_contains "holds no check"
}

@test "file and metadata tests have the verdicts that container-structure-test gives" {
    require_program container-structure-test skopeo
    make_layout "$PWD/image" "$(tiny_root_tar)" '.config.User = "nobody" | .config.Labels = {a: "b"}'
    skopeo copy -q "oci:$PWD/image:latest" "docker-archive:$PWD/image.tar:test:1"
    checks <<'Y'
schemaVersion: 2.0.0
fileExistenceTests:
- {name: there, path: /etc/passwd, permissions: -rw-r--r--, isExecutableBy: ''}
- {name: not executable, path: /etc/passwd, isExecutableBy: owner}
- {name: absent, path: /etc/shadow, shouldExist: false}
- {name: not absent, path: /etc/passwd, shouldExist: false}
- {name: sticky, path: /tmp, permissions: dtrwxrwxrwx}
- {name: private, path: /root, permissions: drwxr-xr-x}
fileContentTests:
- {name: begins, path: /etc/passwd, expectedContents: ['^root']}
- {name: each line, path: /etc/passwd, expectedContents: ['^nobody']}
- {name: lines, path: /etc/passwd, expectedContents: ['(?m)^nobody.*false$'], excludedContents: ['x\s\v']}
- {name: missing, path: /etc/nothing, expectedContents: [a]}
metadataTest: {user: nobody, labels: [{key: a, value: b}], cmd: [/bin/sh], entrypoint: []}
Y
    cst 1 "oci:$PWD/image"
    # their names have the section before them; ours of the metadata test has none
    container-structure-test test --driver tar --image image.tar --config checks.yaml --output json \
        >theirs.json 2>/dev/null || true
    jq -r '.Results[] | [(.Name | sub("^File (Existence|Content) Test: "; "") | sub("Metadata Test"; "metadata")),
        (if .Pass then "passed" else "failed" end)] | @tsv' theirs.json | sort >theirs
    json '.images[0].checks[] | [.name, .verdict] | @tsv' | sort >ours
    [ "$(wc -l <ours)" -eq 11 ]
    diff ours theirs
}
