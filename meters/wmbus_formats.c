/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compact frames of M-Bus; see the header. */
#include "meters/wmbus_formats.h"

#include <string.h>

#include "meters/cursor.h"
#include "meters/writer.h"

#define FILLER 0x2Fu
#define EXTENSION 0x80u
#define VIF_TEXT 0x7Cu /* the unit is spelled out: such records are in no compact frame */
#define EXTENSIONS_MAX 11u
#define SIGNATURE_BYTES 2u
#define CRC_BYTES 2u
#define FORMAT_MAX 49u /* the longest that is built in */

#define KAMSTRUP 0x2C2Du       /* KAM */
#define KAMSTRUP_WATER 0x2C37u /* KAW */

/* Formats that meters in use announce in full frames. Kept here because a receiver that starts would
 * otherwise wait for the next full frame, and some meters send one in eight. The CRC of the compact
 * frame decides, not this table. */
static const struct {
    uint16_t maker;
    uint8_t len;
    uint8_t bytes[FORMAT_MAX];
} built_in[] = {
    {KAMSTRUP, 47, {0x02, 0xF9, 0xFF, 0x15, 0x04, 0x06, 0x04, 0xEE, 0xFF, 0x07, 0x04, 0xEE,
                    0xFF, 0x08, 0x04, 0x14, 0x84, 0x40, 0x14, 0x84, 0x80, 0x40, 0x14, 0x02,
                    0xFD, 0x17, 0x02, 0x6C, 0x42, 0x6C, 0x44, 0x06, 0x44, 0x14, 0xC4, 0x40,
                    0x14, 0xC4, 0x80, 0x40, 0x14, 0x04, 0x3B, 0x02, 0x59, 0x02, 0x5D}},
    {KAMSTRUP, 13, {0x03, 0x06, 0x43, 0x06, 0x03, 0x14, 0x42, 0x6C, 0x02, 0x2D, 0x01, 0xFF, 0x21}},
    {KAMSTRUP, 13, {0x03, 0x0E, 0x43, 0x0E, 0x03, 0x13, 0x42, 0x6C, 0x02, 0x2D, 0x01, 0xFF, 0x21}},
    {KAMSTRUP, 27, {0x04, 0x06, 0x04, 0xFF, 0x07, 0x04, 0xFF, 0x08, 0x04,
                    0x14, 0x04, 0x3B, 0x02, 0x59, 0x02, 0x5D, 0x04, 0xFF,
                    0x22, 0x02, 0x6C, 0x44, 0x06, 0x44, 0x14, 0x42, 0x6C}},
    {KAMSTRUP, 49, {0x04, 0x0F, 0x04, 0xFF, 0x07, 0x04, 0xFF, 0x08, 0x04, 0x14, 0x84, 0x40, 0x14,
                    0x84, 0x80, 0x40, 0x14, 0x04, 0x3B, 0x02, 0x59, 0x02, 0x5D, 0x14, 0x2D, 0x84,
                    0x10, 0x0F, 0x84, 0x20, 0x0F, 0x04, 0xFF, 0x22, 0x02, 0x6C, 0x44, 0x0F, 0x44,
                    0x14, 0xC4, 0x40, 0x14, 0xC4, 0x80, 0x40, 0x14, 0x42, 0x6C}},
    {KAMSTRUP, 49, {0x04, 0x0E, 0x04, 0xFF, 0x07, 0x04, 0xFF, 0x08, 0x04, 0x13, 0x84, 0x40, 0x13,
                    0x84, 0x80, 0x40, 0x13, 0x04, 0x3B, 0x02, 0x59, 0x02, 0x5D, 0x14, 0x2D, 0x84,
                    0x10, 0x0E, 0x84, 0x20, 0x0E, 0x04, 0xFF, 0x22, 0x02, 0x6C, 0x44, 0x0E, 0x44,
                    0x13, 0xC4, 0x40, 0x13, 0xC4, 0x80, 0x40, 0x13, 0x42, 0x6C}},
    {KAMSTRUP, 27, {0x04, 0x06, 0x04, 0x14, 0x04, 0xFF, 0x07, 0x04, 0xFF,
                    0x08, 0x02, 0x59, 0x02, 0x5D, 0x02, 0x3B, 0x02, 0xFF,
                    0x22, 0x02, 0x6C, 0x44, 0x06, 0x44, 0x14, 0x42, 0x6C}},
    {KAMSTRUP, 27, {0x04, 0x06, 0x04, 0xFF, 0x07, 0x04, 0xFF, 0x08, 0x04,
                    0x14, 0x04, 0x3B, 0x04, 0x2D, 0x02, 0x59, 0x02, 0x5D,
                    0x04, 0xFF, 0x22, 0x04, 0x22, 0x14, 0x3B, 0x14, 0x2D}},
    {KAMSTRUP,
     19,
     {0x04, 0x06, 0x04, 0xFF, 0x07, 0x04, 0xFF, 0x08, 0x04, 0x14, 0x04, 0x3B, 0x02, 0x59, 0x02,
      0x5D, 0x04, 0xFF, 0x22}},
    {KAMSTRUP,
     19,
     {0x04, 0x06, 0x04, 0xFF, 0x07, 0x04, 0xFF, 0x08, 0x04, 0x14, 0x02, 0xFD, 0x17, 0x04, 0x3B,
      0x02, 0x59, 0x02, 0x5D}},
    {KAMSTRUP,
     15,
     {0x22, 0x69, 0x12, 0x69, 0x02, 0x69, 0x05, 0xFF, 0x09, 0x05, 0xFF, 0x0A, 0x02, 0xFD, 0x17}},
    {KAMSTRUP,
     16,
     {0x02, 0xFF, 0x20, 0x04, 0x13, 0x92, 0x01, 0x3B, 0xA1, 0x01, 0x5B, 0x81, 0x01, 0xE7, 0xFF,
      0x0F}},
    {KAMSTRUP, 10, {0x04, 0x04, 0x04, 0x84, 0x3C, 0x04, 0x2B, 0x04, 0xAB, 0x3C}},
    {KAMSTRUP_WATER, 11, {0x02, 0xFF, 0x20, 0x04, 0x13, 0x44, 0x13, 0x61, 0x5B, 0x61, 0x67}},
    {KAMSTRUP_WATER,
     16,
     {0x02, 0xFF, 0x20, 0x04, 0x13, 0x92, 0x01, 0x3B, 0xA1, 0x01, 0x5B, 0x81, 0x01, 0xE7, 0xFF,
      0x0F}},
    {KAMSTRUP_WATER, 25, {0x04, 0xFF, 0x23, 0x44, 0x13, 0x52, 0x3B, 0x06, 0xFF,
                          0x1B, 0x42, 0x6C, 0x61, 0x67, 0x51, 0x67, 0x02, 0x3B,
                          0x04, 0x13, 0x81, 0x01, 0xE7, 0xFF, 0x0F}},
    {KAMSTRUP_WATER, 25, {0x02, 0xFF, 0x20, 0x04, 0x13, 0x44, 0x13, 0x42, 0x6C,
                          0x52, 0x3B, 0x61, 0x5B, 0x61, 0x67, 0x51, 0x67, 0x81,
                          0x01, 0xE7, 0xFF, 0x0F, 0x06, 0xFF, 0x1B}},
    {KAMSTRUP_WATER,
     15,
     {0x02, 0xFF, 0x20, 0x04, 0x13, 0x44, 0x13, 0xA1, 0x01, 0x5B, 0x81, 0x01, 0xE7, 0xFF, 0x0F}},
    {KAMSTRUP_WATER, 11, {0x02, 0xFF, 0x20, 0x04, 0x13, 0x44, 0x13, 0x61, 0x5B, 0x51, 0x67}},
    {KAMSTRUP_WATER, 7, {0x02, 0xFF, 0x20, 0x04, 0x13, 0x44, 0x13}},
    {KAMSTRUP_WATER, 7, {0x02, 0xFF, 0x20, 0x04, 0x13, 0x52, 0x3B}},
    {KAMSTRUP_WATER, 29, {0x04, 0xFF, 0x23, 0x04, 0x13, 0x44, 0x13, 0x42, 0x6C, 0x02,
                          0x3B, 0x92, 0x01, 0x3B, 0xA2, 0x01, 0x3B, 0x06, 0xFF, 0x1B,
                          0xA1, 0x01, 0x5B, 0x91, 0x01, 0x5B, 0xA1, 0x01, 0x67}},
};

