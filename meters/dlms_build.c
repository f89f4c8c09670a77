/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pushed list as a meter sends it; see dlms.h. */
#include <string.h>

#include "meters/aes.h"
#include "meters/axdr.h"
#include "meters/calendar.h"
#include "meters/dlms.h"
#include "meters/dlms_glo.h"
#include "meters/dlms_object.h"
#include "meters/hdlc.h"
#include "meters/writer.h"

#define PLAIN_MAX 256u /* number, clock, total and four bands */
#define SEAL_BYTES 17u /* message, title with its length, length in two bytes, SC, counter */
#define LLC_BYTES 3u
#define KEY_BYTES ((size_t)16)
#define SCALER_ML (-6)

static void write_code(struct mt_writer *w, const uint8_t *code)
{
    mt_writer_u8(w, MT_AXDR_OCTETS);
    mt_writer_u8(w, MT_OBIS_BYTES);
    mt_writer_bytes(w, code, MT_OBIS_BYTES);
}

static void write_register(struct mt_writer *w, const uint8_t *code, uint8_t medium, int64_t value)
{
    bool energy = medium == MT_POWER || medium == MT_HEAT;
    mt_writer_be(w, MT_AXDR_STRUCTURE << 8 | 3, 2);
    write_code(w, code);
    mt_writer_u8(w, MT_AXDR_UINT64);
    mt_writer_be(w, (uint64_t)value, 8);
    mt_writer_be(w, MT_AXDR_STRUCTURE << 8 | 2, 2);
    mt_writer_u8(w, MT_AXDR_INT8);
    mt_writer_u8(w, (uint8_t)(energy ? 0 : SCALER_ML));
    mt_writer_u8(w, MT_AXDR_ENUM);
    mt_writer_u8(w, energy ? MT_DLMS_UNIT_WH : MT_DLMS_UNIT_M3);
}

/* Local time: UTC+8 is 480 minutes before UTC. */
static void write_time(struct mt_writer *w, const struct mt_calendar *local)
{
    mt_writer_u8(w, 12);
    mt_writer_be(w, (uint64_t)local->year, 2);
    mt_writer_u8(w, (uint8_t)local->month);
    mt_writer_u8(w, (uint8_t)local->day);
    mt_writer_u8(w, 0xFF); /* weekday not specified */
    mt_writer_u8(w, (uint8_t)local->hour);
    mt_writer_u8(w, (uint8_t)local->minute);
    mt_writer_u8(w, (uint8_t)local->second);
    mt_writer_u8(w, 0xFF);
    mt_writer_be(w, (uint16_t)-480, 2);
    mt_writer_u8(w, 0);
}

static void write_list(struct mt_writer *w, const struct mt_sending *sending)
{
    static const uint8_t number_code[MT_OBIS_BYTES] = {0, 0, 96, 1, 0, 255};
    const struct mt_reading *reading = &sending->reading;
    const char *number = sending->identity.number;
    uint8_t medium = sending->identity.medium;
    uint8_t code[MT_OBIS_BYTES];
    uint8_t count = 2;
    for (size_t band = 0; band < MT_BANDS; band++) {
        count += (uint8_t)(reading->band_mask >> band & 1u);
    }
    mt_writer_u8(w, MT_AXDR_ARRAY);
    mt_writer_u8(w, count);
    mt_writer_be(w, MT_AXDR_STRUCTURE << 8 | 2, 2);
    write_code(w, number_code);
    mt_writer_u8(w, MT_AXDR_TEXT);
    mt_writer_u8(w, (uint8_t)strlen(number));
    mt_writer_bytes(w, number, strlen(number));
    memcpy(code, mt_dlms_total_obis(medium), sizeof(code));
    write_register(w, code, medium, reading->total);
    for (size_t band = 0; band < MT_BANDS; band++) {
        code[4] = (uint8_t)(band + 1);
        if ((reading->band_mask >> band & 1u) != 0) {
            write_register(w, code, medium, reading->band[band]);
        }
    }
}

/* The meter's system title: three letters, and its number in five bytes. */
static void make_title(uint8_t title[MT_DLMS_TITLE_BYTES], const char *number)
{
    uint64_t value = 0;
    for (; *number != '\0'; number++) {
        value = value * 36 + (uint64_t)(*number <= '9' ? *number - '0' : *number - 'A' + 10);
    }
    struct mt_writer w = mt_writer_into(title, MT_DLMS_TITLE_BYTES);
    mt_writer_bytes(&w, "MTP", 3);
    mt_writer_be(&w, value, 5);
}

