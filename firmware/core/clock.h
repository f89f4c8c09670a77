/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meter's idea of the time of day.
 *
 *      time = uptime + offset
 *
 *  The offset comes from the battery-backed clock at boot and from the gateway's receipts after that. A
 *  receipt is good for the time only when it answers a message that left once, a short while ago: then
 *  the gateway's clock was read somewhere in that while, and the meter's is moved into that while, no
 *  further. So a receipt that was held back or played back moves a good clock by little or not at all.
 */
#ifndef FIRMWARE_CORE_CLOCK_H
#define FIRMWARE_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "meters/check.h"

struct fw_clock {
    bool known; /**< The offset is good for something. */
    int64_t offset_us;
    int64_t vouched_up_us; /**< Uptime at which it was last set or confirmed; valid when known. */
    int64_t round_us_max;  /**< Longest round trip whose receipt may set the time, > 0. */
    int64_t trust_us;      /**< How long the clock is good without being confirmed, > 0. */
};

/** Start with no idea of the time. */
void fw_clock_init(struct fw_clock *clock, int64_t round_us_max, int64_t trust_us);

/** Take the time of the battery-backed clock, read at uptime up_us. */
void fw_clock_set(struct fw_clock *clock, int64_t time_us, int64_t up_us);

/** The time at uptime up_us; the clock is known. Never negative. */
int64_t fw_clock_time(const struct fw_clock *clock, int64_t up_us);

/** True when a reading should carry MT_FLAG_CLOCK_DOUBT: not known, or not confirmed for long. */
bool fw_clock_doubtful(const struct fw_clock *clock, int64_t up_us);

/** A gateway's time as a receipt brings it. */
struct fw_clock_sample {
    int64_t gateway_us; /**< Whole seconds, cut. */
    int64_t sent_up_us; /**< Uptime when the message left for the last time. */
    int64_t now_up_us;  /**< Uptime when the receipt came. */
};

/** Correct the clock when the sample proves it wrong by more than it can be itself.
 *
 *  Returns: true when the offset moved; the clock is known by then.
 *           false also for a sample that is of no use.
 */
bool fw_clock_correct(struct fw_clock *clock, const struct fw_clock_sample *sample);

#endif
