/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The heads of M-Bus application data, wired and wireless (EN 13757-3, clause 5; EN 13757-7):
 *
 *      CI 72  long:   ID.4 M.2 V T | ACC ST CFG.2 [CFE]      who, then how
 *      CI 7A  short:               | ACC ST CFG.2 [CFE]      the link layer says who
 *      CI 78  none
 *
 *  CFE follows where the mode in CFG is 7. The address of a wireless link layer has the order
 *  M.2 ID.4 V T: mt_mbus_head_link() reads that into the same struct.
 */
#ifndef METERS_MBUS_HEAD_H
#define METERS_MBUS_HEAD_H

#include "meters/cursor.h"
#include "meters/reading.h"
#include "meters/trace.h"
#include "meters/writer.h"

#define MT_MBUS_NUMBER_DIGITS 8u

/** Security modes (EN 13757-7, table 20). */
enum mt_mbus_mode {
    MT_MBUS_CLEAR = 0,
    MT_MBUS_MODE_5 = 5, /**< AES-128-CBC, key of the meter, start from address and access number. */
    MT_MBUS_MODE_7 = 7, /**< AES-128-CBC, key of the message, start from zero. */
};

/** A head; number and maker as they were sent, low byte first. */
struct mt_mbus_head {
    bool has_address;
    uint8_t number[4]; /**< Packed digits; with has_address, like maker, version and type. */
    uint8_t maker[2];
    uint8_t version;
    uint8_t type;        /**< Device type ("medium") of EN 13757-7, table 13. */
    uint8_t access;      /**< Access number. */
    uint8_t status;      /**< See mt_mbus_status_flags(). */
    uint16_t config;     /**< Configuration field. */
    uint8_t config_more; /**< Its extension (mode 7). */
};

/** Read the long head, behind its CI. An end too early shows in the cursor's `overrun`; then the
 *  head is void. msb_first: multi-byte fields have their high byte first (CI 76). */
void mt_mbus_head_long(struct mt_mbus_head *out, struct mt_cursor *c, bool msb_first,
                       struct mt_trace *trace);

/** Read the short head behind its CI; the address in *out is left as it is. */
void mt_mbus_head_short(struct mt_mbus_head *out, struct mt_cursor *c, struct mt_trace *trace);

/** Read the eight bytes of a wireless link address; the rest of *out is left as it is. */
void mt_mbus_head_link(struct mt_mbus_head *out, struct mt_cursor *c, struct mt_trace *trace);

/** Write the long or the short head, the extension of mode 7 included. */
void mt_mbus_head_write(struct mt_writer *w, const struct mt_mbus_head *head, bool is_long);

/** Who the head says that the meter is. A maker that is no three letters, or an address that is
 *  missing, is left empty; digits above 9 are written A to F. */
void mt_mbus_head_identity(struct mt_identity *out, const struct mt_mbus_head *head);

/** Set the address of an identity.
 *
 *  Returns: MT_OK; MT_BAD_DIGIT when its number is not 8 digits (A to F allowed) or its maker not
 *           three letters; MT_UNSUPPORTED for a medium without a device type. *out is untouched then.
 */
MT_MUST_USE enum mt_status mt_mbus_head_set(struct mt_mbus_head *out,
                                            const struct mt_identity *identity);

/** The security mode of the configuration field: enum mt_mbus_mode or another, which is not
 *  supported here. */
static inline uint8_t mt_mbus_head_mode(const struct mt_mbus_head *head)
{
    return (uint8_t)(head->config >> 8 & 0x1F);
}

/** The number of encrypted 16-byte blocks in modes 5 and 7. */
static inline uint8_t mt_mbus_head_blocks(const struct mt_mbus_head *head)
{
    return (uint8_t)(head->config >> 4 & 0xF);
}

/** The medium that a device type counts. */
enum mt_medium mt_mbus_medium(uint8_t type);

/** A device type for people; static. */
const char *mt_mbus_type_text(uint8_t type);

/** The flags that the status byte stands for (EN 13757-7, 7.5.6): bit 2 is low power. */
uint8_t mt_mbus_status_flags(uint8_t status);

/** Three letters of 16 bits (EN 13757-7, 7.5.2), NUL-terminated; empty when they are none. The
 *  highest bit is left aside. */
void mt_mbus_maker_text(char text[MT_MAKER_MAX + 1], uint16_t maker);

/** The 16 bits of three letters; 0 when they are none. */
uint16_t mt_mbus_maker_code(const char *text);

#endif
