/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Integers as people read them: exact, digit by digit. Pure. */
#ifndef GATEWAY_APP_FORMAT_H
#define GATEWAY_APP_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"

#define GW_FORMAT_MAX 40u /**< Characters of any result, with the NUL. */

/** value x 10^-decimals: "-1.05"; trailing zeros beyond keep decimals are cut off.
 *
 *  In: decimals 0..12, keep <= decimals.
 */
void gw_format_decimal(char text[GW_FORMAT_MAX], int64_t value, uint32_t decimals, uint32_t keep);

/** fen as yuan: 12345 -> "123.45". */
void gw_format_fen(char text[GW_FORMAT_MAX], int64_t fen);

/** ufen as yuan, all of it: 1234500000 -> "12.345"; two decimals at least. */
void gw_format_ufen(char text[GW_FORMAT_MAX], int64_t ufen);

/** Wh as kWh or ml as m3, by medium (enum mt_medium): three decimals at least. */
void gw_format_units(char text[GW_FORMAT_MAX], int64_t units, uint8_t medium);

/** "kWh", "m3". */
const char *gw_unit_name(uint8_t medium);
/** "power", "water", "gas", "heat", "other". */
const char *gw_medium_name(uint8_t medium);

/** Local time: "2026-11-23T19:00:00+08:00", with microseconds where there are any. */
void gw_format_time(char text[GW_FORMAT_MAX], int64_t time_us);

/** Local day: "2026-11-23". */
void gw_format_day(char text[GW_FORMAT_MAX], int32_t day);

/** Months since 1970 as "2026-11". */
void gw_format_month(char text[GW_FORMAT_MAX], int32_t month);

/** Read "2026-11". Returns false, *month untouched, unless it is one of 1970-2199. */
MT_MUST_USE bool gw_parse_month(int32_t *month, const char *text);

/** Read "2026-11-23". Returns false, *day untouched, unless it is a day of 1970-2199. */
MT_MUST_USE bool gw_parse_day(int32_t *day, const char *text);

/** Read hexadecimal digits, exactly 2 * len of them. Returns false otherwise; bytes unspecified then. */
MT_MUST_USE bool gw_parse_hex(uint8_t *bytes, size_t len, const char *text);

/** Write 2 * len digits and a NUL. */
void gw_format_hex(char *text, const uint8_t *bytes, size_t len);

#endif
