# SPDX-License-Identifier: GPL-3.0-or-later
"""clang-tidy over folders: `tidy.py ROOT CACHE INCLUDE FOLDER...`.

INCLUDE is wolfSSL's include folder. A file that passed is not looked at again until it, a header,
the configuration or the tool changes: CACHE keeps an empty file per pass.
"""
import concurrent.futures
import hashlib
import os
import shutil
import subprocess
import sys

import common

JOBS = 2


def digest(root, names, extra):
    total = hashlib.sha256(extra.encode())
    for name in names:
        total.update(name.encode())
        with open(os.path.join(root, name), "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def run(root, tool, include, name):
    """The lines of complaint about one file."""
    done = subprocess.run(
        [tool, "--quiet", name, "--", "-std=gnu11", "-I.", "-isystem", include, "-Wall", "-Wextra"],
        cwd=root, capture_output=True, text=True)
    if done.returncode == 0:
        return []
    lines = [line.replace(root + "/", "") for line in done.stdout.splitlines()
             if ": error: " in line or ": warning: " in line]
    return lines or [f"{name}:1: clang-tidy failed: {done.stderr.strip()[-500:]}"]


def check(root, cache, include, folders):
    root = os.path.abspath(root)
    tool = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    if tool is None or not os.path.isfile(os.path.join(root, ".clang-tidy")):
        print("clang-tidy or .clang-tidy is missing; run ./dev setup")
        sys.exit(1)
    os.makedirs(cache, exist_ok=True)
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    all_files = common.list_c_files(root)
    headers = [name for name in all_files if name.endswith(".h")]
    base = digest(root, [".clang-tidy", *headers], version + include)
    sources = [name for name in all_files
               if name.endswith(".c") and name.startswith(tuple(f + "/" for f in folders))]
    violations = [f"{folder}/: no .c file found" for folder in folders
                  if not any(name.startswith(folder + "/") for name in sources)]

    def job(name):
        stamp = os.path.join(cache, digest(root, [name], base))
        if os.path.exists(stamp):
            return []
        found = run(root, tool, include, name)
        if not found:
            with open(stamp, "w", encoding="ascii"):
                pass
        return found

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for found in pool.map(job, sources):
            violations += found
    common.finish(violations, len(sources), "C files")


if __name__ == "__main__":
    check(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
