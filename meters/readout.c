/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Readouts in text; see the header. */
#include "meters/readout.h"

#include <string.h>

#define ABSTRACT_C 96u /* value group C from here on: no quantity (IEC 62056-61, 5.3) */

static bool is_code(const struct mt_obis *code, uint8_t c, uint8_t d, uint8_t e)
{
    return code->c == c && code->d == d && code->e == e && code->f == MT_OBIS_CURRENT;
}

/* The register of bills by medium (IEC 62056-61, 5.4 and 5.5; A = 1 or left out is electricity). */
static bool is_billing(const struct mt_data_set *set, uint8_t *medium)
{
    const struct mt_obis *code = &set->code;
    if (set->a == 1 || set->a == -1) {
        *medium = MT_POWER;
        return is_code(code, 1, 8, 0);
    }
    if (set->a == 7) {
        *medium = MT_GAS;
        return is_code(code, 3, 0, 0);
    }
    *medium = set->a == 8 || set->a == 9 ? MT_WATER : MT_HEAT;
    return (set->a == 6 || set->a == 8 || set->a == 9) && is_code(code, 1, 0, 0);
}

/* "0012.3kWh": a unit that no asterisk sets apart. */
static struct mt_data_group unit_apart(const struct mt_data_group *group)
{
    struct mt_data_group apart = *group;
    size_t at = 0;
    while (at < group->len && (group->text[at] == '.' || group->text[at] == '-' ||
                               (group->text[at] >= '0' && group->text[at] <= '9'))) {
        at++;
    }
    if (group->unit_len == 0 && at > 0 && at < group->len) {
        apart.len = at;
        apart.unit = group->text + at;
        apart.unit_len = group->len - at;
    }
    return apart;
}

static enum mt_status take_total(struct mt_readout *r, const struct mt_value *value, uint8_t medium)
{
    struct mt_frame *f = r->frame;
    if (value->unit[0] == '\0') {
        return MT_OK; /* A register without a unit can be looked at, and not billed. */
    }
    if (f->has_total && f->identity.medium == medium &&
        (f->total.mantissa != value->mantissa || f->total.exponent != value->exponent)) {
        return MT_BAD_LAYOUT;
    }
    if (!f->has_total) {
        f->has_total = true;
        f->total = *value;
        f->identity.medium = medium;
    }
    return MT_OK;
}

enum mt_status mt_readout_value(struct mt_readout *r, const struct mt_data_set *set,
                                const struct mt_data_group *group, const char *name)
{
    struct mt_data_group apart = unit_apart(group);
    const char *unit = mt_data_unit(&apart);
    struct mt_value value = {.name = name, .unit = unit, .obis = set->code};
    enum mt_status status = mt_data_number(&value, &apart);
    if (group->unit_len == 0 && (status != MT_OK || unit == NULL)) {
        return MT_OK; /* a text */
    }
    if (status != MT_OK || unit == NULL) {
        mt_trace_fault(r->trace, group->text, group->len,
                       status != MT_OK ? "what stands for a number has another character in it"
                                       : "a unit that is not known");
        return status != MT_OK ? status : MT_BAD_UNIT;
    }
    uint8_t medium = MT_POWER;
    bool billing = is_billing(set, &medium);
    struct mt_value *place = mt_frame_add(r->frame);
    if (place != NULL) {
        *place = value;
    }
    return billing ? take_total(r, &value, medium) : MT_OK;
}

void mt_readout_identity(struct mt_readout *r, const uint8_t *text, size_t len, uint8_t rank)
{
    if (rank > r->id_rank && mt_data_number_text(r->frame->identity.number, text, len)) {
        r->id_rank = rank;
    }
}

/* The digits of a date or a time of day, whatever stands between them. */
static bool six_digits(uint8_t out[6], const struct mt_data_group *group)
{
    size_t count = 0;
    for (size_t i = 0; i < group->len; i++) {
        uint8_t c = group->text[i];
        if (c >= '0' && c <= '9' && count < 6) {
            out[count++] = c;
        } else if (c != ':' && c != '-') {
            return false;
        }
    }
    return count == 6;
}

enum mt_status mt_readout_take(struct mt_readout *r, const struct mt_data_set *set)
{
    const struct mt_data_group *group = &set->groups[0];
    const struct mt_obis *code = &set->code;
    if (!set->has_code) {
        return MT_OK;
    }
    if (is_code(code, 0, 9, 1)) {
        r->has_clock = six_digits(r->clock, group);
    } else if (is_code(code, 0, 9, 2)) {
        r->has_date = six_digits(r->date, group);
    } else if (is_code(code, 96, 1, 0)) {
        mt_readout_identity(r, group->text, group->len, 3);
    } else if (code->c == 0 && code->d == 0) {
        mt_readout_identity(r, group->text, group->len, code->e == 0 ? 2 : 1);
    } else if (set->group_count == 1 && code->c > 0 && code->c < ABSTRACT_C) {
        return mt_readout_value(r, set, group, mt_obis_name(set->a < 0 ? 1 : set->a, code));
    }
    return MT_OK;
}

