/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log in flash: order, rings, power cuts at any word, damage. */
#include "tests/support/unit.h"

#include "firmware/core/log.h"
#include "firmware/port/host/host.h"

#define SECTORS 6u
#define PLACE_FIRST 1u
#define PLACE_COUNT 3u
#define PER_SECTOR 7u /* (512 - 16) / 64 */

static struct fw_host host;
static struct fw_log_place place = {.sector_first = PLACE_FIRST,
                                    .sector_count = PLACE_COUNT,
                                    .slot_bytes = 64};

static enum fw_status nowhere(void *owner, enum fw_frame frame, const uint8_t *bytes, size_t len)
{
    (void)owner, (void)frame, (void)bytes, (void)len;
    return FW_IO;
}

static void start(uint64_t seed)
{
    const char *why;
    struct fw_host_config config = {
        .sector_count = SECTORS, .sector_bytes = 512, .seed = seed, .send = nowhere};
    CU_ASSERT_EQUAL_FATAL(fw_host_init(&host, &config, &why), FW_OK);
}

static void payload_of(uint8_t payload[60], uint32_t number)
{
    memset(payload, 0, 60);
    payload[0] = 1;
    memcpy(payload + 4, &number, sizeof(number));
}

static uint32_t number_of(const uint8_t payload[60])
{
    uint32_t number;
    memcpy(&number, payload + 4, sizeof(number));
    return number;
}

static struct fw_log open_log(void)
{
    struct fw_log log;
    CU_ASSERT_EQUAL_FATAL(fw_log_open(&log, &host.hal, &place), FW_OK);
    return log;
}

static enum fw_status append(struct fw_log *log, uint32_t number)
{
    uint8_t payload[60];
    payload_of(payload, number);
    return fw_log_append(log, payload);
}

static void a_blank_region_is_an_empty_log(void)
{
    uint8_t payload[60];
    start(1);
    struct fw_log log = open_log();
    CU_ASSERT_EQUAL(log.oldest, 0);
    CU_ASSERT_EQUAL(log.end, 0);
    CU_ASSERT_EQUAL(fw_log_payload_bytes(&log), 60);
    CU_ASSERT_EQUAL(fw_log_capacity(&log), PER_SECTOR * 2);
    CU_ASSERT_EQUAL(fw_log_read(payload, &log, 0), FW_GONE);
    fw_host_deinit(&host);
}

static void the_ring_keeps_at_least_its_capacity(void)
{
    uint8_t payload[60];
    start(1);
    struct fw_log log = open_log();
    for (uint32_t i = 0; i < 500; i++) {
        CU_ASSERT_EQUAL(append(&log, i), FW_OK);
        CU_ASSERT(log.end - log.oldest >= (i + 1 < 14 ? i + 1 : 14));
        CU_ASSERT_EQUAL(fw_log_read(payload, &log, log.oldest), FW_OK);
        CU_ASSERT_EQUAL(number_of(payload), log.oldest);
        struct fw_log again = open_log();
        CU_ASSERT_EQUAL(again.oldest, log.oldest);
        CU_ASSERT_EQUAL(again.end, log.end);
        CU_ASSERT_EQUAL(fw_log_read(payload, &again, again.end - 1), FW_OK);
        CU_ASSERT_EQUAL(number_of(payload), i);
    }
    fw_host_deinit(&host);
}

static void neighbours_are_never_touched(void)
{
    start(1);
    struct fw_log log = open_log();
    memset(host.nv, 0x5A, 512);
    memset(host.nv + (size_t)(PLACE_FIRST + PLACE_COUNT) * 512, 0x5A, 512);
    for (uint32_t i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(append(&log, i), FW_OK);
    }
    for (size_t i = 0; i < 512; i++) {
        CU_ASSERT_EQUAL(host.nv[i], 0x5A);
        CU_ASSERT_EQUAL(host.nv[(size_t)(PLACE_FIRST + PLACE_COUNT) * 512 + i], 0x5A);
    }
    fw_host_deinit(&host);
}

/* Append 40 entries with the power going at the nth word: what was confirmed is there in order. */
static bool survive_cut(uint64_t nth, uint64_t seed)
{
    uint8_t payload[60];
    start(seed);
    struct fw_log log = open_log();
    fw_host_cut_after(&host, nth);
    uint32_t confirmed = 0;
    while (confirmed < 40 && append(&log, confirmed) == FW_OK) {
        confirmed++;
    }
    bool went = host.dead;
    fw_host_power_on(&host);
    log = open_log();
    uint32_t found = 0;
    uint32_t last = UINT32_MAX;
    for (uint32_t at = log.oldest; at < log.end; at++) {
        enum fw_status st = fw_log_read(payload, &log, at);
        CU_ASSERT(st == FW_OK || st == FW_TORN);
        if (st == FW_OK) {
            CU_ASSERT(found == 0 || number_of(payload) == last + 1);
            last = number_of(payload);
            found++;
        }
    }
    /* The entry being written may have made it whole before the last bit of its sum did not matter. */
    CU_ASSERT(confirmed == 0 || last == confirmed - 1 || last == confirmed);
    uint32_t kept = confirmed < PER_SECTOR ? confirmed : PER_SECTOR;
    CU_ASSERT(found >= kept);
    CU_ASSERT_EQUAL(append(&log, 1000), FW_OK);
    CU_ASSERT_EQUAL(fw_log_read(payload, &log, log.end - 1), FW_OK);
    CU_ASSERT_EQUAL(number_of(payload), 1000);
    fw_host_deinit(&host);
    return went;
}

