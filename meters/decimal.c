/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exact decimals; see the header. */
#include "meters/decimal.h"

#include <string.h>

#define FORMAT_EXPONENT_MAX 30
#define INT64_DIGITS_MAX 19 /* 10^19 does not fit in 63 bits */

_Static_assert(MT_DECIMAL_TEXT_MAX > 1 + INT64_DIGITS_MAX + 1 + FORMAT_EXPONENT_MAX,
               "sign, digits, point, zeros and NUL must fit");

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The text, read from the left. */
struct scan {
    const char *at;
    const char *end;
};

static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

/* Step over digits. Returns how many. */
static size_t take_digits(struct scan *s)
{
    const char *first = s->at;
    while (s->at < s->end && is_digit(*s->at)) {
        s->at++;
    }
    return (size_t)(s->at - first);
}

/* The digits of a number while they are gathered. Zeros are held back until a digit follows them. */
struct gather {
    int64_t mantissa;
    uint32_t digits;
    int64_t zeros_held;
    bool too_many;
};

static void gather_digits(struct gather *g, const char *digits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (digits[i] == '0') {
            g->zeros_held += g->digits > 0 ? 1 : 0;
            continue;
        }
        if ((int64_t)g->digits + g->zeros_held + 1 > MT_DECIMAL_DIGITS_MAX) {
            g->too_many = true;
            return;
        }
        for (; g->zeros_held > 0; g->zeros_held--, g->digits++) {
            g->mantissa *= 10;
        }
        g->mantissa = g->mantissa * 10 + (digits[i] - '0');
        g->digits++;
    }
}

/* Read the exponent's digits; far values are held at a bound that no number survives. */
static bool take_exponent(int64_t *exponent, struct scan *s)
{
    bool minus = take(s, '-');
    if (!minus) {
        (void)take(s, '+'); /* optional */
    }
    const char *digits = s->at;
    size_t count = take_digits(s);
    int64_t value = 0;
    for (size_t i = 0; i < count && value < 1000000; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    *exponent = minus ? -value : value;
    return count > 0;
}

enum mt_status mt_decimal_parse(struct mt_decimal *out, const char *text, size_t len)
{
    MT_CHECK(out != NULL);
    MT_CHECK(text != NULL || len == 0);
    if (len == 0) {
        return MT_BAD_DIGIT;
    }
    struct scan s = {.at = text, .end = text + len};
    struct gather g = {0};
    bool minus = take(&s, '-');
    const char *whole = s.at;
    size_t whole_len = take_digits(&s);
    if (whole_len == 0 || (whole_len > 1 && whole[0] == '0')) {
        return MT_BAD_DIGIT;
    }
    const char *fraction = s.at;
    size_t fraction_len = 0;
    if (take(&s, '.')) {
        fraction = s.at;
        fraction_len = take_digits(&s);
        if (fraction_len == 0) {
            return MT_BAD_DIGIT;
        }
    }
    int64_t exponent = 0;
    if ((take(&s, 'e') || take(&s, 'E')) && !take_exponent(&exponent, &s)) {
        return MT_BAD_DIGIT;
    }
    if (s.at != s.end) {
        return MT_BAD_DIGIT;
    }
    gather_digits(&g, whole, whole_len);
    gather_digits(&g, fraction, fraction_len);
    exponent += g.zeros_held - (int64_t)fraction_len;
    if (g.mantissa == 0 && !g.too_many) {
        exponent = 0;
    }
    if (g.too_many || exponent > MT_DECIMAL_EXPONENT_MAX || exponent < -MT_DECIMAL_EXPONENT_MAX) {
        return MT_BAD_RANGE;
    }
    *out = (struct mt_decimal){.mantissa = minus ? -g.mantissa : g.mantissa,
                               .exponent = (int32_t)exponent};
    return MT_OK;
}

/* Multiply by 10^count. Returns false when 64 bits are too few. */
static bool times_ten(int64_t *value, int64_t count)
{
    if (*value == 0) {
        return true;
    }
    for (; count > 0; count--) {
        if (__builtin_mul_overflow(*value, (int64_t)10, value)) {
            return false; /* at most 19 turns */
        }
    }
    return true;
}

/* Divide by 10^count towards minus infinity. Returns true when nothing was cut off. */
static bool by_ten(int64_t *value, int64_t count)
{
    bool exact = true;
    for (; count > 0 && *value != 0 && *value != -1; count--) {
        int64_t rest = *value % 10;
        *value = *value / 10 - (rest < 0 ? 1 : 0);
        exact = exact && rest == 0;
    }
    /* What is left over of 0 stays 0; what is left of -1 is a fraction, cut to -1. */
    return exact && (count == 0 || *value == 0);
}

/* Returns MT_OK with *exact telling whether a fraction was cut off. */
static enum mt_status scale_by(int64_t *out, bool *exact, const struct mt_decimal *number,
                               int32_t scale)
{
    MT_CHECK(number != NULL);
    int64_t value = number->mantissa;
    int64_t shift = (int64_t)number->exponent + scale;
    *exact = true;
    if (shift >= 0 && !times_ten(&value, shift)) {
        return MT_BAD_RANGE;
    }
    if (shift < 0) {
        *exact = by_ten(&value, -shift);
    }
    *out = value;
    return MT_OK;
}

enum mt_status mt_decimal_scaled(int64_t *out, const struct mt_decimal *number, int32_t scale)
{
    MT_CHECK(out != NULL);
    int64_t value;
    bool exact;
    enum mt_status status = scale_by(&value, &exact, number, scale);
    if (status != MT_OK || !exact) {
        return MT_BAD_RANGE;
    }
    *out = value;
    return MT_OK;
}

enum mt_status mt_decimal_floored(int64_t *out, const struct mt_decimal *number, int32_t scale)
{
    MT_CHECK(out != NULL);
    int64_t value;
    bool exact; /* not asked for here */
    enum mt_status status = scale_by(&value, &exact, number, scale);
    if (status == MT_OK) {
        *out = value;
    }
    return status;
}

enum mt_status mt_decimal_text_scaled(int64_t *out, const char *text, size_t len, int32_t scale)
{
    struct mt_decimal number;
    enum mt_status status = mt_decimal_parse(&number, text, len);
    return status == MT_OK ? mt_decimal_scaled(out, &number, scale) : status;
}

size_t mt_decimal_format(char text[MT_DECIMAL_TEXT_MAX], int64_t mantissa, int exponent)
{
    MT_CHECK(text != NULL);
    MT_CHECK(exponent >= -FORMAT_EXPONENT_MAX && exponent <= FORMAT_EXPONENT_MAX);
    char digits[MT_DECIMAL_TEXT_MAX]; /* from the last to the first */
    size_t count = 0;
    uint64_t rest = mantissa < 0 ? -(uint64_t)mantissa : (uint64_t)mantissa;
    size_t decimals = exponent < 0 ? (size_t)-exponent : 0;
    for (int i = 0; i < exponent && mantissa != 0; i++) {
        digits[count++] = '0';
    }
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    while (count <= decimals) {
        digits[count++] = '0';
    }
    char *at = text;
    if (mantissa < 0) {
        *at++ = '-';
    }
    for (size_t i = count; i > 0; i--) {
        *at++ = digits[i - 1];
        if (i - 1 == decimals && decimals > 0) {
            *at++ = '.';
        }
    }
    *at = '\0';
    return (size_t)(at - text);
}
