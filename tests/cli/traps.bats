#!/usr/bin/env bats
# What LabLink's Dockerfiles, today's and earlier ones, stumbled over. The rest of each instruction
# is in build.bats.
load helpers
load build

setup() {
    common_setup
    require_root
}

# A base where /bin is a symlink to usr/bin, as in every Debian and Ubuntu of today.
merged_layout() {
    _cached merged.oci _make_merged "$(tiny_root_tar)"
}

_make_merged() { # TAR PATH
    mkdir "$2.root"
    tar -C "$2.root" -xf "$1"
    rm -rf "$2.root/usr/bin"
    mv "$2.root/bin" "$2.root/usr/bin"
    ln -s usr/bin "$2.root/bin"
    tar -C "$2.root" --sort=name --numeric-owner -cf "$2.tar" .
    make_layout "$2" "$2.tar"
    rm -rf "$2.root" "$2.tar"
}

# build_merged <DOCKERFILE: as build, FROM merged being that base.
build_merged() {
    build --build-context "merged=oci-layout://$(merged_layout):latest" "$@"
}

@test "COPY into /bin/ goes through the base's symlink, which stays one" {
    mkdir -p context && printf '#!/bin/sh\necho tool\n' >context/tool && chmod 755 context/tool
    build_merged <<'END'
FROM merged
COPY tool /bin/
COPY tool /bin/renamed
RUN test -L /bin && test "$(tool)" = tool && test "$(/usr/bin/renamed)" = tool
END
    run_ok layer_list 2
    assert_output_contains usr/bin/tool
    run_ok layer_list 3
    assert_output_contains usr/bin/renamed
    refute_output_contains 'usr/bin/tool'
    layer 2 | tar -t | grep -qxE 'bin(/.*)?' && fail 'the symlink was written over'
    true
}

@test "COPY --from=IMAGE into /bin/, as uv and uvx are" {
    build_merged <<'END'
FROM base AS uv
RUN printf '#!/bin/sh\necho uv\n' > /uv && chmod 755 /uv && cp /uv /uvx
FROM merged
COPY --from=uv /uv /uvx /bin/
RUN test -L /bin && uv && test "$(/bin/uvx)" = uv
END
    layer 2 | tar -tv --numeric-owner | grep -qE '^-rwxr-xr-x 0/0 .* usr/bin/uvx$'
}

@test "COPY after USER stays root's, COPY --chown is the user's, by names the image has" {
    mkdir -p context && echo x >context/f
    build <<'END'
FROM base AS made
RUN echo 1 > /one
FROM base
ARG USERNAME=client
RUN echo 'client:x:1000:1000::/home/client:/bin/sh' >> /etc/passwd && echo 'client:x:1000:' >> /etc/group
USER ${USERNAME}
WORKDIR /home/${USERNAME}
COPY f root
COPY --chown=client:client f /home/${USERNAME}/mine
COPY --chown=${USERNAME}:${USERNAME} --from=made /one got/
RUN test "$(id -un)" = client && test "$HOME" = /home/client && echo more >> mine && ! echo more >> root
END
    layer 4 | tar -tv --numeric-owner | grep -qE ' 0/0 .* home/client/root$'
    layer 5 | tar -tv --numeric-owner | grep -qE ' 1000/1000 .* home/client/mine$'
    layer 6 | tar -tv --numeric-owner | grep -qE ' 1000/1000 .* home/client/got/one$'
    layer 6 | tar -tv --numeric-owner | grep -qE ' 1000/1000 .* home/client/got/$'
}

@test "comments and blank lines inside continued lines, and blanks after the backslash" {
    build <<END
FROM base
RUN echo one > /out && \\
    # a comment

    echo two >> /out && \\$(printf '  \t')
  # another, \\
    echo 'three # none' >> /out
ENV A=1 \\
    # between
    B=2
END
    assert_equal "$(layer -1 | tar -xO out | paste -s -d,)" 'one,two,three # none'
    assert_equal "$(config '.config.Env[1:] | join(" ")')" 'A=1 B=2'
}

@test "VOLUME [ \"/config\" ] with inner blanks is one volume" {
    build <<'END'
FROM base
VOLUME [ "/config" ]
RUN mkdir /config && echo kept > /config/f
END
    assert_equal "$(config '.config.Volumes | keys | join(" ")')" /config
    assert_equal "$(layer -1 | tar -xO config/f)" kept
}

@test "a CMD in exec form is left as written, whatever variables there are" {
    build <<'END'
FROM base
ENV START_SCRIPT=/start.sh
CMD ["/bin/bash", "-c", "${START_SCRIPT} $HOME"]
END
    assert_equal "$(config '.config.Cmd[2]')" "\${START_SCRIPT} \$HOME"
}

@test "ENV PATH=\"…:\${PATH}\" puts before what the base has, again and again" {
    build <<'END'
FROM base
ENV PATH="/one:${PATH}"
ENV PATH=/two:$PATH
RUN echo "$PATH" > /path
END
    assert_equal "$(layer -1 | tar -xO path)" \
        /two:/one:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    assert_equal "$(config '.config.Env | length')" 1
}

@test "the shell's own: negation, groups, substitution, globs, loops and pipes into a shell" {
    build <<'END'
FROM base
RUN ! grep -q nothing /etc/passwd
RUN { echo a; echo b; } > /braces && test "$(wc -l < /braces)" -eq 2
RUN touch /1.x /2.x && for f in /*.x; do echo "$f" >> /list; done && rm -f /*.x
RUN echo 'echo piped > /piped' | sh
RUN NAME=$(id -un) && echo "${NAME}-${NONE:-none}-`echo old`" > /names
RUN (cd /tmp && umask 077 && echo sub > sub) ; [ "$PWD" = / ] || [ -n "$PWD" ]
END
    assert_equal "$(layer 4 | tar -xO list | paste -s -d,)" /1.x,/2.x
    assert_equal "$(layer 5 | tar -xO piped)" piped
    assert_equal "$(layer 6 | tar -xO names)" root-none-old
}

@test "! grep that finds fails the step" {
    build_fails 1 <<'END'
FROM base
RUN ! grep -q root /etc/passwd
END
    assert_stderr_contains 'Dockerfile:2:'
}

@test "a download piped into sh runs in the step, and ADD fetches a URL once" {
    require_program python3
    mkdir served
    echo 'echo installed > /installed' >served/install.sh
    python3 -u -m http.server --bind 127.0.0.1 --directory served 0 >server.log 2>requests.log &
    server=$!
    for _ in $(seq 50); do grep -q port server.log && break; sleep 0.1; done
    url=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' server.log)
    build <<END || { kill "$server"; false; }
FROM base
RUN wget -q -O - $url/install.sh | sh
ADD $url/install.sh /tmp/
RUN sh /tmp/install.sh
END
    kill "$server"
    assert_equal "$(layer 2 | tar -xO installed)" installed
    assert_equal "$(layer 3 | tar -xO tmp/install.sh)" 'echo installed > /installed'
    assert_equal "$(grep -c 'GET /install.sh' requests.log)" 2
}
