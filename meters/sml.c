/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SML: transmissions and what is in them; see the header. */
#include "meters/sml.h"

#include <string.h>

#include "meters/dlms_object.h"
#include "meters/sml_crc.h"
#include "meters/sml_item.h"

#define ESCAPE 0x1Bu
#define ESCAPE_BYTES ((size_t)4)
#define START_BYTES 8u
#define END_BYTES 8u
#define END_MARK 0x1Au
#define PAD_MAX 3u

#define OPEN_RESPONSE 0x0101
#define CLOSE_RESPONSE 0x0201
#define GET_LIST_RESPONSE 0x0701
#define ATTENTION 0xFF01

#define TIME_TIMESTAMP 2 /* SML_Time, 6.2.3: seconds since 1970 UTC */
#define TIME_LOCAL 3     /* that, and the minutes to local time */
#define US_PER_SECOND INT64_C(1000000)

static const uint8_t start_bytes[START_BYTES] = {0x1B, 0x1B, 0x1B, 0x1B, 1, 1, 1, 1};
static const uint8_t escape_bytes[ESCAPE_BYTES] = {0x1B, 0x1B, 0x1B, 0x1B};

/* A transmission among the bytes. */
struct transmission {
    size_t len;       /* all of it, or as far as is known to be no good */
    bool has_escapes; /* 1B1B1B1B is sent twice somewhere inside */
};

/* ---- transport ------------------------------------------------------------------------------------ */

static bool is_sum(uint16_t sent, const uint8_t *bytes, size_t len)
{
    uint16_t inverted = sent ^ 0xFFFF;
    if (mt_sml_crc(MT_SML_CRC_X25, bytes, len) == inverted) {
        return true;
    }
    return mt_sml_crc(MT_SML_CRC_KERMIT, bytes, len) == sent;
}

/* The escape at `at` ends the transmission, if it is well made. */
static enum mt_status probe_end(struct transmission *t, const uint8_t *bytes, size_t at)
{
    t->len = at + END_BYTES;
    if (at % ESCAPE_BYTES != 0 || bytes[at + 5] > PAD_MAX) {
        return MT_BAD_CHECKSUM; /* bytes were lost on the way */
    }
    uint16_t sent = (uint16_t)(bytes[at + 6] | bytes[at + 7] << 8);
    return is_sum(sent, bytes, at + 6) ? MT_OK : MT_BAD_CHECKSUM;
}

/* The transmission that starts at bytes[0]. On MT_BAD_CHECKSUM t->len says where to look on. */
static enum mt_status probe(struct transmission *t, const uint8_t *bytes, size_t len)
{
    *t = (struct transmission){.len = START_BYTES};
    size_t at = START_BYTES;
    size_t bound = len < MT_SML_BYTES_MAX ? len : MT_SML_BYTES_MAX;
    while (at < bound) {
        const uint8_t *escape = memchr(bytes + at, ESCAPE, bound - at);
        if (escape == NULL) {
            break;
        }
        at = (size_t)(escape - bytes);
        if (bound - at < ESCAPE_BYTES + 4) {
            break;
        }
        if (memcmp(escape, escape_bytes, ESCAPE_BYTES) != 0) {
            at++;
            continue;
        }
        const uint8_t *what = escape + ESCAPE_BYTES;
        if (what[0] == END_MARK) {
            return probe_end(t, bytes, at);
        }
        if (memcmp(what, escape_bytes, ESCAPE_BYTES) != 0) {
            t->len = at; /* the next transmission starts here, or noise */
            return MT_BAD_CHECKSUM;
        }
        t->has_escapes = true;
        at += 2 * ESCAPE_BYTES;
    }
    return len < MT_SML_BYTES_MAX ? MT_NEED_MORE : MT_BAD_CHECKSUM;
}

/* Where a start may be: at or behind `at`; len when there is none, or only part of one at the end. */
static size_t next_start(const uint8_t *bytes, size_t at, size_t len)
{
    while (at < len) {
        const uint8_t *escape = memchr(bytes + at, ESCAPE, len - at);
        if (escape == NULL) {
            return len;
        }
        at = (size_t)(escape - bytes);
        size_t left = len - at;
        size_t compared = left < START_BYTES ? left : START_BYTES;
        if (memcmp(escape, start_bytes, compared) == 0) {
            return at;
        }
        at++;
    }
    return len;
}

