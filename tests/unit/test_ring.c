/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The ring between two threads: what it holds, when it is full, and that no wake-up is lost.
 *
 *  Built twice: with the other tests' sanitizers, and with the thread sanitizer.
 */
#include "gateway/adapters/ring.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "tests/support/unit.h"

/* A sleep that is not ended within this was not rung: far above any scheduling delay. */
#define LOST_WAKE_MS 20000

static _Alignas(8) uint8_t memory[1u << 16];

static void put(struct gw_ring *ring, const char *text)
{
    CU_ASSERT_TRUE_FATAL(gw_ring_push(ring, text, strlen(text)));
}

static void expect(struct gw_ring *ring, const char *text)
{
    size_t len = 0;
    const uint8_t *record = gw_ring_peek(ring, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    CU_ASSERT_EQUAL_FATAL(len, strlen(text));
    CU_ASSERT_EQUAL((uintptr_t)record % 8, 0);
    CU_ASSERT_EQUAL(memcmp(record, text, len), 0);
    gw_ring_release(ring);
}

static bool nothing(struct gw_ring *ring)
{
    size_t len = 77;
    const uint8_t *record = gw_ring_peek(ring, &len);
    return record == NULL && len == 77 && gw_ring_empty(ring) && gw_ring_used_bytes(ring) == 0;
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

/* ---- one thread ------------------------------------------------------------------------------- */

static void records_come_out_as_they_went_in(void)
{
    struct gw_ring ring;
    gw_ring_init(&ring, memory, 256, NULL, NULL);
    CU_ASSERT_TRUE(nothing(&ring));
    put(&ring, "one");
    put(&ring, "");
    put(&ring, "sixteen bytes...");
    CU_ASSERT_FALSE(gw_ring_empty(&ring));
    CU_ASSERT_EQUAL(gw_ring_used_bytes(&ring), (8 + 8) + (8 + 0) + (8 + 16));
    expect(&ring, "one");
    expect(&ring, "");
    expect(&ring, "sixteen bytes...");
    CU_ASSERT_TRUE(nothing(&ring));
}

static void peeking_twice_gives_the_same_record(void)
{
    struct gw_ring ring;
    size_t len = 0;
    gw_ring_init(&ring, memory, 256, NULL, NULL);
    put(&ring, "first");
    put(&ring, "second");
    const uint8_t *record = gw_ring_peek(&ring, &len);
    CU_ASSERT_PTR_EQUAL(gw_ring_peek(&ring, &len), record);
    CU_ASSERT_EQUAL(len, 5);
    gw_ring_release(&ring);
    expect(&ring, "second");
}

static void what_is_reserved_is_not_seen_before_the_commit(void)
{
    struct gw_ring ring;
    gw_ring_init(&ring, memory, 256, NULL, NULL);
    uint8_t *record = gw_ring_reserve(&ring, 100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    memcpy(record, "short", 5);
    CU_ASSERT_TRUE(nothing(&ring));
    gw_ring_commit(&ring, 5);
    CU_ASSERT_EQUAL(gw_ring_used_bytes(&ring), 16); /* the rest was given back */
    expect(&ring, "short");
}

static void a_reservation_given_up_leaves_no_trace(void)
{
    struct gw_ring ring;
    gw_ring_init(&ring, memory, 64, NULL, NULL);
    put(&ring, "sixteen bytes...");
    put(&ring, "eightby.");
    expect(&ring, "sixteen bytes...");
    /* 40 of 64 are behind the head: this one wraps, marks the end as skipped, and is given up. */
    CU_ASSERT_PTR_NOT_NULL(gw_ring_reserve(&ring, 20 - 8));
    put(&ring, "abc");
    expect(&ring, "eightby.");
    expect(&ring, "abc");
    CU_ASSERT_TRUE(nothing(&ring));
}

static void a_full_ring_refuses_and_keeps_what_it_has(void)
{
    struct gw_ring ring;
    gw_ring_init(&ring, memory, 64, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        put(&ring, "eightby.");
    }
    CU_ASSERT_EQUAL(gw_ring_used_bytes(&ring), 64);
    CU_ASSERT_FALSE(gw_ring_push(&ring, "", 0));
    CU_ASSERT_PTR_NULL(gw_ring_reserve(&ring, 1));
    expect(&ring, "eightby.");
    CU_ASSERT_FALSE(gw_ring_push(&ring, "nine byte", 9));
    put(&ring, "8 bytes.");
    for (int i = 0; i < 3; i++) {
        expect(&ring, "eightby.");
    }
    expect(&ring, "8 bytes.");
    CU_ASSERT_TRUE(nothing(&ring));
}

static void the_longest_record_fits_an_empty_ring_wherever_its_ends_stand(void)
{
    static const uint8_t zeros[64];
    for (size_t shift = 0; shift < 128; shift += 8) {
        struct gw_ring ring;
        size_t len = 0;
        gw_ring_init(&ring, memory, 128, NULL, NULL);
        CU_ASSERT_EQUAL_FATAL(gw_ring_record_max(&ring), 56);
        for (size_t moved = 0; moved < shift; moved += 8) {
            CU_ASSERT_TRUE(gw_ring_push(&ring, zeros, 0));
            CU_ASSERT_PTR_NOT_NULL(gw_ring_peek(&ring, &len));
            gw_ring_release(&ring);
        }
        CU_ASSERT_TRUE(gw_ring_push(&ring, zeros, 56));
        CU_ASSERT_PTR_NOT_NULL(gw_ring_peek(&ring, &len));
        CU_ASSERT_EQUAL(len, 56);
        gw_ring_release(&ring);
        CU_ASSERT_TRUE(nothing(&ring));
    }
}

/* A small generator with a known sequence, so that both threads can foretell it (Marsaglia, 2003). */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Fill with what record number n must hold: its number first, then bytes that follow from it. */
static void fill(uint8_t *record, size_t len, uint32_t n)
{
    for (size_t i = 0; i < len; i++) {
        record[i] = (uint8_t)(n * 31u + (uint32_t)i);
    }
}

static bool filled_as(const uint8_t *record, size_t len, uint32_t n)
{
    for (size_t i = 0; i < len; i++) {
        if (record[i] != (uint8_t)(n * 31u + (uint32_t)i)) {
            return false;
        }
    }
    return true;
}

static void any_mix_of_lengths_behaves_as_a_queue(void)
{
    enum { STEPS = 200000, KEPT = 64 };
    struct gw_ring ring;
    size_t queue[KEPT]; /* the model: lengths of what must be inside */
    uint32_t put_count = 0, got_count = 0, refused = 0;
    uint32_t state = 2463534242u;
    gw_ring_init(&ring, memory, 512, NULL, NULL);
    for (int step = 0; step < STEPS; step++) {
        uint32_t r = next_random(&state);
        size_t len = (r >> 8) % 200;
        if ((r & 1) != 0 && put_count - got_count < KEPT) {
            uint8_t *record = gw_ring_reserve(&ring, len);
            if (record == NULL) {
                CU_ASSERT_FALSE(gw_ring_empty(&ring));
                refused++;
                continue;
            }
            fill(record, len, put_count);
            gw_ring_commit(&ring, len);
            queue[put_count++ % KEPT] = len;
        } else if (put_count > got_count) {
            const uint8_t *record = gw_ring_peek(&ring, &len);
            CU_ASSERT_PTR_NOT_NULL_FATAL(record);
            CU_ASSERT_EQUAL_FATAL(len, queue[got_count % KEPT]);
            CU_ASSERT_TRUE_FATAL(filled_as(record, len, got_count));
            gw_ring_release(&ring);
            got_count++;
        } else {
            CU_ASSERT_PTR_NULL_FATAL(gw_ring_peek(&ring, &len));
        }
    }
    CU_ASSERT_TRUE(put_count > 50000);
    CU_ASSERT_TRUE(refused > 1000);
}

/* ---- the bell --------------------------------------------------------------------------------- */

static void a_commit_rings_only_while_the_consumer_sleeps(void)
{
    struct gw_bell bell;
    struct gw_ring ring;
    CU_ASSERT_EQUAL_FATAL(gw_bell_init(&bell), GW_OK);
    gw_ring_init(&ring, memory, 256, &bell, NULL);
    put(&ring, "awake");
    CU_ASSERT_FALSE(readable(bell.fd, 0));
    gw_bell_arm(&bell);
    CU_ASSERT_FALSE(gw_ring_empty(&ring)); /* so it would not sleep */
    put(&ring, "asleep");
    CU_ASSERT_TRUE(readable(bell.fd, 0));
    put(&ring, "woken already");
    gw_bell_disarm(&bell);
    CU_ASSERT_FALSE(readable(bell.fd, 0));
    put(&ring, "awake again");
    CU_ASSERT_FALSE(readable(bell.fd, 0));
    gw_bell_deinit(&bell);
}

static void a_release_rings_only_while_the_producer_waits_for_room(void)
{
    struct gw_bell bell;
    struct gw_ring ring;
    CU_ASSERT_EQUAL_FATAL(gw_bell_init(&bell), GW_OK);
    gw_ring_init(&ring, memory, 64, NULL, &bell);
    put(&ring, "fills half of the ring..");
    put(&ring, "fills half of the ring..");
    CU_ASSERT_FALSE(gw_ring_push(&ring, "", 0));
    gw_bell_arm(&bell);
    CU_ASSERT_FALSE(gw_ring_push(&ring, "", 0));
    CU_ASSERT_FALSE(readable(bell.fd, 0));
    expect(&ring, "fills half of the ring..");
    CU_ASSERT_TRUE(readable(bell.fd, 0));
    gw_bell_disarm(&bell);
    expect(&ring, "fills half of the ring..");
    CU_ASSERT_FALSE(readable(bell.fd, 0));
    gw_bell_deinit(&bell);
}

/* ---- two threads ------------------------------------------------------------------------------ */

enum { RECORDS = 2000000, TRIPS = 30000, RACES = 100000 };

struct pair {
    struct gw_ring ring;   /* from the producer to the consumer */
    struct gw_ring back;   /* used by the ping-pong only */
    struct gw_bell filled; /* the consumer's */
    struct gw_bell room;   /* the producer's */
    uint32_t count;
    bool sleep; /* false: both sides spin */
    bool lost;  /* written by the producer, read after the join */
};

/* Returns false when nobody rang. */
static bool sleep_until(struct gw_bell *bell)
{
    return readable(bell->fd, LOST_WAKE_MS);
}

static uint8_t *reserve_waiting(struct pair *pair, size_t len)
{
    uint8_t *record = gw_ring_reserve(&pair->ring, len);
    while (record == NULL && !pair->lost) {
        if (!pair->sleep) {
            sched_yield(); /* the other side may need this processor */
            record = gw_ring_reserve(&pair->ring, len);
            continue;
        }
        gw_bell_arm(&pair->room);
        record = gw_ring_reserve(&pair->ring, len);
        if (record == NULL) {
            pair->lost = !sleep_until(&pair->room);
        }
        gw_bell_disarm(&pair->room);
    }
    return record;
}

static void *produce(void *arg)
{
    struct pair *pair = arg;
    uint32_t state = 2463534242u;
    for (uint32_t n = 0; n < pair->count; n++) {
        size_t len = next_random(&state) % 61;
        uint8_t *record = reserve_waiting(pair, len);
        if (record == NULL) {
            return NULL;
        }
        fill(record, len, n);
        gw_ring_commit(&pair->ring, len);
    }
    return NULL;
}

static const uint8_t *peek_waiting(struct gw_ring *ring, struct gw_bell *bell, bool sleep,
                                   size_t *len)
{
    const uint8_t *record = gw_ring_peek(ring, len);
    while (record == NULL) {
        bool woken = true;
        if (sleep) {
            gw_bell_arm(bell);
            if (gw_ring_empty(ring)) {
                woken = sleep_until(bell);
            }
            gw_bell_disarm(bell);
        } else {
            sched_yield();
        }
        record = gw_ring_peek(ring, len);
        if (record == NULL && !woken) {
            return NULL;
        }
    }
    return record;
}

/* Both sides foretell every length and byte: a record lost, doubled, torn or moved is found. */
static void run_pair(size_t ring_bytes, uint32_t count, bool sleep)
{
    static struct pair pair;
    pthread_t producer;
    uint32_t state = 2463534242u;
    bool good = true;
    memset(&pair, 0, sizeof pair);
    pair.count = count;
    pair.sleep = sleep;
    CU_ASSERT_EQUAL_FATAL(gw_bell_init(&pair.filled), GW_OK);
    CU_ASSERT_EQUAL_FATAL(gw_bell_init(&pair.room), GW_OK);
    gw_ring_init(&pair.ring, memory, ring_bytes, sleep ? &pair.filled : NULL,
                 sleep ? &pair.room : NULL);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&producer, NULL, produce, &pair), 0);
    for (uint32_t n = 0; n < count && good; n++) {
        size_t len = 0;
        const uint8_t *record = peek_waiting(&pair.ring, &pair.filled, sleep, &len);
        good = record != NULL && len == next_random(&state) % 61 && filled_as(record, len, n);
        if (record != NULL) {
            gw_ring_release(&pair.ring);
        }
    }
    CU_ASSERT_TRUE(good);
    CU_ASSERT_EQUAL(pthread_join(producer, NULL), 0);
    CU_ASSERT_FALSE(pair.lost);
    CU_ASSERT_TRUE(gw_ring_empty(&pair.ring));
    gw_bell_deinit(&pair.filled);
    gw_bell_deinit(&pair.room);
}

static void two_threads_pass_millions_of_records_through_a_ring_that_sleeps(void)
{
    run_pair(1u << 16, RECORDS, true);
}

static void a_ring_of_few_records_loses_no_wake_up(void)
{
    run_pair(256, RECORDS / 20, true);
}

static void two_threads_that_spin_need_no_bell(void)
{
    run_pair(1u << 12, RECORDS / 4, false);
}

static void *echo(void *arg)
{
    struct pair *pair = arg;
    for (uint32_t n = 0; n < pair->count; n++) {
        size_t len = 0;
        const uint8_t *record = peek_waiting(&pair->ring, &pair->filled, true, &len);
        if (record == NULL || !gw_ring_push(&pair->back, record, len)) {
            pair->lost = true;
            return NULL;
        }
        gw_ring_release(&pair->ring);
    }
    return NULL;
}

/* Every trip empties both rings, so that nearly every commit meets a sleeper: the hardest case. */
static void a_record_sent_to_and_fro_wakes_the_other_side_each_time(void)
{
    static struct pair pair;
    static _Alignas(8) uint8_t back_memory[256];
    pthread_t other;
    bool good = true;
    memset(&pair, 0, sizeof pair);
    pair.count = TRIPS;
    CU_ASSERT_EQUAL_FATAL(gw_bell_init(&pair.filled), GW_OK);
    CU_ASSERT_EQUAL_FATAL(gw_bell_init(&pair.room), GW_OK);
    gw_ring_init(&pair.ring, memory, 256, &pair.filled, NULL);
    gw_ring_init(&pair.back, back_memory, 256, &pair.room, NULL);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&other, NULL, echo, &pair), 0);
    for (uint32_t n = 0; n < TRIPS && good; n++) {
        size_t len = 0;
        uint32_t got = 0;
        good = gw_ring_push(&pair.ring, &n, sizeof n);
        const uint8_t *record = peek_waiting(&pair.back, &pair.room, true, &len);
        good = good && record != NULL && len == sizeof got;
        if (good) {
            memcpy(&got, record, sizeof got);
            good = got == n;
            gw_ring_release(&pair.back);
        }
    }
    CU_ASSERT_TRUE(good);
    CU_ASSERT_EQUAL(pthread_join(other, NULL), 0);
    CU_ASSERT_FALSE(pair.lost);
    gw_bell_deinit(&pair.filled);
    gw_bell_deinit(&pair.room);
}

