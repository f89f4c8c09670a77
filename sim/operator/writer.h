/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The one thread that writes the books: what has gathered becomes one transaction (group commit).
 *
 *  A request's thread hands over a job and sleeps until the transaction that holds it is on the disk,
 *  or has failed.
 */
#ifndef SIM_OPERATOR_WRITER_H
#define SIM_OPERATOR_WRITER_H

#include "gateway/adapters/clock.h"
#include "gateway/core/status.h"
#include "meters/check.h"
#include "sim/operator/book.h"

#define SIM_WRITER_GROUP_MAX 256u /**< Jobs of one transaction. */

struct sim_writer;

/** Start the thread. Returns GW_OK, or GW_FULL: no memory or thread. Borrows book and clock. */
MT_MUST_USE enum gw_status sim_writer_open(struct sim_writer **writer, struct sim_book *book,
                                           struct gw_clock *clock);

/** Do a job within a transaction and wait until it is durable. Any thread.
 *
 *  Returns: GW_OK; GW_IO or GW_FULL: the books were not written, and nothing of the job happened.
 *  In:      run  is called on the writer's thread with the time, which never goes back.
 */
MT_MUST_USE enum gw_status sim_writer_do(struct sim_writer *writer,
                                         void (*run)(void *arg, struct sim_book *book,
                                                     int64_t now_us),
                                         void *arg);

/** Jobs and transactions so far. */
void sim_writer_counts(struct sim_writer *writer, uint64_t *job_count, uint64_t *commit_count);

/** Stop. No thread may be in sim_writer_do. NULL is allowed. */
void sim_writer_close(struct sim_writer *writer);

#endif
