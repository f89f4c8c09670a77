/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makers' payloads by tables; see the header. */
#include "meters/maker_layout.h"

#include <string.h>

#include "meters/bcd.h"
#include "meters/calendar.h"
#include "meters/checksum.h"
#include "meters/frame_scan.h"

/* How a field is coded. */
enum coding {
    BE,        /* unsigned, high byte first */
    BE_SIGNED, /* two's complement, one byte */
    LE,        /* unsigned, low byte first */
    NUMBER,    /* the meter's number: BCD, low byte first */
    CLOCK,     /* YY MM DD hh mm ss in BCD, local time */
    UNIX_LE,   /* seconds since 1970 UTC, low byte first */
    BITS,      /* status; its flags are in the layout's table */
    PACKED14,  /* unsigned numbers of 14 bits, lowest bit first, which add to the total */
    FIXED,     /* one value only, which is in `exponent`; the layout is another's else */
    OPAQUE,    /* told, and not decoded */
};

struct place {
    const char *name;
    const char *unit;
    uint8_t at;
    uint8_t bytes;
    uint8_t coding; /* enum coding */
    int8_t exponent;
    bool is_total;
};

/* When (status & mask) == value, the flag is set. */
struct bit {
    uint16_t mask;
    uint16_t value;
    uint8_t flag;
};