/* Encrypt and authenticate a message. */
static void seal(struct mt_writer *w, const uint8_t *plain, size_t len,
                 const struct mt_sending *sending)
{
    uint8_t iv[MT_GCM_IV_BYTES];
    uint8_t aad[1 + KEY_BYTES] = {MT_DLMS_AUTHENTICATED | MT_DLMS_ENCRYPTED};
    size_t second = sending->key_len - KEY_BYTES;
    struct mt_gcm gcm = {.key = sending->key,
                         .iv = iv,
                         .aad = aad,
                         .aad_len = 1 + second,
                         .tag_len = MT_DLMS_TAG_BYTES};
    make_title(iv, sending->identity.number);
    struct mt_writer counter = mt_writer_into(iv + MT_DLMS_TITLE_BYTES, 4);
    mt_writer_be(&counter, sending->counter, 4);
    memcpy(aad + 1, sending->key + KEY_BYTES, second);
    mt_writer_u8(w, MT_DLMS_GLO);
    mt_writer_u8(w, MT_DLMS_TITLE_BYTES);
    mt_writer_bytes(w, iv, MT_DLMS_TITLE_BYTES);
    mt_writer_u8(w, 0x82);
    mt_writer_be(w, 5 + len + MT_DLMS_TAG_BYTES, 2);
    mt_writer_u8(w, aad[0]);
    mt_writer_bytes(w, iv + MT_DLMS_TITLE_BYTES, 4);
    uint8_t *text = mt_writer_reserve(w, len);
    uint8_t *tag = mt_writer_reserve(w, MT_DLMS_TAG_BYTES);
    if (text != NULL && tag != NULL) {
        mt_aes_gcm_seal(text, tag, plain, len, &gcm);
    }
}

static enum mt_status check(const struct mt_sending *s)
{
    const char *number = s->identity.number;
    bool fits = s->reading.total >= 0 && s->reading.total <= MT_REGISTER_MAX &&
                s->reading.band_mask < 1u << MT_BANDS;
    for (size_t band = 0; band < MT_BANDS; band++) {
        fits = fits && s->reading.band[band] >= 0 && s->reading.band[band] <= MT_REGISTER_MAX;
    }
    for (size_t i = 0; number[i] != '\0'; i++) {
        bool known =
            (number[i] >= '0' && number[i] <= '9') || (number[i] >= 'A' && number[i] <= 'Z');
        if (!known) {
            return MT_BAD_DIGIT;
        }
    }
    if (number[0] == '\0') {
        return MT_BAD_DIGIT;
    }
    if (mt_dlms_total_obis(s->identity.medium) == NULL || s->identity.maker[0] != '\0') {
        return MT_UNSUPPORTED;
    }
    if (s->key != NULL && s->key_len != KEY_BYTES && s->key_len != 2 * KEY_BYTES) {
        return MT_NO_KEY;
    }
    return fits ? MT_OK : MT_BAD_RANGE;
}

enum mt_status mt_dlms_build(uint8_t *out, size_t *out_len, size_t out_max,
                             const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    uint8_t plain[PLAIN_MAX];
    uint8_t
        frame[MT_HDLC_HEAD + LLC_BYTES + SEAL_BYTES + PLAIN_MAX + MT_DLMS_TAG_BYTES + MT_HDLC_TAIL];
    struct mt_calendar local;
    enum mt_status status = check(sending);
    bool has_time = sending->reading.time_us != 0;
    if (status == MT_OK && has_time) {
        status = mt_calendar_from_us(&local, sending->reading.time_us);
    }
    if (status != MT_OK) {
        return status;
    }
    struct mt_writer w = mt_writer_into(plain, sizeof(plain));
    mt_writer_u8(&w, MT_DLMS_NOTIFICATION);
    mt_writer_be(&w, sending->counter & 0xFFFFFFu, 4);
    if (has_time) {
        write_time(&w, &local);
    } else {
        mt_writer_u8(&w, 0);
    }
    write_list(&w, sending);
    MT_CHECK(!w.overflow); /* its size does not depend on what is sent beyond the limits above */
    size_t plain_len = mt_writer_len(&w);
    w = mt_writer_into(frame + MT_HDLC_HEAD, sizeof(frame) - MT_HDLC_HEAD - MT_HDLC_TAIL);
    mt_writer_be(&w, 0xE6E700, LLC_BYTES);
    if (sending->key != NULL) {
        seal(&w, plain, plain_len, sending);
    } else {
        mt_writer_bytes(&w, plain, plain_len);
    }
    MT_CHECK(!w.overflow);
    size_t len = mt_hdlc_wrap(frame, mt_writer_len(&w));
    if (len > out_max) {
        return MT_TOO_LARGE;
    }
    memcpy(out, frame, len);
    *out_len = len;
    return MT_OK;
}
