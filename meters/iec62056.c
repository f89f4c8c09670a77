/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IEC 62056-21; see the header. */
#include "meters/iec62056.h"

#include <string.h>

#include "meters/calendar.h"
#include "meters/readout.h"

#define SOH 0x01
#define STX 0x02
#define ETX 0x03
#define ACK 0x06
#define IDENT_MIN 4u
#define IDENT_MAX 32u
#define SHORTEST_READOUT 8u

/* Where the parts of a readout are, from its first byte. */
struct readout {
    size_t ident; /* bytes of the identification line without its end; 0: none */
    size_t data, data_end;
    size_t len;
    bool request;   /* the reader's own words */
    bool block;     /* STX or SOH began */
    bool unchecked; /* no block check: mode D */
};

static bool is_line_end(uint8_t c)
{
    return c == '\r' || c == '\n';
}

static uint8_t xor_of(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum ^= bytes[i];
    }
    return sum;
}

/* STX or SOH at bytes[at] ... ETX BCC. */
static enum mt_status probe_block(struct readout *r, const uint8_t *bytes, size_t len, size_t at)
{
    size_t end = at + 1;
    bool damaged = false;
    r->block = true;
    while (end < len && end < MT_TEXT_FRAME_MAX && bytes[end] != ETX) {
        bool again = bytes[end] == SOH || (bytes[end] == STX && bytes[at] == STX);
        damaged = damaged || bytes[end] >= 0x7f;
        if (again || (damaged && at == 0)) {
            return MT_NOT_FOUND; /* behind an identification a byte that is no text is damage */
        }
        end++;
    }
    if (end >= MT_TEXT_FRAME_MAX || (damaged && end + 1 >= len)) {
        return MT_NOT_FOUND;
    }
    if (end + 1 >= len) {
        return MT_NEED_MORE;
    }
    r->data = at + 1;
    r->data_end = end;
    r->len = end + 2;
    bool is_right = !damaged && xor_of(bytes + at + 1, end - at) == bytes[end + 1];
    return is_right ? MT_OK : MT_BAD_CHECKSUM;
}

/* A line that begins with "/": an identification with a readout behind it, or a request. */
static enum mt_status probe_line(struct readout *r, const uint8_t *bytes, size_t len)
{
    size_t at = 1;
    while (at < len && at <= IDENT_MAX && bytes[at] >= ' ' && bytes[at] < 0x7f) {
        at++;
    }
    if (at == len) { /* "/?" begins a request */
        bool may = len == 1 || bytes[1] == '?' || mt_text_may_name(bytes + 1, len - 1);
        return may ? MT_NEED_MORE : MT_NOT_FOUND;
    }
    if (!is_line_end(bytes[at]) || at <= 2) {
        return MT_NOT_FOUND;
    }
    if (bytes[1] == '?') {
        r->request = true;
        r->len = at + 1;
        return bytes[at - 1] == '!' ? MT_OK : MT_NOT_FOUND;
    }
    r->ident = at;
    while (at < len && is_line_end(bytes[at])) {
        at++;
    }
    if (r->ident < 1 + IDENT_MIN || at == len) {
        return r->ident < 1 + IDENT_MIN ? MT_NOT_FOUND : MT_NEED_MORE;
    }
    if (bytes[at] == STX) {
        return probe_block(r, bytes, len, at);
    }
    r->data = at;
    for (; at < len && at < MT_TEXT_FRAME_MAX; at++) {
        bool foreign = bytes[at] >= 0x7f || (bytes[at] < ' ' && !is_line_end(bytes[at]));
        if (foreign || bytes[at] == '/') {
            return MT_NOT_FOUND;
        }
        if (bytes[at] == '!' && is_line_end(bytes[at - 1])) {
            r->data_end = at;
            r->len = at + 1;
            r->unchecked = true;
            bool ends =
                (at + 1 == len || is_line_end(bytes[at + 1])) && !mt_text_needs_crc(bytes, at);
            return ends ? MT_OK : MT_NOT_FOUND; /* else it is P1, and its CRC decides */
        }
    }
    return at == len ? MT_NEED_MORE : MT_NOT_FOUND;
}

