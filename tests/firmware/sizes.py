# SPDX-License-Identifier: GPL-3.0-or-later
"""How much flash and memory each part of a board's image takes.

usage: sizes.py BUILD_DIR [--check] [--write FILE]

From the linker's map: every section that was kept is counted to the part whose object it came from. --check
fails when the base profile is over its limits; --write puts the table between its two marks in FILE.
"""
import argparse
import os
import re
import sys

BOARDS = ("emcraft-sf2", "mps2-an385")
FLASH_MAX, RAM_MAX = 96 << 10, 40 << 10
PARTS = ("core", "app and link", "meters", "wolfSSL", "lwIP", "port", "newlib")
ARCHIVES = {"libcore.a": "core", "libapp.a": "app and link", "libmeters.a": "meters",
            "libwolfssl.a": "wolfSSL", "liblwip.a": "lwIP"}
MARKS = ("<!-- sizes: made by tests/firmware/sizes.py -->", "<!-- sizes: end -->")
SECTION = re.compile(r"^ (\.[\w.$*-]+|COMMON)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$")
OUTPUT = re.compile(r"^(\.[\w.]+)\s*(0x|$|\n)")
KINDS = {".boot": "text", ".text": "text", ".ARM.exidx": "text", ".data": "data", ".bss": "bss"}


def part_of(path):
    for archive, part in ARCHIVES.items():
        if archive + "(" in path:
            return part
    return "newlib" if ".a(" in path else "port"


def read_map(path):
    """{part: {"text": n, "data": n, "bss": n}} from a linker map."""
    sizes = {part: {"text": 0, "data": 0, "bss": 0} for part in PARTS}
    with open(path, encoding="ascii") as file:
        text = file.read()
    # A long section name has its numbers on a line of their own.
    text = re.sub(r"\n (\.\S+)\n +0x", r"\n \1 0x", text[text.index("Linker script and memory map"):])
    kind = None
    for line in text.split("\n"):
        output = OUTPUT.match(line)
        if output:
            kind = KINDS.get(output.group(1))
        section = SECTION.match(line)
        if section and kind and int(section.group(3), 16):
            sizes[part_of(section.group(4))][kind] += int(section.group(3), 16)
    return sizes


def total(sizes):
    return {kind: sum(part[kind] for part in sizes.values()) for kind in ("text", "data", "bss")}


def table(build, peaks):
    lines = ["| board | part | text | data | bss |", "|---|---|---:|---:|---:|"]
    for board in BOARDS:
        sizes = read_map(os.path.join(build, "firmware", board, "meter.map"))
        for part in PARTS:
            row = sizes[part]
            if any(row.values()):
                lines.append(f"| {board} | {part} | {row['text']:,} | {row['data']:,} | {row['bss']:,} |")
        row = total(sizes)
        lines.append(f"| {board} | **all** | **{row['text']:,}** | **{row['data']:,}** | **{row['bss']:,}** |")
    if peaks:
        lines += ["", peaks]
    return "\n".join(lines)


def check(build, stack, heap):
    """Returns: the flash and the memory of the reference board, peaks included."""
    row = total(read_map(os.path.join(build, "firmware", "emcraft-sf2", "meter.map")))
    flash, ram = row["text"] + row["data"], row["data"] + row["bss"] + stack + heap
    print(f"emcraft-sf2: {flash} bytes of flash of {FLASH_MAX}; {ram} of memory of {RAM_MAX}: "
          f"{row['data'] + row['bss']} fixed, {stack} stack, {heap} heap")
    return flash <= FLASH_MAX and ram <= RAM_MAX


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--stack", type=int, default=0, help="painted peak, as status? says it")
    parser.add_argument("--heap", type=int, default=0)
    parser.add_argument("--write")
    options = parser.parse_args()
    peaks = ""
    if options.stack:
        peaks = (f"Peaks on emcraft-sf2, by painting, after a handshake and readings: {options.stack:,} bytes of "
                 f"stack, {options.heap:,} of heap.")
    made = table(options.build, peaks)
    print(made)
    if options.write:
        with open(options.write, encoding="utf-8") as file:
            text = file.read()
        before, rest = text.split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        with open(options.write, "w", encoding="utf-8") as file:
            file.write(before + MARKS[0] + "\n" + made + "\n" + MARKS[1] + after)
    if options.check and not check(options.build, options.stack, options.heap):
        sys.exit("sizes: the base profile is over its limits")


if __name__ == "__main__":
    main()
