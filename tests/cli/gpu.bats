#!/usr/bin/env bats
# GPUs, with a made-up driver: what a check gets of it, and what is said where there is none.

load helpers
load verify

setup() {
    common_setup
    require_root
    require_program jq python3
    TINY=oci:$(tiny_layout)
}

# driver DIR: the library of a driver 550.54.14, and a device.
driver() {
    mkdir -p "$1/usr/lib/x86_64-linux-gnu" "$1/dev"
    PYTHONDONTWRITEBYTECODE=1 python3 -c 'import sys; sys.path.insert(0, sys.argv[1])
from broken_images import elf
open(sys.argv[2], "wb").write(elf(soname="libcuda.so.1"))' \
        "$HELPERS_DIR" "$1/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14"
    mknod -m 666 "$1/dev/nvidia0" c 1 3
}

gpu_checks() {
    checks <<'Y'
checks:
- {name: device, gpus: true, command: 'echo x >/dev/nvidia0'}
- {name: library, gpus: true, command: 'cmp /usr/lib/x86_64-linux-gnu/libcuda.so.1 /usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14; echo "$LD_LIBRARY_PATH"', stdout: '^/usr/lib/x86_64-linux-gnu$'}
- {name: without, command: 'test ! -e /dev/nvidia0'}
Y
}

@test "a driver's root gives checks that ask for it the devices and libraries, by their sonames too" {
    driver root
    gpu_checks
    verify 1 --gpus root "$TINY" # every check gets them
    assert_verdict device passed
    assert_verdict library passed
    [[ $(verdict without) == failed* ]]
}

@test "a CDI file does, in YAML and JSON" {
    driver root
    gpu_checks
    cat >nvidia.json <<J
{"cdiVersion": "0.6.0", "kind": "nvidia.com/gpu",
 "devices": [
  {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/not-taken", "hostPath": "/dev/null"}]}},
  {"name": "all", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0", "hostPath": "/dev/null"}]}}],
 "containerEdits": {
  "env": ["NVIDIA_VISIBLE_DEVICES=void"],
  "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-ctk", "args": ["x"]}],
  "mounts": [{"hostPath": "$PWD/root/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14",
              "containerPath": "/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14", "options": ["ro"]}]}}
J
    verify 0 --gpus nvidia.json --skip without "$TINY"
    checks <<<'checks: [{name: env, command: "echo $NVIDIA_VISIBLE_DEVICES; ls /dev", stdout: ^void, not_stdout: not-taken}]'
    verify 0 --gpus nvidia.json "$TINY"
    printf 'kind: other.com/device\n' >other.yaml
    run_exit 3 "$IMGVERIFY" --gpus other.yaml -c checks.yaml "$TINY"
    printf 'kind: nvidia.com/gpu\ncontainerEdits:\n  deviceNodes:\n  - {path: /dev/no-such-device}\n' >gone.yaml
    run_exit 3 "$IMGVERIFY" --gpus gone.yaml -c checks.yaml "$TINY"
    assert_stderr_contains "gone.yaml:4: /dev/no-such-device is not there"
    run_exit 3 "$IMGVERIFY" --gpus nowhere -c checks.yaml "$TINY"
}

@test "without a driver such a check is skipped, with the reason" {
    [ ! -e /dev/nvidiactl ] && [ ! -e /etc/cdi ] && [ ! -e /var/run/cdi ] || skip "this host has a GPU"
    gpu_checks
    verify 0 "$TINY"
    assert_verdict device "skipped: needs an NVIDIA GPU, and this host has none with a driver"
    assert_verdict without passed
    verify 7 --gpus all "$TINY"
    verify 1 --require-all "$TINY"
}

@test "what an image requires of CUDA is compared with the driver" {
    driver root
    make_layout "$PWD/old" "$(tiny_root_tar)" '.config.Env += ["NVIDIA_REQUIRE_CUDA=cuda>=12.8 brand=tesla,driver>=560,driver<561"]'
    make_layout "$PWD/new" "$(tiny_root_tar)" '.config.Env += ["NVIDIA_REQUIRE_CUDA=cuda>=12.4"]'
    checks <<<'static: [cuda]'
    verify 1 --static --gpus root "oci:$PWD/old"
    [[ $(verdict "what CUDA requires of the driver makes sense") == "failed: the host's driver 550.54.14 brings CUDA 12.4, and the image requires"* ]]
    verify 0 --static --gpus root "oci:$PWD/new"
}
