/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of CJ/T 188; see the header. */
#include "meters/cjt188.h"

#include <string.h>

#include "meters/bcd.h"
#include "meters/calendar.h"
#include "meters/checksum.h"
#include "meters/cjt188_layout.h"
#include "meters/frame_scan.h"

#define ADDRESS_BYTES 7u
#define HEAD_BYTES 11u /* 68 T A0..A6 C L */
#define TAIL_BYTES 2u  /* CS 16 */
#define NAMED_BYTES 3u /* DI DI SER */
#define PREAMBLE 0xFEu
#define PREAMBLE_MAX 4u
#define ANY_TYPE 0xAAu

#define C_REPLY 0x80u
#define C_ABNORMAL 0x40u
#define C_FUNCTION 0x1Fu /* without 20H, which makers set: one answers reads with A1 */
#define READ_DATA 0x01u
#define READ_ADDRESS 0x03u

#define MAKERS_CURRENT 0x9090u /* the current data of some heat meters */
#define HISTORY_FIRST 0xD120u
#define HISTORY_LAST 0xD12Bu

#define UNIT_M3 0x2Cu
#define UNIT_KWH 0x05u
#define UNIT_KW 0x17u
#define UNIT_M3_H 0x35u
#define ML_PER_STEP 10000 /* 0.01 m3 */
#define WH_PER_STEP 10    /* 0.01 kWh */

_Static_assert(MT_CJT188_NUMBER_DIGITS <= MT_NUMBER_MAX, "the address must fit in an identity");
_Static_assert(MT_CJT188_FRAME_MAX == PREAMBLE_MAX + HEAD_BYTES + MT_CJT188_DATA_MAX + TAIL_BYTES,
               "the longest frame");

/* 10H to 49H: water, heat, gas, others (2018: table 1); AAH asks for any type. */
static bool is_type(uint8_t type)
{
    return (type >= 0x10 && type <= 0x49 && (type & 0xF) <= 9) || type == ANY_TYPE;
}

static enum mt_status probe(size_t *frame_len, const uint8_t *bytes, size_t len)
{
    if (len > 1 && !is_type(bytes[1])) {
        return MT_NOT_FOUND;
    }
    if (len < HEAD_BYTES) {
        return MT_NEED_MORE;
    }
    size_t whole = HEAD_BYTES + bytes[HEAD_BYTES - 1] + TAIL_BYTES;
    return mt_frame_check(frame_len, bytes, len, whole, 0);
}

enum mt_status mt_cjt188_find(size_t *start, const struct mt_input *input)
{
    size_t frame_len;
    return mt_frame_scan(start, &frame_len, input, probe);
}

/* The data identifier as the standard writes it, whichever way it was sent. Its high byte is one of
 * a few, none of which is a low byte of those that are read. */
static uint32_t read_data_id(struct mt_cursor *data)
{
    static const uint8_t high_bytes[] = {0x90, 0xD1, 0x81, 0xA0};
    uint8_t first = mt_cursor_u8(data);
    uint8_t second = mt_cursor_u8(data);
    bool swapped = memchr(high_bytes, first, sizeof(high_bytes)) == NULL &&
                   memchr(high_bytes, second, sizeof(high_bytes)) != NULL;
    return swapped ? (uint32_t)second << 8 | first : (uint32_t)first << 8 | second;
}

static enum mt_status decode_read(struct mt_frame *frame, struct mt_cursor *data)
{
    if (frame->data_id == MT_CJT188_CURRENT) {
        return mt_cjt188_read_current(frame, data);
    }
    if (frame->data_id == MAKERS_CURRENT) {
        enum mt_status status = mt_cjt188_read_current(frame, data);
        frame->has_reading = false; /* in no standard: shown, never billed */
        return status;
    }
    if (frame->data_id >= HISTORY_FIRST && frame->data_id <= HISTORY_LAST) {
        return mt_cjt188_read_history(frame, data, (uint8_t)(frame->data_id - HISTORY_FIRST + 1));
    }
    return MT_UNSUPPORTED;
}

static enum mt_status decode_control(struct mt_frame *frame, struct mt_cursor *data,
                                     uint8_t control)
{
    if ((control & C_REPLY) != 0 && (control & C_ABNORMAL) != 0) {
        frame->kind = MT_FRAME_ABNORMAL;
        (void)mt_cursor_u8(data); /* SER */
        frame->error = mt_cursor_u8(data);
        return data->overrun ? MT_BAD_LAYOUT : MT_NO_READING;
    }
    frame->kind = (control & C_REPLY) != 0 ? MT_FRAME_REPLY : MT_FRAME_REQUEST;
    frame->data_id = read_data_id(data);
    (void)mt_cursor_u8(data); /* SER: matched by whoever asked */
    if (data->overrun) {
        return MT_BAD_LAYOUT;
    }
    bool reads = (control & C_FUNCTION) == READ_DATA;
    return frame->kind == MT_FRAME_REPLY && reads ? decode_read(frame, data) : MT_NO_READING;
}

