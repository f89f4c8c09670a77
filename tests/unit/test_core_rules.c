/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of intake and settlement one by one, each at its edge. */
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "meters/dlt645.h"
#include "meters/message.h"
#include "tests/support/core_fixture.h"
#include "tests/support/unit.h"

static int64_t minutes(int64_t n)
{
    return FIXTURE_START_US + n * GW_US_PER_MIN;
}

static uint32_t tick(struct fixture *f, struct gw_order_request *first)
{
    uint32_t count = 0;
    gw_core_begin(f->core, f->now_us);
    CU_ASSERT_FALSE(gw_core_tick(f->core, 100));
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
    const struct gw_order_request *requests = gw_core_requests(f->core, &count);
    if (count > 0) {
        *first = requests[0];
    }
    return count;
}

static void answer(struct fixture *f, uint64_t number, enum gw_order_event event)
{
    struct gw_order_result result = {
        .number = number, .event = event, .refusal = GW_REFUSAL_SHORT, .operator_ref = "ref-7"};
    gw_core_begin(f->core, f->now_us);
    gw_core_order_result(f->core, &result);
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
}

static void open_home(struct fixture *f, int64_t cap_day_fen)
{
    fixture_open(f);
    f->config.settle.retry_refused_us = 0;
    f->core->config.settle.retry_refused_us = 0;
    fixture_add_meter(f, 0, "flat");
    fixture_bind(f, 0, "w1", cap_day_fen);
    (void)fixture_read(f, 0, f->now_us, 0);
}

/* 2,000 Wh are 107.6 fen. */
static void use_to(struct fixture *f, int64_t total)
{
    f->now_us += GW_US_PER_HOUR;
    CU_ASSERT_EQUAL(fixture_read(f, 0, f->now_us, total), GW_ACCEPTED);
}

/* ---- counters ------------------------------------------------------------------------------------ */

/* A list of all counters ever taken is the second opinion. */
static void each_counter_is_taken_once_within_64_of_the_highest(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    bool taken[400] = {false};
    uint64_t top = 0;
    uint64_t seed = 41;
    uint32_t replayed = 0;
    static struct mt_message message;
    uint8_t bytes[256];
    f.now_us = minutes(1);
    gw_core_begin(f.core, f.now_us);
    for (int i = 0; i < 900; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        int64_t counter = (int64_t)top + 3 - (int64_t)(seed >> 33) % 72;
        if (i % 50 == 0) {
            counter = (int64_t)top + (i % 100 == 0 ? 65 : 1);
        }
        counter = counter < 0 ? 0 : counter;
        if (counter >= 400) {
            break;
        }
        f.counters[0] = (uint64_t)counter;
        message.count = 1;
        message.readings[0] = (struct mt_reading){.time_us = f.now_us, .total = 5};
        size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
        uint32_t entries = f.core->writer.count;
        enum gw_verdict verdict = fixture_hand(&f, 0, bytes, len);
        bool old = (uint64_t)counter + 64 <= top;
        CU_ASSERT_EQUAL(verdict == GW_REFUSED_REPLAYED, old);
        CU_ASSERT_EQUAL(f.core->writer.count, entries + (old || taken[counter] ? 0 : 1));
        replayed += old;
        if (!old) {
            taken[counter] = true;
            top = (uint64_t)counter > top ? (uint64_t)counter : top;
        }
        CU_ASSERT_EQUAL(f.core->meters[0].counter_top, top);
        for (uint64_t back = 0; back < 64 && back <= top; back++) {
            CU_ASSERT_EQUAL(f.core->meters[0].counter_window >> back & 1u, taken[top - back]);
        }
    }
    CU_ASSERT_TRUE(replayed > 5 && top > 100);
    fixture_close(&f);
}

/* ---- readings ---------------------------------------------------------------------------------------- */

