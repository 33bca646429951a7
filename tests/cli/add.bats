#!/usr/bin/env bats
# ADD of what lies elsewhere: git repositories and files of web servers. Archives are in the corpus.
load helpers
load build

setup() {
    common_setup
    require_root
    require_program git python3
    SERVERS=()
}

teardown() {
    local pid
    for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    common_teardown
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

wait_for() { # PORT
    local i
    for i in $(seq 100); do
        (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null && return
        sleep 0.1
    done
    fail "nobody listens on port $1"
}

make_repository() {
    local port
    mkdir work
    git -c init.defaultBranch=main init -q work
    git -C work config user.email a@example.com
    git -C work config user.name a
    mkdir -p work/d/e
    echo one >work/f && echo x >work/d/e/x && ln -s f work/l && chmod 700 work/f
    git -C work add . && git -C work commit -qm one && git -C work tag v1
    git -C work tag -a -m two v2
    echo two >work/f && git -C work commit -qam two
    git clone -q --bare work served/r.git
    port=$(free_port)
    git daemon --reuseaddr --base-path=served --listen=127.0.0.1 --port="$port" --export-all served \
        >/dev/null 2>&1 3>&- &
    SERVERS+=($!)
    wait_for "$port"
    REPOSITORY=git://127.0.0.1:$port/r.git
}

@test "a git repository is added by branch, tag and commit, and of a subdirectory its content" {
    make_repository
    build --build-arg "R=$REPOSITORY" --build-arg "C=$(git -C work rev-parse v1)" <<'END'
FROM base
ARG R C
ADD $R /head
ADD $R#v1:d /sub/
ADD --checksum=$C $R?tag=v2 /tag
ADD --chown=3:4 --chmod=711 $R#$C /commit
ADD --keep-git-dir=true $R#main /kept
END
    [ "$(layer 2 | tar -xO head/f)" = two ]
    [ "$(layer 4 | tar -xO tag/f)" = one ]
    layer 2 | tar -tv >list
    grep -qE '^-rwxr-xr-x 0/0 .* head/f$' list
    grep -qE '^lrwxrwxrwx 0/0 .* head/l -> f$' list
    ! grep -q '\.git' list
    [ "$(layer_list 3 | paste -sd' ')" = 'sub/ sub/e/ sub/e/x' ]
    layer 5 | tar -tv | grep -qE '^-rwx--x--x 3/4 .* commit/f$'
    layer_list 6 | grep -q '^kept/.git/HEAD$'
}

@test "the same commit is answered from the cache without being fetched" {
    make_repository
    build --build-arg "R=$REPOSITORY" <<<$'FROM base\nARG R\nADD $R#v1 /x'
    rm -rf served/r.git/objects/pack served/r.git/objects/??
    build_again --build-arg "R=$REPOSITORY#" 2>log || build_again --build-arg "R=$REPOSITORY" 2>log
    grep -qi cached log
}

@test "what a repository hasn't is an error at its source" {
    make_repository
    build_fails 3 <<<"FROM base
ADD $REPOSITORY#nosuch /x"
    assert_stderr_contains 'Dockerfile:2'
    assert_stderr_contains 'no branch or tag nosuch'
    build_fails 3 <<<"FROM base
ADD $REPOSITORY#v1:l /x"
    assert_stderr_contains 'is no directory of the repository'
    build_fails 6 <<<"FROM base
ADD --checksum=1234567 $REPOSITORY#v1 /x"
    build_fails 3 <<<"FROM base
ADD https://127.0.0.1:1/r.git#--upload-pack=touch${BATS_TEST_TMPDIR}/owned /x"
    [ ! -e owned ]
}

@test "a download is root's alone and has the server's time; a secret of its host is sent and kept nowhere" {
    local port
    port=$(free_port)
    cat >server.py <<'END'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ok = self.headers.get("Authorization") == "Bearer sesame"
        body = b"hello\n"
        self.send_response(200 if ok or "open" in self.path else 403)
        if "dated" in self.path:
            self.send_header("Last-Modified", "Mon, 01 Jan 2001 00:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
END
    python3 server.py "$port" >/dev/null 2>&1 3>&- &
    SERVERS+=($!)
    wait_for "$port"
    printf 'sesame\n' >token
    build --secret id=HTTP_AUTH_TOKEN_127.0.0.1,src=token >build.log 2>&1 <<END
FROM base
ADD http://127.0.0.1:$port/dated/a%20b /x/
ADD http://127.0.0.1:$port/open/ /y/
ADD --chmod=755 --chown=5 http://127.0.0.1:$port/open/z?q=1 Dockerfile /z/
END
    layer 2 | tar --full-time --utc -tv | grep -qE '^-rw------- 0/0 +6 2001-01-01 00:00:00 x/a b$'
    layer 3 | tar --full-time --utc -tv >list
    grep -qE '^-rw------- 0/0 +6 1970-01-01 00:00:00 y/open$' list
    layer 4 | tar -tv | grep -qE '^-rwxr-xr-x 5/5 .* z/z$'
    ! grep -rqF sesame "$STORE" image build.log
    build_fails 4 <<<"FROM base
ADD http://127.0.0.1:$port/dated /x"
    assert_stderr_contains 403
}