static void trace_frame(struct mt_trace *trace, const uint8_t *bytes, size_t data_len)
{
    uint8_t control = bytes[HEAD_BYTES - 2];
    const uint8_t *data = bytes + HEAD_BYTES;
    bool refused = (control & C_REPLY) != 0 && (control & C_ABNORMAL) != 0;
    mt_trace_field(trace, bytes, 1, "start", NULL);
    mt_trace_field(trace, bytes + 1, 1, "kind of meter", "1x water, 2x heat, 3x gas, 4x other");
    mt_trace_field(trace, bytes + 2, ADDRESS_BYTES, "address", "the lowest digits first");
    mt_trace_field(trace, bytes + HEAD_BYTES - 2, 1, "control",
                   refused                    ? "abnormal reply"
                   : (control & C_REPLY) != 0 ? "reply"
                                              : "request");
    mt_trace_field(trace, bytes + HEAD_BYTES - 1, 1, "length of the data", NULL);
    if (!refused && data_len >= NAMED_BYTES) {
        mt_trace_field(trace, data, 2, "data identifier", "901F or 1F90: current data");
        mt_trace_field(trace, data + 2, 1, "number of the question", NULL);
        data += NAMED_BYTES;
        data_len -= NAMED_BYTES;
    }
    if (data_len > 0) {
        mt_trace_field(trace, data, data_len, refused ? "number of the question, error" : "data",
                       refused ? NULL : "values with their units, clock, status");
    }
    mt_trace_field(trace, data + data_len, 1, "checksum", "right");
    mt_trace_field(trace, data + data_len + 1, 1, "end", NULL);
}

enum mt_status mt_cjt188_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL);
    const uint8_t *bytes = NULL;
    size_t frame_len;
    enum mt_status status = mt_frame_first(&bytes, &frame_len, used, input, probe);
    if (status != MT_OK) {
        return status;
    }
    struct mt_frame frame = {.protocol = "cjt188",
                             .identity = {.medium = (uint8_t)mt_cjt188_medium(bytes[1])}};
    mt_bcd_address_text(frame.identity.number, bytes + 2, ADDRESS_BYTES);
    struct mt_cursor data = mt_cursor_over(bytes + HEAD_BYTES, frame_len - HEAD_BYTES - TAIL_BYTES);
    if (input->trace != NULL) {
        trace_frame(input->trace, bytes, mt_cursor_left(&data));
    }
    const size_t data_len = mt_cursor_left(&data);
    status = decode_control(&frame, &data, bytes[HEAD_BYTES - 2]);
    if (!mt_status_is_told(status)) {
        mt_trace_fault(input->trace, bytes + HEAD_BYTES, data_len,
                       "no known layout makes sense of every field: a digit or a unit is none");
    }
    if (mt_status_is_told(status)) {
        *out = frame;
    }
    return status;
}

enum mt_status mt_cjt188_build(uint8_t *out, size_t *out_len, size_t out_max,
                               const struct mt_cjt188_frame *frame)
{
    MT_CHECK(out != NULL && out_len != NULL && frame != NULL);
    MT_CHECK(frame->preamble_count <= PREAMBLE_MAX && is_type(frame->type));
    MT_CHECK(frame->data_len <= MT_CJT188_DATA_MAX - NAMED_BYTES);
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
    mt_writer_u8(&w, frame->type);
    mt_writer_bytes(&w, address, ADDRESS_BYTES);
    mt_writer_u8(&w, frame->control);
    mt_writer_u8(&w, (uint8_t)(NAMED_BYTES + frame->data_len));
    if (frame->low_first) {
        mt_writer_le(&w, frame->data_id, 2);
    } else {
        mt_writer_be(&w, frame->data_id, 2);
    }
    mt_writer_u8(&w, frame->serial);
    mt_writer_bytes(&w, frame->data, frame->data_len);
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

/* Four BCD bytes and a unit; below zero: FF. */
static enum mt_status write_quantity(struct mt_writer *w, int64_t steps, uint8_t unit)
{
    static const struct mt_bcd_format four_bytes = {4, false};
    enum mt_status status = MT_OK;
    if (steps < 0) {
        mt_writer_le(w, UINT64_MAX, 4);
    } else {
        status = mt_bcd_write(w, steps, &four_bytes);
    }
    mt_writer_u8(w, unit);
    return status;
}

static enum mt_status write_clock(struct mt_writer *w, int64_t time_us)
{
    if (time_us == 0) {
        mt_writer_le(w, UINT64_MAX, 7);
        return MT_OK;
    }
    static const struct mt_bcd_format one_byte = {1, false};
    static const struct mt_bcd_format two_bytes = {2, false};
    struct mt_calendar local;
    enum mt_status status = mt_calendar_from_us(&local, time_us);
    if (status != MT_OK) {
        return status;
    }
    const int32_t parts[] = {local.second, local.minute, local.hour, local.day, local.month};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && status == MT_OK; i++) {
        status = mt_bcd_write(w, parts[i], &one_byte);
    }
    return status == MT_OK ? mt_bcd_write(w, local.year, &two_bytes) : status;
}