enum mt_status mt_readout_finish(struct mt_readout *r)
{
    if (!r->frame->has_time && r->has_date && r->has_clock) {
        uint8_t text[12];
        memcpy(text, r->date, 6);
        memcpy(text + 6, r->clock, 6);
        (void)mt_data_time(r->frame, text, sizeof(text)); /* a clock that is not set is no clock */
    }
    return r->frame->has_total ? mt_frame_reading(r->frame) : MT_OK;
}

void mt_readout_maker(char maker[MT_MAKER_MAX + 1], const uint8_t *letters)
{
    memset(maker, 0, MT_MAKER_MAX + 1);
    for (size_t i = 0; i < MT_MAKER_MAX; i++) {
        uint8_t upper =
            letters[i] >= 'a' && letters[i] <= 'z' ? (uint8_t)(letters[i] - 32) : letters[i];
        if (upper < 'A' || upper > 'Z') {
            memset(maker, 0, MT_MAKER_MAX + 1);
            return;
        }
        maker[i] = (char)upper;
    }
}

bool mt_text_may_name(const uint8_t *bytes, size_t len)
{
    MT_CHECK(bytes != NULL || len == 0);
    for (size_t i = 0; i < len && i < MT_MAKER_MAX; i++) {
        uint8_t upper = bytes[i] & (uint8_t)~0x20;
        if (upper < 'A' || upper > 'Z') {
            return false;
        }
    }
    return true;
}

bool mt_text_has_line(const uint8_t *bytes, size_t len, const char *text)
{
    size_t text_len = strlen(text);
    for (size_t i = 1; i + text_len <= len; i++) {
        if (bytes[i - 1] == '\n' && memcmp(bytes + i, text, text_len) == 0) {
            return true;
        }
    }
    return false;
}

bool mt_text_needs_crc(const uint8_t *bytes, size_t len)
{
    return mt_text_has_line(bytes, len, "1-3:0.2.8(") ||
           mt_text_has_line(bytes, len, "0-0:96.1.4(") ||
           mt_text_has_line(bytes, len, "0-0:1.0.0(");
}

/* ---- writing ---------------------------------------------------------------------------------------- */

void mt_text_write(struct mt_writer *w, const char *text)
{
    mt_writer_bytes(w, text, strlen(text));
}

void mt_text_digits(struct mt_writer *w, uint64_t value, size_t digits)
{
    uint8_t *p = mt_writer_reserve(w, digits);
    for (size_t i = digits; p != NULL && i > 0; i--) {
        p[i - 1] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

void mt_text_energy(struct mt_writer *w, const char *code, int64_t wh)
{
    mt_text_write(w, code);
    mt_text_write(w, "(");
    mt_text_digits(w, (uint64_t)wh / 1000, 6);
    mt_text_write(w, ".");
    mt_text_digits(w, (uint64_t)wh % 1000, 3);
    mt_text_write(w, "*kWh)\r\n");
}

enum mt_status mt_text_check(const struct mt_sending *sending)
{
    MT_CHECK(sending != NULL);
    const struct mt_reading *reading = &sending->reading;
    bool fits = reading->total >= 0 && reading->total <= MT_TEXT_ENERGY_MAX;
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        fits = fits && ((reading->band_mask & 1u << b) == 0 ||
                        (reading->band[b] >= 0 && reading->band[b] <= MT_TEXT_ENERGY_MAX));
    }
    char number[MT_NUMBER_MAX + 1];
    if (sending->identity.medium != MT_POWER || strlen(sending->identity.maker) != MT_MAKER_MAX) {
        return MT_UNSUPPORTED;
    }
    if (!mt_data_number_text(number, (const uint8_t *)sending->identity.number,
                             strlen(sending->identity.number))) {
        return MT_BAD_DIGIT;
    }
    return fits ? MT_OK : MT_BAD_RANGE;
}

void mt_text_registers(struct mt_writer *w, const char *channel, const struct mt_reading *reading)
{
    static const char *const codes[] = {"1.8.1", "1.8.2", "1.8.3", "1.8.4"};
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        if ((reading->band_mask & 1u << b) != 0) {
            mt_text_write(w, channel);
            mt_text_energy(w, codes[b], reading->band[b]);
        }
    }
    mt_text_write(w, channel);
    mt_text_energy(w, "1.8.0", reading->total);
}
