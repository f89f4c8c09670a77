/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data sets in text; see the header. */
#include "meters/obis_text.h"

#include <string.h>

#include "meters/calendar.h"

#define STX 0x02
#define ETX 0x03
#define LOCAL_EAST_MINUTES 480 /* what mt_calendar_to_us takes a clock for */
#define US_PER_MINUTE INT64_C(60000000)

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\r' || c == '\n' || c == '\t' || c == 0;
}

/* ---- the address --------------------------------------------------------------------------------- */

/* One value group: up to three digits, or a letter that stands for a number (IEC 62056-61, 5.5). */
static bool read_part(uint8_t *out, struct mt_cursor *c)
{
    static const char letters[] = "CFLP";
    uint32_t value = 0;
    size_t digits = 0;
    while (mt_cursor_left(c) > 0 && is_digit(*c->at) && digits < 4) {
        value = value * 10 + (uint32_t)(mt_cursor_u8(c) - '0');
        digits++;
    }
    if (digits == 0 && mt_cursor_left(c) > 0) {
        const char *letter = memchr(letters, *c->at, sizeof(letters) - 1);
        if (letter == NULL) {
            return false;
        }
        (void)mt_cursor_u8(c); /* looked at above */
        value = 96u + (uint32_t)(letter - letters);
        digits = 1;
    }
    *out = (uint8_t)value;
    return digits > 0 && value <= 255;
}

static bool step_over(struct mt_cursor *c, uint8_t what)
{
    if (mt_cursor_left(c) == 0 || *c->at != what) {
        return false;
    }
    (void)mt_cursor_u8(c); /* looked at above */
    return true;
}

/* "A-B:" when it is there. */
static bool read_channel(struct mt_data_set *set, struct mt_cursor *c)
{
    struct mt_cursor look = *c;
    uint8_t a;
    uint8_t b;
    if (!read_part(&a, &look) || !step_over(&look, '-')) {
        return true;
    }
    if (!read_part(&b, &look) || !step_over(&look, ':')) {
        return false;
    }
    set->a = a;
    set->b = b;
    *c = look;
    return true;
}

/* [A-B:]C.D[.E][*F] (or &F, after a reset by hand). Anything else is an address of the maker's own. */
static bool read_code(struct mt_data_set *set)
{
    struct mt_cursor c = mt_cursor_over(set->address, set->address_len);
    set->a = -1;
    set->b = -1;
    set->code = (struct mt_obis){.f = MT_OBIS_CURRENT};
    if (!read_channel(set, &c) || !read_part(&set->code.c, &c) || !step_over(&c, '.') ||
        !read_part(&set->code.d, &c)) {
        return false;
    }
    if (step_over(&c, '.') && !read_part(&set->code.e, &c)) {
        return false;
    }
    if ((step_over(&c, '*') || step_over(&c, '&')) && !read_part(&set->code.f, &c)) {
        return false;
    }
    return mt_cursor_left(&c) == 0;
}

/* ---- groups --------------------------------------------------------------------------------------- */

static void split_unit(struct mt_data_group *group, const uint8_t *text, size_t len)
{
    const uint8_t *star = len > 0 ? memchr(text, '*', len) : NULL;
    *group = (struct mt_data_group){.text = text, .len = len};
    if (star != NULL) {
        group->len = (size_t)(star - text);
        group->unit = star + 1;
        group->unit_len = len - group->len - 1;
    }
}

/* "(...)"; the parenthesis was seen. Returns false when it does not end, or holds another one. */
static bool read_group(struct mt_data_set *set, struct mt_cursor *c)
{
    (void)mt_cursor_u8(c); /* the parenthesis */
    const uint8_t *text = c->at;
    while (mt_cursor_left(c) > 0 && *c->at != ')') {
        bool foreign = *c->at == '(' || *c->at == '\n' || *c->at == ETX || *c->at == STX;
        if (foreign || (size_t)(c->at - text) == MT_DATA_GROUP_MAX) {
            return false;
        }
        c->at++;
    }
    if (mt_cursor_left(c) == 0) {
        return false;
    }
    if (set->group_count < MT_DATA_GROUPS_MAX) {
        split_unit(&set->groups[set->group_count], text, (size_t)(c->at - text));
    }
    set->group_count++;
    c->at++;
    return true;
}

