/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LoRaWAN payloads that are M-Bus records inside a frame of their maker's; see maker_layout.h. */
#include <string.h>

#include "meters/bcd.h"
#include "meters/maker_layout.h"
#include "meters/mbus.h"
#include "meters/mbus_head.h"
#include "meters/mbus_number.h"
#include "meters/mbus_record.h"

#define FILLER 0x2Fu
#define LONG_HEAD 0x72u
#define SHORT_HEAD 0x7Au
#define NO_HEAD 0x78u

#define VIF_VOLUME 0x10u /* to 17: 10^(n - 6) m3 (EN 13757-3, table 10) */
#define VIF_LITRES 0x13u
#define VIF_MOMENT 0x6Du
#define VIF_NUMBER 0x78u   /* fabrication number */
#define VIF_IDENTITY 0x79u /* the address of a long head, or its number */
#define STORED_LONG 0x44u  /* DIF: four bytes, storage 1 */
#define STORED_PROFILE 0x4Du
#define INVERSE_PROFILE 0x93u
#define NUMBER_BYTES 4u
#define DIF_BCD8 0x0Cu
#define ELVACO_KIND 0x00u /* the module's standard message */
#define PAYLOAD_MAX 64u
#define ML_PER_LITRE 1000

/* The meter's number, from its own records. */
static void note_number(struct mt_frame *frame, const uint8_t *head, const uint8_t *data,
                        size_t len)
{
    bool is_number = (head[0] == DIF_BCD8 && head[1] == VIF_NUMBER) || head[1] == VIF_IDENTITY;
    if (is_number && len >= NUMBER_BYTES) {
        mt_bcd_address_text(frame->identity.number, data, NUMBER_BYTES);
    }
}

/* Elvaco's modules for heat meters: a byte that says which message it is, then records. */
static enum mt_status read_elvaco(struct mt_frame *frame, const struct mt_input *input)
{
    struct mt_cursor walk = mt_cursor_over(input->bytes + 1, input->len - 1);
    struct mt_cursor records = walk;
    struct mt_mbus_reader reader;
    mt_trace_field(input->trace, input->bytes, 1, "kind of message", NULL);
    mt_mbus_reader_init(&reader, frame, input->trace);
    enum mt_status status = mt_mbus_records(&reader, &records, &records);
    while (status == MT_OK && mt_cursor_left(&walk) > 2 && mt_cursor_peek(&walk) != FILLER) {
        const uint8_t *head = walk.at;
        struct mt_mbus_record record;
        const uint8_t *data;
        size_t len;
        uint8_t lvar;
        status = mt_mbus_record_head(&record, &walk, NULL);
        if (status == MT_OK) {
            status = mt_mbus_record_data(&data, &len, &lvar, &walk, &record);
        }
        if (status == MT_OK) {
            note_number(frame, head, data, len);
        }
    }
    return status == MT_OK ? mt_mbus_finish(&reader) : status;
}

/* Run a decoder over a payload that is all there is. */
static enum mt_status decode_whole(struct mt_frame *out, size_t *used, const struct mt_input *input,
                                   struct mt_frame *frame,
                                   enum mt_status (*read)(struct mt_frame *,
                                                          const struct mt_input *))
{
    MT_CHECK(out != NULL && used != NULL && input != NULL);
    *used = 0;
    if (input->len < 2) {
        return MT_NEED_MORE;
    }
    *used = input->len;
    enum mt_status status = read(frame, input);
    if (!mt_status_is_told(status)) {
        mt_trace_fault(input->trace, input->bytes, input->len,
                       "the records are not what this maker sends, or end too early");
        return status;
    }
    if (status != MT_OK) {
        frame->value_count = 0;
        frame->has_total = false;
    }
    *out = *frame;
    return status;
}

enum mt_status mt_elvaco_lora_decode(struct mt_frame *out, size_t *used,
                                     const struct mt_input *input)
{
    struct mt_frame frame = {.protocol = "elvaco-lora", .identity = {.medium = MT_HEAT}};
    return decode_whole(out, used, input, &frame, read_elvaco);
}

/* The logged volume, if that is one: an invalid one is shown as absent, and no total. */
static enum mt_status read_volume(struct mt_frame *frame, const struct mt_mbus_record *record,
                                  const uint8_t *data, size_t len)
{
    struct mt_value volume = {
        .name = "volume", .unit = "m3", .storage = 1, .obis = {.c = 1, .f = MT_OBIS_CURRENT}};
    enum mt_status status = mt_mbus_number(&volume, record, data, len, 0);
    if (status != MT_OK) {
        return status;
    }
    struct mt_value *value = mt_frame_add(frame);
    MT_CHECK(value != NULL); /* there is one only */
    *value = volume;
    frame->has_total = !volume.absent;
    frame->total_is_void = volume.absent;
    frame->total = volume;
    return MT_OK;
}

/* Kamstrup's water meters: the last logged volume with its moment, both in storage 1, and hourly steps
 * back from it. Steps without a volume to start from say nothing. */
