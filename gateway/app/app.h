/* SPDX-License-Identifier: GPL-3.0-or-later */
/** meterpayd: the core, its store and its adapters, wired together.
 *
 *      adapters' threads --rings--> core's thread: batch -> commit -> replies, orders, answers
 *      HTTP threads      --calls-->
 *
 *  The core's thread takes what has gathered as one batch and one transaction; nothing leaves before
 *  the commit. A failed commit drops all that memory holds and reads it back from the store; while the
 *  disk is full intake is stopped, and room is looked for every second.
 *
 *      RUNNING --commit: GW_FULL--> FULL ----load works--> RUNNING
 *         |-----commit: GW_IO-----> BROKEN --load works--> RUNNING
 *         '--the clock went back--> CLOCK_BEHIND --it has caught up with the store--> RUNNING
 *
 *  What is decided gets the time of its batch, and that never goes back. With a clock that is behind
 *  the newest block it would stand still: readings of meters without a clock would be rated at an
 *  instant that is not theirs, and meters be told a wrong time. So intake waits instead.
 */
#ifndef GATEWAY_APP_APP_H
#define GATEWAY_APP_APP_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/adapters/clock.h"
#include "gateway/adapters/config.h"
#include "gateway/adapters/http.h"
#include "gateway/adapters/ring.h"
#include "gateway/adapters/store_sqlite.h"
#include "gateway/app/alarms.h"
#include "gateway/app/calls.h"
#include "gateway/app/directory.h"

#define GW_APP_WHY_BYTES 1024u

enum gw_app_state { GW_APP_RUNNING, GW_APP_FULL, GW_APP_BROKEN, GW_APP_CLOCK_BEHIND };

struct gw_links;   /* links.h */
struct gw_keys;    /* keys.h */
struct gw_recon;   /* reconcile.h */
struct gw_hooks;   /* adapters/hook.h */
struct gw_webhook; /* adapters/webhook.h */

/** What status shows of a core that is being read back. */
struct gw_app_seen {
    struct gw_counters counters;
    struct gw_store_health store;
    uint64_t disk_free_bytes;
    uint64_t disk_total_bytes;
    uint64_t commits;
    uint64_t commits_failed;
    int64_t commit_us_max; /**< Longest commit of the last minute, real time. */
};

struct gw_app {
    struct gw_config config;
    struct gw_clock clock;
    int64_t started_us; /**< By the clock. */
    _Atomic bool stop;  /**< Set by gw_app_stop. */
    _Atomic int state;  /**< enum gw_app_state */
    bool fatal;         /**< The store contradicts itself: run ended by itself. */

    struct gw_store_sqlite *store;
    struct gw_store_port port;
    void *memory;
    size_t memory_bytes;
    struct gw_core *core;

    struct gw_bell bell;
    struct gw_calls calls;
    struct gw_alarms alarms;
    struct gw_directory directory;
    sem_t queries;           /**< Turns of queries that read the store. */
    struct gw_app_seen seen; /**< The core's thread only. */
    struct gw_links *links;
    struct gw_keys *keys;
    struct gw_recon *recon;
    struct gw_http *http;
    struct gw_hooks *hooks;
    struct gw_webhook *webhook; /**< NULL: not enabled. */

    int64_t probe_us;        /**< Real time of the next attempt to read the store back. */
    int64_t housekeeping_us; /**< Real time of the last look around. */
    int64_t minute_us;       /**< Real time at which commit_us_max was last begun anew. */
    int64_t unsure_us;       /**< Real time since when orders are unsure; 0: none is. */
    struct {
        uint64_t reply;
        uint8_t transport;
    } batch[GW_BATCH_MAX]; /**< Whom to answer if this batch cannot be kept. */
    uint32_t batch_count;
};

/** Open everything: store, tariffs, core, adapters, API.
 *
 *  Returns: GW_OK; GW_INVALID, GW_IO, GW_BUSY, GW_FULL, GW_CORRUPT with a sentence in why.
 *  Out:     *app, ended by gw_app_close.
 */
MT_MUST_USE enum gw_status gw_app_open(struct gw_app **app, char why[GW_APP_WHY_BYTES],
                                       const struct gw_config *config);

/** Be the core's thread until gw_app_stop.
 *
 *  In:      signal_fd  readable means stop (a signalfd or a pipe); -1: none.
 *  Returns: GW_OK after a stop; GW_CORRUPT or GW_INVALID when the store could not be read back.
 */
MT_MUST_USE enum gw_status gw_app_run(struct gw_app *app, int signal_fd);

/** Ask the loop to end. Any thread, and signal handlers. */
void gw_app_stop(struct gw_app *app);

/** Stop the adapters, save the core's state, close and free. NULL is allowed. */
void gw_app_close(struct gw_app *app);

/** Real time since some start, for what is measured in it. */
int64_t gw_app_real_us(void);

#endif
