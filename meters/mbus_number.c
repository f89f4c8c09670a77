/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data types of M-Bus; see the header. */
#include "meters/mbus_number.h"

#define FIELD_REAL 5u
#define FIELD_LVAR 0xDu
#define FIELD_BCD 9u /* and above, but LVAR */
#define LVAR_BCD_PLUS 0xC0u
#define LVAR_BCD_MINUS 0xD0u
#define LVAR_BCD_BYTES_MAX 9u
#define MINUS 0xFu
#define REAL_DECIMALS 9 /* 24 bits and nine decimals fit */

enum mt_status mt_mbus_bcd(int64_t *out, bool *absent, const uint8_t *bytes, size_t len)
{
    MT_CHECK(len >= 1 && len <= LVAR_BCD_BYTES_MAX);
    uint8_t all = 0xFF;
    bool digits = true;
    int64_t number = 0;
    bool minus = bytes[len - 1] >> 4 == MINUS;
    for (size_t i = len; i > 0; i--) {
        uint8_t high = i == len && minus ? 0 : bytes[i - 1] >> 4;
        uint8_t low = bytes[i - 1] & 0xF;
        all &= bytes[i - 1];
        digits = digits && high <= 9 && low <= 9;
        number = number * 100 + INT64_C(10) * high + low;
    }
    if (all == 0xFF) {
        *out = 0;
        *absent = true;
        return MT_OK;
    }
    if (!digits) {
        return MT_BAD_DIGIT;
    }
    *out = minus ? -number : number;
    *absent = false;
    return MT_OK;
}

enum mt_status mt_mbus_real(int64_t *mantissa, int *decimals, bool *absent, uint32_t bits,
                            int decimals_max)
{
    MT_CHECK(decimals_max >= 0 && decimals_max <= REAL_DECIMALS);
    int exponent = (int)(bits >> 23 & 0xFF);
    int64_t number = bits & 0x7FFFFF;
    *absent = exponent == 0xFF;
    *mantissa = 0;
    *decimals = 0;
    if (*absent) {
        return MT_OK;
    }
    number |= exponent > 0 ? 1 << 23 : 0;
    int shift = (exponent > 0 ? exponent : 1) - 150; /* number * 2^shift */
    if (shift > 38) {
        return MT_BAD_RANGE; /* 24 + 38 bits fill our integer */
    }
    if (shift >= 0) {
        number <<= shift;
    } else {
        *decimals = decimals_max;
        for (int i = 0; i < decimals_max; i++) {
            number *= 10;
        }
        number = shift < -60 ? 0 : ((number >> (-shift - 1)) + 1) >> 1;
    }
    for (; *decimals > 0 && number % 10 == 0; --*decimals) {
        number /= 10;
    }
    *mantissa = (bits & 0x80000000u) != 0 ? -number : number;
    return MT_OK;
}

enum mt_status mt_mbus_scale(struct mt_value *value, int64_t mantissa, int exponent)
{
    for (; exponent > MT_MBUS_EXPONENT_MAX; exponent--) {
        if (mantissa > INT64_MAX / 10 || mantissa < INT64_MIN / 10) {
            return MT_BAD_RANGE;
        }
        mantissa *= 10;
    }
    for (; exponent < -MT_MBUS_EXPONENT_MAX; exponent++) {
        if (mantissa % 10 != 0) {
            return MT_BAD_RANGE;
        }
        mantissa /= 10;
    }
    value->mantissa = mantissa;
    value->exponent = (int8_t)exponent;
    value->absent = false;
    return MT_OK;
}

static void set_absent(struct mt_value *value)
{
    value->mantissa = 0;
    value->exponent = 0;
    value->absent = true;
}

static uint64_t little_endian(const uint8_t *bytes, size_t len)
{
    uint64_t number = 0;
    for (size_t i = len; i > 0; i--) {
        number = number << 8 | bytes[i - 1];
    }
    return number;
}

