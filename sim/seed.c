/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chance that repeats. */
#include "sim/seed.h"

#include "meters/check.h"

#define GOLDEN 0x9E3779B97F4A7C15u

/* The finisher of SplitMix64 (Steele, Lea, Flood 2014): every bit in changes half of the bits out. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t sim_hash(uint64_t seed, uint32_t what, uint64_t a, uint64_t b)
{
    uint64_t z = mix(seed + GOLDEN);
    z = mix(z ^ (what + 1) * GOLDEN);
    z = mix(z ^ (a + 1) * 0xD6E8FEB86659FD93u);
    return mix(z ^ (b + 1) * 0xCA5A826395121157u);
}

int64_t sim_between(uint64_t bits, int64_t low, int64_t high)
{
    MT_CHECK(low <= high);
    uint64_t span = (uint64_t)(high - low) + 1;
    /* The high part of the product spreads the bits over the span; the bias is below 2^-32 here. */
    return low + (int64_t)((unsigned __int128)bits * span >> 64);
}

int sim_chance(uint64_t bits, uint32_t parts_ppm)
{
    return sim_between(bits, 0, 999999) < (int64_t)parts_ppm;
}

uint64_t sim_random_next(struct sim_random *random)
{
    random->state += GOLDEN;
    return mix(random->state);
}
