/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app/api_views.h"
#include "gateway/app/row.h"

/* Rows of the longest entry, a hundred readings or a dozen parts, in the wider form. */
#define ROWS_BYTES (128u * 1024u)

struct gw_export {
    struct gw_past past;
    struct gw_export_request request;
    struct gw_block_reader reader;
    bool in_block;
    bool broken;
    uint64_t next_block;
    struct gw_rows rows;
    size_t given; /* of the rows' bytes */
    char bytes[ROWS_BYTES];
};

/* ---- names ------------------------------------------------------------------------------------------- */

/* A slot that is not known yet was added since the last refresh. */
static void meter_of(struct gw_directory_meter *meter, struct gw_export *e, uint32_t slot)
{
    struct gw_app *app = e->past.app;
    memset(meter, 0, sizeof(*meter));
    meter->household = GW_NONE;
    if (!gw_directory_meter(meter, &app->directory, slot) &&
        gw_directory_refresh(&app->directory, &app->calls) == GW_OK) {
        (void)gw_directory_meter(meter, &app->directory, slot); /* stays empty if not known */
    }
}

static void household_of(char id[GW_HOUSEHOLD_ID_MAX + 1], struct gw_export *e, uint32_t slot)
{
    struct gw_app *app = e->past.app;
    *id = '\0';
    if (slot != GW_NONE && !gw_directory_household(id, &app->directory, slot) &&
        gw_directory_refresh(&app->directory, &app->calls) == GW_OK) {
        (void)gw_directory_household(id, &app->directory, slot); /* stays empty if not known */
    }
}

static void binding_of(struct gw_directory_binding *binding, struct gw_export *e, uint32_t slot)
{
    struct gw_app *app = e->past.app;
    memset(binding, 0, sizeof(*binding));
    if (!gw_directory_binding(binding, &app->directory, slot) &&
        gw_directory_refresh(&app->directory, &app->calls) == GW_OK) {
        (void)gw_directory_binding(binding, &app->directory, slot); /* stays empty if not known */
    }
}

static void put_time(struct gw_rows *rows, const char *name, int64_t time_us)
{
    char name_us[40];
    char text[GW_FORMAT_MAX];
    gw_format_time(text, time_us);
    snprintf(name_us, sizeof(name_us), "%s_us", name);
    gw_row_int(rows, name_us, time_us);
    gw_row_text(rows, name, text);
}

/* ---- readings ---------------------------------------------------------------------------------------- */

static void put_reading(struct gw_export *e, const struct gw_entry *entry, uint32_t i,
                        const struct gw_directory_meter *meter, const char *household)
{
    static const char *const bands[MT_BANDS] = {"sharp_units", "peak_units", "flat_units",
                                                "valley_units"};
    const struct mt_reading *r = &entry->readings[i].reading;
    struct gw_rows *rows = &e->rows;
    char text[GW_FORMAT_MAX];
    gw_row_begin(rows);
    gw_row_int(rows, "block", (int64_t)entry->block);
    put_time(rows, "received", entry->block_time_us);
    gw_row_text(rows, "meter", meter->name);
    gw_row_text(rows, "household", household);
    put_time(rows, "time", r->time_us);
    gw_row_int(rows, "total_units", r->total);
    gw_format_units(text, r->total, meter->medium);
    gw_row_text(rows, "total", text);
    gw_row_text(rows, "unit", gw_unit_name(meter->medium));
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        if ((r->band_mask >> b & 1u) != 0) {
            gw_row_int(rows, bands[b], r->band[b]);
        } else {
            gw_row_none(rows, bands[b]);
        }
    }
    gw_row_int(rows, "flags", r->flags);
    gw_row_text(rows, "verdict", gw_verdict_name((enum gw_verdict)entry->readings[i].verdict));
    gw_row_text(rows, "transport", gw_transport_name(entry->transport));
    gw_row_text(rows, "form", gw_form_name(entry->form));
    gw_row_end(rows);
}

static void put_readings(struct gw_export *e, const struct gw_entry *entry)
{
    struct gw_directory_meter meter;
    char household[GW_HOUSEHOLD_ID_MAX + 1];
    meter_of(&meter, e, entry->meter);
    household_of(household, e, meter.household);
    for (uint32_t i = 0; i < entry->reading_count; i++) {
        put_reading(e, entry, i, &meter, household);
    }
}

/* ---- postings ---------------------------------------------------------------------------------------- */

struct posting {
    const char *cause; /* "reading", "order" */
    const char *meter;
    int64_t order;
    const char *household;
    const char *payee;
    const char *debit_kind, *debit;
    const char *credit_kind, *credit;
    int64_t ufen;
};

static void put_account(struct gw_rows *rows, const char *name, const char *kind, const char *owner)
{
    char text[80];
    snprintf(text, sizeof(text), "%s:%s", kind, owner);
    gw_row_text(rows, name, text);
}

