/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How long things took: counts in buckets that widen by a sixteenth, from a microsecond to an hour. */
#ifndef SIM_HISTOGRAM_H
#define SIM_HISTOGRAM_H

#include <stdint.h>

#define SIM_HISTOGRAM_BUCKETS 512u

struct sim_histogram {
    uint64_t count;
    int64_t max_us;
    uint64_t buckets[SIM_HISTOGRAM_BUCKETS];
};

void sim_histogram_add(struct sim_histogram *histogram, int64_t took_us);

/** The time that so many of 1,000 do not exceed, to a sixteenth; 0 when nothing was counted. */
int64_t sim_histogram_at(const struct sim_histogram *histogram, uint32_t per_mille);

#endif
