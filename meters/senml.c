/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base fields, times and numbers of SenML records; see the header. */
#include "meters/senml.h"

#include <string.h>

#define US_PER_S_SCALE 6 /* and the decimals that are kept of any number */
#define RELATIVE_BELOW_US ((INT64_C(1) << 28) * 1000000) /* RFC 8428, 4.5.3 */
#define TIME_US_MAX (MT_TIME_S_MAX * 1000000)

static const uint32_t ten_to[] = {1, 10, 100, 1000, 10000, 100000, 1000000};

void mt_senml_base_init(struct mt_senml_base *base, int64_t now_us)
{
    MT_CHECK(base != NULL);
    MT_CHECK(now_us >= 0);
    /* The buffer for joined names stays as it is: it is written before it is read. */
    base->name = (struct mt_senml_text){.at = "", .len = 0};
    base->unit = base->name;
    base->has_value = false;
    base->time_us = 0;
    base->now_us = now_us;
    base->takes_paths = false;
}

/* mantissa * 2^-shift * factor as a whole number, shift above 0: see mt_senml_value() for which
 * floats count. With `floored` every one does. */
static bool binary_fraction(uint64_t *out, uint64_t mantissa, uint32_t shift, uint32_t factor,
                            bool floored)
{
    /* The product has at most 53 + 20 bits: high and low are its two 64-bit halves. */
    uint64_t low = (mantissa & UINT32_MAX) * factor;
    uint64_t middle = (mantissa >> 32) * factor + (low >> 32);
    low = (middle << 32) | (low & UINT32_MAX);
    uint64_t high = middle >> 32;
    if (shift >= 128 || (shift < 64 && high >> shift != 0)) {
        *out = 0;
        return shift >= 128 && (floored || mantissa == 0);
    }
    uint64_t whole;
    uint64_t rest_high;
    uint64_t rest_low = low;
    uint64_t limit_high = 0; /* 2^shift, upper half; the lower half is 0 or matters not */
    if (shift < 64) {
        whole = (shift > 0 ? high << (64 - shift) : 0) | low >> shift;
        rest_high = 0;
        rest_low = low & ((UINT64_C(1) << shift) - 1);
    } else {
        whole = high >> (shift - 64);
        limit_high = UINT64_C(1) << (shift - 64);
        rest_high = high & (limit_high - 1);
    }
    if (floored || (rest_high == 0 && rest_low == 0)) {
        *out = whole;
        return true;
    }
    if (shift < 20 && factor >= 1u << shift) {
        return false; /* neighbouring floats are a unit or more apart: several numbers share one */
    }
    uint64_t half_ulp = factor / 2;
    if (rest_high == 0 && rest_low <= half_ulp) {
        *out = whole;
        return true;
    }
    /* What is missing to the next whole number: 2^shift - rest. */
    uint64_t missing_low = shift < 64 ? (UINT64_C(1) << shift) - rest_low : -rest_low;
    uint64_t missing_high = shift < 64 ? 0 : limit_high - rest_high - (rest_low != 0 ? 1 : 0);
    *out = whole + 1;
    return missing_high == 0 && missing_low <= half_ulp;
}

static enum mt_status binary_scaled(int64_t *out, const struct mt_senml_number *number,
                                    int32_t scale, bool floored)
{
    MT_CHECK(scale >= 0 && scale < (int32_t)(sizeof(ten_to) / sizeof(ten_to[0])));
    bool minus = number->mantissa < 0;
    uint64_t magnitude = minus ? -(uint64_t)number->mantissa : (uint64_t)number->mantissa;
    uint64_t value;
    if (number->exponent >= 0) {
        if (number->exponent > 62 || magnitude > (uint64_t)INT64_MAX >> number->exponent ||
            __builtin_mul_overflow(magnitude << number->exponent, (uint64_t)ten_to[scale],
                                   &value)) {
            return MT_BAD_RANGE;
        }
    } else if (!binary_fraction(&value, magnitude, (uint32_t)-number->exponent, ten_to[scale],
                                floored)) {
        return MT_BAD_RANGE;
    }
    if (value > INT64_MAX) {
        return MT_BAD_RANGE;
    }
    *out = minus ? -(int64_t)value : (int64_t)value;
    return MT_OK;
}

