/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/stretch.h"

/* Band registers are cut off at their last digit, so four of them may differ from the total by this. */
#define BAND_SLACK_UNITS 100

int64_t gw_register_step(int64_t from, int64_t to, int64_t width)
{
    if (to >= from) {
        return to - from;
    }
    return width > 0 && from < width ? width - from + to : -1;
}

static bool bands_step(struct gw_interval *interval, const struct mt_reading *from,
                       const struct mt_reading *to, int64_t width)
{
    int64_t sum = 0;
    for (uint32_t b = 0; b < GW_BANDS; b++) {
        int64_t step = gw_register_step(from->band[b], to->band[b], width);
        if (step < 0) {
            return false;
        }
        interval->band_units[b] = step;
        sum += step;
    }
    int64_t off = sum - interval->units;
    return off <= BAND_SLACK_UNITS && off >= -BAND_SLACK_UNITS;
}

struct gw_interval gw_stretch(int64_t register_width, const struct mt_reading *from,
                              const struct mt_reading *to, uint8_t to_verdict, int8_t sign)
{
    const uint8_t all = (1u << GW_BANDS) - 1u;
    struct gw_interval interval = {
        .from_us = from->time_us,
        .to_us = to->time_us,
        .units = gw_register_step(from->total, to->total, register_width),
        .doubtful = to_verdict == GW_ACCEPTED_DOUBTFUL,
        .sign = sign,
    };
    interval.has_bands = from->band_mask == all && to->band_mask == all &&
                         bands_step(&interval, from, to, register_width);
    return interval;
}
