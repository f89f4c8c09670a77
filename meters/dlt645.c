/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of DL/T 645; see the header. */
#include "meters/dlt645.h"

#include <string.h>

#include "meters/calendar.h"
#include "meters/checksum.h"
#include "meters/dlt645_items.h"
#include "meters/frame_scan.h"

#define ADDRESS_BYTES 6u
#define HEAD_BYTES 10u /* 68 A0..A5 68 C L */
#define TAIL_BYTES 2u  /* CS 16 */
#define OFFSET 0x33u   /* 5.2.6: added to every byte of DATA */
#define PREAMBLE 0xFEu
#define PREAMBLE_MAX 4u

#define C_REPLY 0x80u
#define C_ABNORMAL 0x40u
#define C_FUNCTION 0x1Fu

#define READ_1997 0x01u
#define READ_2007 0x11u
#define READ_MORE_2007 0x12u
#define READ_ADDRESS 0x13u

#define CLOCK_2007 0x0400010Cu /* YYMMDDWWhhmmss */
#define SEPARATOR_1997 0xAAu   /* ends each block inside a set of blocks */
#define ENERGY_RESOLUTION_WH 10

_Static_assert(MT_DLT645_NUMBER_DIGITS <= MT_NUMBER_MAX, "the address must fit in an identity");
_Static_assert(MT_DLT645_FRAME_MAX == PREAMBLE_MAX + HEAD_BYTES + MT_DLT645_DATA_MAX + TAIL_BYTES,
               "the longest frame");

static enum mt_status probe(size_t *frame_len, const uint8_t *bytes, size_t len)
{
    if (len > 7 && bytes[7] != MT_FRAME_START) {
        return MT_NOT_FOUND;
    }
    if (len < HEAD_BYTES) {
        return MT_NEED_MORE;
    }
    size_t data_len = bytes[HEAD_BYTES - 1];
    if (data_len > MT_DLT645_DATA_MAX) {
        return MT_NOT_FOUND;
    }
    size_t whole = HEAD_BYTES + data_len + TAIL_BYTES;
    return mt_frame_check(frame_len, bytes, len, whole, 0);
}

enum mt_status mt_dlt645_find(size_t *start, const struct mt_input *input)
{
    size_t frame_len;
    return mt_frame_scan(start, &frame_len, input, probe);
}

static void set_number(struct mt_frame *frame, const uint8_t *address)
{
    mt_bcd_address_text(frame->identity.number, address, ADDRESS_BYTES);
}

/* Read one field into the next value. */
static enum mt_status read_field(struct mt_frame *frame, struct mt_cursor *data,
                                 const struct mt_dlt645_field *field)
{
    if (frame->value_count == MT_VALUES_MAX) {
        return MT_TOO_LARGE;
    }
    struct mt_value value = {
        .name = field->name, .unit = field->unit, .exponent = field->exponent, .obis = field->obis};
    enum mt_status status = mt_bcd_read(&value.mantissa, &value.absent, data, &field->format);
    if (status == MT_OK) {
        frame->values[frame->value_count++] = value;
    }
    return status == MT_NEED_MORE ? MT_BAD_LAYOUT : status; /* the frame is whole: too few bytes */
}

/* When a maximum occurred: checked and stepped over. All FF and all zeros mean "never". */
static enum mt_status skip_moment(struct mt_cursor *data, size_t bytes)
{
    const uint8_t *moment = mt_cursor_take(data, bytes);
    if (moment == NULL) {
        return MT_BAD_LAYOUT;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (moment[i] != 0xFF && mt_bcd_pair(moment[i]) < 0) {
            return MT_BAD_DIGIT;
        }
    }
    return MT_OK;
}

static enum mt_status read_fields(struct mt_frame *frame, struct mt_cursor *data,
                                  const struct mt_dlt645_item *item)
{
    struct mt_dlt645_field field;
    size_t run = 0;
    size_t index = 0;
    do {
        if (item->is_run && mt_cursor_peek(data) == SEPARATOR_1997) {
            (void)mt_cursor_u8(data); /* no field can begin with it: A is no digit */
            run++;
            index = 0;
            continue;
        }
        if (!mt_dlt645_field_at(&field, item, run, index++)) {
            return MT_BAD_LAYOUT;
        }
        enum mt_status status = read_field(frame, data, &field);
        if (status == MT_OK && item->skip > 0) {
            status = skip_moment(data, item->skip);
        }
        if (status != MT_OK) {
            return status;
        }
    } while (mt_cursor_left(data) > 0);
    /* A block may end early: fewer tariffs, or one phase of three. It may not be empty. */
    return frame->value_count > 0 ? MT_OK : MT_BAD_LAYOUT;
}