/* The length of what DIF, DIFEs, VIF and VIFEs take, or 0 when they are cut short or spelled out. */
static size_t head_len(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    for (unsigned chain = 0; chain < 2; chain++) {
        unsigned extensions = 0;
        if (chain == 1 && at < len && (bytes[at] & 0x7F) == VIF_TEXT) {
            return 0;
        }
        while (at < len && (bytes[at] & EXTENSION) != 0 && extensions < EXTENSIONS_MAX) {
            at++;
            extensions++;
        }
        if (at >= len || extensions == EXTENSIONS_MAX) {
            return 0;
        }
        at++;
    }
    return at;
}

/* EN 13757-3, table 4: how many bytes of data follow, or false for a DIF without a length. */
static bool data_len(size_t *data, uint8_t dif, const uint8_t *bytes, size_t left)
{
    static const uint8_t lengths[16] = {0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0xFF, 6, 0xFF};
    uint8_t field = dif & 0x0F;
    *data = lengths[field];
    if (field == 0x0D) { /* a length, then as many bytes of text */
        *data = left > 0 && bytes[0] < 0xC0 ? 1 + (size_t)bytes[0] : SIZE_MAX;
    }
    return field != 0x0F && *data <= left;
}

/* Copy the heads of full records, or their data, to the writer. */
static bool take_apart(struct mt_writer *heads, struct mt_writer *values, const uint8_t *bytes,
                       size_t len)
{
    size_t at = 0;
    while (at < len) {
        if (bytes[at] == FILLER) {
            at++;
            continue;
        }
        size_t head = head_len(bytes + at, len - at);
        size_t data;
        if (head == 0 || !data_len(&data, bytes[at], bytes + at + head, len - at - head)) {
            return false;
        }
        mt_writer_bytes(heads, bytes + at, head);
        if (values != NULL) {
            mt_writer_bytes(values, bytes + at + head, data);
        }
        at += head + data;
    }
    return !heads->overflow && (values == NULL || !values->overflow);
}

