/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Heads of M-Bus application data; see the header. */
#include "meters/mbus_head.h"

#include <string.h>

#include "meters/bcd.h"

#define LETTERS 26u
#define STATUS_LOW_POWER 0x04u

_Static_assert(MT_MBUS_NUMBER_DIGITS <= MT_NUMBER_MAX, "the address must fit in an identity");

static const struct {
    uint8_t type;
    uint8_t medium;
    const char *text;
} types[] = {
    {0x00, MT_MEDIUM_OTHER, "other"},
    {0x01, MT_MEDIUM_OTHER, "oil"},
    {0x02, MT_POWER, "electricity"},
    {0x03, MT_GAS, "gas"},
    {0x04, MT_HEAT, "heat, volume at the outlet"},
    {0x05, MT_MEDIUM_OTHER, "steam"},
    {0x06, MT_WATER, "warm water"},
    {0x07, MT_WATER, "water"},
    {0x08, MT_MEDIUM_OTHER, "heat cost allocator"},
    {0x09, MT_MEDIUM_OTHER, "compressed air"},
    {0x0A, MT_HEAT, "cooling, volume at the outlet"},
    {0x0B, MT_HEAT, "cooling, volume at the inlet"},
    {0x0C, MT_HEAT, "heat, volume at the inlet"},
    {0x0D, MT_HEAT, "heat and cooling"},
    {0x0E, MT_MEDIUM_OTHER, "bus or system"},
    {0x0F, MT_MEDIUM_OTHER, "unknown"},
    {0x14, MT_MEDIUM_OTHER, "calorific value"},
    {0x15, MT_WATER, "hot water"},
    {0x16, MT_WATER, "cold water"},
    {0x17, MT_WATER, "hot and cold water"},
    {0x18, MT_MEDIUM_OTHER, "pressure"},
    {0x19, MT_MEDIUM_OTHER, "analogue-digital converter"},
    {0x1A, MT_MEDIUM_OTHER, "smoke detector"},
    {0x1B, MT_MEDIUM_OTHER, "room sensor"},
    {0x1C, MT_MEDIUM_OTHER, "gas detector"},
    {0x20, MT_MEDIUM_OTHER, "breaker"},
    {0x21, MT_MEDIUM_OTHER, "valve"},
    {0x25, MT_MEDIUM_OTHER, "customer's display"},
    {0x28, MT_MEDIUM_OTHER, "waste water"},
    {0x29, MT_MEDIUM_OTHER, "waste"},
    {0x31, MT_MEDIUM_OTHER, "communication controller"},
    {0x32, MT_MEDIUM_OTHER, "repeater, one way"},
    {0x33, MT_MEDIUM_OTHER, "repeater, two ways"},
    {0x36, MT_MEDIUM_OTHER, "radio converter, system side"},
    {0x37, MT_MEDIUM_OTHER, "radio converter, meter side"},
};

#define TYPES (sizeof(types) / sizeof(types[0]))

static void read_bytes(uint8_t *out, size_t len, struct mt_cursor *c)
{
    const uint8_t *p = mt_cursor_take(c, len);
    if (p != NULL) {
        memcpy(out, p, len);
    }
}

static void reverse(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t kept = bytes[i];
        bytes[i] = bytes[len - 1 - i];
        bytes[len - 1 - i] = kept;
    }
}

static void trace_at(struct mt_trace *trace, const uint8_t *at, const struct mt_cursor *c,
                     const char *what, const char *meaning)
{
    if (!c->overrun) {
        mt_trace_field(trace, at, (size_t)(c->at - at), what, meaning);
    }
}

static const char *status_text(uint8_t status)
{
    static const char *const texts[] = {"no error", "busy", "any error of the application",
                                        "alarm"};
    if ((status & 0x1C) == 0) {
        return texts[status & 3];
    }
    return (status & STATUS_LOW_POWER) != 0 ? "low power"
           : (status & 0x08) != 0           ? "permanent error"
                                            : "temporary error";
}

static const char *mode_text(const struct mt_mbus_head *head)
{
    switch (mt_mbus_head_mode(head)) {
    case MT_MBUS_CLEAR:
        return "not encrypted";
    case MT_MBUS_MODE_5:
        return "mode 5: AES-128-CBC";
    case MT_MBUS_MODE_7:
        return "mode 7: AES-128-CBC with a key for each message";
    default: /* a number from the wire */
        return "a security mode that is not supported";
    }
}

static void read_state(struct mt_mbus_head *out, struct mt_cursor *c, bool msb_first,
                       struct mt_trace *trace)
{
    const uint8_t *at = c->at;
    out->access = mt_cursor_u8(c);
    trace_at(trace, at, c, "access number", NULL);
    at = c->at;
    out->status = mt_cursor_u8(c);
    trace_at(trace, at, c, "status", status_text(out->status));
    at = c->at;
    out->config = (uint16_t)(msb_first ? mt_cursor_be(c, 2) : mt_cursor_le(c, 2));
    trace_at(trace, at, c, "configuration", mode_text(out));
    out->config_more = 0;
    if (!c->overrun && mt_mbus_head_mode(out) == MT_MBUS_MODE_7) {
        at = c->at;
        out->config_more = mt_cursor_u8(c);
        trace_at(trace, at, c, "configuration extension", "which key");
    }
}

