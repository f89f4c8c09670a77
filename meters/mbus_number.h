/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The data types of M-Bus records (EN 13757-3, annex A): A BCD, B signed, C and D unsigned, F G I J
 *  times, H real. For the M-Bus files of this folder only. Reals are taken apart in integers.
 */
#ifndef METERS_MBUS_NUMBER_H
#define METERS_MBUS_NUMBER_H

#include "meters/calendar.h"
#include "meters/check.h"
#include "meters/mbus_record.h"

#define MT_MBUS_EXPONENT_MAX 6 /**< Of struct mt_value. */

/** Type A: digits, low byte first; F as the highest nibble is a minus sign.
 *
 *  Returns: MT_OK, with *absent for all F; MT_BAD_DIGIT.
 *  In:      len  1 to 9 bytes.
 */
MT_MUST_USE enum mt_status mt_mbus_bcd(int64_t *out, bool *absent, const uint8_t *bytes,
                                       size_t len);

/** Type H: a 32-bit real, rounded half up to some decimals, zeros at the end cut.
 *
 *  Returns: MT_OK, with *absent for infinities and what is no number; MT_BAD_RANGE.
 *  Out:     *mantissa, *decimals  mantissa * 10^-decimals.
 *  In:      decimals_max  0 to 9.
 */
MT_MUST_USE enum mt_status mt_mbus_real(int64_t *mantissa, int *decimals, bool *absent,
                                        uint32_t bits, int decimals_max);

/** Bring mantissa * 10^exponent to an exponent that struct mt_value has. Returns MT_OK, or
 *  MT_BAD_RANGE when digits would be lost; then nothing is written. */
MT_MUST_USE enum mt_status mt_mbus_scale(struct mt_value *value, int64_t mantissa, int exponent);

/** The data of a record as a value's number.
 *
 *  Returns: MT_OK, with value->absent for invalid ones; MT_BAD_DIGIT; MT_BAD_RANGE.
 *  Out:     mantissa, exponent and absent of *value; untouched unless MT_OK.
 *  In:      bytes, len, lvar  of mt_mbus_record_data(), low byte first.
 */
MT_MUST_USE enum mt_status mt_mbus_number(struct mt_value *value,
                                          const struct mt_mbus_record *record, const uint8_t *bytes,
                                          size_t len, uint8_t lvar);

/** Types F (4 bytes), I (6 bytes): a date with a time of day.
 *
 *  Returns: MT_OK; MT_BAD_RANGE for another length, a time marked as invalid, or no such moment.
 */
MT_MUST_USE enum mt_status mt_mbus_clock(int64_t *time_us, const uint8_t *bytes, size_t len);

#endif
