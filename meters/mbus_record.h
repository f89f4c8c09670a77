/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Variable data records of M-Bus, wired and wireless (EN 13757-3, clause 6 and annexes A, B, D).
 *
 *      DIF [DIFE ..10] VIF [VIFE ..10] DATA    DIF [DIFE ..] VIF .. DATA    ..    0F|1F maker's own
 *
 *  A frame's decoder sets protocol and identity (the medium chooses the total), then
 *
 *      struct mt_mbus_reader reader;
 *      mt_mbus_reader_init(&reader, &frame, input->trace);
 *      status = mt_mbus_records(&reader, &records, &records);     // both in one: a full frame
 *      status = mt_mbus_finish(&reader);                          // total, reading
 *
 *  A compact frame has the heads and the data apart: mt_mbus_records(&reader, &format, &data).
 *
 *  The total is the first register of the medium's own quantity (energy of electricity and heat,
 *  volume of water and gas; for other media the first register of all) that is instantaneous and of
 *  storage 0, tariff 0, subunit 0, with no VIFE that makes it something else: backward flow, an
 *  uncorrected volume, a limit, a maker's own. A total that the meter marks as invalid is not made
 *  up for by a later one (mt_frame.total_is_void). A heat meter that sends its volume only has that as its total, but no
 *  reading. No tariffs are ever summed.
 *
 *  Texts and dates are stepped over, but for the clock; values are numbers.
 */
#ifndef METERS_MBUS_RECORD_H
#define METERS_MBUS_RECORD_H

#include "meters/cursor.h"
#include "meters/mbus_vif.h"
#include "meters/trace.h"
#include "meters/value.h"

#define MT_MBUS_DIFE_MAX 10u /**< 6.3.4 */
#define MT_MBUS_VIFE_MAX 10u /**< 6.4.1 */

/** The head of one record: DIF, DIFEs, VIF and VIFEs. */
struct mt_mbus_record {
    uint8_t field;    /**< Coding of the data: low four bits of the DIF. */
    uint8_t function; /**< enum mt_function. */
    uint64_t storage; /**< 41 bits. */
    uint32_t tariff;
    uint32_t subunit;
    const struct mt_mbus_quantity *quantity; /**< Static, never NULL. */
    uint8_t code;    /**< Of the quantity, in its table, without the extension bit. */
    int exponent;    /**< Of ten, VIFEs included. */
    bool is_plain;   /**< No VIFE makes it anything but the quantity itself. */
    bool is_reverse; /**< Backward flow. */
    bool is_own;     /**< A maker's own VIF or VIFE. */
    bool is_error;   /**< A VIFE tells that there is no value. */
};

/** Read the head of a record, which is none of 0F, 1F and 2F.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT for a reserved DIF, more extensions than allowed, or an end in the
 *           middle.
 *  Out:     *out; void unless MT_OK.
 *  In:      trace may be NULL.
 */
MT_MUST_USE enum mt_status mt_mbus_record_head(struct mt_mbus_record *out, struct mt_cursor *c,
                                               struct mt_trace *trace);

/** Step over the data of a record, with the length byte of a variable one.
 *
 *  Returns: MT_OK, or MT_BAD_LAYOUT for a reserved length or too few bytes.
 *  Out:     *bytes, *len  the data without the length byte, borrowed; *lvar  that byte, or 0.
 */
MT_MUST_USE enum mt_status mt_mbus_record_data(const uint8_t **bytes, size_t *len, uint8_t *lvar,
                                               struct mt_cursor *c,
                                               const struct mt_mbus_record *record);

/** What is read into a frame, and what was found. */
struct mt_mbus_reader {
    struct mt_frame *frame; /**< Borrowed until mt_mbus_finish(). */
    struct mt_trace *trace; /**< May be NULL. */
    bool msb_first;         /**< Data have their high byte first (CI 76); set it after _init. */
    bool has_more;          /**< Found 1F: further telegrams follow. */
    bool has_own;           /**< Found bytes of the maker's own. */
    bool has_clock;         /**< The record of the clock was seen, valid or not. */
    uint8_t first;          /**< enum mt_mbus_register of the first register of all. */
    bool seen[MT_MBUS_REGISTERS];                 /**< A register of that quantity came. */
    struct mt_value registers[MT_MBUS_REGISTERS]; /**< The first of each, with seen. */
};

void mt_mbus_reader_init(struct mt_mbus_reader *reader, struct mt_frame *frame,
                         struct mt_trace *trace);

/** Read all records into the frame's values, time and flags.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT; MT_BAD_DIGIT or MT_BAD_RANGE when it is the total that cannot be
 *           read (any other such value is absent). The frame is half filled then: drop it.
 *  In:      heads, data  the same cursor where each head is followed by its data.
 */
MT_MUST_USE enum mt_status mt_mbus_records(struct mt_mbus_reader *reader, struct mt_cursor *heads,
                                           struct mt_cursor *data);

/** Choose the total and make the reading where the total is what the medium is billed by.
 *
 *  Returns: MT_OK, also where there is no total; MT_UNSUPPORTED when all there was is the maker's
 *           own.
 */
MT_MUST_USE enum mt_status mt_mbus_finish(struct mt_mbus_reader *reader);

/** Note one value, as mt_mbus_records() does for each record. For decoders of layouts beside it
 *  (fixed structure, makers' own): value->unit and the register decide on the total. */
void mt_mbus_note(struct mt_mbus_reader *reader, const struct mt_value *value,
                  enum mt_mbus_register reg);

#endif
