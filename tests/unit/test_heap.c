/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "gateway/core/heap.h"
#include "tests/support/unit.h"

#define SLOTS 64u

/* The second opinion is a plain table searched from end to end. */
static void the_first_is_always_the_smallest(void)
{
    uint64_t seed = 42;
    struct gw_heap heap;
    void *memory = malloc(gw_heap_bytes(SLOTS));
    CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
    gw_heap_init(&heap, memory, SLOTS);
    int64_t table[SLOTS];
    bool in[SLOTS] = {false};
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t slot = (uint32_t)(seed >> 40) % SLOTS;
        if ((seed >> 33) % 3 == 0) {
            gw_heap_remove(&heap, slot);
            in[slot] = false;
        } else {
            table[slot] = (int64_t)((seed >> 20) % 1000);
            in[slot] = true;
            gw_heap_set(&heap, slot, table[slot]);
        }
        uint32_t count = 0;
        int64_t least = INT64_MAX;
        for (uint32_t s = 0; s < SLOTS; s++) {
            count += in[s];
            least = in[s] && table[s] < least ? table[s] : least;
        }
        uint32_t first = 0;
        int64_t key = 0;
        CU_ASSERT_EQUAL(gw_heap_first(&first, &key, &heap), count > 0);
        CU_ASSERT_EQUAL(heap.count, count);
        if (count > 0) {
            CU_ASSERT_EQUAL(key, least);
            CU_ASSERT_TRUE(in[first] && table[first] == least);
        }
    }
    free(memory);
}

static const struct unit_test tests[] = {
    {"the_first_is_always_the_smallest", the_first_is_always_the_smallest},
};

UNIT_MAIN("heap", tests)
