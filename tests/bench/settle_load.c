/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/settle_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/adapters/tariff_file.h"
#include "gateway/core/civil.h"
#include "meters/message.h"

#define QUARTER_US (15 * GW_US_PER_MIN)
#define MESSAGE_ROOM 256u
#define START_US 1772380800000000ll /* 2026-03-02 00:00 local */

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench: %s failed\n", what);
        exit(1);
    }
}

double bench_wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double bench_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char tariff_path[] = BENCH_TARIFFS "/zhejiang-power.yaml";

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    must(file != NULL, path);
    char *text = malloc(65536);
    must(text != NULL, "memory");
    *len = fread(text, 1, 65535, file);
    text[*len] = '\0';
    fclose(file);
    return text;
}

static void identify(struct mt_identity *identity, uint32_t n)
{
    memset(identity, 0, sizeof(*identity));
    identity->medium = MT_POWER;
    memcpy(identity->maker, "BEN", 4);
    snprintf(identity->number, sizeof(identity->number), "%012u", n);
}

static void root_key(uint8_t key[MT_KEY_BYTES], uint32_t n)
{
    memset(key, 0x42, MT_KEY_BYTES);
    memcpy(key, &n, sizeof(n));
}

static void commit(struct settle_load *load)
{
    must(gw_core_commit(load->core) == GW_OK, "commit");
    gw_core_begin(load->core, load->now_us);
}

static void add_meters(struct settle_load *load)
{
    struct gw_meter_spec spec;
    memset(&spec, 0, sizeof(spec));
    memcpy(spec.tariff, "zhejiang-power", 15);
    spec.terms = (struct gw_terms){.tou_from_day = INT32_MAX, .ladder_months = 12};
    spec.accept = GW_ACCEPT_COSE;
    spec.max_per_hour = 15000;
    for (uint32_t n = 0; n < load->meters; n++) {
        if (gw_core_full(load->core) || n % 1000 == 999) {
            commit(load);
        }
        snprintf(spec.household, sizeof(spec.household), "home-%u", n / 3);
        if (n % 3 == 0) {
            must(gw_core_add_household(load->core, spec.household) == GW_REG_DONE, "household");
        }
        identify(&spec.identity, n);
        root_key(spec.root_key, n);
        must(gw_core_add_meter(load->core, &spec) == GW_REG_DONE, "meter");
    }
    commit(load);
}

static void load_tariff(struct settle_load *load, const struct gw_tariff *tariff)
{
    size_t len = 0;
    char *text = read_file(tariff_path, &len);
    gw_core_begin(load->core, load->now_us);
    must(gw_core_load_tariff(load->core, tariff, text, len) == GW_REG_DONE, "tariff");
    commit(load);
    free(text);
}

static void open_core(struct settle_load *load, const struct gw_tariff *tariff, double *load_s)
{
    struct gw_core_config config = {
        .limits = {.meters_max = load->meters,
                   .households_max = load->meters / 3 + 1,
                   .bindings_max = 1024,
                   .orders_open_max = 1024},
        .settle = {.order_min_fen = 10000,
                   .order_after_us = 3650 * GW_US_PER_DAY,
                   .retry_refused_us = GW_US_PER_DAY,
                   .clock_ahead_us = GW_US_PER_HOUR,
                   .late_window_us = 30 * GW_US_PER_DAY,
                   .clock_years_us = 366 * GW_US_PER_DAY},
        .gateway_id = "bench",
    };
    load->memory_bytes = gw_core_bytes(&config.limits);
    load->memory = aligned_alloc(64, load->memory_bytes);
    must(load->memory != NULL, "memory");
    must(gw_core_init(&load->core, load->memory, load->memory_bytes, &config, &load->port) == GW_OK,
         "init");
    must(gw_core_put_tariff(load->core, tariff) == GW_OK, "put tariff");
    double start_s = bench_wall_s();
    must(gw_core_load(load->core, load->now_us) == GW_OK, "load");
    *load_s = bench_wall_s() - start_s;
}

