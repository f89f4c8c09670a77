/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/broker.h"
#include "gateway/app/log.h"
#include "gateway/app/steady.h"

/* The first new meter is written at once; then the thread rests for twenty times as long as that took,
 * so that a burst of new meters is gathered and costs a twentieth of a processor. */
#define REST_FACTOR 20
#define REST_MS_MIN 50
#define REST_MS_MAX 2000
#define RETRY_MS 10000
/* Mosquitto drops a signal that comes while it still reads its files for the one before. So it is told once more
 * when nothing has changed for a while. */
#define AGAIN_MS 2000
#define KEYS_PER_CALL 4096u

struct gw_keys {
    struct gw_app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_cond_t wrote;
    uint64_t asked;   /* changes */
    uint64_t written; /* of them, those that the broker has */
    bool stop;
};

/* ---- all keys, copied from the core a part at a time ---------------------------------------------------- */

struct copy {
    struct gw_broker_key *keys;
    uint32_t room;
    uint32_t count;
    uint32_t meters; /* as of the last call */
    uint32_t given;
};

static void copy_keys(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct copy *copy = arg;
    struct gw_counters counters;
    struct gw_meter_view view;
    (void)app; /* the core knows all of it */
    gw_core_counters(&counters, core);
    copy->meters = counters.meters;
    for (uint32_t i = 0; i < KEYS_PER_CALL && copy->count < copy->room; i++) {
        struct gw_broker_key *key = &copy->keys[copy->count];
        if (!gw_core_meter_psk(key->psk, core, copy->count) ||
            !gw_core_meter(&view, core, copy->count)) {
            return;
        }
        (void)mt_name_format(key->name, &view.identity); /* its length is not needed */
        copy->count++;
    }
}

static bool next_key(void *arg, struct gw_broker_key *key)
{
    struct copy *copy = arg;
    if (copy->given == copy->count) {
        return false;
    }
    *key = copy->keys[copy->given++];
    return true;
}

/* Grown by hand, so that no copy of a key is left behind by realloc. */
static bool make_room(struct copy *copy)
{
    if (copy->meters <= copy->room) {
        return true;
    }
    uint32_t room = copy->meters + copy->meters / 8 + 64;
    struct gw_broker_key *keys = calloc(room, sizeof(*keys));
    if (keys == NULL) {
        return false;
    }
    if (copy->keys != NULL) {
        memcpy(keys, copy->keys, copy->count * sizeof(*keys));
        mt_key_wipe(copy->keys, copy->room * sizeof(*keys));
        free(copy->keys);
    }
    copy->keys = keys;
    copy->room = room;
    return true;
}

static enum gw_status write_keys(struct gw_app *app, char why[GW_BROKER_WHY_BYTES])
{
    struct copy copy = {0};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = copy_keys, .arg = &copy};
    enum gw_status status = GW_OK;
    snprintf(why, GW_BROKER_WHY_BYTES, "the gateway waits for its store");
    do {
        status = gw_calls_do(&app->calls, &call);
        if (status == GW_OK && !make_room(&copy)) {
            snprintf(why, GW_BROKER_WHY_BYTES, "there is no memory for the keys");
            status = GW_FULL;
        }
    } while (status == GW_OK && copy.count < copy.meters);
    if (status == GW_OK) {
        status = gw_broker_keys(why, app->config.mqtt_broker_dir, &copy, next_key);
    }
    if (copy.keys != NULL) {
        mt_key_wipe(copy.keys, copy.room * sizeof(*copy.keys));
        free(copy.keys);
    }
    if (status == GW_OK) {
        status = gw_broker_reload(why, app->config.mqtt_broker_dir);
    }
    return status == GW_END ? GW_OK
                            : status; /* a broker that does not run reads them when it starts */
}

/* ---- the thread ------------------------------------------------------------------------------------------ */

/* With the lock held, whatever changes meanwhile. */
static void rest_ms(struct gw_keys *keys, int64_t ms)
{
    const struct timespec until = gw_steady_after(ms);
    int result = 0;
    while (!keys->stop && result == 0) {
        result = pthread_cond_timedwait(&keys->changed, &keys->lock, &until);
    }
}

