#!/usr/bin/env bats
# docs/examples/lablink-images.yml: each of its `run:` lines, for every kind of event, against a
# registry on loopback and images that are small but made and checked by the same definitions.
load helpers

SHA=0123456789abcdef0123456789abcdef01234567
WORKFLOW=$SOURCE_ROOT/docs/examples/lablink-images.yml

setup() {
    common_setup
    require_root
    start_registry
    registry_put "$(tiny_layout)" tiny latest
    make_checkout
    ALLOCATOR_OPTIONS="--build-arg BASE=$REGISTRY/tiny"
    CLIENT_OPTIONS=$ALLOCATOR_OPTIONS
    export ALLOCATOR_OPTIONS CLIENT_OPTIONS
}

# LabLink's layout, with its own image.yaml files but Dockerfiles and checks for the tiny base.
make_checkout() {
    local image dir variant
    for image in allocator client; do
        mkdir -p "images/$image"
        cp "$SOURCE_ROOT/images/$image/image.yaml" "images/$image/"
        printf '%s\n' 'checks:' '  - name: the image is this one' \
            '    command: [cat, /which]' "    stdout: \"^$image\"" 'dev:' '  checks:' \
            '    - {name: it is dev, command: [grep, -q, dev, /which]}' 'prod:' '  checks:' \
            '    - {name: it is prod, command: [grep, -q, prod, /which]}' \
            >"images/$image/checks.yaml"
    done
    mkdir -p lablink-allocator lablink-client-base/lablink-client-base-image
    for dir in lablink-allocator lablink-client-base/lablink-client-base-image; do
        image=$([ "$dir" = lablink-allocator ] && echo allocator || echo client)
        for variant in prod dev; do
            printf '%s\n' 'ARG BASE' "FROM \${BASE}" 'ARG PACKAGE_VERSION=default' \
                "RUN echo $image $variant \${PACKAGE_VERSION} > /which" \
                >"$dir/Dockerfile$([ $variant = prod ] || echo .dev)"
        done
    done
}

# run_lines JOB: the `run:` lines of a job.
run_lines() {
    awk -v job="  $1:" '$0 == job { inside = 1; next } /^  [a-z]/ { inside = 0 }
        inside && sub(/^ *run: /, "")' "$WORKFLOW"
}

# run_job JOB: each line as Actions runs it: bash -e, with files for outputs and summary.
run_job() {
    local line step=0
    while IFS= read -r line; do
        step=$((step + 1))
        export GITHUB_OUTPUT=$BATS_TEST_TMPDIR/output.$1.$step
        export GITHUB_STEP_SUMMARY=$BATS_TEST_TMPDIR/summary.$1.$step
        touch "$GITHUB_OUTPUT" "$GITHUB_STEP_SUMMARY"
        PATH=$(dirname "$IMGBUILD"):$(dirname "$IMGVERIFY"):$PATH REGISTRY=$REGISTRY \
            bash -e -o pipefail -c "$line" </dev/null || fail "$1: $line"
    done < <(run_lines "$1")
}

reference_of() { # STEP of the build job
    sed -n 's/^reference=//p' "$BATS_TEST_TMPDIR/output.build.$1"
}

# run_workflow EVENT REF [PAYLOAD]: the three jobs, those that verify where their `if:` holds.
run_workflow() {
    export GITHUB_ACTIONS=true GITHUB_EVENT_NAME=$1 GITHUB_REF=$2 GITHUB_SHA=$SHA
    export GITHUB_REPOSITORY=Lab/link GITHUB_REPOSITORY_OWNER=Lab GITHUB_TOKEN=token
    export GITHUB_SERVER_URL=https://github.com GITHUB_ACTOR=someone
    export GITHUB_EVENT_PATH=$BATS_TEST_TMPDIR/event.json
    printf '%s' "${3-{\}}" >"$GITHUB_EVENT_PATH"
    run_job build
    ALLOCATOR=$(reference_of 2) CLIENT=$(reference_of 3)
    [ -z "$ALLOCATOR" ] || IMAGE=$ALLOCATOR run_job verify-allocator
    [ -z "$CLIENT" ] || IMAGE=$CLIENT run_job verify-client
}

# The registry has exactly the plan's tags.
assert_pushed() { # NAME REPOSITORY
    assert_equal "$(registry_tags "lab/$2")" "$("$IMGBUILD" tags "$1" 2>/dev/null | sort)"
}

@test "the workflow has three jobs, and each has its lines" {
    assert_equal "$(run_lines build | wc -l)" 3
    assert_equal "$(run_lines verify-allocator | wc -l)" 1
    assert_equal "$(run_lines verify-client | wc -l)" 1
    assert_equal "$(grep -c '^ *run: ' "$WORKFLOW")" 5
}

@test "a pull request: dev images are built, pushed and verified" {
    run_workflow pull_request refs/pull/7/merge
    assert_pushed allocator lablink-allocator-image
    assert_pushed client lablink-client-base-image
    assert_json '.totals.failed == 0 and .totals.passed == 2' allocator.json
    assert_json '.totals.failed == 0 and .totals.passed == 2' client.json
}

@test "branch test" {
    run_workflow push refs/heads/test
    assert_pushed allocator lablink-allocator-image
    assert_pushed client lablink-client-base-image
}

@test "main: prod images, and latest is the one that was verified" {
    run_workflow push refs/heads/main
    assert_pushed allocator lablink-allocator-image
    assert_pushed client lablink-client-base-image
    local digest
    digest=$(registry_curl /v2/lab/lablink-allocator-image/manifests/latest -I \
        -H 'Accept: application/vnd.oci.image.manifest.v1+json' | tr -d '\r' |
        sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p')
    assert_equal "$ALLOCATOR" "$REGISTRY/lab/lablink-allocator-image@$digest"
}

@test "a published package: its image alone is built, pushed and verified" {
    run_workflow repository_dispatch refs/heads/main '{"action": "package-published",
        "client_payload": {"package": "lablink-client-service", "version": "0.0.7a0"}}'
    assert_equal "$ALLOCATOR" ""
    assert_pushed client lablink-client-base-image
    run registry_tags lab/lablink-allocator-image
    assert_equal "$(registry_curl /v2/_catalog | jq -r '.repositories[]' | grep -c allocator)" 0
}

@test "a manual run with a version for test" {
    run_workflow workflow_dispatch refs/heads/main '{"inputs": {"environment": "test",
        "version": "0.0.2a0", "package": "lablink-allocator-service"}}'
    assert_pushed allocator lablink-allocator-image
    assert_equal "$CLIENT" ""
    assert_equal "$(registry_tags lab/lablink-allocator-image | grep -vc -- '-test$')" 0
}

@test "a manual run without a version" {
    run_workflow workflow_dispatch refs/heads/main '{"inputs": {"environment": "prod",
        "version": "", "package": "lablink-allocator-service"}}'
    assert_pushed allocator lablink-allocator-image
    assert_pushed client lablink-client-base-image
}

@test "a release tag" {
    run_workflow push refs/tags/lablink-allocator-service_v0.0.2a0
    assert_pushed allocator lablink-allocator-image
    assert_equal "$CLIENT" ""
}
