"""What the vector scripts share: reading from a clone, asking our program, keeping the score."""

import json
import subprocess
import sys


def show(repo, path):
    """A file of the clone's HEAD; the clone may be bare."""
    command = ["git", "-C", repo, "show", "HEAD:" + path]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def listing(repo, folder):
    command = ["git", "-C", repo, "ls-tree", "-r", "--name-only", "HEAD", folder]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


def ask(program, questions):
    """The program's answers, one for each question (see vectors.c)."""
    text = "".join(json.dumps(question) + "\n" for question in questions)
    run = subprocess.run([program], input=text, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def score(name, rows):
    """rows: (label, wanted, got). Prints what differs and the score; returns the differences."""
    wrong = [row for row in rows if row[1] != row[2]]
    for label, wanted, got in wrong:
        print(f"  {label}: wanted {wanted!r}, got {got!r}")
    print(f"{name}: {len(rows) - len(wrong)} of {len(rows)}")
    return len(wrong)


def arguments(usage, count):
    if len(sys.argv) != count + 1:
        sys.exit(f"usage: {sys.argv[0]} {usage}")
    return sys.argv[1:]