/* The number times 10^scale; with `floored` what is finer is cut off. */
static enum mt_status number_scaled(int64_t *out, const struct mt_senml_number *number,
                                    int32_t scale, bool floored)
{
    if (number->kind == MT_SENML_BINARY) {
        return binary_scaled(out, number, scale, floored);
    }
    if (number->kind == MT_SENML_UNUSABLE) {
        return MT_BAD_RANGE;
    }
    if (number->exponent == 0 && scale == 0) {
        *out = number->mantissa; /* by far the most frequent: an integer in the register's unit */
        return MT_OK;
    }
    struct mt_decimal decimal = {.mantissa = number->mantissa, .exponent = number->exponent};
    return floored ? mt_decimal_floored(out, &decimal, scale)
                   : mt_decimal_scaled(out, &decimal, scale);
}

/* Bits of the IEEE formats (RFC 8949, 3.3). */
struct float_format {
    uint8_t fraction_bits;
    uint8_t exponent_bits;
};

void mt_senml_float(struct mt_senml_number *out, uint64_t bits, uint32_t width)
{
    static const struct float_format formats[] = {{10, 5}, {23, 8}, {52, 11}};
    MT_CHECK(out != NULL);
    MT_CHECK(width == 16 || width == 32 || width == 64);
    const struct float_format *f = &formats[width / 32];
    uint64_t fraction = bits & ((UINT64_C(1) << f->fraction_bits) - 1);
    uint32_t exponent_max = (1u << f->exponent_bits) - 1;
    uint32_t exponent = (uint32_t)(bits >> f->fraction_bits) & exponent_max;
    bool minus = (bits >> (f->fraction_bits + f->exponent_bits) & 1) != 0;
    if (exponent == exponent_max) {
        out->kind = MT_SENML_UNUSABLE; /* infinity or not a number */
        return;
    }
    int32_t bias = (1 << (f->exponent_bits - 1)) - 1;
    uint64_t mantissa = exponent > 0 ? fraction | UINT64_C(1) << f->fraction_bits : fraction;
    out->kind = MT_SENML_BINARY;
    out->mantissa = minus ? -(int64_t)mantissa : (int64_t)mantissa;
    out->exponent = (int32_t)(exponent > 0 ? exponent : 1) - bias - f->fraction_bits;
}

/* Rounded to the sixth decimal: twice the number, cut, then halved. */
static enum mt_status number_rounded(int64_t *out, const struct mt_senml_number *number)
{
    struct mt_senml_number twice = *number;
    bool minus = number->mantissa < 0;
    int64_t cut;
    if (minus) {
        twice.mantissa = -twice.mantissa;
    }
    if (number->kind == MT_SENML_BINARY) {
        twice.exponent++;
    } else if (__builtin_mul_overflow(twice.mantissa, 2, &twice.mantissa)) {
        return MT_BAD_RANGE;
    }
    enum mt_status status = number_scaled(&cut, &twice, US_PER_S_SCALE, true);
    if (status != MT_OK || cut == INT64_MAX) {
        return MT_BAD_RANGE;
    }
    *out = minus ? -((cut + 1) / 2) : (cut + 1) / 2;
    return MT_OK;
}

/* A decimal with more than six decimals, or a float that names no shorter one. */
static enum mt_status decimal_rounded(int64_t *mantissa, int8_t *exponent,
                                      const struct mt_senml_number *number)
{
    int64_t value;
    enum mt_status status = number_rounded(&value, number);
    if (status == MT_OK) {
        *mantissa = value;
        *exponent = -US_PER_S_SCALE;
    }
    return status;
}

