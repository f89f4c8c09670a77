/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Every limit of this library that no public header names already.
 *
 *  What a stranger sends is bounded here: depth, length, count and size of numbers.
 */
#ifndef METERS_LIMITS_H
#define METERS_LIMITS_H

#define MT_CBOR_DEPTH_MAX 8u             /**< Nesting of a CBOR value that is skipped. */
#define MT_JSON_DEPTH_MAX 8u             /**< Nesting of a JSON value that is skipped. */
#define MT_MESSAGE_JSON_BYTES_MAX 16384u /**< Text of one SenML JSON pack. */
#define MT_SENML_NAME_MAX 96u            /**< Characters of base name and name together. */
#define MT_SENML_VERSION_MAX 10u         /**< RFC 8428, 4.4: the version that it defines. */
#define MT_VALUES_MAX 128u               /**< Values that one frame may carry. */
#define MT_REGISTER_MAX INT64_C(1000000000000000) /**< Wh or ml: 10^12 kWh, 10^9 m3. */
#define MT_TIME_S_MAX INT64_C(7258118400)         /**< 2200-01-01 UTC, seconds since 1970. */

#endif
