/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The test helper itself: an assertion that fails must reach the exit status. */
#include "tests/support/unit.h"

#include <sys/wait.h>
#include <unistd.h>

static void passes(void)
{
    CU_ASSERT_EQUAL(1, 1);
}

static void fails(void)
{
    CU_ASSERT_EQUAL(1, 2);
}

static void skips(void)
{
    UNIT_SKIP("to see what a skip gives");
}

static const struct unit_test mixed[] = {{"passes", passes}, {"fails", fails}, {"passes", passes}};
static const struct unit_test good[] = {{"passes", passes}, {"skips", skips}};

/* What the child below runs; CUnit cannot run tests from within a test. */
static int run_child(const char *what)
{
    char name[] = "child";
    char *argv[] = {name, NULL};
    if (strcmp(what, "mixed") == 0) {
        return unit_main("child", mixed, 3, 1, argv);
    }
    if (strcmp(what, "good") == 0) {
        return unit_main("child", good, 2, 1, argv);
    }
    if (strcmp(what, "skips") == 0) {
        return unit_main("child", good + 1, 1, 1, argv);
    }
    return unit_main("child", good, 0, 1, argv);
}

/* Exit status of this program started anew to run the tests called `what`. */
static int status_of(const char *what)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL) {
            execl("/proc/self/exe", "test_unit_support", "--child", what, (char *)NULL);
        }
        _exit(99);
    }
    int status = 0;
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_failed_assertion_gives_a_failing_status(void)
{
    CU_ASSERT_EQUAL(status_of("mixed"), 1);
}

static void passing_tests_give_success(void)
{
    CU_ASSERT_EQUAL(status_of("good"), 0);
}

static void a_program_without_tests_fails(void)
{
    CU_ASSERT_EQUAL(status_of("none"), 1);
}

static void a_program_that_skips_everything_is_skipped(void)
{
    CU_ASSERT_EQUAL(status_of("skips"), 77);
}

static const struct unit_test tests[] = {
    {"a_failed_assertion_gives_a_failing_status", a_failed_assertion_gives_a_failing_status},
    {"passing_tests_give_success", passing_tests_give_success},
    {"a_program_without_tests_fails", a_program_without_tests_fails},
    {"a_program_that_skips_everything_is_skipped", a_program_that_skips_everything_is_skipped},
};

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--child") == 0) {
        return run_child(argv[2]);
    }
    return unit_main("unit_support", tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
