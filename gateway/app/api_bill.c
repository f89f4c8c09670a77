/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A household's bill of a month: computed again from the stored readings, explained line by line, and
 *  held against the ledger. A bill that does not agree says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_orders.h"
#include "gateway/app/api_views.h"
#include "gateway/app/past.h"
#include "gateway/core/civil.h"

#define METERS_MAX 64u
#define ORDERS_MAX 500u

/* ---- what the core knows ----------------------------------------------------------------------------- */

struct meter_part {
    struct gw_meter_view view;
    struct gw_tariff tariff;
};

struct bill_look {
    const char *id;
    bool found;
    bool too_many;
    struct gw_household_view household;
    uint32_t count;
    struct meter_part meters[METERS_MAX];
};

static bool copy_tariff(struct gw_tariff *out, const struct gw_core *core, const char *name)
{
    const struct gw_tariff *tariff = NULL;
    for (uint32_t i = 0; i < GW_TARIFFS_MAX && (tariff = gw_core_tariff(core, i)) != NULL; i++) {
        if (strcmp(tariff->name, name) == 0) {
            *out = *tariff;
            return true;
        }
    }
    return false;
}

static void look_bill(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct bill_look *look = arg;
    (void)app; /* the core knows all of it */
    uint32_t slot = gw_core_find_household(core, look->id, strlen(look->id));
    look->found = slot != GW_NONE && gw_core_household(&look->household, core, slot);
    if (!look->found) {
        return;
    }
    uint32_t meter = look->household.meter_first;
    while (meter != GW_NONE && look->count < METERS_MAX) {
        struct meter_part *part = &look->meters[look->count];
        if (!gw_core_meter(&part->view, core, meter) ||
            !copy_tariff(&part->tariff, core, part->view.tariff)) {
            return;
        }
        look->count++;
        meter = gw_core_next_meter(core, meter);
    }
    look->too_many = meter != GW_NONE;
}

/* ---- the money of a month, per payee --------------------------------------------------------------------- */

struct payee_sum {
    char payee[GW_PAYEE_CODE_MAX + 1];
    int64_t month_ufen;
    int64_t round_fen;
};

struct sums {
    struct payee_sum payees[GW_ORDER_PAYEES_MAX];
    uint32_t count;
    bool holds; /* every meter's months sum to what the ledger charged */
};

static void add_payee(struct sums *sums, const char *payee, int64_t ufen, int64_t round_fen)
{
    uint32_t i = 0;
    while (i < sums->count && strcmp(sums->payees[i].payee, payee) != 0) {
        i++;
    }
    if (i == GW_ORDER_PAYEES_MAX) {
        sums->holds = false; /* a household has no more payees than this */
        return;
    }
    if (i == sums->count) {
        sums->count++;
        memcpy(sums->payees[i].payee, payee, strlen(payee) + 1);
        sums->payees[i].round_fen = 1;
    }
    sums->payees[i].month_ufen += ufen;
    if (round_fen > sums->payees[i].round_fen) {
        sums->payees[i].round_fen = round_fen;
    }
}

/* ---- one meter --------------------------------------------------------------------------------------------- */

static json_t *line_json(const struct gw_charge_line *line, const struct gw_tariff *tariff)
{
    static const char *const bands[GW_BANDS] = {"sharp", "peak", "flat", "valley"};
    const struct gw_tariff_version *version = &tariff->versions[line->version];
    const char *band = line->band < GW_BANDS ? bands[line->band] : NULL;
    json_t *object = json_object();
    gw_api_put_text(object, "payee", tariff->payees[line->payee]);
    gw_api_put_text(object, "label", version->components[line->component].label);
    gw_api_put_text(object, "version", version->id);
    gw_api_put(object, "band", band != NULL ? json_string(band) : NULL);
    gw_api_put(object, "block", line->block != 0xff ? json_integer(line->block + 1) : NULL);
    gw_api_put(object, "time_of_use", json_boolean(line->tou != 0));
    gw_api_put_units(object, "quantity", line->units, tariff->medium);
    gw_api_put_ufen(object, "price", line->price_ufen);
    gw_api_put_ufen(object, "amount", line->ufen);
    return object;
}

static void put_register(json_t *object, const char *name, const struct gw_bill_register *r,
                         uint8_t medium)
{
    if (!r->known) {
        gw_api_put(object, name, NULL);
        return;
    }
    json_t *value = json_object();
    gw_api_put_time(value, "time", r->time_us);
    gw_api_put_units(value, "total", r->total, medium);
    gw_api_put_int(value, "block", (int64_t)r->block);
    gw_api_put(object, name, value);
}

static json_t *check_json(int64_t bills_ufen, int64_t ledger_ufen, const char *problem)
{
    json_t *object = json_object();
    bool holds = *problem == '\0' && bills_ufen == ledger_ufen;
    gw_api_put(object, "holds", json_boolean(holds));
    gw_api_put_ufen(object, "bills", bills_ufen);
    gw_api_put_ufen(object, "ledger", ledger_ufen);
    gw_api_put_text(object, "problem",
                    *problem != '\0' ? problem
                    : holds          ? ""
                            : "the bills of all months do not sum to what the ledger charged");
    return object;
}

