/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/reconcile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/app/api_tools.h"
#include "gateway/app/compare.h"
#include "gateway/app/links.h"
#include "gateway/app/log.h"
#include "gateway/app/result.h"
#include "gateway/app/steady.h"
#include "gateway/core/civil.h"

#define WAIT_S_MIN \
    10 /* Real time before a day that failed, or has open orders, is tried again ... */
#define WAIT_S_MAX 900 /* ... doubled up to this. */
#define IDLE_S 30      /* How often the calendar is looked at. */
#define NO_DAY INT32_MIN
/* A day that is not compared this long after its time is worth an alarm. */
#define LATE_US (6ll * GW_US_PER_HOUR)

struct gw_recon {
    struct gw_app *app;
    struct gw_compare *compare; /* the thread's; the operator's thread fills it */
    char dir[GW_CONFIG_PATH_MAX + 16];
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* all below, and the files */
    pthread_cond_t changed;
    bool stop;
    struct gw_result_summary days[GW_RECONCILE_DAYS_MAX]; /* ascending */
    uint32_t day_count;
    int32_t next_day;   /* the oldest that is not compared; NO_DAY: not known yet */
    int32_t skip_count; /* days from next_day on that failed, and are left for later */
    int32_t late_day;   /* that the alarm is about; NO_DAY */
    int32_t wanted_day; /* asked for by a person; NO_DAY */
    int32_t doing_day;  /* NO_DAY while waiting */
    uint32_t tries;     /* in a row without success */
    char problem[GW_APP_WHY_BYTES];
};

/* ---- summaries ------------------------------------------------------------------------------------------ */

/* With the lock held. NULL: not among the newest. */
static struct gw_result_summary *summary_of(struct gw_recon *r, int32_t day)
{
    for (uint32_t i = 0; i < r->day_count; i++) {
        if (r->days[i].day == day) {
            return &r->days[i];
        }
    }
    return NULL;
}

/* With the lock held: replace it or put it in its place; the oldest falls out. */
static void keep_summary(struct gw_recon *r, const struct gw_result_summary *summary)
{
    struct gw_result_summary *old = summary_of(r, summary->day);
    if (old != NULL) {
        *old = *summary;
        return;
    }
    if (r->day_count == GW_RECONCILE_DAYS_MAX) {
        if (summary->day < r->days[0].day) {
            return;
        }
        memmove(r->days, r->days + 1, (r->day_count - 1u) * sizeof(r->days[0]));
        r->day_count--;
    }
    uint32_t at = r->day_count++;
    while (at > 0 && r->days[at - 1].day > summary->day) {
        r->days[at] = r->days[at - 1];
        at--;
    }
    r->days[at] = *summary;
}

static bool is_trouble(const struct gw_result_summary *summary)
{
    return gw_result_differences(summary) > 0 && !summary->accepted;
}

/* With the lock held. The newest day with a difference gives the text. */
static void set_alarm(struct gw_recon *r)
{
    uint32_t days = 0;
    uint64_t orders = 0;
    char day[GW_FORMAT_MAX] = "";
    for (uint32_t i = 0; i < r->day_count; i++) {
        if (is_trouble(&r->days[i])) {
            days++;
            orders = gw_result_differences(&r->days[i]);
            gw_format_day(day, r->days[i].day);
        }
    }
    char text[GW_ALARM_TEXT_MAX];
    snprintf(
        text, sizeof(text),
        "days that differ from the operator's statements: %u; the newest is %s, in %llu orders",
        days, day, (unsigned long long)orders);
    gw_alarm_set(&r->app->alarms, GW_ALARM_RECONCILE_DIFFERS, gw_clock_now_us(&r->app->clock),
                 days > 0, text);
}

/* ---- which day -------------------------------------------------------------------------------------------- */