/* A further group may stand on the next line (DSMR 2 and 3: the gas meter's value). */
static bool at_group(struct mt_cursor *c)
{
    const uint8_t *at = c->at;
    while (at < c->end && (*at == '\r' || *at == '\n')) {
        at++;
    }
    if (at == c->end || *at != '(') {
        return false;
    }
    c->at = at;
    return true;
}

enum mt_status mt_data_set_read(struct mt_data_set *out, struct mt_cursor *c,
                                struct mt_trace *trace)
{
    MT_CHECK(out != NULL && c != NULL);
    while (mt_cursor_left(c) > 0 && is_space(*c->at)) {
        c->at++;
    }
    if (mt_cursor_left(c) == 0 || *c->at == '!' || *c->at == ETX) {
        return MT_NOT_FOUND;
    }
    *out = (struct mt_data_set){.address = c->at};
    while (mt_cursor_left(c) > 0 && *c->at > ' ' && *c->at < 0x7f && *c->at != '(' &&
           out->address_len < MT_DATA_ADDRESS_MAX) {
        c->at++;
        out->address_len++;
    }
    if (out->address_len == 0 || mt_cursor_left(c) == 0 || *c->at != '(') {
        mt_trace_fault(trace, out->address, out->address_len, "no data set: address(value) is due");
        return MT_BAD_LAYOUT;
    }
    out->has_code = read_code(out);
    while (at_group(c)) {
        const uint8_t *first = c->at;
        if (!read_group(out, c)) {
            mt_trace_fault(trace, first, (size_t)(c->at - first), "a parenthesis is not closed");
            return MT_BAD_LAYOUT;
        }
    }
    return MT_OK;
}

/* ---- what they say ---------------------------------------------------------------------------------- */

enum mt_status mt_data_number(struct mt_value *value, const struct mt_data_group *group)
{
    size_t at = 0;
    while (at < group->len && group->text[at] == ' ') {
        at++; /* the place of a sign */
    }
    bool negative = at < group->len && group->text[at] == '-';
    at += negative;
    bool point = false;
    size_t digits = 0;
    size_t significant = 0;
    int8_t exponent = 0;
    int64_t mantissa = 0;
    for (; at < group->len; at++) {
        uint8_t c = group->text[at];
        if (c == '.' && !point && digits > 0) {
            point = true;
            continue;
        }
        if (!is_digit(c)) {
            return MT_BAD_DIGIT;
        }
        significant += mantissa != 0 || c != '0';
        digits++;
        exponent = (int8_t)(exponent - (point ? 1 : 0));
        if (significant > 18 || digits > 24) {
            return MT_BAD_RANGE;
        }
        mantissa = mantissa * 10 + (c - '0');
    }
    if (digits == 0 || (point && exponent == 0)) {
        return MT_BAD_DIGIT;
    }
    value->mantissa = negative ? -mantissa : mantissa;
    value->exponent = exponent;
    return MT_OK;
}

const char *mt_data_unit(const struct mt_data_group *group)
{
    static const struct {
        const char *sent;
        const char *unit;
    } units[] = {
        {"kWh", "kWh"},     {"Wh", "Wh"},     {"MWh", "MWh"},     {"kvarh", "kvarh"},
        {"kVArh", "kvarh"}, {"varh", "varh"}, {"kVAh", "kVAh"},   {"VAh", "VAh"},
        {"kW", "kW"},       {"W", "W"},       {"MW", "MW"},       {"kvar", "kvar"},
        {"kVAr", "kvar"},   {"var", "var"},   {"kVA", "kVA"},     {"VA", "VA"},
        {"V", "V"},         {"kV", "kV"},     {"A", "A"},         {"mA", "mA"},
        {"Hz", "Hz"},       {"m3", "m3"},     {"dm3", "l"},       {"l", "l"},
        {"GJ", "GJ"},       {"MJ", "MJ"},     {"C", "C"},         {"bar", "bar"},
        {"s", "s"},         {"h", "h"},       {"min", "min"},     {"d", "d"},
        {"m3/h", "m3/h"},   {"l/h", "l/h"},   {"MVArh", "Mvarh"}, {"Mvarh", "Mvarh"},
        {"MVAh", "MVAh"},
    };
    if (group->unit_len == 0) {
        return "";
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].sent) == group->unit_len &&
            memcmp(units[i].sent, group->unit, group->unit_len) == 0) {
            return units[i].unit;
        }
    }
    return NULL;
}

