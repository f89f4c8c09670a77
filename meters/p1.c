/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DSMR P1; see the header. */
#include "meters/p1.h"

#include <string.h>

#include "meters/calendar.h"
#include "meters/checksum.h"
#include "meters/readout.h"

#define STX 0x02u
#define IDENT_MIN 4u
#define IDENT_MAX 64u
#define WINTER_EAST_US INT64_C(3600000000)
#define LOCAL_EAST_US INT64_C(28800000000)

/* Where the parts of a telegram are. */
struct telegram {
    size_t data; /* after the identification */
    size_t bang; /* the "!" */
    size_t len;
};

static bool is_line_end(uint8_t c)
{
    return c == '\r' || c == '\n';
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; /* capitals only (P1 standard, 5.2) */
}

/* The CRC after "!", which some meters send without its zeros in front. */
static enum mt_status check_crc(struct telegram *t, const struct mt_input *in, const uint8_t *first)
{
    const uint8_t *end = in->bytes + in->len;
    const uint8_t *at = first + t->bang + 1;
    uint32_t sent = 0;
    size_t digits = 0;
    while (at < end && digits < 4 && hex_digit(*at) >= 0) {
        sent = sent << 4 | (uint32_t)hex_digit(*at++);
        digits++;
    }
    t->len = (size_t)(at - first);
    bool versioned = mt_text_needs_crc(first, t->bang);
    if (at == end && digits < 4 && (digits > 0 || versioned)) {
        return MT_NEED_MORE;
    }
    if (digits == 0 && !versioned) {
        return MT_OK;
    }
    if (digits > 0 && (digits == 4 || is_line_end(*at)) &&
        mt_crc16_arc(first, t->bang + 1) == sent) {
        return MT_OK;
    }
    mt_trace_fault(in->trace, first + t->bang + 1, digits,
                   digits == 0 ? "a telegram of version 4 or later must have a CRC"
                               : "the CRC-16 over \"/\" to \"!\" is another");
    return MT_BAD_CHECKSUM;
}

/* Does a telegram begin at `first`, which is "/"? */
static enum mt_status probe(struct telegram *t, const struct mt_input *in, const uint8_t *first)
{
    size_t left = (size_t)(in->bytes + in->len - first);
    size_t at = 1;
    while (at < left && at <= IDENT_MAX && !is_line_end(first[at])) {
        at++; /* whatever the maker puts there: the CRC guards it */
    }
    if (at == left) {
        return mt_text_may_name(first + 1, left - 1) ? MT_NEED_MORE : MT_NOT_FOUND;
    }
    if (!is_line_end(first[at]) || at < 1 + IDENT_MIN || first[1] == '?') {
        return MT_NOT_FOUND;
    }
    t->data = at;
    bool damaged = false;
    for (; at < left && at < MT_TEXT_FRAME_MAX; at++) {
        if (first[at] == STX || first[at] == '/') {
            return MT_NOT_FOUND; /* a readout in a block, or the next telegram: this one is torn */
        }
        damaged = damaged || first[at] >= 0x7f || (first[at] < ' ' && !is_line_end(first[at]));
        if (first[at] == '!' && first[at - 1] == '\n') {
            t->bang = at;
            enum mt_status status = check_crc(t, in, first);
            /* A byte that is no text, and no CRC to say that it was another: no telegram at all. */
            return damaged && status != MT_BAD_CHECKSUM ? MT_NOT_FOUND : status;
        }
    }
    return at == left && !damaged ? MT_NEED_MORE : MT_NOT_FOUND;
}

static enum mt_status scan(struct telegram *t, size_t *start, const struct mt_input *in)
{
    enum mt_status worst = MT_NOT_FOUND;
    *start = in->len;
    for (size_t i = 0; i < in->len; i++) {
        if (in->bytes[i] != '/') {
            continue;
        }
        enum mt_status status = probe(t, in, in->bytes + i);
        if (status == MT_OK) {
            *start = i;
            return MT_OK;
        }
        bool says_more =
            worst == MT_NOT_FOUND || (worst == MT_BAD_CHECKSUM && status == MT_NEED_MORE);
        if (status != MT_NOT_FOUND && says_more) {
            worst = status;
            *start = i;
        }
    }
    return worst;
}

