/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SML as a meter sends it; see sml.h. */
#include <string.h>

#include "meters/dlms_object.h"
#include "meters/sml.h"
#include "meters/sml_crc.h"
#include "meters/sml_item.h"
#include "meters/writer.h"

#define PAYLOAD_MAX 512u /* open, list of at most seven entries, close */
#define US_PER_SECOND INT64_C(1000000)
#define LEFT_OUT 0x01u
#define SCALER_ML (-6) /* a millilitre in m3 */

/* Where a server id has its maker's letters, and how long it is then. */
#define LETTERS_AT 2u
#define LETTERS_LEN 10u

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The server id that a number stands for. Returns its bytes, 0 when it is none. */
static size_t parse_server(uint8_t id[MT_SML_SERVER_MAX], const char *number)
{
    size_t len = strlen(number);
    if (len % 2 != 0 || len / 2 > MT_SML_SERVER_MAX) {
        return 0;
    }
    for (size_t i = 0; i < len / 2; i++) {
        int high = nibble(number[2 * i]);
        int low = nibble(number[2 * i + 1]);
        if (high < 0 || low < 0) {
            return 0;
        }
        id[i] = (uint8_t)(high << 4 | low);
    }
    return len / 2;
}

static void write_octets(struct mt_writer *w, const void *bytes, size_t len)
{
    mt_writer_u8(w, (uint8_t)(len + 1)); /* at most 14 bytes: one byte of type and length */
    mt_writer_bytes(w, bytes, len);
}

/* As many bytes as the number needs. */
static void write_uint(struct mt_writer *w, uint64_t value)
{
    size_t len = 1;
    while (len < 8 && value >> (8 * len) != 0) {
        len++;
    }
    mt_writer_u8(w, (uint8_t)(MT_SML_UINT << 4 | (len + 1)));
    mt_writer_be(w, value, len);
}

static void write_int8(struct mt_writer *w, int8_t value)
{
    mt_writer_u8(w, MT_SML_INT << 4 | 2);
    mt_writer_u8(w, (uint8_t)value);
}

static void write_list(struct mt_writer *w, size_t count)
{
    mt_writer_u8(w, (uint8_t)(MT_SML_LIST << 4 | count));
}

/* A message's head up to its body's content. */
static void open_message(struct mt_writer *w, uint32_t transaction, uint16_t tag)
{
    uint8_t id[4] = {(uint8_t)(transaction >> 24), (uint8_t)(transaction >> 16),
                     (uint8_t)(transaction >> 8), (uint8_t)transaction};
    write_list(w, 6);
    write_octets(w, id, sizeof(id));
    write_uint(w, 0);
    write_uint(w, 0);
    write_list(w, 2);
    mt_writer_u8(w, MT_SML_UINT << 4 | 3);
    mt_writer_be(w, tag, 2);
}

/* The CRC over everything since `from`, low byte first, and the end. */
static void close_message(struct mt_writer *w, size_t from)
{
    if (w->overflow) {
        return;
    }
    uint16_t crc = mt_sml_crc(MT_SML_CRC_X25, w->first + from, mt_writer_len(w) - from);
    mt_writer_u8(w, MT_SML_UINT << 4 | 3);
    mt_writer_le(w, crc ^ 0xFFFFu, 2);
    mt_writer_u8(w, 0);
}

static void write_entry(struct mt_writer *w, const uint8_t *obis, uint8_t medium, int64_t value)
{
    bool energy = medium == MT_POWER || medium == MT_HEAT;
    write_list(w, 7);
    write_octets(w, obis, MT_OBIS_BYTES);
    mt_writer_u8(w, LEFT_OUT); /* status */
    mt_writer_u8(w, LEFT_OUT); /* time */
    write_uint(w, energy ? MT_DLMS_UNIT_WH : MT_DLMS_UNIT_M3);
    write_int8(w, energy ? 0 : SCALER_ML);
    write_uint(w, (uint64_t)value);
    mt_writer_u8(w, LEFT_OUT); /* signature */
}

static void write_text_entry(struct mt_writer *w, const uint8_t *obis, const uint8_t *text,
                             size_t len)
{
    write_list(w, 7);
    write_octets(w, obis, MT_OBIS_BYTES);
    for (size_t i = 0; i < 4; i++) {
        mt_writer_u8(w, LEFT_OUT); /* status, time, unit, scaler */
    }
    write_octets(w, text, len);
    mt_writer_u8(w, LEFT_OUT);
}

static void write_time(struct mt_writer *w, int64_t time_us)
{
    if (time_us < US_PER_SECOND) {
        mt_writer_u8(w, LEFT_OUT);
        return;
    }
    write_list(w, 2);
    write_uint(w, 2); /* a timestamp: seconds since 1970 UTC */
    write_uint(w, (uint64_t)(time_us / US_PER_SECOND));
}

