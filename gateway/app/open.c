/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Opening and closing, in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gateway/adapters/tariff_file.h"
#include "gateway/app/api.h"
#include "gateway/app/app.h"
#include "gateway/app/grants.h"
#include "gateway/app/keys.h"
#include "gateway/app/links.h"
#include "gateway/app/log.h"
#include "gateway/app/past.h"
#include "gateway/app/pushes.h"
#include "gateway/app/reconcile.h"
#include "gateway/app/watch.h"

/* ---- tariffs and the core ---------------------------------------------------------------------------- */

struct putting {
    struct gw_app *app;
    char *why;
    struct gw_tariff *tariff; /* scratch: it is large */
};

static enum gw_status put_document(void *arg, uint64_t block, const char *name, const char *text,
                                   size_t text_len)
{
    struct putting *p = arg;
    char why[GW_YAML_WHY_MAX];
    struct gw_yaml_source source = {.name = name, .text = text, .len = text_len};
    (void)block; /* the core knows which tariff came when */
    if (gw_tariff_file_parse(p->tariff, NULL, why, sizeof(why), &source) != GW_OK) {
        snprintf(p->why, GW_APP_WHY_BYTES,
                 "the tariff stored as %s cannot be read by this program: %s", name, why);
        return GW_CORRUPT;
    }
    enum gw_status status = gw_core_put_tariff(p->app->core, p->tariff);
    if (status != GW_OK) {
        snprintf(p->why, GW_APP_WHY_BYTES,
                 "the stored tariff %s cannot be used: more than %u of them", name, GW_TARIFFS_MAX);
    }
    return status;
}

static enum gw_status put_tariffs(struct gw_app *app, char *why)
{
    struct putting putting = {.app = app, .why = why, .tariff = malloc(sizeof(struct gw_tariff))};
    if (putting.tariff == NULL) {
        snprintf(why, GW_APP_WHY_BYTES, "there is no memory for the tariffs");
        return GW_FULL;
    }
    snprintf(why, GW_APP_WHY_BYTES, "%s: the stored tariffs cannot be read",
             app->config.store_file);
    enum gw_status status = gw_store_sqlite_documents(app->store, &putting, put_document);
    free(putting.tariff);
    return status;
}

static enum gw_status open_core(struct gw_app *app, char *why)
{
    struct gw_core_config core_config;
    gw_config_core(&core_config, &app->config);
    app->memory_bytes = gw_core_bytes(&core_config.limits);
    void *memory = app->memory_bytes == 0 ? MAP_FAILED
                                          : mmap(NULL, app->memory_bytes, PROT_READ | PROT_WRITE,
                                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        snprintf(
            why, GW_APP_WHY_BYTES,
            "there is no memory for these limits (%zu MiB); lower limits.meters and the others",
            app->memory_bytes >> 20);
        app->memory_bytes = 0;
        return GW_FULL;
    }
    app->memory = memory;
    (void)madvise(memory, app->memory_bytes, MADV_DONTDUMP); /* keys: core dumps are off anyway */
    enum gw_status status =
        gw_core_init(&app->core, memory, app->memory_bytes, &core_config, &app->port);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES,
                 "the limits or rules of the configuration are out of bounds");
    }
    return status;
}

static enum gw_status load_core(struct gw_app *app, char *why)
{
    int64_t before_us = gw_app_real_us();
    enum gw_status status = gw_core_load(app->core, gw_clock_now_us(&app->clock));
    switch (status) {
    case GW_OK:
        gw_core_counters(&app->seen.counters, app->core);
        gw_log(GW_LOG_INFO, "store_loaded", "meters=%u blocks=%llu took_ms=%lld",
               app->seen.counters.meters, (unsigned long long)app->seen.counters.block,
               (long long)(gw_app_real_us() - before_us) / 1000);
        gw_app_look_at_clock(app);
        return GW_OK;
    case GW_FULL: /* start all the same, and take messages when there is room */
        atomic_store(&app->state, GW_APP_FULL);
        gw_alarm_raise(&app->alarms, GW_ALARM_INTAKE_STOPPED, gw_clock_now_us(&app->clock),
                       "the disk has no room for the store");
        return GW_OK;
    case GW_INVALID:
        snprintf(
            why, GW_APP_WHY_BYTES,
            "%s: the store holds more than the configuration's limits allow; raise limits.meters, "
            "households, bindings and orders_open to what they were",
            app->config.store_file);
        return status;
    case GW_CORRUPT:
        snprintf(why, GW_APP_WHY_BYTES,
                 "%s: the store contradicts itself; keep a copy of it and restore the last backup",
                 app->config.store_file);
        return status;
    case GW_END:
    case GW_IO:
    case GW_BUSY:
        snprintf(why, GW_APP_WHY_BYTES, "%s: the store cannot be read", app->config.store_file);
        return GW_IO;
    }
    return GW_IO;
}

/* ---- the rest ------------------------------------------------------------------------------------------- */

