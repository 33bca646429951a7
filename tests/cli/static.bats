#!/usr/bin/env bats
# Static checks, and checks that the image itself asks for.

load helpers
load verify

setup() {
    common_setup
    require_program jq
}

# static CODE REF [OPTION…]: --static with a JSON report in $output, and a store that must stay empty.
static() {
    local code=$1
    shift
    run_exit "$code" "$IMGVERIFY" --static -o json "$@"
    [ -z "$(ls -A "$STORE")" ] || fail "something was stored" "$(find "$STORE")"
}

@test "--static reads layers as streams, stores nothing, and says what it looked at" {
    static 0 "oci:$(tiny_layout)"
    assert_json '.verdict == "passed" and (.images[0].checks | length) == 12'
    assert_json '.images[0].files == ["derived from the image"] and .images[0].layers == 1'
    [[ $(json '.images[0].checks[] | select(.name == "no secret is in a layer") | .detail') == *"looked at" ]]
}

@test "a whole Debian with Python passes every static check, from a stream and unpacked" {
    local demo
    demo=oci:$(demo_layout)
    static 0 "$demo" --skip '*scripts and their interpreters*'
    json '[.images[0].checks[] | [.name, .verdict, .detail]]' >streamed
    require_root
    run_ok "$IMGVERIFY" --auto --only 'no *' --only '*are *' --only '*is there' --only 'what *' \
        --only '*is true*' --only 'few *' --skip '*scripts and their interpreters*' --skip 'import*' -o json "$demo"
    json '[.images[0].checks[] | [.name, .verdict, .detail]]' >unpacked
    # the unpacked one has no device nodes
    diff <(sed 's/[0-9]* looked at//' streamed) <(sed 's/[0-9]* looked at//' unpacked)
}

@test "--auto --venv derives scripts, imports, entry points and dev dependencies from the packages" {
    local demo
    demo=oci:$(demo_layout)
    require_root
    run_ok "$IMGVERIFY" --auto --venv /app/.venv --dev --list "$demo"
    assert_output_contains $'venv activates\tcommand\tderived from the image:0'
    assert_output_contains $'import verify_demo.main:main\t'
    assert_output_contains $'entry point demo is callable\t'
    assert_output_contains $'installed files are as recorded in /app/.venv\tstatic\t'
    run_exit 1 "$IMGVERIFY" --auto --venv /app/.venv --only '*demo-import-error*' --only 'import *' \
        --only 'venv activates' -o json "$demo"
    assert_verdict "venv activates" passed
    assert_verdict "import verify_demo.main:main" passed
    [[ $(verdict "import verify_demo.broken:main") == "failed: traceback: ModuleNotFoundError"* ]]
    assert_json '[.images[0].checks[] | select(.name == "import verify_demo.broken:main")][0] |
        (.traceback | endswith("verify_demo_that_is_not_there'"'"'")) and
        .blame[0].path == "/app/.venv/lib/python3.11/site-packages/verify_demo/broken.py"'
    # all that there are, each with its name, where none is named
    run_ok "$IMGVERIFY" --auto --list "$demo"
    assert_output_contains 'venv activates in /app/.venv-dev'
    assert_output_contains 'verify-demo is installed editable in /app/.venv-dev'
    run_exit 3 "$IMGVERIFY" --auto --venv /app "$demo"
    assert_stderr_contains "/app is no virtual environment of the image"
}

@test "a checks file asks for static checks: all, some, or all but what it overlooks" {
    checks <<'Y'
static:
  secrets: false
  setuid: {allow: [/usr/local/bin/*]}
  wasted: {limit: 1 MB}
checks:
- {name: file, file: /etc/passwd, contains: ^root, owner: root, mode: 0644}
- {name: no file, file: /etc/passwd, contains: mallory}
- {name: through a link, file: /bin/sh, type: file}
- {name: glob, file: '/etc/*', type: file}
- {name: run, command: 'true'}
- {name: config, metadata: {cmd: [/bin/sh]}}
Y
    run_exit 1 "$IMGVERIFY" --static --config checks.yaml --skip 'needed*' -o json "oci:$(tiny_layout)"
    assert_verdict file passed
    assert_verdict "no file" "failed: /etc/passwd does not match “mallory”"
    assert_json '[.images[0].checks[] | select(.name == "no file")][0].blame[0].layer == 1'
    assert_verdict "through a link" passed
    assert_verdict glob passed
    assert_verdict run "skipped: runs a program, and --static runs nothing"
    assert_verdict config passed
    assert_verdict "no unknown program has set-id bits" passed
    checks <<<'static: [shebangs, bugs]'
    run_exit 3 "$IMGVERIFY" --list --config checks.yaml
    assert_stderr_contains 'checks.yaml:1: there is no static check “bugs”'
    checks <<<'static: {wasted: {limit: much}}'
    run_exit 3 "$IMGVERIFY" --list --config checks.yaml
    checks <<<'static: true'
    run_ok "$IMGVERIFY" --list --config checks.yaml
    assert_equal "$(wc -l <<<"$output")" 19
}

@test "--static holds for another architecture, and needs no rights" {
    require_program setpriv
    local open
    require_root
    open=$(mktemp -d -p /tmp) # where another user may look
    make_layout "$open/arm" "$(tiny_root_tar)" '.architecture = "arm64"'
    chmod -R a+rX "$open"
    run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$IMGVERIFY" --static \
        --platform linux/arm64 -o json "oci:$open/arm"
    rm -rf "$open"
    assert_exit 1
    [[ $(verdict "programs are for the image's architecture") == "failed: /bin/busybox is for x86-64, and the image for aarch64" ]]
    assert_json '.totals.failed == 1'
}

@test "a directory is an image of one layer" {
    require_root
    mkdir root
    tar -C root -xf "$(tiny_root_tar)"
    checks <<'Y'
checks:
- {name: runs, command: 'echo a > /x; cat /x', stdout: ^a}
- {name: file, file: /etc/passwd, contains: ^root}
Y
    verify 0 dir:root
    [ ! -e root/x ]
    assert_json '.images[0].digest == null and .images[0].layers == 1'
    run_ok "$IMGVERIFY" --static -o json dir:root
    chmod 4755 root/bin/busybox
    run_exit 1 "$IMGVERIFY" --static -o json dir:root
    assert_verdict "no unknown program has set-id bits" "failed: /bin/busybox runs as its owner (4755)"
    run_exit 3 "$IMGVERIFY" --static dir:nowhere
}

@test "an image that can't be had takes no report from the others" {
    local tiny
    tiny=oci:$(tiny_layout)
    for references in "$tiny oci:nowhere:x" "oci:nowhere:x $tiny"; do
        # shellcheck disable=SC2086 # words are words
        static 3 $references
        assert_json '.verdict == "passed" and (.images | length) == 1'
        assert_stderr_contains nowhere
    done
    static 3 oci:nowhere:x
    assert_equal "$output" ""
}