static void write_values(struct mt_writer *w, const struct mt_sending *sending, const uint8_t *id,
                         size_t id_len)
{
    static const uint8_t maker_obis[MT_OBIS_BYTES] = {1, 0, 96, 50, 1, 1};
    static const uint8_t id_obis[MT_OBIS_BYTES] = {1, 0, 96, 1, 0, 255};
    const struct mt_reading *reading = &sending->reading;
    uint8_t medium = sending->identity.medium;
    uint8_t obis[MT_OBIS_BYTES];
    bool has_maker = id_len == LETTERS_LEN;
    size_t bands = 0;
    for (size_t band = 0; band < MT_BANDS; band++) {
        bands += (reading->band_mask >> band) & 1u;
    }
    write_list(w, 2 + bands + (has_maker ? 1u : 0u));
    if (has_maker) {
        write_text_entry(w, maker_obis, id + LETTERS_AT, MT_MAKER_MAX);
    }
    write_text_entry(w, id_obis, id, id_len);
    memcpy(obis, mt_dlms_total_obis(medium), sizeof(obis));
    write_entry(w, obis, medium, reading->total);
    for (size_t band = 0; band < MT_BANDS; band++) {
        obis[4] = (uint8_t)(band + 1);
        if ((reading->band_mask >> band & 1u) != 0) {
            write_entry(w, obis, medium, reading->band[band]);
        }
    }
}

static void write_messages(struct mt_writer *w, const struct mt_sending *sending, const uint8_t *id,
                           size_t id_len)
{
    uint32_t transaction = sending->counter * 3;
    open_message(w, transaction, 0x0101); /* OpenRes */
    write_list(w, 6);
    mt_writer_u8(w, LEFT_OUT); /* codepage */
    mt_writer_u8(w, LEFT_OUT); /* client */
    write_octets(w, &transaction, sizeof(transaction));
    write_octets(w, id, id_len);
    mt_writer_u8(w, LEFT_OUT); /* reference time */
    mt_writer_u8(w, LEFT_OUT); /* version 1 */
    close_message(w, 0);
    size_t from = mt_writer_len(w);
    open_message(w, transaction + 1, 0x0701); /* GetListRes */
    write_list(w, 7);
    mt_writer_u8(w, LEFT_OUT); /* client */
    write_octets(w, id, id_len);
    mt_writer_u8(w, LEFT_OUT); /* list name */
    write_time(w, sending->reading.time_us);
    write_values(w, sending, id, id_len);
    mt_writer_u8(w, LEFT_OUT); /* signature */
    mt_writer_u8(w, LEFT_OUT); /* gateway's time */
    close_message(w, from);
    from = mt_writer_len(w);
    open_message(w, transaction + 2, 0x0201); /* CloseRes */
    write_list(w, 1);
    mt_writer_u8(w, LEFT_OUT);
    close_message(w, from);
}

/* Put messages into a transmission. */
static void write_transmission(struct mt_writer *w, const uint8_t *messages, size_t len)
{
    static const uint8_t escape[4] = {0x1B, 0x1B, 0x1B, 0x1B};
    size_t pad = (4 - len % 4) % 4;
    mt_writer_bytes(w, escape, sizeof(escape));
    mt_writer_le(w, 0x01010101, 4);
    for (size_t i = 0; i < len; i++) {
        if (len - i >= sizeof(escape) && memcmp(messages + i, escape, sizeof(escape)) == 0) {
            mt_writer_bytes(w, escape, sizeof(escape));
            mt_writer_bytes(w, escape, sizeof(escape));
            i += sizeof(escape) - 1;
        } else {
            mt_writer_u8(w, messages[i]);
        }
    }
    mt_writer_le(w, 0, pad);
    mt_writer_bytes(w, escape, sizeof(escape));
    mt_writer_u8(w, 0x1A);
    mt_writer_u8(w, (uint8_t)pad);
    if (!w->overflow) {
        mt_writer_le(w, mt_sml_crc(MT_SML_CRC_X25, w->first, mt_writer_len(w)) ^ 0xFFFFu, 2);
    }
}

/* The maker can be sent only as letters of the server id. */
static bool is_maker_in(const char *maker, const uint8_t *id, size_t id_len)
{
    return maker[0] == '\0' || (id_len == LETTERS_LEN && strlen(maker) == MT_MAKER_MAX &&
                                memcmp(maker, id + LETTERS_AT, MT_MAKER_MAX) == 0);
}

enum mt_status mt_sml_build(uint8_t *out, size_t *out_len, size_t out_max,
                            const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    uint8_t id[MT_SML_SERVER_MAX] = {0};
    size_t id_len = parse_server(id, sending->identity.number);
    if (id_len == 0) {
        return MT_BAD_DIGIT;
    }
    if (mt_dlms_total_obis(sending->identity.medium) == NULL ||
        !is_maker_in(sending->identity.maker, id, id_len)) {
        return MT_UNSUPPORTED;
    }
    bool fits = sending->reading.total >= 0 && sending->reading.total <= MT_REGISTER_MAX &&
                sending->reading.band_mask < 1u << MT_BANDS;
    for (size_t band = 0; band < MT_BANDS; band++) {
        fits = fits && sending->reading.band[band] >= 0 &&
               sending->reading.band[band] <= MT_REGISTER_MAX;
    }
    if (!fits) {
        return MT_BAD_RANGE;
    }
    uint8_t messages[PAYLOAD_MAX];
    struct mt_writer inner = mt_writer_into(messages, sizeof(messages));
    write_messages(&inner, sending, id, id_len);
    MT_CHECK(
        !inner.overflow); /* its size does not depend on what is sent beyond the limits above */
    struct mt_writer w = mt_writer_into(out, out_max);
    write_transmission(&w, messages, mt_writer_len(&inner));
    if (w.overflow) {
        return MT_TOO_LARGE;
    }
    *out_len = mt_writer_len(&w);
    return MT_OK;
}