static enum mt_status integer(struct mt_value *value, const struct mt_mbus_record *record,
                              const uint8_t *bytes, size_t len)
{
    uint64_t number = little_endian(bytes, len);
    uint64_t sign = UINT64_C(1) << (8 * len - 1);
    bool is_bits = record->quantity->kind == MT_MBUS_BITS;
    if (is_bits && number > INT64_MAX) {
        return MT_BAD_RANGE;
    }
    if (is_bits || (number & sign) == 0) {
        return mt_mbus_scale(value, (int64_t)number, record->exponent);
    }
    if (number == sign) { /* annex A, type B: 80..00 is "invalid" */
        set_absent(value);
        return MT_OK;
    }
    return mt_mbus_scale(value, (int64_t)((number ^ sign) - sign), record->exponent);
}

static enum mt_status real(struct mt_value *value, const struct mt_mbus_record *record,
                           const uint8_t *bytes)
{
    int64_t mantissa;
    int decimals;
    bool absent;
    int most = MT_MBUS_EXPONENT_MAX + record->exponent; /* what struct mt_value can show */
    most = most < 0 ? 0 : most > REAL_DECIMALS ? REAL_DECIMALS : most;
    enum mt_status status =
        mt_mbus_real(&mantissa, &decimals, &absent, (uint32_t)little_endian(bytes, 4), most);
    if (status == MT_OK && absent) {
        set_absent(value);
        return MT_OK;
    }
    return status == MT_OK ? mt_mbus_scale(value, mantissa, record->exponent - decimals) : status;
}

static enum mt_status digits(struct mt_value *value, const struct mt_mbus_record *record,
                             const uint8_t *bytes, size_t len, bool minus)
{
    int64_t number;
    bool absent;
    enum mt_status status = mt_mbus_bcd(&number, &absent, bytes, len);
    if (status == MT_OK && absent) {
        set_absent(value);
        return MT_OK;
    }
    return status == MT_OK ? mt_mbus_scale(value, minus ? -number : number, record->exponent)
                           : status;
}

enum mt_status mt_mbus_number(struct mt_value *value, const struct mt_mbus_record *record,
                              const uint8_t *bytes, size_t len, uint8_t lvar)
{
    MT_CHECK(value != NULL && record != NULL && (bytes != NULL || len == 0));
    if (len == 0 || record->is_error) {
        set_absent(value);
        return MT_OK;
    }
    if (record->field == FIELD_REAL) {
        return real(value, record, bytes);
    }
    if (record->field == FIELD_LVAR) {
        MT_CHECK(lvar >= LVAR_BCD_PLUS && len <= LVAR_BCD_BYTES_MAX);
        return digits(value, record, bytes, len, lvar >= LVAR_BCD_MINUS);
    }
    return record->field >= FIELD_BCD ? digits(value, record, bytes, len, false)
                                      : integer(value, record, bytes, len);
}

enum mt_status mt_mbus_clock(int64_t *time_us, const uint8_t *bytes, size_t len)
{
    MT_CHECK(time_us != NULL && (bytes != NULL || len == 0));
    if (len != 4 && len != 6) {
        return MT_BAD_RANGE;
    }
    const uint8_t *p = len == 6 ? bytes + 1 : bytes; /* type I is type F behind its seconds */
    int32_t year = (p[2] >> 5) | (p[3] >> 4) << 3;
    int32_t hundreds = len == 4 ? p[1] >> 5 & 3 : 0;
    struct mt_calendar local = {.year = 1900 + hundreds * 100 + year,
                                .month = p[3] & 0xF,
                                .day = p[2] & 0x1F,
                                .hour = p[1] & 0x1F,
                                .minute = p[0] & 0x3F,
                                .second = len == 6 ? bytes[0] & 0x3F : 0};
    /* Type F: meters from before the bits of the hundreds mean 2000 by years up to 80. */
    if (hundreds == 0 && (year <= 80 || len == 6)) {
        local.year += 100;
    }
    bool invalid = (p[0] & 0x80) != 0;
    return invalid || year > 99 ? MT_BAD_RANGE : mt_calendar_to_us(time_us, &local);
}
