/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Third-party SenML (RFC 8428, units also RFC 8798) as a frame: JSON, or CBOR by its first byte.
 *
 *  Every record with a value is a value of the frame, in the pack's order, base fields applied; texts,
 *  booleans and data are left aside. The total is never guessed from a unit: it is the register named
 *  1.8.0 (Wh), 1.0.0 (m3 or l; Wh of heat) or 3.0.0 (gas), as in meters/message.h; or a resource of
 *  a meter object, where names are LwM2M's paths (meters/lwm2m.h); or the sum over time, "s" (RFC
 *  8428, 4.3), of a flow in m3/s or l/s, whose medium is not known. Of several times the newest is the
 *  total. Where two devices or two registers could be it, there is none.
 *
 *  The meter's number is the last part of the base name, where it may be one. Times relative to "now"
 *  are left out: who decodes later does not know when that was.
 */
#ifndef METERS_SENML_FRAME_H
#define METERS_SENML_FRAME_H

#include "meters/registry.h"

/** For the registry: struct mt_protocol says what they return. The bytes are one pack, whole. */
enum mt_status mt_senml_find(size_t *start, const struct mt_input *input);
enum mt_status mt_senml_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);
/** CBOR. The number is the base name; MT_BAD_RANGE for a time before 2^28 s, which SenML takes for a
 *  relative one. */
enum mt_status mt_senml_build(uint8_t *out, size_t *out_len, size_t out_max,
                              const struct mt_sending *sending);

#endif
