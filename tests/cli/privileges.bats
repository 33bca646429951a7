#!/usr/bin/env bats
# A real distribution's root: sudo, setuid programs, file capabilities and package scripts in steps.
load helpers
load build

setup() {
    common_setup
    require_root
}

teardown() {
    assert_store_clean
    common_teardown
}

@test "sudo, setuid programs and file capabilities work in later steps, as the image's user" {
    local base
    debian_root_tar >/dev/null
    base=$(debian_layout)
    require_reach http://deb.debian.org/debian/
    mkdir -p context
    cat >context/Dockerfile <<'END'
FROM debian
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends sudo libcap2-bin \
    && useradd -m -s /bin/bash client && echo 'client ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/client
RUN cp /usr/bin/python3.11 /usr/local/bin/pycap && setcap cap_net_bind_service=ep /usr/local/bin/pycap
USER client
RUN test "$(id -un)" = client && test "$HOME" = /home/client && sudo id -u | grep -qx 0 \
    && sudo touch /owned-by-root && sudo -u client id -un | grep -qx client && touch ~/mine
RUN getcap /usr/local/bin/pycap | grep -q cap_net_bind_service \
    && /usr/local/bin/pycap -c 'import socket; socket.socket().bind(("127.0.0.1", 81))' \
    && ! /usr/bin/python3.11 -c 'import socket; socket.socket().bind(("127.0.0.1", 82))'
RUN sudo chown client /owned-by-root && echo mine > /owned-by-root
END
    run_ok "$IMGBUILD" --build-context "debian=oci-layout://$base:latest" --network default \
        -o type=oci,dest=image,tar=false -f context/Dockerfile context
    layer 4 | tar -tv >list
    grep -qE ' 0/0 .* owned-by-root$' list
    grep -qE ' 1000/1000 .* home/client/mine$' list
    layer 3 | python3 -c 'import sys, tarfile
for m in tarfile.open(fileobj=sys.stdin.buffer, mode="r|"):
    if m.name == "usr/local/bin/pycap":
        sys.exit("SCHILY.xattr.security.capability" not in m.pax_headers)
sys.exit(2)'
}
