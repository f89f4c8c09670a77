/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "gateway/app/format.h"
#include "gateway/app/links.h"

#define MIB (1024u * 1024u)
#define MINUTE_US 60000000ll
/* An answer that is a little late is no alarm; one that is a minute late is. */
#define UNSURE_US 60000000ll
/* Less is the difference of two clocks that are set now and then; batches' time stands still for it. */
#define CLOCK_BEHIND_US 300000000ll

void gw_app_look_at_disk(struct gw_app *app)
{
    struct statvfs info;
    if (statvfs(app->config.store_file, &info) != 0) {
        return; /* the next commit says what is wrong */
    }
    app->seen.disk_free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    app->seen.disk_total_bytes = (uint64_t)info.f_blocks * info.f_frsize;
}

static void watch_disk(struct gw_app *app, int64_t now_us)
{
    gw_app_look_at_disk(app);
    char text[GW_ALARM_TEXT_MAX];
    snprintf(text, sizeof(text),
             "%" PRIu64 " MiB are free on the store's disk, fewer than %" PRId64,
             app->seen.disk_free_bytes / MIB, app->config.free_min_bytes / MIB);
    gw_alarm_set(&app->alarms, GW_ALARM_DISK_LOW, now_us,
                 app->seen.disk_free_bytes < (uint64_t)app->config.free_min_bytes, text);
}

void gw_app_look_at_clock(struct gw_app *app)
{
    int state = atomic_load(&app->state);
    if (state == GW_APP_CLOCK_BEHIND) {
        gw_clock_accept(&app->clock); /* while nothing is decided, every setting is welcome */
    }
    /* Not gw_clock_now_us: within this process that does not go back. */
    int64_t now_us = gw_clock_look_us(&app->clock);
    int64_t newest_us = app->seen.counters.block_time_us;
    bool behind = newest_us - now_us > CLOCK_BEHIND_US;
    if (state == GW_APP_CLOCK_BEHIND && !behind) {
        atomic_store(&app->state, GW_APP_RUNNING);
        gw_alarm_clear(&app->alarms, GW_ALARM_CLOCK_BEHIND, now_us);
    } else if (behind && (state == GW_APP_RUNNING || state == GW_APP_CLOCK_BEHIND)) {
        char clock[GW_FORMAT_MAX];
        char newest[GW_FORMAT_MAX];
        gw_format_time(clock, now_us - now_us % 1000000);
        gw_format_time(newest, newest_us - newest_us % 1000000);
        atomic_store(&app->state, GW_APP_CLOCK_BEHIND);
        gw_alarm_raise(&app->alarms, GW_ALARM_CLOCK_BEHIND, now_us,
                       "the clock says %s, and the store's newest block is of %s: intake waits",
                       clock, newest);
    }
}

static void watch_images(struct gw_app *app, int64_t now_us)
{
    uint32_t damaged = app->seen.counters.images_damaged;
    char text[GW_ALARM_TEXT_MAX];
    snprintf(
        text, sizeof(text),
        "%u saved images of state were not what was written; all blocks were read back instead",
        damaged);
    gw_alarm_set(&app->alarms, GW_ALARM_STORE_DAMAGED, now_us, damaged > 0, text);
}

static void watch_step(struct gw_app *app, int64_t now_us)
{
    int64_t step_us = gw_clock_step_us(&app->clock);
    char ours[GW_FORMAT_MAX];
    char text[GW_ALARM_TEXT_MAX];
    gw_format_time(ours, now_us - now_us % 1000000);
    snprintf(text, sizeof(text),
             "the machine's clock jumped %" PRId64 " minutes %s and is not believed: by the steady "
             "clock it is %s",
             (step_us < 0 ? -step_us : step_us) / 60000000, step_us < 0 ? "back" : "ahead", ours);
    gw_alarm_set(&app->alarms, GW_ALARM_CLOCK_STEPPED, now_us, step_us != 0, text);
}

static void watch_orders(struct gw_app *app, int64_t now_us, int64_t real_us)
{
    uint32_t unsure = app->seen.counters.orders_unsure;
    if (unsure == 0) {
        app->unsure_us = 0;
    } else if (app->unsure_us == 0) {
        app->unsure_us = real_us;
    }
    char text[GW_ALARM_TEXT_MAX];
    snprintf(text, sizeof(text), "the outcome of %u orders is not known%s", unsure,
             app->config.operator_enabled ? "" : ", and operator.enabled is false");
    gw_alarm_set(&app->alarms, GW_ALARM_ORDERS_UNSURE, now_us,
                 app->unsure_us != 0 && real_us - app->unsure_us > UNSURE_US, text);
}

void gw_app_watch(struct gw_app *app)
{
    int64_t now_us = gw_clock_now_us(&app->clock);
    int64_t real_us = gw_app_real_us();
    gw_store_sqlite_health(&app->seen.store, app->store);
    if (atomic_load(&app->state) == GW_APP_RUNNING) {
        gw_core_counters(&app->seen.counters, app->core);
    }
    gw_app_look_at_clock(app);
    watch_step(app, now_us);
    watch_images(app, now_us);
    watch_disk(app, now_us);
    watch_orders(app, now_us, real_us);
    gw_links_watch(app->links, app, now_us);
    if (real_us - app->minute_us >= MINUTE_US) {
        app->minute_us = real_us;
        app->seen.commit_us_max = 0;
    }
}