static const char *problem_of(enum gw_bill_verdict verdict)
{
    switch (verdict) {
    case GW_BILL_DONE:
        return "";
    case GW_BILL_DISORDER:
        return "the stored readings contradict each other";
    case GW_BILL_NO_TARIFF:
        return "a stored reading lies before the tariff's first version";
    case GW_BILL_TOO_LARGE:
        return "the readings span more months than one bill can hold";
    }
    return "";
}

/* The last version in force in the month decides how a bill is rounded. */
static int64_t round_of(const struct gw_tariff *tariff, const struct gw_bill *bill)
{
    int64_t round_fen = 1;
    for (uint32_t v = 0; v < tariff->version_count; v++) {
        if (tariff->versions[v].from_us < bill->month_end_us) {
            round_fen = tariff->versions[v].round_fen;
        }
    }
    return round_fen;
}

struct meter_bill {
    struct gw_bill bill;
    struct gw_bill_result result;
    enum gw_bill_verdict verdict;
};

static json_t *meter_json(const struct meter_part *part, const struct meter_bill *mb,
                          struct sums *sums)
{
    const struct gw_tariff *tariff = &part->tariff;
    const struct gw_bill_result *result = &mb->result;
    uint8_t medium = part->view.identity.medium;
    char name[MT_NAME_MAX + 1];
    json_t *object = json_object();
    json_t *lines = json_array();
    json_t *payees = json_array();
    int64_t total_ufen = 0;
    (void)mt_name_format(name, &part->view.identity); /* its length is not needed */
    for (uint32_t i = 0; i < result->line_count; i++) {
        (void)json_array_append_new(lines, line_json(&result->lines[i], tariff));
    }
    for (uint32_t p = 0; p < tariff->payee_count; p++) {
        json_t *payee = json_object();
        gw_api_put_text(payee, "payee", tariff->payees[p]);
        gw_api_put_ufen(payee, "amount", result->month_ufen[p]);
        (void)json_array_append_new(payees, payee);
        total_ufen += result->month_ufen[p];
        add_payee(sums, tariff->payees[p], result->month_ufen[p], round_of(tariff, &mb->bill));
    }
    gw_api_put_text(object, "meter", name);
    gw_api_put_text(object, "medium", gw_medium_name(medium));
    gw_api_put_text(object, "unit", gw_unit_name(medium));
    gw_api_put_text(object, "tariff", tariff->name);
    gw_api_put(object, "terms", gw_api_terms_json(&part->view.terms));
    put_register(object, "opening", &mb->bill.opening, medium);
    put_register(object, "closing", &mb->bill.closing, medium);
    gw_api_put_units(object, "consumption", result->units, medium);
    gw_api_put_ufen(object, "amount", total_ufen);
    gw_api_put(object, "payees", payees);
    gw_api_put(object, "lines", lines);
    json_t *check = check_json(result->ever_ufen, part->view.charged_ufen, problem_of(mb->verdict));
    sums->holds = sums->holds && json_is_true(json_object_get(check, "holds"));
    gw_api_put(object, "check", check);
    return object;
}

static enum gw_status bill_meter(struct meter_bill *mb, struct gw_past *past,
                                 const struct meter_part *part, int32_t month)
{
    struct gw_bill_reading *readings = NULL;
    size_t count = 0;
    enum gw_status status =
        gw_past_readings(past, &readings, &count, part->view.slot, part->view.last_block);
    if (status != GW_OK) {
        return status;
    }
    gw_bill_init(&mb->bill, &part->tariff, &part->view.terms, part->view.register_width, month);
    mb->verdict = GW_BILL_DONE;
    for (size_t i = 0; i < count && mb->verdict == GW_BILL_DONE; i++) {
        mb->verdict = gw_bill_add(&mb->bill, &readings[i]);
    }
    free(readings);
    enum gw_bill_verdict finished = gw_bill_finish(&mb->result, &mb->bill);
    mb->verdict = mb->verdict == GW_BILL_DONE ? finished : mb->verdict;
    return GW_OK;
}

/* ---- orders of the month ---------------------------------------------------------------------------------------- */

struct month_orders {
    json_t *list;
    struct gw_directory *directory;
    int64_t from_us, to_us;
    int64_t settled_fen;
    bool cut;
};

static bool take_order(void *arg, const struct gw_entry *entry)
{
    struct month_orders *m = arg;
    if (entry->block_time_us < m->from_us) {
        return false;
    }
    if (entry->block_time_us < m->to_us && entry->kind == GW_ENTRY_ORDER_END) {
        m->cut = json_array_size(m->list) >= ORDERS_MAX;
        if (!m->cut) {
            (void)json_array_append_new(m->list, gw_api_order_event_json(entry, m->directory));
        }
        if (entry->order_state == GW_ORDER_DONE) {
            m->settled_fen +=
                entry->order_kind == GW_ORDER_REFUND ? -entry->amount_fen : entry->amount_fen;
        }
    }
    return true;
}

