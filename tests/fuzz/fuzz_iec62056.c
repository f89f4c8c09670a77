/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a readout in text, raw and inside a frame whose check is right: without the second a fuzzer would
 * hardly ever come past it. */
#include "meters/iec62056.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[4096];
    const struct mt_protocol *protocol = mt_protocol_find("iec62056", 8);
    decode_all(protocol, data, size);
    decode_all(NULL, data, size);
    if (size > sizeof(bytes) - 64) {
        return 0;
    }
    uint8_t check = 3;
    bytes[0] = 2;
    for (size_t i = 0; i < size; i++) {
        bytes[i + 1] = data[i];
        check ^= data[i];
    }
    bytes[size + 1] = 3;
    bytes[size + 2] = check;
    size_t len = size + 3;
    decode_all(protocol, bytes, len);
    return 0;
}
