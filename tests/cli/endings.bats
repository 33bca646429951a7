#!/usr/bin/env bats
# However a build ends, nothing that a step started lives on, in any mode.
load helpers
load modes

setup_file() {
    [ "$(id -u)" -eq 0 ] || return 0
    modes_setup
}

setup() {
    common_setup
    require_root
    modes_open
    # A number that only this test's processes have as an argument.
    NUMBER=$((100000000 + BASHPID % 1000000 * 10 + BATS_TEST_NUMBER))
}

teardown() {
    common_teardown
}

running() {
    pgrep -f "sleep $NUMBER" >/dev/null
}

until_it_runs() {
    local i
    for ((i = 0; i < 300; i++)); do
        ! running || return 0
        sleep 0.1
    done
    fail "the step does not start" "$(cat out)"
}

until_nothing_runs() {
    local i
    for ((i = 0; i < 300; i++)); do
        running || return 0
        sleep 0.1
    done
    fail "still there: $(pgrep -af "sleep $NUMBER")"
}

# How a mode is started: IDS is what as_user takes, "root" for root itself.
start_words() { # MODE
    case $1 in
    userns) WORDS=(as_user 65536) ;;
    single) WORDS=(as_user none) ;;
    *) WORDS=(env) ;;
    esac
    WORDS+=("$PLACE/bin/imgbuild" --quiet --isolation "$1" --root "$PLACE/user/$1"
        --build-context "base=oci-layout://$PLACE/tiny:latest" -f "$PLACE/context/$1.$NUMBER" "$PLACE/context")
}

# signalled MODE SIGNAL <STEPS: start a build of these steps, and send the signal when one runs.
signalled() {
    local mode=$1 pid
    { echo "FROM base" && cat; } >"$PLACE/context/$mode.$NUMBER"
    start_words "$mode"
    "${WORDS[@]}" >out 2>&1 &
    until_it_runs
    pid=$(pgrep -o -f "bin/imgbuild --quiet --isolation $mode --root $PLACE/user/$mode")
    kill "-$2" "$pid"
    until_nothing_runs
    wait || true
}

each_mode() { # COMMAND…: with the mode as its last word
    local mode
    "$@" root
    require_user_namespaces
    for mode in userns single chroot; do
        start_words "$mode"
        "$@" "$mode"
    done
}

daemonized() { # MODE
    printf 'FROM base\nRUN (setsid sleep %s >/dev/null 2>&1 &) ; (sleep %s & ) ; true\n' "$NUMBER" "$NUMBER" \
        >"$PLACE/context/$1.$NUMBER"
    start_words "$1"
    run_ok "${WORDS[@]}"
    until_nothing_runs
}

interrupted() { # MODE
    signalled "$1" INT <<<"RUN (setsid sleep $NUMBER &) ; sleep $NUMBER; true"
}

killed() { # MODE
    signalled "$1" KILL <<<"RUN (setsid sleep $NUMBER &) ; sleep $NUMBER; true"
}

# Whoever runs a set-id program loses the signal at its parent's death.
killed_in_setuid() { # MODE
    signalled "$1" KILL <<END
RUN mkdir /suid && cp /bin/busybox /suid/sleep && chmod 4755 /suid/sleep
USER 1000
RUN ["/suid/sleep", "$NUMBER"]
END
}

@test "a step's daemons end with the step" {
    each_mode daemonized
}

@test "Ctrl-C ends a step and all it started" {
    each_mode interrupted
}

@test "a killed imgbuild takes its step along" {
    each_mode killed
}

@test "a killed imgbuild takes along a step that runs a set-user-id program" {
    each_mode killed_in_setuid
}
