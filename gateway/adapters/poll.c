/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/poll.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/core/heap.h"
#include "meters/message.h"

#define RING_BYTES ((size_t)256 * 1024)
#define MINUTE_US 60000000ll
#define DAY_US (1440 * MINUTE_US)
#define LOCAL_US (480 * MINUTE_US)
#define REOPEN_MS_MIN 500
#define REOPEN_MS_MAX 60000
#define SLEEP_MS_MAX 60000
#define ROOM_MS 50
#define DIR_BYTES 512

/* One line's thread and what only it uses. */
struct worker {
    struct gw_poll *poller;
    uint32_t index;
    pthread_t thread;
    bool started;
    struct gw_line line;
    struct gw_talk talk;
    struct gw_heap heap;
    void *heap_memory;
    int64_t sync_day; /* local day whose broadcast is done */
};

struct gw_poll {
    struct gw_clock *clock;
    int wake_fd; /* readable from the moment of closing on */
    _Alignas(64) struct gw_ring ring;
    void *memory;
    pthread_mutex_t producing; /* lines take turns as the ring's one producer */
    pthread_mutex_t looking;   /* guards views and open flags */
    char dir[DIR_BYTES];
    struct gw_poll_plan plan;
    struct gw_poll_view views[GW_POLL_METERS_MAX];
    bool open[GW_LINES_MAX];
    char why[GW_LINES_MAX][GW_LINE_WHY_BYTES];
    struct worker workers[GW_LINES_MAX];
};

/* True when the poller is being closed. */
static bool sleep_ms(const struct gw_poll *poller, int64_t ms)
{
    struct pollfd fd = {.fd = poller->wake_fd, .events = POLLIN};
    return poll(&fd, 1, (int)(ms < SLEEP_MS_MAX ? ms : SLEEP_MS_MAX)) > 0;
}

/* ---- one meter -------------------------------------------------------------------------------------- */

/* Hand a message over, waiting for room. False when the poller is being closed. */
static bool hand_over(struct gw_poll *poller, const struct gw_message *message)
{
    bool put = false;
    bool closing = false;
    while (!put && !closing) {
        pthread_mutex_lock(&poller->producing);
        put = gw_inbox_put(&poller->ring, message);
        pthread_mutex_unlock(&poller->producing);
        closing = !put && sleep_ms(poller, ROOM_MS);
    }
    return put;
}

static bool hand_over_answer(struct worker *w, uint32_t target, const struct mt_reading *reading)
{
    const struct gw_poll_target *t = &w->poller->plan.targets[target];
    struct gw_message message = {.transport = GW_VIA_WIRE,
                                 .form = GW_FORM_RAW,
                                 .name = t->name,
                                 .name_len = strlen(t->name),
                                 .reply = target + 1u};
    uint8_t cbor[256];
    if (t->protocol == GW_POLL_MODBUS) {
        struct mt_message *said = calloc(1, sizeof(*said)); /* 7 kB: not on a thread's stack */
        enum mt_status status = MT_TOO_LARGE;
        if (said != NULL) {
            said->count = 1;
            said->readings[0] = *reading;
            status = mt_message_encode(cbor, &message.len, sizeof(cbor), said,
                                       (enum mt_medium)t->identity.medium);
        }
        free(said);
        if (status != MT_OK) {
            return true; /* no memory: it is asked again at its period */
        }
        message.form = GW_FORM_CBOR;
        message.bytes = cbor;
    } else {
        message.protocol = gw_poll_frame_name(t->protocol);
        message.protocol_len = strlen(message.protocol);
        message.bytes = gw_talk_answer(&w->talk, &message.len);
    }
    return hand_over(w->poller, &message);
}

static void say_why(struct gw_poll_view *view, const struct worker *w, enum gw_talk_said said)
{
    if (view->protocol == GW_POLL_MODBUS) {
        memcpy(view->why, w->line.why, sizeof(view->why));
    } else if (said == GW_TALK_REFUSED && w->talk.frame.kind == MT_FRAME_ABNORMAL) {
        snprintf(view->why, sizeof(view->why), "the meter refuses, error %u", w->talk.frame.error);
    } else if (said == GW_TALK_REFUSED) {
        snprintf(view->why, sizeof(view->why), "the meter's answer has no register to bill by");
    } else if (w->talk.foreign_count > 0) {
        snprintf(view->why, sizeof(view->why), "another meter answered; look at its address");
    } else if (w->talk.heard_count > 0) {
        snprintf(view->why, sizeof(view->why),
                 "something was heard and no frame of it; look at speed, parity and wiring");
    } else {
        snprintf(view->why, sizeof(view->why), "nothing was heard");
    }
}

