# shellcheck shell=bash
# Rows of the modes beside root's, which is their peer: one more RUN, and packages that set many
# owners. Ordinary users are uid 4711, whom the machine need not know.
# shellcheck disable=SC2154 # the variables of tests/bench/run and machine.bash

modes=(root single chroot)

# mode_build NAME MODE DOCKERFILE: timed, in a store of the mode's own.
mode_build() {
    local home=$work/modes/$2 before=(env)
    mkdir -p "$home/context"
    if [ "$2" = single ]; then
        chmod a+x "$work" "$work/modes"
        chown -R 4711:4711 "$home"
        before=(setpriv --reuid 4711 --regid 4711 --clear-groups env "HOME=$home")
    fi
    timed "$1" "${before[@]}" "$imgbuild" -q --isolation "$2" --root "$home/store" --no-cache \
        -f "$3" "$home/context"
}

turn_modes() {
    mkdir -p "$work/modes"
    steps 1 "$nonce few" >"$work/modes/few"
    steps 21 "$nonce many" >"$work/modes/many"
    chmod a+r "$work/modes"/*
    mode_build "modes.first" "$1" "$work/modes/few" || return 1 # takes the base in
    mode_build "modes.few.$1" "$1" "$work/modes/few" || return 1
    mode_build "modes.many.$1" "$1" "$work/modes/many" || return 1
    difference "modes.$1" "modes.many.$1" "modes.few.$1" 20
}

row_modes() {
    local mode
    take_turns modes "${modes[@]}"
    for mode in "${modes[@]:1}"; do
        report "One more RUN true in mode $mode, beside root's" - "modes.$mode" modes.root
    done
}

# The base with PostgreSQL's packages downloaded and not installed.
make_packages() {
    packages_ref=$registry/packages:1
    [ ! -e "$work/modes/packages" ] || return 0
    mkdir -p "$work/modes/context"
    printf 'FROM %s\nRUN apt-get update && apt-get install -y -d --no-install-recommends postgresql\n' \
        "$base_ref" >"$work/modes/packages.new"
    "$imgbuild" -q --root "$work/modes/packages.store" -f "$work/modes/packages.new" \
        -t "$packages_ref" --push "$work/modes/context" >"$work/output" 2>&1 || {
        echo 'run: the packages can not be had' >&2
        tail -5 "$work/output" >&2
        return 1
    }
    mv "$work/modes/packages.new" "$work/modes/packages"
}

turn_packages() {
    mkdir -p "$work/modes"
    make_packages || return 1
    printf 'FROM %s\nRUN DEBIAN_FRONTEND=noninteractive apt-get install -y --no-download --no-install-recommends postgresql # %s\n' \
        "$packages_ref" "$nonce" >"$work/modes/install"
    printf 'FROM %s\nRUN true # %s\n' "$packages_ref" "$nonce" >"$work/modes/first"
    chmod a+r "$work/modes"/*
    mode_build "packages.first" "$1" "$work/modes/first" || return 1
    warm
    mode_build "packages.$1" "$1" "$work/modes/install"
}

row_packages() {
    take_turns packages "${modes[@]}"
    report 'apt-get install postgresql in mode single, beside root' 1.25 packages.single packages.root
    report 'apt-get install postgresql in mode chroot, beside root' 1.3 packages.chroot packages.root
}