struct layout {
    const char *protocol;
    const struct place *places;
    size_t place_count;
    const struct bit *bits;
    size_t bit_count;
    size_t bytes_min;
    bool is_utc; /* its clock is UTC, whatever the zone */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define US INT64_C(1000000)
#define PACKED_BITS 14u
#define YEARS_MAX INT64_C(4102416000000000) /* 2100-01-01 local: beyond two digits of a year */

/* "CAT1 remote water meter with valve", packet 03. Bytes behind the clock are spare. */
static const struct place cat1_places[] = {
    {"start", "", 0, 1, OPAQUE, 0, false},
    {"kind of meter", "", 1, 1, OPAQUE, 0, false},
    {"number", "", 2, 7, NUMBER, 0, false},
    {"kind of device", "", 9, 1, OPAQUE, 0, false},
    {"control", "", 10, 1, OPAQUE, 0, false},
    {"instruction", "", 11, 2, OPAQUE, 0, false},
    {"why it reports", "", 13, 2, OPAQUE, 0, false},
    {"length", "", 15, 1, OPAQUE, 0, false},
    {"kind of packet", "", 16, 1, FIXED, 3, false},
    {"maker and kind of table", "", 17, 4, OPAQUE, 0, false},
    {"versions of hardware and software", "", 21, 4, OPAQUE, 0, false},
    {"IMEI", "", 25, 8, OPAQUE, 0, false},
    {"ICCID", "", 33, 10, OPAQUE, 0, false},
    {"battery voltage", "V", 43, 2, BE, -3, false},
    {"signal strength", "dBm", 45, 1, BE_SIGNED, 0, false},
    {"signal quality", "dB", 46, 1, BE_SIGNED, 0, false},
    {"signal to noise", "dB", 47, 1, BE_SIGNED, 0, false},
    {"reports", "", 48, 2, BE, 0, false},
    {"reports of today", "", 50, 2, BE, 0, false},
    {"when it reports", "", 52, 6, OPAQUE, 0, false},
    {"status", "", 58, 2, BITS, 0, false},
    {"volume", "m3", 60, 4, BE, -3, true},
    {"volume of this day", "m3", 64, 4, BE, -3, false},
    {"volume of this month", "m3", 68, 4, BE, -3, false},
    {"clock", "", 72, 6, CLOCK, 0, false},
};
static const struct bit cat1_bits[] = {
    {0x0003, 0x0001, MT_FLAG_VALVE_SHUT},
    {0x0020, 0x0020, MT_FLAG_LOW_BATTERY},
    {0x0040, 0x0040, MT_FLAG_TAMPER}, /* a magnet */
    {0x0080, 0x0080, MT_FLAG_TAMPER}, /* the cover */
};
#define CAT1_BYTES 78u
static const struct layout cat1 = {"cat1",    cat1_places,      COUNT(cat1_places),
                                   cat1_bits, COUNT(cat1_bits), CAT1_BYTES,
                                   false};

static const struct place axioma_places[] = {
    {"version", "", 0, 1, FIXED, 1, false},
    {"clock", "", 1, 4, UNIX_LE, 0, false},
    {"status", "", 5, 1, BITS, 0, false},
    {"volume", "m3", 6, 4, LE, -3, true},
    {"hourly volumes", "m3", 10, 41, PACKED14, -3, false},
};
static const struct bit axioma_bits[] = {
    {0x04, 0x04, MT_FLAG_LOW_BATTERY}, {0x60, 0x60, MT_FLAG_TAMPER}, /* water runs backwards */
};
static const struct layout axioma = {"axioma-lora", axioma_places,      COUNT(axioma_places),
                                     axioma_bits,   COUNT(axioma_bits), MT_AXIOMA_LORA_BYTES,
                                     true};

static int64_t number_of(const uint8_t *p, const struct place *place)
{
    struct mt_cursor c = mt_cursor_over(p, place->bytes);
    if (place->coding == BE_SIGNED) {
        int number = mt_cursor_u8(&c);
        return number > INT8_MAX ? number - 256 : number;
    }
    MT_CHECK(place->bytes <= 7); /* or it might not fit */
    return (int64_t)(place->coding == LE || place->coding == UNIX_LE
                         ? mt_cursor_le(&c, place->bytes)
                         : mt_cursor_be(&c, place->bytes));
}

static void read_bits(struct mt_frame *frame, const uint8_t *p, const struct place *place,
                      const struct layout *layout)
{
    int64_t status = number_of(p, place);
    for (size_t i = 0; i < layout->bit_count; i++) {
        const struct bit *bit = &layout->bits[i];
        if ((status & bit->mask) == bit->value) {
            frame->flags |= bit->flag;
        }
    }
}

/* A clock that shows no moment is doubted; the register beside it is still good. */
static void read_clock(struct mt_frame *frame, const uint8_t *p)
{
    int parts[6];
    for (size_t i = 0; i < 6; i++) {
        parts[i] = mt_bcd_pair(p[i]);
    }
    const struct mt_calendar local = {.year = parts[0] < 0 ? 0 : 2000 + parts[0],
                                      .month = parts[1],
                                      .day = parts[2],
                                      .hour = parts[3],
                                      .minute = parts[4],
                                      .second = parts[5]};
    frame->has_time = mt_calendar_to_us(&frame->time_us, &local) == MT_OK;
    if (!frame->has_time) {
        frame->flags |= MT_FLAG_CLOCK_DOUBT;
    }
}

/* The sum of the packed numbers. The bits behind the last whole one are a multiplier: 0, or of a kind
 * that nothing is known of. */
static enum mt_status add_packed(struct mt_frame *frame, const uint8_t *p,
                                 const struct place *place)
{
    size_t bits = (size_t)place->bytes * 8;
    size_t numbers = bits / PACKED_BITS;
    int64_t sum = 0;
    for (size_t bit = 0; bit < bits; bit++) {
        bool is_set = (p[bit / 8] & 1u << bit % 8) != 0;
        if (is_set && bit >= numbers * PACKED_BITS) {
            return MT_UNSUPPORTED;
        }
        sum += is_set ? (int64_t)1 << bit % PACKED_BITS : 0;
    }
    MT_CHECK(frame->has_total && frame->value_count > 0); /* tables name the total before */
    frame->total.mantissa += sum;
    frame->values[frame->value_count - 1] = frame->total;
    return MT_OK;
}

static void add_value(struct mt_frame *frame, const uint8_t *p, const struct place *place)
{
    struct mt_value *value = mt_frame_add(frame);
    MT_CHECK(value != NULL); /* no table has as many */
    value->name = place->name;
    value->unit = place->unit;
    value->exponent = place->exponent;
    value->mantissa = number_of(p, place);
    if (place->is_total) {
        value->obis.c = 1;
        frame->has_total = true;
        frame->total = *value;
    }
}

static enum mt_status read_place(struct mt_frame *frame, const uint8_t *p,
                                 const struct place *place, const struct layout *layout)
{
    switch ((enum coding)place->coding) {
    case BE:
    case BE_SIGNED:
    case LE:
        add_value(frame, p, place);
        return MT_OK;
    case NUMBER:
        mt_bcd_address_text(frame->identity.number, p, place->bytes);
        return MT_OK;
    case CLOCK:
        read_clock(frame, p);
        return MT_OK;
    case UNIX_LE:
        frame->time_us = number_of(p, place) * US;
        frame->has_time = true;
        frame->has_zone = layout->is_utc;
        return MT_OK;
    case BITS:
        read_bits(frame, p, place, layout);
        return MT_OK;
    case PACKED14:
        return add_packed(frame, p, place);
    case FIXED:
        return *p == (uint8_t)place->exponent ? MT_OK : MT_UNSUPPORTED;
    case OPAQUE:
        return MT_OK;
    }
    return MT_BAD_LAYOUT;
}

/* Read a payload by its table. The frame is half filled unless MT_OK. */
static enum mt_status read_layout(struct mt_frame *frame, const uint8_t *bytes, size_t len,
                                  struct mt_trace *trace, const struct layout *layout)
{
    for (size_t i = 0; i < layout->place_count; i++) {
        const struct place *place = &layout->places[i];
        if (len < (size_t)place->at + place->bytes) {
            return MT_BAD_LAYOUT;
        }
        enum mt_status status = read_place(frame, bytes + place->at, place, layout);
        mt_trace_field(trace, bytes + place->at, place->bytes, place->name, NULL);
        if (status != MT_OK) {
            mt_trace_fault(trace, bytes + place->at, place->bytes,
                           "this maker's layout with another value here is not known");
            return status;
        }
    }
    return mt_frame_reading(frame);
}

/* Write what a reading has into a payload of zeros. */
static enum mt_status write_layout(uint8_t *bytes, const struct mt_reading *reading,
                                   const struct layout *layout)
{
    for (size_t i = 0; i < layout->place_count; i++) {
        const struct place *place = &layout->places[i];
        struct mt_writer w = mt_writer_into(bytes + place->at, place->bytes);
        int64_t litres = reading->total / 1000;
        if (place->coding == FIXED) {
            mt_writer_u8(&w, (uint8_t)place->exponent);
        } else if (place->is_total && (litres < 0 || litres > UINT32_MAX)) {
            return MT_BAD_RANGE;
        } else if (place->is_total && place->coding == BE) {
            mt_writer_be(&w, (uint64_t)litres, place->bytes);
        } else if (place->is_total) {
            mt_writer_le(&w, (uint64_t)litres, place->bytes);
        } else if (place->coding == BITS) {
            uint16_t status = 0;
            for (size_t b = 0; b < layout->bit_count; b++) {
                bool is_set = (reading->flags & layout->bits[b].flag) != 0;
                status |= is_set ? layout->bits[b].value : 0;
            }
            mt_writer_be(&w, status, place->bytes);
        }
    }
    return MT_OK;
}

/* --- cat1 --- */

#define CAT1_HEAD 16u
#define CAT1_TAIL 2u
#define CAT1_SPARE 8u /* behind the clock, as meters send it */
#define CAT1_LENGTH_AT 15u
#define CAT1_NUMBER_AT 2u
#define CAT1_CLOCK_AT 72u
#define CAT1_DEVICE 0x03u
#define CAT1_REPORT 0x97u

/* Byte 9 is 03 on reports; answers give back what the server sent, 01 or 03. Byte 10: report, its
 * receipt, read, written, and the answers. */
static bool is_cat1_head(const uint8_t *bytes, size_t len)
{
    static const uint8_t controls[] = {CAT1_REPORT, 0x17, 0x01, 0x81, 0x04, 0x84};
    if (len > 1 && (bytes[1] < 0x10 || bytes[1] > 0x13)) {
        return false;
    }
    if (len > 9 && bytes[9] != CAT1_DEVICE && bytes[9] != 0x01) {
        return false;
    }
    return len <= 10 || memchr(controls, bytes[10], sizeof(controls)) != NULL;
}

static enum mt_status cat1_probe(size_t *frame_len, const uint8_t *bytes, size_t len)
{
    if (!is_cat1_head(bytes, len)) {
        return MT_NOT_FOUND;
    }
    if (len < CAT1_HEAD) {
        return MT_NEED_MORE;
    }
    size_t whole = CAT1_HEAD + bytes[CAT1_LENGTH_AT] + CAT1_TAIL;
    return mt_frame_check(frame_len, bytes, len, whole, 0);
}

enum mt_status mt_cat1_find(size_t *start, const struct mt_input *input)
{
    size_t frame_len;
    return mt_frame_scan(start, &frame_len, input, cat1_probe);
}

/* A frame that is no report: named only. */
static enum mt_status name_cat1(struct mt_frame *frame, const uint8_t *bytes, size_t frame_len,
                                struct mt_trace *trace)
{
    bool from_meter = (bytes[10] & 0x80) != 0;
    frame->kind = from_meter ? MT_FRAME_REPLY : MT_FRAME_REQUEST;
    mt_bcd_address_text(frame->identity.number, bytes + CAT1_NUMBER_AT, 7);
    mt_trace_field(trace, bytes, frame_len, "a command, or the answer to one", NULL);
    return MT_NO_READING;
}

enum mt_status mt_cat1_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL);
    const uint8_t *bytes = NULL;
    size_t frame_len;
    enum mt_status status = mt_frame_first(&bytes, &frame_len, used, input, cat1_probe);
    if (status != MT_OK) {
        return status;
    }
    struct mt_frame frame = {.protocol = cat1.protocol, .identity = {.medium = MT_WATER}};
    if (bytes[10] != CAT1_REPORT) {
        status = name_cat1(&frame, bytes, frame_len, input->trace);
    } else {
        status = read_layout(&frame, bytes, frame_len - CAT1_TAIL, input->trace, &cat1);
        if (status == MT_OK && frame_len - CAT1_TAIL > cat1.bytes_min) {
            mt_trace_field(input->trace, bytes + cat1.bytes_min,
                           frame_len - CAT1_TAIL - cat1.bytes_min, "spare", NULL);
        }
        mt_trace_field(input->trace, bytes + frame_len - CAT1_TAIL, 1, "checksum", "right");
        mt_trace_field(input->trace, bytes + frame_len - 1, 1, "end", NULL);
    }
    if (mt_status_is_told(status)) {
        *out = frame;
    }
    return status;
}

