/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as CJ/T 188, raw and inside a frame whose checksum is right: without the second a fuzzer
 * would hardly ever come past the sum. */
#include "meters/cjt188.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAMED 4u /* type, control, data identifier */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mt_protocol *protocol = mt_protocol_find("cjt188", 6);
    decode_all(protocol, data, size);
    decode_all(NULL, data, size);
    if (size < NAMED || size - NAMED > MT_CJT188_DATA_MAX - 3) {
        return 0;
    }
    uint8_t bytes[MT_CJT188_FRAME_MAX];
    size_t len;
    const struct mt_cjt188_frame frame = {.type = (uint8_t)(0x10 + data[0] % 4 * 0x10),
                                          .number = "00001234567890",
                                          .control = data[1],
                                          .data_id = (uint16_t)(data[2] << 8 | data[3]),
                                          .data = data + NAMED,
                                          .data_len = size - NAMED};
    MT_CHECK(mt_cjt188_build(bytes, &len, sizeof(bytes), &frame) == MT_OK);
    decode_all(protocol, bytes, len);
    return 0;
}
