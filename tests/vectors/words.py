#!/usr/bin/env python3
"""BuildKit's vectors for variables in words: envVarTest, wordsTest and the table of lex_test.go."""

import json
import re

from common import arguments, ask, score, show

FOLDER = "frontend/dockerfile/shell/"
GO_STRING = r'"(?:[^"\\]|\\.)*"'


def env_var_rows(text):
    env = {"PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "NULL": ""}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        platform, word, wanted = (part.strip() for part in line.split("|"))
        if platform != "W":
            yield f"{number}: {word}", {"word": word, "env": env}, wanted


def words_rows(text):
    env = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("ENV "):
            name, _, value = line[3:].lstrip(" ").partition("=")
            env = {**env, name: value}
        elif line and not line.startswith("#"):
            word, wanted = line.split("|")
            wanted = wanted.lstrip(" ").split(",")
            yield f"{number}: {word}", {"words": word.strip(), "env": env}, wanted


def table_rows(text):
    text = text[text.index("func TestProcessWithMatches(") :]
    text = text[: text.index("for _, c := range tc")]
    for case in re.split(r"\n\t\t\{\n", text)[1:]:
        word = json.loads(re.search(r"input: +(" + GO_STRING + ")", case)[1])
        env = re.search(r"envs: +map\[string\]string\{(.*?)\}(?=,\n)", case, re.S)[1]
        pairs = re.findall(f"({GO_STRING}): *({GO_STRING})", env)
        question = {"word": word, "env": {json.loads(k): json.loads(v) for k, v in pairs}}
        if "expectedErr: true" in re.sub(" +", " ", case):
            yield word, question, "error"
            continue
        wanted = json.loads(re.search(r"expected: +(" + GO_STRING + ")", case)[1])
        unset = re.search(r"unmatched: +map[^\n]*", case)
        names = re.findall(f"({GO_STRING}): *" + r"\{\}", unset[0]) if unset else []
        yield word, question, (wanted, [json.loads(name) for name in names])


def main():
    repo, program = arguments("BUILDKIT VECTORS", 2)
    wrong = 0
    rows = list(env_var_rows(show(repo, FOLDER + "envVarTest")))
    got = ask(program, [row[1] for row in rows])
    got = [g.get("result", "error") for g in got]
    wrong += score("envVarTest", [(r[0], r[2], g) for r, g in zip(rows, got)])
    rows = list(words_rows(show(repo, FOLDER + "wordsTest")))
    got = ask(program, [row[1] for row in rows])
    got = [g.get("results", ["error"]) for g in got]
    wrong += score("wordsTest", [(r[0], r[2], g) for r, g in zip(rows, got)])
    rows = list(table_rows(show(repo, FOLDER + "lex_test.go")))
    got = ask(program, [row[1] for row in rows])
    got = ["error" if "error" in g else (g["result"], g["unset"]) for g in got]
    wrong += score("lex_test.go", [(r[0], r[2], g) for r, g in zip(rows, got)])
    return wrong != 0


if __name__ == "__main__":
    raise SystemExit(main())
