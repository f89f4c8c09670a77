/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tariffs and announced days in a running gateway: what was rated stays, what failed never was. */
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "tests/support/core_fixture.h"
#include "tests/support/unit.h"

static int32_t today(const struct fixture *f)
{
    return gw_local_day(f->now_us);
}

/* The flat tariff with a second version from a local day on. */
static struct gw_tariff with_version(const struct fixture *f, int32_t day)
{
    struct gw_tariff t = *gw_core_tariff(f->core, 0);
    t.version_count = 2;
    t.versions[1] = t.versions[0];
    t.versions[1].id[0] = 'n';
    t.versions[1].from_us = gw_local_day_start_us(day);
    t.versions[1].components[0].flat_price_ufen[0] = 1000000;
    return t;
}

static void a_tariff_whose_commit_failed_is_not_in_force(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    struct gw_tariff newer = with_version(&f, today(&f) + 1);
    struct gw_tariff other = newer;
    memcpy(other.name, "brandnew", 9);
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &newer, "t", 1), GW_REG_DONE);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", today(&f) + 3), GW_REG_DONE);
    memory_store_fail(f.store, 1, GW_IO);
    CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_IO);
    CU_ASSERT_EQUAL(gw_core_load(f.core, f.now_us), GW_OK);
    CU_ASSERT_EQUAL(gw_core_tariff(f.core, 0)->version_count, 1);
    CU_ASSERT_EQUAL(gw_core_tariff(f.core, 1)->critical_day_count, 0);
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &other, "t", 1), GW_REG_DONE);
    memory_store_fail(f.store, 1, GW_IO);
    CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_IO);
    CU_ASSERT_EQUAL(gw_core_load(f.core, f.now_us), GW_OK);
    CU_ASSERT_EQUAL(f.core->tariff_put_count, 3);
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &newer, "t", 1), GW_REG_DONE);
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    CU_ASSERT_EQUAL(gw_core_load(f.core, f.now_us), GW_OK);
    CU_ASSERT_EQUAL(gw_core_tariff(f.core, 0)->version_count, 2);
    fixture_close(&f);
}

/* A meter's clock may be a little ahead, so that a reading was rated beyond midnight before midnight. */
static void what_was_rated_ahead_of_the_clock_keeps_its_price(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    fixture_add_meter(&f, 1, "tou");
    int32_t tomorrow = today(&f) + 1;
    f.now_us = gw_local_day_start_us(tomorrow) - 2 * GW_US_PER_MIN;
    (void)fixture_read(&f, 0, f.now_us - GW_US_PER_HOUR, 0);
    struct gw_tariff newer = with_version(&f, tomorrow);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us + 3 * GW_US_PER_MIN, 1000), GW_ACCEPTED);
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &newer, "t", 1), GW_REG_RETROACTIVE);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", tomorrow), GW_REG_RETROACTIVE);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", tomorrow + 1), GW_REG_DONE);
    newer.versions[1].from_us += GW_US_PER_DAY;
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &newer, "t", 1), GW_REG_DONE);
    fixture_close(&f);
}

static void days_are_announced_ahead_but_not_for_ever(void)
{
    struct fixture f;
    fixture_open(&f);
    int32_t day = today(&f);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", day), GW_REG_RETROACTIVE);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "none", day + 1), GW_REG_NO_TARIFF);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", day + GW_ANNOUNCE_DAYS_MAX + 1),
                    GW_REG_INVALID);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", INT32_MAX), GW_REG_INVALID);
    for (int32_t i = GW_ANNOUNCE_DAYS_MAX; i > 0; i--) {
        CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", day + i), GW_REG_DONE);
        CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", day + i), GW_REG_EXISTS);
    }
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    f.now_us += 10 * GW_US_PER_DAY;
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", day + GW_ANNOUNCE_DAYS_MAX + 1),
                    GW_REG_FULL);
    /* A pack that has no room for what was announced is refused: it would drop days. */
    struct gw_tariff pack = *gw_core_tariff(f.core, 1);
    pack.critical_days[399]++;
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &pack, "t", 1), GW_REG_RETROACTIVE);
    void *memory = NULL;
    struct gw_core *second = fixture_second(&f, &memory);
    CU_ASSERT_TRUE(fixture_same(f.core, second));
    CU_ASSERT_EQUAL(gw_core_tariff(second, 1)->critical_day_count, 400);
    free(memory);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"a_tariff_whose_commit_failed_is_not_in_force", a_tariff_whose_commit_failed_is_not_in_force},
    {"what_was_rated_ahead_of_the_clock_keeps_its_price",
     what_was_rated_ahead_of_the_clock_keeps_its_price},
    {"days_are_announced_ahead_but_not_for_ever", days_are_announced_ahead_but_not_for_ever},
};

UNIT_MAIN("core_tariff", tests)
