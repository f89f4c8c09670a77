/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The one clock of a program: real time, or simulated time shared through a small file.
 *
 *  Gateway, operator and fleet that are given the same clock file agree on the time without talking:
 *
 *      simulated = origin_sim_us + (real - origin_real_us) x speed
 *
 *  where real is this machine's CLOCK_REALTIME, so the file survives a reboot. The file is text, one
 *  `name value` a line, and is read once, at open.
 *
 *  The clock never goes back within a process. The machine's clock is followed where it is slewed or
 *  set by up to GW_CLOCK_STEP_MAX_US; a longer step, ahead or back, is not believed: from there on time
 *  is counted by CLOCK_BOOTTIME, which nobody sets, until the machine's clock is back within those
 *  minutes, the step is accepted, or the process starts anew. A store whose newest block is of next
 *  year would take nothing until then.
 *
 *  Never: sleeps, sets a time, or reads the file again.
 */
#ifndef GATEWAY_ADAPTERS_CLOCK_H
#define GATEWAY_ADAPTERS_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/core/status.h"
#include "meters/check.h"

#define GW_CLOCK_SPEED_MAX 100000 /**< Simulated seconds of one real second; the least is 1. */
#define GW_CLOCK_STEP_MAX_US (5ll * 60 * 1000000) /**< A longer one has to be accepted. */
#define GW_CLOCK_ERROR_BYTES 512u /**< Room for a sentence that says what is wrong with a file. */

/** A clock. Fields are private to clock.c, except that `speed` may be read. */
struct gw_clock {
    int64_t origin_real_us;
    int64_t origin_sim_us;
    int32_t speed;             /**< Simulated time per real time: 1 for the real clock. */
    _Atomic int64_t last_us;   /**< The latest time that was told. */
    _Atomic int64_t steady_us; /**< Real time minus the steady one, as last believed. */
    _Atomic int64_t step_us;   /**< By how much the machine's clock is off that, or 0. */
};

/** Open a clock.
 *
 *  Returns: GW_OK; GW_IO (the file cannot be read) or GW_INVALID (it is no clock file), and then
 *           *clock is untouched.
 *  Out:     error   when not NULL, and only on failure: a sentence for people.
 *  In:      path    the clock file, or NULL for real time.
 */
MT_MUST_USE enum gw_status gw_clock_open(struct gw_clock *clock, char error[GW_CLOCK_ERROR_BYTES],
                                         const char *path);

/** Now, in microseconds since 1970 UTC. Never less than an earlier answer. Any thread may ask. */
int64_t gw_clock_now_us(struct gw_clock *clock);

/** Now, as gw_clock_now_us but for the last rule: it goes back where the machine's clock does. */
int64_t gw_clock_look_us(struct gw_clock *clock);

/** How far the machine's clock has stepped and is not believed: real microseconds, ahead is positive;
 *  0 when it is followed. As of the last time that was told. Any thread.
 */
int64_t gw_clock_step_us(struct gw_clock *clock);

/** Believe the machine's clock, whatever it says. Any thread. */
void gw_clock_accept(struct gw_clock *clock);

/** The clock's time at a real time: the pure rule behind gw_clock_now_us. At least 0; saturates at
 *  the end of the year 9999.
 */
int64_t gw_clock_at_us(const struct gw_clock *clock, int64_t real_us);

/** The real time, in microseconds rounded up, that a span of the clock's time takes: what to hand to
 *  poll() or a timer. 0 for a span that is not positive.
 */
int64_t gw_clock_real_span_us(const struct gw_clock *clock, int64_t span_us);

/** Make or replace a clock file: simulated time starts now, at start_us, and runs at speed. The file
 *  appears whole or not at all.
 *
 *  Returns: GW_OK; GW_INVALID (speed outside 1..GW_CLOCK_SPEED_MAX, start_us outside the years
 *           1970-9999); GW_IO (not written).
 */
MT_MUST_USE enum gw_status gw_clock_write(const char *path, int64_t start_us, int32_t speed);

#endif
