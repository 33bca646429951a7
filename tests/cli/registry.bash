# shellcheck shell=bash
# Registries on loopback: Debian's docker-registry, on a free port, with its storage in the test's
# directory. common_teardown stops them.

# The account that start_registry --auth knows.
REGISTRY_USER=tester
REGISTRY_PASSWORD='pass:word'
export REGISTRY_USER REGISTRY_PASSWORD

# start_registry [--auth] [--tls]: sets
#   REGISTRY       "127.0.0.1:PORT", the host part of references
#   REGISTRY_URL   "http://127.0.0.1:PORT", or https
#   REGISTRY_PID   and REGISTRY_DIR (config.yml, storage/, log: one line a request)
#   REGISTRY_CA    with --tls: the certificate to trust
# Several may run at once; copy the variables of the first before starting the second.
start_registry() {
    require_program docker-registry curl
    local auth='' tls='' option
    for option in "$@"; do
        case $option in
        --auth) auth=1 ;;
        --tls) tls=1 ;;
        *) fail "start_registry: unknown option $option" ;;
        esac
    done
    REGISTRY_DIR=$(mktemp -d "$BATS_TEST_TMPDIR/registry.XXXXXX")
    mkdir "$REGISTRY_DIR/storage"
    {
        printf '%s\n' 'version: 0.1' 'log: {level: info, formatter: json}' \
            "storage: {filesystem: {rootdirectory: $REGISTRY_DIR/storage}, delete: {enabled: true}}"
        [ -z "$auth" ] || _registry_auth
        printf '%s\n' 'http:' '  addr: 127.0.0.1:0'
        [ -z "$tls" ] || _registry_tls
    } >"$REGISTRY_DIR/config.yml"
    _registry_run
    REGISTRY_URL=http${tls:+s}://$REGISTRY
    REGISTRY_CA=${tls:+$REGISTRY_DIR/cert.pem}
    export REGISTRY REGISTRY_URL REGISTRY_PID REGISTRY_DIR REGISTRY_CA
}

# The registry wants bcrypt; perl's crypt has it from the C library.
_registry_auth() {
    # shellcheck disable=SC2016 # the salt's dollars are its own
    perl -e 'print "$ARGV[0]:", crypt($ARGV[1], q($2b$05$abcdefghijklmnopqrstuu)), "\n"' \
        "$REGISTRY_USER" "$REGISTRY_PASSWORD" >"$REGISTRY_DIR/htpasswd"
    printf '%s\n' "auth: {htpasswd: {realm: test, path: $REGISTRY_DIR/htpasswd}}"
}

_registry_tls() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
        -keyout "$REGISTRY_DIR/key.pem" -out "$REGISTRY_DIR/cert.pem" 2>/dev/null
    printf '%s\n' "  tls: {certificate: $REGISTRY_DIR/cert.pem, key: $REGISTRY_DIR/key.pem}"
}

# The kernel chooses the port and the registry's log tells it, so that no two tests meet on one.
_registry_run() {
    local port='' i
    : >"$REGISTRY_DIR/log"
    OTEL_TRACES_EXPORTER=none docker-registry serve "$REGISTRY_DIR/config.yml" \
        >"$REGISTRY_DIR/log" 2>&1 3>&- 4>&- </dev/null &
    REGISTRY_PID=$!
    REGISTRY_PIDS+=("$REGISTRY_PID")
    for ((i = 0; i < 100; i++)); do
        port=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$REGISTRY_DIR/log")
        [ -z "$port" ] || break
        kill -0 "$REGISTRY_PID" 2>/dev/null || break
        sleep 0.1
    done
    [ -n "$port" ] || fail "the registry did not start:" "$(cat "$REGISTRY_DIR/log")"
    REGISTRY=127.0.0.1:$port
}

# stop_registry PID: one of them, as a test of a registry that is down wants it.
stop_registry() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

stop_registries() {
    local pid
    for pid in "${REGISTRY_PIDS[@]-}"; do
        [ -z "$pid" ] || stop_registry "$pid"
    done
    REGISTRY_PIDS=()
}

# registry_curl PATH [curl option…]: ask the registry itself, without our own client.
registry_curl() {
    local path=$1
    shift
    curl -sS --fail ${REGISTRY_CA:+--cacert "$REGISTRY_CA"} \
        -u "$REGISTRY_USER:$REGISTRY_PASSWORD" "$@" "$REGISTRY_URL$path"
}

# registry_tags NAME: its tags, sorted, one a line.
registry_tags() {
    registry_curl "/v2/$1/tags/list" | jq -r '.tags[]?' | sort
}

# registry_manifest NAME REFERENCE: the manifest or index, as stored.
registry_manifest() {
    local types=application/vnd.oci.image.manifest.v1+json
    types+=,application/vnd.oci.image.index.v1+json
    types+=,application/vnd.docker.distribution.manifest.v2+json
    types+=,application/vnd.docker.distribution.manifest.list.v2+json
    registry_curl "/v2/$1/manifests/$2" -H "Accept: $types"
}

# registry_requests METHOD PATTERN: how many requests of that kind the registry has answered.
registry_requests() {
    grep -c "\"http.request.method\":\"$1\".*\"http.request.uri\":\"[^\"]*$2.*\"http.response.status\"" \
        "$REGISTRY_DIR/log" || true
}

# registry_put LAYOUT NAME TAG: push an OCI layout's one image with curl alone, so that a test of
# pull does not stand on our own push.
registry_put() {
    local layout=$1 name=$2 tag=$3 digest place manifest
    manifest=$(jq -r '.manifests[0].digest' "$layout/index.json")
    manifest=$layout/blobs/${manifest/://}
    for digest in $(jq -r '.config.digest, .layers[].digest' "$manifest"); do
        place=$(registry_curl "/v2/$name/blobs/uploads/" -X POST -D - -o /dev/null |
            tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
        place=${place#"$REGISTRY_URL"}
        registry_curl "$place$([[ $place == *\?* ]] && echo '&' || echo '?')digest=$digest" -X PUT \
            -H 'Content-Type: application/octet-stream' -T "$layout/blobs/${digest/://}" \
            -o /dev/null
    done
    registry_curl "/v2/$name/manifests/$tag" -X PUT -o /dev/null \
        -H "Content-Type: $(jq -r .mediaType "$manifest")" --data-binary "@$manifest"
}
