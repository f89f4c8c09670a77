/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages of all forms, answers of operators and passing time, as the input says, into a running core.
 * What is refused leaves the state byte for byte as it was; the books hold after every commit; a start
 * from the store finds the same state.
 *
 * The input is a row of steps: u8 what, u8 which meter, then what the step takes.
 */
#include <string.h>

#include "gateway/core/civil.h"
#include "tests/support/core_fixture.h"

#define METERS 4u
#define STEPS_MAX 60u

static const uint8_t *at;
static size_t left;

static uint64_t take(unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && left > 0; i++, left--) {
        value = value << 8 | *at++;
    }
    return value;
}

static struct fixture fixture; /* as it is used up by an input */
static struct fixture opened;  /* as each input finds it */
static uint64_t opened_last;   /* its newest block */
static struct gw_core *second;
static struct gw_order_request asked[GW_BATCH_MAX];
static uint32_t asked_count;
static int64_t total[METERS];

static void open_street(void)
{
    static const char *const tariffs[METERS] = {"flat", "tou", "water3", "tou"};
    static void *second_memory;
    fixture_open(&opened);
    for (uint32_t i = 0; i < METERS; i++) {
        fixture_add_meter(&opened, i, tariffs[i]);
        fixture_bind(&opened, i, "w", i == 0 ? 500 : INT64_MAX);
    }
    MT_CHECK(gw_core_save(opened.core) == GW_OK); /* Starts from images are the quick ones. */
    opened_last = opened.core->last_number;
    second = fixture_make(&opened, &second_memory);
}

#define IMAGES_MAX 32u

struct images {
    struct gw_chunk items[IMAGES_MAX];
    uint32_t count;
};

static enum gw_status note_image(void *arg, const struct gw_chunk *chunk)
{
    struct images *images = arg;
    MT_CHECK(images->count < IMAGES_MAX);
    images->items[images->count++] = *chunk;
    return GW_OK;
}

/* The street again, in a store of its own. */
static void begin_anew(void)
{
    static uint8_t block[GW_BLOCK_BYTES_MAX];
    struct memory_store *store = memory_store_open();
    fixture = opened;
    const struct gw_store_port *from = &opened.port;
    struct images images = {.count = 0};
    size_t len = 0;
    fixture.store = store;
    fixture.port = memory_store_port(store);
    MT_CHECK(from->chunk_walk(from->self, &images, note_image) == GW_OK);
    for (uint64_t n = 1; from->block_read(from->self, n, block, &len, sizeof(block)) == GW_OK;
         n++) {
        struct gw_block_write write = {.number = n, .bytes = block, .len = len};
        if (n == opened_last) {
            write.chunks = images.items;
            write.chunk_count = images.count;
        }
        MT_CHECK(fixture.port.append(store, &write) == GW_OK);
    }
    fixture.core->store = &fixture.port;
    second->store = &fixture.port;
    MT_CHECK(gw_core_load(fixture.core, fixture.now_us) == GW_OK);
    memset(total, 0, sizeof(total));
    asked_count = 0;
}

/* All that is durable, as one number. */
static uint64_t state_hash(void)
{
    uint64_t hash = 1469598103934665603ull ^ fixture.core->writer.count;
    for (int a = 0; a < GW_ARRAYS; a++) {
        const struct gw_span_of_state *span = &fixture.core->arrays[a];
        size_t bytes = (a == GW_ARRAY_HEAD ? 1 : 8) * (size_t)span->item_bytes;
        for (size_t i = 0; i + 8 <= bytes; i += 8) {
            uint64_t word = 0;
            memcpy(&word, span->items + i, 8);
            hash = (hash ^ word) * 1099511628211ull;
            hash ^= hash >> 29;
        }
    }
    return hash;
}

static void hand(uint32_t n, uint8_t form, const uint8_t *bytes, size_t len)
{
    struct gw_meter_view view;
    char name[MT_NAME_MAX + 1];
    MT_CHECK(gw_core_meter(&view, fixture.core, n));
    struct gw_message message = {.transport = GW_VIA_COAP,
                                 .form = form,
                                 .name = name,
                                 .name_len = mt_name_format(name, &view.identity),
                                 .bytes = bytes,
                                 .len = len};
    uint64_t before = state_hash();
    enum gw_verdict verdict = gw_core_message(fixture.core, &message);
    uint32_t count = 0;
    const struct gw_reply *reply = gw_core_replies(fixture.core, &count);
    MT_CHECK(count > 0);
    reply += count - 1;
    MT_CHECK(reply->verdict == verdict);
    if (!gw_verdict_is_durable(verdict) && form != GW_FORM_COSE) {
        MT_CHECK(state_hash() == before);
    }
    if (verdict >= GW_REFUSED_UNKNOWN) {
        MT_CHECK(state_hash() == before && reply->receipt_len == 0);
    } else if (form == GW_FORM_COSE) {
        MT_CHECK(reply->receipt_len > 0);
    }
}