static enum mt_status write_cat1_clock(uint8_t *bytes, int64_t time_us)
{
    static const struct mt_bcd_format one_byte = {1, false};
    struct mt_calendar local;
    if (time_us >= YEARS_MAX || mt_calendar_from_us(&local, time_us) != MT_OK) {
        return MT_BAD_RANGE;
    }
    struct mt_writer w = mt_writer_into(bytes, 6);
    const int32_t parts[] = {local.year - 2000, local.month,  local.day,
                             local.hour,        local.minute, local.second};
    enum mt_status status = MT_OK;
    for (size_t i = 0; i < COUNT(parts) && status == MT_OK; i++) {
        status = mt_bcd_write(&w, parts[i], &one_byte);
    }
    return status;
}

enum mt_status mt_cat1_build(uint8_t *out, size_t *out_len, size_t out_max,
                             const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    uint8_t bytes[CAT1_BYTES + CAT1_SPARE + CAT1_TAIL] = {MT_FRAME_START, 0x10};
    if (sending->identity.medium != MT_WATER) {
        return MT_UNSUPPORTED;
    }
    enum mt_status status =
        mt_bcd_address_parse(bytes + CAT1_NUMBER_AT, 7, sending->identity.number);
    if (status == MT_OK) {
        status = write_layout(bytes, &sending->reading, &cat1);
    }
    if (status == MT_OK) {
        status = write_cat1_clock(bytes + CAT1_CLOCK_AT, sending->reading.time_us);
    }
    if (status != MT_OK) {
        return status;
    }
    bytes[9] = CAT1_DEVICE;
    bytes[10] = CAT1_REPORT;
    bytes[CAT1_LENGTH_AT] = (uint8_t)(sizeof(bytes) - CAT1_HEAD - CAT1_TAIL);
    bytes[sizeof(bytes) - 2] = mt_sum8(bytes, sizeof(bytes) - CAT1_TAIL);
    bytes[sizeof(bytes) - 1] = MT_FRAME_END;
    if (out_max < sizeof(bytes)) {
        return MT_TOO_LARGE;
    }
    memcpy(out, bytes, sizeof(bytes));
    *out_len = sizeof(bytes);
    return MT_OK;
}

