#!/usr/bin/env bats
# The n-th fallible call of base/io fails, or is the last thing the program does, for each n of a
# whole build: an error or an image, never half of one; and the next build works on what is left.
load helpers
load build

setup() {
    common_setup
    require_root
    mkdir -p context
    printf 'FROM base\nRUN echo 1 > /a\nCOPY Dockerfile /d\n' >context/Dockerfile
    status=0
    IMGBUILD_KILL=1 build_again >/dev/null 2>&1 || status=$?
    [ "$status" -eq 137 ] || skip "needs a build with IMGBUILD_FAULTS=ON"
}

# A number of calls that the build doesn't reach.
beyond_all_calls() {
    local n code=137
    for ((n = 16; code == 137; n += n / 2)); do
        rm -rf "$STORE" image iid
        code=0
        IMGBUILD_KILL=$n build_again --iidfile iid >/dev/null 2>&1 || code=$?
    done
    echo "$n"
}

# at_each_call VARIABLE SUFFIX CHECK: run the build with the variable at n, n+1, … up to its last
# call, each on an empty store; then check it.
at_each_call() {
    local variable=$1 suffix=$2 check=$3 n end
    end=$(beyond_all_calls)
    for ((n = 1; n < end; n += 1 + n / 6)); do
        rm -rf "$STORE" image iid
        status=0
        export "$variable=$n$suffix"
        build_again --iidfile iid >out 2>err || status=$?
        unset "$variable"
        "$check" "$n"
        rm -rf image
        run_ok build_again
        assert_store_clean
        assert_equal "$(layer -1 | tar -xO d)" "$(cat context/Dockerfile)"
    done
    assert_no_leftovers
}

died() {
    [ "$status" -eq 137 ] || [ "$status" -eq 0 ] || fail "exit code $status at call $1" "$(cat err)"
    [ "$status" -eq 0 ] || [ ! -e iid ]
}

failed_in_order() {
    case $status in
    0) [ -s iid ] ;;
    1 | 3 | 7)
        assert_equal "$(grep -c '^error:' err)" 1
        [ ! -e image/index.json ] || fail "an image was written at call $1" "$(cat err)"
        assert_store_clean
        ;;
    *) fail "exit code $status at call $1" "$(cat err)" ;;
    esac
}

@test "dying at any call leaves a store that the next build uses" {
    at_each_call IMGBUILD_KILL '' died
}

@test "a full disk at any call is one error, and leaves nothing" {
    at_each_call IMGBUILD_FAULT :ENOSPC failed_in_order
}