static enum gw_verdict send(struct fixture *f, const int64_t (*rows)[2], uint32_t count)
{
    static struct mt_message message;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    message.count = count;
    for (uint32_t i = 0; i < count; i++) {
        message.readings[i] =
            (struct mt_reading){.time_us = minutes(rows[i][0]), .total = rows[i][1]};
    }
    gw_core_begin(f->core, f->now_us);
    size_t len = fixture_seal(f, 0, &message, bytes, sizeof(bytes));
    enum gw_verdict verdict = fixture_hand(f, 0, bytes, len);
    CU_ASSERT_EQUAL(fixture_commit(f), GW_OK);
    return verdict;
}

static void readings_of_a_message_are_taken_in_order_of_time(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    static const int64_t rows[][2] = {{50, 500}, {10, 100}, {40, 400}, {30, 300}, {20, 200}};
    f.now_us = minutes(60);
    CU_ASSERT_EQUAL(send(&f, rows, 5), GW_ACCEPTED);
    CU_ASSERT_EQUAL(f.core->verdicts[GW_ACCEPTED], 5);
    CU_ASSERT_EQUAL(f.core->meters[0].last.total, 500);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 400 * 53800);
    fixture_close(&f);
}

static void a_journal_sent_again_with_more_counts_up_to_its_end(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    static const int64_t rows[][2] = {{10, 100}, {20, 200}, {30, 300}, {40, 400}};
    f.now_us = minutes(60);
    CU_ASSERT_EQUAL(send(&f, rows, 2), GW_ACCEPTED);
    CU_ASSERT_EQUAL(f.core->meters[0].next_seq, 3);
    f.seqs[0] = 1;
    CU_ASSERT_EQUAL(send(&f, rows, 4), GW_ACCEPTED);
    CU_ASSERT_EQUAL(f.core->meters[0].next_seq, 5);
    CU_ASSERT_EQUAL(f.core->verdicts[GW_DUPLICATE], 2);
    f.seqs[0] = 1;
    CU_ASSERT_EQUAL(send(&f, rows, 4), GW_DUPLICATE);
    CU_ASSERT_EQUAL(f.core->meters[0].next_seq, 5);
    f.seqs[0] = 9; /* 5 to 8 were given up by the meter. */
    CU_ASSERT_EQUAL(send(&f, rows, 4), GW_DUPLICATE);
    CU_ASSERT_EQUAL(f.core->meters[0].next_seq, 13);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 300 * 53800);
    fixture_close(&f);
}

/* Peak begins at minute 480. Gaps on both sides of a known register, filled by one message. */
static void late_readings_of_one_message_find_each_its_gap(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "tou");
    static const int64_t first[][2] = {{360, 0}, {480, 1000}, {600, 3000}};
    static const int64_t late[][2] = {{400, 10}, {440, 20}, {480, 1000}, {500, 1001}, {560, 1002}};
    static const int64_t across[][2] = {{590, 3001}, {470, 15}};
    f.now_us = minutes(660);
    CU_ASSERT_EQUAL(send(&f, first, 3), GW_ACCEPTED);
    CU_ASSERT_EQUAL(send(&f, late, 5), GW_ACCEPTED_LATE);
    CU_ASSERT_EQUAL(f.core->verdicts[GW_ACCEPTED_LATE], 4);
    CU_ASSERT_EQUAL(f.core->verdicts[GW_DUPLICATE], 1);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 1000 * 28800ll + 2000 * 56800ll);
    for (unsigned i = 0; i < 2; i++) {
        f.core->meters[0].register_width = i == 0 ? 0 : 1000000000;
        CU_ASSERT_EQUAL(send(&f, across, 2), GW_REFUSED_BACKWARD);
    }
    CU_ASSERT_EQUAL(f.core->meters[0].refused, 4);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 1000 * 28800ll + 2000 * 56800ll);
    void *memory = NULL;
    struct gw_core *second = fixture_second(&f, &memory);
    CU_ASSERT_TRUE(fixture_same(f.core, second));
    free(memory);
    fixture_close(&f);
}

