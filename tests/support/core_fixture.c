/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/core_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "meters/message.h"

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "core fixture: %s failed\n", what);
        abort();
    }
}

static struct gw_tariff flat_tariff(const char *name, uint8_t medium)
{
    struct gw_tariff t;
    memset(&t, 0, sizeof(t));
    snprintf(t.name, sizeof(t.name), "%s", name);
    t.medium = medium;
    t.unit_divisor = medium == MT_POWER ? 1000 : 1000000;
    t.payee_count = 1;
    snprintf(t.payees[0], sizeof(t.payees[0]), "grid");
    t.version_count = 1;
    struct gw_tariff_version *v = &t.versions[0];
    snprintf(v->id, sizeof(v->id), "2020");
    v->from_us = gw_local_day_start_us(gw_day_of_date((struct gw_date){2020, 1, 1}));
    v->season_count = 1;
    v->ladder = GW_LADDER_YEAR;
    v->ladder_month = 1;
    v->block_count = 1;
    v->block_limit[0][0] = INT64_MAX;
    v->component_count = 1;
    snprintf(v->components[0].label, sizeof(v->components[0].label), "energy");
    v->components[0].flat_price_ufen[0] = 53800000;
    for (unsigned b = 0; b < GW_BANDS; b++) {
        v->components[0].band_price_ufen[0][b] = 53800000;
    }
    v->round_fen = 1;
    return t;
}

static struct gw_tariff tou_tariff(void)
{
    struct gw_tariff t = flat_tariff("tou", MT_POWER);
    struct gw_tariff_version *v = &t.versions[0];
    int64_t prices[GW_BANDS] = {56800000, 56800000, 56800000, 28800000};
    memcpy(v->components[0].band_price_ufen[0], prices, sizeof(prices));
    v->schedule[0].count = 3;
    v->schedule[0].spans[0] = (struct gw_span){0, GW_BAND_VALLEY};
    v->schedule[0].spans[1] = (struct gw_span){8 * 60, GW_BAND_PEAK};
    v->schedule[0].spans[2] = (struct gw_span){22 * 60, GW_BAND_VALLEY};
    return t;
}

static struct gw_tariff water_tariff(void)
{
    struct gw_tariff t = flat_tariff("water3", MT_WATER);
    static const char *const payees[] = {"water", "sewage", "resource"};
    static const int64_t prices[] = {207000000, 136000000, 157000000};
    t.payee_count = 3;
    t.versions[0].component_count = 3;
    for (uint8_t i = 0; i < 3; i++) {
        snprintf(t.payees[i], sizeof(t.payees[i]), "%s", payees[i]);
        struct gw_component *c = &t.versions[0].components[i];
        snprintf(c->label, sizeof(c->label), "%s", payees[i]);
        c->payee = i;
        c->flat_price_ufen[0] = prices[i];
        for (unsigned b = 0; b < GW_BANDS; b++) {
            c->band_price_ufen[0][b] = prices[i];
        }
    }
    return t;
}

static void put_tariffs(struct gw_core *core)
{
    struct gw_tariff tariffs[3] = {flat_tariff("flat", MT_POWER), tou_tariff(), water_tariff()};
    for (unsigned i = 0; i < 3; i++) {
        must(gw_core_put_tariff(core, &tariffs[i]) == GW_OK, "put tariff");
    }
}

static struct gw_core *make_core(struct fixture *f, void **memory)
{
    size_t bytes = gw_core_bytes(&f->config.limits);
    *memory = aligned_alloc(64, bytes);
    must(*memory != NULL, "memory");
    struct gw_core *core = NULL;
    must(gw_core_init(&core, *memory, bytes, &f->config, &f->port) == GW_OK, "init");
    return core;
}

