/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The core's thread: gather, decide, commit, tell. */
#include <poll.h>
#include <time.h>

#include "gateway/app/app.h"
#include "gateway/app/links.h"
#include "gateway/app/log.h"
#include "gateway/app/watch.h"

#define TICK_STEPS 512u /* Timers and orders of one batch. */
#define RESULTS_PER_BATCH 1024u
#define CHANGES_PER_BATCH 4u /* Each may hold a thousand rows. */
#define LOOKS_PER_TURN 16u
#define PROBE_US 1000000ll /* How often a failed store is tried again. */
#define HOUSEKEEPING_US 1000000ll
/* Intake goes on when a full disk has room for two blocks of the largest kind again, or a sixteenth of a
 * small disk: with less it would stop again at once, over and over. */
#define RESUME_FREE_BYTES (4u * 1024u * 1024u)
#define RESUME_FREE_PART 16u

int64_t gw_app_real_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- a batch -------------------------------------------------------------------------------------- */

/* Changes of one batch, answered after its commit. */
struct changes {
    struct gw_call *calls[CHANGES_PER_BATCH];
    uint32_t count;
};

static void take_changes(struct gw_app *app, struct changes *changes)
{
    bool alone = false;
    changes->count = 0;
    while (changes->count < CHANGES_PER_BATCH && !gw_core_full(app->core)) {
        const struct gw_call *next = gw_calls_peek_change(&app->calls);
        if (next == NULL || (alone && next->kind == GW_CALL_CHANGE_ALONE)) {
            return;
        }
        alone = alone || next->kind == GW_CALL_CHANGE_ALONE;
        struct gw_call *call = gw_calls_take(&app->calls, true);
        changes->calls[changes->count++] = call;
        call->run(call->arg, app, app->core);
    }
}

static void take_results(struct gw_app *app)
{
    struct gw_order_result result;
    for (uint32_t i = 0;
         i < RESULTS_PER_BATCH && !gw_core_full(app->core) && gw_links_result(app->links, &result);
         i++) {
        gw_core_order_result(app->core, &result);
    }
}

static void take_messages(struct gw_app *app)
{
    struct gw_message message;
    while (!gw_core_full(app->core) && app->batch_count < GW_BATCH_MAX &&
           gw_links_get(app->links, &message, true)) {
        if (app->batch_count % GW_HINT_MAX == 0) {
            gw_links_hint(app->links, app->core);
        }
        app->batch[app->batch_count].reply = message.reply;
        app->batch[app->batch_count++].transport = message.transport;
        (void)gw_core_message(app->core, &message); /* its verdict is in the reply */
        gw_links_release(app->links);
    }
}

static void tell(struct gw_app *app)
{
    uint32_t count = 0;
    const struct gw_reply *replies = gw_core_replies(app->core, &count);
    for (uint32_t i = 0; i < count; i++) {
        gw_links_reply(app->links, &replies[i]);
    }
    const struct gw_order_request *requests = gw_core_requests(app->core, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (!gw_links_request(app->links, &requests[i])) {
            gw_core_request_failed(app->core, requests[i].number);
        }
    }
}

static void refuse_stopped(struct gw_app *app, uint64_t handle, uint8_t transport)
{
    struct gw_reply reply = {.reply = handle,
                             .transport = transport,
                             .verdict = GW_REFUSED_STOPPED};
    gw_links_reply(app->links, &reply);
}

static void note_failure(struct gw_app *app, enum gw_status status)
{
    int64_t now_us = gw_clock_now_us(&app->clock);
    gw_store_sqlite_health(&app->seen.store, app->store);
    const char *why = app->seen.store.append_failure;
    app->seen.commits_failed++;
    atomic_store(&app->state, status == GW_FULL ? GW_APP_FULL : GW_APP_BROKEN);
    gw_log(GW_LOG_ERROR, "commit_failed", "status=%s text=\"%s\"",
           status == GW_FULL ? "full" : "io", why);
    if (status == GW_FULL) {
        gw_alarm_raise(&app->alarms, GW_ALARM_INTAKE_STOPPED, now_us,
                       "the disk has no room for the store: %s", why);
    } else {
        gw_alarm_raise(&app->alarms, GW_ALARM_COMMIT_FAILED, now_us, "a commit failed: %s", why);
    }
    /* Whoever waits for an answer is told; meters send again after a while. */
    for (uint32_t i = 0; i < app->batch_count; i++) {
        refuse_stopped(app, app->batch[i].reply, app->batch[i].transport);
    }
    app->probe_us = gw_app_real_us() + PROBE_US;
}