enum mt_status mt_senml_decimal(int64_t *mantissa, int8_t *exponent,
                                const struct mt_senml_number *number)
{
    MT_CHECK(mantissa != NULL && exponent != NULL && number != NULL);
    int64_t value = number->mantissa;
    int32_t scale = number->exponent;
    if (number->kind == MT_SENML_UNUSABLE || value == INT64_MIN) {
        return MT_BAD_RANGE;
    }
    if (number->kind == MT_SENML_DECIMAL && scale < -US_PER_S_SCALE) {
        return decimal_rounded(mantissa, exponent, number);
    }
    for (; number->kind == MT_SENML_DECIMAL && scale > 0; scale--) {
        if (value != 0 && __builtin_mul_overflow(value, 10, &value)) {
            return MT_BAD_RANGE;
        }
    }
    if (number->kind == MT_SENML_DECIMAL) {
        *mantissa = value;
        *exponent = (int8_t)scale;
        return MT_OK;
    }
    for (int8_t decimals = 0; decimals <= US_PER_S_SCALE; decimals++) {
        if (number_scaled(&value, number, decimals, false) == MT_OK) {
            *mantissa = value;
            *exponent = (int8_t)-decimals;
            return MT_OK;
        }
    }
    return decimal_rounded(mantissa, exponent, number);
}

/* A time in microseconds. Finer parts are cut: a clock is no money. */
static enum mt_status time_us(int64_t *out, const struct mt_senml_number *number)
{
    int64_t value;
    enum mt_status status = number_scaled(&value, number, US_PER_S_SCALE, true);
    if (status != MT_OK || value > TIME_US_MAX || value < -TIME_US_MAX) {
        return MT_BAD_RANGE;
    }
    *out = value;
    return MT_OK;
}

