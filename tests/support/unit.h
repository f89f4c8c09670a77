/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The main() of a unit-test program, on top of CUnit.
 *
 *      static const struct unit_test tests[] = {
 *          {"a_short_frame_is_refused", a_short_frame_is_refused},
 *      };
 *      UNIT_MAIN("cursor", tests)
 *
 *  The program runs every test, prints each assertion that failed with its file and line, then one
 *  line `cursor: 12 passed, 0 failed`. With arguments it runs only the tests whose names contain
 *  one of them. It exits with 0, with 1 when an assertion failed or no test ran, and with 77 (ctest
 *  counts it as skipped) when every test was skipped by UNIT_SKIP.
 *
 *  A file that includes this is a program: it is included once, by the test itself.
 */
#ifndef TESTS_SUPPORT_UNIT_H
#define TESTS_SUPPORT_UNIT_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>

/** One test; its name is a sentence. */
struct unit_test {
    const char *name;
    void (*run)(void);
};

static bool unit_skipped; /* set by the running test, read after it */

/** Leave the running test without a verdict; say why a machine cannot run it. */
#define UNIT_SKIP(reason)                      \
    do {                                       \
        printf("    skipped: %s\n", (reason)); \
        unit_skipped = true;                   \
        return;                                \
    } while (0)

static inline bool unit_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]) != NULL) {
            return true;
        }
    }
    return argc < 2;
}

/* CUnit forgets the failures of one run at the start of the next: the list is this test's. */
static inline unsigned unit_print_failures(const char *name)
{
    unsigned count = 0;
    for (CU_pFailureRecord f = CU_get_failure_list(); f != NULL; f = f->pNext) {
        count++;
        printf("    %s:%u: %s: failed: %s\n", f->strFileName, f->uiLineNumber, name,
               f->strCondition);
    }
    return count;
}

static inline int unit_main(const char *suite_name, const struct unit_test *tests,
                            size_t test_count, int argc, char **argv)
{
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned skipped = 0;
    if (CU_initialize_registry() != CUE_SUCCESS) {
        fprintf(stderr, "%s: CUnit cannot start: %s\n", suite_name, CU_get_error_msg());
        return 1;
    }
    for (size_t i = 0; i < test_count; i++) {
        if (!unit_wanted(tests[i].name, argc, argv)) {
            continue;
        }
        /* A suite for each test, so that each is one run with its own failures. */
        CU_pSuite suite = CU_add_suite(tests[i].name, NULL, NULL);
        CU_pTest test = suite == NULL ? NULL : CU_add_test(suite, tests[i].name, tests[i].run);
        unit_skipped = false;
        if (test == NULL || CU_run_test(suite, test) != CUE_SUCCESS) {
            printf("    %s: CUnit cannot run it: %s\n", tests[i].name, CU_get_error_msg());
            failed++;
            continue;
        }
        if (unit_print_failures(tests[i].name) > 0) {
            failed++;
        } else if (unit_skipped) {
            skipped++;
        } else {
            passed++;
        }
        fflush(stdout);
    }
    CU_cleanup_registry();
    printf("%s: %u passed, %u failed", suite_name, passed, failed);
    if (skipped > 0) {
        printf(", %u skipped", skipped);
    }
    printf("\n");
    if (failed == 0 && passed == 0) {
        return skipped > 0 ? 77 : 1;
    }
    return failed == 0 ? 0 : 1;
}

/** Define main(): run `tests`, an array of struct unit_test, under the name `suite_name`. */
#define UNIT_MAIN(suite_name, tests)                                                             \
    int main(int argc, char **argv)                                                              \
    {                                                                                            \
        return unit_main((suite_name), (tests), sizeof(tests) / sizeof((tests)[0]), argc, argv); \
    }

#endif
