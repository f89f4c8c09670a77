/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "gateway/app/links.h"
#include "gateway/app/past.h"
#include "gateway/app/reconcile.h"
#include "gateway/app/result.h"
#include "gateway/app/steady.h"
#include "gateway/core/civil.h"

#define SLACK_US (10ll * GW_US_PER_MIN) /* Two clocks, and answers on their way. */
#define FETCH_TRIES 5u     /* Of a statement that breaks off, before all is begun anew. */
#define OPEN_PER_LOOK 256u /* Orders copied between two batches. */
#define NICE 10

struct gw_compare {
    struct gw_app *app;
    struct gw_match match;
    struct gw_past past;
    char *why; /* of the day under way: GW_APP_WHY_BYTES */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    _Atomic bool stop;
    bool ended;                  /* of the fetch under way */
    struct gw_statement_end end; /* with ended */
    /* Written by the operator's thread until it has ended. */
    bool elsewhere; /* the rows are another day's */
    enum gw_status row_status;
};

struct gw_compare *gw_compare_new(struct gw_app *app)
{
    struct gw_compare *c = calloc(1, sizeof(*c));
    if (c != NULL) {
        c->app = app;
        (void)pthread_mutex_init(&c->lock, NULL); /* cannot fail without attributes */
        gw_steady_cond_init(&c->changed);
    }
    return c;
}

void gw_compare_free(struct gw_compare *compare)
{
    if (compare == NULL) {
        return;
    }
    gw_match_deinit(&compare->match);
    (void)pthread_cond_destroy(&compare->changed);
    (void)pthread_mutex_destroy(&compare->lock);
    free(compare);
}

void gw_compare_stop(struct gw_compare *compare)
{
    atomic_store(&compare->stop, true);
    (void)pthread_mutex_lock(&compare->lock);
    (void)pthread_cond_broadcast(&compare->changed);
    (void)pthread_mutex_unlock(&compare->lock);
}

void gw_compare_be_nice(void)
{
    /* Linux: process 0 is the calling thread. Without it, it is only less polite. */
    (void)setpriority(PRIO_PROCESS, 0, NICE);
}

static bool fail(struct gw_compare *c, const char *text)
{
    snprintf(c->why, GW_APP_WHY_BYTES, "%s", text);
    return false;
}

/* ---- the statement --------------------------------------------------------------------------------------- */

/* On the operator's thread. */
static void on_row(void *arg, const struct gw_statement_row *row)
{
    struct gw_compare *c = arg;
    struct gw_match_order order = {
        .number = gw_match_number(row->key, c->app->config.gateway_id),
        .amount_fen = row->amount_fen,
        .time_us = row->time_us,
        .digest = gw_match_digest(row->wallet, row->parts, row->part_count),
        .place = row->seq,
        .kind = (uint8_t)row->kind,
        .state = GW_ORDER_DONE,
    };
    if (c->elsewhere) {
        gw_match_elsewhere(&c->match, order.number);
    } else if (c->row_status == GW_OK) {
        c->row_status = gw_match_there(&c->match, &order, row->key);
    }
}