/* The newest day that may be compared now. */
static int32_t due_day(struct gw_recon *r)
{
    int64_t now_us = gw_clock_now_us(&r->app->clock);
    return gw_local_day(now_us - r->app->config.operator_reconcile_at_us) - 1;
}

/* With the lock held: a day with orders that are open here, which the core asks about. */
static int32_t open_day(const struct gw_recon *r)
{
    for (uint32_t i = 0; i < r->day_count; i++) {
        if (r->days[i].verdicts[GW_MATCH_OPEN_HERE] > 0 && !r->days[i].accepted) {
            return r->days[i].day;
        }
    }
    return NO_DAY;
}

/* With the lock held: what a person asked for, then the calendar. A day that fails holds up none of those
 * after it, and is tried again when they are done. */
static int32_t pick_day(struct gw_recon *r)
{
    int32_t due = due_day(r);
    if (atomic_load(&r->app->state) != GW_APP_RUNNING) {
        return NO_DAY; /* the store cannot be asked, or its days are not the clock's */
    }
    if (r->wanted_day != NO_DAY) {
        return r->wanted_day;
    }
    if (r->next_day == NO_DAY || r->next_day > due) {
        return NO_DAY;
    }
    int32_t day = r->next_day + r->skip_count;
    while (day <= due && summary_of(r, day) != NULL) {
        day++;
    }
    r->skip_count = day <= due ? day - r->next_day : 0;
    return r->next_day + r->skip_count;
}

/* ---- the thread --------------------------------------------------------------------------------------------- */

/* With the lock held. */
static void wait_s(struct gw_recon *r, int64_t seconds)
{
    const struct timespec until = gw_steady_after(seconds * 1000);
    (void)pthread_cond_timedwait(&r->changed, &r->lock, &until); /* early is looked at again */
}

static int64_t idle_s(struct gw_recon *r)
{
    int64_t now_us = gw_clock_now_us(&r->app->clock);
    int64_t next_us =
        gw_local_day_start_us(due_day(r) + 2) + r->app->config.operator_reconcile_at_us;
    int64_t left_s = gw_clock_real_span_us(&r->app->clock, next_us - now_us) / GW_US_PER_S + 1;
    return left_s < IDLE_S ? left_s : IDLE_S;
}

static int64_t again_s(const struct gw_recon *r)
{
    uint32_t doublings = r->tries < 8u ? r->tries : 8u;
    int64_t seconds = (int64_t)WAIT_S_MIN << (doublings - 1u);
    return seconds < WAIT_S_MAX ? seconds : WAIT_S_MAX;
}

/* With the lock held: what comes after the days that are compared. */
static void go_on(struct gw_recon *r, int32_t day)
{
    if (r->next_day != NO_DAY && r->day_count == GW_RECONCILE_DAYS_MAX &&
        r->next_day < r->days[0].day) {
        gw_log(GW_LOG_WARN, "reconcile_given_up",
               "text=\"a day failed for so long that only --again compares it\"");
        r->next_day = r->days[0].day;
        r->skip_count = 0;
    }
    while (r->next_day != NO_DAY && summary_of(r, r->next_day) != NULL) {
        r->next_day++;
        r->skip_count -= r->skip_count > 0;
    }
    if (r->late_day == day) {
        r->late_day = NO_DAY;
        gw_alarm_clear(&r->app->alarms, GW_ALARM_RECONCILE_LATE, gw_clock_now_us(&r->app->clock));
    }
}

/* With the lock held: the day is compared. */
static bool take_result(struct gw_recon *r, int32_t day, json_t *result)
{
    struct gw_result_summary summary;
    if (!gw_result_summary(&summary, result) || gw_result_write(r->dir, day, result) != GW_OK) {
        snprintf(r->problem, sizeof(r->problem), "the result cannot be written to %s", r->dir);
        r->tries++;
        return false;
    }
    keep_summary(r, &summary);
    r->problem[0] = '\0';
    go_on(r, day);
    r->tries = open_day(r) != NO_DAY ? r->tries + 1u : 0;
    set_alarm(r);
    gw_log(is_trouble(&summary) ? GW_LOG_WARN : GW_LOG_INFO, "reconciled",
           "day=%s result=%s equal=%llu differ=%llu",
           json_string_value(json_object_get(result, "day")),
           json_string_value(json_object_get(result, "result")),
           (unsigned long long)summary.verdicts[GW_MATCH_EQUAL],
           (unsigned long long)gw_result_differences(&summary));
    return true;
}