static void clocks_are_judged_at_their_limits(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    f.now_us = minutes(10000);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, minutes(0), 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, minutes(10005), 10), GW_ACCEPTED); /* five ahead */
    CU_ASSERT_EQUAL(f.core->meters[0].last.time_us, minutes(10005));
    f.now_us = minutes(20000);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, minutes(20005) + 1, 20), GW_ACCEPTED_DOUBTFUL);
    CU_ASSERT_EQUAL(f.core->meters[0].last.time_us, minutes(20000));
    f.now_us = minutes(0) + 30 * GW_US_PER_DAY;
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us + GW_US_PER_MIN, 30), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, minutes(1), 0), GW_ACCEPTED_LATE); /* 30 days to the us */
    CU_ASSERT_EQUAL(fixture_read(&f, 0, minutes(1) - 1, 0), GW_REFUSED_TOO_LATE);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us - 366 * GW_US_PER_DAY, 0), GW_REFUSED_TOO_LATE);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us - 366 * GW_US_PER_DAY - 1, 0), GW_REFUSED_CLOCK);
    fixture_close(&f);
}

static void rubbish_in_a_raw_frame_is_refused_whatever_it_is_called(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    const uint8_t bytes[] = {0x10, 0x20, 0x30};
    struct gw_message m = {.form = GW_FORM_RAW,
                           .bytes = bytes,
                           .len = sizeof(bytes),
                           .name = "pTST-00000000",
                           .name_len = 13};
    CU_ASSERT_TRUE(gw_core_message(f.core, &m) >= GW_REFUSED_TRUNCATED);
    m.protocol = "telepathy";
    m.protocol_len = 9;
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_UNSUPPORTED);
    m.name = "p !~\x7f";
    m.name_len = 5;
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_UNKNOWN);
    struct gw_refusal_view view;
    CU_ASSERT_TRUE(gw_core_refusal(&view, f.core, 0));
    CU_ASSERT_STRING_EQUAL(view.name, "p?!~?");
    CU_ASSERT_EQUAL(view.bytes, 3);
    fixture_close(&f);
}

/* ---- tariffs ---- */

/* Zhejiang's blocks by the year: 0.538 yuan, from 2,760 kWh on 0.05 more, from 4,800 on 0.30 more. */
static void load_blocks(struct fixture *f)
{
    struct gw_tariff t = *gw_core_tariff(f->core, 0);
    memcpy(t.name, "blocks", 7);
    t.versions[0].block_count = 3;
    t.versions[0].block_limit[0][0] = 2760000;
    t.versions[0].block_limit[0][1] = 4800000;
    t.versions[0].block_limit[0][2] = INT64_MAX;
    t.versions[0].components[0].adder_ufen[1] = 5000000;
    t.versions[0].components[0].adder_ufen[2] = 30000000;
    gw_core_begin(f->core, f->now_us);
    CU_ASSERT_EQUAL(gw_core_load_tariff(f->core, &t, "t", 1), GW_REG_DONE);
    CU_ASSERT_EQUAL(fixture_commit(f), GW_OK);
}

/* DOMAIN 3: 2,760 kWh are 148,488 fen, 2,761 are 148,547, 4,800 are 268,440, 4,801 are 268,524. */
static void blocks_of_the_year_go_on_from_reading_to_reading_and_start_to_start(void)
{
    static const struct {
        int64_t kwh;
        int64_t fen;
    } rows[] = {{1000, 53800}, {2760, 148488}, {2761, 148547}, {4800, 268440}, {4801, 268524}};
    struct fixture f;
    fixture_open(&f);
    load_blocks(&f);
    fixture_add_meter(&f, 0, "blocks");
    (void)fixture_read(&f, 0, f.now_us, 0);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        f.now_us += 20 * GW_US_PER_DAY; /* over months: older ones are folded */
        CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, rows[i].kwh * 1000), GW_ACCEPTED);
        CU_ASSERT_EQUAL(gw_round_fen(fixture_charged_ufen(&f, 0), 1), rows[i].fen);
        if (i % 2 == 0) {
            memory_store_drop_chunks(f.store);
        }
        CU_ASSERT_EQUAL(gw_core_load(f.core, f.now_us), GW_OK);
    }
    struct gw_counters counters;
    gw_core_counters(&counters, f.core);
    CU_ASSERT_EQUAL(counters.readings, 6);
    fixture_close(&f);
}

