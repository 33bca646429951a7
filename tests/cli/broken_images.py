#!/usr/bin/env python3
"""Images that are each broken in one way, for tests/cli/broken.bats.

    broken_images.py BASE.tar LAYOUT

writes an OCI layout that holds a good image under the tag linux-amd64-postgres-15 and one for each
case, all over the same base, and prints a line for each: its tag, the check that must fail ("-"
for the good one), and "static" where it shows without running anything alone. Nothing of it is built: layers are made here, file by file.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import struct
import sys
import tarfile

VENV = "app/.venv"
SITE = VENV + "/lib/python3.11/site-packages"
GOOD_TAG = "linux-amd64-postgres-15"


class File:
    """A file of a layer: text or bytes, a symlink ("-> target"), or a deletion (None)."""

    def __init__(self, content, mode=0o644, uid=0, gid=0):
        self.content, self.mode, self.uid, self.gid = content, mode, uid, gid


# ---- ELF files, as little of them as a dynamic linker would read ----


def elf(needed=(), versions=(), defines=(), soname=None, interpreter=None, runpath=None,
        machine=62, big=False):
    """A shared object. versions: (library, version) that it needs; defines: versions it has."""
    order = ">" if big else "<"
    strings, places = bytearray(b"\0"), {}

    def text(s):
        if s not in places:
            places[s] = len(strings)
            strings.extend(s.encode() + b"\0")
        return places[s]

    dynamic = [(1, text(n)) for n in needed]
    if soname:
        dynamic.append((14, text(soname)))
    if runpath:
        dynamic.append((29, text(runpath)))
    need = b"".join(
        struct.pack(order + "HHIII", 1, 1, text(library), 16, 32 if i + 1 < len(versions) else 0)
        + struct.pack(order + "IHHII", 0, 0, 2, text(version), 0)
        for i, (library, version) in enumerate(versions))
    have = b"".join(
        struct.pack(order + "HHHHIII", 1, 0, i + 2, 1, 0, 20, 28 if i + 1 < len(defines) else 0)
        + struct.pack(order + "II", text(version), 0)
        for i, version in enumerate(defines))
    loader = (interpreter or "").encode() + b"\0" if interpreter else b""
    segments = 3 if interpreter else 2
    at = 64 + 56 * segments
    place_strings, place_need = at, at + len(strings)
    place_have = place_need + len(need)
    place_loader = place_have + len(have)
    place_dynamic = place_loader + len(loader)
    dynamic += [(5, place_strings), (10, len(strings))]
    if need:
        dynamic += [(0x6ffffffe, place_need), (0x6fffffff, len(versions))]
    if have:
        dynamic += [(0x6ffffffc, place_have), (0x6ffffffd, len(defines))]
    table = b"".join(struct.pack(order + "QQ", *d) for d in dynamic + [(0, 0)])
    size = place_dynamic + len(table)

    def segment(kind, offset, length):
        return struct.pack(order + "IIQQQQQQ", kind, 4, offset, offset, offset, length, length, 8)

    head = b"\x7fELF" + bytes([2, 2 if big else 1, 1]) + bytes(9)
    head += struct.pack(order + "HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, segments, 0, 0, 0)
    head += segment(1, 0, size) + segment(2, place_dynamic, len(table))
    if interpreter:
        head += segment(3, place_loader, len(loader))
    return head + bytes(strings) + need + have + loader + table


# ---- Python packages ----


def package(files, name, version, requires=(), extras=(), scripts=(), modules=None, direct=None,
            interpreter="/app/.venv/bin/python"):
    """Add an installed package, with its RECORD, to the files of a layer."""
    info = f"{SITE}/{name}-{version}.dist-info"
    own = {f"{SITE}/{m}": c for m, c in (modules or {f"{name}/__init__.py": ""}).items()}
    own[f"{info}/METADATA"] = "\n".join(
        ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        + [f"Requires-Dist: {r}" for r in requires] + [f"Provides-Extra: {e}" for e in extras]
        + ["", "A description: not a header.", ""])
    if scripts:
        own[f"{info}/entry_points.txt"] = "[console_scripts]\n" + "\n".join(
            f"{s} = {t}" for s, t in scripts.items()) + "\n"
        for s in scripts:
            own[f"{VENV}/bin/{s}"] = f"#!{interpreter}\n"
    if direct:
        own[f"{info}/direct_url.json"] = json.dumps(
            {"url": direct, "dir_info": {"editable": True}})
    record = ""
    for path, content in own.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest())
        relative = os.path.relpath(path, SITE)
        record += f"{relative},sha256={digest.decode().rstrip('=')},{len(content)}\n"
        files[path] = File(content, 0o755 if "/bin/" in path else 0o644)
    files[f"{info}/RECORD"] = File(record + f"{os.path.basename(info)}/RECORD,,\n")


def app(files, **changes):
    package(files, "app", "1.0", **{**dict(
        requires=["dep>=1.0,<2", "Win.Dep; sys_platform == 'win32'",
                  'backport>=1; python_version < "3.8"', "pytest>=8; extra == 'dev'"],
        extras=["dev"], scripts={"app": "app.main:main"},
        modules={"app/__init__.py": "", "app/main.py": "def main(): pass\n"}), **changes})


# ---- the good image ----

JOB = """#!/bin/sh
echo ready
echo "CREATE TABLE t;" >/tmp/out
"""
PASSWD = """root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
client:x:1001:1001::/home/client:/bin/sh
"""


def good_files():
    files = {
        "etc/passwd": File(PASSWD),
        "etc/group": File("root:x:0:\nnogroup:x:65534:\nclient:x:1001:\n"),
        "etc/os-release": File('ID=debian\nVERSION_ID="12"\n'),
        "etc/ld.so.conf": File("include /etc/ld.so.conf.d/*.conf\n"),
        "etc/ld.so.conf.d/own.conf": File("/opt/own/lib\n"),
        "etc/app.conf": File("mode = production\n", 0o640, 1001, 1001),
        "var/lib/dpkg/status": File("Package: postgresql-15\nStatus: install ok installed\n"
                                    "Version: 15.13-0+deb12u1\n\n"),
        "usr/bin/env": File("-> /bin/busybox"),
        "lib/ld.so": File(elf(), 0o755),
        "opt/own/lib/libgood.so.1": File(elf(soname="libgood.so.1", defines=["GOOD_1.0"])),
        "opt/own/bin/tool": File(elf(["libgood.so.1", "libcuda.so.1", "libbeside.so"],
                                     [("libgood.so.1", "GOOD_1.0")], interpreter="/lib/ld.so",
                                     runpath="$ORIGIN/../beside"), 0o755),
        "opt/own/beside/libbeside.so": File(elf(soname="libbeside.so")),
        "usr/bin/python3.11": File("#!/bin/sh\n", 0o755),
        "usr/bin/python3": File("-> python3.11"),
        "usr/local/bin/job": File(JOB, 0o755),
        "usr/local/bin/serve": File("#!/bin/sh\necho up\nexec sleep 60\n", 0o755),
        "usr/local/bin/tool": File("#!/usr/bin/env python3\n", 0o755),
        "app/start.sh": File("#!/bin/sh\nexec serve\n", 0o755),
        f"{VENV}/pyvenv.cfg": File("home = /usr/bin\nversion = 3.11.2\n"),
        f"{VENV}/bin/python": File("-> /usr/bin/python3"),
        f"{SITE}/dep/__init__.py": File(""),
    }
    app(files)
    package(files, "dep", "1.5")
    return files


def good_config():
    return {
        "User": "client", "WorkingDir": "/app", "Cmd": ["/bin/sh", "-c", "/app/start.sh"],
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "CONFIG_DIR=/config", "CUDA_VERSION=12.8.1",
                "NVIDIA_REQUIRE_CUDA=cuda>=12.8 brand=tesla,driver>=535,driver<536"],
        "ExposedPorts": {"5000/tcp": {}}, "Volumes": {"/config": {}}, "Labels": {"version": "1.2.3"},
    }


CHECKS = """\
defaults: {venv: /app/.venv}
static: true
checks:
- {name: user, metadata: {user: {matches: '^client'}}}
- {name: workdir, metadata: {workdir: /app}}
- {name: cmd, metadata: {cmd: [/bin/sh, -c, /app/start.sh], entrypoint: ~}}
- {name: environment, metadata: {env: {CONFIG_DIR: /config, DEBUG: ~}}}
- {name: ports, metadata: {ports: [5000/tcp]}}
- {name: volumes, metadata: {volumes: [/config]}}
- {name: labels, metadata: {labels: {version: {matches: '^1[.]'}}}}
- {name: configuration, file: /etc/app.conf, contains: production}
- {name: owner, file: /etc/app.conf, owner: 'client:client'}
- {name: mode, file: /etc/app.conf, mode: 0640}
- {name: units, file: '/opt/own/beside/*.so', type: file}
- {name: no tests, file: /app/tests, absent: true}
- {name: job, venv: '', command: [job], stdout: ^ready, timeout: 5}
- {name: job writes, venv: '', command: 'job >/dev/null 2>&1; true', writes: {path: /tmp/out, contains: CREATE TABLE}}
- {name: serve, venv: '', start: [serve], stop_after: 0.1, timeout: 1, allow_error: no database}
"""

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + 3 * ("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAA"
                                                    "AAAAAAABAAAAMwAAAAtzc2gtZWQy\n")
# Made up, in two parts so that nobody's scanner finds them here.
GITHUB, AWS, NPM = "ghp" + "_" + "a1B2" * 9, "AK" + "IA" + "ABCDEFGH12345678", "npm" + "_" + "x9Y8" * 9

M = {
    "program": "the image's program is there", "user": "the image's user is there",
    "shebangs": "interpreters of scripts are there",
    "machine": "programs are for the image's architecture",
    "libraries": "needed libraries are there",
    "versions": "needed versions of symbols are there",
    "writable": "no file can be written by anybody",
    "setuid": "no unknown program has set-id bits", "secrets": "no secret is in a layer",
    "wasted": "few bytes are rewritten or deleted by later layers",
    "tags": "the tag is true of the image", "cuda": "what CUDA requires of the driver makes sense",
    "venv": "the virtual environment's Python is there",
    "records": "installed files are as recorded",
    "requirements": "what packages require is installed",
    "scripts": "console scripts and their interpreters are there",
    "entry": "modules of entry points are there",
    "editable": "sources of editable installs are there",
    "dev": "dev dependencies are as the variant wants them",
}


# ---- the cases: (tag, check that must fail, layers over the good one, change of the config) ----


def packages(change):
    files = {}
    change(files)
    return [files]


def cases():
    one = lambda path, content, mode=0o644, **more: [{path: File(content, mode, **more)}]
    # what is started
    yield "cmd-missing", M["program"], [{"app/start.sh": File(None)}], None
    yield "cmd-not-executable", M["program"], one("app/start.sh", "#!/bin/sh\n", 0o644), None
    yield "cmd-not-for-the-user", M["program"], one("app/start.sh", "#!/bin/sh\n", 0o700), None
    yield "cmd-interpreter", M["program"], one("app/start.sh", "#!/bin/zsh\n", 0o755), None
    yield "group-unknown", "user-unknown", [], lambda c: c.update(User="client:staff")
    # scripts
    yield "shebang-missing", M["shebangs"], one("usr/local/bin/s", "#!/usr/bin/perl\n", 0o755), None
    yield "shebang-env", M["shebangs"], one("usr/local/bin/s", "#!/usr/bin/env ruby\n", 0o755), None
    yield "shebang-env-split", M["shebangs"], one("usr/bin/s", "#!/usr/bin/env -S node -x\n", 0o755), None
    yield "shebang-relative", M["shebangs"], one("bin/s", "#!bin/sh\n", 0o755), None
    yield "shebang-carriage-return", M["shebangs"], [{
        "usr/bin/s": File("#!/usr/bin/own\n", 0o755), "usr/bin/own": File("x", 0o644)}], None
    # programs and libraries
    yield "so-for-arm64", M["machine"], one("usr/lib/liba.so", elf(machine=183)), None
    yield "program-for-arm64", M["machine"], one("opt/x", elf(machine=183, interpreter="/lib/ld.so"), 0o755), None
    yield "so-for-s390x", M["machine"], one("usr/lib/libs.so", elf(machine=22, big=True)), None
    yield "libpq-missing", M["libraries"], one("usr/lib/plugin.so", elf(["libpq.so.5", "libcuda.so.1"])), None
    yield "loader-missing", M["libraries"], one("opt/x", elf(interpreter="/lib64/ld-linux-x86-64.so.2"), 0o755), None
    yield "library-elsewhere", M["libraries"], [{
        "opt/x": File(elf(["libaway.so"], interpreter="/lib/ld.so"), 0o755),
        "opt/away/libaway.so": File(elf(soname="libaway.so"))}], None
    yield "origin-wrong", M["libraries"], [{
        "opt/x": File(elf(["libaway.so"], interpreter="/lib/ld.so", runpath="$ORIGIN/lib"), 0o755),
        "opt/away/libaway.so": File(elf(soname="libaway.so"))}], None
    yield "library-deleted", M["libraries"], [{"opt/own/lib/libgood.so.1": File(None)}], None
    yield "ld-so-conf-lost", M["libraries"], one("etc/ld.so.conf.d/own.conf", "/opt/lost\n"), None
    yield "library-for-another-machine", M["libraries"], [{
        "opt/x": File(elf(["libi.so"], interpreter="/lib/ld.so"), 0o755),
        "usr/lib/libi.so": File(elf(soname="libi.so", machine=3))}], None
    yield "glibc-too-old", M["versions"], one("usr/lib/new.so", elf(["libgood.so.1"], [("libgood.so.1", "GOOD_2.38")])), None
    yield "library-downgraded", M["versions"], one("opt/own/lib/libgood.so.1", elf(soname="libgood.so.1", defines=["GOOD_0.9"])), None
    # rights
    yield "file-world-writable", M["writable"], one("app/data", "x", 0o666), None
    yield "folder-world-writable", M["writable"], [{"app/open/": File("", 0o777)}], None
    yield "setuid", M["setuid"], one("usr/local/bin/up", elf(), 0o4755), None
    yield "setgid", M["setuid"], one("usr/bin/up", elf(), 0o2755), None
    yield "setuid-su-elsewhere", M["setuid"], one("app/su", elf(), 0o4755), None
    # secrets
    yield "private-key", M["secrets"], one("home/client/.ssh/id", KEY, 0o600), None
    yield "netrc", M["secrets"], one("root/.netrc", "machine h login l password p\n"), None
    yield "git-credentials", M["secrets"], one("home/client/.git-credentials", "https://u:p@host\n"), None
    yield "github-token", M["secrets"], one("app/settings.py", f"TOKEN = '{GITHUB}'\n"), None
    yield "npm-token", M["secrets"], one("app/build.log", f"//registry/:_auth {NPM}\n"), None
    yield "pypirc", M["secrets"], one("root/.pypirc", "[pypi]\npassword = x\n"), None
    yield "docker-credentials", M["secrets"], one("root/.docker/config.json", '{"auths": {"h": {"auth": "dTpw"}}}'), None
    yield "key-hidden", M["secrets"], [{"root/key": File(KEY)}, {"root/key": File(None)}], None
    yield "key-rewritten", M["secrets"], [{"root/key": File(KEY)}, {"root/key": File("gone")}], None
    yield "token-in-variable", M["secrets"], [], lambda c: c["Env"].append("AWS_ACCESS_KEY_ID=" + AWS)
    yield "token-in-history", M["secrets"], [{"app/x": File("", 0o644)}], "history"
    # what layers waste
    big = os.urandom(64) * (12 * 1000 * 1000 // 64)
    yield "large-file-deleted", M["wasted"], [{"app/big": File(big)}, {"app/big": File(None)}], None
    yield "large-file-rewritten", M["wasted"], [{"app/big": File(big)}, {"app/big": File("x")}], None
    # tags
    yield "linux-amd64-postgres-16", M["tags"], [], None
    yield "linux-arm64-postgres-15", M["tags"], [], None
    yield "python3.12", M["tags"], [], None
    yield "debian-11", M["tags"], [], None
    # CUDA
    yield "cuda-nonsense", M["cuda"], [], lambda c: c["Env"].append("NVIDIA_REQUIRE_CUDA=cuda>=new")
    yield "cuda-toolkit", M["cuda"], [], lambda c: c["Env"].append("CUDA_VERSION=11.8.0")
    # virtual environments
    yield "venv-dangling", M["venv"], one(f"{VENV}/bin/python", "-> /usr/bin/python3.9"), None
    yield "venv-without-python", M["venv"], [{f"{VENV}/bin/python": File(None)}], None
    yield "venv-home", M["venv"], one(f"{VENV}/pyvenv.cfg", "home = /opt/python/bin\nversion = 3.11.2\n"), None
    yield "venv-other-python", M["venv"], [{"usr/bin/python3.12": File("#!/bin/sh\n", 0o755),
                                            f"{VENV}/bin/python": File("-> /usr/bin/python3.12")}], None
    yield "module-changed", M["records"], one(f"{SITE}/app/main.py", "def main(): PASS\n"), None
    yield "module-lost", M["records"], [{f"{SITE}/dep/__init__.py": File(None)}], None
    yield "dependency-missing", M["requirements"], packages(lambda f: app(f, requires=["gone>=1"])), None
    yield "dependency-too-old", M["requirements"], packages(lambda f: app(f, requires=["dep>=2.0rc1"])), None
    yield "dependency-by-marker", M["requirements"], packages(lambda f: app(
        f, requires=["tomli; (python_version < '3.12' and platform_machine == 'x86_64') or extra == 'x'"])), None
    yield "dependency-of-extra", M["requirements"], packages(lambda f: (
        app(f, requires=["dep[fast]"]), package(f, "dep", "1.5", ["speed; extra == 'fast'"], ["fast"]))), None
    yield "script-lost", M["scripts"], packages(lambda f: (
        package(f, "tool", "1", scripts={"t": "tool:main"}), f.pop(f"{VENV}/bin/t"),
        f.update({f"{SITE}/tool-1.dist-info/RECORD": File("")}))), None
    yield "script-of-another-venv", M["scripts"], packages(lambda f: (
        package(f, "tool", "1", scripts={"t": "tool:main"}, interpreter="/app/other/bin/python"),
        f.update({"app/other/bin/python": File("-> /usr/bin/python3")}))), None
    yield "script-interpreter", M["scripts"], packages(
        lambda f: package(f, "tool", "1", scripts={"t": "tool:main"}, interpreter="/build/.venv/bin/python")), None
    yield "script-trampoline", M["scripts"], packages(lambda f: package(
        f, "tool", "1", scripts={"t": "tool:main"},
        interpreter="/bin/sh\n'''exec' \"/build/with a long name/bin/python\" \"$0\" \"$@\"\n' '''")), None
    yield "entry-point-lost", M["entry"], packages(
        lambda f: package(f, "tool", "1", scripts={"t": "tool.cli:main"})), None
    yield "editable-source-lost", M["editable"], packages(
        lambda f: package(f, "tool", "1", direct="file:///src/to%20ol")), None
    yield "pth-folder-lost", M["editable"], one(f"{SITE}/own.pth", "/src/gone\nimport sys\n"), None
    yield "dev-dependency-in-prod", M["dev"], packages(lambda f: package(f, "pytest", "8.4.2")), None
    # the config
    yield "user-wrong", "user", [{"app/start.sh": File("#!/bin/sh\n", 0o755)}], lambda c: c.update(User="nobody")
    yield "user-root", "user", [], lambda c: c.pop("User")
    yield "workdir-wrong", "workdir", [], lambda c: c.update(WorkingDir="/")
    yield "entrypoint-set", "cmd", [], lambda c: c.update(Entrypoint=["/bin/sh"])
    yield "variable-missing", "environment", [], lambda c: c.update(Env=[e for e in c["Env"] if "CONFIG" not in e])
    yield "variable-left", "environment", [], lambda c: c["Env"].append("DEBUG=1")
    yield "port-protocol", "ports", [], lambda c: c.update(ExposedPorts={"5000/udp": {}})
    yield "volume-missing", "volumes", [], lambda c: c.pop("Volumes")
    yield "label-wrong", "labels", [], lambda c: c.update(Labels={"version": "2.0"})
    # files
    yield "configuration-wrong", "configuration", one("etc/app.conf", "mode = test\n", 0o640, uid=1001, gid=1001), None
    yield "owner-wrong", "owner", one("etc/app.conf", "mode = production\n", 0o640), None
    yield "mode-wrong", "mode", one("etc/app.conf", "mode = production\n", 0o644, uid=1001, gid=1001), None
    yield "glob-directory", "units", [{"opt/own/beside/x.so/": File("", 0o755)}], None
    yield "tests-left", "no tests", [{"app/tests/": File("", 0o755)}], None
    # what runs
    job = lambda text: one("usr/local/bin/job", "#!/bin/sh\n" + text, 0o755)
    serve = lambda text: one("usr/local/bin/serve", "#!/bin/sh\n" + text, 0o755)
    written = 'echo "CREATE TABLE t;" >/tmp/out; '
    yield "traceback-exit-0", "job", job(written + "echo ready\necho 'Traceback (most recent call last):\n"
                                         "  File \"/app/x.py\", line 1\nKeyError: 1' >&2\n"), None
    yield "job-fails", "job", job(written + "echo ready; exit 3\n"), None
    yield "job-says-nothing", "job", job(written), None
    yield "job-crashes", "job", job(written + "echo ready; kill -SEGV $$\n"), None
    yield "job-writes-nothing", "job writes", job("echo ready\n"), None
    yield "job-writes-wrong", "job writes", job("echo ready; echo x >/tmp/out\n"), None
    yield "serve-silent", "serve", serve("exec sleep 60\n"), None
    yield "serve-import-error", "serve", serve("echo up\necho 'ImportError: no x' >&2\nsleep 60\n"), None
    yield "serve-other-error", "serve", serve("echo 'no client' >&2; exit 1\n"), None


# ---- the layout ----


class Layout:
    def __init__(self, path):
        self.path, self.manifests = path, []
        os.makedirs(path + "/blobs/sha256")
        with open(path + "/oci-layout", "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.path}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}

    def layer(self, tar):
        data = gzip.compress(tar, 1, mtime=0)
        return (self.blob(data, "application/vnd.oci.image.layer.v1.tar+gzip"),
                "sha256:" + hashlib.sha256(tar).hexdigest())

    def image(self, tag, layers, config, history=None):
        made = [history if history and i == len(layers) - 1 else f"RUN make layer {i + 1}"
                for i in range(len(layers))]
        body = {"architecture": "amd64", "os": "linux", "config": config,
                "rootfs": {"type": "layers", "diff_ids": [l[1] for l in layers]},
                "history": [{"created_by": m} for m in made]}
        image = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                 "config": self.blob(json.dumps(body).encode(), "application/vnd.oci.image.config.v1+json"),
                 "layers": [l[0] for l in layers]}
        described = self.blob(json.dumps(image).encode(), image["mediaType"])
        described["annotations"] = {"org.opencontainers.image.ref.name": tag}
        self.manifests.append(described)

    def finish(self):
        with open(self.path + "/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": self.manifests}, f)


def make_tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, file in sorted(files.items()):
            folder, name = os.path.split(path.rstrip("/"))
            info = tarfile.TarInfo(path.rstrip("/"))
            info.mode, info.uid, info.gid = file.mode, file.uid, file.gid
            data = b""
            if file.content is None:
                info.name = f"{folder}/.wh.{name}"
            elif path.endswith("/"):
                info.type = tarfile.DIRTYPE
            elif isinstance(file.content, str) and file.content.startswith("-> "):
                info.type, info.linkname = tarfile.SYMTYPE, file.content[3:]
            else:
                data = file.content if isinstance(file.content, bytes) else file.content.encode()
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def main():
    base, path = sys.argv[1:]
    layout = Layout(path)
    with open(base, "rb") as f:
        below = [layout.layer(f.read()), layout.layer(make_tar(good_files()))]
    layout.image(GOOD_TAG, below, good_config())
    print(GOOD_TAG, "-", "all", sep="\t")
    for tag, check, layers, change in cases():
        config = good_config()
        if callable(change):
            change(config)
        layout.image(tag, below + [layout.layer(make_tar(l)) for l in layers], config,
                     f"RUN curl -H {GITHUB} host" if change == "history" else None)
        # as a user that is not known nothing can run at all
        unknown = check == "user-unknown"
        print(tag, M["user"] if unknown else check, "static" if unknown else "all", sep="\t")
    layout.finish()
    with open(path + "/checks.yaml", "w") as f:
        f.write(CHECKS)


if __name__ == "__main__":
    main()