static enum gw_status commit(struct gw_app *app)
{
    int64_t before_us = gw_app_real_us();
    enum gw_status status = gw_core_commit(app->core);
    int64_t took_us = gw_app_real_us() - before_us;
    if (took_us > app->seen.commit_us_max) {
        app->seen.commit_us_max = took_us;
    }
    app->seen.commits++;
    return status;
}

/* Returns true when there may be more to do at once. */
static bool run_batch(struct gw_app *app)
{
    struct changes changes;
    app->batch_count = 0;
    gw_core_begin(app->core, gw_clock_now_us(&app->clock));
    take_changes(app, &changes);
    take_results(app);
    take_messages(app);
    /* Without an operator nothing is ordered and nobody is asked: what is owed stays in the books. */
    bool more = app->config.operator_enabled && gw_core_tick(app->core, TICK_STEPS);
    bool any = gw_core_pending(app->core);
    enum gw_status status = any ? commit(app) : GW_OK;
    if (status == GW_OK && any) {
        tell(app);
        gw_core_counters(&app->seen.counters, app->core);
    }
    for (uint32_t i = 0; i < changes.count; i++) {
        struct gw_call *call = changes.calls[i];
        if (status == GW_OK && call->after != NULL) {
            call->after(call->arg, app, app->core);
        }
        gw_calls_answer(&app->calls, call, status);
    }
    if (status != GW_OK) {
        note_failure(app, status);
        return true;
    }
    return more || any || changes.count > 0;
}

/* ---- while the store is down ---------------------------------------------------------------------------- */

static void refuse_all(struct gw_app *app)
{
    struct gw_message message;
    struct gw_call *call = NULL;
    /* MQTT's messages stay where they are, and the broker waits. */
    for (uint32_t i = 0; i < GW_BATCH_MAX && gw_links_get(app->links, &message, false); i++) {
        refuse_stopped(app, message.reply, message.transport);
        gw_links_release(app->links);
    }
    while ((call = gw_calls_take(&app->calls, true)) != NULL) {
        int state = atomic_load(&app->state);
        gw_calls_answer(&app->calls, call,
                        state == GW_APP_FULL           ? GW_FULL
                        : state == GW_APP_CLOCK_BEHIND ? GW_BUSY
                                                       : GW_IO);
    }
}

static bool has_room(struct gw_app *app)
{
    gw_app_look_at_disk(app);
    uint64_t enough = app->seen.disk_total_bytes / RESUME_FREE_PART;
    enough = enough < RESUME_FREE_BYTES ? enough : RESUME_FREE_BYTES;
    return app->seen.disk_free_bytes >= enough;
}

static void probe(struct gw_app *app)
{
    int64_t real_us = gw_app_real_us();
    if (real_us < app->probe_us || atomic_load(&app->state) == GW_APP_CLOCK_BEHIND) {
        return; /* the clock is looked at once a second: watch.c */
    }
    if (atomic_load(&app->state) == GW_APP_FULL && !has_room(app)) {
        app->probe_us = real_us + PROBE_US;
        return;
    }
    int64_t now_us = gw_clock_now_us(&app->clock);
    enum gw_status status = gw_core_load(app->core, now_us);
    /* A large store takes long to read: it is not read without a break. */
    int64_t took_us = gw_app_real_us() - real_us;
    app->probe_us = gw_app_real_us() + (took_us > PROBE_US / 4 ? 4 * took_us : PROBE_US);
    if (status == GW_OK) {
        atomic_store(&app->state, GW_APP_RUNNING);
        gw_log(GW_LOG_INFO, "store_back", "took_ms=%lld", (long long)took_us / 1000);
        gw_alarm_clear(&app->alarms, GW_ALARM_INTAKE_STOPPED, now_us);
        gw_alarm_clear(&app->alarms, GW_ALARM_COMMIT_FAILED, now_us);
        gw_core_counters(&app->seen.counters, app->core);
        gw_app_look_at_clock(app);
    } else if (status == GW_CORRUPT || status == GW_INVALID) {
        gw_log(GW_LOG_ERROR, "store_contradicts",
               "text=\"the store cannot be read back; stopping, nothing is written over it\"");
        app->fatal = true;
    } else {
        atomic_store(&app->state, status == GW_FULL ? GW_APP_FULL : GW_APP_BROKEN);
    }
}

