#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Compile meters/ for a Cortex-M3 as it is, with the host's warnings as errors, and look at what it
# needs from outside: wolfCrypt, memory and string functions and libgcc, nothing else.
#
#   tests/vectors/cross_compile.sh FOLDER WOLFSSL_INCLUDE    objects land in FOLDER
set -euo pipefail

usage="usage: cross_compile.sh FOLDER WOLFSSL_INCLUDE"
root=$(cd "$(dirname "$0")/../.." && pwd)
into=${1:?$usage}
wolfssl=${2:?$usage}
cc=arm-none-eabi-gcc

if ! command -v "$cc" >/dev/null; then
    echo "cross_compile: $cc is missing; ./dev setup installs it"
    exit 77
fi
mkdir -p "$into"
rm -f "$into"/*.o
cd "$root"
compiled=0
for source in meters/*.c; do
    # That one is for the other processor: CMake picks one of the two.
    [ "$source" != meters/crc32c_sse42.c ] || continue
    # A frame's values and a readout's text are held by gateways only; meters have less room.
    case $source in
    meters/dlt698.c | meters/iec62056.c | meters/p1.c) stack=16384 ;;
    *) stack=6144 ;;
    esac
    "$cc" -mcpu=cortex-m3 -mthumb -Os -std=gnu11 -DWOLFSSL_USER_SETTINGS \
        -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
        -Wpointer-arith -Wwrite-strings -Wno-unused-result -Werror -Wstack-usage="$stack" \
        -I. -isystem tests/vectors/cortex_m -isystem "$wolfssl" \
        -c "$source" -o "$into/$(basename "$source" .c).o"
    compiled=$((compiled + 1))
done
[ "$compiled" -gt 20 ] || { echo "cross_compile: only $compiled sources in meters/"; exit 1; }

outside=$(arm-none-eabi-nm -u "$into"/*.o | awk '$1 == "U" {print $2}' | sort -u |
    grep -vE '^(mt_|wc_|__aeabi_|__popcountsi2$|mem(chr|cmp|cpy|move|set)$|str(chr|cmp|len|nlen)$)' || true)
if [ -n "$outside" ]; then
    echo "cross_compile: meters/ needs what a meter does not have:" $outside
    exit 1
fi
arm-none-eabi-size -t "$into"/*.o | tail -n 1 | awk -v files="$compiled" \
    '{print "cross_compile: " files " files, " $1 " bytes of code, " $2 + $3 " of data, Cortex-M3"}'