/* Peak begins at minute 480. The doubtful stretch is billed as valley; a late reading in it shows where
 * it began, and what lies after that stays doubtful. */
static void a_late_reading_before_a_doubtful_one_leaves_the_doubt(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "tou");
    f.now_us = minutes(700);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, minutes(500), 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, minutes(800), 1000), GW_ACCEPTED_DOUBTFUL);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 1000 * 28800ll);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, minutes(600), 400), GW_ACCEPTED_LATE);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 400 * 56800ll + 600 * 28800ll);
    memory_store_drop_chunks(f.store);
    void *memory = NULL;
    struct gw_core *second = fixture_second(&f, &memory);
    CU_ASSERT_TRUE(fixture_same(f.core, second));
    free(memory);
    fixture_close(&f);
}

static void a_raw_frame_counts_for_the_meter_whose_number_it_carries(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    struct gw_meter_spec spec = {.identity = {.medium = MT_POWER, .maker = "TST"},
                                 .terms = {.tou_from_day = INT32_MAX, .ladder_months = 12},
                                 .accept = GW_ACCEPT_CARRIER,
                                 .max_per_hour = 15000};
    memcpy(spec.identity.number, "000000004711", 13);
    memcpy(spec.household, "home-0", 7);
    memcpy(spec.tariff, "flat", 5);
    CU_ASSERT_EQUAL(gw_core_add_meter(f.core, &spec), GW_REG_DONE);
    uint8_t bytes[128];
    size_t len = 0;
    struct mt_reading reading = {.total = 123450};
    CU_ASSERT_EQUAL(mt_dlt645_build_reading(bytes, &len, sizeof(bytes), "000000004711", &reading),
                    MT_OK);
    struct gw_message m = {.form = GW_FORM_RAW,
                           .bytes = bytes,
                           .len = len,
                           .name = "pTST-000000004711",
                           .name_len = 17,
                           .protocol = "dlt645",
                           .protocol_len = 6};
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_ACCEPTED);
    CU_ASSERT_EQUAL(f.core->meters[1].last.total, 123450);
    CU_ASSERT_EQUAL(f.core->meters[1].last.time_us, f.now_us);
    uint32_t entries = f.core->writer.count;
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_DUPLICATE); /* the same frame again */
    CU_ASSERT_EQUAL(f.core->writer.count, entries);
    CU_ASSERT_EQUAL(mt_dlt645_build_reading(bytes, &len, sizeof(bytes), "000000004712", &reading),
                    MT_OK);
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_STRANGER);
    bytes[len - 2] ^= 1;
    CU_ASSERT_TRUE(gw_core_message(f.core, &m) >= GW_REFUSED_TRUNCATED);
    fixture_close(&f);
}