/* Plain bytes of the input, as the meter itself would have sealed them. */
static void seal_and_hand(uint32_t n, const uint8_t *plain, size_t len)
{
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    uint8_t key[MT_KEY_BYTES];
    uint8_t root[MT_KEY_BYTES];
    size_t sealed = 0;
    memset(root, FIXTURE_KEY_BYTE, sizeof(root));
    struct gw_meter_view view;
    MT_CHECK(gw_core_meter(&view, fixture.core, n));
    const struct mt_identity *identity = &view.identity;
    MT_CHECK(mt_key_derive(key, root, MT_KEY_UP, identity) == MT_OK);
    struct mt_cose_seal_args args = {.plain = plain,
                                     .plain_len = len,
                                     .counter = fixture.counters[n]++,
                                     .key = key,
                                     .identity = identity};
    if (mt_cose_seal(bytes, &sealed, sizeof(bytes), &args) == MT_OK) {
        hand(n, GW_FORM_COSE, bytes, sealed);
    }
}

static void readings(uint32_t n)
{
    static struct mt_message message;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    message.count = 1 + (uint32_t)take(1) % 5;
    for (uint32_t i = 0; i < message.count; i++) {
        uint8_t kind = (uint8_t)take(1);
        total[n] += (int64_t)take(2) * (kind % 7 == 0 ? 1000 : 1);
        message.readings[i] = (struct mt_reading){
            .time_us = fixture.now_us + ((int64_t)take(2) - 62000) * GW_US_PER_MIN,
            .total = kind % 5 == 0 ? total[n] / 2 : total[n],
            .flags = kind & MT_FLAG_CLOCK_DOUBT,
        };
        if ((kind & 0x80u) != 0) {
            message.readings[i].band_mask = 0x0f;
            for (uint32_t b = 0; b < MT_BANDS; b++) {
                message.readings[i].band[b] = total[n] / (b + 3);
            }
        }
    }
    size_t len = fixture_seal(&fixture, n, &message, bytes, sizeof(bytes));
    hand(n, GW_FORM_COSE, bytes, len);
}

static void operators_answer(void)
{
    for (uint32_t i = 0; i < asked_count; i++) {
        static const enum gw_order_event events[] = {GW_ORDER_EV_DONE, GW_ORDER_EV_REFUSED,
                                                     GW_ORDER_EV_NO_ANSWER, GW_ORDER_EV_UNKNOWN};
        struct gw_order_result result = {.number = asked[i].number,
                                         .event = events[take(1) % 4],
                                         .refusal = GW_REFUSAL_LIMIT};
        gw_core_order_result(fixture.core, &result);
    }
    asked_count = 0;
}

static void commit(void)
{
    uint32_t count = 0;
    (void)gw_core_tick(fixture.core, 16); /* what is left comes with the next */
    MT_CHECK(gw_core_commit(fixture.core) == GW_OK);
    const struct gw_order_request *requests = gw_core_requests(fixture.core, &count);
    memcpy(asked, requests, count * sizeof(*asked));
    asked_count = count;
    struct gw_ledger_report report;
    gw_core_ledger_check(&report, fixture.core);
    MT_CHECK(report.broken == 0 && report.debits_ufen == report.credits_ufen);
    gw_core_begin(fixture.core, fixture.now_us);
}

static void step(void)
{
    uint8_t what = (uint8_t)take(1);
    uint32_t n = (uint32_t)take(1) % METERS;
    size_t len = 0;
    switch (what % 8) {
    case 0:
    case 1:
        readings(n);
        return;
    case 2: /* the input's own bytes, in every form */
        len = take(1);
        len = len < left ? len : left;
        hand(n, (uint8_t)(what / 8 % GW_FORMS), at, len);
        break;
    case 3:
        len = take(1);
        len = len < left ? len : left;
        seal_and_hand(n, at, len);
        break;
    case 4:
        operators_answer();
        return;
    case 5:
        commit();
        return;
    case 6:
        fixture.now_us += (int64_t)take(2) * GW_US_PER_MIN;
        return;
    default:
        fixture.seqs[n] = (uint32_t)take(4) % (UINT32_MAX - 1000);
        return;
    }
    at += len;
    left -= len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    at = data;
    left = size;
    if (second == NULL) {
        open_street();
    }
    begin_anew();
    for (uint32_t i = 0; i < STEPS_MAX && left > 0 && !gw_core_full(fixture.core); i++) {
        step();
    }
    commit();
    for (size_t i = 0; i < 1 + size % 2; i++) {
        MT_CHECK(gw_core_load(second, fixture.now_us) == GW_OK);
        MT_CHECK(fixture_same(fixture.core, second));
        memory_store_drop_chunks(fixture.store); /* and from the blocks alone */
    }
    memory_store_close(fixture.store);
    return 0;
}
