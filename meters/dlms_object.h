/* SPDX-License-Identifier: GPL-3.0-or-later */
/** COSEM registers as values of a frame: OBIS code, scaler and unit (IEC 62056-6-1, IEC 62056-6-2).
 *  Shared by DLMS and SML, which both send them. For this folder only.
 *
 *  The total of a meter is one register, by its medium (value group A), whose F is 255 and whose
 *  channel B is 0, or 1 where the meter counts from 1:
 *
 *      electricity 1-b:1.8.0, cooling 5-b:1.0.0, heat 6-b:1.0.0, gas 7-b:3.0.0, water 8-b:1.0.0
 *      and 9-b:1.0.0
 *
 *  It is never made of tariffs: a meter that sends 1.8.1 without 1.8.0 has no total here.
 */
#ifndef METERS_DLMS_OBJECT_H
#define METERS_DLMS_OBJECT_H

#include "meters/registry.h"

#define MT_OBIS_BYTES 6u

/* Units (IEC 62056-6-2, table 4), those that this code names itself. */
#define MT_DLMS_UNIT_NONE 0u /**< No scaler and unit came with the value. */
#define MT_DLMS_UNIT_M3 13u
#define MT_DLMS_UNIT_W 27u
#define MT_DLMS_UNIT_VAR 29u
#define MT_DLMS_UNIT_WH 30u
#define MT_DLMS_UNIT_VARH 32u
#define MT_DLMS_UNIT_A 33u
#define MT_DLMS_UNIT_V 35u

/** One register as it was sent. */
struct mt_dlms_register {
    const uint8_t *obis; /**< MT_OBIS_BYTES; borrowed. */
    int64_t mantissa;
    bool is_absent; /**< null-data stood in its place. */
    bool is_beyond; /**< It does not fit in mantissa. */
    int16_t scaler; /**< That of the wire, and a float's own exponent, -6 to 6, added. */
    uint8_t unit;   /**< Code of IEC 62056-6-2; MT_DLMS_UNIT_NONE: not sent. */
};

/** The registers of one frame while they come in. */
struct mt_dlms_registers {
    struct mt_frame *frame; /**< Borrowed; begun with mt_dlms_begin(). */
    uint8_t group;          /**< Value group A of the first register; 0: none yet. */
    bool has_total;
    uint8_t channel; /**< Value group B of the total. */
    struct mt_value total;
};

/** Empty everything of a frame but its values, which value_count speaks for: they are a large part. */
void mt_dlms_begin(struct mt_frame *frame, const char *protocol);

/** Copy a frame and as many values as it has. */
void mt_dlms_copy(struct mt_frame *out, const struct mt_frame *frame);

/** The text of a unit; "" for none, for a pure number and for a code that is not known. Static. */
const char *mt_dlms_unit(uint8_t code);

/** Add a register to the frame.
 *
 *  Returns: MT_OK (a value that cannot be shown sets values_cut); for a total MT_BAD_UNIT when its
 *           unit is not one of its medium, MT_BAD_RANGE when it does not fit, and MT_BAD_LAYOUT
 *           when it comes twice and differs. A total without a unit is a value only.
 */
MT_MUST_USE enum mt_status mt_dlms_add(struct mt_dlms_registers *registers,
                                       const struct mt_dlms_register *sent);

/** Set the frame's medium, its total and its reading.
 *
 *  Returns: MT_OK, or what mt_frame_reading() says of a total that cannot be billed by. Heat in
 *           joules is a total without a reading.
 */
MT_MUST_USE enum mt_status mt_dlms_finish(struct mt_dlms_registers *registers);

/** The total's OBIS code of a medium, for those who send one; NULL when the medium has none. */
const uint8_t *mt_dlms_total_obis(uint8_t medium);

#endif
