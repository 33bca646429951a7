#!/usr/bin/env python3
"""List what an image holds, for comparing it with another builder's.

    image_list.py files [--times] LAYOUT [TAG]
    image_list.py config LAYOUT [TAG]

LAYOUT is an OCI image layout, a directory or a tar of one, with gzip or plain layers. `files` prints
a line for each path of the root that the layers make together:

    PATH TYPE MODE UID:GID [TIME] [-> TARGET] [DEVICE] [= FIRST PATH OF THE SAME FILE] [XATTR=HEX…] [SHA256]

It reads the layers' tar entries itself, neither unpacking them nor needing root, and shares no code
with any builder. `config` prints what is compared of the config, and the history's shape.
"""
import argparse
import hashlib
import io
import json
import os
import sys
import tarfile


class Node:
    """A file, shared by its hard links, or a directory with its names."""

    def __init__(self, entry, content):
        self.entry = entry
        self.content = content
        self.names = {} if entry is None or entry.isdir() else None
        self.first_path = None


class Layout:
    """Blobs of an OCI layout, be it a directory or a tar."""

    def __init__(self, path, tag):
        self.tar = None if os.path.isdir(path) else tarfile.open(path)
        self.path = path
        entries = json.loads(self.read("index.json"))["manifests"]
        named = [e for e in entries
                 if e.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag]
        manifest = self.blob((named or entries)[0])
        while "manifests" in manifest:
            manifest = self.blob(next(m for m in manifest["manifests"]
                                      if m["platform"]["architecture"] != "unknown"))
        self.manifest = manifest
        self.config = self.blob(manifest["config"])

    def read(self, name):
        if self.tar is None:
            with open(os.path.join(self.path, name), "rb") as file:
                return file.read()
        return self.tar.extractfile(name).read()

    def blob(self, descriptor):
        return json.loads(self.layer(descriptor))

    def layer(self, descriptor):
        return self.read("blobs/" + descriptor["digest"].replace(":", "/"))


def parts(name):
    return [part for part in name.split("/") if part not in ("", ".")]


def find(root, names):
    node = root
    for name in names:
        if node.names is None or name not in node.names:
            raise SystemExit("a layer's entry lies below what is no directory: " + "/".join(names))
        node = node.names[name]
    return node


def find_parent(root, names):
    """The directory of an entry; a layer may leave out parents that nothing is said about."""
    node = root
    for name in names[:-1]:
        if node.names is None:
            raise SystemExit("a layer's entry lies below what is no directory: " + "/".join(names))
        if name not in node.names:
            implied = tarfile.TarInfo(name)
            implied.type, implied.mode = tarfile.DIRTYPE, 0o755
            node.names[name] = Node(implied, None)
        node = node.names[name]
    if node.names is None:
        raise SystemExit("a layer's entry lies below what is no directory: " + "/".join(names))
    return node


def sha256_of(data):
    return hashlib.sha256(data).hexdigest()


def apply_layer(root, data, content_of=sha256_of):
    made = set()  # of this layer: an opaque mark hides what lay below it alone
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            names = parts(entry.name)
            if not names:
                root.entry = entry
                continue
            parent, name = find_parent(root, names), names[-1]
            if name == ".wh..wh..opq":
                parent.names = {n: c for n, c in parent.names.items() if c in made}
            elif name.startswith(".wh."):
                parent.names.pop(name[len(".wh."):], None)
            elif entry.islnk():
                parent.names[name] = find(root, parts(entry.linkname))
            elif entry.isdir() and name in parent.names and parent.names[name].names is not None:
                parent.names[name].entry = entry
                made.add(parent.names[name])
            else:
                digest = None
                if entry.isreg():
                    digest = content_of(tar.extractfile(entry).read())
                parent.names[name] = Node(entry, digest)
                made.add(parent.names[name])


KINDS = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.CHRTYPE: "c", tarfile.BLKTYPE: "b",
         tarfile.FIFOTYPE: "p"}


def describe(node, path, times):
    entry = node.entry
    words = [path, KINDS.get(entry.type, "f"), "%04o" % (entry.mode & 0o7777),
             "%d:%d" % (entry.uid, entry.gid)]
    if times:
        words.append("%d" % entry.mtime)
    if entry.issym():
        words[2] = "0777"  # what a symlink's mode is said to be means nothing
        words += ["->", entry.linkname]
    if entry.ischr() or entry.isblk():
        words.append("%d,%d" % (entry.devmajor, entry.devminor))
    if node.first_path is not None:
        words += ["=", node.first_path]
    for key in sorted(entry.pax_headers):
        if key.startswith("SCHILY.xattr."):
            value = entry.pax_headers[key].encode("utf-8", "surrogateescape")
            words.append(key[len("SCHILY.xattr."):] + "=" + value.hex())
    if node.content is not None and node.first_path is None:
        words.append(node.content)
    return " ".join(words)


def print_tree(node, path, times):
    for name in sorted(node.names):
        child, child_path = node.names[name], path + "/" + name
        print(describe(child, child_path, times))
        if child.names is not None:
            print_tree(child, child_path, times)
        elif child.first_path is None:
            child.first_path = child_path


def print_files(layout, times):
    root = Node(None, None)
    for descriptor in layout.manifest["layers"] or []:
        apply_layer(root, layout.layer(descriptor))
    if root.entry is not None:
        print(describe(root, "/", times))
    print_tree(root, "", times)


def print_config(layout):
    config = dict(layout.config)
    config.pop("created", None)
    config["layers"] = len(config.pop("rootfs")["diff_ids"] or [])
    config["history"] = [
        ("no layer: " if step.get("empty_layer") else "layer: ") + step.get("created_by", "")
        for step in config.get("history", [])]
    json.dump(config, sys.stdout, indent=2, sort_keys=True)
    print()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["files", "config"])
    parser.add_argument("--times", action="store_true")
    parser.add_argument("layout")
    parser.add_argument("tag", nargs="?", default="latest")
    arguments = parser.parse_args()
    layout = Layout(arguments.layout, arguments.tag)
    if arguments.what == "files":
        print_files(layout, arguments.times)
    else:
        print_config(layout)


if __name__ == "__main__":
    main()
