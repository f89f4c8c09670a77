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
 *  Returns: MT_OK with *frame_len; MT_NEED_MORE; MT_BAD_CHECKSUM (all but that is right), with
 *           *frame_len too; MT_NOT_FOUND.
 */
typedef enum mt_status mt_frame_probe(size_t *frame_len, const uint8_t *bytes, size_t len);

/** The end of a probe: is a frame of `whole` bytes there, with its end mark and its sum of the bytes
 *  from sum_from on? Returns as a probe. */
MT_MUST_USE enum mt_status mt_frame_check(size_t *frame_len, const uint8_t *bytes, size_t len,
                                          size_t whole, size_t sum_from);

/** Find the first whole frame.
 *
 *  A broken frame that reaches to the input's end is one: bytes of it that look like the beginning of
 *  another are its own. Behind one that does not, another may have begun.
 *
 *  Returns: MT_OK; MT_NEED_MORE when there is none, but one may have begun; MT_BAD_CHECKSUM;
 *           MT_NOT_FOUND.
 *  Out:     *start  of the frame, of what may be one, of the first that is broken; else the end.
 *           *frame_len  from there, bytes that are done with: those of the frame; none of what may be
 *                       one; all to the input's end of a broken one.
 */
MT_MUST_USE enum mt_status mt_frame_scan(size_t *start, size_t *frame_len,
                                         const struct mt_input *input, mt_frame_probe *probe);

/** What a decoder begins with: mt_frame_scan(), told to the trace. Returns as it.
 *
 *  Out: *frame, *frame_len  on MT_OK; *used  bytes that are done with.
 */
MT_MUST_USE enum mt_status mt_frame_first(const uint8_t **frame, size_t *frame_len, size_t *used,
                                          const struct mt_input *input, mt_frame_probe *probe);

/** Tell input->trace, when there is one, what stands before the frame that a scan found; and when it
 *  found none, why. In: start and status as the scan gave them.
 */
void mt_frame_trace_before(const struct mt_input *input, size_t start, enum mt_status status);

#endif
