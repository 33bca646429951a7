#!/usr/bin/env bats
# Real packages with faked ids: whatever PostgreSQL, sudo, ssh and systemd do when they are installed
# and used, every path has the owner, mode, type, target and attributes that root's build gives it.
load helpers
load container

PACKAGES='postgresql openssh-client sudo systemd procps libcap2-bin acl openjdk-17-jre-headless'

setup() {
    common_setup
    require_root
    chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.."
    mkdir -p context bin user
    install -m 755 "$IMGBUILD" bin/imgbuild
    packages_layout >/dev/null
    cp -R "$(packages_layout)" packages
    chmod -R a+rX packages bin
    write_dockerfile
    chmod -R a+rX context
}

# A Debian with the packages' archives and without the packages, so that no test waits for a network.
packages_layout() {
    local debian
    debian=$(debian_layout)
    _cached packages.oci _make_packages "$debian" ||
        skip "needs Debian's archive: $(tail -n 1 "$TEST_CACHE/packages.oci.log" 2>/dev/null)"
}

_make_packages() { # DEBIAN PATH
    local work=$2.work
    mkdir -p "$work/context"
    printf '%s\n' 'FROM debian' \
        "RUN apt-get update && apt-get install -y -d --no-install-recommends $PACKAGES" >"$work/context/Dockerfile"
    "$IMGBUILD" --isolation root --root "$work/store" --ca-certs --progress plain \
        --build-context "debian=oci-layout://$1:latest" --output "type=oci,dest=$2,tar=false" "$work/context"
    rm -rf "$work"
}

write_dockerfile() {
    cat >context/Dockerfile <<END
FROM packages
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get install -y --no-download --no-install-recommends $PACKAGES
END
    cat >>context/Dockerfile <<'END'
RUN useradd -m client && chown -R client:client /home/client && echo 'client ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/client
RUN mknod /disk b 8 1 && cp /bin/true /cap && setcap cap_net_raw+ep /cap && touch /acl && setfacl -m u:client:rw,g:adm:r /acl && mkdir /dacl && setfacl -d -m u:client:rwx /dacl && touch /dacl/f && mkdir /dacl/d
RUN su postgres -c '/usr/lib/postgresql/*/bin/initdb -D /var/lib/postgresql/mine'
RUN java -version && ps aux >/dev/null && pgrep -x sh && test -w /dev/shm && echo to-stdout >/dev/stdout && python3 -c 'import os; print(os.ttyname(os.openpty()[1]))'
RUN ["/bin/bash", "-c", "cat <(echo substituted) && pg_ctlcluster 15 main start && su postgres -c 'psql -c \"select 1\"' && stat -c %U /var/run/postgresql/.s.PGSQL.5432 && pg_ctlcluster 15 main stop"]
USER client
RUN test "$(id -un)" = client && test "$(sudo id -un)" = root && test "$(sudo -u postgres id -un)" = postgres && sudo touch /root/by-sudo && touch ~/mine && ln ~/mine ~/hard && ln -s mine ~/soft && mkfifo ~/fifo && getcap /cap | grep net_raw && getfacl -p /acl | grep user:client:rw-
END
}

OPTIONS() {
    printf '%s\n' --progress plain --build-context "packages=oci-layout://$PWD/packages" \
        -f "$PWD/context/Dockerfile" "$PWD/context"
}

# listing TAR: all but content, and the link that is named by the hash of a random certificate.
listing() {
    "$SOURCE_ROOT/tests/parity/image_list.py" files "$1" | sed -E 's/ [0-9a-f]{64}$//' |
        grep -v ' -> ssl-cert-snakeoil.pem$'
}

# expected: root's listing, made once.
expected() {
    local file=$BATS_FILE_TMPDIR/root.list
    if [ ! -e "$file" ]; then
        mapfile -t options < <(OPTIONS)
        "$IMGBUILD" --isolation root --root "$STORE" --output "type=oci,dest=$PWD/root.tar" "${options[@]}"
        listing root.tar >"$file.new"
        [ "$(wc -l <"$file.new")" -gt 10000 ]
        mv "$file.new" "$file"
    fi
}

@test "single: an ordinary user installs and uses them as root does" {
    require_program setpriv
    expected
    chown 4711:4711 user
    mapfile -t options < <(OPTIONS)
    setpriv --reuid 4711 --regid 4711 --clear-groups env HOME="$PWD/user" TMPDIR=/tmp \
        "$PWD/bin/imgbuild" --isolation single --root "$PWD/user/store" \
        --output "type=oci,dest=$PWD/user/image.tar" "${options[@]}"
    diff "$BATS_FILE_TMPDIR/root.list" <(listing user/image.tar)
}

@test "chroot: root of a container with Docker's defaults does" {
    need_container
    expected
    mapfile -t options < <(OPTIONS)
    in_container "$IMGBUILD" --isolation chroot --root "$STORE" \
        --output "type=oci,dest=$PWD/image.tar" "${options[@]}"
    diff "$BATS_FILE_TMPDIR/root.list" <(listing image.tar)
}