/* P1's own marks: without any, a readout of mode D looks the same and is IEC 62056-21. */
static bool is_p1(const struct telegram *t, const uint8_t *first)
{
    return t->len > t->bang + 1 || mt_text_has_line(first, t->bang, "0-0:") ||
           mt_text_needs_crc(first, t->bang);
}

enum mt_status mt_p1_find(size_t *start, const struct mt_input *input)
{
    struct telegram t;
    struct mt_input quiet = *input;
    quiet.trace = NULL;
    enum mt_status status = scan(&t, start, &quiet);
    if (status == MT_OK && !is_p1(&t, input->bytes + *start)) {
        return MT_NOT_FOUND;
    }
    return status;
}

/* ---- what it says ---------------------------------------------------------------------------------- */

/* An equipment identifier: hexadecimal digits of ASCII (P1 standard, table 6-1), or plain. */
static void take_id(struct mt_readout *r, const struct mt_data_group *group)
{
    uint8_t text[MT_NUMBER_MAX];
    size_t len = 0;
    bool hex = group->len % 2 == 0 && group->len / 2 <= sizeof(text);
    for (size_t i = 0; hex && i < group->len; i += 2) {
        int high = hex_digit(group->text[i]);
        int low = hex_digit(group->text[i + 1]);
        hex = high >= 0 && low >= 0;
        text[len++] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    if (hex) {
        mt_readout_identity(r, text, len, 5);
    }
    mt_readout_identity(r, group->text, group->len, 4);
}

static const char *channel_name(uint8_t type)
{
    return type == 3   ? "gas volume"
           : type == 7 ? "water volume"
           : type == 4 ? "heat"
           : type == 2 ? "electricity of a meter behind"
                       : "register of a meter behind";
}

/* 0-n:24.2.1(time)(value*unit), and the older 24.3.0(time)...(unit)(value). */
static enum mt_status take_channel(struct mt_readout *r, const struct mt_data_set *set,
                                   const uint8_t types[5])
{
    uint32_t last = set->group_count - 1;
    if (set->group_count < 2 || last >= MT_DATA_GROUPS_MAX) {
        return MT_OK;
    }
    struct mt_data_group group = set->groups[last];
    if (set->code.d == 3 && group.unit_len == 0) {
        group.unit = set->groups[last - 1].text;
        group.unit_len = set->groups[last - 1].len;
    }
    uint8_t channel = (uint8_t)set->b;
    uint32_t before = r->frame->value_count;
    enum mt_status status =
        mt_readout_value(r, set, &group, channel_name(channel < 5 ? types[channel] : 0));
    if (r->frame->value_count > before) {
        r->frame->values[before].subunit = channel;
    }
    return status;
}

static enum mt_status take_set(struct mt_readout *r, const struct mt_data_set *set,
                               uint8_t types[5])
{
    const struct mt_obis *code = &set->code;
    const struct mt_data_group *group = &set->groups[0];
    if (!set->has_code || set->a != 0) {
        return mt_readout_take(r, set);
    }
    if (code->c == 24 && set->b >= 1 && set->b <= 4) {
        if (code->d == 1 && group->len > 0) {
            types[set->b] = (uint8_t)(group->text[group->len - 1] - '0');
        }
        bool value = (code->d == 2 && (code->e == 1 || code->e == 3)) || code->d == 3;
        return value ? take_channel(r, set, types) : MT_OK;
    }
    bool clock = set->b == 0 && code->c == 1 && code->d == 0 && code->e == 0;
    bool id = set->b == 0 && ((code->c == 96 && code->d == 1 && code->e <= 1) || code->c == 42);
    if (clock) {
        (void)mt_data_time(r->frame, group->text, group->len); /* not set: no clock */
    } else if (id) {
        take_id(r, group);
    }
    return MT_OK;
}

/* 1.8.1 + 1.8.2 where the meter keeps no total (P1 standard, 6.12). */
static void add_tariffs(struct mt_frame *f)
{
    const struct mt_value *tariff[2] = {NULL, NULL};
    for (uint32_t i = 0; i < f->value_count; i++) {
        const struct mt_value *v = &f->values[i];
        if (v->obis.c == 1 && v->obis.d == 8 && v->obis.f == MT_OBIS_CURRENT && v->obis.e >= 1 &&
            v->obis.e <= 2) {
            tariff[v->obis.e - 1] = v;
        }
    }
    bool both = tariff[0] != NULL && tariff[1] != NULL;
    if (f->has_total || !both || tariff[0]->exponent != tariff[1]->exponent ||
        strcmp(tariff[0]->unit, tariff[1]->unit) != 0) {
        return;
    }
    f->total = *tariff[0];
    f->total.obis.e = 0;
    f->total.mantissa += tariff[1]->mantissa; /* 18 digits each: the sum fits */
    f->has_total = true;
}

static enum mt_status read_sets(struct mt_readout *r, const uint8_t *data, size_t len)
{
    struct mt_cursor c = mt_cursor_over(data, len);
    uint8_t types[5] = {0};
    for (;;) {
        struct mt_data_set set;
        enum mt_status status = mt_data_set_read(&set, &c, r->trace);
        if (status != MT_OK) {
            return status == MT_NOT_FOUND ? MT_OK : status;
        }
        mt_trace_field(r->trace, set.address, (size_t)(c.at - set.address), "data set",
                       set.has_code ? mt_obis_name(set.a, &set.code) : NULL);
        status = take_set(r, &set, types);
        if (status != MT_OK) {
            return status;
        }
    }
}

enum mt_status mt_p1_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    struct telegram t;
    size_t start;
    enum mt_status status = scan(&t, &start, input);
    *used = status == MT_NEED_MORE ? start : status == MT_OK ? start + t.len : input->len;
    if (status != MT_OK) {
        return status;
    }
    const uint8_t *first = input->bytes + start;
    static const struct mt_frame empty;
    struct mt_frame frame = empty;
    struct mt_readout r = {.frame = &frame, .trace = input->trace};
    frame.protocol = "p1";
    mt_readout_maker(frame.identity.maker, first + 1);
    mt_trace_field(input->trace, first, t.data, "identification", "maker, baud rate and model");
    status = read_sets(&r, first + t.data, t.bang - t.data);
    if (status == MT_OK) {
        add_tariffs(&frame);
        status = mt_readout_finish(&r);
    }
    mt_trace_field(input->trace, first + t.bang, t.len - t.bang, "end and CRC-16",
                   t.len > t.bang + 1 ? "right" : "none: versions 2 and 3");
    if (status == MT_OK) {
        *out = frame;
        return frame.value_count > 0 ? MT_OK : MT_NO_READING;
    }
    return status;
}

