/* SPDX-License-Identifier: GPL-3.0-or-later */
/** From data sets to a frame: what P1 and IEC 62056-21 share. For this folder only. */
#ifndef METERS_READOUT_H
#define METERS_READOUT_H

#include "meters/obis_text.h"
#include "meters/writer.h"

/** A frame that grows by data sets. Zero but the first two to begin with. */
struct mt_readout {
    struct mt_frame *frame;
    struct mt_trace *trace;
    uint8_t date[6]; /**< YYMMDD of 0.9.2, and hhmmss of 0.9.1: the clock when both were there. */
    uint8_t clock[6];
    bool has_date, has_clock;
    uint8_t id_rank; /**< How good the identity's number is: a better one may follow. */
};

/** Take one data set in: a value, the clock or the identity; texts are left aside.
 *
 *  Returns: MT_OK; MT_BAD_DIGIT, MT_BAD_RANGE, MT_BAD_UNIT for a number that has a unit, or should;
 *           MT_BAD_LAYOUT when the register of bills comes twice and differs.
 */
MT_MUST_USE enum mt_status mt_readout_take(struct mt_readout *r, const struct mt_data_set *set);

/** Add a value of a group under a code. Returns as mt_readout_take(). */
MT_MUST_USE enum mt_status mt_readout_value(struct mt_readout *r, const struct mt_data_set *set,
                                            const struct mt_data_group *group, const char *name);

/** The clock from date and time, the reading from the total.
 *
 *  Returns: MT_OK, with or without a reading; as mt_frame_reading() otherwise.
 */
MT_MUST_USE enum mt_status mt_readout_finish(struct mt_readout *r);

/** Put the number of a better data set into the identity. rank: 1 and up, the higher the better. */
void mt_readout_identity(struct mt_readout *r, const uint8_t *text, size_t len, uint8_t rank);

/** The three letters of an identification "/ABC", in capitals; empty when they are none. */
void mt_readout_maker(char maker[MT_MAKER_MAX + 1], const uint8_t *letters);

/** May these bytes behind a "/" become an identification? It begins with three letters (IEC 62056-21,
 *  5.3.2, field 12), so a slash in other text does not. */
bool mt_text_may_name(const uint8_t *bytes, size_t len);

/** True when a telegram has a line that only P1 with a checksum has (version 4 and later): without
 *  its checksum it is none. */
bool mt_text_needs_crc(const uint8_t *bytes, size_t len);

/** Does text stand at a line's start? */
bool mt_text_has_line(const uint8_t *bytes, size_t len, const char *text);

/* ---- writing ------------------------------------------------------------------------------------ */

void mt_text_write(struct mt_writer *w, const char *text);
/** digits of value, zeros in front. */
void mt_text_digits(struct mt_writer *w, uint64_t value, size_t digits);
/** "code(000123.456*kWh)\r\n" of Wh. */
void mt_text_energy(struct mt_writer *w, const char *code, int64_t wh);

#define MT_TEXT_ENERGY_MAX INT64_C(999999999) /**< Wh that six digits and three decimals show. */

/** MT_OK for a reading that such a text can say: power, energy within six digits, a number.
 *  Else MT_UNSUPPORTED, MT_BAD_RANGE or MT_BAD_DIGIT. */
MT_MUST_USE enum mt_status mt_text_check(const struct mt_sending *sending);

/** Total and the four registers that are present, as 1.8.0 to 1.8.4. */
void mt_text_registers(struct mt_writer *w, const char *channel, const struct mt_reading *reading);

#endif
