/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/past.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/app/log.h"
#include "gateway/core/judge.h"

#define WAIT_S 20 /* For other queries to end. */
#define ORDERS_PER_BLOCK_MAX 64u

static bool take_turn(struct gw_app *app)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until); /* cannot fail for this clock */
    until.tv_sec += WAIT_S;
    int result = 0;
    do {
        result = sem_timedwait(&app->queries, &until);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

enum gw_status gw_past_begin(struct gw_past *past, struct gw_app *app, char why[GW_APP_WHY_BYTES])
{
    memset(past, 0, sizeof(*past));
    if (!take_turn(app)) {
        snprintf(why, GW_APP_WHY_BYTES, "other queries are running");
        return GW_BUSY;
    }
    snprintf(why, GW_APP_WHY_BYTES, "no memory");
    past->app = app;
    past->buffer = malloc(GW_BLOCK_BYTES_MAX);
    past->entry = malloc(sizeof(*past->entry));
    enum gw_status status = GW_FULL;
    if (past->buffer != NULL && past->entry != NULL) {
        status = gw_store_sqlite_open(&past->store, app->config.store_file, GW_STORE_READONLY, why,
                                      GW_APP_WHY_BYTES);
    }
    if (status != GW_OK) {
        gw_log(GW_LOG_WARN, "query_failed", "text=\"%s\"", why);
        gw_past_close(past);
        return status;
    }
    past->port = gw_store_sqlite_port(past->store);
    return GW_OK;
}

bool gw_past_open(struct gw_past *past, struct gw_app *app, struct gw_http_reply *reply)
{
    char why[GW_APP_WHY_BYTES];
    enum gw_status status = gw_past_begin(past, app, why);
    if (status == GW_BUSY) {
        gw_http_fail(reply, 503, "busy", "Other queries are running; ask again later.");
    } else if (status != GW_OK) {
        gw_http_fail(reply, 503, "store_failed", "The store cannot be read: %s.", why);
    }
    return status == GW_OK;
}

void gw_past_close(struct gw_past *past)
{
    if (past->app == NULL) {
        return;
    }
    if (past->buffer != NULL) {
        mt_key_wipe(past->buffer, GW_BLOCK_BYTES_MAX);
    }
    if (past->entry != NULL) {
        mt_key_wipe(past->entry, sizeof(*past->entry));
    }
    free(past->buffer);
    free(past->entry);
    if (past->store != NULL) {
        gw_store_sqlite_close(past->store);
    }
    (void)sem_post(&past->app->queries); /* cannot overflow: it was taken */
    past->app = NULL;
}

void gw_past_fail(struct gw_http_reply *reply, enum gw_status status)
{
    if (status == GW_FULL) {
        gw_http_fail(reply, 507, "too_much", "There is more to read than one answer can hold.");
    } else if (status == GW_CORRUPT) {
        gw_http_fail(reply, 500, "store_corrupt",
                     "The store contradicts itself; keep a copy of it and report it.");
    } else {
        gw_http_fail(reply, 503, "store_failed", "The store cannot be read; ask again.");
    }
}

enum gw_status gw_past_block(struct gw_past *past, struct gw_block_reader *reader, uint64_t number)
{
    size_t len = 0;
    enum gw_status status =
        past->port.block_read(past->port.self, number, past->buffer, &len, GW_BLOCK_BYTES_MAX);
    return status == GW_OK ? gw_block_open(reader, past->buffer, len) : status;
}

enum gw_status gw_past_find(struct gw_past *past, uint64_t *number, uint64_t last, int64_t time_us)
{
    uint64_t low = 1;
    uint64_t high = last + 1; /* block times never go back */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct gw_block_reader reader;
        enum gw_status status = gw_past_block(past, &reader, middle);
        if (status != GW_OK) {
            return status == GW_END ? GW_CORRUPT : status;
        }
        if (reader.time_us < time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *number = low;
    return GW_OK;
}

/* ---- orders ---------------------------------------------------------------------------------------- */

/* A household's order entries of one block, in its order. */
struct found {
    struct gw_entry *entries; /* ORDERS_PER_BLOCK_MAX */
    uint32_t count;
};

static enum gw_status find_orders(struct found *found, struct gw_past *past, uint32_t household,
                                  uint64_t block)
{
    struct gw_block_reader reader;
    enum gw_status status = gw_past_block(past, &reader, block);
    found->count = 0;
    while (status == GW_OK) {
        status = gw_block_next(&reader, past->entry);
        bool is_order = status == GW_OK && (past->entry->kind == GW_ENTRY_ORDER_NEW ||
                                            past->entry->kind == GW_ENTRY_ORDER_END);
        if (is_order && past->entry->household == household &&
            found->count < ORDERS_PER_BLOCK_MAX) {
            found->entries[found->count++] = *past->entry;
        }
    }
    return status == GW_END ? GW_OK : status;
}

enum gw_status gw_past_orders(struct gw_past *past, uint32_t household, uint64_t *block,
                              uint32_t enough, void *arg,
                              bool (*visit)(void *arg, const struct gw_entry *entry))
{
    struct found found = {.entries = malloc(ORDERS_PER_BLOCK_MAX * sizeof(*found.entries))};
    enum gw_status status = found.entries != NULL ? GW_OK : GW_FULL;
    uint32_t visited = 0;
    bool wanted = true;
    while (status == GW_OK && *block != 0 && visited < enough && wanted) {
        status = find_orders(&found, past, household, *block);
        if (status == GW_OK && found.count == 0) {
            status = GW_CORRUPT; /* the chain points to a block without an entry of it */
        }
        if (status != GW_OK) {
            break;
        }
        for (uint32_t i = found.count; i > 0 && wanted; i--) {
            wanted = visit(arg, &found.entries[i - 1]);
            visited++;
        }
        uint64_t older = found.entries[0].previous_block;
        status = older < *block ? GW_OK : GW_CORRUPT;
        *block = older;
    }
    free(found.entries);
    return status;
}

/* ---- readings --------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    int64_t at = ((const struct gw_bill_reading *)a)->reading.time_us;
    int64_t bt = ((const struct gw_bill_reading *)b)->reading.time_us;
    return at < bt ? -1 : at > bt;
}

/* The list as it grows. */
struct list {
    struct gw_bill_reading *readings;
    size_t count;
    size_t room;
};

static enum gw_status append(struct list *list, const struct gw_entry *entry)
{
    for (uint32_t i = 0; i < entry->reading_count; i++) {
        if (!gw_is_accepted(entry->readings[i].verdict)) {
            continue;
        }
        if (list->count == list->room) {
            size_t room = list->room == 0 ? 4096 : 2 * list->room;
            struct gw_bill_reading *grown =
                room > GW_PAST_READINGS_MAX
                    ? NULL
                    : realloc(list->readings, room * sizeof(*list->readings));
            if (grown == NULL) {
                return GW_FULL;
            }
            list->readings = grown;
            list->room = room;
        }
        list->readings[list->count++] =
            (struct gw_bill_reading){.reading = entry->readings[i].reading,
                                     .verdict = entry->readings[i].verdict,
                                     .block = entry->block};
    }
    return GW_OK;
}

enum gw_status gw_past_readings(struct gw_past *past, struct gw_bill_reading **readings,
                                size_t *count, uint32_t slot, uint64_t last_block)
{
    struct gw_history history;
    struct list list = {0};
    gw_history_begin(&history, &past->port, past->buffer, GW_BLOCK_BYTES_MAX, slot, last_block);
    enum gw_status status = GW_OK;
    while (status == GW_OK) {
        status = gw_history_next(&history, past->entry);
        if (status == GW_OK && past->entry->kind == GW_ENTRY_READINGS) {
            status = append(&list, past->entry);
        }
    }
    if (status != GW_END) {
        free(list.readings);
        return status;
    }
    if (list.count > 0) {
        qsort(list.readings, list.count, sizeof(*list.readings), by_time);
    }
    *readings = list.readings;
    *count = list.count;
    return GW_OK;
}
