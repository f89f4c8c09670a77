/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Finding frames that start with 68H among noise. For this folder only.
 *
 *  Line noise, preambles, the device prefixes of data terminals and the torn halves of other frames
 *  may stand before, between and behind frames, and may hold 68H themselves. So every 68H is tried
 *  until one begins a whole frame. Work is bounded by bytes times the longest frame.
 */
#ifndef METERS_FRAME_SCAN_H
#define METERS_FRAME_SCAN_H

#include "meters/registry.h"

#define MT_FRAME_START 0x68u
#define MT_FRAME_END 0x16u

/** Does a frame begin at bytes[0], which is 68H?
 *
 *  Returns: MT_OK with *frame_len; MT_NEED_MORE; MT_BAD_CHECKSUM (all but that is right);
 *           MT_NOT_FOUND.
 */
typedef enum mt_status mt_frame_probe(size_t *frame_len, const uint8_t *bytes, size_t len);

/** Find the first whole frame.
 *
 *  Returns: MT_OK; MT_NEED_MORE when there is none, but one may have begun; MT_BAD_CHECKSUM;
 *           MT_NOT_FOUND.
 *  Out:     *start, *frame_len (0 unless MT_OK). Without any frame *start is the input's end.
 */
MT_MUST_USE enum mt_status mt_frame_scan(size_t *start, size_t *frame_len,
                                         const struct mt_input *input, mt_frame_probe *probe);

/** Tell input->trace, when there is one, what stands before the frame that a scan found; and when it
 *  found none, why. In: start and status as the scan gave them.
 */
void mt_frame_trace_before(const struct mt_input *input, size_t start, enum mt_status status,
                           mt_frame_probe *probe);

#endif
