#!/usr/bin/env bats
# Dockerfiles to images: what each instruction leaves in config and layers.
load helpers
load build

setup() {
    common_setup
    require_root
}

@test "RUN changes files, in a layer of its own that holds nothing else" {
    build <<'END'
FROM base
RUN echo hello > /greeting
END
    assert_equal "$(layers)" 2
    assert_equal "$(layer_list -1)" greeting
    assert_equal "$(layer -1 | tar -xO greeting)" hello
}

@test "a RUN that changes no file makes a layer without entries" {
    build <<'END'
FROM base
RUN true
END
    assert_equal "$(layers)" 2
    assert_equal "$(layer_list -1)" ''
    assert_equal "$(config '.history[-1].empty_layer')" null
}

@test "mount points and resolv.conf leave no trace" {
    build <<'END'
FROM base
RUN test -r /proc/self/status && test -c /dev/null && test -e /etc/resolv.conf && test -e /etc/hosts && echo x > /x
END
    assert_equal "$(layer_list -1)" x
}

@test "deletions become whiteouts, also those of a directory made anew" {
    build <<'END'
FROM base
RUN mkdir -p /d/sub && echo 1 > /d/a && echo 2 > /d/sub/b && echo 3 > /f
RUN rm /f && rm -r /d && mkdir /d && echo 4 > /d/c
END
    run_ok layer_list -1
    assert_output_contains '.wh.f'
    assert_output_contains 'd/.wh.a'
    assert_output_contains 'd/.wh.sub'
    assert_output_contains 'd/c'
}

@test "hard links, modes, owners and symlinks of a RUN are kept" {
    build <<'END'
FROM base
RUN echo x > /a && ln /a /b && ln -s a /c && chmod 4755 /a && mkfifo /p && mkdir -m 1777 /t && chown 12:34 /t
END
    layer -1 | tar -tv --numeric-owner >list
    grep -qE '^-rwsr-xr-x 0/0 .* a$' list
    grep -qE '^hrwsr-xr-x .* b link to a$' list
    grep -qE '^lrwxrwxrwx .* c -> a$' list
    grep -qE '^prw-r--r-- .* p$' list
    grep -qE '^drwxrwxrwt 12/34 .* t/$' list
}

@test "COPY takes files and directories, owned by root, with their modes" {
    mkdir -p context/src/sub
    echo a >context/src/a
    echo b >context/src/sub/b
    chmod 750 context/src/sub
    echo r >context/run.sh
    chmod 755 context/run.sh
    chown -R 1234:1234 context
    build <<'END'
FROM base
COPY src /app
COPY run.sh src/a /bin/
COPY run.sh /start
END
    layer 2 | tar -tv --numeric-owner >list
    grep -qE '^-rw-r--r-- 0/0 .* app/a$' list
    grep -qE '^drwxr-x--- 0/0 .* app/sub/$' list
    run_ok layer_list 3
    assert_output_contains 'bin/run.sh'
    assert_output_contains 'bin/a'
    layer 4 | tar -tv | grep -qE '^-rwxr-xr-x .* start$'
}