static void a_cut_at_any_word_keeps_what_was_confirmed(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t nth = 0;
        while (survive_cut(nth, seed) && nth < 5000) {
            nth++;
        }
        /* 40 entries of 16 words; 6 sectors begun, each an erase and 4 words. */
        CU_ASSERT_EQUAL(nth, 40 * 16 + 6 * 5);
    }
}

static void an_entry_from_an_earlier_round_is_not_taken_for_a_new_one(void)
{
    uint8_t payload[60];
    uint8_t old_slot[64];
    start(1);
    struct fw_log log = open_log();
    CU_ASSERT_EQUAL(append(&log, 7), FW_OK);
    uint8_t *slot = host.nv + 512 * PLACE_FIRST + FW_LOG_HEADER_BYTES;
    memcpy(old_slot, slot, sizeof(old_slot));
    for (uint32_t i = 0; i < 3 * PER_SECTOR; i++) {
        CU_ASSERT_EQUAL(append(&log, i), FW_OK);
    }
    memcpy(slot, old_slot, sizeof(old_slot)); /* as if the erase had spared it */
    CU_ASSERT_EQUAL(fw_log_read(payload, &log, 3 * PER_SECTOR), FW_TORN);
    fw_host_deinit(&host);
}

static void every_flipped_bit_of_a_slot_is_noticed(void)
{
    uint8_t payload[60];
    start(1);
    struct fw_log log = open_log();
    CU_ASSERT_EQUAL(append(&log, 7), FW_OK);
    uint8_t *slot = host.nv + 512 * PLACE_FIRST + FW_LOG_HEADER_BYTES;
    for (size_t bit = 0; bit < 64 * 8; bit++) {
        slot[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(fw_log_read(payload, &log, 0), FW_TORN);
        slot[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_EQUAL(fw_log_read(payload, &log, 0), FW_OK);
    fw_host_deinit(&host);
}

static void any_garbage_opens_as_some_log_that_can_be_written(void)
{
    uint8_t payload[60];
    uint64_t x = 88172645463325252u;
    start(1);
    for (unsigned round = 0; round < 300; round++) {
        for (size_t i = 0; i < host.nv_bytes; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            host.nv[i] = (uint8_t)x;
        }
        struct fw_log log = open_log();
        CU_ASSERT_EQUAL(append(&log, round), FW_OK);
        CU_ASSERT_EQUAL(fw_log_read(payload, &log, log.end - 1), FW_OK);
        CU_ASSERT_EQUAL(number_of(payload), round);
    }
    fw_host_deinit(&host);
}

static uint32_t bad_word; /* a place that flash does not hold */
static enum fw_status (*true_prog)(void *, uint32_t, const void *, uint32_t);

static enum fw_status prog_with_bad_word(void *context, uint32_t address, const void *bytes,
                                         uint32_t len)
{
    enum fw_status st = true_prog(context, address, bytes, len);
    if (bad_word >= address && bad_word < address + len) {
        host.nv[bad_word] &= 0xF0;
    }
    return st;
}

static void a_worn_out_slot_is_left_behind(void)
{
    uint8_t payload[60];
    start(1);
    true_prog = host.hal.nv_prog;
    host.hal.nv_prog = prog_with_bad_word;
    struct fw_log log = open_log();
    bad_word = 512 * PLACE_FIRST + FW_LOG_HEADER_BYTES + 64 + 4; /* in the second slot */
    CU_ASSERT_EQUAL(append(&log, 0x11), FW_OK);
    CU_ASSERT_EQUAL(append(&log, 0x1F), FW_OK);
    CU_ASSERT_EQUAL(log.end, 3);
    CU_ASSERT_EQUAL(fw_log_read(payload, &log, 1), FW_TORN);
    CU_ASSERT_EQUAL(fw_log_read(payload, &log, 2), FW_OK);
    CU_ASSERT_EQUAL(number_of(payload), 0x1F);
    fw_host_deinit(&host);
}

static void a_place_off_the_board_is_refused(void)
{
    struct fw_log log;
    start(1);
    struct fw_log_place wrong[] = {
        {.sector_first = 0, .sector_count = 1, .slot_bytes = 64},
        {.sector_first = 5, .sector_count = 2, .slot_bytes = 64},
        {.sector_first = UINT32_MAX, .sector_count = 2, .slot_bytes = 64},
        {.sector_first = 0, .sector_count = 7, .slot_bytes = 64},
        {.sector_first = 0, .sector_count = 2, .slot_bytes = 60},
        {.sector_first = 0, .sector_count = 2, .slot_bytes = 0},
        {.sector_first = 0, .sector_count = 2, .slot_bytes = 256},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CU_ASSERT_EQUAL(fw_log_open(&log, &host.hal, &wrong[i]), FW_INVALID);
    }
    fw_host_deinit(&host);
}

static const struct unit_test tests[] = {
    {"a_blank_region_is_an_empty_log", a_blank_region_is_an_empty_log},
    {"the_ring_keeps_at_least_its_capacity", the_ring_keeps_at_least_its_capacity},
    {"neighbours_are_never_touched", neighbours_are_never_touched},
    {"a_cut_at_any_word_keeps_what_was_confirmed", a_cut_at_any_word_keeps_what_was_confirmed},
    {"an_entry_from_an_earlier_round_is_not_taken_for_a_new_one",
     an_entry_from_an_earlier_round_is_not_taken_for_a_new_one},
    {"every_flipped_bit_of_a_slot_is_noticed", every_flipped_bit_of_a_slot_is_noticed},
    {"any_garbage_opens_as_some_log_that_can_be_written",
     any_garbage_opens_as_some_log_that_can_be_written},
    {"a_worn_out_slot_is_left_behind", a_worn_out_slot_is_left_behind},
    {"a_place_off_the_board_is_refused", a_place_off_the_board_is_refused},
};

UNIT_MAIN("fw_log", tests)
