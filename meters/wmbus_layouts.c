/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makers' payloads with fields that move, or that are enciphered; see the header. */
#include "meters/wmbus_layouts.h"

#include <string.h>

#include "meters/aes.h"
#include "meters/bcd.h"
#include "meters/mbus_number.h"
#include "meters/wmbus_link.h"

#define FILLER 0x2Fu
#define KEY_BYTES 16u
#define CRC_BYTES 2u

void mt_wmbus_tell(const struct mt_mbus_reader *reader, const struct mt_wmbus_payload *payload,
                   size_t at, size_t len, const char *what)
{
    MT_CHECK(at + len <= payload->len);
    mt_trace_field(reader->trace, payload->bytes + at, len, what, NULL);
}

/* Note a volume in thousandths of a cubic metre. */
static void note_litres(struct mt_mbus_reader *reader, int64_t litres, uint16_t storage)
{
    const struct mt_value value = {.name = "volume",
                                   .unit = "m3",
                                   .mantissa = litres,
                                   .exponent = -3,
                                   .storage = storage,
                                   .obis = {.f = MT_OBIS_CURRENT}};
    mt_mbus_note(reader, &value, MT_MBUS_VOLUME);
}

/* Apator AT-WMBUS-16-2: 0F, 7 bytes of state, then fields that begin with a byte that says which;
 * FF up to a CRC over all of it. Here: how long each field is, behind that byte; 0: not known. */
static size_t apator_field_len(uint8_t tag)
{
    static const struct {
        uint8_t first;
        uint8_t last;
        uint8_t len;
    } lengths[] = {{0x00, 0x00, 4},  {0x01, 0x01, 3},  {0x10, 0x10, 4},  {0x11, 0x11, 2},
                   {0x40, 0x40, 6},  {0x41, 0x41, 2},  {0x42, 0x42, 4},  {0x43, 0x43, 2},
                   {0x44, 0x44, 3},  {0x80, 0x84, 10}, {0x85, 0x85, 11}, {0x86, 0x87, 10},
                   {0x88, 0x88, 11}, {0x8A, 0x8A, 9},  {0x8B, 0x8C, 6},  {0x8E, 0x8E, 7},
                   {0x8F, 0x8F, 11}, {0xA0, 0xA1, 4},  {0xA2, 0xA2, 1},  {0xA3, 0xA3, 7},
                   {0xA4, 0xA4, 4},  {0xA5, 0xA5, 1},  {0xA6, 0xA6, 3},  {0xA7, 0xA8, 2},
                   {0xA9, 0xA9, 1},  {0xAA, 0xAD, 2},  {0xAF, 0xAF, 1},  {0xB0, 0xB0, 5},
                   {0xB1, 0xB1, 8},  {0xB2, 0xB2, 16}, {0xB3, 0xB3, 8},  {0xB4, 0xB4, 2},
                   {0xB5, 0xB5, 16}, {0xB6, 0xBF, 3},  {0xC0, 0xC7, 3},  {0xD0, 0xD0, 3},
                   {0xD3, 0xD3, 3},  {0xF0, 0xF0, 4}};
    if (tag >= 0x71 && tag <= 0x7C) { /* volumes of past months: one more than the low digit */
        return 1 + 4 * (size_t)(tag - 0x70 + 1);
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        if (tag >= lengths[i].first && tag <= lengths[i].last) {
            return lengths[i].len;
        }
    }
    return 0;
}

#define APATOR_STATE_BYTES 7u
#define APATOR_TOTAL 0x10u
#define APATOR_PADDING 0xFFu

/* The bytes before the CRC, or 0. A receiver may have left the two bytes of a link CRC behind it. */
static size_t apator_covered(const uint8_t *bytes, size_t len)
{
    for (size_t tail = CRC_BYTES; tail <= (size_t)2 * CRC_BYTES; tail += CRC_BYTES) {
        if (len > 1 + APATOR_STATE_BYTES + tail) {
            const uint8_t *sent = bytes + len - tail;
            uint16_t crc = mt_wmbus_crc(bytes, len - tail);
            if (sent[0] == crc >> 8 && sent[1] == (crc & 0xFF)) {
                return len - tail;
            }
        }
    }
    return 0;
}

