/* SPDX-License-Identifier: GPL-3.0-or-later */
/** From two registers to what was used between them: one rule for intake and for bills. Pure. */
#ifndef GATEWAY_CORE_STRETCH_H
#define GATEWAY_CORE_STRETCH_H

#include "gateway/core/usage.h"
#include "gateway/core/verdict.h"
#include "meters/reading.h"

/** What a register moved. width: it restarts at 0 after width - 1; 0: not known.
 *
 *  Returns: Wh or ml; below zero when it went down and no width explains it.
 */
int64_t gw_register_step(int64_t from, int64_t to, int64_t width);

/** The stretch between two accepted readings of one meter, from->time_us < to->time_us.
 *
 *  In:      to_verdict  the later one's: a doubtful time is billed at the lowest band.
 *           sign        +1 to add, -1 to take away.
 *  Returns: the interval; its units are below zero as gw_register_step says. It has bands when all band
 *           registers are there, none went down, and they agree with the total.
 */
struct gw_interval gw_stretch(int64_t register_width, const struct mt_reading *from,
                              const struct mt_reading *to, uint8_t to_verdict, int8_t sign);

#endif
