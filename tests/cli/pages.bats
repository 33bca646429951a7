#!/usr/bin/env bats
# What the programs say of themselves, all of it made from the same option tables.
load helpers

each_program() {
    local program
    for program in "$IMGBUILD" "$IMGVERIFY"; do
        "$@" "$program"
    done
}

says_its_version() {
    run_ok "$1" --version
    [[ $output =~ ^img[a-z]+\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$output"
}

@test "--version is one line" {
    each_program says_its_version
}

gives_help() {
    run_ok "$1" --help
    assert_output_contains "Usage: $(basename "$1")"
    assert_output_contains "--ca-certs"
    assert_equal "$stderr" ""
    # No line is wider than a terminal, but for options whose values are long, and examples.
    run awk 'length > 100' <<<"$output"
    assert_equal "$output" ""
}

@test "--help tells all on stdout" {
    each_program gives_help
}

has_a_clean_man_page() {
    require_program groff
    "$1" --man >page.1
    run groff -man -Tutf8 -ww -z page.1
    assert_exit 0
    assert_equal "$output" ""
    run_ok groff -man -Tascii -P-cbuo page.1
    assert_output_contains "EXIT STATUS"
}

@test "the man page is read without a warning" {
    each_program has_a_clean_man_page
}

completes_in_bash() {
    local name
    name=$(basename "$1")
    "$1" --completion bash >completion
    # shellcheck disable=SC1091
    source ./completion
    COMP_WORDS=("$name" --progr)
    COMP_CWORD=1
    "_$name"
    assert_equal "${COMPREPLY[*]-}" "--progress"
}

@test "bash completes options" {
    grep -q -- --progress <("$IMGBUILD" --help) || skip "imgbuild has no --progress"
    completes_in_bash "$IMGBUILD"
}

completes_in_zsh_and_fish() {
    "$1" --completion zsh | grep -q '^#compdef '
    "$1" --completion fish | grep -q '^complete -c '
    run_exit 2 "$1" --completion csh
}

@test "zsh and fish have completions, other shells a usage error" {
    each_program completes_in_zsh_and_fish
}

refuses_what_it_does_not_know() {
    run_exit 2 "$1" --no-such-option
    assert_stderr_contains "unknown option --no-such-option"
    assert_equal "$output" ""
    assert_store_clean
}

@test "an unknown option is a usage error" {
    each_program refuses_what_it_does_not_know
}

@test "a mistyped option is told with the one that was meant" {
    run_exit 2 "$IMGBUILD" --pussh
    assert_stderr_contains "did you mean --push?"
}
