/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a meter's hot state holds in fewer bytes, as the structs that rules work with. Private to the
 *  core. Every bound that a packed field needs is kept where the value comes in; here it is checked.
 */
#ifndef GATEWAY_CORE_PACK_H
#define GATEWAY_CORE_PACK_H

#include "gateway/core/apply.h"

/** Newest reading, usage and terms of a meter. */
void gw_work_unpack(struct gw_work *work, const struct gw_meter *meter);
/** Keep what a message made of them; the terms stay as they are. */
void gw_work_pack(struct gw_meter *meter, const struct gw_work *work);

void gw_terms_unpack(struct gw_terms *terms, const struct gw_meter *meter);
void gw_terms_pack(struct gw_meter *meter, const struct gw_terms *terms);

void gw_reading_unpack(struct mt_reading *reading, const struct gw_packed_reading *packed);

/** Who the meter is, from its name. There must be a meter. */
void gw_identity_unpack(struct mt_identity *identity, const struct gw_meter *meter);
void gw_identity_pack(struct gw_meter *meter, const struct mt_identity *identity);

#endif