static void note(struct worker *w, uint32_t target, enum gw_talk_said said, int64_t asked_us)
{
    struct gw_poll *poller = w->poller;
    struct gw_poll_view *view = &poller->views[target];
    pthread_mutex_lock(&poller->looking);
    view->asked_us = asked_us;
    view->silent = said == GW_TALK_SILENT;
    if (view->protocol != GW_POLL_MODBUS) {
        view->foreign += w->talk.foreign_count;
        view->damaged += w->talk.damaged_count;
    }
    if (said == GW_TALK_ANSWER) {
        view->answers++;
        view->answered_us = gw_clock_now_us(poller->clock);
        view->why[0] = '\0';
    } else {
        view->failures++;
        say_why(view, w, said);
    }
    pthread_mutex_unlock(&poller->looking);
}

/* Ask one meter. Returns GW_OK also when it is silent; GW_IO when the line failed; GW_END to close. */
static enum gw_status ask(struct worker *w, uint32_t target)
{
    const struct gw_poll_plan *plan = &w->poller->plan;
    const struct gw_poll_target *t = &plan->targets[target];
    struct mt_reading reading = {.time_us = 0};
    enum gw_talk_said said = GW_TALK_SILENT;
    /* A dead meter must not take the line from the others: one question until it speaks again. */
    uint8_t tries = w->poller->views[target].silent ? 1 : w->line.plan->tries;
    int64_t asked_us = gw_clock_now_us(w->poller->clock);
    enum gw_status status = gw_line_take(&w->line);
    if (status != GW_OK) {
        return status == GW_BUSY ? GW_OK : status;
    }
    if (t->protocol == GW_POLL_MODBUS) {
        status = gw_line_modbus(&w->line, &said, &reading, t->address, &plan->maps[t->map], tries);
    } else {
        gw_talk_begin(&w->talk, t, tries);
        status = gw_line_talk(&w->line, &said, &w->talk);
    }
    gw_line_give(&w->line);
    if (status != GW_OK) {
        return status;
    }
    note(w, target, said, asked_us);
    bool handed = said != GW_TALK_ANSWER || hand_over_answer(w, target, &reading);
    return handed ? GW_OK : GW_END;
}

/* ---- one line ------------------------------------------------------------------------------------------ */

/* The next moment of a meter's period: the periods begin at midnight 1970, the meters of a line are
 * spread over them. */
static int64_t next_us(const struct worker *w, uint32_t own, int64_t now_us)
{
    const struct gw_line_plan *plan = &w->poller->plan.lines[w->index];
    int64_t every_us = w->poller->plan.targets[plan->first + own].every_us;
    int64_t phase_us = every_us / plan->count * own;
    return ((now_us - phase_us) / every_us + 1) * every_us + phase_us;
}

static void set_open(struct worker *w, bool open)
{
    pthread_mutex_lock(&w->poller->looking);
    w->poller->open[w->index] = open;
    memcpy(w->poller->why[w->index], open ? "" : w->line.why, open ? 1 : GW_LINE_WHY_BYTES);
    pthread_mutex_unlock(&w->poller->looking);
}

/* Open the line, however long it takes. False when the poller is being closed. */
static bool open_line(struct worker *w)
{
    const struct gw_line_plan *plan = &w->poller->plan.lines[w->index];
    int64_t wait_ms = REOPEN_MS_MIN;
    while (gw_line_open(&w->line, plan, w->poller->dir, w->poller->wake_fd) != GW_OK) {
        set_open(w, false);
        if (sleep_ms(w->poller, wait_ms)) {
            return false;
        }
        wait_ms = wait_ms * 2 < REOPEN_MS_MAX ? wait_ms * 2 : REOPEN_MS_MAX;
    }
    set_open(w, true);
    return true;
}

