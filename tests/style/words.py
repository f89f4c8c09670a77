# SPDX-License-Identifier: GPL-3.0-or-later
"""What no file says, and what every file begins with: `words.py ROOT`.

Unfinished work is finished or written down for users, not marked in the code; paths of one machine
mean nothing on another; a dash is a comma, a colon or two sentences.
"""
import re
import sys

import common

TEXT = (".c", ".h", ".py", ".sh", ".md", ".cmake", ".txt", ".json", ".yaml", ".yml", ".js", ".css",
        ".html", ".ld", ".S")
SOURCE = (".c", ".h", ".py", ".sh", ".cmake", ".S")
NAMED_SOURCE = ("dev", ".ci/run")
# This folder has to write the words down; the licence and outside data are not ours to word.
EXEMPT = ("tests/style/", "LICENSE", "tests/vectors/", "tests/fuzz/corpus/")
FORBIDDEN = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "a mark of unfinished work"),
    (re.compile(r"\b(stub(s|bed)?|placeholders?(?!\s*=))\b", re.IGNORECASE),
     "a word for what is not there"),
    (re.compile(r"(?<![\w.])/(work|tmp/brief|tmp/bash_jobs)\b"), "a path of one machine"),
    (re.compile("(?<!\u2014)\u2014(?!\u2014)"), "a long dash"),
    (re.compile(r"[ \t]+$"), "space at the end of the line"),
    (re.compile(r"^(<<<<<<<|>>>>>>>)"), "a conflict left by a merge"),
]
LICENCE_LINE = "SPDX-License-Identifier: GPL-3.0-or-later"


def check(root):
    violations, checked = [], 0
    for name in common.list_files(root):
        if not name.endswith(TEXT) and name not in NAMED_SOURCE:
            continue
        checked += 1
        text = common.read(root, name)
        lines = text.split("\n")
        if name.endswith(SOURCE) or name in NAMED_SOURCE:
            head = lines[1:2] if lines[0].startswith("#!") else lines[:1]
            if LICENCE_LINE not in "".join(head):
                violations.append(f"{name}:1: does not begin with {LICENCE_LINE}")
        if name.startswith(EXEMPT):
            continue
        if text and not text.endswith("\n"):
            violations.append(f"{name}:{len(lines)}: the last line does not end")
        for number, line in enumerate(lines, 1):
            violations += [f"{name}:{number}: {what}" for word, what in FORBIDDEN
                           if word.search(line)]
    common.finish(violations, checked, "files")


if __name__ == "__main__":
    check(sys.argv[1])
