/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What SQLite does with readings in the usual ways: the yardsticks of the settling bench.
 *
 *  All are written as well as their schema allows: prepared statements, groups in one transaction,
 *  and the store's own page size, synchronous=FULL and checkpoints on a thread beside (store_wal.h).
 *  None decodes, checks or rates anything.
 */
#ifndef TESTS_BENCH_BASELINE_SQLITE_H
#define TESTS_BENCH_BASELINE_SQLITE_H

#include <stdint.h>

/** Meters that the readings come from, in an order that is the same in each round and looks random. */
#define BASELINE_METERS 100000u

/** A journal: one row a reading (meter, time, total, amount), key ascending, no other index.
 *
 *  Returns: readings a second of wall time; the program ends with a message when SQLite fails.
 *  Out: *bytes_per_reading of the database file, unless NULL.
 *  In: directory that exists, for a file that is removed again; readings and group, at least 1.
 */
double baseline_append_rate(const char *directory, uint64_t readings, uint32_t group,
                            double *bytes_per_reading);

/** The journal with each meter's balance, kept in memory and written at the end of the group: what it
 *  takes to find the balances again after a power cut without reading the journal. As above. */
double baseline_balance_rate(const char *directory, uint64_t readings, uint32_t group,
                             double *bytes_per_reading);

/** Relational, row by row: the same row under UNIQUE (meter, seq), and its meter's balance updated.
 *  As above. */
double baseline_relational_rate(const char *directory, uint64_t readings, uint32_t group,
                                double *bytes_per_reading);

#endif