static void on_end(void *arg, const struct gw_statement_end *end)
{
    struct gw_compare *c = arg;
    (void)pthread_mutex_lock(&c->lock);
    c->end = *end;
    c->ended = true;
    (void)pthread_cond_broadcast(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
}

/* Wait for the end of the fetch, or for seconds. Returns false when all is to stop. */
static bool wait_for_end(struct gw_compare *c)
{
    (void)pthread_mutex_lock(&c->lock);
    while (!c->ended && !atomic_load(&c->stop)) {
        (void)pthread_cond_wait(&c->changed, &c->lock);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return !atomic_load(&c->stop);
}

static bool pause_s(struct gw_compare *c, uint32_t seconds)
{
    const struct timespec until = gw_steady_after((int64_t)seconds * 1000);
    (void)pthread_mutex_lock(&c->lock);
    while (!atomic_load(&c->stop) && pthread_cond_timedwait(&c->changed, &c->lock, &until) == 0) {
        continue;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return !atomic_load(&c->stop);
}

/* A statement that breaks off is gone on with after its last row. */
static bool fetch(struct gw_compare *c, int32_t day, bool elsewhere)
{
    struct gw_statement_request request = {.day = day, .row = on_row, .end = on_end, .arg = c};
    c->elsewhere = elsewhere;
    c->row_status = GW_OK;
    for (uint32_t i = 0; i < FETCH_TRIES; i++) {
        c->ended = false;
        if (i > 0 && !pause_s(c, 1u << (i - 1u))) {
            return false;
        }
        if (gw_links_statement(c->app->links, &request) != GW_OK) {
            return fail(c, "another statement is being fetched");
        }
        if (!wait_for_end(c)) {
            return false;
        }
        if (c->row_status != GW_OK) {
            return fail(c, c->row_status == GW_FULL
                               ? "the statement has more rows than there is memory for"
                               : "the statement's amounts are beyond any sum");
        }
        if (c->end.status != GW_IO) {
            break;
        }
        request.after = c->end.last_seq;
    }
    if (c->end.status != GW_OK) {
        char problem[GW_OPERATOR_PROBLEM_BYTES];
        gw_links_operator_problem(c->app->links, problem);
        snprintf(c->why, GW_APP_WHY_BYTES, "no statement from the operator: %s", problem);
        return false;
    }
    return true;
}

/* The rows of all its pieces must be what the operator says they are together. */
static bool fetch_day(struct gw_compare *c, int32_t day)
{
    if (!fetch(c, day, false)) {
        return false;
    }
    const struct gw_match_sums *sums = &c->match.sums_there;
    if (sums->count[GW_ORDER_DEBIT] != c->end.debit_count ||
        sums->fen[GW_ORDER_DEBIT] != c->end.debit_fen ||
        sums->count[GW_ORDER_REFUND] != c->end.refund_count ||
        sums->fen[GW_ORDER_REFUND] != c->end.refund_fen) {
        return fail(c, "the statement's rows do not sum to its totals");
    }
    if (!c->end.closed) {
        return fail(c, "the operator says that the day is not over: its clock is behind ours");
    }
    gw_match_sort(&c->match);
    return true;
}

/* What we booked and the day's statement lacks: the day after, then the days before, newest first. An
 * answer that came late, or a clock that was ahead, has booked it on another day. */
static bool fetch_other_days(struct gw_compare *c, int32_t day)
{
    for (int32_t i = -1; i <= GW_RECONCILE_OTHER_DAYS; i++) {
        int32_t other = day - i;
        if (gw_match_left_here(&c->match) == 0 || other < 0) {
            break;
        }
        if (i != 0 && !fetch(c, other, true)) {
            return false;
        }
    }
    return true;
}

/* ---- our books ------------------------------------------------------------------------------------------- */

struct open_look {
    uint64_t numbers[OPEN_PER_LOOK];
    uint32_t count;
    uint32_t cursor;
};

static void look_open(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct open_look *look = arg;
    struct gw_order_view view;
    (void)app; /* the core knows all of it */
    look->count = 0;
    while (look->count < OPEN_PER_LOOK && gw_core_open_order(&view, core, &look->cursor)) {
        look->numbers[look->count++] = view.number;
    }
}

static bool mark_open(struct gw_compare *c)
{
    struct open_look look = {.count = OPEN_PER_LOOK};
    while (look.count == OPEN_PER_LOOK) {
        struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_open, .arg = &look};
        if (gw_calls_do(&c->app->calls, &call) != GW_OK) {
            return fail(c, "the gateway waits for its store");
        }
        for (uint32_t i = 0; i < look.count; i++) {
            gw_match_open(&c->match, look.numbers[i]);
        }
    }
    return true;
}

static void look_last_block(void *arg, struct gw_app *app, struct gw_core *core)
{
    (void)app; /* the core knows all of it */
    gw_core_counters(arg, core);
}

/* The digest of an order of ours, by the names of its wallet and payees. */
static uint64_t digest_of(struct gw_compare *c, const struct gw_entry *entry)
{
    struct gw_directory *names = &c->app->directory;
    struct gw_directory_binding binding = {.wallet = ""};
    struct gw_order_part parts[GW_ORDER_PAYEES_MAX];
    memset(parts, 0, sizeof(parts));
    if (!gw_directory_binding(&binding, names, entry->binding) &&
        gw_directory_refresh(names, &c->app->calls) == GW_OK) {
        (void)gw_directory_binding(&binding, names, entry->binding); /* differs if not known */
    }
    for (uint32_t i = 0; i < entry->part_count; i++) {
        (void)gw_directory_payee(parts[i].payee, names, entry->part_payee[i]); /* likewise */
        parts[i].amount_fen = entry->part_fen[i];
    }
    return gw_match_digest(binding.wallet, parts, entry->part_count);
}

static enum gw_status take_entry(struct gw_compare *c, const struct gw_entry *entry)
{
    if (entry->kind != GW_ENTRY_ORDER_END || entry->amount_fen < 1 ||
        (unsigned)entry->order_kind > GW_ORDER_REFUND) {
        return GW_OK;
    }
    struct gw_match_order order = {
        .number = entry->order,
        .amount_fen = entry->amount_fen,
        .time_us = entry->block_time_us,
        .digest = digest_of(c, entry),
        .place = entry->block,
        .household = entry->household,
        .kind = (uint8_t)entry->order_kind,
        .state = (uint8_t)entry->order_state,
    };
    return gw_match_here(&c->match, &order);
}

static enum gw_status take_block(struct gw_compare *c, int64_t *time_us, uint64_t number)
{
    struct gw_block_reader reader;
    enum gw_status status = gw_past_block(&c->past, &reader, number);
    *time_us = status == GW_OK ? reader.time_us : 0;
    while (status == GW_OK) {
        status = gw_block_next(&reader, c->past.entry);
        if (status == GW_OK) {
            status = take_entry(c, c->past.entry);
        } else if (status == GW_END) {
            return GW_OK;
        }
    }
    return status == GW_END ? GW_CORRUPT : status; /* a block that is not there */
}

/* From the day's first block on until its last one, and further while rows are not found. */
static enum gw_status walk(struct gw_compare *c, uint64_t last_block)
{
    uint64_t number = 0;
    enum gw_status status =
        gw_past_find(&c->past, &number, last_block, c->match.from_us - SLACK_US);
    int64_t time_us = 0;
    while (status == GW_OK && number <= last_block && !atomic_load(&c->stop) &&
           (time_us < c->match.to_us || gw_match_left_there(&c->match) > 0)) {
        status = take_block(c, &time_us, number++);
    }
    return status;
}

static bool read_books(struct gw_compare *c)
{
    struct gw_counters counters;
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_last_block, .arg = &counters};
    /* What is open first, then how far the books go: an order that ends in between is seen ended. */
    if (!mark_open(c)) {
        return false;
    }
    if (gw_directory_refresh(&c->app->directory, &c->app->calls) != GW_OK ||
        gw_calls_do(&c->app->calls, &call) != GW_OK) {
        return fail(c, "the gateway waits for its store");
    }
    if (gw_past_begin(&c->past, c->app, c->why) != GW_OK) {
        return false;
    }
    enum gw_status status = walk(c, counters.block);
    gw_past_close(&c->past);
    if (status != GW_OK) {
        return fail(c, status == GW_FULL ? "the day has more orders than there is memory for"
                                         : "our own books cannot be read back");
    }
    return !atomic_load(&c->stop);
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

json_t *gw_compare_day(struct gw_compare *compare, char why[GW_APP_WHY_BYTES], int32_t day)
{
    struct gw_compare *c = compare;
    int64_t slack_us = SLACK_US * c->app->clock.speed; /* an answer's way takes real time */
    json_t *result = NULL;
    c->why = why;
    enum gw_status status = gw_match_init(&c->match, gw_local_day_start_us(day),
                                          gw_local_day_start_us(day + 1), slack_us);
    if (status != GW_OK) {
        (void)fail(c, "there is no memory");
    } else if (fetch_day(c, day) && read_books(c) && fetch_other_days(c, day)) {
        gw_match_finish(&c->match);
        result =
            gw_result_json(&c->match, day, gw_clock_now_us(&c->app->clock), &c->app->directory);
    }
    if (!atomic_load(&c->stop)) {
        gw_match_deinit(&c->match); /* else a fetch may still be filling it */
    }
    return result;
}

bool gw_compare_first_day(int32_t *day, struct gw_compare *compare)
{
    char why[GW_APP_WHY_BYTES];
    struct gw_block_reader reader;
    if (gw_past_begin(&compare->past, compare->app, why) != GW_OK) {
        return false;
    }
    bool read = gw_past_block(&compare->past, &reader, 1) == GW_OK;
    gw_past_close(&compare->past);
    if (read) {
        int32_t first = gw_local_day(reader.time_us);
        *day = first < 0 ? 0 : first;
    }
    return read;
}
