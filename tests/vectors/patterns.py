#!/usr/bin/env python3
"""moby/patternmatcher's tables of ignore patterns."""

import json
import re

from common import arguments, ask, score, show

GO_STRING = r'"(?:[^"\\]|\\.)*"'


def go_strings(text):
    return [json.loads(string) for string in re.findall(GO_STRING, text)]


def rows(text):
    """(patterns, path, True, False or "error") of every table and of the tests of one pattern."""
    for found in re.finditer(f"\\{{({GO_STRING}), ({GO_STRING}), (true|false)(, [a-zA-Z.]+)?\\}}", text):
        pattern, path = json.loads(found[1]), json.loads(found[2])
        yield [pattern], path, "error" if "Bad" in (found[4] or "") else found[3] == "true"
    for found in re.finditer(f"\\{{\\[\\]string\\{{(.*?)\\}}, ({GO_STRING}), (true|false)\\}}", text):
        yield go_strings(found[1]), json.loads(found[2]), found[3] == "true"
    single = rf"Matches\(({GO_STRING}), \[\]string\{{(.*?)\}}\)\n\t+if (!match|match|err == nil|err != nil)"
    for found in re.finditer(single, text):
        wanted = {"!match": True, "match": False, "err == nil": "error", "err != nil": False}
        yield go_strings(found[2]), json.loads(found[1]), wanted[found[3]]


def main():
    repo, program = arguments("PATTERNMATCHER VECTORS", 2)
    table = list(rows(show(repo, "patternmatcher_test.go")))
    got = ask(program, [{"patterns": row[0], "path": row[1]} for row in table])
    got = [g.get("match", "error") for g in got]
    return score("patternmatcher", [(f"{r[0]} {r[1]}", r[2], g) for r, g in zip(table, got)]) != 0


if __name__ == "__main__":
    raise SystemExit(main())
