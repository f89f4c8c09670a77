/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Chance that repeats: numbers that follow from a seed and from what they are for, and nothing else.
 *
 *  sim_hash answers the same for the same question, in any order and on any machine, so that a reading
 *  never depends on what the network did. sim_random draws one after the other, for the radio, where
 *  order is all there is.
 */
#ifndef SIM_SEED_H
#define SIM_SEED_H

#include <stdint.h>

/** 64 well mixed bits for (seed, what, a, b). `what` keeps questions apart. */
uint64_t sim_hash(uint64_t seed, uint32_t what, uint64_t a, uint64_t b);

/** A number of [low, high], equally likely ones, from mixed bits. low <= high. */
int64_t sim_between(uint64_t bits, int64_t low, int64_t high);

/** True with `parts` chances of a million. */
int sim_chance(uint64_t bits, uint32_t parts_ppm);

struct sim_random {
    uint64_t state;
};

/** The next 64 bits. */
uint64_t sim_random_next(struct sim_random *random);

#endif