/* With the lock held. Returns true when nothing changed for so long. */
static bool stays_ms(struct gw_keys *keys, int64_t ms)
{
    const struct timespec until = gw_steady_after(ms);
    int result = 0;
    while (!keys->stop && keys->written == keys->asked && result == 0) {
        result = pthread_cond_timedwait(&keys->changed, &keys->lock, &until);
    }
    return !keys->stop && keys->written == keys->asked;
}

static void *run(void *arg)
{
    struct gw_keys *keys = arg;
    bool again = false;
    (void)pthread_mutex_lock(&keys->lock);
    while (!keys->stop) {
        if (again && stays_ms(keys, AGAIN_MS)) {
            char unread[GW_BROKER_WHY_BYTES];
            again = false;
            /* the first one was looked at */
            (void)gw_broker_reload(unread, keys->app->config.mqtt_broker_dir);
        }
        if (keys->written == keys->asked) {
            if (!again && !keys->stop) {
                (void)pthread_cond_wait(&keys->changed, &keys->lock);
            }
            continue;
        }
        uint64_t asked = keys->asked;
        (void)pthread_mutex_unlock(&keys->lock);
        char why[GW_BROKER_WHY_BYTES] = "";
        int64_t before_us = gw_app_real_us();
        enum gw_status status = write_keys(keys->app, why);
        int64_t rest = (gw_app_real_us() - before_us) * REST_FACTOR / 1000;
        rest = rest < REST_MS_MIN ? REST_MS_MIN : rest > REST_MS_MAX ? REST_MS_MAX : rest;
        gw_alarm_set(&keys->app->alarms, GW_ALARM_BROKER_KEYS, gw_clock_now_us(&keys->app->clock),
                     status != GW_OK && status != GW_BUSY, why);
        gw_log(status == GW_OK ? GW_LOG_DEBUG : GW_LOG_WARN, "broker_keys", "status=%d text=\"%s\"",
               (int)status, status == GW_OK ? "written" : why);
        (void)pthread_mutex_lock(&keys->lock);
        if (status == GW_OK) {
            keys->written = asked;
            again = true;
            (void)pthread_cond_broadcast(&keys->wrote);
        }
        rest_ms(keys, status == GW_OK ? rest : RETRY_MS);
    }
    (void)pthread_mutex_unlock(&keys->lock);
    return NULL;
}

enum gw_status gw_keys_open(struct gw_keys **keys, struct gw_app *app)
{
    if (!app->config.mqtt_enabled || *app->config.mqtt_broker_dir == '\0') {
        return GW_OK;
    }
    struct gw_keys *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return GW_FULL;
    }
    opened->app = app;
    (void)pthread_mutex_init(&opened->lock, NULL); /* cannot fail without attributes */
    gw_steady_cond_init(&opened->changed);
    gw_steady_cond_init(&opened->wrote);
    if (pthread_create(&opened->thread, NULL, run, opened) != 0) {
        free(opened);
        return GW_FULL;
    }
    *keys = opened;
    return GW_OK;
}

void gw_keys_changed(struct gw_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&keys->lock);
    keys->asked++;
    (void)pthread_cond_broadcast(&keys->changed);
    (void)pthread_mutex_unlock(&keys->lock);
}

bool gw_keys_wait(struct gw_keys *keys, int64_t ms)
{
    if (keys == NULL) {
        return true;
    }
    const struct timespec until = gw_steady_after(ms);
    int result = 0;
    (void)pthread_mutex_lock(&keys->lock);
    uint64_t asked = keys->asked;
    while (keys->written < asked && !keys->stop && result == 0) {
        result = pthread_cond_timedwait(&keys->wrote, &keys->lock, &until);
    }
    bool ready = keys->written >= asked;
    (void)pthread_mutex_unlock(&keys->lock);
    return ready;
}

void gw_keys_close(struct gw_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&keys->lock);
    keys->stop = true;
    (void)pthread_cond_broadcast(&keys->changed);
    (void)pthread_cond_broadcast(&keys->wrote);
    (void)pthread_mutex_unlock(&keys->lock);
    (void)pthread_join(keys->thread, NULL); /* a thread of ours, joined once */
    (void)pthread_cond_destroy(&keys->changed);
    (void)pthread_cond_destroy(&keys->wrote);
    (void)pthread_mutex_destroy(&keys->lock);
    free(keys);
}