@test "the directory made for a COPY's content has nothing of its source; each source is copied on its own" {
    mkdir -p context/src
    echo x >context/src/a
    ln context/src/a context/src/b
    chmod 2700 context/src
    build <<'END'
FROM base AS made
RUN mkdir -m 750 /out && echo x > /out/f && chown -R 7:8 /out
FROM base
COPY src /dir
COPY src/* /each/
COPY --from=made /out /made
COPY --chmod=0711 src /moded
END
    layer 2 | tar -tv --numeric-owner >list
    grep -qE '^drwxr-xr-x 0/0 .* dir/$' list
    grep -qE '^h.* dir/b link to dir/a$' list
    layer 3 | tar -tv | grep -qE '^-.* each/b$'
    layer 4 | tar -tv --numeric-owner >list
    grep -qE '^drwxr-xr-x 0/0 .* made/$' list
    grep -qE '^-rw-r--r-- 7/8 .* made/f$' list
    layer 5 | tar -tv | grep -qE '^drwx--x--x .* moded/$'
}

@test "COPY follows a symlink of the base, as /bin to usr/bin" {
    echo x >context-file
    mkdir -p context && mv context-file context/tool
    build <<'END'
FROM base
RUN mkdir /real && ln -s real /link
COPY tool /link/
RUN test -f /real/tool && test -L /link
END
    run_ok layer_list 3
    assert_output_contains 'real/tool'
    refute_output_contains 'link'
}

@test "COPY --chown takes names from the image, --chmod octal modes" {
    mkdir -p context && echo x >context/f
    build <<'END'
FROM base
COPY --chown=nobody:nogroup --chmod=0640 f /made/f
END
    layer -1 | tar -tv --numeric-owner >list
    grep -qE '^-rw-r----- 65534/65534 .* made/f$' list
    grep -qE '^drw-r----- 65534/65534 .* made/$' list
}

@test "COPY after USER stays root's; WORKDIR belongs to the user" {
    mkdir -p context && echo x >context/f
    build <<'END'
FROM base
USER nobody
WORKDIR /srv/app
COPY f .
RUN test "$(id -u)" = 65534 && test "$(pwd)" = /srv/app && touch mine
END
    layer 2 | tar -tv --numeric-owner | grep -qE '^drwxr-xr-x 65534/65534 .* srv/app/$'
    layer 3 | tar -tv --numeric-owner | grep -qE '^-rw-r--r-- 0/0 .* srv/app/f$'
    layer 4 | tar -tv --numeric-owner | grep -qE ' 65534/65534 .* srv/app/mine$'
    assert_equal "$(config .config.User)" nobody
    assert_equal "$(config .config.WorkingDir)" /srv/app
}

@test "stages: COPY --from takes from a stage by name and number, unneeded stages aren't built" {
    build <<'END'
FROM base AS one
RUN echo 1 > /one
FROM base AS broken
RUN exit 9
FROM one AS two
RUN echo 2 > /two
FROM base
COPY --from=two /one /two /got/
COPY --from=0 /one /zero
RUN cat /got/one /got/two /zero > /all
END
    assert_equal "$(layer -1 | tar -xO all | tr '\n' ' ')" '1 2 1 '
}

@test "ARG and ENV: scopes, defaults and --build-arg" {
    build --build-arg B=given --build-arg TAG=base <<'END'
ARG TAG=nothing
FROM ${TAG}
ARG A=default
ARG B=default
ARG TAG
ENV C=${A}-${B} PATH="/opt/bin:${PATH}"
RUN echo "$A $B $C $TAG $PATH" > /out
END
    assert_equal "$(layer -1 | tar -xO out)" \
        'default given default-given base /opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    assert_equal "$(config '.config.Env | join(" ")')" \
        'PATH=/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin C=default-given'
}

@test "config instructions land in the config" {
    build --label extra=1 <<'END'
FROM base
LABEL a=b "c d"="e f"
EXPOSE 5000 53/UDP 7000-7001
VOLUME [ "/config" ]
VOLUME /data /more
ENTRYPOINT ["/bin/x"]
CMD ["/bin/bash","-c","${START}"]
STOPSIGNAL SIGINT
SHELL ["/bin/ash","-ec"]
HEALTHCHECK --interval=5s CMD true
ONBUILD RUN echo later
USER 12:34
END
    assert_equal "$(config '.config.ExposedPorts | keys | join(" ")')" '5000/tcp 53/udp 7000/tcp 7001/tcp'
    assert_equal "$(config '.config.Volumes | keys | join(" ")')" '/config /data /more'
    assert_equal "$(config '.config.Entrypoint | join(" ")')" /bin/x
    assert_equal "$(config '.config.Cmd[2]')" '${START}'
    assert_equal "$(config '.config.Labels | to_entries | map(.key + "=" + .value) | join(" ")')" \
        'a=b c d=e f extra=1'
    assert_equal "$(config .config.StopSignal)" SIGINT
    assert_equal "$(config '.config.Healthcheck | [.Test[0], .Interval] | join(" ")')" 'CMD-SHELL 5000000000'
    assert_equal "$(config '.config.OnBuild[0]')" 'RUN echo later'
    assert_equal "$(config .config.User)" 12:34
}

@test "ENTRYPOINT drops an inherited CMD, not its own stage's" {
    build <<'END'
FROM base AS a
CMD ["one"]
FROM a
ENTRYPOINT ["x"]
END
    assert_equal "$(config '.config.Cmd')" null
    build <<'END'
FROM base
CMD ["one"]
ENTRYPOINT ["x"]
END
    assert_equal "$(config '.config.Cmd[0]')" one
}

@test ".dockerignore leaves files out" {
    mkdir -p context/node_modules
    echo 1 >context/keep
    echo 2 >context/drop.log
    echo 3 >context/node_modules/x
    printf '*.log\nnode_modules\nDockerfile\n.dockerignore\n' >context/.dockerignore
    build <<'END'
FROM base
COPY . /c
END
    assert_equal "$(layer_list -1 | tr '\n' ' ')" 'c/ c/keep '
}

@test "a failed step ends the build with 1, its place, its code and the end of its output" {
    build_fails 1 <<'END'
FROM base
RUN echo before && exit 9
END
    assert_stderr_contains 'Dockerfile:2:'
    assert_stderr_contains 'exited with 9'
    assert_stderr_contains 'before'
}

@test "a step killed by a signal says which" {
    build_fails 1 <<'END'
FROM base
RUN sh -c 'kill -TERM $$'; exit $?
END
    assert_stderr_contains 'exited with 143 (128 + 15: Terminated)'
}

@test "the cache answers what didn't change, and a touched file changes nothing" {
    mkdir -p context && echo x >context/f
    build <<'END'
FROM base
RUN cat /proc/sys/kernel/random/uuid > /uuid
COPY f /f
RUN cat /proc/sys/kernel/random/uuid > /uuid2
END
    first=$(digest)
    touch -d 2001-01-01 context/f
    run_ok build_again
    assert_equal "$(digest)" "$first"
    assert_stderr_contains '3 of 3 steps from the cache'
    echo y >context/f
    run_ok build_again
    assert_stderr_contains '1 of 3 steps from the cache'
    run_ok build_again --no-cache
    assert_stderr_contains '0 of 3 steps from the cache'
}

@test "editing a line reruns from there on" {
    build <<'END'
FROM base
RUN echo 1 > /a
RUN echo 2 > /b
RUN echo 3 > /c
END
    sed -i 's/echo 2/echo two/' context/Dockerfile
    run_ok build_again
    assert_stderr_contains '1 of 3 steps from the cache'
}

@test "two builds of one image at once both succeed, with one result" {
    mkdir -p context
    printf 'FROM base\nRUN echo 1 > /a; sleep 1\nRUN echo 2 > /b\n' >context/Dockerfile
    base=$(tiny_layout)
    for n in 1 2; do
        SOURCE_DATE_EPOCH=1700000000 "$IMGBUILD" -q --build-context "base=oci-layout://$base:latest" \
            -f context/Dockerfile context >"out.$n" 2>"err.$n" &
        pids[n]=$!
    done
    for n in 1 2; do wait "${pids[n]}" || fail "$(cat "err.$n")"; done
    assert_equal "$(cat out.1)" "$(cat out.2)"
}

@test "Ctrl-C in mid-step ends it with 130 and leaves nothing" {
    mkdir -p context
    printf 'FROM base\nRUN echo started; sleep 300\n' >context/Dockerfile
    "$IMGBUILD" --progress plain --build-context "base=oci-layout://$(tiny_layout):latest" \
        -f context/Dockerfile context 2>err &
    pid=$!
    for _ in $(seq 100); do
        grep -q started err && break
        sleep 0.1
    done
    kill -TERM "$pid"
    code=0
    wait "$pid" || code=$?
    assert_equal "$code" 130
    build <<'END'
FROM base
RUN true
END
}

@test "SOURCE_DATE_EPOCH: the same inputs give the same digest, cache or no cache" {
    mkdir -p context && echo x >context/f
    export SOURCE_DATE_EPOCH=1700000000
    build <<'END'
FROM base
WORKDIR /w
COPY f f
RUN echo "$SOURCE_DATE_EPOCH" > /epoch && mkdir /d && touch /d/x
END
    first=$(digest)
    run_ok build_again --no-cache
    assert_equal "$(digest)" "$first"
    assert_equal "$(layer -1 | tar -xO epoch)" 1700000000
    assert_equal "$(config .created)" 2023-11-14T22:13:20Z
}

@test "ADD downloads a URL, following redirects, with mode 0600 and the server's time" {
    require_program python3
    mkdir served
    echo payload >served/file.txt
    touch -d 2020-02-03T04:05:06Z served/file.txt
    cat >server.py <<'END'
import functools, http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file.txt")
            self.end_headers()
        else:
            super().do_GET()
server = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory="served"))
print(server.server_port, flush=True)
server.serve_forever()
END
    python3 server.py >port 2>server.log &
    server=$!
    for _ in $(seq 50); do [ -s port ] && break; sleep 0.1; done
    url=http://127.0.0.1:$(cat port)
    build <<END || { kill "$server"; false; }
FROM base
ADD $url/file.txt /got/
ADD --chmod=644 $url/moved /renamed
ADD --checksum=sha256:$(sha256sum served/file.txt | cut -d' ' -f1) $url/file.txt?x=1 /checked/
END
    layer 2 | tar -tv --numeric-owner --full-time >list
    grep -qE '^-rw------- 0/0 .* 2020-02-03 04:05:06 got/file.txt$' list
    layer 3 | tar -tv | grep -qE '^-rw-r--r-- .* renamed$'
    assert_equal "$(layer 4 | tar -xO checked/file.txt)" payload
    build_fails 6 <<END
FROM base
ADD --checksum=sha256:$(printf x | sha256sum | cut -d' ' -f1) $url/file.txt /x
END
    build_fails 3 <<END
FROM base
ADD $url/nothing /x
END
    kill "$server"
    assert_stderr_contains 'Dockerfile:2'
    assert_stderr_contains '404'
}
