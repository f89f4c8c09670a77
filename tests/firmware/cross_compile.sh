#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Compile the meter's rules for a Cortex-M3, with the host's warnings as errors, and look at what they
# need from outside: the message library and memory functions, nothing else.
#
#   tests/firmware/cross_compile.sh FOLDER    objects land in FOLDER
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
into=${1:?usage: cross_compile.sh FOLDER}
cc=arm-none-eabi-gcc

if ! command -v "$cc" >/dev/null; then
    echo "cross_compile: $cc is missing; ./dev setup installs it"
    exit 77
fi
mkdir -p "$into"
rm -f "$into"/*.o
cd "$root"
sources=(firmware/core/*.c)
[ -e "${sources[0]}" ] || { echo "cross_compile: no sources in firmware/core"; exit 1; }
for source in "${sources[@]}"; do
    "$cc" -mcpu=cortex-m3 -mthumb -Os -std=gnu11 -ffreestanding -fno-builtin-printf \
        -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror \
        -Wstack-usage=1024 -I. -c "$source" -o "$into/$(basename "$source" .c).o"
done

outside=$(arm-none-eabi-nm -u "$into"/*.o | awk '$1 == "U" {print $2}' | sort -u |
    grep -vE '^(fw_|mt_|__aeabi_|memcpy$|memset$|memcmp$|memmove$|strlen$)' || true)
if [ -n "$outside" ]; then
    echo "cross_compile: firmware/core needs what a meter does not have:" $outside
    exit 1
fi
arm-none-eabi-size -t "$into"/*.o | tail -n 1 |
    awk '{print "cross_compile: " $1 " bytes of code, " $2 + $3 " of data, on a Cortex-M3"}'
