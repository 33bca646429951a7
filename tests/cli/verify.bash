# shellcheck shell=bash
# What the tests of imgverify share: images to check, and running checks on them.

# demo_layout: an OCI layout of Debian with Python: /app/.venv holds verify-demo and pytest, and
# /app/.venv-dev the same package from /app/verify-demo, editable; /app/copy is a copy of the first.
# It runs as "client" in /app.
demo_layout() {
    local name
    debian_root_tar >/dev/null
    # what it is made of may change between runs
    name=verify-demo-$(cat "$HELPERS_DIR/verify.bash" "$FIXTURES"/verify-demo/*.toml \
        "$FIXTURES"/verify-demo/*/*.py | sha256sum | cut -c1-16).oci
    _cached "$name" _make_demo_layout ||
        skip "needs PyPI: $(tail -n 1 "$TEST_CACHE/$name.log" 2>/dev/null)"
}

_make_demo_layout() { # PATH
    local root=$1.root status=0
    rm -rf "$root"
    mkdir -p "$root"
    tar -C "$root" -xpf "$TEST_CACHE/debian.tar" || return 1
    _fill_demo_root "$root" || status=1
    [ "$status" -ne 0 ] || tar -C "$root" --numeric-owner -cf "$1.tar" . || status=1
    [ "$status" -ne 0 ] || make_layout "$1" "$1.tar" \
        '.config.User = "client" | .config.WorkingDir = "/app"
         | .config.Env += ["CONFIG_DIR=/config"] | .config.Labels = {version: "1.2.3"}
         | .config.ExposedPorts = {"5000/tcp": {}} | .config.Volumes = {"/config": {}}' || status=1
    rm -rf "$root" "$1.tar"
    return "$status"
}

_fill_demo_root() { # ROOT
    local ca=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
    mkdir -p "$1/app" "$1/home/client"
    cp -r "$FIXTURES/verify-demo" "$1/app/verify-demo"
    cp /etc/resolv.conf "$1/etc/resolv.conf" && cp "$ca" "$1/tmp/ca.pem" || return 1
    printf 'client:x:1001:1001::/home/client:/bin/bash\n' >>"$1/etc/passwd"
    printf 'client:x:1001:\n' >>"$1/etc/group"
    chown 1001:1001 "$1/home/client" "$1/app"
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PIP_CERT=/tmp/ca.pem \
        PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 chroot "$1" /bin/sh -ec '
        python3 -m venv /app/.venv
        cp -r /app/verify-demo /tmp/verify-demo
        /app/.venv/bin/pip install -q /tmp/verify-demo pytest
        python3 -m venv /app/.venv-dev
        /app/.venv-dev/bin/pip install -q -e /app/verify-demo
        cp -r /app/.venv /app/copy
        rm -rf /tmp/verify-demo /tmp/ca.pem'
}

# checks <<YAML: write checks.yaml in the test's directory.
checks() {
    cat >"$BATS_TEST_TMPDIR/checks.yaml"
}

# verify CODE REF [OPTION…]: run imgverify with checks.yaml and a JSON report in $output.
verify() {
    local wanted=$1
    shift
    run_exit "$wanted" "$IMGVERIFY" --config checks.yaml --output json "$@"
}

# verdict NAME: "passed", or "failed: DETAIL", of the check in $output.
verdict() {
    jq -r --arg name "$1" '[.images[].checks[] | select(.name == $name)
        | .verdict + (if .verdict == "passed" then "" else ": " + .detail end)] | join("\n")' \
        <<<"$output"
}

assert_verdict() { # NAME WANTED
    assert_equal "$(verdict "$1")" "$2" || { _show_run; return 1; }
}
