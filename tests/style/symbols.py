# SPDX-License-Identifier: GPL-3.0-or-later
"""What compiled code needs and offers, read from nm.

    symbols.py pure ARCHIVE [PREFIX...]     undefined names must be on the list of pure functions, or
                                            begin with one of the prefixes (names of purer libraries)
    symbols.py exports PREFIX FILE...       defined global names must begin with the prefix

A list of what is allowed says more than one of what is not: malloc, printf, time, errno and exit
are refused with everything else that is not on it.
"""
import os
import re
import subprocess
import sys

import common

PURE = {
    # the C library's memory and string functions
    "bsearch", "memchr", "memcmp", "memcpy", "memmem", "memmove", "memrchr", "memset", "strchr",
    "strcmp", "strlen", "strncmp", "strnlen", "strrchr",
    # the compiler's own: stack protector, checked copies, 128-bit arithmetic, bit counts, position
    # independence
    "__stack_chk_fail", "__stack_chk_guard", "__memcpy_chk", "__memmove_chk", "__memset_chk",
    "__divti3", "__modti3", "__udivti3", "__umodti3", "__muloti4", "__multi3",
    "__popcountdi2", "__popcountsi2", "__clzdi2", "__clzsi2", "__ctzdi2", "__ctzsi2",
    "_GLOBAL_OFFSET_TABLE_",
    # the ARM compiler's: 64-bit arithmetic
    "__aeabi_ldivmod", "__aeabi_uldivmod", "__aeabi_lmul", "__aeabi_uidiv", "__aeabi_idiv",
    "__aeabi_uidivmod", "__aeabi_idivmod", "__aeabi_memcpy", "__aeabi_memset", "__aeabi_memclr",
}
INSTRUMENTATION = re.compile(
    r"^(__asan_|__ubsan_|__tsan_|__sanitizer_|__sancov_|__start___san|__stop___san|__start_asan"
    r"|__stop_asan)")
# A program has these whatever it is; __wrap_ answers the linker's --wrap.
PROGRAM = re.compile(r"^(main|__wrap_\w+)$")
HIDDEN_DEFINED = re.compile(r"^(__odr_asan|asan\.|__asan_|__sancov|\.)")


def names(path):
    """(type, name) of every symbol in an object or archive."""
    if not os.path.isfile(path):
        print(f"missing: {path}")
        sys.exit(1)
    out = subprocess.run(["nm", "-P", path], capture_output=True, check=True, text=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return [(row[1], row[0]) for row in rows if len(row) >= 2 and not row[0].endswith(":")]


def check_pure(archive, prefixes):
    symbols = names(archive)
    defined = {name for kind, name in symbols if kind not in "Uwv"}
    undefined = sorted({name for kind, name in symbols if kind in "Uwv"} - defined)
    bad = [name for name in undefined
           if name not in PURE and not INSTRUMENTATION.match(name)
           and not any(name.startswith(prefix) for prefix in prefixes)]
    common.finish([f"{os.path.basename(archive)}: needs {name}, which is not pure" for name in bad],
                  len(defined), "symbols")


def check_exports(prefix, files):
    violations, checked = [], 0
    for path in files:
        for kind, name in names(path):
            if kind not in "TDBRCGSVW" or HIDDEN_DEFINED.match(name):
                continue
            checked += 1
            if not name.startswith(prefix) and not PROGRAM.match(name):
                violations.append(
                    f"{os.path.basename(path)}: exports {name}, which does not begin with {prefix}")
    common.finish(violations, checked, "exported names")


if __name__ == "__main__":
    if len(sys.argv) >= 3 and sys.argv[1] == "pure":
        check_pure(sys.argv[2], sys.argv[3:])
    elif len(sys.argv) >= 4 and sys.argv[1] == "exports":
        check_exports(sys.argv[2], sys.argv[3:])
    sys.exit(__doc__)