/* The meter's whole clock: ss mm hh WW DD MM YY. */
static enum mt_status read_clock(struct mt_frame *frame, struct mt_cursor *data)
{
    const uint8_t *p = mt_cursor_take(data, 7);
    if (p == NULL || mt_cursor_left(data) > 0) {
        return MT_BAD_LAYOUT;
    }
    for (size_t i = 0; i < 7; i++) {
        if (mt_bcd_pair(p[i]) < 0) {
            return MT_BAD_DIGIT;
        }
    }
    struct mt_calendar local = {.year = 2000 + mt_bcd_pair(p[6]),
                                .month = mt_bcd_pair(p[5]),
                                .day = mt_bcd_pair(p[4]),
                                .hour = mt_bcd_pair(p[2]),
                                .minute = mt_bcd_pair(p[1]),
                                .second = mt_bcd_pair(p[0])};
    frame->has_time = mt_calendar_to_us(&frame->time_us, &local) == MT_OK;
    return frame->has_time ? MT_OK : MT_BAD_RANGE;
}

/* Date and weekday, or time of day (1997: C010, C011; 2007: 04000101, 04000102). */
static bool is_half_clock(uint32_t data_id, enum mt_dlt645_edition edition)
{
    return edition == MT_DLT645_1997 ? data_id == 0xC010u || data_id == 0xC011u
                                     : data_id == 0x04000101u || data_id == 0x04000102u;
}

static enum mt_status decode_data(struct mt_frame *frame, struct mt_cursor *data,
                                  enum mt_dlt645_edition edition)
{
    frame->data_id = (uint32_t)mt_cursor_le(data, edition == MT_DLT645_2007 ? 4 : 2);
    if (data->overrun) {
        return MT_BAD_LAYOUT;
    }
    if (edition == MT_DLT645_2007 && frame->data_id == CLOCK_2007) {
        return read_clock(frame, data);
    }
    if (is_half_clock(frame->data_id, edition)) {
        enum mt_status half = skip_moment(data, mt_cursor_left(data));
        return half == MT_OK ? MT_NO_READING : half; /* a date or a time alone is no moment */
    }
    struct mt_dlt645_item item;
    enum mt_status status = mt_dlt645_item(&item, frame->data_id, edition);
    if (status == MT_OK) {
        status = read_fields(frame, data, &item);
    }
    if (status != MT_OK) {
        return status;
    }
    /* In a set of blocks the first may be empty: then the first value is not the total. */
    const struct mt_obis *first = &frame->values[0].obis;
    bool is_first = memcmp(first, &item.fields[0].obis, sizeof(*first)) == 0;
    frame->has_total = item.is_total && is_first && !frame->values[0].absent;
    if (frame->has_total) {
        frame->total = frame->values[0];
    }
    return frame->has_total && item.is_billed ? mt_frame_reading(frame) : MT_OK;
}

/* A reply to "read address" carries the address as its data too. */
static enum mt_status decode_address(struct mt_frame *frame, struct mt_cursor *data)
{
    const uint8_t *address = mt_cursor_take(data, ADDRESS_BYTES);
    if (address == NULL || mt_cursor_left(data) > 0) {
        return MT_BAD_LAYOUT;
    }
    set_number(frame, address);
    return MT_NO_READING;
}

static enum mt_status decode_control(struct mt_frame *frame, struct mt_cursor *data,
                                     uint8_t control)
{
    uint8_t function = control & C_FUNCTION;
    bool reads = function == READ_2007 || function == READ_1997 || function == READ_MORE_2007;
    if ((control & C_REPLY) == 0) {
        frame->kind = MT_FRAME_REQUEST;
        frame->data_id = reads ? (uint32_t)mt_cursor_le(data, function == READ_1997 ? 2 : 4) : 0;
        return reads && data->overrun ? MT_BAD_LAYOUT : MT_NO_READING;
    }
    if ((control & C_ABNORMAL) != 0) {
        frame->kind = MT_FRAME_ABNORMAL;
        frame->error = mt_cursor_u8(data);
        return data->overrun ? MT_BAD_LAYOUT : MT_NO_READING;
    }
    frame->kind = MT_FRAME_REPLY;
    switch (function) {
    case READ_2007:
        return decode_data(frame, data, MT_DLT645_2007);
    case READ_1997:
        return decode_data(frame, data, MT_DLT645_1997);
    case READ_ADDRESS:
        return decode_address(frame, data);
    case READ_MORE_2007: /* a piece out of the middle: its registers have no names */
        frame->data_id = mt_cursor_le32(data);
        return data->overrun ? MT_BAD_LAYOUT : MT_UNSUPPORTED;
    default: /* a number from the wire: confirmations of writes, and what is unknown */
        return MT_NO_READING;
    }
}

