/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as wired M-Bus, raw, inside a frame whose sum is right, and as records behind a head in
 * the clear: the last is where most of the decoder lies. */
#include "meters/mbus.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_long(const struct mt_mbus_long *frame)
{
    static const uint8_t key[16] = {1};
    uint8_t bytes[MT_MBUS_FRAME_MAX];
    size_t len;
    size_t used;
    static struct mt_frame out;
    if (mt_mbus_build_long(bytes, &len, sizeof(bytes), frame) != MT_OK) {
        return;
    }
    decode_all(mt_protocol_find("mbus", 4), bytes, len);
    struct mt_input input = {.bytes = bytes, .len = len, .key = key, .key_len = sizeof(key)};
    enum mt_status status = mt_mbus_decode(&out, &used, &input);
    if (status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED) {
        frame_promises(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_all(mt_protocol_find("mbus", 4), data, size);
    if (size < 2) {
        return 0;
    }
    struct mt_mbus_long frame = {
        .control = 0x08, .ci = data[0], .data = data + 1, .data_len = size - 1};
    decode_long(&frame);
    uint8_t records[252] = {0x78, 0x56, 0x34, 0x12, 0x2D, 0x2C, 0x01, data[0]};
    size_t len = size - 1 < sizeof(records) - 12 ? size - 1 : sizeof(records) - 12;
    memcpy(records + 12, data + 1, len);
    frame =
        (struct mt_mbus_long){.control = 0x08, .ci = 0x72, .data = records, .data_len = 12 + len};
    decode_long(&frame);
    return 0;
}
