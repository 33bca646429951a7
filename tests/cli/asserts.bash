# shellcheck shell=bash
# shellcheck disable=SC2154 # status and output are set by bats' run
# Assertions. Each prints what it wanted and what it found, and fails the test.

fail() {
    printf '%s\n' "$@" >&2
    return 1
}

_show_run() {
    printf -- '--- stdout ---\n%s\n' "${output-}" >&2
    [ -z "${stderr-}" ] || printf -- '--- stderr ---\n%s\n' "$stderr" >&2
}

# run_exit CODE COMMAND…: run, with $output (stdout), $stderr and $status, and want this exit code.
run_exit() {
    local wanted=$1
    shift
    run --separate-stderr "$@"
    assert_exit "$wanted"
}

# run_ok COMMAND…: the same, wanting 0.
run_ok() {
    run_exit 0 "$@"
}

# After `run`.
assert_exit() {
    if [ "$status" -ne "$1" ]; then
        printf 'exit code %s wanted, %s found\n' "$1" "$status" >&2
        _show_run
        return 1
    fi
}

assert_equal() { # FOUND WANTED
    [ "$1" = "$2" ] || fail "wanted: $2" "found:  $1"
}

# The stdout (or stderr) of `run` holds a text, or doesn't.
assert_output_contains() {
    [[ $output == *"$1"* ]] || {
        printf 'stdout does not contain: %s\n' "$1" >&2
        _show_run
        return 1
    }
}

refute_output_contains() {
    [[ $output != *"$1"* ]] || {
        printf 'stdout contains: %s\n' "$1" >&2
        _show_run
        return 1
    }
}

assert_stderr_contains() {
    [[ ${stderr-} == *"$1"* ]] || {
        printf 'stderr does not contain: %s\n' "$1" >&2
        _show_run
        return 1
    }
}

refute_stderr_contains() {
    [[ ${stderr-} != *"$1"* ]] || {
        printf 'stderr contains: %s\n' "$1" >&2
        _show_run
        return 1
    }
}

assert_file_contains() { # FILE TEXT
    grep -qF -- "$2" "$1" || fail "$1 does not contain: $2" "$(head -c 4000 "$1")"
}

# assert_json EXPRESSION [FILE]: a jq expression is true of $output, or of a file.
assert_json() {
    if [ $# -gt 1 ]; then
        jq -e "$1" "$2" >/dev/null || fail "not true of $2: $1" "$(jq . "$2" 2>&1 | head -100)"
    else
        jq -e "$1" <<<"$output" >/dev/null || fail "not true of the output: $1" "$output"
    fi
}

# json EXPRESSION [FILE]: the raw result of jq on $output, or on a file.
json() {
    if [ $# -gt 1 ]; then
        jq -r "$1" "$2"
    else
        jq -r "$1" <<<"$output"
    fi
}

# assert_golden NAME: $output is the content of tests/golden/NAME. UPDATE_GOLDEN=1 writes it.
assert_golden() {
    local golden=$SOURCE_ROOT/tests/golden/$1
    if [ -n "${UPDATE_GOLDEN-}" ]; then
        mkdir -p "$(dirname "$golden")"
        printf '%s\n' "$output" >"$golden"
    fi
    diff -u "$golden" - <<<"$output" >&2 || fail "not as $golden"
}

# One line per mount below the test's directory, in this or any other process's namespace.
_leftover_mounts() {
    grep -hsF -- "$IMGBUILD_TEST_MARK" /proc/[0-9]*/mountinfo | sort -u
}

# Processes that this test started and that outlived it: known by their environment, or by running
# in or from files of the test. The programs that look for them carry no mark, and stand aside.
_leftover_processes() (
    mark=$IMGBUILD_TEST_MARK
    cd /
    unset IMGBUILD_TEST_MARK
    {
        grep -lszxF -- "IMGBUILD_TEST_MARK=$mark" /proc/[0-9]*/environ
        find /proc/[0-9]* -maxdepth 1 \( -name cwd -o -name root -o -name exe \) \
            -lname "$mark/*" 2>/dev/null
    } | cut -d/ -f3 | sort -u | while read -r pid; do
        command=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || continue
        [ "$pid" -eq "$$" ] || [ -z "$command" ] || printf '%s %s\n' "$pid" "$command"
    done
)

# No mount below the test's directory, and no process left that the test has started. Those that
# are just ending get a moment.
assert_no_leftovers() {
    local mounts processes tries
    for ((tries = 0; tries < 10; tries++)); do
        mounts=$(_leftover_mounts)
        processes=$(_leftover_processes)
        [ -n "$mounts$processes" ] || return 0
        sleep 0.2
    done
    fail "left over after the test:" "$mounts" "$processes"
}

# The store is one that the next run uses without repair: nothing unfinished in it.
assert_store_clean() { # [STORE]
    local store=${1:-$STORE} left
    [ -d "$store/tmp" ] || return 0
    left=$(find "$store/tmp" -mindepth 1 -maxdepth 1)
    [ -z "$left" ] || fail "unfinished in the store:" "$left"
}