/* A round begins for both sides at the same moment, as nearly as two processors can agree on one. */
struct race {
    struct pair pair;
    _Atomic uint32_t round;    /* written by the consumer: the producer may commit */
    _Atomic uint32_t answered; /* written by the producer: it is ready for the next */
};

static void spin_until(_Atomic uint32_t *value, uint32_t wanted)
{
    for (uint32_t spins = 0; atomic_load(value) != wanted; spins++) {
        if (spins % 512 == 511) {
            sched_yield(); /* the other side may need this processor */
        }
    }
}

static void linger(uint32_t turns)
{
    for (volatile uint32_t i = 0; i < turns; i = i + 1) {
    }
}

static void *commit_each_round(void *arg)
{
    struct race *race = arg;
    uint32_t state = 88172645u;
    for (uint32_t n = 1; n <= race->pair.count; n++) {
        atomic_store(&race->answered, n);
        spin_until(&race->round, n);
        linger(next_random(&state) % 32);
        if (!gw_ring_push(&race->pair.ring, &n, sizeof n)) {
            race->pair.lost = true;
        }
    }
    return NULL;
}

/* Without a total order of "commit, then look for a sleeper" and "arm, then look for a record" each
 * side may miss the other: with release and acquire alone this test fails within its rounds. */
static void a_commit_at_the_moment_of_arming_is_never_missed(void)
{
    static struct race race;
    pthread_t producer;
    uint32_t state = 2463534242u;
    bool good = true;
    memset(&race, 0, sizeof race);
    race.pair.count = RACES;
    CU_ASSERT_EQUAL_FATAL(gw_bell_init(&race.pair.filled), GW_OK);
    gw_ring_init(&race.pair.ring, memory, 256, &race.pair.filled, NULL);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&producer, NULL, commit_each_round, &race), 0);
    for (uint32_t n = 1; n <= RACES; n++) {
        spin_until(&race.answered, n);
        atomic_store(&race.round, n);
        linger(next_random(&state) % 32);
        size_t len = 0;
        while (good && gw_ring_peek(&race.pair.ring, &len) == NULL) {
            gw_bell_arm(&race.pair.filled);
            if (gw_ring_empty(&race.pair.ring)) {
                good = sleep_until(&race.pair.filled);
            }
            gw_bell_disarm(&race.pair.filled);
        }
        if (gw_ring_peek(&race.pair.ring, &len) != NULL) {
            gw_ring_release(&race.pair.ring);
        }
    }
    CU_ASSERT_TRUE(good);
    CU_ASSERT_EQUAL(pthread_join(producer, NULL), 0);
    CU_ASSERT_FALSE(race.pair.lost);
    gw_bell_deinit(&race.pair.filled);
}

