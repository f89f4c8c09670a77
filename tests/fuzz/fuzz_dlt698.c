/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as DL/T 698.45, raw and as the user data of a frame whose CRCs are right: without the second
 * a fuzzer would hardly ever come past them. */
#include "meters/dlt698.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mt_protocol *protocol = mt_protocol_find("dlt698", 6);
    decode_all(protocol, data, size);
    decode_all(NULL, data, size);
    if (size < 1 || size - 1 > MT_DLT698_APDU_MAX) {
        return 0;
    }
    uint8_t bytes[2 * MT_DLT698_FRAME_MAX];
    size_t len;
    struct mt_dlt698_frame frame = {
        .number = "000012345678",
        .control = (uint8_t)(0xC3 | (data[0] & (MT_DLT698_SCRAMBLED | MT_DLT698_SPLIT))),
        .apdu = data + 1,
        .apdu_len = size - 1};
    MT_CHECK(mt_dlt698_build(bytes, &len, MT_DLT698_FRAME_MAX, &frame) == MT_OK);
    decode_all(protocol, bytes, len);
    if ((data[0] & MT_DLT698_SPLIT) == 0 || size < 8) {
        return 0;
    }
    /* Two pieces in one read. */
    size_t half = size / 2;
    size_t second;
    frame.apdu_len = half - 1;
    MT_CHECK(mt_dlt698_build(bytes, &len, MT_DLT698_FRAME_MAX, &frame) == MT_OK);
    frame.apdu = data + half;
    frame.apdu_len = size - half;
    MT_CHECK(mt_dlt698_build(bytes + len, &second, MT_DLT698_FRAME_MAX, &frame) == MT_OK);
    decode_all(protocol, bytes, len + second);
    return 0;
}