/* Name the fields of a frame, the data without their 33H. */
static void trace_frame(struct mt_trace *trace, const uint8_t *bytes, const struct mt_cursor *plain)
{
    uint8_t control = bytes[HEAD_BYTES - 2];
    uint8_t function = control & C_FUNCTION;
    size_t len = mt_cursor_left(plain);
    size_t id_len = function == READ_1997 ? 2 : 4;
    bool reads = function == READ_1997 || function == READ_2007 || function == READ_MORE_2007;
    mt_trace_field(trace, bytes, 1, "start", NULL);
    mt_trace_field(trace, bytes + 1, ADDRESS_BYTES, "address", "the lowest digits first");
    mt_trace_field(trace, bytes + 1 + ADDRESS_BYTES, 1, "start of the data part", NULL);
    mt_trace_field(trace, bytes + HEAD_BYTES - 2, 1, "control",
                   (control & C_REPLY) == 0      ? "request"
                   : (control & C_ABNORMAL) != 0 ? "abnormal reply"
                                                 : "reply");
    mt_trace_field(trace, bytes + HEAD_BYTES - 1, 1, "length of the data", NULL);
    mt_trace_field(trace, bytes + HEAD_BYTES, len, "data", "33H is added to every byte");
    if (len > 0) {
        mt_trace_layer(trace, plain->at, len, "data without 33H");
        bool named = reads && (control & C_ABNORMAL) == 0 && len >= id_len;
        size_t rest = named ? id_len : 0;
        if (named) {
            mt_trace_field(trace, plain->at, id_len, "data identifier", "low byte first");
        }
        if (rest < len) {
            mt_trace_field(trace, plain->at + rest, len - rest,
                           (control & C_ABNORMAL) != 0 ? "error" : "values",
                           named ? "decimal digits, low byte first" : NULL);
        }
        mt_trace_layer(trace, NULL, 0, NULL);
    }
    mt_trace_field(trace, bytes + HEAD_BYTES + len, 1, "checksum", "right");
    mt_trace_field(trace, bytes + HEAD_BYTES + len + 1, 1, "end", NULL);
}

enum mt_status mt_dlt645_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL);
    const uint8_t *bytes = NULL;
    size_t frame_len;
    enum mt_status status = mt_frame_first(&bytes, &frame_len, used, input, probe);
    if (status != MT_OK) {
        return status;
    }
    uint8_t plain[MT_DLT645_DATA_MAX];
    size_t data_len = frame_len - HEAD_BYTES - TAIL_BYTES;
    for (size_t i = 0; i < data_len; i++) {
        plain[i] = (uint8_t)(bytes[HEAD_BYTES + i] - OFFSET);
    }
    struct mt_frame frame = {.protocol = "dlt645", .identity = {.medium = MT_POWER}};
    set_number(&frame, bytes + 1);
    struct mt_cursor data = mt_cursor_over(plain, data_len);
    if (input->trace != NULL) {
        trace_frame(input->trace, bytes, &data);
    }
    status = decode_control(&frame, &data, bytes[HEAD_BYTES - 2]);
    if (!mt_status_is_told(status)) {
        mt_trace_fault(input->trace, bytes + HEAD_BYTES, data_len,
                       "the values are not what the data identifier stands for");
    }
    if (mt_status_is_told(status)) {
        frame.value_count = status == MT_OK ? frame.value_count : 0;
        *out = frame;
    }
    return status;
}

enum mt_status mt_dlt645_build(uint8_t *out, size_t *out_len, size_t out_max,
                               const struct mt_dlt645_frame *frame)
{
    MT_CHECK(out != NULL && out_len != NULL && frame != NULL);
    MT_CHECK(frame->preamble_count <= PREAMBLE_MAX && frame->data_len <= MT_DLT645_DATA_MAX);
    MT_CHECK(frame->data != NULL || frame->data_len == 0);
    uint8_t address[ADDRESS_BYTES];
    enum mt_status status = mt_bcd_address_parse(address, ADDRESS_BYTES, frame->number);
    if (status != MT_OK) {
        return status;
    }
    struct mt_writer w = mt_writer_into(out, out_max);
    for (uint8_t i = 0; i < frame->preamble_count; i++) {
        mt_writer_u8(&w, PREAMBLE);
    }
    mt_writer_u8(&w, MT_FRAME_START);
    mt_writer_bytes(&w, address, ADDRESS_BYTES);
    mt_writer_u8(&w, MT_FRAME_START);
    mt_writer_u8(&w, frame->control);
    mt_writer_u8(&w, (uint8_t)frame->data_len);
    for (size_t i = 0; i < frame->data_len; i++) {
        mt_writer_u8(&w, (uint8_t)(frame->data[i] + OFFSET));
    }
    if (!w.overflow) {
        mt_writer_u8(&w, mt_sum8(out + frame->preamble_count,
                                 mt_writer_len(&w) - frame->preamble_count));
    }
    mt_writer_u8(&w, MT_FRAME_END);
    if (w.overflow) {
        return MT_TOO_LARGE;
    }
    *out_len = mt_writer_len(&w);
    return MT_OK;
}

