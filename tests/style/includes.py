# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may include whom: `includes.py ROOT`.

An include of ours is a path from the root, and points towards meters/ only. Pure folders may use
the C library's headers that need no operating system, and nothing else.
"""
import os
import re
import sys

import common

PURE_HEADERS = {"inttypes.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
ANY = None

# folder: (folders it may include, system headers it may include); the longest match counts
RULES = {
    "meters": (("meters",), PURE_HEADERS | {"wolfssl/"}),
    "gateway/core": (("gateway/core", "meters"), PURE_HEADERS),
    "gateway/adapters": (("gateway/adapters", "gateway/core", "meters"), ANY),
    "gateway/app": (("gateway/app", "gateway/adapters", "gateway/core", "meters"), ANY),
    "gateway/ctl": (
        ("gateway/ctl", "gateway/app", "gateway/adapters", "gateway/core", "meters"), ANY),
    "firmware/core": (("firmware/core", "firmware/hal", "meters"), PURE_HEADERS),
    "firmware/hal": (("firmware/hal", "meters"), PURE_HEADERS),
    "firmware/port": (("firmware/port", "firmware/hal", "firmware/core", "meters"), ANY),
    # A board's main loop runs the whole meter.
    "firmware/port/cortex-m": (
        ("firmware/port", "firmware/app", "firmware/link", "firmware/hal", "firmware/core", "meters"), ANY),
    "firmware/serial": (("firmware/serial", "meters"), PURE_HEADERS),
    "firmware/link": (("firmware/link", "firmware/hal", "meters"), PURE_HEADERS | {"wolfssl/"}),
    "firmware/app": (
        ("firmware/app", "firmware/link", "firmware/serial", "firmware/port", "firmware/hal", "firmware/core",
         "meters"), ANY),
    "sim": (ANY, ANY),
    "tests": (ANY, ANY),
}
# These must exist with at least one file each, or the check looks at the wrong tree.
REQUIRED = ("meters", "gateway/core", "firmware/core")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>|(\S+))', re.MULTILINE)


def folder_rule(name):
    matches = [folder for folder in RULES if name.startswith(folder + "/")]
    return max(matches, key=len) if matches else None


def allowed_system(header, allowed):
    if allowed is ANY or header in allowed:
        return True
    return any(prefix.endswith("/") and header.startswith(prefix) for prefix in allowed)


def judge(root, name, match, rule):
    """Why this include is wrong, or None."""
    ours, system, macro = match.groups()
    folders, headers = RULES[rule]
    if macro:
        return f"includes by a macro ({macro})"
    if system:
        return None if allowed_system(system, headers) else f"{rule}/ may not include <{system}>"
    if not os.path.isfile(os.path.join(root, ours)):
        return f'"{ours}" is no path from the root of the repository'
    if ours.endswith(".c") and rule != "tests":
        return f'"{ours}": a .c file is compiled, not included'
    if folders is not ANY and not any(ours.startswith(folder + "/") for folder in folders):
        return f'{rule}/ may not include "{ours}"'
    return None


def check(root):
    violations, checked, seen = [], 0, set()
    for name in common.list_c_files(root):
        rule = folder_rule(name)
        checked += 1
        if rule is None:
            violations.append(f"{name}:1: lies in no folder of the house")
            continue
        seen.add(rule)
        text = common.blank(common.read(root, name), strings=False)
        for match in INCLUDE.finditer(text):
            why = judge(root, name, match, rule)
            if why:
                violations.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {why}")
    violations += [f"{folder}/: no C file found" for folder in REQUIRED if folder not in seen]
    common.finish(violations, checked, "C files")


if __name__ == "__main__":
    check(sys.argv[1])
