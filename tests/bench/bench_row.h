/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One line of the benches' table; ./dev bench gathers them into docs/BENCHMARKS.md. */
#ifndef TESTS_BENCH_BENCH_ROW_H
#define TESTS_BENCH_BENCH_ROW_H

#include <stdbool.h>
#include <stdio.h>

/** Print a row: what was measured, its figure, what it is held against, the ratio or distance, the goal. */
static inline void bench_row(const char *what, const char *figure, const char *against,
                             const char *ratio, const char *goal, bool reached)
{
    printf("| %s | %s | %s | %s | %s | %s |\n", what, figure, against, ratio, goal,
           reached ? "yes" : "no");
    fflush(stdout);
}

/** Print a row that no goal is set for. */
static inline void bench_row_seen(const char *what, const char *figure, const char *against,
                                  const char *ratio)
{
    printf("| %s | %s | %s | %s | - | - |\n", what, figure, against, ratio);
    fflush(stdout);
}

/** A line for whoever watches; not part of the table. */
#define bench_say(...)                \
    do {                              \
        fprintf(stderr, "bench: ");   \
        fprintf(stderr, __VA_ARGS__); \
        fprintf(stderr, "\n");        \
    } while (0)

#endif