/* --- LoRaWAN --- */

enum mt_status mt_maker_unnamed_find(size_t *start, const struct mt_input *input)
{
    MT_CHECK(start != NULL && input != NULL);
    *start = input->len;
    return MT_NOT_FOUND;
}

enum mt_status mt_axioma_lora_decode(struct mt_frame *out, size_t *used,
                                     const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL && input != NULL);
    struct mt_frame frame = {.protocol = axioma.protocol, .identity = {.medium = MT_WATER}};
    *used = input->len;
    if (input->len < MT_AXIOMA_LORA_BYTES) {
        *used = 0;
        return MT_NEED_MORE;
    }
    enum mt_status status =
        input->len > MT_AXIOMA_LORA_BYTES
            ? MT_UNSUPPORTED /* another of the maker's layouts */
            : read_layout(&frame, input->bytes, input->len, input->trace, &axioma);
    if (status == MT_UNSUPPORTED) {
        frame = (struct mt_frame){.protocol = axioma.protocol, .identity = {.medium = MT_WATER}};
    }
    if (status == MT_OK || status == MT_UNSUPPORTED) {
        *out = frame;
    }
    return status;
}

enum mt_status mt_axioma_lora_build(uint8_t *out, size_t *out_len, size_t out_max,
                                    const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    uint8_t bytes[MT_AXIOMA_LORA_BYTES] = {0};
    int64_t time_s = sending->reading.time_us / US;
    if (sending->identity.medium != MT_WATER) {
        return MT_UNSUPPORTED;
    }
    if (time_s < 0 || time_s > UINT32_MAX) {
        return MT_BAD_RANGE;
    }
    enum mt_status status = write_layout(bytes, &sending->reading, &axioma);
    if (status != MT_OK) {
        return status;
    }
    if (out_max < sizeof(bytes)) {
        return MT_TOO_LARGE;
    }
    struct mt_writer w = mt_writer_into(bytes + 1, 4);
    mt_writer_le(&w, (uint64_t)time_s, 4);
    memcpy(out, bytes, sizeof(bytes));
    *out_len = sizeof(bytes);
    return MT_OK;
}