/* The day's broadcast of the time, where the line wants one. A simulated time is nobody's business. */
static enum gw_status send_time(struct worker *w, int64_t now_us)
{
    const struct gw_line_plan *plan = &w->poller->plan.lines[w->index];
    int64_t local_us = now_us + LOCAL_US;
    uint8_t bytes[GW_TALK_ASK_MAX];
    bool due = plan->sync_minute >= 0 && local_us / DAY_US > w->sync_day &&
               local_us % DAY_US >= plan->sync_minute * MINUTE_US;
    if (!due || w->poller->clock->speed != 1) {
        return GW_OK;
    }
    enum gw_status status = gw_line_take(&w->line);
    size_t len = gw_talk_sync(bytes, gw_clock_now_us(w->poller->clock));
    status = status == GW_OK ? gw_line_send(&w->line, bytes, len) : status;
    gw_line_give(&w->line);
    if (status == GW_OK) {
        w->sync_day = local_us / DAY_US;
    }
    return status == GW_BUSY ? GW_OK : status;
}

/* Do what is due, or sleep. Anything but GW_OK: the line failed, or the poller is being closed. */
static enum gw_status turn(struct worker *w)
{
    struct gw_poll *poller = w->poller;
    int64_t now_us = gw_clock_now_us(poller->clock);
    uint32_t own = 0;
    int64_t due_us = 0;
    enum gw_status status = send_time(w, now_us);
    if (status != GW_OK) {
        return status;
    }
    bool any = gw_heap_first(&own, &due_us, &w->heap);
    if (!any || due_us > now_us) {
        int64_t span_us = any ? gw_clock_real_span_us(poller->clock, due_us - now_us) : MINUTE_US;
        return sleep_ms(poller, span_us / 1000 + 1) ? GW_END : GW_OK;
    }
    uint32_t target = poller->plan.lines[w->index].first + own;
    status = ask(w, target);
    if (status == GW_OK) {
        int64_t next = next_us(w, own, gw_clock_now_us(poller->clock));
        gw_heap_set(&w->heap, own, next);
        pthread_mutex_lock(&poller->looking);
        poller->views[target].next_us = next;
        pthread_mutex_unlock(&poller->looking);
    }
    return status;
}

static void *run(void *arg)
{
    struct worker *w = arg;
    while (open_line(w)) {
        enum gw_status status = GW_OK;
        while (status == GW_OK) {
            status = turn(w);
        }
        set_open(w, false);
        gw_line_close(&w->line);
        if (status == GW_END || sleep_ms(w->poller, REOPEN_MS_MIN)) {
            break;
        }
    }
    gw_line_close(&w->line);
    return NULL;
}