/* M-Bus in mode 5, 1.000 m3 and then 2.000 m3, under the meter's own key. */
static void an_encrypted_frame_counts_with_the_meters_own_key_only(void)
{
    static const uint8_t right[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    static const uint8_t wrong[16] = {9};
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    struct gw_meter_spec spec = {.identity = {MT_POWER, "TST", "12345678"},
                                 .household = "home-0",
                                 .tariff = "flat",
                                 .terms = {.tou_from_day = INT32_MAX, .ladder_months = 12},
                                 .accept = GW_ACCEPT_CARRIER | GW_ACCEPT_COSE,
                                 .max_per_hour = 15000,
                                 .raw_key_len = 16};
    memcpy(spec.raw_key, right, 16);
    CU_ASSERT_EQUAL(gw_core_add_meter(f.core, &spec),
                    GW_REG_INVALID); /* or COSE's keys would be it */
    spec.accept = GW_ACCEPT_CARRIER;
    spec.raw_key_len = 17;
    CU_ASSERT_EQUAL(gw_core_add_meter(f.core, &spec), GW_REG_INVALID);
    spec.raw_key_len = 16;
    CU_ASSERT_EQUAL(gw_core_add_meter(f.core, &spec), GW_REG_DONE);
    const struct mt_protocol *mbus = mt_protocol_find("mbus", 4);
    uint8_t bytes[512];
    size_t first_len = 0;
    size_t len = 0;
    struct mt_sending sending = {.identity = spec.identity,
                                 .reading = {.total = 1000, .time_us = f.now_us - 3600000000},
                                 .key = wrong,
                                 .key_len = 16};
    CU_ASSERT_EQUAL(mbus->build(bytes, &len, sizeof(bytes), &sending), MT_OK);
    struct gw_message m = {.form = GW_FORM_RAW,
                           .bytes = bytes,
                           .len = len,
                           .name = "pTST-12345678",
                           .name_len = 13,
                           .protocol = "mbus",
                           .protocol_len = 4};
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_AUTHENTIC);
    sending.key = NULL;
    CU_ASSERT_EQUAL(mbus->build(bytes, &len, sizeof(bytes), &sending), MT_OK);
    m.len = len;
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_AUTHENTIC); /* in the clear */
    sending.key = right;
    CU_ASSERT_EQUAL(mbus->build(bytes, &first_len, sizeof(bytes), &sending), MT_OK);
    sending.reading = (struct mt_reading){.total = 2000, .time_us = f.now_us};
    CU_ASSERT_EQUAL(mbus->build(bytes + first_len, &len, sizeof(bytes) - first_len, &sending),
                    MT_OK);
    m.len = first_len + len; /* two frames in one message */
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_ACCEPTED);
    CU_ASSERT_EQUAL(f.core->meters[1].last.total, 2000);
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    void *memory;
    struct gw_core *second = fixture_second(&f, &memory); /* the key is read back too */
    CU_ASSERT_TRUE(fixture_same(f.core, second));
    free(memory);
    bytes[first_len + len / 2] ^= 1; /* a damaged second frame spoils the message */
    CU_ASSERT_TRUE(gw_core_message(f.core, &m) >= GW_REFUSED_TRUNCATED);
    fixture_close(&f);
}

/* DTLS proved who sent it: that name, whole, and no other. The reply carries what the adapter gave. */
static void a_proved_identity_speaks_for_its_own_name_only(void)
{
    static const struct {
        const char *identity;
        bool good;
    } rows[] = {{"pTST-00000000", true},
                {"pTST-0000000", false},
                {"pTST-000000000", false},
                {"pTST-00000001", false},
                {"", false}};
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    fixture_add_meter(&f, 1, "flat");
    const char *text = "[{\"n\":\"1.8.0\",\"u\":\"kWh\",\"v\":123.45,\"t\":1772380800}]";
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_message m = {.form = GW_FORM_JSON,
                               .transport = GW_VIA_COAP,
                               .bytes = (const uint8_t *)text,
                               .len = strlen(text),
                               .name = "pTST-00000000",
                               .name_len = 13,
                               .identity = rows[i].identity,
                               .identity_len = strlen(rows[i].identity),
                               .reply = 900 + i};
        gw_core_begin(f.core, f.now_us);
        enum gw_verdict verdict = gw_core_message(f.core, &m);
        CU_ASSERT_EQUAL(verdict, rows[i].good ? GW_ACCEPTED : GW_REFUSED_STRANGER);
        CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_OK);
        uint32_t count = 0;
        const struct gw_reply *reply = gw_core_replies(f.core, &count);
        CU_ASSERT_EQUAL_FATAL(count, 1);
        CU_ASSERT_EQUAL(reply->reply, 900 + i);
        CU_ASSERT_EQUAL(reply->verdict, verdict);
        CU_ASSERT_EQUAL(reply->transport, GW_VIA_COAP);
        CU_ASSERT_EQUAL(reply->name_len, rows[i].good ? 13 : 0);
        CU_ASSERT_EQUAL(reply->receipt_len, 0);
    }
    CU_ASSERT_EQUAL(f.core->messages[GW_VIA_COAP], 5);
    CU_ASSERT_EQUAL(f.core->verdicts[GW_REFUSED_STRANGER], 4);
    fixture_close(&f);
}

