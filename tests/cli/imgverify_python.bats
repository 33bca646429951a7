#!/usr/bin/env bats
# imgverify on an image with real virtual environments: tests/fixtures/verify-demo, and pytest.

load helpers
load verify

setup() {
    common_setup
    require_root
    require_program jq
    DEMO=oci:$(demo_layout) || skip "needs Debian's archive and PyPI"
    [ "$DEMO" != oci: ] || skip "needs Debian's archive and PyPI"
    # unpacked once for all tests
    DEMO_STORE=$TEST_CACHE/verify-demo.store
}

verify_demo() {
    local wanted=$1
    shift
    verify "$wanted" "$DEMO" --root "$DEMO_STORE" "$@"
}

@test "a python group passes on a sound image" {
    checks <<'Y'
python:
  venv: /app/.venv
  scripts: [demo, demo-serve]
  imports: ["verify_demo.main:main", verify_demo]
  entry_points: true
dev:
  python:
    dev: [pytest]
Y
    verify_demo 0 --dev
    assert_json '.totals.passed == 8'
    assert_json '.images[0].checks[] | select(.name == "dev dependency pytest")
        | .run.stdout | test("^pytest [0-9]+\\.[0-9]")'
    assert_json '.images[0].checks[] | select(.name == "venv activates")
        | .run.stdout == "sys.prefix is /app/.venv\n"'
    assert_json '.images[0].checks[] | select(.name == "script demo is on PATH")
        | .run.stdout == "/app/.venv/bin/demo\n"'
    verify_demo 0
    assert_json '.totals.passed == 7'
}

@test "each check of a python group fails for its own reason" {
    checks <<'Y'
python:
  venv: /app/.venv
  scripts: [demo-import-error, demo-lost, demo-data, demo-none]
  imports: [verify_demo.broken, "verify_demo.main:none", pytset]
  entry_points: true
  dev: [ruff]
  editable: verify-demo
  uv: true
Y
    verify_demo 1
    assert_verdict "script demo-none is on PATH" \
        "failed: exited 1: $(json '.images[0].checks[] | select(.name == "script demo-none is on PATH") | .run.stderr | rtrimstr("\n")')"
    [[ $(verdict "script demo-none is on PATH") == *"demo-none is not on PATH"* ]]
    assert_verdict "import verify_demo.broken" \
        "failed: traceback: ModuleNotFoundError: No module named 'verify_demo_that_is_not_there'"
    assert_verdict "import pytset" "failed: traceback: ModuleNotFoundError: No module named 'pytset'"
    assert_verdict "import verify_demo.main:none" \
        "failed: traceback: AttributeError: module 'verify_demo.main' has no attribute 'none'"
    [[ $(verdict "entry point demo-import-error is callable") == *"ModuleNotFoundError"* ]]
    [[ $(verdict "entry point demo-lost is callable") == *"AttributeError"* ]]
    assert_verdict "entry point demo-data is callable" \
        "failed: exited 1: verify_demo.main:DATA is not callable"
    assert_verdict "entry point demo-none is callable" \
        "failed: exited 1: no installed package declares the console script demo-none"
    assert_verdict "dev dependency ruff" "failed: exited 1: ruff is not installed"
    assert_verdict "verify-demo is installed editable" \
        "failed: exited 1: verify-demo 1.2.3 is installed, but not editable"
    [[ $(verdict "uv runs") == "failed: exited 127"* ]]
    assert_verdict "venv activates" passed
}

@test "an editable install passes, unless its source is gone" {
    checks <<'Y'
python: {venv: /app/.venv-dev, editable: verify-demo, imports: ["verify_demo.main:main"]}
checks:
- name: gone
  user: root
  setup: rm -r /app/verify-demo
  command: [python, -c, "import verify_demo.main"]
  venv: /app/.venv-dev
Y
    verify_demo 1
    assert_verdict "verify-demo is installed editable" passed
    assert_json '.images[0].checks[] | select(.name == "verify-demo is installed editable")
        | .run.stdout == "verify-demo 1.2.3, editable, from /app/verify-demo\n"'
    [[ $(verdict gone) == *"ModuleNotFoundError: No module named 'verify_demo'" ]]
}

@test "a broken virtual environment shows" {
    checks <<'Y'
defaults: {user: root}
checks:
- {name: no activate, venv: /app/none, command: python -V}
- {name: never allowed, venv: /app/none, start: python -V, allow_error: .}
- {name: works, venv: /app/.venv, command: 'python -c "import sys; print(sys.prefix)"; echo $VIRTUAL_ENV', stdout: '\A/app/.venv\n/app/.venv\n\z'}
Y
    verify_demo 1
    assert_verdict "no activate" "failed: exited 127: /app/none/bin/activate: No such file"
    assert_verdict "never allowed" "failed: exited 127: /app/none/bin/activate: No such file"
    assert_verdict works passed
}

