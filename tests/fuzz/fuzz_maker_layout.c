/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as each maker's payload; CAT1 also with the checksum put right. */
#include "meters/checksum.h"
#include "meters/maker_layout.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"axioma-lora", "elvaco-lora", "kamstrup-lora", "cat1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        decode_all(mt_protocol_find(names[i], strlen(names[i])), data, size);
    }
    uint8_t bytes[MT_CAT1_FRAME_MAX];
    if (size < 16 || size - 16 > 255) {
        return 0;
    }
    memcpy(bytes, data, size);
    bytes[0] = 0x68;
    bytes[1] = 0x10;
    bytes[9] = 0x03;
    bytes[10] = 0x97;
    bytes[15] = (uint8_t)(size - 16);
    bytes[size] = mt_sum8(bytes, size);
    bytes[size + 1] = 0x16;
    decode_all(mt_protocol_find("cat1", 4), bytes, size + 2);
    return 0;
}
