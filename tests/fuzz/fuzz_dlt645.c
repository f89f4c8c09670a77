/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as DL/T 645, raw and inside a frame whose checksum is right: without the second a fuzzer
 * would hardly ever come past the sum. */
#include "meters/dlt645.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mt_protocol *protocol = mt_protocol_find("dlt645", 6);
    decode_all(protocol, data, size);
    decode_all(NULL, data, size);
    if (size < 1 || size - 1 > MT_DLT645_DATA_MAX) {
        return 0;
    }
    uint8_t bytes[MT_DLT645_FRAME_MAX];
    size_t len;
    const struct mt_dlt645_frame frame = {
        .number = "000012345678", .control = data[0], .data = data + 1, .data_len = size - 1};
    MT_CHECK(mt_dlt645_build(bytes, &len, sizeof(bytes), &frame) == MT_OK);
    decode_all(protocol, bytes, len);
    return 0;
}
