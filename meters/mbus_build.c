/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Building frames of wired M-Bus; see mbus.h. */
#include <string.h>

#include "meters/bcd.h"
#include "meters/calendar.h"
#include "meters/checksum.h"
#include "meters/frame_scan.h"
#include "meters/mbus.h"
#include "meters/mbus_secure.h"

#define SHORT_START 0x10u
#define LONG_OVERHEAD 3u /* C A CI */
#define DATA_MAX 252u
#define RSP_UD 0x08u
#define SND_NKE 0x40u
#define SND_UD 0x53u
#define REQ_UD2 0x5Bu
#define FCB 0x20u
#define CI_SELECT 0x52u
#define CI_LONG 0x72u
#define STATUS_LOW_POWER 0x04u

#define DIF_4_BYTES 0x04u
#define DIF_6_BYTES 0x06u
#define DIF_8_BYTES 0x07u
#define VIF_WH 0x03u
#define VIF_ML 0x10u
#define VIF_CLOCK 0x6Du
#define RECORDS_MAX 32u

enum mt_status mt_mbus_build_long(uint8_t *out, size_t *out_len, size_t out_max,
                                  const struct mt_mbus_long *frame)
{
    MT_CHECK(out != NULL && out_len != NULL && frame != NULL);
    MT_CHECK(frame->data != NULL || frame->data_len == 0);
    if (frame->data_len > DATA_MAX) {
        return MT_TOO_LARGE;
    }
    uint8_t len = (uint8_t)(LONG_OVERHEAD + frame->data_len);
    struct mt_writer w = mt_writer_into(out, out_max);
    mt_writer_u8(&w, MT_FRAME_START);
    mt_writer_u8(&w, len);
    mt_writer_u8(&w, len);
    mt_writer_u8(&w, MT_FRAME_START);
    mt_writer_u8(&w, frame->control);
    mt_writer_u8(&w, frame->address);
    mt_writer_u8(&w, frame->ci);
    mt_writer_bytes(&w, frame->data, frame->data_len);
    mt_writer_u8(&w, w.overflow ? 0 : mt_sum8(out + 4, len));
    mt_writer_u8(&w, MT_FRAME_END);
    if (w.overflow) {
        return MT_TOO_LARGE;
    }
    *out_len = mt_writer_len(&w);
    return MT_OK;
}

static void build_short(uint8_t out[MT_MBUS_SHORT_BYTES], uint8_t control, uint8_t address)
{
    MT_CHECK(out != NULL);
    const uint8_t bytes[MT_MBUS_SHORT_BYTES] = {SHORT_START, control, address,
                                                (uint8_t)(control + address), MT_FRAME_END};
    memcpy(out, bytes, sizeof(bytes));
}

void mt_mbus_build_reset(uint8_t out[MT_MBUS_SHORT_BYTES], uint8_t address)
{
    build_short(out, SND_NKE, address);
}

void mt_mbus_build_request(uint8_t out[MT_MBUS_SHORT_BYTES], uint8_t address, bool fcb)
{
    build_short(out, fcb ? REQ_UD2 | FCB : REQ_UD2, address);
}

enum mt_status mt_mbus_build_select(uint8_t *out, size_t *out_len, size_t out_max,
                                    const struct mt_mbus_selection *selection)
{
    MT_CHECK(selection != NULL && selection->number != NULL);
    uint8_t data[8];
    enum mt_status status = mt_bcd_address_parse(data, 4, selection->number);
    uint16_t maker = selection->maker != NULL ? mt_mbus_maker_code(selection->maker) : 0xFFFF;
    if (status != MT_OK || maker == 0) {
        return MT_BAD_DIGIT;
    }
    data[4] = (uint8_t)maker;
    data[5] = (uint8_t)(maker >> 8);
    data[6] = selection->version;
    data[7] = selection->type;
    struct mt_mbus_long frame = {.control = SND_UD,
                                 .address = MT_MBUS_ADDRESS_SELECTED,
                                 .ci = CI_SELECT,
                                 .data = data,
                                 .data_len = sizeof(data)};
    return mt_mbus_build_long(out, out_len, out_max, &frame);
}

