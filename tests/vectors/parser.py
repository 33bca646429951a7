#!/usr/bin/env python3
"""BuildKit's parser/testfiles: are the Dockerfiles taken, and read as the same instructions?
What has no FROM, which only BuildKit's later steps refuse, is given one."""

from common import arguments, ask, listing, score, show

FOLDER = "frontend/dockerfile/parser/"


def main():
    repo, program = arguments("BUILDKIT VECTORS", 2)
    rows = []
    for path in listing(repo, FOLDER):
        if not path.endswith("/Dockerfile"):
            continue
        wanted = "error"
        if "/testfiles/" in path:
            lines = show(repo, path.replace("/Dockerfile", "/result")).splitlines()
            wanted = [line[1:].split()[0].strip(")").upper() for line in lines if line[:1] == "("]
        elif "/testfiles-negative/" not in path:
            continue
        text = show(repo, path)
        if "FROM" not in wanted and wanted != "error":
            text, wanted = "FROM scratch\n" + text, ["FROM", *wanted]
        rows.append((path[len(FOLDER) :], {"dockerfile": text}, wanted))
    got = ask(program, [row[1] for row in rows])
    found = [(r[0], r[2], g.get("instructions", "error")) for r, g in zip(rows, got)]
    for row, reply in zip(found, got):
        if row[1] != row[2] and "error" in reply:
            print(f"  {row[0]}: {reply['error']}")
    return score("parser/testfiles", found) != 0


if __name__ == "__main__":
    raise SystemExit(main())
