/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Wired M-Bus (EN 13757-2 link, EN 13757-3 and -7 application): meters of all media.
 *
 *      E5                              acknowledged
 *      10 C A CS 16                    short frame: reset, request
 *      68 L L 68 C A CI DATA CS 16     long frame: L counts C to DATA, CS is their sum
 *
 *  Decoded: answers with variable data (CI 72, 76, 7A, 78: mbus_record.h), fixed data (73, 77),
 *  encrypted in mode 5 or 7 with the meter's key, also such as meters push (CI 5A, 5B). Named only
 *  (MT_NO_READING): acknowledgements, requests, commands, errors of the application (70, 6E, 6F)
 *  and alarms (71, 74, 75), which are abnormal. Opaque (MT_UNSUPPORTED): all else, and answers that
 *  hold nothing but their maker's own bytes.
 *
 *  An answer in several telegrams (DIF 1F, mt_frame.more_follows) is several frames, and each of them a
 *  message of its own: it has its own head, access number, status and encryption, and it was made at
 *  its own moment. So no value of one is joined to the clock of another, and the billed register is
 *  that of the first telegram which has it; a register that is void there stays so.
 *
 *  mt_frame.data_id is the CI.
 */
#ifndef METERS_MBUS_H
#define METERS_MBUS_H

#include "meters/mbus_head.h"
#include "meters/registry.h"

#define MT_MBUS_FRAME_MAX 261u /**< L is at most 255. */
#define MT_MBUS_SHORT_BYTES 5u

#define MT_MBUS_ACK 0xE5u
#define MT_MBUS_ADDRESS_SELECTED 253u  /**< Whoever was selected by its number. */
#define MT_MBUS_ADDRESS_TEST 254u      /**< Everybody, and they answer. */
#define MT_MBUS_ADDRESS_BROADCAST 255u /**< Everybody, without an answer. */

/** For the registry: struct mt_protocol says what they return. find() takes short frames and
 *  acknowledgements only where the bytes begin with one: they are too short to be told from noise. */
enum mt_status mt_mbus_find(size_t *start, const struct mt_input *input);
enum mt_status mt_mbus_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);

/** The answer of a meter: a long head, the register in Wh or ml, the clock with its seconds; with a
 *  key encrypted in mode 5. The low eight bits of the counter are the access number. */
enum mt_status mt_mbus_build(uint8_t *out, size_t *out_len, size_t out_max,
                             const struct mt_sending *sending);

/** The same in mode 7: the counter is the message's, and must never come again. MT_NO_KEY without a
 *  key. */
MT_MUST_USE enum mt_status mt_mbus_build_mode7(uint8_t *out, size_t *out_len, size_t out_max,
                                               const struct mt_sending *sending);

/** Write the records of a reading: the register and the clock. The wireless builder uses it too. */
MT_MUST_USE enum mt_status mt_mbus_write_records(struct mt_writer *w,
                                                 const struct mt_sending *sending);

/** Build a long frame around data.
 *
 *  Returns: MT_OK; MT_TOO_LARGE when out_max is short, or the data are longer than 252 bytes.
 *  Out:     out, *out_len; void unless MT_OK.
 */
struct mt_mbus_long {
    uint8_t control;
    uint8_t address;
    uint8_t ci;
    const uint8_t *data; /**< Borrowed. */
    size_t data_len;
};
MT_MUST_USE enum mt_status mt_mbus_build_long(uint8_t *out, size_t *out_len, size_t out_max,
                                              const struct mt_mbus_long *frame);

/** SND_NKE: reset the link of an address; at MT_MBUS_ADDRESS_SELECTED it ends the selection. The
 *  meter answers E5. */
void mt_mbus_build_reset(uint8_t out[MT_MBUS_SHORT_BYTES], uint8_t address);

/** REQ_UD2: ask for data.
 *
 *  In: fcb  the frame count bit: turned over for each new telegram, left as it was to have the last
 *           one again. The first after a reset has it set.
 */
void mt_mbus_build_request(uint8_t out[MT_MBUS_SHORT_BYTES], uint8_t address, bool fcb);

/** Whom to select (EN 13757-3, 10). */
struct mt_mbus_selection {
    const char *number; /**< 8 digits; F stands for any digit. */
    const char *maker;  /**< Three letters, or NULL: any. */
    uint8_t version;    /**< 255: any. */
    uint8_t type;       /**< Device type; 255: any. */
};

/** Build a selection. Those who fit answer E5, and to MT_MBUS_ADDRESS_SELECTED from then on.
 *
 *  Returns: MT_OK; MT_BAD_DIGIT for a number or maker that is none; MT_TOO_LARGE.
 *  Out:     out, *out_len; void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_mbus_build_select(uint8_t *out, size_t *out_len, size_t out_max,
                                                const struct mt_mbus_selection *selection);

#endif