/* ---- settlement ---------------------------------------------------------------------------------------- */

static void a_refused_debit_gives_the_days_cap_back(void)
{
    struct fixture f;
    struct gw_order_request request;
    open_home(&f, 150);
    use_to(&f, 2000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(f.core->bindings[0].day_fen, 107);
    answer(&f, request.number, GW_ORDER_EV_REFUSED);
    CU_ASSERT_EQUAL(f.core->bindings[0].day_fen, 0);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    answer(&f, request.number, GW_ORDER_EV_DONE);
    CU_ASSERT_EQUAL(f.core->bindings[0].day_fen, 107);
    use_to(&f, 4000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 43);
    answer(&f, request.number, GW_ORDER_EV_DONE);
    /* The next day's cap is whole; what is refused after midnight was yesterday's. */
    f.now_us = FIXTURE_START_US + 2 * GW_US_PER_DAY - GW_US_PER_HOUR - GW_US_PER_MIN;
    use_to(&f, 6000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 150);
    f.now_us += 5 * GW_US_PER_MIN;
    answer(&f, request.number, GW_ORDER_EV_REFUSED);
    CU_ASSERT_EQUAL(f.core->bindings[0].day_fen, 150);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 150);
    CU_ASSERT_EQUAL(f.core->bindings[0].day_fen, 150);
    fixture_close(&f);
}

static void a_wallet_that_was_unbound_pays_no_more(void)
{
    struct fixture f;
    struct gw_order_request request;
    open_home(&f, 1000);
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_EQUAL(gw_core_unbind_wallet(f.core, "home-0", "w1"), GW_REG_DONE);
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    use_to(&f, 2000);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    fixture_bind(&f, 0, "w2", 1000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_STRING_EQUAL(request.wallet, "w2");
    gw_core_begin(f.core, f.now_us);
    /* Its order is seen to its end although it is unbound meanwhile. */
    CU_ASSERT_EQUAL(gw_core_unbind_wallet(f.core, "home-0", "w2"), GW_REG_DONE);
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    answer(&f, request.number, GW_ORDER_EV_DONE);
    CU_ASSERT_EQUAL(f.core->households[0].settled_fen, 107);
    fixture_close(&f);
}

/* What one order may take at most does not make two of them. */
static void a_home_has_one_order_at_a_time(void)
{
    struct fixture f;
    struct gw_order_request request;
    struct gw_bind_spec spec = {.household = "home-0",
                                .wallet = "w2",
                                .mandate = "m",
                                .cap_single_fen = 50,
                                .cap_day_fen = INT64_MAX};
    open_home(&f, 1);
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_EQUAL(gw_core_unbind_wallet(f.core, "home-0", "w1"), GW_REG_DONE);
    CU_ASSERT_EQUAL(gw_core_bind_wallet(f.core, &spec), GW_REG_DONE);
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    use_to(&f, 8000); /* 430.4 fen */
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(tick(&f, &request), 1);
        CU_ASSERT_EQUAL(request.amount_fen, 50);
        CU_ASSERT_EQUAL(f.core->households[0].due_us, 0);
        CU_ASSERT_EQUAL(tick(&f, &request), 0);
        answer(&f, request.number, GW_ORDER_EV_DONE);
    }
    CU_ASSERT_EQUAL(f.core->households[0].settled_fen, 150);
    fixture_close(&f);
}

