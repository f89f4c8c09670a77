/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/coap_block.h"

#include "tests/support/unit.h"

static struct gw_blocks blocks;
static uint8_t bytes[4096];

static void begin(void)
{
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    CU_ASSERT_TRUE_FATAL(gw_blocks_init(&blocks));
}

/* Block `number` of a message of `total` bytes in blocks of 16 << szx. */
static enum gw_block_verdict take(struct gw_block **whole, uint32_t slot, uint32_t number,
                                  uint8_t szx, size_t total)
{
    size_t size = (size_t)16 << szx;
    size_t at = number * size;
    size_t left = at < total ? total - at : 0;
    const struct gw_block_part part = {.slot = slot,
                                       .format = 16,
                                       .number = number,
                                       .szx = szx,
                                       .more = left > size,
                                       .bytes = bytes + at,
                                       .len = left > size ? size : left};
    return gw_block_take(whole, &blocks, &part, 1000);
}

static void blocks_in_order_make_the_message(void)
{
    static const size_t totals[] = {1, 512, 513, 1024, 1025, GW_MESSAGE_BYTES_MAX};
    begin();
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        struct gw_block *whole = NULL;
        uint32_t number = 0;
        enum gw_block_verdict verdict;
        while ((verdict = take(&whole, 3, number, 5, totals[i])) == GW_BLOCK_CONTINUE) {
            number++;
        }
        CU_ASSERT_EQUAL(verdict, GW_BLOCK_COMPLETE);
        CU_ASSERT_EQUAL(number, (totals[i] - 1) / 512);
        CU_ASSERT_EQUAL(whole->len, totals[i]);
        CU_ASSERT_EQUAL(memcmp(whole->bytes, bytes, totals[i]), 0);
        gw_block_end(&blocks, whole);
    }
    CU_ASSERT_EQUAL(blocks.used, 0);
    gw_blocks_deinit(&blocks);
}

static void what_is_too_long_is_refused_and_its_buffer_freed(void)
{
    struct gw_block *whole = NULL;
    begin();
    for (uint32_t i = 0; i < GW_MESSAGE_BYTES_MAX / 512; i++) {
        CU_ASSERT_EQUAL(take(&whole, 3, i, 5, 4096), GW_BLOCK_CONTINUE);
    }
    CU_ASSERT_EQUAL(take(&whole, 3, GW_MESSAGE_BYTES_MAX / 512, 5, 4096), GW_BLOCK_TOO_LARGE);
    CU_ASSERT_EQUAL(blocks.used, 0);
    gw_blocks_deinit(&blocks);
}

static void a_gap_or_another_format_is_incomplete(void)
{
    struct gw_block *whole = NULL;
    begin();
    CU_ASSERT_EQUAL(take(&whole, 3, 1, 5, 2000), GW_BLOCK_INCOMPLETE); /* never begun */
    CU_ASSERT_EQUAL(take(&whole, 3, 0, 5, 2000), GW_BLOCK_CONTINUE);
    CU_ASSERT_EQUAL(take(&whole, 3, 2, 5, 2000), GW_BLOCK_INCOMPLETE);
    CU_ASSERT_EQUAL(take(&whole, 3, 0, 5, 2000), GW_BLOCK_CONTINUE);
    const struct gw_block_part part = {
        .slot = 3, .format = 110, .number = 1, .szx = 5, .more = true, .bytes = bytes, .len = 512};
    CU_ASSERT_EQUAL(gw_block_take(&whole, &blocks, &part, 1000), GW_BLOCK_INCOMPLETE);
    CU_ASSERT_EQUAL(blocks.used, 0);
    gw_blocks_deinit(&blocks);
}

