/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reconciled day as JSON and as a file: what was written is read back, and strangers are not. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/app/result.h"
#include "tests/support/unit.h"

#define DAY_US 86400000000ll
/* 2026-11-23 is day 20780: 2026-01-01 is 20454, and 326 days come before November the 23rd. */
#define DAY 20780

static struct gw_directory directory;
static char dir[64];

static void make_dir(void)
{
    snprintf(dir, sizeof(dir), "/tmp/test_result.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

/* One equal order, one of another amount. */
static json_t *make_result(int32_t day)
{
    struct gw_match match;
    struct gw_match_order o = {.number = 3,
                               .amount_fen = 100,
                               .time_us = day * DAY_US,
                               .state = GW_ORDER_DONE,
                               .household = GW_NONE};
    CU_ASSERT_EQUAL_FATAL(gw_match_init(&match, day * DAY_US, (day + 1) * DAY_US, 0), GW_OK);
    CU_ASSERT_EQUAL(gw_match_there(&match, &o, ""), GW_OK);
    o.number = 4;
    CU_ASSERT_EQUAL(gw_match_there(&match, &o, ""), GW_OK);
    gw_match_sort(&match);
    CU_ASSERT_EQUAL(gw_match_here(&match, &o), GW_OK);
    o.number = 3;
    o.amount_fen = 90;
    CU_ASSERT_EQUAL(gw_match_here(&match, &o), GW_OK);
    gw_match_finish(&match);
    json_t *result = gw_result_json(&match, day, 5, &directory);
    gw_match_deinit(&match);
    CU_ASSERT_PTR_NOT_NULL_FATAL(result);
    return result;
}

static void a_result_names_the_day_the_word_and_the_order(void)
{
    gw_directory_init(&directory);
    json_t *result = make_result(DAY);
    json_t *row = json_array_get(json_object_get(result, "differences"), 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "day")), "2026-11-23");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "result")), "differs");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(result, "differences")), 1);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(row, "order")), 3);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(row, "class")), "amount_differs");
    json_t *here = json_object_get(row, "here");
    json_t *there = json_object_get(row, "there");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(here, "amount_fen")), 90);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(there, "amount_fen")), 100);
    json_decref(result);
    gw_directory_deinit(&directory);
}

static void what_is_written_is_read_back_with_mode_0600(void)
{
    char path[128];
    struct stat status;
    struct gw_result_summary summary;
    make_dir();
    gw_directory_init(&directory);
    json_t *result = make_result(DAY);
    CU_ASSERT_EQUAL(gw_result_write(dir, DAY, result), GW_OK);
    json_t *read = gw_result_read(dir, DAY);
    CU_ASSERT_TRUE(json_equal(result, read));
    CU_ASSERT_TRUE_FATAL(gw_result_summary(&summary, read));
    CU_ASSERT_EQUAL(summary.day, DAY);
    CU_ASSERT_EQUAL(summary.verdicts[GW_MATCH_EQUAL], 1);
    CU_ASSERT_EQUAL(summary.verdicts[GW_MATCH_AMOUNT], 1);
    CU_ASSERT_EQUAL(gw_result_differences(&summary), 1);
    CU_ASSERT_FALSE(summary.accepted);
    snprintf(path, sizeof(path), "%s/2026-11-23.json", dir);
    CU_ASSERT_EQUAL_FATAL(stat(path, &status), 0);
    CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
    json_decref(result);
    json_decref(read);
    gw_directory_deinit(&directory);
    remove_file("2026-11-23.json");
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void the_newest_days_are_found_in_order_and_strangers_left_aside(void)
{
    int32_t days[2] = {0};
    uint32_t count = 0;
    make_dir();
    gw_directory_init(&directory);
    for (int32_t i = 0; i < 3; i++) {
        json_t *result = make_result(DAY + i);
        CU_ASSERT_EQUAL(gw_result_write(dir, DAY + i, result), GW_OK);
        json_decref(result);
    }
    const char *strangers[] = {"2026-11-2x.json", "2026-13-01.json", "2026-11-23.part", "notes"};
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", dir, strangers[i]);
        FILE *file = fopen(path, "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        fclose(file);
    }
    CU_ASSERT_EQUAL(gw_result_days(days, &count, 2, dir), GW_OK);
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_EQUAL(days[0], DAY + 1);
    CU_ASSERT_EQUAL(days[1], DAY + 2);
    for (size_t i = 0; i < 4; i++) {
        remove_file(strangers[i]);
    }
    remove_file("2026-11-23.json");
    remove_file("2026-11-24.json");
    remove_file("2026-11-25.json");
    CU_ASSERT_EQUAL(gw_result_days(days, &count, 2, dir), GW_OK);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
    CU_ASSERT_EQUAL(gw_result_days(days, &count, 2, dir), GW_IO);
    gw_directory_deinit(&directory);
}

static void a_file_of_another_day_or_of_nonsense_is_no_result(void)
{
    char path[128];
    make_dir();
    gw_directory_init(&directory);
    CU_ASSERT_PTR_NULL(gw_result_read(dir, DAY));
    json_t *result = make_result(DAY + 1);
    CU_ASSERT_EQUAL(gw_result_write(dir, DAY, result), GW_OK);
    CU_ASSERT_PTR_NULL(gw_result_read(dir, DAY));
    json_decref(result);
    snprintf(path, sizeof(path), "%s/2026-11-23.json", dir);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("{\"day\": \"2026-11-23\", \"orders\": {\"equal\": -1}}", file);
    fclose(file);
    CU_ASSERT_PTR_NULL(gw_result_read(dir, DAY));
    remove_file("2026-11-23.json");
    CU_ASSERT_EQUAL(rmdir(dir), 0);
    gw_directory_deinit(&directory);
}

static const struct unit_test tests[] = {
    {"a_result_names_the_day_the_word_and_the_order",
     a_result_names_the_day_the_word_and_the_order},
    {"what_is_written_is_read_back_with_mode_0600", what_is_written_is_read_back_with_mode_0600},
    {"the_newest_days_are_found_in_order_and_strangers_left_aside",
     the_newest_days_are_found_in_order_and_strangers_left_aside},
    {"a_file_of_another_day_or_of_nonsense_is_no_result",
     a_file_of_another_day_or_of_nonsense_is_no_result},
};
UNIT_MAIN("result", tests)
