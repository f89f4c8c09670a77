# SPDX-License-Identifier: GPL-3.0-or-later
"""No floating point near money or registers: `floats.py ROOT`.

A line that must name it all the same (refusing a float that came in) says `style: float` and why.
"""
import re
import sys

import common

FOLDERS = ("meters/", "gateway/core/", "firmware/core/")
REQUIRED = ("meters/", "gateway/core/")
FLOAT = re.compile(
    r"\b(float|double|long double|float_t|double_t|strto[df]|strtold|atof|_Float\d+)\b"
    r"|(?<![\w.])(\d+\.\d*|\.\d+)([eE][+-]?\d+)?[fFlL]?\b|(?<![\w.])\d+[eE][+-]?\d+\b"
    r"|<(math|float|complex|tgmath)\.h>")
MARK = "style: float"


def check(root):
    violations, checked = [], 0
    files = [name for name in common.list_c_files(root) if name.startswith(FOLDERS)]
    for name in files:
        text = common.read(root, name)
        checked += 1
        raw = text.split("\n")
        for number, line in enumerate(common.blank(text).split("\n")):
            found = FLOAT.search(line)
            if found and MARK not in raw[number]:
                violations.append(f"{name}:{number + 1}: floating point: {found.group(0)}")
    violations += [f"{folder}: no C file found" for folder in REQUIRED
                   if not any(name.startswith(folder) for name in files)]
    common.finish(violations, checked, "C files")


if __name__ == "__main__":
    check(sys.argv[1])
