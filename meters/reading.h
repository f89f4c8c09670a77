/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The one decoded reading, which every protocol ends in.
 *
 *  Integers only: energy in Wh, volume in ml, time in microseconds since 1970 UTC. A decoder fills
 *  it whole or not at all. Instantaneous values (voltage, flow) are no part of it: they are
 *  delivered beside it as struct mt_value, and never billed.
 */
#ifndef METERS_READING_H
#define METERS_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a decoder says. Every error below zero yields no reading at all. */
enum mt_status {
    MT_OK = 0,
    MT_NEED_MORE = 1,      /**< The bytes end before the frame does: keep them, read on. */
    MT_BAD_CHECKSUM = -1,  /**< Checksum or CRC differs. */
    MT_BAD_DIGIT = -2,     /**< A BCD nibble or a decimal digit is not one. */
    MT_BAD_LAYOUT = -3,    /**< The structure contradicts the standard. */
    MT_BAD_UNIT = -4,      /**< A unit that this register cannot have. */
    MT_BAD_RANGE = -5,     /**< A number that its field or our integer cannot hold. */
    MT_UNSUPPORTED = -6,   /**< Well-formed, but a kind that is not decoded here. */
    MT_NOT_AUTHENTIC = -7, /**< MAC or signature differs, or the key is wrong. */
    MT_NO_READING = -8, /**< Well-formed, and it carries no register (a request, an error reply). */
    MT_TOO_LARGE = -9,  /**< More records or bytes than the limits allow. */
    MT_NOT_FOUND = -10, /**< No frame of this protocol in these bytes. */
    MT_NO_KEY = -11,    /**< Encrypted, and no key was given. */
};

/** Was the frame understood, so that its kind and its meter may be told? It carries a value on MT_OK
 *  only. */
static inline bool mt_status_is_told(enum mt_status status)
{
    return status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
}

enum mt_medium { MT_POWER = 0, MT_WATER = 1, MT_GAS = 2, MT_HEAT = 3, MT_MEDIUM_OTHER = 4 };

#define MT_MAKER_MAX 3u   /**< Characters of a maker code. */
#define MT_NUMBER_MAX 20u /**< Characters of a meter number: an SML server id has 20. */
#define MT_NAME_MAX 25u   /**< Letter, maker, dash, number: characters of a meter's name. */

/** Who a meter is: (medium, maker, number); leading zeros of the number matter. */
struct mt_identity {
    uint8_t medium; /**< enum mt_medium. */
    char maker[MT_MAKER_MAX +
               1]; /**< A-Z 0-9, 1 to 3, NUL-terminated; empty when the frame has none. */
    char number[MT_NUMBER_MAX + 1]; /**< A-Z 0-9, 1 to 20, NUL-terminated; empty when unknown. */
};

#define MT_BANDS \
    4u /**< Band registers 1..4: sharp, peak, flat, valley (DL/T 645-2007 tariffs 1-4). */

/** A meter's cumulative registers at one moment. */
struct mt_reading {
    int64_t time_us; /**< Meter's clock; 0 when the frame carries none. */
    int64_t total;   /**< Wh or ml, zero or more, forward register. */
    int64_t
        band[MT_BANDS]; /**< Wh or ml per band register; valid where the bit of band_mask is set. */
    uint8_t band_mask;  /**< Bit i: band[i] is present. */
    uint8_t flags;      /**< MT_FLAG_*. */
};

#define MT_FLAG_CLOCK_DOUBT 0x01u /**< The meter itself says that its clock is not set. */
#define MT_FLAG_TAMPER 0x02u      /**< Cover, magnet, reverse flow: the meter's own event. */
#define MT_FLAG_LOW_BATTERY 0x04u
#define MT_FLAG_VALVE_SHUT 0x08u

#endif
