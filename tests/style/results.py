# SPDX-License-Identifier: GPL-3.0-or-later
"""No MT_MUST_USE result is ignored without a (void): `results.py ROOT BUILD`.

clang reads every C file that BUILD compiles, with the definitions and folders it is compiled with.
gcc cannot be asked: it warns about the (void) as well.
"""
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import common

JOBS = 2


def kept_flags(command):
    """The flags of a compiler command that decide what the file says."""
    words, flags = iter(shlex.split(command)), []
    for word in words:
        if word in ("-I", "-isystem", "-D", "-include"):
            flags += [word, next(words, "")]
        elif word.startswith(("-I", "-D", "-std=", "-isystem")):
            flags.append(word)
    return flags


def run(root, tool, entry):
    done = subprocess.run(
        [tool, "-fsyntax-only", "-Wno-everything", "-Wunused-result", "-Werror=unused-result",
         *kept_flags(entry["command"]), entry["file"]],
        cwd=entry["directory"], capture_output=True, text=True)
    if done.returncode == 0:
        return []
    found = re.findall(r"^(\S+?:\d+):\d+: (?:fatal )?error: (.*)$", done.stderr, re.MULTILINE)
    lines = [f"{where.removeprefix(root + '/')}: {what}" for where, what in found]
    return lines or [f"{entry['file']}:1: {done.stderr.strip()}"]


def check(root, build):
    root = os.path.abspath(root)
    tool = shutil.which("clang-14") or shutil.which("clang")
    database = os.path.join(build, "compile_commands.json")
    if tool is None or not os.path.isfile(database):
        print(f"clang or {database} is missing; run ./dev setup")
        sys.exit(1)
    with open(database, encoding="utf-8") as file:
        entries = {entry["file"]: entry for entry in json.load(file)
                   if entry["file"].startswith(root + "/") and os.path.isfile(entry["file"])}
    violations = []
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for found in pool.map(lambda entry: run(root, tool, entry), entries.values()):
            violations += found
    common.finish(sorted(set(violations)), len(entries), "C files")


if __name__ == "__main__":
    check(sys.argv[1], sys.argv[2])
