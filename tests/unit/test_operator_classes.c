/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The table of wallet classes: the shipped one says what DOMAIN says, and bad ones are explained. */
#include <stdlib.h>
#include <unistd.h>

#include "sim/operator/classes.h"
#include "tests/support/unit.h"

#define SHIPPED "sim/operator/wallet-classes.yaml"

static char path[] = "/tmp/test-operator-classes-XXXXXX";

static enum gw_status load_text(struct sim_classes *classes, char *error, const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_FATAL(file != NULL);
    CU_ASSERT(fputs(text, file) >= 0);
    CU_ASSERT(fclose(file) == 0);
    return sim_classes_load(classes, error, path);
}

static int32_t day(const char *text)
{
    int32_t number = -1;
    CU_ASSERT_TRUE(sim_day_parse(&number, text));
    return number;
}

static void the_shipped_table_has_the_published_limits(void)
{
    static struct sim_classes classes;
    static const struct {
        enum sim_wallet_type type;
        const char *class_text;
        struct sim_limits limits; /* balance, single, day, year in fen */
    } rows[] = {
        {SIM_WALLET_PERSONAL, "IV", {1000000, 200000, 500000, 5000000}},
        {SIM_WALLET_PERSONAL, "III", {2000000, 500000, 1000000, SIM_NO_LIMIT}},
        {SIM_WALLET_PERSONAL, "II", {50000000, 5000000, 10000000, SIM_NO_LIMIT}},
        {SIM_WALLET_PERSONAL, "I", {SIM_NO_LIMIT, SIM_NO_LIMIT, SIM_NO_LIMIT, SIM_NO_LIMIT}},
    };
    char error[SIM_CLASSES_ERROR_BYTES] = "";
    CU_ASSERT_EQUAL_FATAL(sim_classes_load(&classes, error, SHIPPED), GW_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sim_limits limits = {0};
        CU_ASSERT_TRUE(sim_classes_find(&limits, &classes, rows[i].type,
                                        sim_class_number(rows[i].class_text), day("2026-06-01")));
        CU_ASSERT_EQUAL(limits.balance_fen, rows[i].limits.balance_fen);
        CU_ASSERT_EQUAL(limits.single_fen, rows[i].limits.single_fen);
        CU_ASSERT_EQUAL(limits.day_fen, rows[i].limits.day_fen);
        CU_ASSERT_EQUAL(limits.year_fen, rows[i].limits.year_fen);
    }
    struct sim_limits limits = {0};
    CU_ASSERT_FALSE(
        sim_classes_find(&limits, &classes, SIM_WALLET_CORPORATE, 4, day("2026-06-01")));
    CU_ASSERT_FALSE(sim_classes_find(&limits, &classes, SIM_WALLET_PERSONAL, 4, day("2019-12-31")));
}

static void an_entry_holds_from_its_day_until_the_next(void)
{
    static struct sim_classes classes;
    char error[SIM_CLASSES_ERROR_BYTES] = "";
    struct sim_limits limits = {0};
    CU_ASSERT_EQUAL_FATAL(
        load_text(&classes, error,
                  "version: 1\nclasses:\n"
                  "- {type: personal, class: IV, from: 2027-01-01, single_fen: 3, day_fen: none,"
                  " year_fen: none, balance_fen: 0}\n"
                  "- {type: personal, class: IV, from: 2026-01-01, single_fen: 2, day_fen: none,"
                  " year_fen: none, balance_fen: none}\n"),
        GW_OK);
    CU_ASSERT_FALSE(sim_classes_find(&limits, &classes, SIM_WALLET_PERSONAL, 4, day("2025-12-31")));
    CU_ASSERT_TRUE(sim_classes_find(&limits, &classes, SIM_WALLET_PERSONAL, 4, day("2026-12-31")));
    CU_ASSERT_EQUAL(limits.single_fen, 2);
    CU_ASSERT_TRUE(sim_classes_find(&limits, &classes, SIM_WALLET_PERSONAL, 4, day("2027-01-01")));
    CU_ASSERT_EQUAL(limits.single_fen, 3);
    CU_ASSERT_EQUAL(limits.balance_fen, 0);
}