/* With the lock held: it could not be compared. */
static void take_failure(struct gw_recon *r, int32_t day, const char *why)
{
    char text[GW_FORMAT_MAX];
    int64_t now_us = gw_clock_now_us(&r->app->clock);
    int64_t since_us = gw_local_day_start_us(day + 1) + r->app->config.operator_reconcile_at_us;
    r->tries++;
    r->skip_count += day == r->next_day + r->skip_count;
    gw_format_day(text, day);
    snprintf(r->problem, sizeof(r->problem), "%s: %.900s", text, why);
    gw_log(GW_LOG_WARN, "reconcile_failed", "day=%s text=\"%s\"", text, why);
    if (now_us - since_us > LATE_US && r->tries > 2u) {
        r->late_day = r->late_day == NO_DAY ? day : r->late_day;
        gw_alarm_raise(&r->app->alarms, GW_ALARM_RECONCILE_LATE, now_us,
                       "%s could not be reconciled: %.160s", text, why);
    }
}

/* With the lock held, which is let go meanwhile. Returns true when there is a result. */
static bool compare_day(struct gw_recon *r, int32_t day)
{
    char why[GW_APP_WHY_BYTES] = "";
    bool done = false;
    r->wanted_day =
        NO_DAY; /* what a person asks for is tried once; the problem says why it failed */
    r->doing_day = day;
    (void)pthread_mutex_unlock(&r->lock);
    json_t *result = gw_compare_day(r->compare, why, day);
    (void)pthread_mutex_lock(&r->lock);
    r->doing_day = NO_DAY;
    if (result != NULL) {
        done = take_result(r, day, result);
    } else if (!r->stop && !atomic_load(&r->app->stop)) {
        take_failure(r, day, why);
    }
    json_decref(result);
    return done;
}

/* With the lock held, which is let go meanwhile. */
static void find_first_day(struct gw_recon *r)
{
    int32_t day = 0;
    (void)pthread_mutex_unlock(&r->lock);
    bool found = gw_compare_first_day(&day, r->compare);
    (void)pthread_mutex_lock(&r->lock);
    if (found) {
        int32_t oldest = due_day(r) - GW_RECONCILE_BACK_DAYS;
        r->next_day = day < oldest ? oldest : day;
    }
}

