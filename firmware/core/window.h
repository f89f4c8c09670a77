/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which of the gateway's message counters were taken already.
 *
 *  Messages may overtake each other on the way, so the newest 64 counters are remembered one by one
 *  (the method of RFC 6479); whatever is older is taken for a replay. Only the highest survives a
 *  power cut: after it, nothing up to that one is taken again.
 */
#ifndef FIRMWARE_CORE_WINDOW_H
#define FIRMWARE_CORE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "meters/check.h"

#define FW_WINDOW_BITS 64u

struct fw_window {
    uint64_t highest; /**< Highest counter taken. */
    uint64_t taken;   /**< Bit i: counter highest - i was taken. */
};

/** Everything up to and including highest counts as taken. */
void fw_window_init(struct fw_window *window, uint64_t highest);

/** True when the counter was not taken before and is not too old. Changes nothing. */
bool fw_window_fresh(const struct fw_window *window, uint64_t counter);

/** Take a fresh counter. Only for authentic messages. */
void fw_window_take(struct fw_window *window, uint64_t counter);

#endif
