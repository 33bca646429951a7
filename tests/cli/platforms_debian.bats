#!/usr/bin/env bats
# A Debian for 64-bit ARM, bootstrapped by emulation, and what LabLink's images do in theirs: a user
# with sudo, scripts and an interpreter.
load helpers
load platforms

setup() {
    common_setup
    require_root
    require_emulation
    require_program mmdebstrap
}

# The path of an OCI layout, made once.
debian_arm64() {
    _cached debian-arm64.oci make_debian_arm64 ||
        skip "needs Debian's archive: $(tail -n 1 "$TEST_CACHE/debian-arm64.oci.log" 2>/dev/null)"
}

make_debian_arm64() { # PATH
    local digest
    digest=$("$IMGBUILD" bootstrap --arch arm64 --include sudo --tag debian:test --root "$1.store" |
        tail -n 1) && "$IMGBUILD" copy "oci:$1.store/oci@$digest" "oci:$1:latest" &&
        rm -rf "$1.store"
}

@test "a bootstrapped arm64 base serves steps with users and sudo, and is verified" {
    local layout=$TEST_CACHE/debian-arm64.oci
    debian_arm64 >/dev/null
    assert_equal "$("$IMGBUILD" inspect --platform linux/arm64 "oci:$layout" | jq -r .platform)" linux/arm64
    mkdir context
    cat >context/Dockerfile <<'END'
FROM base
RUN useradd --create-home --shell /bin/bash client && usermod -aG sudo client && \
    echo 'client ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/client && chmod 0440 /etc/sudoers.d/client
USER client
WORKDIR /home/client
RUN sudo mkdir -p /var/log/lablink && sudo chown client:client /var/log/lablink && \
    test "$(id -un)" = client && test "$(sudo id -u)" = 0 && test "$(dpkg --print-architecture)" = arm64
CMD ["/bin/bash"]
END
    run_ok "$IMGBUILD" -q --platform linux/arm64 --build-context "base=oci-layout://$layout:latest" \
        --output type=oci,dest=image,tar=false context
    cat >checks.yaml <<'END'
checks:
  - {name: architecture, command: [dpkg, --print-architecture], stdout: "^arm64$"}
  - {name: user, command: 'test "$(id -un)" = client && sudo true'}
  - {name: logs, file: /var/log/lablink, type: directory, owner: client}
END
    run_ok "$IMGVERIFY" --config checks.yaml --platform linux/arm64 oci:image
    assert_output_contains 'linux/arm64 (emulated)'
}
