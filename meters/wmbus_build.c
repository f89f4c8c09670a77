/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Building frames of wireless M-Bus; see wmbus.h. */
#include <string.h>

#include "meters/aes.h"
#include "meters/mbus.h"
#include "meters/mbus_secure.h"
#include "meters/wmbus.h"
#include "meters/wmbus_formats.h"
#include "meters/wmbus_layers.h"

#define SND_NR 0x44u
#define CI_SHORT 0x7Au
#define CI_NO_HEAD 0x78u
#define CI_COMPACT 0x79u
#define CI_ELL_SECURE 0x8Du
#define CC_SYNCHRONOUS 0x20u
#define STATUS_LOW_POWER 0x04u
#define KEY_BYTES 16u
#define SESSION_MAX 0x1FFFFFFFu /* 29 bits of SN */
#define ENC_CTR_BIT 0x20000000u
#define RECORDS_MAX 64u

/* The link's fields up to the address; L is filled in last. */
static void write_link(struct mt_writer *w, const struct mt_mbus_head *head)
{
    mt_writer_u8(w, 0);
    mt_writer_u8(w, SND_NR);
    mt_writer_bytes(w, head->maker, sizeof(head->maker));
    mt_writer_bytes(w, head->number, sizeof(head->number));
    mt_writer_u8(w, head->version);
    mt_writer_u8(w, head->type);
}

/* CI 7A, its head and the records; mode 5 with a key. */
static enum mt_status write_short(struct mt_writer *w, struct mt_mbus_head *head,
                                  const uint8_t *records, size_t len,
                                  const struct mt_sending *sending)
{
    uint8_t sealed[MT_WMBUS_STRIPPED_MAX];
    size_t sealed_len = len;
    if (sending->key == NULL) {
        memcpy(sealed, records, len);
    } else {
        const struct mt_mbus_plain plain = {
            .bytes = records, .len = len, .key = sending->key, .key_len = sending->key_len};
        enum mt_status status = mt_mbus_seal(sealed, &sealed_len, sizeof(sealed), head, &plain);
        if (status != MT_OK) {
            return status;
        }
    }
    mt_writer_u8(w, CI_SHORT);
    mt_mbus_head_write(w, head, false);
    mt_writer_bytes(w, sealed, sealed_len);
    return MT_OK;
}

/* CI 8D, and within it the records as they are or without their DIFs and VIFs. */
static enum mt_status write_ell(struct mt_writer *w, const uint8_t *records, size_t len,
                                const struct mt_sending *sending, enum mt_wmbus_kind kind)
{
    if (sending->key != NULL && sending->key_len != KEY_BYTES) {
        return MT_NO_KEY;
    }
    if (sending->counter > SESSION_MAX) {
        return MT_BAD_RANGE;
    }
    uint8_t inside[2 + 1 + RECORDS_MAX + 4];
    uint8_t *application = inside + 3;
    size_t application_len = len;
    if (kind == MT_WMBUS_COMPACT) {
        enum mt_status status =
            mt_wmbus_compact(application, &application_len, RECORDS_MAX + 4, records, len);
        if (status != MT_OK) {
            return status;
        }
    } else {
        memcpy(application, records, len);
    }
    inside[2] = kind == MT_WMBUS_COMPACT ? CI_COMPACT : CI_NO_HEAD;
    uint16_t crc = mt_wmbus_crc(inside + 2, 1 + application_len);
    inside[0] = (uint8_t)crc;
    inside[1] = (uint8_t)(crc >> 8);
    mt_writer_u8(w, CI_ELL_SECURE);
    const uint8_t *ell = w->at;
    mt_writer_u8(w, CC_SYNCHRONOUS);
    mt_writer_u8(w, (uint8_t)sending->counter);
    const uint8_t *sn = w->at;
    mt_writer_le(w, sending->counter | (sending->key != NULL ? ENC_CTR_BIT : 0), 4);
    if (w->overflow) {
        return MT_TOO_LARGE;
    }
    if (sending->key != NULL) {
        uint8_t iv[16];
        mt_wmbus_ell_iv(iv, w->first, ell, sn);
        mt_aes_ctr(inside, inside, 3 + application_len, sending->key, iv);
    }
    mt_writer_bytes(w, inside, 3 + application_len);
    return MT_OK;
}

/* The records of a reading, and the head of their message. */
static enum mt_status write_records(uint8_t records[RECORDS_MAX], size_t *len,
                                    struct mt_mbus_head *head, const struct mt_sending *sending)
{
    MT_CHECK(sending->key != NULL || sending->key_len == 0);
    struct mt_writer w = mt_writer_into(records, RECORDS_MAX);
    bool is_low = (sending->reading.flags & MT_FLAG_LOW_BATTERY) != 0;
    *head = (struct mt_mbus_head){.access = (uint8_t)sending->counter,
                                  .status = is_low ? STATUS_LOW_POWER : 0};
    enum mt_status status = mt_mbus_head_set(head, &sending->identity);
    if (status == MT_OK) {
        status = mt_mbus_write_records(&w, sending);
    }
    *len = mt_writer_len(&w);
    return status == MT_OK && w.overflow ? MT_TOO_LARGE : status;
}