/* The list is cut where it gets long, the sum is not. */
static enum gw_status month_orders(json_t *bill, struct gw_past *past, const struct bill_look *look,
                                   int32_t month)
{
    struct month_orders m = {
        .list = json_array(),
        .directory = &past->app->directory,
        .from_us = gw_local_month_start_us(month),
        .to_us = gw_local_month_start_us(month + 1),
    };
    uint64_t block = look->household.order_last_block;
    enum gw_status status =
        gw_past_orders(past, look->household.slot, &block, UINT32_MAX, &m, take_order);
    gw_api_put(bill, "orders", m.list);
    gw_api_put(bill, "orders_cut", json_boolean(m.cut));
    gw_api_put_fen(bill, "settled", m.settled_fen);
    return status;
}

/* ---- the bill --------------------------------------------------------------------------------------------------- */

static json_t *account_json(const struct gw_household_view *household)
{
    json_t *object = json_object();
    gw_api_put_ufen(object, "charged", household->charged_ufen);
    gw_api_put_fen(object, "taken", household->taken_fen);
    gw_api_put_fen(object, "settled", household->settled_fen);
    gw_api_put_ufen(object, "carried", household->charged_ufen - household->taken_fen * 1000000);
    return object;
}

static void put_sums(json_t *bill, const struct sums *sums)
{
    json_t *list = json_array();
    int64_t total_fen = 0;
    int64_t total_ufen = 0;
    for (uint32_t i = 0; i < sums->count; i++) {
        const struct payee_sum *p = &sums->payees[i];
        int64_t rounded_fen = gw_round_fen(p->month_ufen, p->round_fen);
        json_t *payee = json_object();
        gw_api_put_text(payee, "payee", p->payee);
        gw_api_put_fen(payee, "amount", rounded_fen);
        gw_api_put_ufen(payee, "exact", p->month_ufen);
        (void)json_array_append_new(list, payee);
        total_fen += rounded_fen;
        total_ufen += p->month_ufen;
    }
    gw_api_put(bill, "payees", list);
    gw_api_put_fen(bill, "amount", total_fen);
    gw_api_put_ufen(bill, "exact", total_ufen);
    gw_api_put(bill, "holds", json_boolean(sums->holds));
}

static enum gw_status make_bill(json_t *bill, struct gw_past *past, const struct bill_look *look,
                                int32_t month)
{
    struct sums sums = {.holds = true};
    json_t *meters = json_array();
    struct meter_bill *mb = malloc(sizeof(*mb));
    enum gw_status status = mb != NULL ? GW_OK : GW_FULL;
    for (uint32_t i = look->count; i > 0 && status == GW_OK; i--) { /* the oldest meter first */
        status = bill_meter(mb, past, &look->meters[i - 1], month);
        if (status == GW_OK) {
            (void)json_array_append_new(meters, meter_json(&look->meters[i - 1], mb, &sums));
        }
    }
    free(mb);
    put_sums(bill, &sums);
    gw_api_put(bill, "meters", meters);
    status = status == GW_OK ? month_orders(bill, past, look, month) : status;
    gw_api_put(bill, "account", account_json(&look->household));
    return status;
}

static void answer(struct gw_app *app, struct gw_http_reply *reply, const struct bill_look *look,
                   int32_t month)
{
    char text[GW_FORMAT_MAX];
    struct gw_past past;
    if (!look->found) {
        gw_http_fail(reply, 404, "no_such_household", "There is no household %s.", look->id);
        return;
    }
    if (look->too_many) {
        gw_http_fail(reply, 507, "too_much", "The household has more than %u meters.", METERS_MAX);
        return;
    }
    if (gw_directory_refresh(&app->directory, &app->calls) != GW_OK) {
        gw_http_fail(reply, 503, "busy", "The gateway waits for its store; ask again.");
        return;
    }
    if (!gw_past_open(&past, app, reply)) {
        return;
    }
    json_t *bill = json_object();
    int64_t now_us = gw_clock_now_us(&app->clock);
    gw_format_month(text, month);
    gw_api_put_text(bill, "household", look->household.id);
    gw_api_put_text(bill, "month", text);
    gw_api_put_time(bill, "made", now_us);
    gw_api_put(bill, "month_over", json_boolean(now_us >= gw_local_month_start_us(month + 1)));
    enum gw_status status = make_bill(bill, &past, look, month);
    gw_past_close(&past);
    if (status != GW_OK) {
        json_decref(bill);
        gw_past_fail(reply, status);
        return;
    }
    reply->json = bill;
}

void gw_api_bill(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    int32_t month = 0;
    if (!gw_api_queries_known(request, reply, "month")) {
        return;
    }
    const char *text = gw_http_query(request, "month");
    if (text == NULL || !gw_parse_month(&month, text)) {
        gw_http_fail(reply, 400, "bad_parameter", "The parameter month must be such as 2026-11.");
        return;
    }
    struct bill_look *look = calloc(1, sizeof(*look));
    if (look == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the answer.");
        return;
    }
    look->id = request->params[0];
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_bill, .arg = look};
    if (gw_api_call(arg, reply, &call)) {
        answer(arg, reply, look, month);
    }
    free(look);
}