static void put_posting(struct gw_export *e, const struct gw_entry *entry,
                        const struct posting *posting)
{
    struct gw_rows *rows = &e->rows;
    char text[GW_FORMAT_MAX];
    gw_row_begin(rows);
    gw_row_int(rows, "block", (int64_t)entry->block);
    put_time(rows, "posted", entry->block_time_us);
    gw_row_text(rows, "cause", posting->cause);
    gw_row_text(rows, "meter", posting->meter);
    if (posting->order != 0) {
        gw_row_int(rows, "order", posting->order);
    } else {
        gw_row_none(rows, "order");
    }
    gw_row_text(rows, "household", posting->household);
    gw_row_text(rows, "payee", posting->payee);
    put_account(rows, "debit", posting->debit_kind, posting->debit);
    put_account(rows, "credit", posting->credit_kind, posting->credit);
    gw_row_int(rows, "amount_ufen", posting->ufen);
    gw_format_ufen(text, posting->ufen);
    gw_row_text(rows, "amount_yuan", text);
    gw_row_end(rows);
}

static void put_charges(struct gw_export *e, const struct gw_entry *entry)
{
    struct gw_directory_meter meter;
    char household[GW_HOUSEHOLD_ID_MAX + 1];
    meter_of(&meter, e, entry->meter);
    household_of(household, e, meter.household);
    for (uint32_t p = 0; p < entry->payee_count; p++) {
        char payee[GW_PAYEE_CODE_MAX + 1] = "";
        (void)gw_directory_tariff_payee(payee, &e->past.app->directory, meter.tariff,
                                        p); /* empty if not known */
        struct posting posting = {.cause = "reading",
                                  .meter = meter.name,
                                  .household = household,
                                  .payee = payee,
                                  .debit_kind = "owed",
                                  .debit = household,
                                  .credit_kind = "payee",
                                  .credit = payee,
                                  .ufen = entry->posted_ufen[p]};
        if (posting.ufen != 0) {
            put_posting(e, entry, &posting);
        }
    }
}

static void put_settlement(struct gw_export *e, const struct gw_entry *entry)
{
    struct gw_directory_binding binding;
    char household[GW_HOUSEHOLD_ID_MAX + 1];
    binding_of(&binding, e, entry->binding);
    household_of(household, e, entry->household);
    bool refund = entry->order_kind == GW_ORDER_REFUND;
    for (uint32_t i = 0; i < entry->part_count; i++) {
        char payee[GW_PAYEE_CODE_MAX + 1] = "";
        (void)gw_directory_payee(payee, &e->past.app->directory,
                                 entry->part_payee[i]); /* empty if not known */
        struct posting posting = {.cause = "order",
                                  .meter = "",
                                  .order = (int64_t)entry->order,
                                  .household = household,
                                  .payee = payee,
                                  .debit_kind = refund ? "owed" : "wallet",
                                  .debit = refund ? household : binding.wallet,
                                  .credit_kind = refund ? "wallet" : "owed",
                                  .credit = refund ? binding.wallet : household,
                                  .ufen = entry->part_fen[i] * 1000000};
        put_posting(e, entry, &posting);
    }
}

/* ---- orders ------------------------------------------------------------------------------------------- */

