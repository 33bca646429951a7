"""A case of the corpus: its folder, its context, its options. tests/fixtures/dockerfiles/README.md
tells how a case is written."""
import base64
import os
import re
import shlex
import stat
import subprocess
import zlib


def time_of(case):
    """The time of what a description gives none: each case has its own, since BuildKit takes two files of
    one name, size and time for the same, and remembers the contents of contexts."""
    return 1000000000 + zlib.crc32(case.name.encode()) % 10000000


class Case:
    def __init__(self, folder, name):
        self.folder = folder
        self.name = name

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name, default=""):
        try:
            with open(self.path(name), encoding="utf-8", newline="") as file:
                return file.read()
        except FileNotFoundError:
            return default

    def has(self, name):
        return os.path.exists(self.path(name))

    def write(self, name, text):
        if text is None:
            if self.has(name):
                os.unlink(self.path(name))
            return
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def options(self):
        """Pairs (flag, value) as written, "--flag=value" or "-f value", without comments."""
        words = shlex.split(self.read("options"), comments=True)
        pairs, i = [], 0
        while i < len(words):
            flag, equals, value = words[i].partition("=")
            if not equals and flag not in SWITCHES:
                i += 1
                value = words[i]
            pairs.append((flag, value if equals or flag not in SWITCHES else None))
            i += 1
        return pairs

    def option(self, *flags):
        return [value for flag, value in self.options() if flag in flags]


SWITCHES = ("--no-cache", "--pull", "--check")


def find_cases(root, patterns):
    """Every folder with a Dockerfile below root, by name, that one of the patterns is found in."""
    cases = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        if "Dockerfile" in files:
            folders.clear()
            name = os.path.relpath(folder, root)
            if not patterns or any(re.search(p, name) for p in patterns):
                cases.append(Case(folder, name))
    return sorted(cases, key=lambda c: c.name)


def unescape(text):
    return re.sub(r"\\(x[0-9a-f]{2}|[nrt0\\])", lambda m: {
        "n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}.get(
            m[1]) or chr(int(m[1][1:], 16)), text).encode("utf-8", "surrogateescape")


def content(path, keys):
    if "base64" in keys:
        return base64.b64decode(keys["base64"])
    if "size" in keys:
        return (b"0123456789abcdef" * (int(keys["size"]) // 16 + 1))[:int(keys["size"])]
    return unescape(keys.get("text", path.rsplit("/", 1)[-1] + "\\n"))


def locate(top, path):
    """Of the context, or of the folder beside it that "@NAME/" begins with."""
    return os.path.join(top, path if path.startswith("@") else "context/" + path)


def make_archive(target, keys, top):
    """A tar of the folder keys["from"], or its one file keys["only"], packed."""
    source, how = locate(top, keys["from"]), keys.get("format", "tar")
    if "only" in keys:
        with open(os.path.join(source, keys["only"]), "rb") as file:
            data = file.read()
    else:
        data = subprocess.run(["tar", "-C", source, "--sort=name", "--numeric-owner",
                               "--format", keys.get("tar", "pax"), "--xattrs",
                               "--pax-option=delete=[ac]time", "-cf", "-"]
                              + sorted(os.listdir(source)),
                              check=True, stdout=subprocess.PIPE).stdout
    packers = {"gz": ["gzip", "-n"], "bz2": ["bzip2"], "xz": ["xz"], "zst": ["zstd", "-q"],
               "lzma": ["xz", "--format=lzma"], "lz4": ["lz4", "-q"]}
    if how in packers:
        data = subprocess.run(packers[how], input=data, check=True, stdout=subprocess.PIPE).stdout
    with open(target, "wb") as file:
        file.write(data[:int(keys["cut"])] if "cut" in keys else data)


def make_entry(top, kind, path, keys):
    target = locate(top, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if kind == "file":
        with open(target, "wb") as file:
            file.write(content(path, keys))
    elif kind == "dir":
        os.makedirs(target, exist_ok=True)
    elif kind == "link":
        os.symlink(keys["to"], target)
    elif kind == "hard":
        os.link(locate(top, keys["to"]), target)
        return
    elif kind == "fifo":
        os.mkfifo(target)
    elif kind == "archive":
        make_archive(target, keys, top)
    else:
        raise SystemExit("a context has no entry of kind " + kind)
    for key in keys:
        if key.startswith("xattr."):
            os.setxattr(target, key[6:], unescape(keys[key]), follow_symlinks=False)
    if "owner" in keys:
        uid, gid = keys["owner"].split(":")
        os.chown(target, int(uid), int(gid), follow_symlinks=False)
    if kind != "link":
        os.chmod(target, int(keys.get("mode", "755" if kind == "dir" else "644"), 8))
    set_time(target, keys)


def set_time(path, keys):
    time = int(float(keys["time"]) * 1e9)
    os.utime(path, ns=(time, time), follow_symlinks=False)


def set_directory_times(top, directories, time):
    """Whatever was made in them since."""
    for folder, _, _ in os.walk(top, topdown=False):
        set_time(folder, {"time": time, **directories.get(folder, {})})


def make_context(case, top):
    """Make top/context, and folders beside it, of the case's Dockerfile and its description.
    Returns the paths of the context and the Dockerfile."""
    context = os.path.join(top, "context")
    os.makedirs(context)
    name = (case.option("-f", "--file") or ["Dockerfile"])[0]
    with open(case.path("Dockerfile"), "rb") as file:
        dockerfile = file.read()
    time = time_of(case)
    make_entry(top, "file", name, {"text": "", "time": time})
    with open(locate(top, name), "wb") as file:
        file.write(dockerfile)
    set_time(locate(top, name), {"time": time})
    directories = {}
    for line in case.read("context").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        kind, path = words[:2]
        keys = {"time": time, **dict(word.split("=", 1) for word in words[2:])}
        if kind == "archive":
            set_directory_times(top, directories, time)
        make_entry(top, kind, path, keys)
        if kind == "dir":
            directories[locate(top, path)] = keys
    set_directory_times(top, directories, time)
    return context, locate(top, name)
