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
    /* The gateway read its clock within the round trip and cut it to the second, so now it is between these
     * two. The clock moves no further than into there: to the middle would be a guess that can make a
     * good clock worse by half of a slow round trip. */
    int64_t low_us = sample->gateway_us;
    int64_t high_us = sample->gateway_us + FW_US_PER_S + round_us;
    int64_t time_us = low_us + (high_us - low_us) / 2;
    if (clock->known) {
        time_us = fw_clock_time(clock, sample->now_up_us);
        time_us = time_us < low_us ? low_us : time_us;
        time_us = time_us > high_us ? high_us : time_us;
    }
    bool moved = !clock->known || time_us != fw_clock_time(clock, sample->now_up_us);
    clock->offset_us = time_us - sample->now_up_us;
    clock->known = true;
    clock->vouched_up_us = sample->now_up_us;
    return moved;
}