#define ENTRY(from, single)                                                                   \
    "version: 1\nclasses:\n- {type: personal, class: IV, from: " from ", single_fen: " single \
    ", day_fen: none, year_fen: none, balance_fen: none}\n"

static void what_is_no_table_is_refused_with_its_line(void)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"", ":1: expected"},
        {"version: 2\nclasses: []\n", "version: 1"},
        {"version: 1\n", "a list"},
        {"version: 1\nclasses: []\n", "empty"},
        {"version: 1\nclasses:\n- 5\n", ":3: expected"},
        {"version: 1\nclasses:\n- {type: personal, class: V, from: 2026-01-01}\n", ":3: class"},
        {"version: 1\nclasses:\n- {type: people, class: I, from: 2026-01-01}\n", ":3: type"},
        {ENTRY("2026-02-30", "1"), ":3: from"},
        {ENTRY("2026-1-1", "1"), ":3: from"},
        {ENTRY("2026-01-01", "-1"), "whole fen or none"},
        {ENTRY("2026-01-01", "1.5"), "whole fen or none"},
        {ENTRY("2026-01-01", "99999999999999999999"), "whole fen or none"},
        {"version: 1\nclasses:\n- {type: personal, class: IV, from: 2026-01-01}\n", "whole fen"},
        {"version: [1\n", ":2: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct sim_classes classes;
        char error[SIM_CLASSES_ERROR_BYTES] = "";
        classes.count = 77;
        CU_ASSERT_EQUAL(load_text(&classes, error, rows[i].text), GW_INVALID);
        CU_ASSERT_EQUAL(classes.count, 77);
        if (strstr(error, rows[i].reason) == NULL) {
            printf("    row %zu: %s\n", i, error);
        }
        CU_ASSERT(strstr(error, rows[i].reason) != NULL && strstr(error, path) != NULL);
    }
    static struct sim_classes classes;
    char error[SIM_CLASSES_ERROR_BYTES] = "";
    CU_ASSERT_EQUAL(sim_classes_load(&classes, error, "/nonexistent/table"), GW_IO);
}

static void days_are_written_as_they_are_read(void)
{
    static const char *const texts[] = {"1970-01-01", "2000-02-29", "2026-11-24", "2199-12-31"};
    static const char *const bad[] = {"",           "2026-13-01",  "2026-00-10",
                                      "2026-02-29", "1969-12-31",  "2200-01-01",
                                      "2026/01/01", "2026-01-01 ", "x026-01-01"};
    char back[11];
    int32_t number = -7;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        sim_day_format(back, day(texts[i]));
        CU_ASSERT_STRING_EQUAL(back, texts[i]);
    }
    CU_ASSERT_EQUAL(day("1970-01-01"), 0);
    CU_ASSERT_EQUAL(day("2026-12-31"), 20818);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_FALSE(sim_day_parse(&number, bad[i]));
        CU_ASSERT_EQUAL(number, -7);
    }
}

static const struct unit_test tests[] = {
    {"the_shipped_table_has_the_published_limits", the_shipped_table_has_the_published_limits},
    {"an_entry_holds_from_its_day_until_the_next", an_entry_holds_from_its_day_until_the_next},
    {"what_is_no_table_is_refused_with_its_line", what_is_no_table_is_refused_with_its_line},
    {"days_are_written_as_they_are_read", days_are_written_as_they_are_read},
};

int main(int argc, char **argv)
{
    int fd = mkstemp(path);
    if (fd < 0) {
        return 1;
    }
    (void)close(fd);
    int code = unit_main("operator_classes", tests, sizeof tests / sizeof tests[0], argc, argv);
    (void)unlink(path);
    return code;
}
