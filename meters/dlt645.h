/* SPDX-License-Identifier: GPL-3.0-or-later */
/** DL/T 645-2007, and replies of DL/T 645-1997: electricity meters in China.
 *
 *      [FE ..] 68 A0..A5 68 C L DATA CS 16
 *
 *  DATA bytes are sent with 33H added; CS is the sum of all bytes from the first 68H; the address is
 *  twelve digits, the lowest first (5.2). C: bit 7 reply, bit 6 abnormal, bit 5 more to come, low
 *  five bits the function (5.2.4).
 *
 *  Decoded: replies to "read data" with energy (current, last settlements, tariffs, blocks), maximum
 *  demand, instantaneous values, frozen registers, remaining energy and money, constants and the
 *  clock. Named only (MT_NO_READING, MT_UNSUPPORTED): requests, refusals, addresses, all else.
 *  Never: control commands; they need the meter's security module.
 */
#ifndef METERS_DLT645_H
#define METERS_DLT645_H

#include "meters/registry.h"

#define MT_DLT645_NUMBER_DIGITS 12u
#define MT_DLT645_DATA_MAX 200u /**< L of a reply, at most (5.2.5). */
#define MT_DLT645_FRAME_MAX (4u + 12u + MT_DLT645_DATA_MAX)

#define MT_DLT645_FORWARD_ACTIVE 0x00010000u       /**< Total of forward active energy. */
#define MT_DLT645_FORWARD_ACTIVE_BLOCK 0x0001FF00u /**< With its tariffs. */

/** Read-data and its replies, by edition. */
enum mt_dlt645_edition {
    MT_DLT645_2007, /**< Four-byte data identifiers, function 11H. */
    MT_DLT645_1997, /**< Two-byte data identifiers, function 01H. */
};

/** For the registry: struct mt_protocol says what they return. */
enum mt_status mt_dlt645_find(size_t *start, const struct mt_input *input);
enum mt_status mt_dlt645_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);

/** Build a meter's answer for the registry, as mt_dlt645_build_reading(). Its frame carries no time, no
 *  flags and no maker.
 */
enum mt_status mt_dlt645_build_sending(uint8_t *out, size_t *out_len, size_t out_max,
                                       const struct mt_sending *sending);

/** A frame to be built. */
struct mt_dlt645_frame {
    const char *number;     /**< Twelve digits (A to F allowed), NUL-terminated. */
    uint8_t control;        /**< C. */
    uint8_t preamble_count; /**< FE bytes before it, 0 to 4. */
    const uint8_t *data;    /**< Without the 33H; borrowed. */
    size_t data_len;        /**< 0 to MT_DLT645_DATA_MAX. */
};

/** Build any frame.
 *
 *  Returns: MT_OK; MT_BAD_DIGIT for a number that is no address; MT_TOO_LARGE when out_max is short
 *           (MT_DLT645_FRAME_MAX always suffices).
 *  Out:     out, *out_len; void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_dlt645_build(uint8_t *out, size_t *out_len, size_t out_max,
                                           const struct mt_dlt645_frame *frame);

/** What to ask a meter for. */
struct mt_dlt645_query {
    const char *number; /**< As above; "AAAAAAAAAAAA" asks whoever listens. */
    uint8_t edition;    /**< enum mt_dlt645_edition. */
    uint32_t data_id;
};

/** Build a read request. Returns as mt_dlt645_build(). */
MT_MUST_USE enum mt_status mt_dlt645_build_read(uint8_t *out, size_t *out_len, size_t out_max,
                                                const struct mt_dlt645_query *query);

/** A meter's answer. */
struct mt_dlt645_reply {
    struct mt_dlt645_query to; /**< The question, whose identifier is given back. */
    const int64_t
        *mantissas;     /**< In the identifier's own resolution: 0.01 kWh, 0.1 V ...; borrowed. */
    const bool *absent; /**< Which of them are sent as FF; NULL: none. Borrowed. */
    size_t count;       /**< 1, or up to as many as the block has. */
};

/** Build a reply with the values of a data identifier.
 *
 *  Returns: as mt_dlt645_build(); MT_UNSUPPORTED for an identifier that is not decoded here, or is no
 *           list of numbers; MT_BAD_LAYOUT for a count that the identifier does not have;
 *           MT_BAD_RANGE for a value that its digits or its sign cannot show.
 */
MT_MUST_USE enum mt_status mt_dlt645_build_reply(uint8_t *out, size_t *out_len, size_t out_max,
                                                 const struct mt_dlt645_reply *reply);

/** Build the forward active registers of a reading as a meter would answer them: 00010000 without
 *  bands, else 0001FF00. Parts of 10 Wh are cut off, as on a meter's register.
 *
 *  Returns: as mt_dlt645_build_reply().
 */
MT_MUST_USE enum mt_status mt_dlt645_build_reading(uint8_t *out, size_t *out_len, size_t out_max,
                                                   const char *number,
                                                   const struct mt_reading *reading);

#endif