static enum mt_status locate(size_t *start, struct transmission *t, const struct mt_input *input)
{
    MT_CHECK(start != NULL && input != NULL && (input->bytes != NULL || input->len == 0));
    size_t begun = input->len;
    size_t broken = input->len;
    size_t at = 0;
    while ((at = next_start(input->bytes, at, input->len)) < input->len) {
        enum mt_status status = MT_NEED_MORE;
        if (input->len - at >= START_BYTES) {
            status = probe(t, input->bytes + at, input->len - at);
        }
        if (status == MT_OK) {
            *start = at;
            return MT_OK;
        }
        if (status == MT_NEED_MORE) {
            begun = at; /* it reaches to the end: nothing starts behind it */
            break;
        }
        broken = broken == input->len ? at : broken;
        at += t->len;
    }
    bool may_go_on = begun < input->len;
    *start = may_go_on ? begun : broken;
    return may_go_on ? MT_NEED_MORE : broken < input->len ? MT_BAD_CHECKSUM : MT_NOT_FOUND;
}

enum mt_status mt_sml_find(size_t *start, const struct mt_input *input)
{
    struct transmission t;
    return locate(start, &t, input);
}

/* ---- messages ------------------------------------------------------------------------------------- */

/* What is kept while a transmission is read. */
struct reader {
    struct mt_frame *frame;
    struct mt_trace *trace;
    struct mt_dlms_registers registers;
    bool has_list;
};

static void tell(const struct reader *r, const struct mt_cursor *c, const uint8_t *from,
                 const char *what, const char *meaning)
{
    mt_trace_field(r->trace, from, (size_t)(c->at - from), what, meaning);
}

static void skip(const struct reader *r, struct mt_cursor *c, const char *what)
{
    const uint8_t *from = c->at;
    mt_sml_skip(c);
    tell(r, c, from, what, NULL);
}

static enum mt_status refuse(const struct reader *r, const struct mt_cursor *c, const uint8_t *from,
                             const char *why)
{
    mt_trace_fault(r->trace, from, (size_t)(c->at - from), why);
    return MT_BAD_LAYOUT;
}

static void set_time(struct mt_frame *frame, int64_t utc_s, int64_t zone_minutes)
{
    if (utc_s <= 0 || utc_s >= MT_TIME_S_MAX || zone_minutes < -720 || zone_minutes > 840) {
        return;
    }
    frame->has_time = true;
    frame->time_us = utc_s * US_PER_SECOND;
    frame->has_zone = true;
    frame->zone_minutes = (int16_t)zone_minutes;
}

/* SML_Time: a list of tag and seconds; Holley sends bare seconds since the start. Only a date is
 * kept, and only where `is_kept`. */
static void read_time(struct reader *r, struct mt_cursor *c, bool is_kept)
{
    const uint8_t *from = c->at;
    struct mt_sml_item item = mt_sml_read(c);
    int64_t tag = 0;
    int64_t utc_s = 0;
    int64_t zone = 0;
    int64_t season = 0;
    bool is_date = false;
    if (item.type == MT_SML_LIST && item.len == 2) {
        struct mt_sml_item kind = mt_sml_read(c);
        struct mt_cursor look = *c;
        struct mt_sml_item when = mt_sml_read(&look);
        bool is_local = mt_sml_number(&tag, &kind) && tag == TIME_LOCAL && when.len == 3 &&
                        when.type == MT_SML_LIST;
        if (is_local) {
            struct mt_sml_item seconds = mt_sml_read(&look);
            struct mt_sml_item offset = mt_sml_read(&look);
            struct mt_sml_item summer = mt_sml_read(&look);
            is_date = mt_sml_number(&utc_s, &seconds) && mt_sml_number(&zone, &offset) &&
                      mt_sml_number(&season, &summer);
        } else {
            is_date = tag == TIME_TIMESTAMP && mt_sml_number(&utc_s, &when);
        }
        mt_sml_skip(c);
    } else if (item.type == MT_SML_LIST || item.is_end) {
        c->overrun = true;
    }
    tell(r, c, from, "time", is_date ? "a date" : mt_sml_is_left_out(&item) ? "none" : "no date");
    if (is_date && is_kept && !c->overrun && zone >= -720 && season >= -120 && season <= 120) {
        set_time(r->frame, utc_s, zone + season);
    }
}