static void put_order(struct gw_export *e, const struct gw_entry *entry)
{
    struct gw_directory_binding binding;
    char household[GW_HOUSEHOLD_ID_MAX + 1];
    char parts[GW_ORDER_PAYEES_MAX * 48] = "";
    char text[GW_FORMAT_MAX];
    struct gw_rows *rows = &e->rows;
    size_t used = 0;
    binding_of(&binding, e, entry->binding);
    household_of(household, e, entry->household);
    for (uint32_t i = 0; i < entry->part_count; i++) {
        char payee[GW_PAYEE_CODE_MAX + 1] = "";
        (void)gw_directory_payee(payee, &e->past.app->directory,
                                 entry->part_payee[i]); /* empty if not known */
        int n = snprintf(parts + used, sizeof(parts) - used, "%s%s=%lld", used > 0 ? " " : "",
                         payee, (long long)entry->part_fen[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    gw_row_begin(rows);
    gw_row_int(rows, "block", (int64_t)entry->block);
    put_time(rows, "time", entry->block_time_us);
    gw_row_int(rows, "order", (int64_t)entry->order);
    gw_row_text(rows, "event", entry->kind == GW_ENTRY_ORDER_NEW ? "made" : "ended");
    gw_row_text(rows, "kind", gw_order_kind_name(entry->order_kind));
    gw_row_text(rows, "state", gw_order_state_name(entry->order_state));
    gw_row_text(rows, "household", household);
    gw_row_text(rows, "wallet", binding.wallet);
    gw_row_int(rows, "amount_fen", entry->amount_fen);
    gw_format_fen(text, entry->amount_fen);
    gw_row_text(rows, "amount_yuan", text);
    gw_row_text(rows, "parts_fen", parts);
    gw_row_text(rows, "refusal", gw_refusal_name(entry->refusal));
    gw_row_text(rows, "operator_ref", entry->operator_ref);
    gw_row_end(rows);
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

static bool is_wanted(struct gw_export *e, const struct gw_entry *entry)
{
    const struct gw_export_request *r = &e->request;
    bool by_meter = entry->kind == GW_ENTRY_READINGS;
    if (!by_meter) {
        return r->meter == GW_NONE && (r->household == GW_NONE || r->household == entry->household);
    }
    if (r->meter != GW_NONE && r->meter != entry->meter) {
        return false;
    }
    if (r->household == GW_NONE) {
        return true;
    }
    struct gw_directory_meter meter;
    meter_of(&meter, e, entry->meter);
    return meter.household == r->household;
}

static void put_entry(struct gw_export *e, const struct gw_entry *entry)
{
    bool order = entry->kind == GW_ENTRY_ORDER_NEW || entry->kind == GW_ENTRY_ORDER_END;
    bool settled = entry->kind == GW_ENTRY_ORDER_END && entry->order_state == GW_ORDER_DONE;
    if ((entry->kind != GW_ENTRY_READINGS && !order) || !is_wanted(e, entry)) {
        return;
    }
    switch (e->request.what) {
    case GW_EXPORT_READINGS:
        if (!order) {
            put_readings(e, entry);
        }
        break;
    case GW_EXPORT_POSTINGS:
        if (!order) {
            put_charges(e, entry);
        } else if (settled) {
            put_settlement(e, entry);
        }
        break;
    case GW_EXPORT_ORDERS:
        if (order) {
            put_order(e, entry);
        }
        break;
    }
}

/* The names of the columns, by writing an empty row of each kind. */
static void put_header(struct gw_export *e)
{
    static const struct gw_directory_meter no_meter;
    static const struct posting none = {.cause = "",
                                        .meter = "",
                                        .household = "",
                                        .payee = "",
                                        .debit_kind = "",
                                        .debit = "",
                                        .credit_kind = "",
                                        .credit = ""};
    struct gw_entry *entry = e->past.entry;
    memset(entry, 0, sizeof(*entry));
    entry->household = GW_NONE;
    entry->binding = GW_NONE;
    e->rows.header = true;
    switch (e->request.what) {
    case GW_EXPORT_READINGS:
        put_reading(e, entry, 0, &no_meter, "");
        break;
    case GW_EXPORT_POSTINGS:
        put_posting(e, entry, &none);
        break;
    case GW_EXPORT_ORDERS:
        put_order(e, entry);
        break;
    }
    e->rows.header = false;
}

/* Fill the rows' buffer from the next entries. Returns false at the end or when broken off. */
static bool fill(struct gw_export *e)
{
    e->rows.used = 0;
    e->given = 0;
    while (e->rows.used == 0) {
        if (!e->in_block) {
            if (e->next_block > e->request.last_block || atomic_load(&e->past.app->stop)) {
                e->broken = e->next_block <= e->request.last_block;
                return false;
            }
            e->broken = gw_past_block(&e->past, &e->reader, e->next_block++) != GW_OK;
            e->in_block = true;
        }
        enum gw_status status = e->broken ? GW_CORRUPT : gw_block_next(&e->reader, e->past.entry);
        if (status == GW_OK) {
            put_entry(e, e->past.entry);
        } else if (status == GW_END) {
            e->in_block = false;
        } else {
            e->broken = true;
            return false;
        }
        e->broken = e->broken || e->rows.overflow;
    }
    return !e->broken;
}

ssize_t gw_export_read(void *export, char *bytes, size_t max)
{
    struct gw_export *e = export;
    if (e->given == e->rows.used && !fill(e)) {
        return e->broken ? -1 : 0;
    }
    size_t left = e->rows.used - e->given;
    size_t len = left < max ? left : max;
    memcpy(bytes, e->rows.bytes + e->given, len);
    e->given += len;
    return (ssize_t)len;
}

struct gw_export *gw_export_begin(const struct gw_past *past,
                                  const struct gw_export_request *request)
{
    struct gw_export *e = malloc(sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    e->past = *past;
    e->request = *request;
    e->in_block = false;
    e->broken = false;
    e->next_block = request->first_block;
    e->rows = (struct gw_rows){.bytes = e->bytes, .max = sizeof(e->bytes), .csv = request->csv};
    e->given = 0;
    if (request->csv) {
        put_header(e);
    }
    return e;
}

void gw_export_end(void *export)
{
    struct gw_export *e = export;
    gw_past_close(&e->past);
    free(e);
}