enum mt_status mt_wmbus_build_as(uint8_t *out, size_t *out_len, size_t out_max,
                                 const struct mt_sending *sending, enum mt_wmbus_shape shape,
                                 enum mt_wmbus_kind kind)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    struct mt_mbus_head head;
    uint8_t records[RECORDS_MAX];
    size_t records_len;
    enum mt_status status = write_records(records, &records_len, &head, sending);
    if (status != MT_OK) {
        return status;
    }
    uint8_t frame[MT_WMBUS_STRIPPED_MAX];
    struct mt_writer w = mt_writer_into(frame, sizeof(frame));
    write_link(&w, &head);
    status = kind == MT_WMBUS_SHORT ? write_short(&w, &head, records, records_len, sending)
                                    : write_ell(&w, records, records_len, sending, kind);
    if (status == MT_OK && w.overflow) {
        status = MT_TOO_LARGE;
    }
    if (status != MT_OK) {
        return status;
    }
    frame[0] = (uint8_t)(mt_writer_len(&w) - 1);
    return mt_wmbus_wrap(out, out_len, out_max, frame, shape);
}

enum mt_status mt_wmbus_build(uint8_t *out, size_t *out_len, size_t out_max,
                              const struct mt_sending *sending)
{
    return mt_wmbus_build_as(out, out_len, out_max, sending, MT_WMBUS_STRIPPED, MT_WMBUS_SHORT);
}

/* The message of mode 7 that fragments are parts of: CI 7A, its head, the encrypted records. */
static enum mt_status write_message(struct mt_writer *w, struct mt_mbus_head *head,
                                    const struct mt_mbus_plain *plain)
{
    uint8_t sealed[RECORDS_MAX + 2 * MT_AES_BLOCK];
    size_t sealed_len;
    enum mt_status status = mt_mbus_seal(sealed, &sealed_len, sizeof(sealed), head, plain);
    if (status == MT_OK) {
        mt_writer_u8(w, CI_SHORT);
        mt_mbus_head_write(w, head, false);
        mt_writer_bytes(w, sealed, sealed_len);
    }
    return status;
}

/* Leave in an AFL what its fragment has of it. */
static void keep_part(struct mt_mbus_afl *afl, unsigned fragment, unsigned of)
{
    bool is_first = fragment == 1;
    afl->fragment = of == 1 ? 0 : (uint8_t)fragment;
    afl->has_more = fragment < of;
    afl->control = is_first ? afl->control : 0;
    afl->has_counter = is_first;
    afl->has_length = is_first;
    afl->mac_len = fragment == of ? afl->mac_len : 0;
}

enum mt_status mt_wmbus_build_fragment(uint8_t *out, size_t *out_len, size_t out_max,
                                       const struct mt_sending *sending, unsigned fragment,
                                       unsigned of)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    const uint8_t counter[4] = {(uint8_t)sending->counter, (uint8_t)(sending->counter >> 8),
                                (uint8_t)(sending->counter >> 16),
                                (uint8_t)(sending->counter >> 24)};
    if (fragment < 1 || fragment > of || of > MT_FRAGMENTS_MAX) {
        return MT_BAD_RANGE;
    }
    struct mt_mbus_head head;
    uint8_t records[RECORDS_MAX];
    size_t records_len;
    enum mt_status status = write_records(records, &records_len, &head, sending);
    if (status != MT_OK) {
        return status;
    }
    const struct mt_mbus_plain plain = {records, records_len, sending->key, sending->key_len,
                                        counter};
    uint8_t message[RECORDS_MAX + 64];
    struct mt_writer m = mt_writer_into(message, sizeof(message));
    struct mt_mbus_afl afl = {.has_length = true};
    uint8_t mac[MT_AES_BLOCK];
    status = write_message(&m, &head, &plain);
    if (status == MT_OK) {
        status = mt_mbus_afl_sign(&afl, mac, message, mt_writer_len(&m), &head, &plain);
    }
    if (status != MT_OK) {
        return status;
    }
    MT_CHECK(!m.overflow);
    size_t from = mt_writer_len(&m) * (fragment - 1) / of;
    size_t to = mt_writer_len(&m) * fragment / of;
    uint8_t frame[MT_WMBUS_STRIPPED_MAX];
    struct mt_writer w = mt_writer_into(frame, sizeof(frame));
    keep_part(&afl, fragment, of);
    write_link(&w, &head);
    mt_mbus_afl_put(&w, &afl);
    mt_writer_bytes(&w, message + from, to - from);
    MT_CHECK(!w.overflow);
    frame[0] = (uint8_t)(mt_writer_len(&w) - 1);
    return mt_wmbus_wrap(out, out_len, out_max, frame, MT_WMBUS_STRIPPED);
}