static bool fits(const struct mt_format *slot, const struct mt_wmbus_model *model,
                 uint16_t signature)
{
    return slot->len > 0 && slot->maker == model->maker && slot->device == model->device &&
           slot->signature == signature;
}

static void keep(struct mt_formats *formats, const struct mt_wmbus_model *model,
                 const uint8_t *bytes, size_t len)
{
    uint16_t signature = mt_wmbus_crc(bytes, len);
    uint32_t at = formats->next % MT_FORMATS_MAX;
    for (uint32_t i = 0; i < MT_FORMATS_MAX; i++) {
        if (fits(&formats->slots[i], model, signature)) {
            at = i;
            break;
        }
    }
    struct mt_format *slot = &formats->slots[at];
    *slot = (struct mt_format){.maker = model->maker,
                               .device = model->device,
                               .len = (uint8_t)len,
                               .signature = signature};
    memcpy(slot->bytes, bytes, len);
    formats->next =
        at == formats->next % MT_FORMATS_MAX ? (at + 1) % MT_FORMATS_MAX : formats->next;
}

void mt_wmbus_learn(struct mt_formats *formats, const struct mt_wmbus_model *model,
                    const uint8_t *records, size_t len)
{
    MT_CHECK(model != NULL && (records != NULL || len == 0));
    if (formats == NULL) {
        return;
    }
    uint8_t heads[MT_FORMAT_BYTES_MAX];
    struct mt_writer w = mt_writer_into(heads, sizeof(heads));
    if (take_apart(&w, NULL, records, len) && mt_writer_len(&w) > 0) {
        keep(formats, model, heads, mt_writer_len(&w));
    }
}

enum mt_status mt_wmbus_learn_format(struct mt_formats *formats, const struct mt_wmbus_model *model,
                                     const uint8_t *bytes, size_t len, struct mt_trace *trace)
{
    MT_CHECK(model != NULL && (bytes != NULL || len == 0));
    struct mt_cursor c = mt_cursor_over(bytes, len);
    size_t count = mt_cursor_u8(&c);
    uint16_t signature = mt_cursor_le16(&c);
    /* LF counts the signature and the heads; filler of the encryption may follow. */
    if (c.overrun || count <= SIGNATURE_BYTES || count - SIGNATURE_BYTES > mt_cursor_left(&c)) {
        return MT_BAD_LAYOUT;
    }
    count -= SIGNATURE_BYTES;
    const uint8_t *heads = mt_cursor_take(&c, count);
    mt_trace_field(trace, bytes, 1, "length of the format", NULL);
    mt_trace_field(trace, bytes + 1, SIGNATURE_BYTES, "signature of the format", NULL);
    mt_trace_field(trace, heads, count, "DIFs and VIFs", NULL);
    if (mt_wmbus_crc(heads, count) != signature) {
        mt_trace_fault(trace, heads, count, "the signature is not that of these DIFs and VIFs");
        return MT_BAD_CHECKSUM;
    }
    if (formats != NULL && count <= MT_FORMAT_BYTES_MAX) {
        keep(formats, model, heads, count);
    }
    return MT_NO_READING;
}