static void counters_say_what_became_of_orders(void)
{
    struct fixture f;
    struct gw_counters counters;
    fixture_open(&f);
    for (uint32_t i = 0; i < 4; i++) {
        fixture_add_meter(&f, i, "flat");
        fixture_bind(&f, i, "w", 1000);
        (void)fixture_read(&f, i, f.now_us, 0);
    }
    f.now_us += GW_US_PER_HOUR;
    for (uint32_t i = 0; i < 4; i++) {
        (void)fixture_read(&f, i, f.now_us, 2000);
    }
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_TRUE(gw_core_tick(f.core, 3)); /* Three steps are not enough for four orders. */
    CU_ASSERT_FALSE(gw_core_tick(f.core, 100));
    CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_OK);
    gw_core_counters(&counters, f.core);
    CU_ASSERT_EQUAL(counters.orders_open, 4);
    CU_ASSERT_EQUAL(counters.ordered_fen, 4 * 107);
    answer(&f, 1, GW_ORDER_EV_DONE);
    answer(&f, 2, GW_ORDER_EV_REFUSED);
    answer(&f, 3, GW_ORDER_EV_NO_ANSWER);
    answer(&f, 4, GW_ORDER_EV_NO_ANSWER);
    gw_core_request_failed(f.core, 3); /* UNSURE already: nothing changes. */
    gw_core_counters(&counters, f.core);
    CU_ASSERT_EQUAL(counters.orders_open, 2);
    CU_ASSERT_EQUAL(counters.orders_unsure, 2);
    CU_ASSERT_EQUAL(counters.orders_done, 1);
    CU_ASSERT_EQUAL(counters.orders_refused, 1);
    CU_ASSERT_EQUAL(counters.ordered_fen, 2 * 107);
    CU_ASSERT_EQUAL(counters.settled_fen, 107);
    f.now_us += GW_US_PER_MIN;
    struct gw_order_request request;
    CU_ASSERT_TRUE(tick(&f, &request) >= 2);
    CU_ASSERT_EQUAL(request.action, GW_ORDER_DO_ASK);
    gw_core_request_failed(f.core, 3);
    gw_core_counters(&counters, f.core);
    CU_ASSERT_EQUAL(counters.orders_unsure, 2);
    CU_ASSERT_EQUAL(f.core->orders[3].state, GW_ORDER_UNSURE);
    fixture_close(&f);
}

/* ---- what a start finds after each kind of entry ------------------------------------------------------------ */

/* Save all images, do one thing, start a second core: it has exactly that one block to read back. */
static void nothing_is_lost_between_an_image_and_the_block_after_it(void)
{
    struct fixture f;
    struct gw_order_request request = {.number = 0};
    open_home(&f, 1000);
    for (int step = 0; step < 10; step++) {
        CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
        gw_core_begin(f.core, f.now_us);
        switch (step) {
        case 0:
            use_to(&f, 2000);
            break;
        case 1:
        case 3:
            CU_ASSERT_EQUAL(tick(&f, &request), 1);
            break;
        case 2:
            answer(&f, request.number, GW_ORDER_EV_REFUSED);
            break;
        case 4:
            answer(&f, request.number, GW_ORDER_EV_DONE);
            break;
        case 5:
            fixture_bind(&f, 0, "w2", 1000);
            break;
        case 6:
            CU_ASSERT_EQUAL(gw_core_unbind_wallet(f.core, "home-0", "w1"), GW_REG_DONE);
            break;
        case 7:
            CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", gw_local_day(f.now_us) + 1),
                            GW_REG_DONE);
            break;
        case 8:
            fixture_add_meter(&f, 1, "water3");
            break;
        default:
            CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us - GW_US_PER_MIN, 1990), GW_ACCEPTED_LATE);
            break;
        }
        CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
        void *memory = NULL;
        struct gw_core *second = fixture_second(&f, &memory);
        CU_ASSERT_TRUE(fixture_same(f.core, second));
        f.core->last_number = second->last_number;
        /* Images saved after that must hold it, too. */
        CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
        free(memory);
        second = fixture_second(&f, &memory);
        CU_ASSERT_TRUE(fixture_same(f.core, second));
        f.core->last_number = second->last_number;
        free(memory);
        gw_core_begin(f.core, f.now_us);
    }
    fixture_close(&f);
}