static enum mt_status read_kamstrup(struct mt_frame *frame, const struct mt_input *input)
{
    struct mt_cursor c = mt_cursor_over(input->bytes + 1, input->len - 1);
    struct mt_mbus_head head = {.has_address = false};
    bool has_profile = false;
    mt_trace_field(input->trace, input->bytes, 1, "kind of head (CI)", NULL);
    if (input->bytes[0] == LONG_HEAD) {
        mt_mbus_head_long(&head, &c, false, input->trace);
        mt_mbus_head_identity(&frame->identity, &head);
        frame->identity.medium = MT_WATER;
    } else if (input->bytes[0] == SHORT_HEAD) {
        mt_mbus_head_short(&head, &c, input->trace);
    } else if (input->bytes[0] != NO_HEAD) {
        return MT_UNSUPPORTED;
    }
    if (!c.overrun && mt_mbus_head_mode(&head) != MT_MBUS_CLEAR) {
        return MT_UNSUPPORTED; /* encrypted within LoRaWAN's own encryption: no meter is known to */
    }
    while (!c.overrun && mt_cursor_left(&c) > 1 && mt_cursor_peek(&c) != FILLER) {
        const uint8_t *at = c.at;
        struct mt_mbus_record record;
        const uint8_t *data = NULL;
        size_t len = 0;
        uint8_t lvar;
        enum mt_status status = mt_mbus_record_head(&record, &c, input->trace);
        if (status == MT_OK) {
            status = mt_mbus_record_data(&data, &len, &lvar, &c, &record);
        }
        if (status != MT_OK) {
            return status;
        }
        mt_trace_field(input->trace, data, len, "data", NULL);
        has_profile = has_profile || (at[0] == STORED_PROFILE && at[1] == INVERSE_PROFILE);
        bool is_volume = at[1] >= VIF_VOLUME && at[1] <= VIF_VOLUME + 7;
        if (at[0] == STORED_LONG && at[1] == VIF_MOMENT) {
            frame->has_time = mt_mbus_clock(&frame->time_us, data, len) == MT_OK;
            frame->time_us = frame->has_time ? frame->time_us : 0;
        } else if (at[0] == STORED_LONG && is_volume && frame->value_count == 0) {
            status = read_volume(frame, &record, data, len);
        }
        if (status != MT_OK) {
            return status;
        }
    }
    if (c.overrun || (has_profile && frame->value_count == 0)) {
        return MT_BAD_LAYOUT;
    }
    return frame->has_total ? mt_frame_reading(frame) : MT_NO_READING;
}

enum mt_status mt_kamstrup_lora_decode(struct mt_frame *out, size_t *used,
                                       const struct mt_input *input)
{
    struct mt_frame frame = {.protocol = "kamstrup-lora", .identity = {.medium = MT_WATER}};
    return decode_whole(out, used, input, &frame, read_kamstrup);
}

/* --- building ----------------------------------------------------------------------------------- */

static enum mt_status hand_over(uint8_t *out, size_t *out_len, size_t out_max, const uint8_t *bytes,
                                const struct mt_writer *w)
{
    MT_CHECK(!w->overflow); /* PAYLOAD_MAX is more than any of them */
    size_t len = mt_writer_len(w);
    if (len > out_max) {
        return MT_TOO_LARGE;
    }
    memcpy(out, bytes, len);
    *out_len = len;
    return MT_OK;
}

enum mt_status mt_elvaco_lora_build(uint8_t *out, size_t *out_len, size_t out_max,
                                    const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    uint8_t bytes[PAYLOAD_MAX];
    uint8_t number[NUMBER_BYTES];
    struct mt_writer w = mt_writer_into(bytes, sizeof(bytes));
    if (sending->identity.medium != MT_HEAT) {
        return MT_UNSUPPORTED;
    }
    enum mt_status status = mt_bcd_address_parse(number, sizeof(number), sending->identity.number);
    if (status != MT_OK) {
        return status;
    }
    mt_writer_u8(&w, ELVACO_KIND);
    status = mt_mbus_write_records(&w, sending);
    mt_writer_u8(&w, DIF_BCD8);
    mt_writer_u8(&w, VIF_NUMBER);
    mt_writer_bytes(&w, number, sizeof(number));
    return status == MT_OK ? hand_over(out, out_len, out_max, bytes, &w) : status;
}

/* Type F (EN 13757-3, annex A), with the bits that say 2000. */
static enum mt_status write_moment(struct mt_writer *w, int64_t time_us)
{
    struct mt_calendar local;
    if (mt_calendar_from_us(&local, time_us) != MT_OK || local.year < 2000 || local.year > 2099) {
        return MT_BAD_RANGE;
    }
    int32_t year = local.year - 2000;
    mt_writer_u8(w, STORED_LONG);
    mt_writer_u8(w, VIF_MOMENT);
    mt_writer_u8(w, (uint8_t)local.minute);
    mt_writer_u8(w, (uint8_t)(local.hour | 1 << 5));
    mt_writer_u8(w, (uint8_t)(local.day | (year & 7) << 5));
    mt_writer_u8(w, (uint8_t)(local.month | year >> 3 << 4));
    return MT_OK;
}

enum mt_status mt_kamstrup_lora_build(uint8_t *out, size_t *out_len, size_t out_max,
                                      const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    uint8_t bytes[PAYLOAD_MAX];
    struct mt_writer w = mt_writer_into(bytes, sizeof(bytes));
    struct mt_mbus_head head = {.access = (uint8_t)sending->counter};
    const struct mt_reading *reading = &sending->reading;
    if (sending->identity.medium != MT_WATER) {
        return MT_UNSUPPORTED;
    }
    if (reading->total < 0 || reading->total / ML_PER_LITRE > INT32_MAX) {
        return MT_BAD_RANGE;
    }
    enum mt_status status = mt_mbus_head_set(&head, &sending->identity);
    if (status != MT_OK) {
        return status;
    }
    mt_writer_u8(&w, LONG_HEAD);
    mt_mbus_head_write(&w, &head, true);
    if (reading->time_us != 0) {
        status = write_moment(&w, reading->time_us);
    }
    mt_writer_u8(&w, STORED_LONG);
    mt_writer_u8(&w, VIF_LITRES);
    mt_writer_le(&w, (uint64_t)(reading->total / ML_PER_LITRE), 4);
    return status == MT_OK ? hand_over(out, out_len, out_max, bytes, &w) : status;
}
