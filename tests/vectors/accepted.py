#!/usr/bin/env python3
"""Every Dockerfile of a folder of a clone (buildah's tests/conformance/testdata, imagebuilder's
dockerclient/testdata): is it taken by our parser? Prints what is refused, and why."""

import re

from common import arguments, ask, listing, score, show


def main():
    repo, folder, program = arguments("CLONE FOLDER VECTORS", 3)
    names = re.compile(r"(^|/)(Dockerfile|Containerfile)[^/]*$|/[^/]*\.(Dockerfile|Containerfile)$")
    paths = [path for path in listing(repo, folder) if names.search(path)]
    paths = [path for path in paths if not path.endswith((".in", "ignore", ".template"))]
    got = ask(program, [{"dockerfile": show(repo, path)} for path in paths])
    rows = [(p[len(folder) :].lstrip("/"), "taken", g.get("error", "taken")) for p, g in zip(paths, got)]
    return score(f"{len(paths)} Dockerfiles of {folder}, taken", rows) != 0


if __name__ == "__main__":
    raise SystemExit(main())