static void a_new_order_does_not_carry_the_last_ones_reference(void)
{
    struct fixture f;
    struct gw_order_request request;
    static struct gw_entry entry;
    static uint8_t block[GW_BLOCK_BYTES_MAX];
    open_home(&f, 1000);
    use_to(&f, 2000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    answer(&f, request.number, GW_ORDER_EV_DONE);
    size_t len = 0;
    struct gw_block_reader reader;
    CU_ASSERT_EQUAL(f.port.block_read(f.port.self, f.core->last_number, block, &len, sizeof(block)),
                    GW_OK);
    CU_ASSERT_EQUAL(gw_block_open(&reader, block, len), GW_OK);
    CU_ASSERT_EQUAL(gw_block_next(&reader, &entry), GW_OK);
    CU_ASSERT_EQUAL(entry.kind, GW_ENTRY_ORDER_END);
    CU_ASSERT_STRING_EQUAL(entry.operator_ref, "ref-7");
    CU_ASSERT_EQUAL(entry.refusal, GW_REFUSAL_NONE);
    use_to(&f, 4000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(f.port.block_read(f.port.self, f.core->last_number, block, &len, sizeof(block)),
                    GW_OK);
    CU_ASSERT_EQUAL(gw_block_open(&reader, block, len), GW_OK);
    CU_ASSERT_EQUAL(gw_block_next(&reader, &entry), GW_OK);
    CU_ASSERT_EQUAL(entry.kind, GW_ENTRY_ORDER_NEW);
    CU_ASSERT_STRING_EQUAL(entry.operator_ref, "");
    CU_ASSERT_EQUAL(entry.order, 2);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"each_counter_is_taken_once_within_64_of_the_highest",
     each_counter_is_taken_once_within_64_of_the_highest},
    {"readings_of_a_message_are_taken_in_order_of_time",
     readings_of_a_message_are_taken_in_order_of_time},
    {"a_journal_sent_again_with_more_counts_up_to_its_end",
     a_journal_sent_again_with_more_counts_up_to_its_end},
    {"late_readings_of_one_message_find_each_its_gap",
     late_readings_of_one_message_find_each_its_gap},
    {"clocks_are_judged_at_their_limits", clocks_are_judged_at_their_limits},
    {"rubbish_in_a_raw_frame_is_refused_whatever_it_is_called",
     rubbish_in_a_raw_frame_is_refused_whatever_it_is_called},
    {"blocks_of_the_year_go_on_from_reading_to_reading_and_start_to_start",
     blocks_of_the_year_go_on_from_reading_to_reading_and_start_to_start},
    {"a_late_reading_before_a_doubtful_one_leaves_the_doubt",
     a_late_reading_before_a_doubtful_one_leaves_the_doubt},
    {"an_encrypted_frame_counts_with_the_meters_own_key_only",
     an_encrypted_frame_counts_with_the_meters_own_key_only},
    {"a_raw_frame_counts_for_the_meter_whose_number_it_carries",
     a_raw_frame_counts_for_the_meter_whose_number_it_carries},
    {"a_proved_identity_speaks_for_its_own_name_only",
     a_proved_identity_speaks_for_its_own_name_only},
    {"a_home_has_one_order_at_a_time", a_home_has_one_order_at_a_time},
    {"a_refused_debit_gives_the_days_cap_back", a_refused_debit_gives_the_days_cap_back},
    {"a_wallet_that_was_unbound_pays_no_more", a_wallet_that_was_unbound_pays_no_more},
    {"counters_say_what_became_of_orders", counters_say_what_became_of_orders},
    {"nothing_is_lost_between_an_image_and_the_block_after_it",
     nothing_is_lost_between_an_image_and_the_block_after_it},
    {"a_new_order_does_not_carry_the_last_ones_reference",
     a_new_order_does_not_carry_the_last_ones_reference},
};

UNIT_MAIN("core_rules", tests)