const uint8_t *mt_wmbus_format(size_t *len, const struct mt_formats *formats,
                               const struct mt_wmbus_model *model, uint16_t signature)
{
    MT_CHECK(len != NULL && model != NULL);
    for (uint32_t i = 0; formats != NULL && i < MT_FORMATS_MAX; i++) {
        if (fits(&formats->slots[i], model, signature)) {
            *len = formats->slots[i].len;
            return formats->slots[i].bytes;
        }
    }
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        if (built_in[i].maker == model->maker &&
            mt_wmbus_crc(built_in[i].bytes, built_in[i].len) == signature) {
            *len = built_in[i].len;
            return built_in[i].bytes;
        }
    }
    return NULL;
}

/* Lay heads and values together as the full frame has them. */
static bool lay_together(struct mt_writer *w, struct mt_cursor *values, const uint8_t *format,
                         size_t format_len)
{
    size_t at = 0;
    while (at < format_len) {
        size_t head = head_len(format + at, format_len - at);
        size_t data;
        if (head == 0 || !data_len(&data, format[at], values->at, mt_cursor_left(values))) {
            return false;
        }
        mt_writer_bytes(w, format + at, head);
        mt_writer_bytes(w, mt_cursor_take(values, data), data);
        at += head;
    }
    return true;
}

static bool is_filler(struct mt_cursor c)
{
    while (mt_cursor_left(&c) > 0) {
        if (mt_cursor_u8(&c) != FILLER) {
            return false;
        }
    }
    return true;
}

enum mt_status mt_wmbus_expand(uint8_t records[MT_WMBUS_RECORDS_MAX], size_t *records_len,
                               const struct mt_formats *formats, const struct mt_wmbus_model *model,
                               const struct mt_input *input)
{
    MT_CHECK(records != NULL && records_len != NULL && input != NULL);
    struct mt_cursor c = mt_cursor_over(input->bytes, input->len);
    uint16_t signature = mt_cursor_le16(&c);
    uint16_t full_crc = mt_cursor_le16(&c);
    if (c.overrun) {
        return MT_BAD_LAYOUT;
    }
    mt_trace_field(input->trace, input->bytes, SIGNATURE_BYTES, "signature of the format", NULL);
    mt_trace_field(input->trace, input->bytes + SIGNATURE_BYTES, CRC_BYTES, "CRC of the full frame",
                   NULL);
    size_t format_len;
    const uint8_t *format = mt_wmbus_format(&format_len, formats, model, signature);
    if (format == NULL) {
        mt_trace_fault(input->trace, input->bytes, SIGNATURE_BYTES,
                       "a compact frame whose format is not known yet: a full frame of the same "
                       "kind of meter has to be read first");
        return MT_UNSUPPORTED;
    }
    mt_trace_field(input->trace, c.at, mt_cursor_left(&c), "values without DIFs and VIFs", NULL);
    struct mt_writer w = mt_writer_into(records, MT_WMBUS_RECORDS_MAX);
    if (!lay_together(&w, &c, format, format_len) || !is_filler(c)) {
        mt_trace_fault(input->trace, input->bytes, input->len,
                       "more or fewer values than the format has");
        return MT_BAD_LAYOUT;
    }
    if (w.overflow) {
        return MT_TOO_LARGE;
    }
    if (mt_wmbus_crc(records, mt_writer_len(&w)) != full_crc) {
        mt_trace_fault(input->trace, input->bytes + SIGNATURE_BYTES, CRC_BYTES,
                       "the CRC of the full frame differs: another format, or changed bytes");
        return MT_BAD_CHECKSUM;
    }
    *records_len = mt_writer_len(&w);
    return MT_OK;
}

enum mt_status mt_wmbus_compact(uint8_t *out, size_t *out_len, size_t out_max,
                                const uint8_t *records, size_t len)
{
    MT_CHECK(out != NULL && out_len != NULL && records != NULL);
    uint8_t heads[MT_FORMAT_BYTES_MAX];
    struct mt_writer format = mt_writer_into(heads, sizeof(heads));
    struct mt_writer w = mt_writer_into(out, out_max);
    uint8_t *checks = mt_writer_reserve(&w, SIGNATURE_BYTES + CRC_BYTES);
    if (checks == NULL) {
        return MT_TOO_LARGE;
    }
    if (!take_apart(&format, &w, records, len)) {
        return w.overflow || format.overflow ? MT_TOO_LARGE : MT_BAD_LAYOUT;
    }
    struct mt_writer fields = mt_writer_into(checks, SIGNATURE_BYTES + CRC_BYTES);
    mt_writer_le(&fields, mt_wmbus_crc(heads, mt_writer_len(&format)), SIGNATURE_BYTES);
    mt_writer_le(&fields, mt_wmbus_crc(records, len), CRC_BYTES);
    *out_len = mt_writer_len(&w);
    return MT_OK;
}