enum mt_status mt_wmbus_apator_162(struct mt_mbus_reader *reader,
                                   const struct mt_wmbus_payload *payload,
                                   const struct mt_input *input)
{
    (void)input; /* its decipherment is the standard's */
    size_t covered = apator_covered(payload->bytes, payload->len);
    if (covered == 0) {
        mt_trace_fault(reader->trace, payload->bytes, payload->len,
                       "the CRC at the end of Apator's data differs");
        return MT_BAD_CHECKSUM;
    }
    mt_wmbus_tell(reader, payload, 0, 1, "DIF: Apator's own data");
    mt_wmbus_tell(reader, payload, 1, APATOR_STATE_BYTES, "state");
    struct mt_cursor c = mt_cursor_over(payload->bytes, covered);
    (void)mt_cursor_take(&c, 1 + APATOR_STATE_BYTES); /* as many are there: see apator_covered */
    while (mt_cursor_left(&c) > 0 && *c.at != APATOR_PADDING) {
        const uint8_t *at = c.at;
        uint8_t tag = mt_cursor_u8(&c);
        size_t len = apator_field_len(tag);
        const uint8_t *field = mt_cursor_take(&c, len);
        if (len == 0 || field == NULL) {
            mt_trace_fault(reader->trace, at, 1, "a field of Apator's data that is not known");
            return MT_UNSUPPORTED;
        }
        mt_trace_field(reader->trace, at, 1 + len, tag == APATOR_TOTAL ? "volume" : "Apator's own",
                       NULL);
        if (tag == APATOR_TOTAL) {
            struct mt_cursor total = mt_cursor_over(field, len);
            note_litres(reader, mt_cursor_le32(&total), 0);
        }
    }
    return MT_OK;
}

#define NA1_CLOCK_MIN INT64_C(473385600)  /* 2015-01-01, seconds since 2000 */
#define NA1_CLOCK_MAX INT64_C(1893456000) /* 2060-01-01 */
#define LOCAL_2000_US INT64_C(946656000000000)

/* Apator NA-1: an access number, a state, and 16 bytes as mode 5 enciphers them; within, 2F, the
 * volume with a decimal shift, seconds since 2000, and the history. */
enum mt_status mt_wmbus_apator_na1(struct mt_mbus_reader *reader,
                                   const struct mt_wmbus_payload *payload,
                                   const struct mt_input *input)
{
    static const uint16_t steps[] = {1, 10, 100, 1000};
    if (payload->len != 2 + MT_AES_BLOCK) {
        return MT_BAD_LAYOUT;
    }
    mt_wmbus_tell(reader, payload, 0, 1, "access number");
    mt_wmbus_tell(reader, payload, 1, 1, "state");
    mt_wmbus_tell(reader, payload, 2, MT_AES_BLOCK, "encrypted");
    if (input == NULL || input->key == NULL || input->key_len != KEY_BYTES) {
        mt_trace_fault(reader->trace, payload->bytes + 2, MT_AES_BLOCK,
                       "Apator's data are encrypted: give the meter's key");
        return MT_NO_KEY;
    }
    uint8_t iv[MT_AES_BLOCK];
    uint8_t plain[MT_AES_BLOCK];
    memcpy(iv, payload->frame + 2, 8);
    memset(iv + 8, payload->bytes[0], 8);
    mt_aes_cbc_decrypt(plain, payload->bytes + 2, MT_AES_BLOCK, input->key, iv);
    struct mt_cursor c = mt_cursor_over(plain, sizeof(plain));
    uint8_t filler = mt_cursor_u8(&c);
    uint8_t first = mt_cursor_u8(&c);
    int64_t rest = (int64_t)mt_cursor_le(&c, 3);
    int64_t clock_s = mt_cursor_le32(&c);
    if (filler != FILLER || first >> 6 != 0 || clock_s < NA1_CLOCK_MIN || clock_s > NA1_CLOCK_MAX) {
        mt_trace_fault(reader->trace, payload->bytes + 2, MT_AES_BLOCK,
                       "decrypted it does not begin as it should: the key is another");
        return MT_NOT_AUTHENTIC;
    }
    reader->frame->with_key = true;
    note_litres(reader, (rest * 16 + (first & 0xF)) * steps[first >> 4 & 3], 0);
    reader->frame->has_time = true;
    reader->frame->time_us = LOCAL_2000_US + clock_s * 1000000;
    return MT_OK;
}

#define EITN_BYTES 15u
#define EITN_UNITS_AT 7u
#define EITN_OWN 0xA0u
#define CI_EITN_LONG 0xB6u

