#!/usr/bin/env bats
# The build plan on the command line: imgbuild NAME --dry-run and imgbuild tags NAME.
load helpers

SHA=0123456789abcdef0123456789abcdef01234567

setup() {
    common_setup
    export IMGBUILD_IMAGES=$SOURCE_ROOT/images
}

# ci EVENT REF [PAYLOAD]: what Actions would tell a job.
ci() {
    export GITHUB_ACTIONS=true GITHUB_EVENT_NAME=$1 GITHUB_REF=$2 GITHUB_SHA=$SHA
    export GITHUB_REPOSITORY=Lab/link GITHUB_REPOSITORY_OWNER=Lab
    export GITHUB_SERVER_URL=https://github.com GITHUB_EVENT_PATH=$BATS_TEST_TMPDIR/event.json
    printf '%s' "${3-{\}}" >"$GITHUB_EVENT_PATH"
}

published() { # PACKAGE VERSION
    ci repository_dispatch refs/heads/main "{\"action\": \"package-published\",
        \"client_payload\": {\"package\": \"$1\", \"version\": \"$2\"}}"
}

# Of Debian's python3-jsonschema, or any other.
assert_schema() { # SCHEMA, the document being $output
    local python
    for python in python3 /usr/bin/python3; do
        ! "$python" -c 'import jsonschema' 2>/dev/null || break
    done
    "$python" -c 'import jsonschema' 2>/dev/null || skip "needs python3-jsonschema"
    printf '%s' "$output" >document.json
    "$python" - "$1" document.json <<'PYTHON'
import json, sys
from jsonschema import Draft202012Validator
schema, document = (json.load(open(path)) for path in sys.argv[1:])
Draft202012Validator.check_schema(schema)
errors = [f"{list(e.path)}: {e.message}" for e in Draft202012Validator(schema).iter_errors(document)]
sys.exit("\n".join(errors) or 0)
PYTHON
}

@test "--dry-run prints a plan of the documented form, for every kind of trigger" {
    local schema=$SOURCE_ROOT/docs/plan.schema.json
    for image in allocator client uv base-python; do
        run_ok "$IMGBUILD" "$image" --dry-run
        assert_schema "$schema"
    done
    ci pull_request refs/pull/1/merge
    run_ok "$IMGBUILD" allocator --dry-run
    assert_schema "$schema"
    assert_json '.variant == "dev" and .suffix == "-test" and .version == null and .pushable'
    published lablink-allocator-service 0.0.2a0
    run_ok "$IMGBUILD" allocator --dry-run
    assert_schema "$schema"
    assert_json '.repository == "ghcr.io/lab/lablink-allocator-image" and .version == "0.0.2a0"
        and .build_args == {"PACKAGE_VERSION": "0.0.2a0"} and .trigger == "package-published"'
    run_ok "$IMGBUILD" client --dry-run
    assert_schema "$schema"
    assert_json '.build == false and .tags == []'
}

@test "tags prints the plan's tags, one a line, in the order of the push" {
    ci push refs/heads/main
    run_ok "$IMGBUILD" tags allocator
    assert_equal "$output" "linux-amd64
linux-amd64-latest
linux-amd64-terraform-1.4.6
linux-amd64-postgres-15
$SHA
latest"
    local tags=$output
    run_ok "$IMGBUILD" allocator --dry-run
    assert_equal "$(jq -r '.tags[]' <<<"$output")" "$tags"
}

@test "tags --full prints references" {
    run_ok "$IMGBUILD" tags client --version 0.0.7a0 --registry 127.0.0.1:5000 --full
    assert_output_contains 127.0.0.1:5000/lablink-client-base-image:linux-amd64-0.0.7a0
    assert_equal "${lines[-1]}" 127.0.0.1:5000/lablink-client-base-image:latest
}

@test "tags prints nothing for an image that the event is not about" {
    published lablink-allocator-service 0.0.2a0
    run_ok "$IMGBUILD" tags client
    assert_equal "$output" ""
    assert_stderr_contains "client is not built"
}

@test "a definition in ./images comes before the others" {
    mkdir -p images/allocator
    printf '%s\n' 'repository: example.org/mine' 'variants: {prod: {dockerfile: Dockerfile}}' \
        >images/allocator/image.yaml
    run_ok "$IMGBUILD" tags allocator --full
    assert_output_contains example.org/mine:latest
}

@test "an unknown key is shown where it stands, with the one that was meant" {
    mkdir -p images/thing
    printf '%s\n' 'repository: example.org/thing' 'variants:' '  prod:' '    dockerfiel: Dockerfile' \
        >images/thing/image.yaml
    run_exit 3 "$IMGBUILD" tags thing
    assert_stderr_contains "images/thing/image.yaml:4"
    assert_stderr_contains "    dockerfiel: Dockerfile"
    assert_stderr_contains dockerfile
    assert_equal "$output" ""
}

@test "an unknown image is an error that names those there are" {
    run_exit 3 "$IMGBUILD" tags allocater
    assert_stderr_contains 'no image definition "allocater"'
    assert_stderr_contains allocator
}

@test "--dev with --version is a usage error" {
    run_exit 2 "$IMGBUILD" tags allocator --dev --version 1.0
    assert_stderr_contains contradict
    run_exit 2 "$IMGBUILD" tags allocator --dev --prod
    assert_stderr_contains contradict
}

@test "a dispatch without its package is an error" {
    ci repository_dispatch refs/heads/main \
        '{"action": "package-published", "client_payload": {"version": "1.0"}}'
    run_exit 3 "$IMGBUILD" tags allocator
    assert_stderr_contains "names no package"
}

@test "a version that a shell would read is refused" {
    published lablink-allocator-service '1.0; id'
    run_exit 3 "$IMGBUILD" allocator --dry-run
    assert_stderr_contains "is no version"
}