static void a_block_that_comes_again_is_not_added_again(void)
{
    struct gw_block *whole = NULL;
    begin();
    CU_ASSERT_EQUAL(take(&whole, 3, 0, 5, 1200), GW_BLOCK_CONTINUE);
    CU_ASSERT_EQUAL(take(&whole, 3, 0, 5, 1200), GW_BLOCK_CONTINUE);
    CU_ASSERT_EQUAL(take(&whole, 3, 1, 5, 1200), GW_BLOCK_CONTINUE);
    CU_ASSERT_EQUAL(take(&whole, 3, 1, 5, 1200), GW_BLOCK_CONTINUE);
    CU_ASSERT_EQUAL(take(&whole, 3, 2, 5, 1200), GW_BLOCK_COMPLETE);
    CU_ASSERT_EQUAL(whole->len, 1200);
    CU_ASSERT_EQUAL(memcmp(whole->bytes, bytes, 1200), 0);
    gw_blocks_deinit(&blocks);
}

static void a_block_not_of_its_size_is_malformed(void)
{
    struct gw_block *whole = NULL;
    struct gw_block_part part = {
        .slot = 3, .format = 16, .szx = 5, .more = true, .bytes = bytes, .len = 511};
    begin();
    CU_ASSERT_EQUAL(gw_block_take(&whole, &blocks, &part, 0), GW_BLOCK_MALFORMED);
    part.more = false;
    part.len = 513;
    CU_ASSERT_EQUAL(gw_block_take(&whole, &blocks, &part, 0), GW_BLOCK_MALFORMED);
    part.szx = 7; /* reserved: RFC 7959, 2.2 */
    part.len = 100;
    CU_ASSERT_EQUAL(gw_block_take(&whole, &blocks, &part, 0), GW_BLOCK_MALFORMED);
    part.szx = 6;
    part.number = 0xFFFFF; /* 20 bits: the largest offset must not wrap */
    CU_ASSERT_EQUAL(gw_block_take(&whole, &blocks, &part, 0), GW_BLOCK_INCOMPLETE);
    gw_blocks_deinit(&blocks);
}

static void buffers_are_few_and_come_back(void)
{
    struct gw_block *whole = NULL;
    begin();
    for (uint32_t slot = 1; slot <= GW_BLOCKS_MAX; slot++) {
        CU_ASSERT_EQUAL(take(&whole, slot, 0, 5, 2000), GW_BLOCK_CONTINUE);
    }
    CU_ASSERT_EQUAL(take(&whole, 9000, 0, 5, 2000), GW_BLOCK_BUSY);
    gw_blocks_forget(&blocks, 17);
    gw_blocks_forget(&blocks, 17);
    CU_ASSERT_EQUAL(take(&whole, 9000, 0, 5, 2000), GW_BLOCK_CONTINUE);
    const struct gw_block_part later = {
        .slot = 9001, .format = 16, .szx = 5, .more = true, .bytes = bytes, .len = 512};
    CU_ASSERT_EQUAL(gw_block_take(&whole, &blocks, &later, 1000 + GW_BLOCKS_IDLE_MS - 1),
                    GW_BLOCK_BUSY);
    CU_ASSERT_EQUAL(gw_block_take(&whole, &blocks, &later, 1000 + GW_BLOCKS_IDLE_MS),
                    GW_BLOCK_CONTINUE);
    CU_ASSERT_EQUAL(blocks.used, GW_BLOCKS_MAX);
    gw_blocks_deinit(&blocks);
}

static const struct unit_test tests[] = {
    {"blocks_in_order_make_the_message", blocks_in_order_make_the_message},
    {"what_is_too_long_is_refused_and_its_buffer_freed",
     what_is_too_long_is_refused_and_its_buffer_freed},
    {"a_gap_or_another_format_is_incomplete", a_gap_or_another_format_is_incomplete},
    {"a_block_that_comes_again_is_not_added_again", a_block_that_comes_again_is_not_added_again},
    {"a_block_not_of_its_size_is_malformed", a_block_not_of_its_size_is_malformed},
    {"buffers_are_few_and_come_back", buffers_are_few_and_come_back},
};
UNIT_MAIN("coap_block", tests)