static bool are_letters(const uint8_t *p)
{
    return p[0] >= 'A' && p[0] <= 'Z' && p[1] >= 'A' && p[1] <= 'Z' && p[2] >= 'A' && p[2] <= 'Z';
}

/* The maker in a server id. 0A 01 DZG ..: DIN 43863-5, with the medium before the letters; 06 EMH ..:
 * its older form; 01 A815 ..: an M-Bus address, whose maker is three times five bits. */
static void set_maker(struct mt_frame *frame, const uint8_t *id, size_t len)
{
    char *maker = frame->identity.maker;
    if (len == 10 && are_letters(id + 2)) {
        memcpy(maker, id + 2, MT_MAKER_MAX);
    } else if (len == 10 && are_letters(id + 1)) {
        memcpy(maker, id + 1, MT_MAKER_MAX);
    } else if (len == 9 && id[0] == 1) {
        unsigned code = (unsigned)(id[1] | id[2] << 8);
        uint8_t letters[MT_MAKER_MAX] = {(uint8_t)((code >> 10 & 31) + '@'),
                                         (uint8_t)((code >> 5 & 31) + '@'),
                                         (uint8_t)((code & 31) + '@')};
        if (are_letters(letters)) {
            memcpy(maker, letters, MT_MAKER_MAX);
        }
    }
}

static void set_identity(struct mt_frame *frame, const struct mt_sml_item *id)
{
    static const char digits[] = "0123456789ABCDEF";
    char *number = frame->identity.number;
    size_t at = 0;
    if (id->type != MT_SML_OCTETS || id->len == 0 || id->len > MT_SML_SERVER_MAX) {
        return;
    }
    for (uint32_t i = 0; i < id->len; i++) {
        number[at++] = digits[id->bytes[i] >> 4];
        number[at++] = digits[id->bytes[i] & 15];
    }
    number[at] = '\0';
    set_maker(frame, id->bytes, id->len);
}

/* The value of an entry. */
static enum mt_status add_value(struct reader *r, struct mt_cursor *c,
                                const struct mt_sml_item *name, uint8_t unit, int8_t scaler)
{
    const uint8_t *from = c->at;
    struct mt_cursor look = *c;
    struct mt_sml_item item = mt_sml_read(&look);
    struct mt_dlms_register sent = {.obis = name->bytes, .unit = unit, .scaler = scaler};
    bool is_number = item.type == MT_SML_INT || item.type == MT_SML_UINT;
    mt_sml_skip(c);
    tell(r, c, from, "value", is_number ? NULL : "no number");
    if (!is_number || c->overrun) {
        return MT_OK;
    }
    sent.is_beyond = !mt_sml_number(&sent.mantissa, &item);
    enum mt_status status = mt_dlms_add(&r->registers, &sent);
    if (status != MT_OK) {
        mt_trace_fault(r->trace, from, (size_t)(c->at - from),
                       "the total's unit or size is impossible, or it comes twice");
    }
    return status;
}

/* SML_ListEntry: name, status, time, unit, scaler, value, signature. */
static enum mt_status read_entry(struct reader *r, struct mt_cursor *c)
{
    const uint8_t *from = c->at;
    struct mt_sml_item list = mt_sml_read(c);
    tell(r, c, from, "entry", NULL);
    struct mt_sml_item name = mt_sml_read(c);
    tell(r, c, name.at, "name (OBIS)", NULL);
    if (list.type != MT_SML_LIST || list.len != 7 || name.type != MT_SML_OCTETS ||
        name.len != MT_OBIS_BYTES) {
        return refuse(r, c, from, "an entry is a list of seven, and its name six bytes");
    }
    skip(r, c, "status");
    bool is_total = memcmp(name.bytes, mt_dlms_total_obis(MT_POWER), MT_OBIS_BYTES) == 0;
    read_time(r, c, is_total);
    struct mt_sml_item unit = mt_sml_read(c);
    tell(r, c, unit.at, "unit", mt_dlms_unit(unit.len == 1 ? unit.bytes[0] : 0));
    struct mt_sml_item scaler = mt_sml_read(c);
    tell(r, c, scaler.at, "scaler", NULL);
    int64_t code = 0;
    int64_t exponent = 0;
    bool has_unit = mt_sml_is_left_out(&unit) || mt_sml_number(&code, &unit);
    bool has_scaler = mt_sml_is_left_out(&scaler) || mt_sml_number(&exponent, &scaler);
    if (!has_unit || !has_scaler || code < 0 || code > 255 || exponent < -128 || exponent > 127) {
        return refuse(r, c, unit.at, "unit and scaler are numbers of one byte");
    }
    enum mt_status status = add_value(r, c, &name, (uint8_t)code, (int8_t)exponent);
    skip(r, c, "signature");
    return status;
}

