/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a protocol's builder makes, its decoder reads back: five hundred readings, the seed printed. */
#ifndef TESTS_SUPPORT_ROUND_TRIP_H
#define TESTS_SUPPORT_ROUND_TRIP_H

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "meters/registry.h"
#include "tests/support/guard_page.h"

#define ROUND_TRIP_SEED 20261123u

/** What the protocol can carry. */
struct round_trip {
    const char *protocol;
    struct mt_sending sending; /**< Identity, key and first counter; readings are made up. */
    int64_t total_max;         /**< Largest register, in Wh or ml. */
    int64_t step;              /**< The protocol's resolution, in Wh or ml. */
    bool has_bands, has_time;
};

static inline void expect_round_trip(const struct round_trip *t)
{
    static uint8_t bytes[8192];
    static struct mt_frame frame;
    const struct mt_protocol *protocol = mt_protocol_find(t->protocol, strlen(t->protocol));
    CU_ASSERT_PTR_NOT_NULL_FATAL(protocol);
    uint64_t state = ROUND_TRIP_SEED;
    printf("    seed %llu\n", (unsigned long long)state);
    for (uint32_t i = 0; i < 500; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        struct mt_sending s = t->sending;
        struct mt_reading *r = &s.reading;
        s.counter += i;
        r->total = (int64_t)(state >> 20) % (t->total_max / t->step + 1) * t->step;
        r->band_mask = t->has_bands ? (uint8_t)(state >> 8 & 15u) : 0;
        for (uint32_t b = 0; b < MT_BANDS; b++) {
            r->band[b] =
                (r->band_mask & 1u << b) != 0 ? ((int64_t)(state >> b) & 0xffff) * t->step : 0;
        }
        r->time_us = t->has_time ? (1600000000 + (int64_t)(state >> 34) % 800000000) * 1000000 : 0;
        size_t len;
        size_t used;
        CU_ASSERT_EQUAL_FATAL(protocol->build(bytes, &len, sizeof(bytes), &s), MT_OK);
        struct mt_input input = {
            .bytes = guard_end(bytes, len), .len = len, .key = s.key, .key_len = s.key_len};
        CU_ASSERT_EQUAL_FATAL(mt_decode(&frame, &used, protocol, &input), MT_OK);
        CU_ASSERT_TRUE_FATAL(frame.has_reading);
        CU_ASSERT_EQUAL(frame.reading.total, r->total);
        CU_ASSERT_EQUAL(frame.reading.time_us, r->time_us);
        CU_ASSERT_EQUAL(frame.reading.band_mask, r->band_mask);
        CU_ASSERT_EQUAL(memcmp(frame.reading.band, r->band, sizeof(r->band)), 0);
        CU_ASSERT_STRING_EQUAL(frame.identity.number, s.identity.number);
        for (size_t cut = 0; i == 0 && cut < len; cut++) {
            CU_ASSERT_EQUAL(protocol->build(bytes, &len, cut, &s), MT_TOO_LARGE);
        }
    }
}

/** The same for a protocol in text, with the refusals that its builders share: registers of more than
 *  nine digits of Wh, and media that have no code there. */
static inline void expect_text_round_trip(const char *protocol, const char *number)
{
    struct round_trip t = {.protocol = protocol,
                           .sending = {.identity = {.medium = MT_POWER, .maker = "MTP"}},
                           .total_max = 999999999,
                           .step = 1,
                           .has_bands = true,
                           .has_time = true};
    strcpy(t.sending.identity.number, number);
    expect_round_trip(&t);
    uint8_t bytes[1024];
    size_t len;
    struct mt_sending s = t.sending;
    const struct mt_protocol *p = mt_protocol_find(protocol, strlen(protocol));
    s.reading = (struct mt_reading){.total = 1000000000, .time_us = 1600000000000000};
    CU_ASSERT_EQUAL(p->build(bytes, &len, sizeof(bytes), &s), MT_BAD_RANGE);
    s.identity.medium = MT_WATER;
    CU_ASSERT_EQUAL(p->build(bytes, &len, sizeof(bytes), &s), MT_UNSUPPORTED);
}

#endif