static void *run(void *arg)
{
    struct gw_recon *r = arg;
    gw_compare_be_nice();
    (void)pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        if (r->next_day == NO_DAY) {
            find_first_day(r);
        }
        int32_t day = pick_day(r);
        if (day == NO_DAY && r->tries > 0 && atomic_load(&r->app->state) == GW_APP_RUNNING) {
            day = open_day(r);
        }
        bool done = day != NO_DAY && !r->stop && compare_day(r, day);
        if (done && pick_day(r) != NO_DAY) {
            continue; /* at once to the next day that was missed */
        }
        int64_t left_s = r->tries > 0 ? again_s(r) : idle_s(r);
        while (!r->stop && r->wanted_day == NO_DAY && left_s > 0) {
            int64_t part_s = left_s < IDLE_S ? left_s : IDLE_S;
            wait_s(r, part_s);
            left_s -= part_s;
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static enum gw_status read_days(struct gw_recon *r)
{
    int32_t days[GW_RECONCILE_DAYS_MAX];
    uint32_t count = 0;
    enum gw_status status = gw_result_days(days, &count, GW_RECONCILE_DAYS_MAX, r->dir);
    for (uint32_t i = 0; status == GW_OK && i < count; i++) {
        struct gw_result_summary summary;
        json_t *result = gw_result_read(r->dir, days[i]);
        if (result != NULL && gw_result_summary(&summary, result)) {
            keep_summary(r, &summary);
        }
        json_decref(result);
    }
    /* After the oldest of them: a day that is missing among them is made up for. */
    r->next_day = r->day_count > 0 ? r->days[0].day : NO_DAY;
    go_on(r, NO_DAY);
    return status;
}

static bool start_thread(struct gw_recon *r)
{
    r->compare = gw_compare_new(r->app);
    r->has_thread = r->compare != NULL && pthread_create(&r->thread, NULL, run, r) == 0;
    return r->has_thread;
}

enum gw_status gw_recon_open(struct gw_recon **recon, char why[GW_APP_WHY_BYTES],
                             struct gw_app *app)
{
    struct gw_recon *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        snprintf(why, GW_APP_WHY_BYTES, "there is no memory for the reconciliation");
        return GW_FULL;
    }
    r->app = app;
    r->next_day = NO_DAY;
    r->wanted_day = NO_DAY;
    r->doing_day = NO_DAY;
    r->late_day = NO_DAY;
    /* Beside the store, whose directory can be written to for sure. */
    const char *file = app->config.store_file;
    const char *slash = strrchr(file, '/');
    snprintf(r->dir, sizeof(r->dir), "%.*sreconcile", slash != NULL ? (int)(slash + 1 - file) : 0,
             file);
    (void)pthread_mutex_init(&r->lock, NULL); /* cannot fail without attributes */
    gw_steady_cond_init(&r->changed);
    bool made = mkdir(r->dir, 0700) == 0 || errno == EEXIST;
    enum gw_status status = made ? read_days(r) : GW_IO;
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "%s: the directory of reconciled days cannot be used: %s",
                 r->dir, strerror(errno));
        gw_recon_close(r);
        return status;
    }
    r->tries = open_day(r) != NO_DAY; /* compared again soon */
    set_alarm(r);
    if (app->config.operator_enabled && !start_thread(r)) {
        snprintf(why, GW_APP_WHY_BYTES, "there is no memory or thread for the reconciliation");
        gw_recon_close(r);
        return GW_FULL;
    }
    *recon = r;
    return GW_OK;
}

void gw_recon_stop(struct gw_recon *recon)
{
    if (recon == NULL || !recon->has_thread) {
        return;
    }
    (void)pthread_mutex_lock(&recon->lock);
    recon->stop = true;
    (void)pthread_cond_broadcast(&recon->changed);
    (void)pthread_mutex_unlock(&recon->lock);
    gw_compare_stop(recon->compare);
    (void)pthread_join(recon->thread, NULL); /* a thread of ours, joined once */
    recon->has_thread = false;
}

void gw_recon_close(struct gw_recon *recon)
{
    if (recon == NULL) {
        return;
    }
    MT_CHECK(!recon->has_thread);
    gw_compare_free(recon->compare);
    (void)pthread_cond_destroy(&recon->changed);
    (void)pthread_mutex_destroy(&recon->lock);
    free(recon);
}

/* ---- from other threads --------------------------------------------------------------------------------------- */

enum gw_status gw_recon_again(struct gw_recon *recon, int32_t day)
{
    if (!recon->has_thread) {
        return GW_BUSY;
    }
    if (day < 0 || day > due_day(recon)) {
        return GW_INVALID;
    }
    (void)pthread_mutex_lock(&recon->lock);
    recon->wanted_day = day;
    recon->tries = 0;
    (void)pthread_cond_broadcast(&recon->changed);
    (void)pthread_mutex_unlock(&recon->lock);
    return GW_OK;
}

