/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls between threads: each is run once and answered, also when the queue closes. */
#include <pthread.h>

#include "gateway/app/calls.h"
#include "tests/support/unit.h"

#define THREADS 16
#define CALLS_EACH 500

static struct gw_calls calls;
static struct gw_bell bell;
static int runs; /* only the core's thread changes it */

static void count(void *arg, struct gw_app *app, struct gw_core *core)
{
    int *own = arg;
    (void)app;
    (void)core;
    (*own)++;
    runs++;
}

struct asker {
    pthread_t thread;
    int own;
    int good;
    int refused;
    bool changes;
};

static void *ask(void *arg)
{
    struct asker *asker = arg;
    for (int i = 0; i < CALLS_EACH; i++) {
        struct gw_call call = {.kind = asker->changes ? GW_CALL_CHANGE : GW_CALL_LOOK,
                               .run = count,
                               .arg = &asker->own};
        enum gw_status status = gw_calls_do(&calls, &call);
        asker->good += status == GW_OK;
        asker->refused += status == GW_BUSY;
    }
    return NULL;
}

/* Be the core: run what waits until `total` have been, or for ever if total is 0 and the queue closes. */
static void serve(int total)
{
    while (runs < total) {
        struct gw_call *call = gw_calls_take(&calls, true);
        call = call != NULL ? call : gw_calls_take(&calls, false);
        if (call != NULL) {
            call->run(call->arg, NULL, NULL);
            gw_calls_answer(&calls, call, GW_OK);
        }
    }
}

static void every_call_is_run_once_and_answered(void)
{
    struct asker askers[THREADS] = {0};
    runs = 0;
    CU_ASSERT_EQUAL(gw_bell_init(&bell), GW_OK);
    gw_calls_init(&calls, &bell);
    for (int i = 0; i < THREADS; i++) {
        askers[i].changes = i % 2 == 0;
        CU_ASSERT_EQUAL(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    serve(THREADS * CALLS_EACH);
    for (int i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL(pthread_join(askers[i].thread, NULL), 0);
        CU_ASSERT_EQUAL(askers[i].own, CALLS_EACH);
        CU_ASSERT_EQUAL(askers[i].good, CALLS_EACH);
    }
    CU_ASSERT_TRUE(gw_calls_empty(&calls));
    gw_calls_deinit(&calls);
    gw_bell_deinit(&bell);
}

static void closing_releases_everyone_who_waits(void)
{
    struct asker askers[THREADS] = {0};
    runs = 0;
    CU_ASSERT_EQUAL(gw_bell_init(&bell), GW_OK);
    gw_calls_init(&calls, &bell);
    for (int i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    serve(THREADS);
    gw_calls_close(&calls);
    for (int i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL(pthread_join(askers[i].thread, NULL), 0);
        CU_ASSERT_EQUAL(askers[i].good, askers[i].own);
        CU_ASSERT_EQUAL(askers[i].good + askers[i].refused, CALLS_EACH);
    }
    gw_calls_deinit(&calls);
    gw_bell_deinit(&bell);
}

static const struct unit_test tests[] = {
    {"every_call_is_run_once_and_answered", every_call_is_run_once_and_answered},
    {"closing_releases_everyone_who_waits", closing_releases_everyone_who_waits},
};
UNIT_MAIN("calls", tests)