/* ACK 0 Z 0 CRLF: the reader chooses a mode (6.3.3). */
static enum mt_status probe_ack(struct readout *r, const uint8_t *bytes, size_t len)
{
    bool is_ack = len == 6 && bytes[1] >= '0' && bytes[1] <= '2' && bytes[4] == '\r';
    r->request = true;
    r->len = len;
    return is_ack && bytes[5] == '\n' ? MT_OK : MT_NOT_FOUND;
}

static enum mt_status probe(struct readout *r, const uint8_t *bytes, size_t len)
{
    *r = (struct readout){0};
    enum mt_status status = MT_NOT_FOUND;
    switch (bytes[0]) {
    case '/':
        return probe_line(r, bytes, len);
    case ACK:
        return probe_ack(r, bytes, len);
    case SOH:
        status = probe_block(r, bytes, len, 0);
        r->request = true;
        return status;
    case STX:
        status = probe_block(r, bytes, len, 0);
        return status == MT_OK && r->len < SHORTEST_READOUT ? MT_NOT_FOUND : status;
    default:
        return MT_NOT_FOUND;
    }
}

/* The first whole readout; a request only when nothing else is there. What lies in a block whose check
 * fails, or that does not end, is no readout without a check, whatever it looks like. */
static enum mt_status scan(struct readout *out, size_t *start, const uint8_t *bytes, size_t len)
{
    enum mt_status best = MT_NOT_FOUND;
    struct readout r;
    size_t damaged_to = 0;
    *start = len;
    for (size_t i = 0; i < len; i++) {
        enum mt_status status = probe(&r, bytes + i, len - i);
        if (r.unchecked && i < damaged_to) {
            continue;
        }
        if (r.block && status != MT_OK && status != MT_NOT_FOUND) {
            damaged_to = status == MT_NEED_MORE ? len : i + r.len;
        }
        bool whole = status == MT_OK && !r.request;
        bool better = best == MT_NOT_FOUND || (best == MT_BAD_CHECKSUM && status == MT_NEED_MORE) ||
                      (best != MT_OK && status == MT_OK);
        if (status != MT_NOT_FOUND && (whole || better)) {
            best = status;
            *start = i;
            *out = r;
        }
        if (whole) {
            break;
        }
    }
    return best;
}

/* Seven bits with even parity: taken off when every byte has it. Returns what to read. */
static const uint8_t *without_parity(uint8_t plain[MT_TEXT_FRAME_MAX], const struct mt_input *input)
{
    bool any = false;
    for (size_t i = 0; i < input->len; i++) {
        uint8_t b = input->bytes[i];
        any = any || b >= 0x80;
        b ^= b >> 4;
        b ^= b >> 2;
        b ^= b >> 1;
        if ((b & 1) != 0 || input->len > MT_TEXT_FRAME_MAX) {
            return input->bytes;
        }
    }
    if (!any) {
        return input->bytes;
    }
    for (size_t i = 0; i < input->len; i++) {
        plain[i] = input->bytes[i] & 0x7f;
    }
    return plain;
}

enum mt_status mt_iec62056_find(size_t *start, const struct mt_input *input)
{
    uint8_t plain[MT_TEXT_FRAME_MAX];
    struct readout r;
    return scan(&r, start, without_parity(plain, input), input->len);
}

static enum mt_status read_sets(struct mt_readout *r, const uint8_t *data, size_t len)
{
    struct mt_cursor c = mt_cursor_over(data, len);
    for (;;) {
        struct mt_data_set set;
        enum mt_status status = mt_data_set_read(&set, &c, r->trace);
        if (status != MT_OK) {
            return status == MT_NOT_FOUND ? MT_OK : status;
        }
        mt_trace_field(r->trace, set.address, (size_t)(c.at - set.address), "data set",
                       set.has_code ? mt_obis_name(set.a < 0 ? 1 : set.a, &set.code) : NULL);
        status = mt_readout_take(r, &set);
        if (status != MT_OK) {
            return status;
        }
    }
}

