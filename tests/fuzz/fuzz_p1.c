/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a P1 telegram, raw and inside a frame whose check is right: without the second a fuzzer would
 * hardly ever come past it. */
#include "meters/checksum.h"
#include "meters/p1.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[4096];
    const struct mt_protocol *protocol = mt_protocol_find("p1", 2);
    decode_all(protocol, data, size);
    decode_all(NULL, data, size);
    if (size > sizeof(bytes) - 64) {
        return 0;
    }
    static const char digits[] = "0123456789ABCDEF";
    memcpy(bytes, "/ABC5X\r\n", 8);
    memcpy(bytes + 8, data, size);
    memcpy(bytes + 8 + size, "\n!", 2);
    size_t len = size + 10;
    uint16_t crc = mt_crc16_arc(bytes, len);
    for (unsigned shift = 16; shift > 0; shift -= 4) {
        bytes[len++] = (uint8_t)digits[crc >> (shift - 4) & 0xf];
    }
    decode_all(protocol, bytes, len);
    return 0;
}