@test "a copied virtual environment, whose activate names the old one, does not activate" {
    checks <<'Y'
checks:
- name: copied
  user: root
  venv: /app/copy
  command: [python, -c, "import sys; print(sys.prefix); sys.exit(sys.prefix != '/app/copy')"]
Y
    verify_demo 1
    assert_verdict copied "failed: exited 1: /app/.venv"
}

@test "console scripts: fine, serving into a buffer, silent, an error, a traceback with exit 0" {
    checks <<'Y'
defaults: {venv: /app/.venv}
checks:
- {name: fine, start: [demo]}
- {name: serving, start: [demo-serve]}
- {name: silent, start: [demo-silent]}
- {name: silent alive, start: [demo-quiet-serve], timeout: 5}
- {name: error, start: [demo-error]}
- {name: allowed, start: [demo-error], allow_error: no server}
- {name: traceback, start: [demo-traceback], allow_error: .}
- {name: traceback in a command, command: [demo-traceback]}
- {name: import error, start: [demo-import-error], allow_error: .}
- {name: missing, start: [demo-none], allow_error: .}
Y
    verify_demo 1
    assert_json '[.images[0].checks[] | select(.verdict == "passed") | .name] ==
        ["fine", "serving", "allowed"]'
    assert_verdict silent "failed: exited 0 but printed nothing"
    assert_verdict "silent alive" "failed: printed nothing within 5 s"
    assert_verdict error "failed: exited 1: no server is there"
    assert_verdict traceback "failed: traceback: ValueError: this is wrong"
    assert_verdict "traceback in a command" "failed: traceback: ValueError: this is wrong"
    assert_verdict "import error" \
        "failed: traceback: ModuleNotFoundError: No module named 'verify_demo_that_is_not_there'"
    [[ $(verdict missing) == "failed: exited 127: "* ]]
}

@test "a Python that does nothing and says that all is well passes no check" {
    checks <<'Y'
python:
  venv: /app/.venv
  scripts: [demo]
  imports: [verify_demo, verify_demo.leaves]
  entry_points: true
  dev: [pytest]
Y
    verify_demo 1 --only 'import *'
    assert_verdict "import verify_demo" passed
    assert_verdict "import verify_demo.leaves" \
        "failed: stdout does not match “^verify_demo\\.leaves is ”"
    printf '#!/bin/sh\n' >python
    chmod 755 python
    verify_demo 1 --volume "$PWD/python:/app/.venv/bin/python"
    assert_verdict "venv activates" "failed: stdout does not match “^sys\\.prefix is /”"
    assert_json '.totals.passed == 1' # the script is on PATH
}

@test "a module that lies in the working directory does not count as installed" {
    checks <<'Y'
defaults: {workdir: /app/verify-demo/verify_demo}
python: {venv: /app/.venv, imports: [main]}
Y
    verify_demo 1
    assert_verdict "import main" "failed: traceback: ModuleNotFoundError: No module named 'main'"
}

@test "a project's own tests run in the image" {
    checks <<'Y'
checks:
- name: tests
  venv: /app/.venv
  setup: ['mkdir tests', 'echo "def test_it(): assert True" > tests/test_it.py']
  command: [pytest, -q, -p, "no:cacheprovider", tests]
  stdout: 1 passed
- name: failing tests
  venv: /app/.venv
  setup: ['mkdir tests', 'echo "def test_it(): assert False" > tests/test_it.py']
  command: [pytest, -q, -p, "no:cacheprovider", tests]
Y
    verify_demo 1
    assert_verdict tests passed
    [[ $(verdict "failing tests") == "failed: exited 1: 1 failed"* ]]
}

@test "a package's version, as a pattern on what dpkg says" {
    checks <<'Y'
checks:
- {name: right, command: [dpkg-query, -W, -f, '${Version}', python3], stdout: '^3\.11\.'}
- {name: wrong, command: [dpkg-query, -W, -f, '${Version}', python3], stdout: '^2\.'}
- {name: absent, command: [dpkg-query, -W, -f, '${Version}', nginx]}
Y
    verify_demo 1
    assert_verdict right passed
    assert_verdict wrong "failed: stdout does not match “^2\\.”"
    [[ $(verdict absent) == "failed: exited 1: dpkg-query: no packages found matching nginx" ]]
}

@test "the image's metadata, user and directory" {
    checks <<'Y'
checks:
- name: metadata
  metadata: {user: client, workdir: /app, env: {CONFIG_DIR: /config}, ports: 5000, volumes: /config, labels: {version: 1.2.3}}
- {name: user, command: 'id -un; pwd; echo $HOME; test -w .', stdout: '\Aclient\n/app\n/home/client\n'}
Y
    verify_demo 0
}
