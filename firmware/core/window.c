/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters taken from the gateway. */
#include "firmware/core/window.h"

#include <stddef.h>

void fw_window_init(struct fw_window *window, uint64_t highest)
{
    MT_CHECK(window != NULL);
    window->highest = highest;
    window->taken = UINT64_MAX;
}

bool fw_window_fresh(const struct fw_window *window, uint64_t counter)
{
    MT_CHECK(window != NULL);
    if (counter > window->highest) {
        return true;
    }
    uint64_t age = window->highest - counter;
    return age < FW_WINDOW_BITS && (window->taken >> age & 1) == 0;
}

void fw_window_take(struct fw_window *window, uint64_t counter)
{
    MT_CHECK(fw_window_fresh(window, counter));
    if (counter <= window->highest) {
        window->taken |= 1ull << (window->highest - counter);
        return;
    }
    uint64_t ahead = counter - window->highest;
    window->taken = ahead < FW_WINDOW_BITS ? window->taken << ahead : 0;
    window->taken |= 1;
    window->highest = counter;
}
