/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LoRaWAN payloads that are M-Bus records inside a frame of their maker's; see maker_layout.h. */
#include <string.h>

#include "meters/bcd.h"
#include "meters/calendar.h"
#include "meters/maker_layout.h"
#include "meters/mbus_head.h"
#include "meters/mbus_record.h"

#define FILLER 0x2Fu
#define LONG_HEAD 0x72u
#define SHORT_HEAD 0x7Au
#define NO_HEAD 0x78u

#define VIF_VOLUME 0x10u /* to 17: 10^(n - 6) m3 (EN 13757-3, table 10) */
#define VIF_MOMENT 0x6Du
#define VIF_NUMBER 0x78u   /* fabrication number */
#define VIF_IDENTITY 0x79u /* the address of a long head, or its number */
#define STORED_LONG 0x44u  /* DIF: four bytes, storage 1 */
#define STORED_PROFILE 0x4Du
#define INVERSE_PROFILE 0x93u
#define NUMBER_BYTES 4u

/* The meter's number, from its own records. */
static void note_number(struct mt_frame *frame, const uint8_t *head, const uint8_t *data,
                        size_t len)
{
    bool is_number = (head[0] == 0x0C && head[1] == VIF_NUMBER) || head[1] == VIF_IDENTITY;
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
    if (status != MT_OK && status != MT_NO_READING && status != MT_UNSUPPORTED) {
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

/* Type F (EN 13757-3, annex A): minute, hour, day and month with the year's bits between them. */
static void read_moment(struct mt_frame *frame, const uint8_t *p)
{
    const struct mt_calendar local = {.year = 2000 + (p[2] >> 5 | (p[3] >> 4) << 3),
                                      .month = p[3] & 0x0F,
                                      .day = p[2] & 0x1F,
                                      .hour = p[1] & 0x1F,
                                      .minute = p[0] & 0x3F};
    bool is_valid = (p[0] & 0x80) == 0;
    frame->has_time = is_valid && mt_calendar_to_us(&frame->time_us, &local) == MT_OK;
    frame->time_us = frame->has_time ? frame->time_us : 0;
}

static void read_volume(struct mt_frame *frame, const uint8_t *data, uint8_t vif)
{
    struct mt_cursor c = mt_cursor_over(data, 4);
    struct mt_value *value = mt_frame_add(frame);
    MT_CHECK(value != NULL); /* there is one only */
    value->name = "volume";
    value->unit = "m3";
    value->exponent = (int8_t)(vif - VIF_VOLUME - 6);
    value->mantissa = mt_cursor_le32(&c);
    value->obis.c = 1;
    frame->has_total = true;
    frame->total = *value;
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
            read_moment(frame, data);
        } else if (at[0] == STORED_LONG && is_volume && !frame->has_total) {
            read_volume(frame, data, at[1]);
        }
    }
    if (c.overrun || (has_profile && !frame->has_total)) {
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
