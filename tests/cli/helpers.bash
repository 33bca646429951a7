# shellcheck shell=bash
# What every command-line test loads: `load helpers` at the top of tests/cli/NAME.bats.
#
# A file that has a setup or teardown of its own calls common_setup and common_teardown in it.
# ctest sets IMGBUILD and IMGVERIFY (the programs) and TEST_CACHE (a directory below the build
# folder, for what is made once). To run one file by hand from a build folder:
#   IMGBUILD=$PWD/builder/imgbuild IMGVERIFY=$PWD/verify/imgverify bats ../tests/cli/NAME.bats
#
# Each test gets
#   $STORE             an empty store of its own; also in IMGBUILD_ROOT, the default of --root
#   $HOME, $TMPDIR     below $BATS_TEST_TMPDIR, so that no configuration of the user's is seen
#   no variables of a CI, so that the trigger is "no CI at all" unless the test sets them

bats_require_minimum_version 1.5.0

HELPERS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE_ROOT=$(cd "$HELPERS_DIR/../.." && pwd)
FIXTURES=$SOURCE_ROOT/tests/fixtures
GOLDEN=$SOURCE_ROOT/tests/golden
export HELPERS_DIR SOURCE_ROOT FIXTURES GOLDEN

# shellcheck source=tests/cli/asserts.bash
source "$HELPERS_DIR/asserts.bash"
# shellcheck source=tests/cli/images.bash
source "$HELPERS_DIR/images.bash"
# shellcheck source=tests/cli/registry.bash
source "$HELPERS_DIR/registry.bash"

setup() {
    common_setup
}

teardown() {
    common_teardown
}

common_setup() {
    : "${IMGBUILD:=imgbuild}" "${IMGVERIFY:=imgverify}"
    : "${TEST_CACHE:=${TMPDIR:-/tmp}/imgbuild-test-cache}"
    mkdir -p "$TEST_CACHE" "$BATS_TEST_TMPDIR"/{store,home,tmp}
    STORE=$BATS_TEST_TMPDIR/store
    HOME=$BATS_TEST_TMPDIR/home
    TMPDIR=$BATS_TEST_TMPDIR/tmp
    IMGBUILD_ROOT=$STORE
    IMGBUILD_TEST_MARK=$BATS_TEST_TMPDIR
    DOCKER_CONFIG=$HOME/.docker
    export IMGBUILD IMGVERIFY TEST_CACHE STORE HOME TMPDIR IMGBUILD_ROOT IMGBUILD_TEST_MARK
    export DOCKER_CONFIG NO_COLOR=1 LC_ALL=C.UTF-8 IMGBUILD_RETRY_MS=20
    unset_ci
    REGISTRY_PIDS=()
    cd "$BATS_TEST_TMPDIR" || return 1
}

common_teardown() {
    stop_registries
    assert_no_leftovers
}

# Forget that a CI or a user's settings may be around this run.
unset_ci() {
    local name
    for name in $(compgen -e); do
        case $name in
        CI | GITHUB_* | CONTAINERS_* | RUNNER_* | ACTIONS_* | REGISTRY_AUTH_FILE | XDG_* | IMGBUILD_IMAGES | \
            SOURCE_DATE_EPOCH | DOCKER_BUILDKIT | BUILDKIT_*)
            unset "$name"
            ;;
        esac
    done
}

# Skip where the machine lacks the means, saying which.
require_root() {
    [ "$(id -u)" -eq 0 ] || skip "needs root"
}

require_program() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "needs $program"
    done
}

# The network beyond this host: require_reach https://pypi.org/simple/
require_reach() {
    curl -sSf -o /dev/null --max-time 20 --head "$1" 2>/dev/null || skip "needs to reach $1"
}