enum mt_status mt_iec62056_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    uint8_t plain[MT_TEXT_FRAME_MAX];
    const uint8_t *bytes = without_parity(plain, input);
    struct readout at;
    size_t start;
    enum mt_status status = scan(&at, &start, bytes, input->len);
    *used = status == MT_NEED_MORE ? start : status == MT_OK ? start + at.len : input->len;
    if (status == MT_BAD_CHECKSUM) {
        mt_trace_fault(input->trace, bytes + start + at.len - 1, 1,
                       "the XOR of all bytes after STX through ETX is another");
    }
    if (status != MT_OK) {
        return status;
    }
    if (bytes != input->bytes) {
        mt_trace_layer(input->trace, bytes, input->len, "without parity bits");
    }
    static const struct mt_frame empty;
    struct mt_frame frame = empty;
    struct mt_readout r = {.frame = &frame, .trace = input->trace};
    frame.protocol = "iec62056";
    frame.kind = at.request ? MT_FRAME_REQUEST : MT_FRAME_REPLY;
    if (at.ident > 0) {
        mt_readout_maker(frame.identity.maker, bytes + start + 1);
        mt_trace_field(input->trace, bytes + start, at.ident, "identification",
                       "maker, baud rate and model");
    }
    if (!at.request) {
        status = read_sets(&r, bytes + start + at.data, at.data_end - at.data);
    }
    if (status == MT_OK) {
        status = mt_readout_finish(&r);
    }
    size_t tail = at.request ? 0 : at.data_end;
    mt_trace_field(input->trace, bytes + start + tail, at.len - tail,
                   at.request ? "the reader's own words" : "end of block", NULL);
    mt_trace_layer(input->trace, NULL, 0, NULL);
    if (status != MT_OK) {
        return status;
    }
    *out = frame;
    return frame.value_count > 0 ? MT_OK : MT_NO_READING;
}

enum mt_status mt_iec62056_build(uint8_t *out, size_t *out_len, size_t out_max,
                                 const struct mt_sending *sending)
{
    struct mt_calendar c;
    enum mt_status status = mt_text_check(sending);
    if (status == MT_OK) {
        status = mt_calendar_from_us(&c, sending->reading.time_us);
    }
    if (status != MT_OK || c.year > 2099) {
        return status != MT_OK ? status : MT_BAD_RANGE;
    }
    struct mt_writer w = mt_writer_into(out, out_max);
    mt_text_write(&w, "/");
    mt_text_write(&w, sending->identity.maker);
    mt_text_write(&w, "5METER\r\n");
    size_t stx = mt_writer_len(&w);
    mt_text_write(&w, "\x02"
                      "C.1.0(");
    mt_text_write(&w, sending->identity.number);
    mt_text_write(&w, ")\r\n0.9.1(");
    mt_text_digits(&w, (uint64_t)c.hour * 10000 + (uint64_t)c.minute * 100 + (uint64_t)c.second, 6);
    mt_text_write(&w, ")\r\n0.9.2(");
    mt_text_digits(&w, (uint64_t)c.year % 100 * 10000 + (uint64_t)c.month * 100 + (uint64_t)c.day,
                   6);
    mt_text_write(&w, ")\r\n");
    mt_text_registers(&w, "", &sending->reading);
    mt_text_write(&w, "!\r\n\x03");
    if (!w.overflow) {
        mt_writer_u8(&w, xor_of(out + stx + 1, mt_writer_len(&w) - stx - 1));
    }
    *out_len = mt_writer_len(&w);
    return w.overflow ? MT_TOO_LARGE : MT_OK;
}
