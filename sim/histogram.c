/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log-linear buckets: 16 for each power of two. */
#include "sim/histogram.h"

#include <stddef.h>

#include "meters/check.h"

#define PER_OCTAVE 16u

static uint32_t bucket_of(uint64_t us)
{
    if (us < PER_OCTAVE) {
        return (uint32_t)us;
    }
    uint32_t shift = 59u - (uint32_t)__builtin_clzll(us); /* leaves five bits, the highest set */
    uint32_t bucket = PER_OCTAVE * (shift + 1) + ((uint32_t)(us >> shift) - PER_OCTAVE);
    return bucket < SIM_HISTOGRAM_BUCKETS ? bucket : SIM_HISTOGRAM_BUCKETS - 1;
}

/* The largest value of a bucket. */
static int64_t bucket_end_us(uint32_t bucket)
{
    if (bucket < PER_OCTAVE) {
        return (int64_t)bucket;
    }
    uint32_t shift = bucket / PER_OCTAVE - 1;
    return (int64_t)(((uint64_t)(PER_OCTAVE + bucket % PER_OCTAVE + 1) << shift) - 1);
}

void sim_histogram_add(struct sim_histogram *histogram, int64_t took_us)
{
    MT_CHECK(histogram != NULL);
    int64_t us = took_us > 0 ? took_us : 0;
    histogram->count++;
    histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
    histogram->buckets[bucket_of((uint64_t)us)]++;
}

int64_t sim_histogram_at(const struct sim_histogram *histogram, uint32_t per_mille)
{
    MT_CHECK(histogram != NULL && per_mille <= 1000);
    uint64_t wanted = (histogram->count * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < SIM_HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted) {
            int64_t end_us = bucket_end_us(i);
            return end_us < histogram->max_us ? end_us : histogram->max_us;
        }
    }
    return 0;
}