/* Electricity: C names the quantity of all phases, or 20, 40, 60 more of one (IEC 62056-61, table 4). */
static const char *electricity_name(const struct mt_obis *code)
{
    static const char *const energies[] = {
        [1] = "forward active energy",       [2] = "reverse active energy",
        [3] = "forward reactive energy",     [4] = "reverse reactive energy",
        [5] = "reactive energy, quadrant 1", [6] = "reactive energy, quadrant 2",
        [7] = "reactive energy, quadrant 3", [8] = "reactive energy, quadrant 4",
        [9] = "forward apparent energy",     [10] = "reverse apparent energy",
        [15] = "active energy, both ways",   [16] = "active energy, forward less reverse"};
    static const char *const powers[] = {[1] = "forward active power",
                                         [2] = "reverse active power",
                                         [3] = "forward reactive power",
                                         [4] = "reverse reactive power",
                                         [9] = "apparent power",
                                         [10] = "reverse apparent power",
                                         [11] = "current",
                                         [12] = "voltage",
                                         [13] = "power factor",
                                         [14] = "frequency",
                                         [15] = "active power",
                                         [16] = "active power, net"};
    uint8_t c = code->c > 80 ? 0 : (uint8_t)((code->c - 1) % 20 + 1);
    const char *const *names = code->d == 8 ? energies : powers;
    size_t count =
        code->d == 8 ? sizeof(energies) / sizeof(energies[0]) : sizeof(powers) / sizeof(powers[0]);
    bool known = (code->d == 8 || code->d == 7) && code->c > 0 && c < count && names[c] != NULL;
    return known ? names[c] : "value";
}

const char *mt_obis_name(int16_t a, const struct mt_obis *code)
{
    if (a == 7 || a == 8 || a == 9) {
        bool volume = (a == 7 && code->c <= 3 && code->d <= 2) || (a != 7 && code->c == 1);
        return volume ? "volume" : "value";
    }
    if (a == 5 || a == 6) {
        return code->c == 1 ? "heat" : code->c == 2 ? "volume" : "value";
    }
    return a == 0 ? "value" : electricity_name(code);
}

bool mt_data_number_text(char number[MT_NUMBER_MAX + 1], const uint8_t *text, size_t len)
{
    while (len > 0 && text[0] == ' ') {
        text++;
        len--;
    }
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    if (len == 0 || len > MT_NUMBER_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]) && (text[i] < 'A' || text[i] > 'Z')) {
            return false;
        }
    }
    memcpy(number, text, len);
    number[len] = '\0';
    return true;
}

enum mt_status mt_data_time(struct mt_frame *frame, const uint8_t *text, size_t len)
{
    int32_t part[6];
    bool zone = len == 13 && (text[12] == 'S' || text[12] == 'W');
    if (len != 12 && !zone) {
        return MT_BAD_DIGIT;
    }
    for (size_t i = 0; i < 6; i++) {
        if (!is_digit(text[2 * i]) || !is_digit(text[2 * i + 1])) {
            return MT_BAD_DIGIT;
        }
        part[i] = (text[2 * i] - '0') * 10 + (text[2 * i + 1] - '0');
    }
    struct mt_calendar local = {2000 + part[0], part[1], part[2], part[3], part[4], part[5]};
    int64_t time_us;
    enum mt_status status = mt_calendar_to_us(&time_us, &local);
    if (status != MT_OK) {
        return status;
    }
    frame->has_time = true;
    frame->has_zone = zone;
    frame->zone_minutes = zone ? (text[12] == 'S' ? 120 : 60) : 0;
    frame->time_us =
        time_us + (zone ? (LOCAL_EAST_MINUTES - frame->zone_minutes) * US_PER_MINUTE : 0);
    return MT_OK;
}
