/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Questions and changes from other threads, run by the core's thread.
 *
 *  A thread hands over a call and sleeps until it is answered. A LOOK runs between two batches, so it
 *  sees only what is durable. A CHANGE runs inside a batch and is answered after its commit: done means
 *  durable. The queue is bounded; each thread has one call at a time.
 */
#ifndef GATEWAY_APP_CALLS_H
#define GATEWAY_APP_CALLS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/adapters/ring.h"
#include "gateway/core/core.h"

#define GW_CALLS_MAX 1100u /**< More than there are connections. */

enum gw_call_kind {
    GW_CALL_LOOK,
    GW_CALL_CHANGE,
    GW_CALL_CHANGE_ALONE, /**< At most one of these in a batch: it brings a document. */
    GW_CALL_ALWAYS,       /**< A look that reads no core: answered also while the store is down. */
};

struct gw_app;

struct gw_call {
    enum gw_call_kind kind;
    /** Runs on the core's thread; must not block. core is NULL for GW_CALL_ALWAYS while it is down. */
    void (*run)(void *arg, struct gw_app *app, struct gw_core *core);
    /** A CHANGE's second step, after its commit; NULL: none. */
    void (*after)(void *arg, struct gw_app *app, struct gw_core *core);
    void *arg; /**< The caller's, and alive until gw_calls_do returns. */
    /* private */
    enum gw_status status;
    bool done;
    struct gw_call *next;
};

struct gw_calls {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct gw_bell *bell;     /**< The core's; borrowed. */
    struct gw_call *first[2]; /**< Looks, changes: oldest first. */
    struct gw_call *last[2];
    _Atomic uint32_t waiting; /**< In both queues. */
    bool closed;
};

void gw_calls_init(struct gw_calls *calls, struct gw_bell *bell);
void gw_calls_deinit(struct gw_calls *calls);

/** Hand a call over and wait for its answer. Any thread but the core's.
 *
 *  Returns: GW_OK: it ran (and, a change, is durable); GW_FULL, GW_IO: the commit failed, nothing of it
 *           happened; GW_BUSY: the queue is full, the store is down or the daemon stops: it did not run.
 */
MT_MUST_USE enum gw_status gw_calls_do(struct gw_calls *calls, struct gw_call *call);

/* ---- for the core's thread ---- */

/** Take the oldest waiting call of changes or looks; NULL: none. */
struct gw_call *gw_calls_take(struct gw_calls *calls, bool changes);
/** The oldest waiting change without taking it; NULL: none. */
const struct gw_call *gw_calls_peek_change(struct gw_calls *calls);
/** Answer a call that was taken. */
void gw_calls_answer(struct gw_calls *calls, struct gw_call *call, enum gw_status status);
/** True when nothing waits. */
bool gw_calls_empty(struct gw_calls *calls);
/** From now on every call is answered with GW_BUSY, those that wait too. */
void gw_calls_close(struct gw_calls *calls);

#endif
