/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's time of day. */
#include "firmware/core/clock.h"

#include <stddef.h>

#include "firmware/core/limits.h"

void fw_clock_init(struct fw_clock *clock, int64_t round_us_max, int64_t trust_us)
{
    MT_CHECK(clock != NULL);
    MT_CHECK(round_us_max > 0);
    MT_CHECK(trust_us > 0);
    *clock = (struct fw_clock){.round_us_max = round_us_max, .trust_us = trust_us};
}

void fw_clock_set(struct fw_clock *clock, int64_t time_us, int64_t up_us)
{
    MT_CHECK(clock != NULL);
    MT_CHECK(time_us >= 0);
    clock->known = true;
    clock->offset_us = time_us - up_us;
    clock->vouched_up_us = up_us;
}

int64_t fw_clock_time(const struct fw_clock *clock, int64_t up_us)
{
    MT_CHECK(clock != NULL && clock->known);
    int64_t time_us = up_us + clock->offset_us;
    return time_us > 0 ? time_us : 0;
}

bool fw_clock_doubtful(const struct fw_clock *clock, int64_t up_us)
{
    MT_CHECK(clock != NULL);
    return !clock->known || up_us - clock->vouched_up_us > clock->trust_us;
}

bool fw_clock_correct(struct fw_clock *clock, const struct fw_clock_sample *sample)
{
    MT_CHECK(clock != NULL && sample != NULL);
    int64_t round_us = sample->now_up_us - sample->sent_up_us;
    if (sample->gateway_us <= 0 || round_us < 0 || round_us > clock->round_us_max) {
        return false;
    }
    /* The gateway read its clock within the round trip and cut it to the second: the best guess is the
     * middle of both, and the truth is at most this far from it. */
    int64_t doubt_us = round_us / 2 + FW_US_PER_S / 2;
    int64_t truth_us = sample->gateway_us + FW_US_PER_S / 2 + round_us / 2;
    int64_t error_us = clock->known ? fw_clock_time(clock, sample->now_up_us) - truth_us : 0;
    bool moved = !clock->known || error_us > doubt_us || error_us < -doubt_us;
    if (moved) {
        clock->offset_us = truth_us - sample->now_up_us;
    }
    clock->known = true;
    clock->vouched_up_us = sample->now_up_us;
    return moved;
}