static enum mt_status take_base(struct mt_senml_base *base, const struct mt_senml_record *record)
{
    if (record->present & MT_SENML_BVER) {
        int64_t version;
        enum mt_status status = number_scaled(&version, &record->bver, 0, false);
        if (status != MT_OK || version < 1) {
            return MT_BAD_RANGE;
        }
        if (version > MT_SENML_VERSION_MAX) {
            return MT_UNSUPPORTED;
        }
    }
    if (record->present & MT_SENML_BN) {
        base->name = record->bn;
    }
    if (record->present & MT_SENML_BU) {
        base->unit = record->bu;
    }
    if (record->present & MT_SENML_BV) {
        base->has_value = true;
        base->value = record->bv;
    }
    return record->present & MT_SENML_BT ? time_us(&base->time_us, &record->bt) : MT_OK;
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Put base name and name together (RFC 8428, 4.5.1) and part the result behind its last separator.
 * A name that one of the two holds alone is not copied. */
static enum mt_status resolve_name(struct mt_senml_resolved *out, struct mt_senml_base *base,
                                   const struct mt_senml_record *record)
{
    struct mt_senml_text full = base->name;
    if (record->present & MT_SENML_N) {
        full = record->n;
    }
    if ((record->present & MT_SENML_N) && base->name.len > 0) {
        full.at = base->joined;
        full.len = base->name.len + record->n.len; /* two lengths of one message: no wrap */
    }
    if (full.len > MT_SENML_NAME_MAX) {
        return MT_TOO_LARGE;
    }
    if (full.at == base->joined) {
        memcpy(base->joined, base->name.at, base->name.len);
        memcpy(base->joined + base->name.len, record->n.at, record->n.len);
    }
    bool begins =
        full.len > 0 && (is_alphanumeric(full.at[0]) || (base->takes_paths && full.at[0] == '/'));
    if (!begins) {
        return MT_BAD_LAYOUT;
    }
    size_t split = 0;
    for (size_t i = 0; i < full.len; i++) {
        char c = full.at[i];
        bool separator = c == ':' || c == '/';
        if (!separator && !is_alphanumeric(c) && c != '-' && c != '.' && c != '_') {
            return MT_BAD_LAYOUT;
        }
        split = separator ? i + 1 : split;
    }
    out->prefix = (struct mt_senml_text){.at = full.at, .len = split};
    out->name = (struct mt_senml_text){.at = full.at + split, .len = full.len - split};
    return MT_OK;
}

enum mt_status mt_senml_resolve(struct mt_senml_resolved *out, struct mt_senml_base *base,
                                const struct mt_senml_record *record)
{
    MT_CHECK(out != NULL && base != NULL && record != NULL);
    enum mt_status status = take_base(base, record);
    if (status != MT_OK) {
        return status;
    }
    status = resolve_name(out, base, record);
    if (status != MT_OK) {
        return status;
    }
    out->unit = record->present & MT_SENML_U ? record->u : base->unit;
    out->has_value = (record->present & MT_SENML_V) != 0;
    if (out->has_value) {
        out->value = record->v;
    }
    out->has_base_value = base->has_value;
    if (base->has_value) {
        out->base_value = base->value;
    }
    out->time_us = base->time_us;
    if (record->present & MT_SENML_T) {
        int64_t own_us = 0;
        status = time_us(&own_us, &record->t);
        out->time_us += own_us; /* each is within +-230 years */
    }
    return status;
}

enum mt_status mt_senml_time_us(int64_t *out, const struct mt_senml_base *base,
                                const struct mt_senml_resolved *record)
{
    MT_CHECK(out != NULL);
    int64_t at_us = record->time_us;
    if (at_us < RELATIVE_BELOW_US) {
        if (base->now_us == 0) {
            return MT_BAD_RANGE;
        }
        at_us += base->now_us;
    }
    if (at_us <= 0 || at_us > TIME_US_MAX) {
        return MT_BAD_RANGE;
    }
    *out = at_us;
    return MT_OK;
}

enum mt_status mt_senml_value(int64_t *out, const struct mt_senml_resolved *record, int32_t scale,
                              int64_t max)
{
    MT_CHECK(out != NULL);
    if (!record->has_value) {
        return MT_BAD_LAYOUT;
    }
    int64_t value;
    enum mt_status status = number_scaled(&value, &record->value, scale, false);
    if (status != MT_OK) {
        return status;
    }
    if (record->has_base_value) {
        int64_t base_value;
        status = number_scaled(&base_value, &record->base_value, scale, false);
        if (status != MT_OK || __builtin_add_overflow(value, base_value, &value)) {
            return MT_BAD_RANGE;
        }
    }
    if (value < 0 || value > max) {
        return MT_BAD_RANGE;
    }
    *out = value;
    return MT_OK;
}

static bool is_energy(enum mt_medium medium)
{
    return medium == MT_POWER || medium == MT_HEAT;
}

enum mt_status mt_senml_register(int64_t *out, const struct mt_senml_resolved *record,
                                 enum mt_medium medium)
{
    int32_t scale;
    if (is_energy(medium) && MT_SENML_IS(&record->unit, "Wh")) {
        scale = 0;
    } else if (is_energy(medium) && MT_SENML_IS(&record->unit, "kWh")) {
        scale = 3;
    } else if (!is_energy(medium) && MT_SENML_IS(&record->unit, "l")) {
        scale = 3;
    } else if (!is_energy(medium) && MT_SENML_IS(&record->unit, "m3")) {
        scale = 6;
    } else {
        return MT_BAD_UNIT;
    }
    return mt_senml_value(out, record, scale, MT_REGISTER_MAX);
}

const char *mt_senml_total_name(enum mt_medium medium)
{
    switch (medium) {
    case MT_POWER:
        return "1.8.0";
    case MT_WATER:
    case MT_HEAT:
        return "1.0.0";
    case MT_GAS:
        return "3.0.0";
    case MT_MEDIUM_OTHER:
        return NULL;
    }
    return NULL;
}

const char *mt_senml_unit(enum mt_medium medium)
{
    return is_energy(medium) ? "Wh" : "l";
}