static int64_t steps_of(int64_t amount, int64_t per_step)
{
    return amount < 0 ? -1 : amount / per_step;
}

static enum mt_status write_volumes(struct mt_writer *w, const struct mt_cjt188_state *state)
{
    enum mt_status status = write_quantity(w, steps_of(state->total, ML_PER_STEP), UNIT_M3);
    if (status == MT_OK) {
        status = write_quantity(w, steps_of(state->settlement, ML_PER_STEP), UNIT_M3);
    }
    return status;
}

/* Settlement, heat, power, flow, volume, two temperatures, hours (2004: table of 901F, heat). */
static enum mt_status write_heat(struct mt_writer *w, const struct mt_cjt188_state *state)
{
    static const struct mt_bcd_format three_bytes = {3, false};
    const struct {
        int64_t steps;
        uint8_t unit;
    } quantities[] = {
        {steps_of(state->settlement, WH_PER_STEP), UNIT_KWH},
        {steps_of(state->total, WH_PER_STEP), UNIT_KWH},
        {0, UNIT_KW},
        {0, UNIT_M3_H},
        {steps_of(state->volume, ML_PER_STEP), UNIT_M3},
    };
    const int32_t shorts[] = {state->supply_centi_cel, state->return_centi_cel, state->hours};
    enum mt_status status = MT_OK;
    for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]) && status == MT_OK; i++) {
        status = write_quantity(w, quantities[i].steps, quantities[i].unit);
    }
    for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]) && status == MT_OK; i++) {
        status = mt_bcd_write(w, shorts[i], &three_bytes);
    }
    return status;
}

enum mt_status mt_cjt188_build_state(uint8_t *out, size_t *out_len, size_t out_max,
                                     const struct mt_cjt188_frame *frame,
                                     const struct mt_cjt188_state *state)
{
    MT_CHECK(frame != NULL && state != NULL && state->total >= 0);
    uint8_t data[64];
    struct mt_writer w = mt_writer_into(data, sizeof(data));
    bool is_heat = mt_cjt188_medium(frame->type) == MT_HEAT;
    enum mt_status status = is_heat ? write_heat(&w, state) : write_volumes(&w, state);
    if (status == MT_OK) {
        status = write_clock(&w, state->time_us);
    }
    if (status != MT_OK) {
        return status;
    }
    uint8_t bits = (state->flags & MT_FLAG_VALVE_SHUT) != 0 ? 0x01 : 0;
    mt_writer_u8(&w, bits | ((state->flags & MT_FLAG_LOW_BATTERY) != 0 ? 0x04 : 0));
    mt_writer_u8(&w, 0);
    MT_CHECK(!w.overflow);
    struct mt_cjt188_frame reply = *frame;
    reply.control = C_REPLY | MT_CJT188_READ;
    reply.data_id = MT_CJT188_CURRENT;
    reply.data = data;
    reply.data_len = mt_writer_len(&w);
    return mt_cjt188_build(out, out_len, out_max, &reply);
}

enum mt_status mt_cjt188_build_sending(uint8_t *out, size_t *out_len, size_t out_max,
                                       const struct mt_sending *sending)
{
    static const uint8_t types[] = {
        [MT_WATER] = MT_CJT188_COLD_WATER, [MT_GAS] = MT_CJT188_GAS, [MT_HEAT] = MT_CJT188_HEAT};
    MT_CHECK(sending != NULL);
    uint8_t medium = sending->identity.medium;
    if (medium >= sizeof(types) || types[medium] == 0) {
        return MT_UNSUPPORTED;
    }
    const struct mt_cjt188_frame frame = {.type = types[medium],
                                          .number = sending->identity.number,
                                          .serial = (uint8_t)sending->counter};
    const struct mt_cjt188_state state = {.total = sending->reading.total,
                                          .settlement = -1,
                                          .time_us = sending->reading.time_us,
                                          .flags = sending->reading.flags};
    return mt_cjt188_build_state(out, out_len, out_max, &frame, &state);
}
