/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as wireless M-Bus: as they come, as the payload of a frame whose CRCs are right, and as a
 * message in fragments whose MAC is right, with and without a key and with formats that were learnt on
 * the way. */
#include "meters/wmbus.h"
#include "meters/wmbus_formats.h"
#include "meters/wmbus_fragments.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[16] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F};

static void decode_one(const uint8_t *bytes, size_t len, bool with_key, struct mt_formats *formats)
{
    static struct mt_frame frame;
    struct mt_input input = {.bytes = bytes,
                             .len = len,
                             .key = with_key ? key : NULL,
                             .key_len = with_key ? sizeof(key) : 0,
                             .formats = formats};
    size_t used = SIZE_MAX;
    enum mt_status status = mt_wmbus_decode(&frame, &used, &input);
    MT_CHECK(used <= len);
    MT_CHECK(status == MT_NEED_MORE || used > 0 || len == 0);
    if (status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED) {
        MT_CHECK(frame.value_count <= MT_VALUES_MAX);
        MT_CHECK(frame.has_total || !frame.has_reading);
        MT_CHECK(!frame.has_total || !frame.total.absent);
        MT_CHECK(status == MT_OK || frame.value_count == 0);
    }
    if (frame.has_reading && status == MT_OK) {
        MT_CHECK(frame.reading.total >= 0 && frame.reading.total <= MT_REGISTER_MAX);
    }
    for (size_t i = 0; i < MT_FORMATS_MAX && formats != NULL; i++) {
        MT_CHECK(formats->slots[i].len <= MT_FORMAT_BYTES_MAX);
    }
}

/* The bytes from C on, in a frame of a shape. */
static void decode_wrapped(const uint8_t *data, size_t size, struct mt_formats *formats)
{
    uint8_t plain[MT_WMBUS_STRIPPED_MAX];
    uint8_t wire[MT_WMBUS_FRAME_MAX];
    size_t len;
    if (size < MT_WMBUS_HEAD_BYTES || size >= sizeof(plain)) {
        return;
    }
    plain[0] = (uint8_t)size;
    memcpy(plain + 1, data, size);
    for (int shape = MT_WMBUS_STRIPPED; shape <= MT_WMBUS_FORMAT_B; shape++) {
        if (mt_wmbus_wrap(wire, &len, sizeof(wire), plain, (enum mt_wmbus_shape)shape) == MT_OK) {
            decode_one(wire, len, false, formats);
            decode_one(wire, len, true, formats);
        }
    }
}

/* What an ELL with its CRC right holds: compact frames come past their checks so. */
static void decode_inside_ell(const uint8_t *data, size_t size, struct mt_formats *formats)
{
    static const uint8_t head[] = {0x44, 0x2D, 0x2C, 0x78, 0x56, 0x34, 0x12, 0x1C,
                                   0x04, 0x8D, 0x20, 0x01, 0x01, 0x00, 0x00, 0x00};
    uint8_t frame[MT_WMBUS_STRIPPED_MAX];
    if (size == 0 || size > 200) {
        return;
    }
    uint16_t crc = mt_wmbus_crc(data, size);
    memcpy(frame, head, sizeof(head));
    frame[sizeof(head)] = (uint8_t)crc;
    frame[sizeof(head) + 1] = (uint8_t)(crc >> 8);
    memcpy(frame + sizeof(head) + 2, data, size);
    decode_wrapped(frame, sizeof(head) + 2 + size, formats);
}

/* A message in two fragments: what comes past a MAC that is right. The first byte cuts it. */
static void decode_fragments(const uint8_t *data, size_t size, struct mt_formats *formats)
{
    static const uint8_t link[] = {0x44, 0x43, 0x04, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07};
    static const uint8_t counter[4] = {1};
    const struct mt_mbus_head head = {.has_address = true, .number = {0x78, 0x56, 0x34, 0x12}};
    const struct mt_mbus_plain plain = {NULL, 0, key, sizeof(key), counter};
    struct mt_mbus_afl signs = {.has_length = true};
    uint8_t mac[MT_AES_BLOCK];
    size_t cut = size > 0 ? 1 + data[0] % 100u : 0;
    size_t len = size - 1;
    if (size == 0 || len <= cut || len - cut > 200 ||
        mt_mbus_afl_sign(&signs, mac, data + 1, len, &head, &plain) != MT_OK) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct mt_mbus_afl afl = signs;
        uint8_t frame[MT_WMBUS_STRIPPED_MAX];
        struct mt_writer w = mt_writer_into(frame + 1, sizeof(frame) - 1);
        afl.fragment = (uint8_t)(i + 1);
        afl.has_more = i == 0;
        afl.control = i == 0 ? signs.control : 0;
        afl.has_counter = i == 0;
        afl.has_length = i == 0;
        afl.mac_len = i == 0 ? 0 : signs.mac_len;
        mt_writer_bytes(&w, link, sizeof(link));
        mt_mbus_afl_put(&w, &afl);
        mt_writer_bytes(&w, i == 0 ? data + 1 : data + 1 + cut, i == 0 ? cut : len - cut);
        frame[0] = (uint8_t)mt_writer_len(&w);
        decode_one(frame, frame[0] + 1u, true, formats);
    }
}

/* Frames that follow each other, heard by one receiver. */
static void decode_stream(const uint8_t *data, size_t size, struct mt_formats *formats)
{
    while (size > 0) {
        static struct mt_frame frame;
        struct mt_input input = {
            .bytes = data, .len = size, .key = key, .key_len = sizeof(key), .formats = formats};
        size_t used = 0;
        enum mt_status status = mt_wmbus_decode(&frame, &used, &input);
        if (status == MT_NEED_MORE || used == 0) {
            return;
        }
        data += used;
        size -= used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mt_formats formats;
    memset(&formats, 0, sizeof(formats));
    decode_one(data, size, false, &formats);
    decode_one(data, size, true, NULL);
    decode_wrapped(data, size, &formats);
    decode_inside_ell(data, size, &formats);
    decode_fragments(data, size, &formats);
    decode_stream(data, size, &formats);
    /* Records of any kind, taken apart and put together again. */
    uint8_t compact[600];
    uint8_t records[MT_WMBUS_RECORDS_MAX];
    size_t len;
    size_t back;
    const struct mt_wmbus_model model = {0x0443, 0x07};
    bool has_filler = memchr(data, 0x2F, size) != NULL;
    if (size > 0 && !has_filler &&
        mt_wmbus_compact(compact, &len, sizeof(compact), data, size) == MT_OK &&
        size <= sizeof(records)) {
        struct mt_input input = {.bytes = compact, .len = len};
        mt_wmbus_learn(&formats, &model, data, size);
        if (mt_wmbus_expand(records, &back, &formats, &model, &input) == MT_OK) {
            MT_CHECK(back == size && memcmp(records, data, size) == 0);
        }
    }
    return 0;
}