/* SML_GetList.Res: client, server, list name, sensor's time, entries, signature, gateway's time. */
static enum mt_status read_list(struct reader *r, struct mt_cursor *c)
{
    const uint8_t *from = c->at;
    struct mt_sml_item body = mt_sml_read(c);
    if (body.type != MT_SML_LIST || body.len != 7) {
        return refuse(r, c, from, "GetList.Res is a list of seven");
    }
    if (r->has_list) {
        mt_trace_fault(r->trace, from, (size_t)(c->at - from), "a second list: whose is it?");
        return MT_UNSUPPORTED;
    }
    r->has_list = true;
    skip(r, c, "client id");
    struct mt_sml_item server = mt_sml_read(c);
    tell(r, c, server.at, "server id", "the meter");
    set_identity(r->frame, &server);
    skip(r, c, "list name");
    read_time(r, c, true);
    struct mt_sml_item entries = mt_sml_read(c);
    tell(r, c, entries.at, "entries", NULL);
    if (server.type != MT_SML_OCTETS || entries.type != MT_SML_LIST) {
        return refuse(r, c, from, "a server id and a list of entries are missing");
    }
    for (uint32_t i = 0; i < entries.len && !c->overrun; i++) {
        enum mt_status status = read_entry(r, c);
        if (status != MT_OK) {
            return status;
        }
    }
    skip(r, c, "list signature");
    skip(r, c, "gateway's time");
    return MT_OK;
}

static const char *body_name(int64_t tag)
{
    return tag == OPEN_RESPONSE       ? "open response"
           : tag == CLOSE_RESPONSE    ? "close response"
           : tag == GET_LIST_RESPONSE ? "list of values"
           : tag == ATTENTION         ? "attention"
                                      : "not decoded here";
}

/* The body: a list of tag and what belongs to it. */
static enum mt_status read_body(struct reader *r, struct mt_cursor *c)
{
    const uint8_t *from = c->at;
    struct mt_sml_item choice = mt_sml_read(c);
    struct mt_sml_item kind = mt_sml_read(c);
    int64_t tag = 0;
    if (choice.type != MT_SML_LIST || choice.len != 2 || !mt_sml_number(&tag, &kind)) {
        return refuse(r, c, from, "a body is a list of a tag and its content");
    }
    tell(r, c, from, "body", body_name(tag));
    if (tag == GET_LIST_RESPONSE) {
        return read_list(r, c);
    }
    if (tag == ATTENTION) {
        r->frame->kind = MT_FRAME_ABNORMAL;
    }
    skip(r, c, "content");
    return MT_OK;
}

/* SML_Message: transaction, group, abort, body, CRC over those, end. */
static enum mt_status read_message(struct reader *r, struct mt_cursor *c)
{
    const uint8_t *from = c->at;
    struct mt_sml_item message = mt_sml_read(c);
    tell(r, c, from, "message", NULL);
    if (message.type != MT_SML_LIST || message.len != 6) {
        return refuse(r, c, from, "a message is a list of six");
    }
    skip(r, c, "transaction id");
    skip(r, c, "group");
    skip(r, c, "abort on error");
    enum mt_status status = read_body(r, c);
    if (status != MT_OK) {
        return status;
    }
    size_t len = (size_t)(c->at - from);
    struct mt_sml_item crc = mt_sml_read(c);
    tell(r, c, crc.at, "CRC of the message", NULL);
    struct mt_sml_item end = mt_sml_read(c);
    tell(r, c, end.at, "end of the message", NULL);
    int64_t sent;
    if (c->overrun || !end.is_end || !mt_sml_number(&sent, &crc) || sent < 0 || sent > 0xFFFF) {
        return refuse(r, c, from, "the message does not end as it should");
    }
    if (!is_sum((uint16_t)(sent >> 8 | (sent & 0xFF) << 8), from, len)) {
        mt_trace_fault(r->trace, crc.at, (size_t)(end.at - crc.at),
                       "the checksum of this message differs");
        return MT_BAD_CHECKSUM;
    }
    return MT_OK;
}

