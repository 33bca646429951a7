#!/usr/bin/env python3
"""BuildKit's dockerfile_check_test.go against `imgbuild --check`: the rules, their lines and, where
the test spells them out, their words."""

import json
import pathlib
import re
import subprocess
import tempfile

from common import arguments, score, show

SOURCE = "frontend/dockerfile/dockerfile_check_test.go"
ASSIGNED = r"\b(dockerfile|dockerignore)\s*:?=[^`\n;]*\n?\s*`([^`]*)`(?:,([^{;]*?)\n?\t*\)\n)?"
CHECKED = r"checkLinterWarnings\(t, sb, &lintTestParams\{"
# What the tests' variables hold on Linux.
VALUES = {"osName": "linux", "baseImg": "busybox"}


def block(text, start):
    """From start, just behind a brace, to the brace that closes it; raw strings are stepped over."""
    depth, raw = 1, False
    for at in range(start, len(text)):
        raw ^= text[at] == "`"
        depth += 0 if raw else {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[start:at]
    raise ValueError("no end")


def detail(entry):
    found = re.search(r'Detail: +(?:("(?:[^"\\]|\\.)*")|`([^`]*)`),\n', entry)
    return (json.loads(found[1]) if found[1] else found[2]) if found else None


def warnings(params):
    params = params[params.find("UnmarshalWarnings:") :] if "UnmarshalWarnings:" in params else params
    for entry in re.split(r"RuleName:", params)[1:]:
        rule = re.match(r'\s*"(\w+)"', entry)[1]
        yield int(re.search(r"\bLine: +(\d+)", entry)[1]), rule, detail(entry)
    for word, line in re.findall(r'makeLintWarning\("(\w+)", (\d+)\)', params):
        yield int(line), "MultipleInstructionsDisallowed", None


def cases(text):
    """(line of the test, Dockerfile, .dockerignore or None, arguments, warnings)"""
    text = text[: text.index("func checkUnmarshal(")]
    held = {}
    for found in re.finditer(f"{ASSIGNED}|{CHECKED}|\nfunc ", text):
        if found[0] == "\nfunc ":
            held = {}
        elif found[1]:
            names = re.findall(r'UnixOrWindows\("(\w+)"|\b(osName|baseImg)\b', found[3] or "")
            values = tuple(literal or VALUES[name] for literal, name in names)
            held[found[1]] = found[2] % values if values else found[2]
        else:
            params = block(text, found.end())
            inline = re.search(r"DockerIgnore: +\[\]byte\(`([^`]*)`", params)
            ignore = inline[1] if inline else held.get("dockerignore")
            ignore = ignore if "DockerIgnore:" in params else None
            options = re.findall(r'"build-arg:(\w+)": +(?:[\w.]+\()?"([^"]*)"', params)
            line = text.count("\n", 0, found.start()) + 1
            yield line, held["dockerfile"], ignore, options, sorted(warnings(params), key=str)


def check(program, dockerfile, ignore, options):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "Dockerfile").write_text(dockerfile)
        if ignore is not None:
            pathlib.Path(folder, ".dockerignore").write_text(ignore)
        command = [program, "--check", "-f", folder + "/Dockerfile"]
        for name, value in options:
            command += ["--build-arg", f"{name}={value}"]
        run = subprocess.run([*command, folder], capture_output=True, text=True, timeout=60)
    told = re.findall(r"WARNING: (\w+)[^\n]*\n([^\n]*)\n[^\n]*:(\d+)\n", run.stdout)
    return sorted(((int(line), rule, words) for rule, words, line in told), key=str)


def main():
    repo, program = arguments("BUILDKIT IMGBUILD", 2)
    rows = []
    for line, dockerfile, ignore, options, wanted in cases(show(repo, SOURCE)):
        got = check(program, dockerfile, ignore, options)
        if len(got) == len(wanted):
            got = [(*g[:2], w[2] and g[2]) for g, w in zip(got, wanted)]
        rows.append((f"line {line}", wanted, got))
    return score("dockerfile_check_test.go", rows) != 0


if __name__ == "__main__":
    raise SystemExit(main())