void fixture_open(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->store = memory_store_open();
    f->port = memory_store_port(f->store);
    f->config = (struct gw_core_config){
        .limits = {.meters_max = 200,
                   .households_max = 200,
                   .bindings_max = 200,
                   .orders_open_max = 128},
        .settle = {.order_min_fen = 100,
                   .order_after_us = GW_US_PER_DAY,
                   .retry_refused_us = GW_US_PER_DAY,
                   .clock_ahead_us = 5 * GW_US_PER_MIN,
                   .late_window_us = 30 * GW_US_PER_DAY,
                   .clock_years_us = 366 * GW_US_PER_DAY},
        .gateway_id = "gw1",
    };
    f->now_us = FIXTURE_START_US;
    f->core = make_core(f, &f->memory);
    must(gw_core_load(f->core, f->now_us) == GW_OK, "load");
    struct gw_tariff tariffs[3] = {flat_tariff("flat", MT_POWER), tou_tariff(), water_tariff()};
    for (unsigned i = 0; i < 3; i++) {
        gw_core_begin(f->core, f->now_us);
        must(gw_core_load_tariff(f->core, &tariffs[i], "text", 4) == GW_REG_DONE, "load tariff");
        must(gw_core_commit(f->core) == GW_OK, "commit tariff");
    }
    gw_core_begin(f->core, f->now_us);
}

void fixture_close(struct fixture *f)
{
    free(f->memory);
    memory_store_close(f->store);
}

struct gw_core *fixture_make(struct fixture *f, void **memory)
{
    struct gw_core *core = make_core(f, memory);
    put_tariffs(core);
    return core;
}

struct gw_core *fixture_second(struct fixture *f, void **memory)
{
    struct gw_core *core = fixture_make(f, memory);
    enum gw_status status = gw_core_load(core, f->now_us);
    must(status == GW_OK, "second load");
    return core;
}

void fixture_identity(struct mt_identity *identity, uint32_t n, const char *tariff)
{
    memset(identity, 0, sizeof(*identity));
    identity->medium = strcmp(tariff, "water3") == 0 ? MT_WATER : MT_POWER;
    snprintf(identity->maker, sizeof(identity->maker), "TST");
    snprintf(identity->number, sizeof(identity->number), "%08u", n);
}

void fixture_add_meter(struct fixture *f, uint32_t n, const char *tariff)
{
    char home[GW_HOUSEHOLD_ID_MAX + 1];
    snprintf(home, sizeof(home), "home-%u", n);
    enum gw_registry_verdict verdict = gw_core_add_household(f->core, home);
    must(verdict == GW_REG_DONE || verdict == GW_REG_EXISTS, "add household");
    struct gw_meter_spec spec;
    memset(&spec, 0, sizeof(spec));
    fixture_identity(&spec.identity, n, tariff);
    memset(spec.root_key, FIXTURE_KEY_BYTE, sizeof(spec.root_key));
    snprintf(spec.household, sizeof(spec.household), "%s", home);
    snprintf(spec.tariff, sizeof(spec.tariff), "%s", tariff);
    spec.terms = (struct gw_terms){.tou_from_day = strcmp(tariff, "tou") == 0 ? 0 : INT32_MAX,
                                   .ladder_months = 12};
    spec.accept = GW_ACCEPT_COSE | GW_ACCEPT_CARRIER;
    spec.max_per_hour = 15000;
    spec.register_width = 1000000000;
    spec.has_sign_public = f->sign_public != NULL;
    if (spec.has_sign_public) {
        memcpy(spec.sign_public, f->sign_public, sizeof(spec.sign_public));
    }
    must(gw_core_add_meter(f->core, &spec) == GW_REG_DONE, "add meter");
    must(fixture_commit(f) == GW_OK, "commit meter");
    f->counters[n % 16] = 1;
    f->seqs[n % 16] = 1;
}

void fixture_bind(struct fixture *f, uint32_t n, const char *wallet, int64_t cap_day_fen)
{
    struct gw_bind_spec spec;
    memset(&spec, 0, sizeof(spec));
    snprintf(spec.household, sizeof(spec.household), "home-%u", n);
    snprintf(spec.wallet, sizeof(spec.wallet), "%s", wallet);
    snprintf(spec.mandate, sizeof(spec.mandate), "m-%s", wallet);
    spec.cap_single_fen = INT64_MAX;
    spec.cap_day_fen = cap_day_fen;
    must(gw_core_bind_wallet(f->core, &spec) == GW_REG_DONE, "bind");
    must(fixture_commit(f) == GW_OK, "commit bind");
}

