/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a third-party meter's frame said, in the meter's own digits and units.
 *
 *  struct mt_reading is for bills; this is for eyes, exports and checks: every value of the frame
 *  with the decimals that the meter sent. A frame decides nothing: whether its meter may be billed
 *  by it is the gateway's business.
 */
#ifndef METERS_VALUE_H
#define METERS_VALUE_H

#include "meters/check.h"
#include "meters/limits.h"
#include "meters/reading.h"

#define MT_OBIS_CURRENT 255u /**< Value group F: not a stored value. */
#define MT_OBIS_TEXT_MAX 17u /**< "255.255.255*255" and its NUL. */

/** Value groups C, D, E and F of an OBIS code (IEC 62056-6-1); C is 0 where there is none. */
struct mt_obis {
    uint8_t c;
    uint8_t d;
    uint8_t e;
    uint8_t f; /**< Billing period back (1: the last one), or MT_OBIS_CURRENT. */
};

/** What a value says about the time it stands for (EN 13757-3, 6.3: function field). */
enum mt_function { MT_INSTANTANEOUS = 0, MT_MAXIMUM = 1, MT_MINIMUM = 2, MT_IN_ERROR = 3 };

/** One value: mantissa * 10^exponent in its unit. */
struct mt_value {
    const char *name; /**< "forward active energy"; static. */
    const char *unit; /**< "kWh", "m3", "V"; static; "" where there is none. */
    int64_t mantissa; /**< With every digit that was sent: 123.40 is {12340, -2}. */
    int8_t exponent;  /**< -6 to 6. */
    bool absent;      /**< The meter says that it has no such value; mantissa is 0 then. */
    uint8_t function; /**< enum mt_function; anything but MT_INSTANTANEOUS is never billed. */
    uint8_t tariff;   /**< M-Bus tariff; 0: the total. */
    uint8_t subunit;  /**< M-Bus subunit; 0: the meter itself. */
    uint16_t storage; /**< M-Bus storage number; 0: now. Larger ones are shown as 65535. */
    struct mt_obis obis;
};

/** What kind of frame it is. */
enum mt_frame_kind {
    MT_FRAME_REPLY,    /**< Values, or what was asked for. */
    MT_FRAME_REQUEST,  /**< A master's question or command. */
    MT_FRAME_ABNORMAL, /**< The meter refused: see error. */
};

/** One decoded frame. */
struct mt_frame {
    const char *protocol; /**< Its name in the registry; static. */
    uint8_t kind;         /**< enum mt_frame_kind. */
    uint8_t error;        /**< The error byte of an abnormal reply. */
    uint32_t data_id;     /**< The data identifier as the standard writes it; 0: none. */
    struct mt_identity
        identity; /**< Empty where the frame has none; the number is all digits of the
                                      address. */
    bool has_time;
    int64_t time_us;      /**< Meter's clock, with has_time. */
    bool has_zone;        /**< The frame says how far its clock is from UTC; else it is UTC+8. */
    int16_t zone_minutes; /**< East of UTC, with has_zone. */
    uint8_t flags;        /**< MT_FLAG_*: what the meter says of itself. */
    bool with_key;        /**< Its values were protected by the key that was given, and it fits. */
    uint8_t fragment;     /**< Which part of a message that is not all there yet; 0: none. */
    bool more_follows;    /**< The meter's answer goes on in another telegram (M-Bus, DIF 1F). */
    bool has_counter;
    uint32_t counter; /**< Of the encryption, with has_counter: a meter never sends one twice. */
    bool
        total_is_void; /**< The register is there, and the meter says that it has no value: no other
                             telegram's makes up for it. */
    bool has_total;
    struct mt_value total; /**< The register that the frame is about, with has_total. */
    bool has_reading;
    struct mt_reading reading; /**< For a bill, with has_reading: see mt_frame_reading(). */
    bool
        values_cut; /**< It carries more values than are kept here; total is never among the lost. */
    uint32_t value_count;
    struct mt_value values[MT_VALUES_MAX]; /**< In the frame's order; total among them. */
};

/** Write C.D.E, or C.D.E*F for a stored value; an empty text without a code.
 *
 *  Returns: characters written, without the NUL.
 */
size_t mt_obis_format(char text[MT_OBIS_TEXT_MAX], const struct mt_obis *obis);

/** A value in whole Wh or ml.
 *
 *  Returns: MT_OK; MT_BAD_UNIT when its unit is neither of energy nor of volume; MT_BAD_RANGE when
 *           it is absent, below zero or above MT_REGISTER_MAX. Digits finer than a Wh or an ml are
 *           cut off: a register is cumulative, so nothing is lost by it.
 *  Out:     *out; untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_value_smallest(int64_t *out, const struct mt_value *value);

/** A place for one more value, all zero but obis.f, or NULL when there is none: values_cut is set. */
struct mt_value *mt_frame_add(struct mt_frame *frame);

/** Make the reading of a frame out of its total and tariff registers.
 *
 *  Decoders call it where the total is the register that bills are made of: forward active energy,
 *  cumulative volume or heat. For combined active energy (DL/T 645, 00000000), which is forward
 *  plus or minus reverse by the meter's setting, they do not: a gateway that bills by it, and by
 *  it only, calls this itself.
 *
 *  Returns: MT_OK; MT_NO_READING without a total; otherwise as mt_value_smallest().
 *  Out:     frame->reading and has_reading; untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_frame_reading(struct mt_frame *frame);

#endif
