# SPDX-License-Identifier: GPL-3.0-or-later
"""Every C file is as clang-format 14 would write it: `format.py ROOT`.

`clang-format -i FILE...` puts a file right.
"""
import os
import re
import shutil
import subprocess
import sys

import common

BATCH = 50


def find_tool():
    """clang-format 14: another version formats some lines otherwise."""
    for name in ("clang-format-14", "clang-format"):
        if shutil.which(name):
            version = subprocess.run([name, "--version"], capture_output=True, text=True).stdout
            if re.search(r"version 14\.", version):
                return name
    print("clang-format 14 is missing; run ./dev setup")
    sys.exit(1)


def check(root):
    if not os.path.isfile(os.path.join(root, ".clang-format")):
        print("missing: .clang-format")
        sys.exit(1)
    tool, files, violations = find_tool(), common.list_c_files(root), []
    for i in range(0, len(files), BATCH):
        run = subprocess.run([tool, "--dry-run", "--Werror", "--ferror-limit=1", *files[i:i + BATCH]],
                             cwd=root, capture_output=True, text=True)
        found = re.findall(r"^(\S+?:\d+):\d+: error: ", run.stderr, re.MULTILINE)
        violations += [f"{where}: is not formatted: clang-format -i" for where in found]
        if run.returncode != 0 and not found:
            violations.append(run.stderr.strip())
    common.finish(violations, len(files), "C files")


if __name__ == "__main__":
    check(sys.argv[1])