/* All messages of a transmission, without escapes. */
static enum mt_status read_messages(struct mt_frame *frame, struct mt_trace *trace,
                                    const uint8_t *bytes, size_t len)
{
    mt_dlms_begin(frame, "sml");
    struct reader r = {.frame = frame, .trace = trace, .registers = {.frame = frame}};
    struct mt_cursor c = mt_cursor_over(bytes, len);
    while (mt_cursor_left(&c) > 0) {
        enum mt_status status = read_message(&r, &c);
        if (status != MT_OK) {
            return status;
        }
    }
    if (!r.has_list) {
        return MT_NO_READING;
    }
    return mt_dlms_finish(&r.registers);
}

/* The same where 1B1B1B1B is sent twice: a copy has it once. Apart from its caller, so that the copy's
 * room is on the stack only where there is one. */
__attribute__((noinline)) static enum mt_status read_escaped(struct mt_frame *frame,
                                                             struct mt_trace *trace,
                                                             const uint8_t *bytes, size_t len)
{
    uint8_t plain[MT_SML_BYTES_MAX];
    size_t used = 0;
    for (size_t at = 0; at < len; at++) {
        plain[used++] = bytes[at];
        bool doubled =
            len - at >= 2 * ESCAPE_BYTES && memcmp(bytes + at, escape_bytes, ESCAPE_BYTES) == 0;
        if (doubled) {
            memcpy(plain + used, escape_bytes, ESCAPE_BYTES - 1);
            used += ESCAPE_BYTES - 1;
            at += 2 * ESCAPE_BYTES - 1;
        }
    }
    mt_trace_layer(trace, plain, used, "each escaped 1B1B1B1B once");
    enum mt_status status = read_messages(frame, trace, plain, used);
    mt_trace_layer(trace, NULL, 0, NULL);
    return status;
}

/* The zeros that fill the last group of four are no message. */
static bool is_filled(const uint8_t *end, size_t pad)
{
    for (size_t i = 1; i <= pad; i++) {
        if (end[-(ptrdiff_t)i] != 0) {
            return false;
        }
    }
    return true;
}

static void tell_end(struct mt_trace *trace, const uint8_t *end, size_t pad)
{
    if (pad > 0) {
        mt_trace_field(trace, end - pad, pad, "fill", NULL);
    }
    mt_trace_field(trace, end, 4, "escape", NULL);
    mt_trace_field(trace, end + 4, 2, "end", "and the count of fill bytes");
    mt_trace_field(trace, end + 6, 2, "CRC", "right");
}

enum mt_status mt_sml_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL);
    size_t start;
    struct transmission t = {0};
    enum mt_status status = locate(&start, &t, input);
    *used = status == MT_BAD_CHECKSUM ? input->len : start;
    if (status != MT_OK) {
        if (status == MT_BAD_CHECKSUM) {
            mt_trace_fault(input->trace, input->bytes + start, input->len - start,
                           "the checksum of the transmission differs, or bytes of it are lost");
        }
        return status;
    }
    *used = start + t.len;
    const uint8_t *bytes = input->bytes + start;
    const uint8_t *end = bytes + t.len - END_BYTES;
    size_t pad = end[5];
    size_t len = t.len - START_BYTES - END_BYTES;
    mt_trace_field(input->trace, bytes, START_BYTES, "start", "version 1");
    if (pad > len || !is_filled(end, pad)) {
        mt_trace_fault(input->trace, end + 5, 1, "fill bytes are zeros");
        return MT_BAD_LAYOUT;
    }
    struct mt_frame frame;
    status = t.has_escapes ? read_escaped(&frame, input->trace, bytes + START_BYTES, len - pad)
                           : read_messages(&frame, input->trace, bytes + START_BYTES, len - pad);
    if (mt_status_is_told(status)) {
        tell_end(input->trace, end, pad);
        frame.value_count = status == MT_OK ? frame.value_count : 0;
        mt_dlms_copy(out, &frame);
    }
    return status;
}