/* Meters may connect once their keys are known. */
static void give_keys(struct gw_app *app)
{
    struct gw_meter_view view;
    uint8_t psk[MT_KEY_BYTES];
    char name[MT_NAME_MAX + 1];
    for (uint32_t slot = 0; gw_core_meter_psk(psk, app->core, slot); slot++) {
        if (gw_core_meter(&view, app->core, slot)) {
            (void)mt_name_format(name, &view.identity); /* its length is not needed */
            gw_links_add_key(app->links, name, psk);
        }
    }
    mt_key_wipe(psk, sizeof(psk));
}

static enum gw_status open_api(struct gw_app *app, char *why)
{
    char problem[GW_HTTP_PROBLEM_BYTES];
    struct gw_http_config config = {
        .socket_path = app->config.http_socket,
        .port = (uint16_t)app->config.http_port,
        .token_file = app->config.http_token_file,
        .connections_max = (uint32_t)app->config.http_connections_max,
        .routes = gw_api_routes,
        .route_count = gw_api_route_count,
        .arg = app,
    };
    enum gw_status status = gw_http_open(&app->http, problem, &config);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "%s", problem);
    }
    return status;
}

static enum gw_status open_store(struct gw_app *app, char *why)
{
    enum gw_status status = gw_store_sqlite_open(&app->store, app->config.store_file,
                                                 GW_STORE_READWRITE, why, GW_APP_WHY_BYTES);
    if (status == GW_OK) {
        app->port = gw_store_sqlite_port(app->store);
    }
    return status;
}

/* The bindings may have been edited by hand meanwhile. */
static void give_grants(struct gw_app *app)
{
    char why[GW_BROKER_WHY_BYTES] = "";
    enum gw_status status = gw_grants_write(app, why, NULL, NULL);
    gw_alarm_set(&app->alarms, GW_ALARM_BROKER_GRANTS, gw_clock_now_us(&app->clock),
                 status != GW_OK, why);
}

static enum gw_status open_parts(struct gw_app *app, char *why)
{
    char clock_error[GW_CLOCK_ERROR_BYTES];
    const char *clock_file = *app->config.clock_file != '\0' ? app->config.clock_file : NULL;
    enum gw_status status = gw_clock_open(&app->clock, clock_error, clock_file);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "%s", clock_error);
        return status;
    }
    app->started_us = gw_clock_now_us(&app->clock);
    status = open_store(app, why);
    status = status == GW_OK ? open_core(app, why) : status;
    status = status == GW_OK ? put_tariffs(app, why) : status;
    status = status == GW_OK ? load_core(app, why) : status;
    status = status == GW_OK ? gw_links_open(&app->links, why, app) : status;
    if (status != GW_OK) {
        return status;
    }
    give_keys(app);
    status = gw_keys_open(&app->keys, app);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "there is no memory or thread for the broker's keys");
        return status;
    }
    gw_keys_changed(app->keys);
    give_grants(app);
    status = gw_recon_open(&app->recon, why, app);
    status = status == GW_OK ? gw_pushes_open(app, why) : status;
    return status == GW_OK ? open_api(app, why) : status;
}

enum gw_status gw_app_open(struct gw_app **app, char why[GW_APP_WHY_BYTES],
                           const struct gw_config *config)
{
    struct gw_app *opened = calloc(1, sizeof(*opened));
    if (opened == NULL || gw_bell_init(&opened->bell) != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "there is no memory or no file descriptor left");
        free(opened);
        return GW_FULL;
    }
    opened->config = *config;
    gw_log_set_level((enum gw_log_level)config->log_level);
    gw_alarms_init(&opened->alarms);
    gw_directory_init(&opened->directory);
    (void)sem_init(&opened->queries, 0, GW_PAST_QUERIES_MAX); /* cannot fail with this value */
    gw_calls_init(&opened->calls, &opened->bell);
    enum gw_status status = open_parts(opened, why);
    if (status != GW_OK) {
        gw_app_close(opened);
        return status;
    }
    *app = opened;
    return GW_OK;
}

static void save_state(struct gw_app *app)
{
    if (atomic_load(&app->state) != GW_APP_RUNNING || app->fatal) {
        return;
    }
    enum gw_status status = gw_core_save(app->core);
    if (status != GW_OK) {
        gw_log(GW_LOG_WARN, "save_failed",
               "text=\"the next start reads blocks back instead; nothing is lost\"");
    }
}

void gw_app_close(struct gw_app *app)
{
    if (app == NULL) {
        return;
    }
    gw_calls_close(&app->calls); /* releases the HTTP threads that wait */
    gw_http_close(app->http);
    gw_pushes_close(app);
    gw_keys_close(app->keys);
    gw_recon_stop(app->recon);
    if (app->links != NULL) {
        save_state(app);
    }
    gw_links_close(app->links);
    gw_recon_close(app->recon);
    if (app->store != NULL) {
        gw_store_sqlite_close(app->store);
    }
    if (app->memory != NULL) {
        mt_key_wipe(app->memory, app->memory_bytes);
        (void)munmap(app->memory, app->memory_bytes); /* its own mapping */
    }
    gw_calls_deinit(&app->calls);
    (void)sem_destroy(&app->queries);
    gw_directory_deinit(&app->directory);
    gw_alarms_deinit(&app->alarms);
    gw_bell_deinit(&app->bell);
    free(app);
}