static const struct unit_test tests[] = {
    {"records_come_out_as_they_went_in", records_come_out_as_they_went_in},
    {"peeking_twice_gives_the_same_record", peeking_twice_gives_the_same_record},
    {"what_is_reserved_is_not_seen_before_the_commit",
     what_is_reserved_is_not_seen_before_the_commit},
    {"a_reservation_given_up_leaves_no_trace", a_reservation_given_up_leaves_no_trace},
    {"a_full_ring_refuses_and_keeps_what_it_has", a_full_ring_refuses_and_keeps_what_it_has},
    {"the_longest_record_fits_an_empty_ring_wherever_its_ends_stand",
     the_longest_record_fits_an_empty_ring_wherever_its_ends_stand},
    {"any_mix_of_lengths_behaves_as_a_queue", any_mix_of_lengths_behaves_as_a_queue},
    {"a_commit_rings_only_while_the_consumer_sleeps",
     a_commit_rings_only_while_the_consumer_sleeps},
    {"a_release_rings_only_while_the_producer_waits_for_room",
     a_release_rings_only_while_the_producer_waits_for_room},
    {"two_threads_pass_millions_of_records_through_a_ring_that_sleeps",
     two_threads_pass_millions_of_records_through_a_ring_that_sleeps},
    {"a_ring_of_few_records_loses_no_wake_up", a_ring_of_few_records_loses_no_wake_up},
    {"two_threads_that_spin_need_no_bell", two_threads_that_spin_need_no_bell},
    {"a_record_sent_to_and_fro_wakes_the_other_side_each_time",
     a_record_sent_to_and_fro_wakes_the_other_side_each_time},
    {"a_commit_at_the_moment_of_arming_is_never_missed",
     a_commit_at_the_moment_of_arming_is_never_missed},
};
UNIT_MAIN("ring", tests)
