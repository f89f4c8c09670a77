/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The SQLite store's write-ahead log: kept short by a thread of its own, off the commit path.
 *
 *  A commit appends to the log (-wal). Somebody must copy the log into the database file and let the
 *  writer begin it anew, or it grows for ever; done inside a commit that takes 25-70 ms (measured),
 *  so a thread with its own connection does it:
 *
 *      log >= start_bytes      the thread copies while commits go on (PASSIVE). When less than 2 MiB
 *                              is left it closes the gate, copies the rest and opens the gate: the
 *                              next commit begins at the log's start, over blocks the file has.
 *      log >= bytes_max        commits wait for the thread, at most wait_us_max; then they are refused
 *                              as GW_FULL. Reached only if a reader holds an old snapshot for very long
 *                              (a backup under full load) or the database file cannot grow.
 *
 *  So the log file is at most bytes_max and one transaction, and usually below 2 * start_bytes.
 *  Never: a checkpoint on the committing thread, except by SQLite at the last close.
 */
#ifndef GATEWAY_ADAPTERS_STORE_WAL_H
#define GATEWAY_ADAPTERS_STORE_WAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/status.h"
#include "meters/check.h"

/** Copying begins when the log has this many bytes. A log that is written over and over is cheaper to
 *  sync than one that grows (0.24 ms a block instead of 0.38, measured), so it need not be larger; a
 *  shorter one only makes the rounds more frequent. */
#define GW_WAL_START_BYTES (UINT64_C(64) << 20)
/** The bound of the log. */
#define GW_WAL_BYTES_MAX (UINT64_C(1) << 30)
/** How long one commit waits at the bound before it is refused. */
#define GW_WAL_WAIT_US_MAX 1000000

/** What the thread has done; for status pages and alarms. */
struct gw_wal_health {
    uint64_t wal_bytes;         /**< The log now, as far as it is not copied and done with. */
    uint64_t wal_bytes_highest; /**< The most it ever was since the store was opened. */
    uint64_t checkpoints;       /**< Rounds that let the writer begin the log anew. */
    uint64_t rounds_held;       /**< Rounds that could not, because of a reader. */
    uint64_t rounds_failed;     /**< Rounds that failed: the disk. */
    uint64_t refused;           /**< Commits refused at the bound. */
    int64_t gate_us_max;        /**< The longest that commits were held up by the gate. */
    char failure[128];          /**< Why the last failed round failed; "" if none has. */
};

struct gw_wal {
    sqlite3 *db;         /* the thread's own connection */
    uint64_t page_bytes; /* a frame of the log is a page and 24 bytes */
    pthread_t thread;
    pthread_mutex_t gate;     /* held by a commit, and by the thread's short last copy */
    pthread_cond_t gate_open; /* the thread gave the gate back */
    pthread_cond_t work;      /* the log has grown, or stop */
    atomic_bool gate_wanted;  /* so that a writer in a tight loop cannot shut the thread out */
    bool stop, kicked;
    uint64_t start_bytes, bytes_max, wait_us_max;
    uint64_t trigger_bytes; /* the thread sleeps while the log is below this */
    struct gw_wal_health health;
};

/** Start the thread for the database at path, which is open and in WAL mode already.
 *
 *  Returns: GW_OK or GW_IO (no connection or no thread; nothing is left behind).
 *  Out: why, on failure: a sentence.
 *  In: path is borrowed for the call.
 */
MT_MUST_USE enum gw_status gw_wal_open(struct gw_wal *wal, char *why, size_t why_max,
                                       const char *path);

/** Stop the thread when its present round is done, and close its connection. */
void gw_wal_close(struct gw_wal *wal);

/** Set the limits: 1 <= start_bytes <= bytes_max. For tests and small disks; the defaults are above. */
void gw_wal_limit(struct gw_wal *wal, uint64_t start_bytes, uint64_t bytes_max,
                  uint64_t wait_us_max);

/** The gate of one transaction, before BEGIN. Writer only.
 *
 *  Returns: GW_OK, and gw_wal_leave must follow; GW_FULL (the log is at its bound): do not write.
 */
MT_MUST_USE enum gw_status gw_wal_enter(struct gw_wal *wal);

/** After COMMIT or ROLLBACK. In: frames in the log as SQLite's wal hook gave them; 0: no commit. */
void gw_wal_leave(struct gw_wal *wal, uint64_t frames);

/** Read the health. Any thread; waits for a commit under way. */
void gw_wal_read_health(struct gw_wal_health *health, struct gw_wal *wal);

#endif