/* Type I, annex A: a date and time with its seconds. */
static enum mt_status write_clock(struct mt_writer *w, int64_t time_us)
{
    struct mt_calendar local;
    if (mt_calendar_from_us(&local, time_us) != MT_OK || local.year > 2099) {
        return MT_BAD_RANGE;
    }
    int32_t year = local.year - 2000;
    mt_writer_u8(w, DIF_6_BYTES);
    mt_writer_u8(w, VIF_CLOCK);
    mt_writer_u8(w, (uint8_t)local.second);
    mt_writer_u8(w, (uint8_t)local.minute);
    mt_writer_u8(w, (uint8_t)local.hour);
    mt_writer_u8(w, (uint8_t)(local.day | (year & 7) << 5));
    mt_writer_u8(w, (uint8_t)(local.month | year >> 3 << 4));
    mt_writer_u8(w, 0);
    return MT_OK;
}

enum mt_status mt_mbus_write_records(struct mt_writer *w, const struct mt_sending *sending)
{
    MT_CHECK(w != NULL && sending != NULL && sending->reading.total >= 0);
    const struct mt_reading *reading = &sending->reading;
    uint8_t medium = sending->identity.medium;
    bool is_energy = medium == MT_POWER || medium == MT_HEAT;
    bool is_short = reading->total <= INT32_MAX;
    mt_writer_u8(w, is_short ? DIF_4_BYTES : DIF_8_BYTES);
    mt_writer_u8(w, is_energy ? VIF_WH : VIF_ML);
    mt_writer_le(w, (uint64_t)reading->total, is_short ? 4 : 8);
    return reading->time_us != 0 ? write_clock(w, reading->time_us) : MT_OK;
}

static enum mt_status build(uint8_t *out, size_t *out_len, size_t out_max,
                            const struct mt_sending *sending, const uint8_t *counter)
{
    struct mt_mbus_head head = {.access = (uint8_t)sending->counter};
    head.status = (sending->reading.flags & MT_FLAG_LOW_BATTERY) != 0 ? STATUS_LOW_POWER : 0;
    uint8_t records[RECORDS_MAX];
    struct mt_writer w = mt_writer_into(records, sizeof(records));
    enum mt_status status = mt_mbus_head_set(&head, &sending->identity);
    if (status == MT_OK) {
        status = mt_mbus_write_records(&w, sending);
    }
    if (status != MT_OK) {
        return status;
    }
    const struct mt_mbus_plain plain = {.bytes = records,
                                        .len = mt_writer_len(&w),
                                        .key = sending->key,
                                        .key_len = sending->key_len,
                                        .counter = counter};
    uint8_t sealed[RECORDS_MAX + 2 * MT_AES_BLOCK];
    size_t sealed_len = plain.len;
    if (sending->key != NULL || counter != NULL) {
        status = mt_mbus_seal(sealed, &sealed_len, sizeof(sealed), &head, &plain);
    } else {
        memcpy(sealed, records, plain.len);
    }
    if (status != MT_OK) {
        return status;
    }
    /* The message from its CI on, which the MAC is over. */
    uint8_t message[1 + 13 + sizeof(sealed)];
    struct mt_writer m = mt_writer_into(message, sizeof(message));
    mt_writer_u8(&m, CI_LONG);
    mt_mbus_head_write(&m, &head, true);
    mt_writer_bytes(&m, sealed, sealed_len);
    uint8_t data[MT_MBUS_AFL_MAX + sizeof(message)];
    struct mt_writer d = mt_writer_into(data, sizeof(data));
    if (counter != NULL) {
        status = mt_mbus_afl_write(&d, message, mt_writer_len(&m), &head, &plain);
    }
    mt_writer_bytes(&d, message, mt_writer_len(&m));
    MT_CHECK(!w.overflow && !m.overflow && !d.overflow);
    struct mt_mbus_long frame = {.control = RSP_UD,
                                 .address = 1,
                                 .ci = data[0],
                                 .data = data + 1,
                                 .data_len = mt_writer_len(&d) - 1};
    return status == MT_OK ? mt_mbus_build_long(out, out_len, out_max, &frame) : status;
}

enum mt_status mt_mbus_build(uint8_t *out, size_t *out_len, size_t out_max,
                             const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    return build(out, out_len, out_max, sending, NULL);
}

enum mt_status mt_mbus_build_mode7(uint8_t *out, size_t *out_len, size_t out_max,
                                   const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    const uint8_t counter[4] = {(uint8_t)sending->counter, (uint8_t)(sending->counter >> 8),
                                (uint8_t)(sending->counter >> 16),
                                (uint8_t)(sending->counter >> 24)};
    return build(out, out_len, out_max, sending, counter);
}
