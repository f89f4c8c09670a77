/* SPDX-License-Identifier: GPL-3.0-or-later */
/** CJ/T 188-2004 and -2018: water, gas and heat meters in China.
 *
 *      [FE ..] 68 T A0..A6 C L DI DI SER DATA CS 16
 *
 *  T is the kind of meter, the address is fourteen digits, the lowest first, CS is the sum of all
 *  bytes from 68H. C: bit 7 reply, bit 6 abnormal. The data identifier comes high byte first from
 *  meters of 2004 and low byte first from those of 2018: both are read.
 *
 *  Decoded: 901F (current data) in the standards' layouts and those of makers that put the unit
 *  before the value, and D120 to D12B (monthly history). Named only (MT_NO_READING,
 *  MT_UNSUPPORTED): requests, refusals, addresses, valve commands, prices, all else.
 */
#ifndef METERS_CJT188_H
#define METERS_CJT188_H

#include "meters/registry.h"

#define MT_CJT188_NUMBER_DIGITS 14u
#define MT_CJT188_DATA_MAX 255u
#define MT_CJT188_FRAME_MAX (4u + 13u + MT_CJT188_DATA_MAX)

/** T, the kinds that are asked for most; x0H to x9H are one class. */
#define MT_CJT188_COLD_WATER 0x10u
#define MT_CJT188_HOT_WATER 0x11u
#define MT_CJT188_HEAT 0x20u
#define MT_CJT188_GAS 0x30u

#define MT_CJT188_CURRENT 0x901Fu /**< Data identifier of the current data. */
#define MT_CJT188_READ 0x01u      /**< C of a read request; 81H answers it. */

/** For the registry: struct mt_protocol says what they return. */
enum mt_status mt_cjt188_find(size_t *start, const struct mt_input *input);
enum mt_status mt_cjt188_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);

/** Build a meter's answer to a read of 901F for the registry: type 10H, 20H or 30H by the medium, no
 *  settlement. Bands and maker are not carried.
 */
enum mt_status mt_cjt188_build_sending(uint8_t *out, size_t *out_len, size_t out_max,
                                       const struct mt_sending *sending);

/** A frame to be built. */
struct mt_cjt188_frame {
    uint8_t type;           /**< T. */
    const char *number;     /**< Fourteen digits (A to F allowed), NUL-terminated. */
    uint8_t control;        /**< C. */
    uint16_t data_id;       /**< As the standard writes it: 901F. */
    bool low_first;         /**< Send the identifier as 1F 90, as the 2018 edition does. */
    uint8_t serial;         /**< SER: a reply gives the request's back. */
    uint8_t preamble_count; /**< FE bytes before it, 0 to 4. */
    const uint8_t *data;    /**< What follows SER; borrowed. */
    size_t data_len;        /**< 0 to MT_CJT188_DATA_MAX - 3. */
};

/** Build any frame.
 *
 *  Returns: MT_OK; MT_BAD_DIGIT for a number that is no address; MT_TOO_LARGE when out_max is short
 *           (MT_CJT188_FRAME_MAX always suffices).
 *  Out:     out, *out_len; void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_cjt188_build(uint8_t *out, size_t *out_len, size_t out_max,
                                           const struct mt_cjt188_frame *frame);

/** What a meter has to say; volumes in ml, heat in Wh. */
struct mt_cjt188_state {
    int64_t total;      /**< Parts of 10 l or 10 Wh are cut off, as on the meter's register. */
    int64_t settlement; /**< The register at the last settlement day; below 0: none (FF). */
    int64_t time_us;    /**< The meter's clock; 0: not set (FF). */
    uint8_t flags;      /**< MT_FLAG_VALVE_SHUT and MT_FLAG_LOW_BATTERY are shown. */
    int64_t volume;     /**< Heat meters only: ml through the meter. */
    int32_t supply_centi_cel; /**< Heat meters only: 0.01 degrees, 0 to 999999. */
    int32_t return_centi_cel;
    int32_t hours; /**< Heat meters only: working time, 0 to 999999. */
};

/** Build the answer to a read of 901F, in the standards' layout for the frame's type. The frame's
 *  data are put in here; its control and data_id are MT_CJT188_READ's answer and 901F.
 *
 *  Returns: as mt_cjt188_build(); MT_BAD_RANGE for a value beyond its digits or a time outside of
 *           2000 to 2199.
 */
MT_MUST_USE enum mt_status mt_cjt188_build_state(uint8_t *out, size_t *out_len, size_t out_max,
                                                 const struct mt_cjt188_frame *frame,
                                                 const struct mt_cjt188_state *state);

#endif
