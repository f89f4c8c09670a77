/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The registers that a DL/T 645-2007 meter froze at midnight (table A.6, daily freeze), by two questions:
 *  when, and what. Together they are a reading with the meter's own moment: what a bill's days are cut by,
 *  also when the line was dead at that hour.
 */
#ifndef GATEWAY_ADAPTERS_POLL_FREEZE_H
#define GATEWAY_ADAPTERS_POLL_FREEZE_H

#include "meters/registry.h"

#define GW_FREEZE_TIME 0x05060001u   /**< Data identifier: moment of the newest daily freeze. */
#define GW_FREEZE_ENERGY 0x05060101u /**< Its forward active energy, with the tariffs. */

/** Read the moment out of an answer's bytes, preamble or not, as the decoder has found it whole.
 *  Returns false when it is none, or the meter never froze. */
MT_MUST_USE bool gw_freeze_time(int64_t *time_us, const uint8_t *answer, size_t len);

/** Read the registers out of a decoded answer. Returns false when they are not there. Out: *reading without
 *  its time. */
MT_MUST_USE bool gw_freeze_registers(struct mt_reading *reading, const struct mt_frame *frame);

#endif
