/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/coap_pending.h"

#include "tests/support/unit.h"

static struct gw_pending_table table;
static int sessions[8]; /* addresses only */

static void begin(uint32_t max, uint32_t per_slot_max)
{
    CU_ASSERT_TRUE_FATAL(gw_pending_init(&table, max, 7, per_slot_max));
}

static uint64_t add(uint32_t slot, uint16_t mid, int64_t since_ms)
{
    const struct gw_pending entry = {
        .session = &sessions[slot], .slot = slot, .mid = mid, .since_ms = since_ms};
    uint64_t handle = 0;
    CU_ASSERT_EQUAL(gw_pending_add(&handle, &table, &entry), GW_PENDING_ADDED);
    return handle;
}

static void a_handle_finds_its_entry_until_it_is_removed(void)
{
    begin(4, 4);
    uint64_t first = add(1, 10, 0);
    uint64_t second = add(2, 20, 0);
    CU_ASSERT_NOT_EQUAL(first, 0);
    struct gw_pending *entry = gw_pending_find(&table, first);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT_EQUAL(entry->mid, 10);
    CU_ASSERT_PTR_EQUAL(entry->session, &sessions[1]);
    gw_pending_remove(&table, entry);
    CU_ASSERT_PTR_NULL(gw_pending_find(&table, first));
    CU_ASSERT_PTR_NOT_NULL(gw_pending_find(&table, second));
    uint64_t third = add(3, 30, 0); /* takes the same place */
    CU_ASSERT_EQUAL((uint32_t)third, (uint32_t)first);
    CU_ASSERT_NOT_EQUAL(third, first);
    CU_ASSERT_PTR_NULL(gw_pending_find(&table, first));
    CU_ASSERT_PTR_NULL(gw_pending_find(&table, 0));
    CU_ASSERT_PTR_NULL(gw_pending_find(&table, UINT64_MAX));
    gw_pending_deinit(&table);
}

static void the_limits_hold(void)
{
    const struct gw_pending one = {.slot = 1, .session = sessions};
    const struct gw_pending two = {.slot = 2, .session = sessions};
    uint64_t handle = 0;
    begin(3, 2);
    CU_ASSERT_EQUAL(gw_pending_add(&handle, &table, &one), GW_PENDING_ADDED);
    CU_ASSERT_EQUAL(gw_pending_add(&handle, &table, &one), GW_PENDING_ADDED);
    CU_ASSERT_EQUAL(gw_pending_add(&handle, &table, &one), GW_PENDING_TOO_MANY);
    CU_ASSERT_EQUAL(gw_pending_add(&handle, &table, &two), GW_PENDING_ADDED);
    CU_ASSERT_EQUAL(gw_pending_add(&handle, &table, &two), GW_PENDING_FULL);
    gw_pending_remove(&table, gw_pending_of(&table, 1));
    CU_ASSERT_EQUAL(gw_pending_add(&handle, &table, &two), GW_PENDING_ADDED);
    CU_ASSERT_EQUAL(table.count, 3);
    gw_pending_deinit(&table);
}

static void the_same_message_of_the_same_session_is_found(void)
{
    begin(8, 8);
    (void)add(1, 10, 0);
    (void)add(2, 10, 0);
    (void)add(1, 11, 0);
    struct gw_pending *same = gw_pending_same(&table, 1, 10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(same);
    CU_ASSERT_EQUAL(same->slot, 1);
    CU_ASSERT_PTR_NULL(gw_pending_same(&table, 2, 11));
    CU_ASSERT_PTR_NULL(gw_pending_same(&table, 3, 10));
    gw_pending_remove(&table, same);
    CU_ASSERT_PTR_NULL(gw_pending_same(&table, 1, 10));
    CU_ASSERT_PTR_NOT_NULL(gw_pending_same(&table, 1, 11));
    gw_pending_deinit(&table);
}

static void age_is_kept_whatever_is_removed(void)
{
    begin(8, 8);
    uint64_t handles[5];
    for (unsigned i = 0; i < 5; i++) {
        handles[i] = add(1 + i % 2, (uint16_t)i, 100 * i);
    }
    CU_ASSERT_EQUAL(gw_pending_oldest(&table)->mid, 0);
    CU_ASSERT_EQUAL(gw_pending_unseen(&table, 150)->mid, 0);
    CU_ASSERT_EQUAL(gw_pending_unseen(&table, 150)->mid, 1);
    CU_ASSERT_PTR_NULL(gw_pending_unseen(&table, 150));             /* the third is younger */
    gw_pending_remove(&table, gw_pending_find(&table, handles[2])); /* the next to be seen */
    CU_ASSERT_EQUAL(gw_pending_unseen(&table, 1000)->mid, 3);
    gw_pending_remove(&table, gw_pending_find(&table, handles[0]));
    CU_ASSERT_EQUAL(gw_pending_oldest(&table)->mid, 1);
    CU_ASSERT_EQUAL(gw_pending_unseen(&table, 1000)->mid, 4);
    CU_ASSERT_PTR_NULL(gw_pending_unseen(&table, 1000));
    (void)add(3, 5, 500);
    CU_ASSERT_EQUAL(gw_pending_unseen(&table, 1000)->mid, 5);
    gw_pending_deinit(&table);
}

static void emptying_a_session_takes_all_of_it_and_nothing_else(void)
{
    begin(8, 8);
    for (uint16_t i = 0; i < 8; i++) {
        (void)add(1 + i % 2, i, 0);
    }
    unsigned taken = 0;
    for (struct gw_pending *e = gw_pending_of(&table, 1); e != NULL; e = gw_pending_of(&table, 1)) {
        CU_ASSERT_EQUAL(e->slot, 1);
        gw_pending_remove(&table, e);
        taken++;
    }
    CU_ASSERT_EQUAL(taken, 4);
    CU_ASSERT_EQUAL(table.count, 4);
    while (gw_pending_oldest(&table) != NULL) {
        CU_ASSERT_EQUAL(gw_pending_oldest(&table)->slot, 2);
        gw_pending_remove(&table, gw_pending_oldest(&table));
    }
    CU_ASSERT_EQUAL(table.count, 0);
    CU_ASSERT_PTR_NULL(gw_pending_unseen(&table, 1000));
    gw_pending_deinit(&table);
}

static const struct unit_test tests[] = {
    {"a_handle_finds_its_entry_until_it_is_removed", a_handle_finds_its_entry_until_it_is_removed},
    {"the_limits_hold", the_limits_hold},
    {"the_same_message_of_the_same_session_is_found",
     the_same_message_of_the_same_session_is_found},
    {"age_is_kept_whatever_is_removed", age_is_kept_whatever_is_removed},
    {"emptying_a_session_takes_all_of_it_and_nothing_else",
     emptying_a_session_takes_all_of_it_and_nothing_else},
};
UNIT_MAIN("coap_pending", tests)
