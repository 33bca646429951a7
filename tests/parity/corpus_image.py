"""What is compared of an image, as text: the config, the history, and of the merged file system what
differs from the base's."""
import hashlib
import json

from image_list import KINDS, Layout, Node, apply_layer

NOW = 1600000000  # bases and contexts are older; what a build makes is younger
TEXT_MAX = 100


def time_of(entry):
    return "now" if entry.mtime >= NOW else "%d" % entry.mtime


def content_of(data):
    text = data.decode("utf-8", "replace")
    if len(data) <= TEXT_MAX and "\0" not in text:
        return json.dumps(text)
    return "%d bytes sha256:%s" % (len(data), hashlib.sha256(data).hexdigest()[:16])


def describe(node, first):
    entry = node.entry
    kind = KINDS.get(entry.type, "f")
    words = [kind, "%04o" % (0o777 if kind == "l" else entry.mode & 0o7777),
             "%d:%d" % (entry.uid, entry.gid), time_of(entry)]
    if kind == "l":
        words += ["->", entry.linkname]
    if kind in "cb":
        words.append("%d,%d" % (entry.devmajor, entry.devminor))
    for key in sorted(entry.pax_headers):
        if key.startswith("SCHILY.xattr."):
            value = entry.pax_headers[key].encode("utf-8", "surrogateescape")
            words.append(key[len("SCHILY.xattr."):] + "=" + value.hex())
    if first is not None:
        words.append("= " + first)
    elif node.content is not None:
        words.append(node.content)
    return " ".join(words)


def walk(node, path, found, seen):
    for name in sorted(node.names):
        child, child_path = node.names[name], path + "/" + name
        first = seen.setdefault(id(child), child_path)
        found[child_path] = describe(child, None if first == child_path else first)
        if child.names is not None:
            walk(child, child_path, found, seen)


def files_of(layout):
    """{path: description}. Contents are kept as text by apply_layer's `digest`."""
    root = Node(None, None)
    for descriptor in (layout.manifest["layers"] or []):
        apply_layer(root, layout.layer(descriptor), content_of)
    found = {}
    if root.entry is not None:
        found["/"] = describe(root, None)
    walk(root, "", found, {})
    return found


def base_files(path, tag):
    return files_of(Layout(path, tag))


def config_text(layout):
    config = dict(layout.config)
    config.pop("created", None)
    config.pop("history", None)
    config["layers"] = len(config.pop("rootfs")["diff_ids"] or [])
    config["platform layers"] = len((layout.manifest["layers"] or []))
    if config["layers"] == config["platform layers"]:
        del config["platform layers"]
    return json.dumps(config, indent=1, sort_keys=True, ensure_ascii=False)


def history_text(layout):
    lines = []
    for step in layout.config.get("history") or []:
        line = ("- " if step.get("empty_layer") else "+ ") + json.dumps(
            step.get("created_by", None), ensure_ascii=False)
        for key in ("comment", "author"):
            if key in step:
                line += " %s=%s" % (key, json.dumps(step[key], ensure_ascii=False))
        lines.append(line)
    return "\n".join(lines)


def image_text(path, base):
    """The layout's image, in the form of a case's file `image`."""
    layout = Layout(path, "latest")
    files = files_of(layout)
    if "/bin/busybox" not in files:  # FROM scratch
        base = {}
    lines = [name + " " + text for name, text in files.items() if base.get(name) != text]
    lines += [name + " gone" for name in base if name not in files]
    return "%s\n\nhistory\n%s\n\nfiles\n%s\n" % (
        config_text(layout), history_text(layout), "\n".join(sorted(lines)))