/* Version and device type, which end every address. */
static void read_version_type(struct mt_mbus_head *out, struct mt_cursor *c, struct mt_trace *trace)
{
    const uint8_t *at = c->at;
    out->version = mt_cursor_u8(c);
    trace_at(trace, at, c, "version", NULL);
    at = c->at;
    out->type = mt_cursor_u8(c);
    trace_at(trace, at, c, "device type", mt_mbus_type_text(out->type));
    out->has_address = !c->overrun;
}

void mt_mbus_head_long(struct mt_mbus_head *out, struct mt_cursor *c, bool msb_first,
                       struct mt_trace *trace)
{
    MT_CHECK(out != NULL && c != NULL);
    const uint8_t *at = c->at;
    read_bytes(out->number, sizeof(out->number), c);
    trace_at(trace, at, c, "number", "packed digits");
    at = c->at;
    read_bytes(out->maker, sizeof(out->maker), c);
    trace_at(trace, at, c, "maker", "three letters");
    if (msb_first) {
        reverse(out->number, sizeof(out->number));
        reverse(out->maker, sizeof(out->maker));
    }
    read_version_type(out, c, trace);
    read_state(out, c, msb_first, trace);
}

void mt_mbus_head_short(struct mt_mbus_head *out, struct mt_cursor *c, struct mt_trace *trace)
{
    MT_CHECK(out != NULL && c != NULL);
    read_state(out, c, false, trace);
}

void mt_mbus_head_link(struct mt_mbus_head *out, struct mt_cursor *c, struct mt_trace *trace)
{
    MT_CHECK(out != NULL && c != NULL);
    const uint8_t *at = c->at;
    read_bytes(out->maker, sizeof(out->maker), c);
    trace_at(trace, at, c, "maker", "three letters");
    at = c->at;
    read_bytes(out->number, sizeof(out->number), c);
    trace_at(trace, at, c, "number", "packed digits");
    read_version_type(out, c, trace);
}

void mt_mbus_head_write(struct mt_writer *w, const struct mt_mbus_head *head, bool is_long)
{
    MT_CHECK(w != NULL && head != NULL && (head->has_address || !is_long));
    if (is_long) {
        mt_writer_bytes(w, head->number, sizeof(head->number));
        mt_writer_bytes(w, head->maker, sizeof(head->maker));
        mt_writer_u8(w, head->version);
        mt_writer_u8(w, head->type);
    }
    mt_writer_u8(w, head->access);
    mt_writer_u8(w, head->status);
    mt_writer_le(w, head->config, 2);
    if (mt_mbus_head_mode(head) == MT_MBUS_MODE_7) {
        mt_writer_u8(w, head->config_more);
    }
}

void mt_mbus_maker_text(char text[MT_MAKER_MAX + 1], uint16_t maker)
{
    for (unsigned i = 0; i < MT_MAKER_MAX; i++) {
        unsigned letter = maker >> (10 - 5 * i) & 0x1F;
        if (letter < 1 || letter > LETTERS) {
            memset(text, 0, MT_MAKER_MAX + 1);
            return;
        }
        text[i] = (char)('A' + letter - 1);
    }
    text[MT_MAKER_MAX] = '\0';
}

uint16_t mt_mbus_maker_code(const char *text)
{
    MT_CHECK(text != NULL);
    uint16_t code = 0;
    for (unsigned i = 0; i < MT_MAKER_MAX; i++) {
        if (text[i] < 'A' || text[i] > 'Z') {
            return 0;
        }
        code = (uint16_t)(code << 5 | (text[i] - 'A' + 1));
    }
    return text[MT_MAKER_MAX] == '\0' ? code : 0;
}

enum mt_medium mt_mbus_medium(uint8_t type)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].type == type) {
            return (enum mt_medium)types[i].medium;
        }
    }
    return MT_MEDIUM_OTHER;
}

const char *mt_mbus_type_text(uint8_t type)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].type == type) {
            return types[i].text;
        }
    }
    return "reserved";
}

uint8_t mt_mbus_status_flags(uint8_t status)
{
    return (status & STATUS_LOW_POWER) != 0 ? MT_FLAG_LOW_BATTERY : 0;
}

void mt_mbus_head_identity(struct mt_identity *out, const struct mt_mbus_head *head)
{
    MT_CHECK(out != NULL && head != NULL);
    *out = (struct mt_identity){.medium = MT_MEDIUM_OTHER};
    if (!head->has_address) {
        return;
    }
    out->medium = (uint8_t)mt_mbus_medium(head->type);
    mt_mbus_maker_text(out->maker, (uint16_t)(head->maker[0] | head->maker[1] << 8));
    mt_bcd_address_text(out->number, head->number, sizeof(head->number));
}

enum mt_status mt_mbus_head_set(struct mt_mbus_head *out, const struct mt_identity *identity)
{
    static const uint8_t of_medium[] = {
        [MT_POWER] = 0x02, [MT_WATER] = 0x07, [MT_GAS] = 0x03, [MT_HEAT] = 0x04};
    MT_CHECK(out != NULL && identity != NULL);
    uint8_t number[4];
    uint16_t maker = mt_mbus_maker_code(identity->maker);
    enum mt_status status = mt_bcd_address_parse(number, sizeof(number), identity->number);
    if (status != MT_OK || maker == 0) {
        return MT_BAD_DIGIT;
    }
    if (identity->medium >= sizeof(of_medium)) {
        return MT_UNSUPPORTED;
    }
    memcpy(out->number, number, sizeof(number));
    out->maker[0] = (uint8_t)maker;
    out->maker[1] = (uint8_t)(maker >> 8);
    out->type = of_medium[identity->medium];
    out->has_address = true;
    return MT_OK;
}