/* A day that cannot be compared, ever: its operator keeps no statement of it any more. */
static json_t *empty_result(struct gw_recon *r, int32_t day)
{
    struct gw_match none = {0};
    json_t *result =
        gw_result_json(&none, day, gw_clock_now_us(&r->app->clock), &r->app->directory);
    gw_api_put_text(result, "result", "not_compared");
    return result;
}

/* With the lock held. */
static enum gw_status accept_day(struct gw_recon *r, json_t *result, const char *note)
{
    struct gw_result_summary summary;
    json_t *accepted = json_object();
    gw_api_put_text(accepted, "note", note);
    gw_api_put_time(accepted, "time", gw_clock_now_us(&r->app->clock));
    gw_api_put(result, "accepted", accepted);
    if (!gw_result_summary(&summary, result)) {
        return GW_FULL;
    }
    enum gw_status status = gw_result_write(r->dir, summary.day, result);
    if (status == GW_OK) {
        keep_summary(r, &summary);
        go_on(r, summary.day);
        set_alarm(r);
    }
    return status;
}

enum gw_status gw_recon_accept(struct gw_recon *recon, int32_t day, const char *note)
{
    struct gw_result_summary summary;
    if (day < 0 || day > due_day(recon)) {
        return GW_END;
    }
    (void)pthread_mutex_lock(&recon->lock);
    json_t *result = gw_result_read(recon->dir, day);
    bool nothing = result != NULL && gw_result_summary(&summary, result) &&
                   gw_result_differences(&summary) == 0;
    enum gw_status status = GW_INVALID;
    if (!nothing) {
        result = result != NULL ? result : empty_result(recon, day);
        status = result != NULL ? accept_day(recon, result, note) : GW_FULL;
    }
    (void)pthread_mutex_unlock(&recon->lock);
    json_decref(result);
    return status;
}

json_t *gw_recon_day(struct gw_recon *recon, int32_t day)
{
    (void)pthread_mutex_lock(&recon->lock);
    json_t *result = gw_result_read(recon->dir, day);
    (void)pthread_mutex_unlock(&recon->lock);
    return result;
}

json_t *gw_recon_days(struct gw_recon *recon, uint32_t limit)
{
    json_t *list = json_array();
    (void)pthread_mutex_lock(&recon->lock);
    for (uint32_t i = recon->day_count; i > 0 && recon->day_count - i < limit; i--) {
        json_t *result = gw_result_read(recon->dir, recon->days[i - 1].day);
        if (result != NULL) {
            (void)json_object_del(result, "differences"); /* it was there or not: gone now */
            (void)json_array_append_new(list, result);
        }
    }
    (void)pthread_mutex_unlock(&recon->lock);
    return list;
}

static void put_day(json_t *object, const char *name, int32_t day)
{
    char text[GW_FORMAT_MAX];
    if (day >= 0) {
        gw_format_day(text, day);
    }
    gw_api_put(object, name, day >= 0 ? json_string(text) : NULL);
}

json_t *gw_recon_status(struct gw_recon *recon)
{
    json_t *object = json_object();
    uint32_t differ = 0;
    (void)pthread_mutex_lock(&recon->lock);
    for (uint32_t i = 0; i < recon->day_count; i++) {
        differ += is_trouble(&recon->days[i]);
    }
    bool any = recon->day_count > 0;
    int64_t next_us = gw_local_day_start_us(recon->next_day == NO_DAY ? 0 : recon->next_day + 1) +
                      recon->app->config.operator_reconcile_at_us;
    put_day(object, "doing", recon->doing_day);
    put_day(object, "last", any ? recon->days[recon->day_count - 1].day : NO_DAY);
    gw_api_put_int(object, "days_differ", differ);
    gw_api_put_time(object, "next", recon->has_thread && recon->next_day != NO_DAY ? next_us : 0);
    gw_api_put_text(object, "problem", recon->problem);
    (void)pthread_mutex_unlock(&recon->lock);
    return object;
}
