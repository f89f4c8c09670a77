# SPDX-License-Identifier: GPL-3.0-or-later
"""What the style checks share: which files there are, C without its comments, and the verdict.

A check is a program `<check>.py ROOT ...`. It prints each violation as `file:line: text` and exits
with 1 when there is one, or when what it should have checked is missing: a check that looks at
nothing must not pass.
"""
import os
import re
import subprocess
import sys

SKIPPED_FOLDERS = {".git", ".cache", "build", "run", "__pycache__"}


def list_files(root):
    """Paths below root, relative to it: what git tracks or would add; without git, what is there."""
    try:
        out = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True).stdout.decode()
        names = [name for name in out.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS]
            names += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    return sorted(set(n for n in names if os.path.isfile(os.path.join(root, n))))


def list_c_files(root):
    return [name for name in list_files(root) if name.endswith((".c", ".h"))]


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
        return file.read()


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(text, strings=True):
    """The text with comments (and strings) as spaces: every line keeps its number."""
    def replace(match):
        token = match.group(0)
        if token[0] in "\"'" and not strings:
            return token
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(replace, text)


def finish(violations, checked, what):
    """Print and exit. `checked` is how many things of the kind `what` were looked at."""
    for violation in violations:
        print(violation)
    if checked == 0:
        print(f"nothing to check: no {what} found")
        sys.exit(1)
    print(f"{checked} {what} checked, {len(violations)} violations")
    sys.exit(1 if violations else 0)
