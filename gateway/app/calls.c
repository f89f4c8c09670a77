/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/calls.h"

#include <string.h>

void gw_calls_init(struct gw_calls *calls, struct gw_bell *bell)
{
    memset(calls, 0, sizeof(*calls));
    calls->bell = bell;
    (void)pthread_mutex_init(&calls->lock, NULL); /* cannot fail without attributes */
    (void)pthread_cond_init(&calls->answered, NULL);
}

void gw_calls_deinit(struct gw_calls *calls)
{
    MT_CHECK(calls->first[0] == NULL && calls->first[1] == NULL);
    (void)pthread_cond_destroy(&calls->answered);
    (void)pthread_mutex_destroy(&calls->lock);
}

static uint32_t queue_of(const struct gw_call *call)
{
    return call->kind == GW_CALL_CHANGE || call->kind == GW_CALL_CHANGE_ALONE ? 1u : 0u;
}

enum gw_status gw_calls_do(struct gw_calls *calls, struct gw_call *call)
{
    uint32_t q = queue_of(call);
    call->done = false;
    call->next = NULL;
    (void)pthread_mutex_lock(&calls->lock);
    if (calls->closed || atomic_load(&calls->waiting) >= GW_CALLS_MAX) {
        (void)pthread_mutex_unlock(&calls->lock);
        return GW_BUSY;
    }
    if (calls->first[q] == NULL) {
        calls->first[q] = call;
    } else {
        calls->last[q]->next = call;
    }
    calls->last[q] = call;
    atomic_fetch_add(&calls->waiting, 1);
    gw_bell_ring(calls->bell);
    while (!call->done) {
        (void)pthread_cond_wait(&calls->answered, &calls->lock);
    }
    (void)pthread_mutex_unlock(&calls->lock);
    return call->status;
}

static struct gw_call *take_locked(struct gw_calls *calls, uint32_t q)
{
    struct gw_call *call = calls->first[q];
    if (call != NULL) {
        calls->first[q] = call->next;
        atomic_fetch_sub(&calls->waiting, 1);
    }
    return call;
}

struct gw_call *gw_calls_take(struct gw_calls *calls, bool changes)
{
    if (atomic_load(&calls->waiting) == 0) {
        return NULL; /* the usual case costs no lock */
    }
    (void)pthread_mutex_lock(&calls->lock);
    struct gw_call *call = take_locked(calls, changes ? 1u : 0u);
    (void)pthread_mutex_unlock(&calls->lock);
    return call;
}

const struct gw_call *gw_calls_peek_change(struct gw_calls *calls)
{
    if (atomic_load(&calls->waiting) == 0) {
        return NULL;
    }
    (void)pthread_mutex_lock(&calls->lock);
    const struct gw_call *call = calls->first[1];
    (void)pthread_mutex_unlock(&calls->lock);
    return call; /* only the core's thread takes it away */
}

static void answer_locked(struct gw_calls *calls, struct gw_call *call, enum gw_status status)
{
    call->status = status;
    call->done = true;
    (void)pthread_cond_broadcast(&calls->answered);
}

void gw_calls_answer(struct gw_calls *calls, struct gw_call *call, enum gw_status status)
{
    (void)pthread_mutex_lock(&calls->lock);
    answer_locked(calls, call, status);
    (void)pthread_mutex_unlock(&calls->lock);
}

bool gw_calls_empty(struct gw_calls *calls)
{
    return atomic_load(&calls->waiting) == 0;
}

void gw_calls_close(struct gw_calls *calls)
{
    (void)pthread_mutex_lock(&calls->lock);
    calls->closed = true;
    for (uint32_t q = 0; q < 2; q++) {
        struct gw_call *call = take_locked(calls, q);
        while (call != NULL) {
            answer_locked(calls, call, GW_BUSY);
            call = take_locked(calls, q);
        }
    }
    (void)pthread_mutex_unlock(&calls->lock);
}