/* Apator E-ITN: with CI B6 a field with a length comes first. */
enum mt_status mt_wmbus_apator_eitn(struct mt_mbus_reader *reader,
                                    const struct mt_wmbus_payload *payload,
                                    const struct mt_input *input)
{
    (void)input; /* sent in the clear */
    size_t at = 0;
    if (payload->ci == CI_EITN_LONG) {
        at = payload->len > 0 ? 1 + (size_t)(payload->bytes[0] & 0xF) : payload->len;
        if (payload->len <= at || payload->bytes[0] > 0xF || payload->bytes[at] != EITN_OWN) {
            return MT_BAD_LAYOUT;
        }
        mt_wmbus_tell(reader, payload, 0, at, "state");
        at++;
    } else if (payload->ci != EITN_OWN) {
        return MT_UNSUPPORTED;
    }
    if (payload->len - at != EITN_BYTES) {
        mt_trace_fault(reader->trace, payload->bytes, payload->len,
                       "this maker's payload has another length");
        return MT_BAD_LAYOUT;
    }
    mt_wmbus_tell(reader, payload, at, EITN_UNITS_AT, "past period");
    at += EITN_UNITS_AT;
    mt_wmbus_tell(reader, payload, at, 2, "heat cost units");
    mt_wmbus_tell(reader, payload, at + 2, payload->len - at - 2, "date and temperatures");
    const struct mt_value value = {.name = "heat cost units",
                                   .unit = "units",
                                   .mantissa = payload->bytes[at] | payload->bytes[at + 1] << 8,
                                   .obis = {.f = MT_OBIS_CURRENT}};
    mt_mbus_note(reader, &value, MT_MBUS_COST_UNITS);
    return MT_OK;
}

#define PRIOS_HEAD 4u     /* behind CI, in the clear: state and alarms */
#define PRIOS_FIRST 0x4Bu /* the first byte when it is opened with the right key */
#define PRIOS_VOLUME_END 5u
#define PRIOS_MONTH_END 9u
#define PRIOS_DATA_AT (MT_WMBUS_CI_AT + 1u + PRIOS_HEAD)
#define SAP_CODE 0x4C30u

void mt_wmbus_prios(uint8_t *out, const uint8_t *frame, size_t frame_len, const uint8_t key[8])
{
    MT_CHECK(out != NULL && frame != NULL && key != NULL && frame_len >= PRIOS_DATA_AT);
    struct mt_cursor c = mt_cursor_over(key, 8);
    uint32_t state = (uint32_t)mt_cursor_be(&c, 4);
    state ^= (uint32_t)mt_cursor_be(&c, 4);
    c = mt_cursor_over(frame + 2, 12);
    for (unsigned i = 0; i < 3; i++) { /* M A, and from CI on */
        state ^= (uint32_t)mt_cursor_be(&c, 4);
    }
    for (size_t i = PRIOS_DATA_AT; i < frame_len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint32_t next = (state >> 1 ^ state >> 2 ^ state >> 11 ^ state >> 31) & 1;
            state = state << 1 | next;
        }
        out[i - PRIOS_DATA_AT] = (uint8_t)(frame[i] ^ state);
    }
}

/* Open with the meter's key, or with those that all these meters are delivered with. */
static bool prios_open(uint8_t *out, const struct mt_wmbus_payload *payload,
                       const struct mt_input *input)
{
    static const uint8_t delivered[2][8] = {{0x39, 0xBC, 0x8A, 0x10, 0xE6, 0x6D, 0x83, 0xF8},
                                            {0x51, 0x72, 0x89, 0x10, 0xE6, 0x6D, 0x83, 0xF8}};
    if (input != NULL && input->key != NULL && input->key_len >= sizeof(delivered[0])) {
        mt_wmbus_prios(out, payload->frame, payload->frame_len, input->key);
        return out[0] == PRIOS_FIRST;
    }
    for (size_t i = 0; i < 2; i++) {
        mt_wmbus_prios(out, payload->frame, payload->frame_len, delivered[i]);
        if (out[0] == PRIOS_FIRST) {
            return true;
        }
    }
    return false;
}

/* Diehl writes the address as V T ID, Sappel's older meters a number of their own in its place. */
static void prios_identity(struct mt_identity *identity, const struct mt_wmbus_payload *payload)
{
    bool own = (payload->maker & 0x7FFF) == SAP_CODE;
    mt_bcd_address_text(identity->number, payload->frame + (own ? 4 : 6), 4);
}

/* Bits of the alarm bytes: of now, as far as they tell of tampering. */
static uint8_t prios_flags(const uint8_t *head)
{
    uint8_t flags = (head[2] & 0x8A) != 0 ? MT_FLAG_TAMPER : 0; /* back flow, sensor, mechanics */
    return (head[1] & 0x1F) == 0 ? flags | MT_FLAG_LOW_BATTERY : flags;
}