static uint8_t read_function(const struct mt_dlt645_query *query)
{
    MT_CHECK(query->edition <= MT_DLT645_1997);
    return query->edition == MT_DLT645_2007 ? READ_2007 : READ_1997;
}

static void write_data_id(struct mt_writer *w, const struct mt_dlt645_query *query)
{
    mt_writer_le(w, query->data_id, query->edition == MT_DLT645_2007 ? 4 : 2);
}

enum mt_status mt_dlt645_build_read(uint8_t *out, size_t *out_len, size_t out_max,
                                    const struct mt_dlt645_query *query)
{
    MT_CHECK(query != NULL);
    uint8_t data[4];
    struct mt_writer w = mt_writer_into(data, sizeof(data));
    write_data_id(&w, query);
    struct mt_dlt645_frame frame = {.number = query->number,
                                    .control = read_function(query),
                                    .data = data,
                                    .data_len = mt_writer_len(&w)};
    return mt_dlt645_build(out, out_len, out_max, &frame);
}

/* Write the values of a reply behind its identifier. */
static enum mt_status write_fields(struct mt_writer *w, const struct mt_dlt645_reply *reply,
                                   const struct mt_dlt645_item *item)
{
    for (size_t i = 0; i < reply->count; i++) {
        struct mt_dlt645_field field;
        if (!mt_dlt645_field_at(&field, item, 0, i)) {
            return MT_BAD_LAYOUT;
        }
        if (reply->absent != NULL && reply->absent[i]) {
            mt_writer_le(w, UINT64_MAX, field.format.bytes);
        } else {
            enum mt_status status = mt_bcd_write(w, reply->mantissas[i], &field.format);
            if (status != MT_OK) {
                return status;
            }
        }
        for (size_t n = 0; n < item->skip; n++) {
            mt_writer_u8(w, 0);
        }
    }
    return w->overflow ? MT_TOO_LARGE : MT_OK;
}

enum mt_status mt_dlt645_build_reply(uint8_t *out, size_t *out_len, size_t out_max,
                                     const struct mt_dlt645_reply *reply)
{
    MT_CHECK(reply != NULL && reply->mantissas != NULL);
    struct mt_dlt645_item item;
    enum mt_status status = mt_dlt645_item(&item, reply->to.data_id, reply->to.edition);
    if (status != MT_OK) {
        return status;
    }
    if (reply->count == 0 || (!item.is_run && reply->count > item.field_count)) {
        return MT_BAD_LAYOUT;
    }
    uint8_t data[MT_DLT645_DATA_MAX];
    struct mt_writer w = mt_writer_into(data, sizeof(data));
    write_data_id(&w, &reply->to);
    status = write_fields(&w, reply, &item);
    if (status != MT_OK) {
        return status;
    }
    struct mt_dlt645_frame frame = {.number = reply->to.number,
                                    .control = C_REPLY | read_function(&reply->to),
                                    .data = data,
                                    .data_len = mt_writer_len(&w)};
    return mt_dlt645_build(out, out_len, out_max, &frame);
}

enum mt_status mt_dlt645_build_reading(uint8_t *out, size_t *out_len, size_t out_max,
                                       const char *number, const struct mt_reading *reading)
{
    MT_CHECK(reading != NULL && reading->total >= 0);
    int64_t mantissas[1 + MT_BANDS] = {reading->total / ENERGY_RESOLUTION_WH};
    bool absent[1 + MT_BANDS] = {false};
    size_t count = 1;
    for (size_t band = 0; band < MT_BANDS; band++) {
        bool present = (reading->band_mask & 1u << band) != 0;
        mantissas[1 + band] = present ? reading->band[band] / ENERGY_RESOLUTION_WH : 0;
        absent[1 + band] = !present;
        count = present ? 2 + band : count;
    }
    struct mt_dlt645_reply reply = {.to = {.number = number,
                                           .edition = MT_DLT645_2007,
                                           .data_id = count > 1 ? MT_DLT645_FORWARD_ACTIVE_BLOCK
                                                                : MT_DLT645_FORWARD_ACTIVE},
                                    .mantissas = mantissas,
                                    .absent = absent,
                                    .count = count};
    return mt_dlt645_build_reply(out, out_len, out_max, &reply);
}

enum mt_status mt_dlt645_build_sending(uint8_t *out, size_t *out_len, size_t out_max,
                                       const struct mt_sending *sending)
{
    MT_CHECK(sending != NULL);
    if (sending->identity.medium != MT_POWER) {
        return MT_UNSUPPORTED;
    }
    return mt_dlt645_build_reading(out, out_len, out_max, sending->identity.number,
                                   &sending->reading);
}
