#!/bin/bash
# Shell scripts pass shellcheck.
source "$(dirname "$0")/common.sh"
command -v shellcheck >/dev/null || skip "needs shellcheck"
mapfile -t scripts < <(
    files '*.sh' '*.bash' | grep -vE '^tests/(fixtures|golden|cli)/'
    grep -lE '^#!/(bin/bash|bin/sh|usr/bin/env bash)' scripts/* .ci/* 2>/dev/null
)
shellcheck -x -P SCRIPTDIR -P . "${scripts[@]}"
mapfile -t bats < <(files 'tests/cli/helpers.bats')
# SC2030, SC2031: each test is a subshell; SC2154: status and output come from `run`.
[ "${#bats[@]}" -eq 0 ] || shellcheck -x -P SCRIPTDIR -e SC2030,SC2031,SC2154,SC1091 "${bats[@]}"