void settle_load_open(struct settle_load *load, const char *path, uint32_t meters, double *load_s)
{
    memset(load, 0, sizeof(*load));
    char why[256];
    load->meters = meters;
    load->now_us = START_US;
    must(gw_store_sqlite_open(&load->store, path, GW_STORE_READWRITE, why, sizeof(why)) == GW_OK,
         why);
    load->port = gw_store_sqlite_port(load->store);
    static struct gw_tariff tariff;
    must(gw_tariff_file_load(&tariff, NULL, why, sizeof(why), tariff_path) == GW_OK, why);
    open_core(load, &tariff, load_s);
    struct gw_counters counters;
    gw_core_counters(&counters, load->core);
    if (counters.meters == 0) {
        load_tariff(load, &tariff);
        add_meters(load);
    }
    load->identities = calloc(meters, sizeof(*load->identities));
    load->up_keys = calloc(meters, sizeof(*load->up_keys));
    load->messages = malloc((size_t)GW_BATCH_MAX * MESSAGE_ROOM);
    must(load->identities != NULL && load->up_keys != NULL && load->messages != NULL, "memory");
    for (uint32_t n = 0; n < meters; n++) {
        uint8_t root[MT_KEY_BYTES];
        identify(&load->identities[n], n);
        root_key(root, n);
        must(mt_key_derive(load->up_keys[n], root, MT_KEY_UP, &load->identities[n]) == MT_OK,
             "derive");
    }
    load->round = counters.meters == 0 ? 0 : counters.readings / meters;
    load->next_meter = counters.meters == 0 ? 0 : (uint32_t)(counters.readings % meters);
    load->now_us = START_US + (int64_t)load->round * QUARTER_US;
}

void settle_load_close(struct settle_load *load, bool save)
{
    if (save) {
        must(gw_core_save(load->core) == GW_OK, "save");
    }
    gw_store_sqlite_close(load->store);
    free(load->memory);
    free(load->identities);
    free(load->up_keys);
    free(load->messages);
}

void settle_load_seal(struct settle_load *load, uint32_t count)
{
    static struct mt_message message;
    uint8_t plain[MESSAGE_ROOM];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = load->next_meter;
        /* Every home has its own way of using: 0 to 511 Wh a quarter of an hour. */
        uint64_t spread = (load->round * 2654435761u + n * 40503u) >> 7;
        load->now_us = START_US + (int64_t)load->round * QUARTER_US +
                       (int64_t)((uint64_t)n * 800u * 1000000u / load->meters);
        message.has_seq = true;
        message.has_proof = false;
        message.seq_first = (uint32_t)load->round + 1u;
        message.count = 1;
        message.readings[0] = (struct mt_reading){
            .time_us = load->now_us / GW_US_PER_S * GW_US_PER_S,
            .total = 5000000 + (int64_t)(load->round * 256u + (spread & 0xffu)),
        };
        size_t plain_len = 0;
        must(mt_message_encode(plain, &plain_len, sizeof(plain), &message, MT_POWER) == MT_OK,
             "encode");
        struct mt_cose_seal_args args = {.plain = plain,
                                         .plain_len = plain_len,
                                         .counter = load->round + 1u,
                                         .key = load->up_keys[n],
                                         .identity = &load->identities[n]};
        size_t len = 0;
        must(mt_cose_seal(load->messages + (size_t)i * MESSAGE_ROOM, &len, MESSAGE_ROOM, &args) ==
                 MT_OK,
             "seal");
        load->lens[i] = (uint16_t)len;
        load->slots[i] = n;
        if (++load->next_meter == load->meters) {
            load->next_meter = 0;
            load->round++;
        }
    }
}

void settle_load_commit(struct settle_load *load, uint32_t count)
{
    char names[GW_HINT_MAX][MT_NAME_MAX + 1];
    struct gw_message group[GW_HINT_MAX];
    gw_core_begin(load->core, load->now_us);
    for (uint32_t i = 0; i < count;) {
        uint32_t n = 0;
        for (; n < GW_HINT_MAX && i < count; n++, i++) {
            group[n] = (struct gw_message){
                .transport = GW_VIA_MQTT,
                .form = GW_FORM_COSE,
                .name = names[n],
                .name_len = mt_name_format(names[n], &load->identities[load->slots[i]]),
                .bytes = load->messages + (size_t)i * MESSAGE_ROOM,
                .len = load->lens[i],
            };
        }
        gw_core_hint(load->core, group, n); /* As the daemon's loop does. */
        for (uint32_t g = 0; g < n; g++) {
            load->refused += gw_core_message(load->core, &group[g]) != GW_ACCEPTED;
        }
    }
    (void)gw_core_tick(load->core, GW_BATCH_MAX);
    must(gw_core_commit(load->core) == GW_OK, "commit");
}