enum mt_status mt_wmbus_diehl(struct mt_mbus_reader *reader, const struct mt_wmbus_payload *payload,
                              const struct mt_input *input)
{
    uint8_t plain[MT_WMBUS_STRIPPED_MAX] = {0};
    if (payload->bytes != payload->frame + MT_WMBUS_CI_AT + 1 ||
        payload->len < PRIOS_HEAD + PRIOS_VOLUME_END) {
        return MT_BAD_LAYOUT;
    }
    if (!prios_open(plain, payload, input)) {
        mt_trace_fault(reader->trace, payload->bytes + PRIOS_HEAD, payload->len - PRIOS_HEAD,
                       "opened it does not begin with 4B: the key is another, or it is no PRIOS");
        return MT_NOT_AUTHENTIC;
    }
    size_t len = payload->len - PRIOS_HEAD;
    mt_wmbus_tell(reader, payload, 0, PRIOS_HEAD, "state and alarms");
    mt_wmbus_tell(reader, payload, PRIOS_HEAD, len, "enciphered");
    mt_trace_layer(reader->trace, plain, len, "opened, PRIOS");
    mt_trace_field(reader->trace, plain, 1, "check", "right");
    mt_trace_field(reader->trace, plain + 1, 4, "volume", NULL);
    struct mt_cursor c = mt_cursor_over(plain + 1, len - 1);
    note_litres(reader, mt_cursor_le32(&c), 0);
    if (len >= PRIOS_MONTH_END) {
        mt_trace_field(reader->trace, c.at, 4, "volume at the end of last month", NULL);
        note_litres(reader, mt_cursor_le32(&c), 1);
    }
    mt_trace_field(reader->trace, c.at, mt_cursor_left(&c), "Diehl's own", NULL);
    mt_trace_layer(reader->trace, NULL, 0, NULL);
    prios_identity(&reader->frame->identity, payload);
    reader->frame->flags |= prios_flags(payload->bytes);
    return MT_OK;
}

#define WALK_BY_VIF_AT 9u
#define WALK_BY_TOTAL_AT 12u
#define WALK_BY_TOTAL_BYTES 4u
#define OWN_MORE 0x1Fu

/* Find the record 0D FF 5F. Returns its data, or NULL. */
static const uint8_t *walk_by(size_t *len, const uint8_t *records, size_t records_len)
{
    static const uint8_t head[] = {0x0D, 0xFF, 0x5F};
    struct mt_cursor c = mt_cursor_over(records, records_len);
    while (mt_cursor_left(&c) > 0) {
        const uint8_t *at = c.at;
        if (*at == MT_WMBUS_OWN_BLOCK || *at == OWN_MORE) {
            return NULL;
        }
        if (*at == FILLER) {
            (void)mt_cursor_u8(&c); /* stepped over */
            continue;
        }
        struct mt_mbus_record record;
        const uint8_t *bytes;
        uint8_t lvar;
        if (mt_mbus_record_head(&record, &c, NULL) != MT_OK) {
            return NULL;
        }
        bool found = (size_t)(c.at - at) == sizeof(head) && memcmp(at, head, sizeof(head)) == 0;
        if (mt_mbus_record_data(&bytes, len, &lvar, &c, &record) != MT_OK) {
            return NULL;
        }
        if (found) {
            return bytes;
        }
    }
    return NULL;
}

bool mt_wmbus_has_walk_by(const uint8_t *records, size_t len)
{
    size_t found;
    return walk_by(&found, records, len) != NULL;
}

/* Qundis' walk-by data: a head of 9 bytes, the VIF of all that follows, the date of an error, and
 * the register in eight digits; then its past values. */
enum mt_status mt_wmbus_qundis(struct mt_mbus_reader *reader,
                               const struct mt_wmbus_payload *payload, const struct mt_input *input)
{
    (void)input; /* its decipherment is the standard's */
    size_t len;
    const uint8_t *bytes = walk_by(&len, payload->bytes, payload->len);
    if (bytes == NULL || len < WALK_BY_TOTAL_AT + WALK_BY_TOTAL_BYTES) {
        return MT_UNSUPPORTED;
    }
    const struct mt_mbus_quantity *quantity =
        mt_mbus_quantity_of(MT_MBUS_VIF, bytes[WALK_BY_VIF_AT]);
    if (bytes[WALK_BY_VIF_AT] > 0x7F || quantity->reg == MT_MBUS_NO_REGISTER) {
        mt_trace_fault(reader->trace, bytes + WALK_BY_VIF_AT, 1, "no VIF of a register");
        return MT_UNSUPPORTED;
    }
    struct mt_value value = {.name = quantity->name,
                             .unit = quantity->unit,
                             .obis = {.f = MT_OBIS_CURRENT}};
    int64_t digits;
    enum mt_status status =
        mt_mbus_bcd(&digits, &value.absent, bytes + WALK_BY_TOTAL_AT, WALK_BY_TOTAL_BYTES);
    if (status == MT_OK && !value.absent) {
        int exponent = quantity->exponent + bytes[WALK_BY_VIF_AT] - quantity->first;
        status = mt_mbus_scale(&value, digits, exponent);
    }
    if (status != MT_OK) {
        mt_trace_fault(reader->trace, bytes + WALK_BY_TOTAL_AT, WALK_BY_TOTAL_BYTES,
                       "a digit of the register is none");
        return status;
    }
    mt_mbus_note(reader, &value, quantity->reg);
    return MT_OK;
}
