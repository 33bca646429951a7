"""The corpus' bases: one small root of busybox, and images of it that differ in their config."""
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

TIME = 1500000000
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DIRECTORIES = {"bin": 0o755, "dev": 0o755, "etc": 0o755, "home": 0o755, "home/app": 0o750,
               "proc": 0o755, "root": 0o700, "run": 0o755, "srv": 0o755, "srv/data": 0o755,
               "sys": 0o755, "tmp": 0o1777, "usr": 0o755, "usr/bin": 0o755, "var": 0o755}
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
                  "app:x:1000:1001:app:/home/app:/bin/sh\n"
                  "web:x:1002:1002::/srv:/bin/sh\n"
                  "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nstaff:x:50:app\napp:x:1001:\nweb:x:1002:app\nnogroup:x:65534:\n",
    "srv/data/old": "old\n",
    "srv/data/keep": "keep\n",
}
LINKS = {"srv/link": "data", "srv/abs": "/srv/data", "srv/dangling": "nowhere",
         "srv/filelink": "data/old", "lib": "usr/bin"}
HARD_LINKS = {"srv/data/hard": "srv/data/keep"}

# Images: a change to the config each, by name. Where BuildKit and imgbuild find "base" and its
# fellows is told to both with --build-context.
IMAGES = {
    "base": {},
    "base-rich": {"config": {
        "User": "app", "WorkingDir": "/srv/data", "Env": [PATH, "BASE=from-base", "SHARED=base"],
        "Entrypoint": ["/bin/echo"], "Cmd": ["hello"], "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/srv/data": {}}, "Labels": {"base": "yes", "who": "base"},
        "StopSignal": "SIGINT", "Shell": ["/bin/sh", "-ec"],
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5000000000}}},
    "base-onbuild": {"config": {"Env": [PATH], "OnBuild": [
        "RUN echo trigger > /trigger", "COPY one /from-trigger", "ENV FROM_TRIGGER=yes"]}},
    "base-bare": {"config": {}},
    "base-author": {"author": "Somebody <s@example.org>", "config": {"Env": [PATH]}},
}


def root_tar():
    out = io.BytesIO()
    busybox = shutil.which("busybox")
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, kind, mode, data=b"", link=""):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.mtime, entry.size = kind, mode, TIME, len(data)
            entry.linkname = link
            if name.startswith("home/app"):
                entry.uid, entry.gid = 1000, 1001
            tar.addfile(entry, io.BytesIO(data))
        for name, mode in DIRECTORIES.items():
            add(name, tarfile.DIRTYPE, mode)
        with open(busybox, "rb") as file:
            add("bin/busybox", tarfile.REGTYPE, 0o755, file.read())
        applets = subprocess.run([busybox, "--list"], check=True, stdout=subprocess.PIPE)
        for applet in applets.stdout.decode().split():
            if applet != "busybox":
                add("bin/" + applet, tarfile.SYMTYPE, 0o777, link="busybox")
        for name, text in FILES.items():
            add(name, tarfile.REGTYPE, 0o644, text.encode())
        for name, target in LINKS.items():
            add(name, tarfile.SYMTYPE, 0o777, link=target)
        for name, target in HARD_LINKS.items():
            add(name, tarfile.LNKTYPE, 0o644, link=target)
    return out.getvalue()


def add_blob(layout, data, media_type):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(layout, "blobs/sha256", digest), "wb") as file:
        file.write(data)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}


def add_image(layout, layer, change):
    config = {"created": "2020-01-01T00:00:00Z", "architecture": "amd64", "os": "linux",
              "config": {"Env": [PATH], "Cmd": ["/bin/sh"]},
              "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
              "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "made for a test"}]}
    config.update(change)
    config = {key: value for key, value in config.items() if value is not None}
    kind = "application/vnd.oci.image.%s"
    manifest = {"schemaVersion": 2, "mediaType": kind % "manifest.v1+json",
                "config": add_blob(layout, json.dumps(config).encode(), kind % "config.v1+json"),
                "layers": [layer]}
    return add_blob(layout, json.dumps(manifest).encode(), kind % "manifest.v1+json")


def make_bases(layout):
    """Write an OCI layout of all images. Returns their digests by name."""
    os.makedirs(os.path.join(layout, "blobs/sha256"))
    with open(os.path.join(layout, "oci-layout"), "w", encoding="ascii") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    layer = add_blob(layout, root_tar(), "application/vnd.oci.image.layer.v1.tar")
    digests, manifests = {}, []
    for name, change in IMAGES.items():
        manifest = add_image(layout, layer, change)
        digests[name] = manifest["digest"]
        manifests.append(dict(manifest, annotations={
            "org.opencontainers.image.ref.name": name}))
    with open(os.path.join(layout, "index.json"), "w", encoding="ascii") as file:
        json.dump({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                   "manifests": manifests}, file)
    return digests
