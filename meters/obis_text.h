/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The data sets of IEC 62056-21, 5.2 (also the lines of a P1 telegram): address(value*unit)(...).
 *
 *      1-0:1.8.0*255(000123.456*kWh)        C.1.0(13647123)        0-1:24.2.1(180306120000W)(05359.919*m3)
 *
 *  Values keep every digit that was sent. Bytes are borrowed from the readout.
 */
#ifndef METERS_OBIS_TEXT_H
#define METERS_OBIS_TEXT_H

#include "meters/cursor.h"
#include "meters/registry.h"

#define MT_TEXT_FRAME_MAX 8192u /**< Bytes of one readout. */
#define MT_DATA_ADDRESS_MAX 32u /**< Characters before the first parenthesis. */
#define MT_DATA_GROUPS_MAX \
    8u /**< Groups that are kept of a data set; further ones are stepped over. */
#define MT_DATA_GROUP_MAX 2048u /**< Characters of one group (P1 text messages). */

/** What stands in one pair of parentheses, taken apart at the asterisk. */
struct mt_data_group {
    const uint8_t *text;
    size_t len;
    const uint8_t *unit;
    size_t unit_len; /**< 0: none. */
};

/** One data set. */
struct mt_data_set {
    const uint8_t *address;
    size_t address_len;
    bool has_code;       /**< The address is an OBIS code, or its reduced form. */
    int16_t a, b;        /**< Value groups A and B; -1 where they are left out. */
    struct mt_obis code; /**< C, D, E (0 when left out), F. Letters C F L P are 96 to 99. */
    struct mt_data_group groups[MT_DATA_GROUPS_MAX];
    uint32_t group_count; /**< All groups, also those that are not kept. */
};

/** Read the next data set; line ends and spaces before it are stepped over.
 *
 *  Returns: MT_OK; MT_NOT_FOUND at the end of the block ('!', ETX or the last byte), which is not
 *           read; MT_BAD_LAYOUT for anything that is no data set, with a fault in the trace.
 *  Out:     *out; void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_data_set_read(struct mt_data_set *out, struct mt_cursor *c,
                                            struct mt_trace *trace);

/** A group's number: spaces, minus sign, digits, fraction; zeros in front allowed.
 *
 *  Returns: MT_OK; MT_BAD_DIGIT; MT_BAD_RANGE beyond 18 digits. *value's mantissa and exponent.
 */
MT_MUST_USE enum mt_status mt_data_number(struct mt_value *value,
                                          const struct mt_data_group *group);

/** The unit of a group as this library spells it ("KVArh" is "kvarh"); "" for none, NULL for one that
 *  is not known. */
const char *mt_data_unit(const struct mt_data_group *group);

/** What the value groups C and D of electricity (A = 1) or of a gas, water or heat meter mean; "value"
 *  where nothing better is known. Static. */
const char *mt_obis_name(int16_t a, const struct mt_obis *code);

/** Put a text into an identity's number when it may be one (A-Z 0-9, 1 to 20 characters after
 *  spaces at either end), else leave the number as it is. Returns whether it did. */
bool mt_data_number_text(char number[MT_NUMBER_MAX + 1], const uint8_t *text, size_t len);

/** YYMMDDhhmmss of a data set, with S (summer) or W (winter) of Central Europe after it, or none.
 *
 *  Returns: MT_OK, MT_BAD_DIGIT, MT_BAD_RANGE.
 *  Out:     has_time, time_us, and has_zone and zone_minutes with S or W; else the clock is UTC+8.
 */
MT_MUST_USE enum mt_status mt_data_time(struct mt_frame *frame, const uint8_t *text, size_t len);

#endif
