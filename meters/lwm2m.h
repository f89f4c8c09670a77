/* SPDX-License-Identifier: GPL-3.0-or-later */
/** LwM2M: resources of meter objects, in TLV, JSON or text (OMA-TS-LightweightM2M 1.0.2, clause 6.4;
 *  Core 1.1, clause 7.4). SenML of version 1.1 is meters/senml_frame.h.
 *
 *      TLV   (11542)  type, id, length, value; input->path says of which object
 *      JSON  (11543)  {"bn":"/3424/0/","e":[{"n":"1","v":12.5}],"bt":..}
 *      text  (0)      12.5, and input->path "/3424/0/1"
 *
 *  Objects are those of OMA's registry: 3424 water, 3423 gas, 3421 and 3422 electricity, 3305 and
 *  3331 energy, 10242 and 10243 power, 10257 heat, with 3 and 3411 for clock and battery. Others are
 *  MT_UNSUPPORTED. The total is the object's cumulative register; of several at several times the
 *  newest; 3422, all phases, goes before 3421. Where instances or objects each have one, none is the
 *  total: who says which meter is meant? Instance 0 alone makes a reading. Values carry their instance
 *  as their subunit.
 *
 *  Floats are taken apart in integers: the shortest decimal of six places that they are the nearest
 *  float to, else rounded there. A float that is no number refuses the frame.
 */
#ifndef METERS_LWM2M_H
#define METERS_LWM2M_H

#include "meters/registry.h"

/** For the registry: struct mt_protocol says what they return. TLV and text are recognised by their
 *  path only; without one they are MT_NOT_FOUND. The bytes are one message, whole. */
enum mt_status mt_lwm2m_find(size_t *start, const struct mt_input *input);
enum mt_status mt_lwm2m_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);
/** JSON of instance 0 of 3424, 3423, 3421 or 10257 by the medium. Number and bands are not carried;
 *  times are whole seconds: MT_BAD_RANGE for one that is none. */
enum mt_status mt_lwm2m_build(uint8_t *out, size_t *out_len, size_t out_max,
                              const struct mt_sending *sending);

#endif
