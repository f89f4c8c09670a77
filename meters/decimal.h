/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Exact decimal numbers: text -> digits and exponent -> a whole number of the smallest unit.
 *
 *  Prices, registers and times are read digit by digit. Nothing here rounds unless its name says
 *  so, and nothing here is a floating-point number.
 */
#ifndef METERS_DECIMAL_H
#define METERS_DECIMAL_H

#include "meters/check.h"
#include "meters/reading.h"

#define MT_DECIMAL_DIGITS_MAX 18u   /**< Significant digits. */
#define MT_DECIMAL_EXPONENT_MAX 400 /**< Exponents beyond +-400 are MT_BAD_RANGE. */
#define MT_DECIMAL_TEXT_MAX 64u     /**< Characters that mt_decimal_format writes, at most. */

/** mantissa * 10^exponent. */
struct mt_decimal {
    int64_t mantissa; /**< At most MT_DECIMAL_DIGITS_MAX digits. */
    int32_t exponent; /**< Within +-MT_DECIMAL_EXPONENT_MAX. */
};

/** Read a number in JSON's grammar (RFC 8259, 6): -? digits, fraction and exponent optional, no
 *  leading zeros, no leading plus.
 *
 *  Returns: MT_OK; MT_BAD_DIGIT when it is no such number; MT_BAD_RANGE when it needs more digits
 *           than the mantissa holds. Zeros at either end do not count.
 *  Out:     *out; untouched unless MT_OK. 12.50 gives {125, -1}.
 */
MT_MUST_USE enum mt_status mt_decimal_parse(struct mt_decimal *out, const char *text, size_t len);

/** The number times 10^scale, exactly.
 *
 *  Returns: MT_OK, or MT_BAD_RANGE when it is no whole number or exceeds 64 bits.
 *  Out:     *out; untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_decimal_scaled(int64_t *out, const struct mt_decimal *number,
                                             int32_t scale);

/** The number times 10^scale, cut to a whole number towards minus infinity.
 *
 *  Returns: MT_OK, or MT_BAD_RANGE when it exceeds 64 bits. *out is untouched then.
 */
MT_MUST_USE enum mt_status mt_decimal_floored(int64_t *out, const struct mt_decimal *number,
                                              int32_t scale);

/** Text straight to a whole number of 10^-scale: ("0.5953", 8) is 59530000.
 *
 *  Returns: MT_OK, MT_BAD_DIGIT or MT_BAD_RANGE as above. *out is untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_decimal_text_scaled(int64_t *out, const char *text, size_t len,
                                                  int32_t scale);

/** Write mantissa * 10^exponent in plain digits, NUL-terminated: (12345, -2) is "123.45".
 *
 *  Returns: characters written, without the NUL.
 *  In:      exponent  -30 to 30. Every decimal of a negative exponent is written: "5.00".
 */
size_t mt_decimal_format(char text[MT_DECIMAL_TEXT_MAX], int64_t mantissa, int exponent);

#endif