/* ---- building -------------------------------------------------------------------------------------- */

static void write_id(struct mt_writer *w, const char *number)
{
    static const char digits[] = "0123456789ABCDEF";
    mt_text_write(w, "0-0:96.1.1(");
    for (; *number != '\0'; number++) {
        mt_writer_u8(w, (uint8_t)digits[(uint8_t)*number >> 4]);
        mt_writer_u8(w, (uint8_t)digits[*number & 0xf]);
    }
    mt_text_write(w, ")\r\n");
}

enum mt_status mt_p1_build(uint8_t *out, size_t *out_len, size_t out_max,
                           const struct mt_sending *sending)
{
    struct mt_calendar c;
    int64_t winter_us = sending->reading.time_us + WINTER_EAST_US - LOCAL_EAST_US;
    enum mt_status status = mt_text_check(sending);
    if (status == MT_OK) {
        status = mt_calendar_from_us(&c, winter_us);
    }
    if (status != MT_OK || c.year > 2099) {
        return status != MT_OK ? status : MT_BAD_RANGE;
    }
    struct mt_writer w = mt_writer_into(out, out_max);
    mt_text_write(&w, "/");
    mt_text_write(&w, sending->identity.maker);
    mt_text_write(&w, "5METER\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(");
    const int32_t parts[] = {c.year - 2000, c.month, c.day, c.hour, c.minute, c.second};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        mt_text_digits(&w, (uint64_t)parts[i], 2);
    }
    mt_text_write(&w, "W)\r\n");
    write_id(&w, sending->identity.number);
    mt_text_registers(&w, "1-0:", &sending->reading);
    mt_text_write(&w, "!");
    static const char digits[] = "0123456789ABCDEF";
    uint16_t crc = mt_crc16_arc(out, mt_writer_len(&w));
    for (unsigned shift = 16; shift > 0; shift -= 4) {
        mt_writer_u8(&w, (uint8_t)digits[crc >> (shift - 4) & 0xf]);
    }
    mt_text_write(&w, "\r\n");
    *out_len = mt_writer_len(&w);
    return w.overflow ? MT_TOO_LARGE : MT_OK;
}