/* ---- looks ----------------------------------------------------------------------------------------------- */

static bool run_looks(struct gw_app *app)
{
    int state = atomic_load(&app->state);
    bool up = state == GW_APP_RUNNING || state == GW_APP_CLOCK_BEHIND; /* the core is whole */
    struct gw_call *call = NULL;
    for (uint32_t i = 0; i < LOOKS_PER_TURN && (call = gw_calls_take(&app->calls, false)) != NULL;
         i++) {
        if (!up && call->kind != GW_CALL_ALWAYS) {
            gw_calls_answer(&app->calls, call, GW_BUSY);
            continue;
        }
        call->run(call->arg, app, up ? app->core : NULL);
        gw_calls_answer(&app->calls, call, GW_OK);
    }
    return call != NULL;
}

/* ---- the loop ---------------------------------------------------------------------------------------------- */

static int64_t wait_us(struct gw_app *app)
{
    int64_t left_us = app->housekeeping_us + HOUSEKEEPING_US - gw_app_real_us();
    if (atomic_load(&app->state) != GW_APP_RUNNING) {
        return left_us; /* what is tried again then is tried about once a second */
    }
    int64_t next_us = app->config.operator_enabled ? gw_core_next_us(app->core) : INT64_MAX;
    if (next_us != INT64_MAX) {
        int64_t due_us = gw_clock_real_span_us(&app->clock, next_us - gw_clock_now_us(&app->clock));
        left_us = due_us < left_us ? due_us : left_us;
    }
    return left_us;
}

/* Wait for the bell or a signal, for at most left_us. */
static void stop_if_signalled(struct gw_app *app, int signal_fd, int64_t left_us)
{
    struct pollfd fds[2] = {{.fd = signal_fd, .events = POLLIN},
                            {.fd = app->bell.fd, .events = POLLIN}};
    (void)poll(fds, 2, (int)((left_us + 999) / 1000)); /* an interruption is a look around, too */
    if (fds[0].revents != 0) {
        gw_app_stop(app);
    }
}

static void sleep_until_rung(struct gw_app *app, int signal_fd)
{
    bool up = atomic_load(&app->state) == GW_APP_RUNNING;
    gw_bell_arm(&app->bell);
    int64_t left_us = wait_us(app);
    if (gw_links_empty(app->links, up) && gw_calls_empty(&app->calls) && !atomic_load(&app->stop) &&
        left_us > 0) {
        stop_if_signalled(app, signal_fd, left_us);
    }
    gw_bell_disarm(&app->bell);
}

enum gw_status gw_app_run(struct gw_app *app, int signal_fd)
{
    while (!atomic_load(&app->stop) && !app->fatal) {
        bool busy = false;
        if (atomic_load(&app->state) == GW_APP_RUNNING) {
            busy = run_batch(app);
        } else {
            refuse_all(app);
            probe(app);
        }
        busy = run_looks(app) || busy;
        if (gw_app_real_us() - app->housekeeping_us >= HOUSEKEEPING_US) {
            app->housekeeping_us = gw_app_real_us();
            gw_app_watch(app);
            stop_if_signalled(app, signal_fd, 0);
        }
        if (!busy) {
            sleep_until_rung(app, signal_fd);
        }
    }
    return app->fatal ? GW_CORRUPT : GW_OK;
}

void gw_app_stop(struct gw_app *app)
{
    atomic_store(&app->stop, true);
    gw_bell_ring(&app->bell);
}
