# shellcheck shell=bash
# A registry that misbehaves as told: see tests/registry/fault_registry.py.

# start_fault_registry [OPTION…]: sets REGISTRY, REGISTRY_URL, REGISTRY_PID and REGISTRY_DIR as
# start_registry does. It is empty; registry_put and imgbuild fill it.
start_fault_registry() {
    require_program python3 curl
    local i ports=''
    REGISTRY_DIR=$(mktemp -d "$BATS_TEST_TMPDIR/registry.XXXXXX")
    : >"$REGISTRY_DIR/log"
    python3 "$SOURCE_ROOT/tests/registry/fault_registry.py" "$@" \
        >"$REGISTRY_DIR/log" 2>&1 3>&- 4>&- </dev/null &
    REGISTRY_PID=$!
    REGISTRY_PIDS+=("$REGISTRY_PID")
    for ((i = 0; i < 200; i++)); do
        ports=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$REGISTRY_DIR/log")
        [ -z "$ports" ] || break
        kill -0 "$REGISTRY_PID" 2>/dev/null || break
        sleep 0.1
    done
    [ -n "$ports" ] || fail "the registry did not start:" "$(cat "$REGISTRY_DIR/log")"
    REGISTRY=127.0.0.1:$ports
    REGISTRY_URL=http://$REGISTRY
    REGISTRY_CA=
    export REGISTRY REGISTRY_URL REGISTRY_PID REGISTRY_DIR REGISTRY_CA
}

# fault JSON: one more rule. no_faults: none of them, and an empty log.
fault() {
    curl -sSf -o /dev/null -d "[$1]" "$REGISTRY_URL/_fault/rules"
}

no_faults() {
    curl -sSf -o /dev/null -X DELETE "$REGISTRY_URL/_fault/rules"
}

# fault_requests JQ: of the requests that came, those for which it is true; their number.
fault_requests() {
    curl -sSf "$REGISTRY_URL/_fault/requests" | jq "[.[] | select($1)] | length"
}