static enum gw_status start(struct gw_poll *poller, uint32_t index)
{
    struct worker *w = &poller->workers[index];
    const struct gw_line_plan *plan = &poller->plan.lines[index];
    int64_t now_us = gw_clock_now_us(poller->clock);
    int64_t local_us = now_us + LOCAL_US;
    uint32_t places = plan->count > 0 ? plan->count : 1;
    w->poller = poller;
    w->index = index;
    w->line.fd = -1;
    w->line.lock_fd = -1;
    /* A start after the hour does not broadcast again what an earlier run may have sent. */
    bool past = local_us % DAY_US >= plan->sync_minute * MINUTE_US;
    w->sync_day = local_us / DAY_US - (past ? 0 : 1);
    w->heap_memory = malloc(gw_heap_bytes(places));
    if (w->heap_memory == NULL) {
        return GW_FULL;
    }
    gw_heap_init(&w->heap, w->heap_memory, places);
    for (uint32_t i = 0; i < plan->count; i++) {
        struct gw_poll_view *view = &poller->views[plan->first + i];
        const struct gw_poll_target *target = &poller->plan.targets[plan->first + i];
        memcpy(view->name, target->name, sizeof(view->name));
        memcpy(view->line, plan->name, sizeof(view->line));
        view->protocol = target->protocol;
        view->every_us = target->every_us;
        view->next_us = now_us;
        view->verdict = -1;
        gw_heap_set(&w->heap, i, now_us + i); /* in the file's order */
    }
    w->started = pthread_create(&w->thread, NULL, run, w) == 0;
    return w->started ? GW_OK : GW_FULL;
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

enum gw_status gw_poll_open(struct gw_poll **poll, char *why, const struct gw_poll_config *config)
{
    size_t bytes = (sizeof(struct gw_poll) + 63) / 64 * 64;
    struct gw_poll *opened = aligned_alloc(64, bytes);
    *poll = NULL;
    if (opened == NULL) {
        (void)snprintf(why, GW_YAML_WHY_MAX, "there is no memory for the poller");
        return GW_FULL;
    }
    memset(opened, 0, bytes);
    opened->clock = config->clock;
    enum gw_status status = gw_poll_plan_load(&opened->plan, why, config->dir);
    if (status != GW_OK) {
        free(opened);
        return status == GW_END ? GW_OK : status;
    }
    (void)snprintf(opened->dir, sizeof(opened->dir), "%s", config->dir);
    pthread_mutex_init(&opened->producing, NULL);
    pthread_mutex_init(&opened->looking, NULL);
    opened->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    opened->memory = aligned_alloc(64, RING_BYTES);
    status = opened->wake_fd >= 0 && opened->memory != NULL ? GW_OK : GW_FULL;
    if (status == GW_OK) {
        gw_ring_init(&opened->ring, opened->memory, RING_BYTES, config->filled, NULL);
    }
    for (uint32_t i = 0; status == GW_OK && i < opened->plan.line_count; i++) {
        status = start(opened, i);
    }
    if (status != GW_OK) {
        (void)snprintf(why, GW_YAML_WHY_MAX, "there is no memory or thread left for the poller");
        gw_poll_close(opened);
        return status;
    }
    *poll = opened;
    return GW_OK;
}

void gw_poll_close(struct gw_poll *poller)
{
    if (poller == NULL) {
        return;
    }
    uint64_t one = 1;
    ssize_t put = poller->wake_fd >= 0 ? write(poller->wake_fd, &one, sizeof(one)) : 0;
    (void)put; /* an eventfd takes a first 1 */
    for (uint32_t i = 0; i < poller->plan.line_count; i++) {
        if (poller->workers[i].started) {
            pthread_join(poller->workers[i].thread, NULL);
        }
        free(poller->workers[i].heap_memory);
    }
    if (poller->wake_fd >= 0) {
        close(poller->wake_fd);
    }
    pthread_mutex_destroy(&poller->producing);
    pthread_mutex_destroy(&poller->looking);
    free(poller->memory);
    free(poller);
}

struct gw_ring *gw_poll_inbox(struct gw_poll *poller)
{
    return &poller->ring;
}

void gw_poll_reply(struct gw_poll *poller, const struct gw_reply *reply)
{
    MT_CHECK(reply->transport == GW_VIA_WIRE && reply->reply <= poller->plan.target_count);
    if (reply->reply > 0) {
        pthread_mutex_lock(&poller->looking);
        poller->views[reply->reply - 1u].verdict = reply->verdict;
        pthread_mutex_unlock(&poller->looking);
    }
}

bool gw_poll_view(struct gw_poll_view *view, struct gw_poll *poller, uint32_t index)
{
    if (index >= poller->plan.target_count) {
        return false;
    }
    pthread_mutex_lock(&poller->looking);
    *view = poller->views[index];
    pthread_mutex_unlock(&poller->looking);
    return true;
}

bool gw_poll_line_view(struct gw_poll_line_view *view, struct gw_poll *poller, uint32_t index)
{
    if (index >= poller->plan.line_count) {
        return false;
    }
    const struct gw_line_plan *plan = &poller->plan.lines[index];
    memset(view, 0, sizeof(*view));
    memcpy(view->name, plan->name, sizeof(view->name));
    view->meters = plan->count;
    pthread_mutex_lock(&poller->looking);
    view->open = poller->open[index];
    memcpy(view->why, poller->why[index], sizeof(view->why));
    for (uint32_t i = 0; i < plan->count; i++) {
        view->silent += poller->views[plan->first + i].silent;
    }
    pthread_mutex_unlock(&poller->looking);
    return true;
}
