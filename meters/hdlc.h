/* SPDX-License-Identifier: GPL-3.0-or-later */
/** HDLC frames of DLMS (IEC 62056-46, clause 6; frame format type 3, without transparency).
 *
 *      7E  A<segmentation><length, 11 bits>  destination  source  control  [HCS  information]  FCS  7E
 *
 *  Addresses have one to four bytes, the last with its lowest bit set. HCS and FCS are CRC-16/X-25,
 *  low byte first. One flag may end a frame and begin the next.
 */
#ifndef METERS_HDLC_H
#define METERS_HDLC_H

#include <stdbool.h>

#include "meters/reading.h"
#include "meters/trace.h"

#define MT_HDLC_FLAG 0x7Eu
#define MT_HDLC_BYTES_MAX (2047u + 2u) /**< Of one frame with its flags. */

/** One frame. */
struct mt_hdlc {
    const uint8_t *info; /**< Borrowed; NULL without information. */
    size_t info_len;
    size_t len;       /**< From flag to flag, both included. */
    bool has_more;    /**< Segmentation bit: the information goes on in the next frame. */
    uint8_t head_len; /**< From the flag to the control byte, both included. */
    uint8_t control;  /**< 03 or 13: unnumbered information. */
};

/** Does a frame begin at bytes[0]?
 *
 *  Returns: MT_OK; MT_NEED_MORE; MT_BAD_CHECKSUM (all but that is right); MT_NOT_FOUND.
 *  Out:     *frame; void unless MT_OK.
 */
enum mt_status mt_hdlc_probe(struct mt_hdlc *frame, const uint8_t *bytes, size_t len);

/** Name the fields before the information. */
void mt_hdlc_tell_head(struct mt_trace *trace, const struct mt_hdlc *frame, const uint8_t *bytes);

/** Put the information that was written at out + MT_HDLC_HEAD into one frame, with a meter's
 *  addresses. Returns its bytes. There must be room for MT_HDLC_TAIL bytes behind it. */
size_t mt_hdlc_wrap(uint8_t *out, size_t info_len);

#define MT_HDLC_HEAD 9u /**< Flag, format, addresses of one and two bytes, control, HCS. */
#define MT_HDLC_TAIL 3u /**< FCS, flag. */

#endif