size_t fixture_seal(struct fixture *f, uint32_t n, struct mt_message *message, uint8_t *out,
                    size_t out_max)
{
    struct gw_meter_view view;
    must(gw_core_meter(&view, f->core, n), "meter of this number");
    uint8_t root[MT_KEY_BYTES];
    uint8_t key[MT_KEY_BYTES];
    memset(root, FIXTURE_KEY_BYTE, sizeof(root));
    must(mt_key_derive(key, root, MT_KEY_UP, &view.identity) == MT_OK, "derive");
    message->has_seq = true;
    message->has_proof = false;
    message->seq_first = f->seqs[n];
    f->seqs[n] += message->count;
    uint8_t plain[MT_MESSAGE_BYTES_MAX];
    size_t plain_len = 0;
    must(mt_message_encode(plain, &plain_len, sizeof(plain), message,
                           (enum mt_medium)view.identity.medium) == MT_OK,
         "encode");
    struct mt_cose_seal_args args = {.plain = plain,
                                     .plain_len = plain_len,
                                     .counter = f->counters[n]++,
                                     .key = key,
                                     .identity = &view.identity};
    size_t len = 0;
    must(mt_cose_seal(out, &len, out_max, &args) == MT_OK, "seal");
    return len;
}

enum gw_verdict fixture_hand(struct fixture *f, uint32_t n, const uint8_t *bytes, size_t len)
{
    struct gw_meter_view view;
    must(gw_core_meter(&view, f->core, n), "meter of this number");
    char name[MT_NAME_MAX + 1];
    struct gw_message message = {.transport = GW_VIA_MQTT,
                                 .form = GW_FORM_COSE,
                                 .name = name,
                                 .name_len = mt_name_format(name, &view.identity),
                                 .bytes = bytes,
                                 .len = len,
                                 .reply = n};
    return gw_core_message(f->core, &message);
}

enum gw_verdict fixture_read(struct fixture *f, uint32_t n, int64_t time_us, int64_t total)
{
    static struct mt_message message;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    message.count = 1;
    message.readings[0] = (struct mt_reading){.time_us = time_us, .total = total};
    gw_core_begin(f->core, f->now_us);
    size_t len = fixture_seal(f, n, &message, bytes, sizeof(bytes));
    enum gw_verdict verdict = fixture_hand(f, n, bytes, len);
    must(fixture_commit(f) == GW_OK, "commit reading");
    return verdict;
}

enum gw_status fixture_commit(struct fixture *f)
{
    enum gw_status status = gw_core_commit(f->core);
    if (status == GW_OK) {
        gw_core_begin(f->core, f->now_us);
    }
    return status;
}

static bool same_order(const struct gw_order *a, const struct gw_order *b)
{
    return a->number == b->number &&
           (a->number == 0 || (a->household == b->household && a->binding == b->binding &&
                               a->amount_fen == b->amount_fen && a->kind == b->kind));
}

static bool same_bytes(const char *what, uint32_t item, const void *a, const void *b, size_t len)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (size_t i = 0; i < len; i++) {
        if (x[i] != y[i]) {
            printf("    %s %u differs at byte %zu: %02x, %02x\n", what, item, i, x[i], y[i]);
            return false;
        }
    }
    return true;
}

bool fixture_same(const struct gw_core *a, const struct gw_core *b)
{
    struct gw_head *heads = calloc(2, sizeof(*heads));
    must(heads != NULL, "memory");
    heads[0] = *a->head;
    heads[1] = *b->head;
    heads[0].starts = heads[1].starts = 0;
    heads[0].down_epoch = heads[1].down_epoch = 0;
    bool same = same_bytes("head", 0, &heads[0], &heads[1], sizeof(*heads));
    free(heads);
    for (uint32_t i = 0; i < a->head->meter_count; i++) {
        same &= same_bytes("meter", i, &a->meters[i], &b->meters[i], sizeof(a->meters[i]));
    }
    for (uint32_t i = 0; i < a->head->household_count; i++) {
        same &= same_bytes("household", i, &a->households[i], &b->households[i],
                           sizeof(a->households[i]));
    }
    for (uint32_t i = 0; i < a->head->binding_count; i++) {
        same &= same_bytes("binding", i, &a->bindings[i], &b->bindings[i], sizeof(a->bindings[i]));
    }
    for (uint32_t i = 0; i < a->config.limits.orders_open_max; i++) {
        same &= same_order(&a->orders[i], &b->orders[i]);
    }
    return same;
}

int64_t fixture_charged_ufen(const struct fixture *f, uint32_t n)
{
    struct gw_meter_view view;
    must(gw_core_meter(&view, f->core, n), "meter of this number");
    return view.charged_ufen;
}
