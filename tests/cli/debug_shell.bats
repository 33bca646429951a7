#!/usr/bin/env bats
# --debug-shell: where a step fails on a terminal, a shell in that step's sandbox.

load helpers
load build

setup() {
    common_setup
    require_root
    require_program python3
    BASE=$(tiny_layout)
    mkdir context
}

# on_terminal INPUT COMMAND…: run it on a terminal of its own, type INPUT when the shell is there, and
# what is behind @READY@ once a line READY was printed; sets status and output.
on_terminal() {
    run python3 - "$@" <<'P'
import os, pty, re, select, signal, sys, time
typed, command = sys.argv[1].encode(), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(command[0], command)
seen, sent, end = b"", False, time.monotonic() + 20
while time.monotonic() < end:
    if not select.select([fd], [], [], 0.2)[0]:
        continue
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    # busybox's shell asks for the cursor's place behind its prompt
    if not sent and b"a shell in its sandbox" in seen and re.search(rb"[#$] (\x1b\[6n)?$", seen):
        os.write(fd, typed.split(b"@READY@")[0])
        sent = True
    if b"@READY@" in typed and re.search(rb"\r\nREADY\r\n", seen):
        time.sleep(0.5) # until it sleeps
        os.write(fd, typed.split(b"@READY@")[1])
        typed = b""
if time.monotonic() >= end:
    os.kill(pid, signal.SIGKILL)
sys.stdout.write(seen.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
P
}

build() { # INPUT
    on_terminal "$1" "$IMGBUILD" --debug-shell --build-context base=oci-layout://"$BASE" \
        --build-arg COLOUR=blue -o type=oci,dest=image.tar -f context/Dockerfile context
}

@test "the shell sees the files, environment, user and directory of the step that failed" {
    printf 'FROM base\nENV KIND=x\nARG COLOUR\nRUN adduser -D -H me 2>/dev/null || echo me:x:1000:1000::/:/bin/sh >>/etc/passwd\nUSER me\nWORKDIR /tmp\nRUN echo half >/tmp/done && false\n' >context/Dockerfile
    build $'echo "<$(cat /tmp/done) $KIND $COLOUR $(id -u) $(pwd)>"; tty >/dev/null; exit 7\n'
    [ "$status" -eq 1 ]
    [[ $output == *"<half x blue 1000 /tmp>"* ]]
    [[ $output == *"exited with 1"* ]]
    assert_store_clean
}

@test "Ctrl-C goes to what runs in the shell, not to the build" {
    printf 'FROM base\nRUN false\n' >context/Dockerfile
    build $'trap "echo CAU""GHT" INT; echo READ""Y; sleep 100; exit\n@READY@\x03'
    [[ $output == *CAUGHT* ]]
    [ "$status" -eq 1 ]
    assert_store_clean
}

@test "without a terminal it is an error of usage" {
    printf 'FROM base\nRUN false\n' >context/Dockerfile
    run_exit 2 "$IMGBUILD" --debug-shell -f context/Dockerfile context </dev/null
    assert_stderr_contains "needs a terminal"
}
