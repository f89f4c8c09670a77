/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a message is worth, at the edges of every rule; and what it leaves in block, reply and list. */
#include "meters/dlt645.h"
#include "meters/limits.h"
#include "tests/support/core_steps.h"

static int64_t minutes(int64_t n)
{
    return FIXTURE_START_US + n * GW_US_PER_MIN;
}

/* Readings of meter 0 in one protected message. */
static enum gw_verdict say(struct fixture *f, const struct mt_reading *readings, uint32_t count)
{
    static struct mt_message message;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    message.count = count;
    memcpy(message.readings, readings, count * sizeof(*readings));
    gw_core_begin(f->core, f->now_us);
    size_t len = fixture_seal(f, 0, &message, bytes, sizeof(bytes));
    enum gw_verdict verdict = fixture_hand(f, 0, bytes, len);
    CU_ASSERT_EQUAL(fixture_commit(f), GW_OK);
    return verdict;
}

static enum gw_verdict say_one(struct fixture *f, int64_t time_us, int64_t total, uint8_t flags)
{
    struct mt_reading reading = {.time_us = time_us, .total = total, .flags = flags};
    return say(f, &reading, 1);
}

static struct gw_meter_view view_of(const struct fixture *f, uint32_t n)
{
    struct gw_meter_view view = {.slot = GW_NONE};
    CU_ASSERT_TRUE_FATAL(gw_core_meter(&view, f->core, n));
    return view;
}

static uint64_t counted(const struct fixture *f, enum gw_verdict verdict)
{
    struct gw_counters counters;
    gw_core_counters(&counters, f->core);
    return counters.verdicts[verdict];
}

static void open_meter(struct fixture *f, const char *tariff)
{
    fixture_open(f);
    fixture_add_meter(f, 0, tariff);
}

/* A message of meter 0 that its carrier is trusted for. */
static struct gw_message carried(enum gw_form form, const void *bytes, size_t len)
{
    return (struct gw_message){.transport = GW_VIA_COAP,
                               .form = (uint8_t)form,
                               .name = "pTST-00000000",
                               .name_len = 13,
                               .bytes = bytes,
                               .len = len};
}

/* ---- clocks -------------------------------------------------------------------------------------- */

static void a_register_that_stands_still_is_accepted_and_costs_nothing(void)
{
    struct fixture f;
    open_meter(&f, "flat");
    f.now_us = minutes(60);
    CU_ASSERT_EQUAL(say_one(&f, minutes(10), 500, 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(say_one(&f, minutes(20), 500, 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(view_of(&f, 0).last.time_us, minutes(20));
    CU_ASSERT_EQUAL(view_of(&f, 0).heard_us, minutes(60));
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 0);
    CU_ASSERT_EQUAL(steps_entry(&f, f.core->last_number)->payee_count, 0);
    fixture_close(&f);
}

/* The configuration: five minutes ahead are a doubt, 366 days are no clock at all. */
static void a_doubt_begins_and_ends_to_the_microsecond(void)
{
    static const struct {
        int64_t off_us;
        uint8_t flags;
        enum gw_verdict verdict;
    } rows[] = {
        {-5 * GW_US_PER_MIN, MT_FLAG_CLOCK_DOUBT, GW_ACCEPTED},
        {-5 * GW_US_PER_MIN - 1, MT_FLAG_CLOCK_DOUBT, GW_ACCEPTED_DOUBTFUL},
        {-5 * GW_US_PER_MIN - 1, 0, GW_ACCEPTED},
        {5 * GW_US_PER_MIN, 0, GW_ACCEPTED},
        {5 * GW_US_PER_MIN + 1, 0, GW_ACCEPTED_DOUBTFUL},
        {366 * GW_US_PER_DAY, 0, GW_ACCEPTED_DOUBTFUL},
        {366 * GW_US_PER_DAY + 1, 0, GW_REFUSED_CLOCK},
        {-366 * GW_US_PER_DAY, 0, GW_ACCEPTED},
        {-366 * GW_US_PER_DAY - 1, 0, GW_REFUSED_CLOCK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        open_meter(&f, "flat");
        f.now_us = minutes(1000000);
        int64_t at_us = f.now_us + rows[i].off_us;
        CU_ASSERT_EQUAL(say_one(&f, at_us, 7, rows[i].flags), rows[i].verdict);
        if (rows[i].verdict == GW_REFUSED_CLOCK) {
            CU_ASSERT_FALSE(view_of(&f, 0).has_reading);
        } else {
            CU_ASSERT_EQUAL(view_of(&f, 0).last.time_us,
                            rows[i].verdict == GW_ACCEPTED ? at_us : f.now_us);
        }
        fixture_close(&f);
    }
}

/* Given times go up by a second a reading: 5 + 15 minutes ahead are 1,200 of them after the first. */
static void given_times_run_ahead_by_twenty_minutes_and_no_more(void)
{
    struct fixture f;
    struct mt_reading readings[100];
    open_meter(&f, "flat");
    f.now_us = minutes(600);
    for (uint32_t i = 0; i < 100; i++) {
        readings[i] =
            (struct mt_reading){.time_us = minutes(60), .total = 9, .flags = MT_FLAG_CLOCK_DOUBT};
    }
    for (int i = 0; i < 12; i++) {
        CU_ASSERT_EQUAL(say(&f, readings, 50), GW_ACCEPTED_DOUBTFUL);
        CU_ASSERT_EQUAL(say(&f, readings, 50), GW_ACCEPTED_DOUBTFUL);
    }
    CU_ASSERT_EQUAL(view_of(&f, 0).last.time_us, minutes(620) - GW_US_PER_S);
    CU_ASSERT_EQUAL(say(&f, readings, 2), GW_REFUSED_CLOCK);
    CU_ASSERT_EQUAL(view_of(&f, 0).last.time_us, minutes(620));
    CU_ASSERT_EQUAL(counted(&f, GW_ACCEPTED_DOUBTFUL), 1201);
    CU_ASSERT_EQUAL(counted(&f, GW_REFUSED_CLOCK), 1);
    fixture_close(&f);
}

/* A frame has no time: the gateway's, cut to the second, and after the last one's. */
static void a_frame_without_a_time_is_given_the_second_it_came_in(void)
{
    struct fixture f;
    fixture_open(&f);
    (void)gw_core_add_household(f.core, "home-0");
    struct gw_meter_spec spec = {.identity = {.medium = MT_POWER, .maker = "TST"},
                                 .household = "home-0",
                                 .tariff = "flat",
                                 .terms = {.tou_from_day = INT32_MAX, .ladder_months = 12},
                                 .accept = GW_ACCEPT_CARRIER,
                                 .max_per_hour = 15000};
    memcpy(spec.identity.number, "000000004711", 13);
    CU_ASSERT_EQUAL(gw_core_add_meter(f.core, &spec), GW_REG_DONE);
    f.now_us = minutes(1) + 600000;
    static const struct {
        int64_t total, given_us;
        enum gw_verdict verdict;
    } rows[] = {{1000, 0, GW_ACCEPTED},
                {1000, 0, GW_DUPLICATE},
                {1010, GW_US_PER_S, GW_ACCEPTED},
                {1010, GW_US_PER_S, GW_DUPLICATE},
                {1000, GW_US_PER_S, GW_REFUSED_BACKWARD}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[128];
        size_t len = 0;
        struct mt_reading reading = {.total = rows[i].total};
        CU_ASSERT_EQUAL(
            mt_dlt645_build_reading(bytes, &len, sizeof(bytes), "000000004711", &reading), MT_OK);
        struct gw_message m = carried(GW_FORM_RAW, bytes, len); /* It says itself what it is. */
        m.name = "pTST-000000004711";
        m.name_len = 17;
        gw_core_begin(f.core, f.now_us);
        CU_ASSERT_EQUAL(gw_core_message(f.core, &m), rows[i].verdict);
        CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
        CU_ASSERT_EQUAL(view_of(&f, 0).last.time_us, minutes(1) + rows[i].given_us);
    }
    fixture_close(&f);
}

/* ---- late ---------------------------------------------------------------------------------------- */

/* Peak from minute 480. 2,000 Wh in two hours around it; then 100 are shown at 450 and 200 at 510: of the
 * 100 between half is at peak, and all 1,800 after them. */
static void two_late_readings_of_one_gap_split_it_in_three(void)
{
    const struct mt_reading both[] = {{.time_us = minutes(450), .total = 100},
                                      {.time_us = minutes(510), .total = 200}};
    struct fixture f;
    open_meter(&f, "tou");
    f.now_us = minutes(600);
    CU_ASSERT_EQUAL(say_one(&f, minutes(420), 0, 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(say_one(&f, minutes(540), 2000, 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 1000 * 28800ll + 1000 * 56800ll);
    CU_ASSERT_EQUAL(say(&f, both, 2), GW_ACCEPTED_LATE);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 150 * 28800ll + 1850 * 56800ll);
    /* The last of it stood still: nothing was used from 530 on. */
    CU_ASSERT_EQUAL(say_one(&f, minutes(530), 2000, 0), GW_ACCEPTED_LATE);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 150 * 28800ll + 1850 * 56800ll);
    CU_ASSERT_TRUE(steps_replays(&f));
    fixture_close(&f);
}

/* Three months are open. What lies in the fourth before is refused whole. */
static void a_late_reading_of_a_closed_month_changes_nothing(void)
{
    struct fixture f;
    fixture_open(&f);
    f.config.settle.late_window_us = 366 * GW_US_PER_DAY;
    f.core->config.settle.late_window_us = 366 * GW_US_PER_DAY;
    fixture_add_meter(&f, 0, "flat");
    for (int month = 0; month < 6; month++) {
        f.now_us = FIXTURE_START_US + month * 30 * GW_US_PER_DAY;
        CU_ASSERT_EQUAL(say_one(&f, f.now_us, month * 100000, 0), GW_ACCEPTED);
    }
    int64_t before_ufen = fixture_charged_ufen(&f, 0);
    CU_ASSERT_EQUAL(before_ufen, 500000 * 53800ll);
    CU_ASSERT_EQUAL(say_one(&f, FIXTURE_START_US + 15 * GW_US_PER_DAY, 99000, 0),
                    GW_REFUSED_TOO_LATE);
    CU_ASSERT_EQUAL(say_one(&f, FIXTURE_START_US + 140 * GW_US_PER_DAY, 401000, 0),
                    GW_ACCEPTED_LATE);
    f.now_us += GW_US_PER_HOUR;
    /* 15 kWh an hour for an hour and a quarter. */
    CU_ASSERT_EQUAL(say_one(&f, f.now_us, 518751, 0), GW_REFUSED_RANGE);
    CU_ASSERT_EQUAL(say_one(&f, f.now_us, 518750, 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), before_ufen + 18750 * 53800ll);
    CU_ASSERT_TRUE(steps_replays(&f));
    fixture_close(&f);
}

/* Each of a message's readings may cost a walk: 4 MB of blocks (and 4 kB a block) are for all of them
 * together. 600 blocks are 2.4 MB and what is in them. */
static void the_readings_of_one_message_share_what_looking_back_may_cost(void)
{
    struct fixture f;
    struct mt_reading late[8];
    open_meter(&f, "flat");
    f.now_us = minutes(10000);
    for (int64_t i = 0; i < 600; i++) {
        CU_ASSERT_EQUAL(say_one(&f, minutes(2 * i), i, 0), GW_ACCEPTED);
    }
    for (int64_t i = 0; i < 8; i++) {
        late[i] = (struct mt_reading){.time_us = minutes(2 * i + 1), .total = i};
    }
    CU_ASSERT_EQUAL(say_one(&f, late[0].time_us, late[0].total, 0), GW_ACCEPTED_LATE);
    static struct mt_message message;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    message.count = 7;
    memcpy(message.readings, late + 1, 7 * sizeof(*late));
    gw_core_begin(f.core, f.now_us);
    size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_REFUSED_TOO_LATE);
    CU_ASSERT_TRUE(f.core->walked_bytes >= GW_WALK_MESSAGE_BYTES_MAX);
    CU_ASSERT_TRUE(f.core->walked_bytes < GW_WALK_MESSAGE_BYTES_MAX + 8192u);
    CU_ASSERT_FALSE(gw_core_full(f.core)); /* The next message has its own. */
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    CU_ASSERT_EQUAL(counted(&f, GW_ACCEPTED_LATE), 2);
    CU_ASSERT_EQUAL(counted(&f, GW_REFUSED_TOO_LATE), 6);
    CU_ASSERT_TRUE(steps_replays(&f));
    fixture_close(&f);
}

static bool block_reads_fail;
static enum gw_status (*real_read)(void *, uint64_t, uint8_t *, size_t *, size_t);

static enum gw_status reading_blocks(void *self, uint64_t number, uint8_t *bytes, size_t *len,
                                     size_t max)
{
    return block_reads_fail ? GW_IO : real_read(self, number, bytes, len, max);
}

/* The meter is not told, and sends it again. */
static void a_past_that_cannot_be_read_refuses_for_now(void)
{
    struct fixture f;
    static struct mt_message message = {.count = 2};
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    open_meter(&f, "flat");
    f.now_us = minutes(600);
    real_read = f.port.block_read;
    f.port.block_read = reading_blocks;
    CU_ASSERT_EQUAL(say_one(&f, minutes(10), 0, 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(say_one(&f, minutes(20), 100, 0), GW_ACCEPTED);
    message.readings[0] = (struct mt_reading){.time_us = minutes(15), .total = 10};
    message.readings[1] = (struct mt_reading){.time_us = minutes(30), .total = 200};
    size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
    for (int pass = 0; pass < 2; pass++) {
        block_reads_fail = pass == 0;
        gw_core_begin(f.core, f.now_us);
        CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len),
                        pass == 0 ? GW_REFUSED_STOPPED : GW_ACCEPTED_LATE);
        CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_OK);
        uint32_t count = 0;
        const struct gw_reply *reply = gw_core_replies(f.core, &count);
        CU_ASSERT_EQUAL(reply->receipt_len > 0, pass == 1);
        CU_ASSERT_EQUAL(view_of(&f, 0).next_seq, pass == 0 ? 3 : 5);
        CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), pass == 0 ? 5380000 : 10760000);
    }
    fixture_close(&f);
}

/* ---- messages ------------------------------------------------------------------------------------ */

static void the_verdict_of_a_message_is_the_worst_of_its_readings(void)
{
    struct fixture f;
    open_meter(&f, "flat");
    f.now_us = minutes(600);
    const struct mt_reading first[] = {{.time_us = minutes(60), .total = 100},
                                       {.time_us = minutes(120), .total = 90000000},
                                       {.time_us = minutes(180), .total = 300}};
    CU_ASSERT_EQUAL(say(&f, first, 3), GW_REFUSED_RANGE);
    CU_ASSERT_EQUAL(view_of(&f, 0).last.total, 300);
    CU_ASSERT_EQUAL(view_of(&f, 0).refused, 1);
    CU_ASSERT_EQUAL(f.core->head->readings, 2);
    CU_ASSERT_EQUAL(f.core->head->newest_us, minutes(180));
    const struct mt_reading again[] = {{.time_us = minutes(180), .total = 300},
                                       {.time_us = minutes(240), .total = 400}};
    CU_ASSERT_EQUAL(say(&f, again, 2), GW_ACCEPTED);
    const struct mt_reading worse[] = {{.time_us = minutes(240), .total = 400},
                                       {.time_us = minutes(300), .total = 90000000}};
    CU_ASSERT_EQUAL(say(&f, worse, 2), GW_REFUSED_RANGE);
    CU_ASSERT_EQUAL(say(&f, worse, 1), GW_DUPLICATE);
    CU_ASSERT_EQUAL(counted(&f, GW_ACCEPTED), 3);
    CU_ASSERT_EQUAL(counted(&f, GW_DUPLICATE), 3);
    CU_ASSERT_EQUAL(counted(&f, GW_REFUSED_RANGE), 2);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 300 * 53800);
    CU_ASSERT_TRUE(steps_replays(&f));
    fixture_close(&f);
}

/* The second and third payee's sums are looked at as well as the first one's; of two readings neither
 * counts, and one that was refused before stays what it was. */
static void a_payees_full_sum_gives_up_the_whole_message(void)
{
    for (unsigned full = 0; full < 3; full++) {
        struct fixture f;
        open_meter(&f, "water3");
        f.now_us = minutes(600);
        CU_ASSERT_EQUAL(say_one(&f, minutes(10), 0, 0), GW_ACCEPTED);
        for (uint32_t i = 0; i < f.core->head->payee_count; i++) {
            const char *code = full == 0 ? "water" : full == 1 ? "sewage" : "resource";
            if (strcmp(gw_core_payee(f.core, i), code) == 0) {
                f.core->head->payee_charged_ufen[i] = GW_PAYEE_UFEN_MAX - 100;
            }
        }
        const struct mt_reading two[] = {{.time_us = minutes(20), .total = 100},
                                         {.time_us = minutes(30), .total = 90000000},
                                         {.time_us = minutes(40), .total = 200}};
        CU_ASSERT_EQUAL(say(&f, two, 3), GW_REFUSED_RANGE);
        CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 0);
        CU_ASSERT_EQUAL(view_of(&f, 0).last.total, 0);
        CU_ASSERT_EQUAL(view_of(&f, 0).refused, 3);
        CU_ASSERT_EQUAL(view_of(&f, 0).next_seq, 5);
        CU_ASSERT_EQUAL(counted(&f, GW_ACCEPTED), 1);
        CU_ASSERT_EQUAL(counted(&f, GW_REFUSED_RANGE), 3);
        fixture_close(&f);
    }
}

static void band_registers_may_be_anything_a_register_can_show(void)
{
    static const int64_t ends[] = {0, 1, MT_REGISTER_MAX};
    for (unsigned band = 0; band < MT_BANDS; band++) {
        struct fixture f;
        open_meter(&f, "tou");
        f.now_us = minutes(600);
        for (unsigned i = 0; i < 3; i++) {
            struct mt_reading reading = {.time_us = minutes(i),
                                         .total = i,
                                         .band_mask = (uint8_t)(1u << band)};
            reading.band[band] = ends[i];
            CU_ASSERT_EQUAL(say(&f, &reading, 1), GW_ACCEPTED);
            CU_ASSERT_EQUAL(view_of(&f, 0).last.band[band], ends[i]);
        }
        CU_ASSERT_TRUE(steps_replays(&f));
        fixture_close(&f);
    }
}

/* bit 63 is the oldest counter that is remembered, and a leap by 64 forgets all of them. */
static void counters_are_remembered_63_back(void)
{
    static const struct {
        uint64_t counter;
        bool is_new, is_old;
    } rows[] = {{1, true, false},   {2, true, false},   {65, true, false},  {2, false, false},
                {1, false, true},   {66, true, false},  {130, true, false}, {129, true, false},
                {66, false, true},  {67, true, false},  {67, false, false}, {128, true, false},
                {194, true, false}, {193, true, false}, {130, false, true}};
    struct fixture f;
    open_meter(&f, "flat");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        f.counters[0] = rows[i].counter;
        f.now_us += GW_US_PER_MIN;
        enum gw_verdict verdict = say_one(&f, f.now_us, 1, 0);
        enum gw_verdict known = rows[i].is_old ? GW_REFUSED_REPLAYED : GW_DUPLICATE;
        CU_ASSERT_EQUAL(verdict, rows[i].is_new ? GW_ACCEPTED : known);
    }
    fixture_close(&f);
}

static void what_was_received_never_becomes_less(void)
{
    struct fixture f;
    const struct mt_reading rows[] = {{.time_us = minutes(10), .total = 100},
                                      {.time_us = minutes(20), .total = 200},
                                      {.time_us = minutes(30), .total = 300}};
    open_meter(&f, "flat");
    f.now_us = minutes(600);
    CU_ASSERT_EQUAL(say(&f, rows, 3), GW_ACCEPTED);
    CU_ASSERT_EQUAL(view_of(&f, 0).next_seq, 4);
    f.seqs[0] = 1;
    CU_ASSERT_EQUAL(say(&f, rows, 1), GW_DUPLICATE);
    CU_ASSERT_EQUAL(view_of(&f, 0).next_seq, 4);
    f.seqs[0] = 1;
    CU_ASSERT_EQUAL(say_one(&f, minutes(15), 150, 0), GW_ACCEPTED_LATE);
    CU_ASSERT_EQUAL(view_of(&f, 0).next_seq, 4);
    CU_ASSERT_TRUE(steps_replays(&f));
    fixture_close(&f);
}

/* The carrier's forms have neither counter nor journal, whatever the meter sent before. */
static void a_carried_message_leaves_counter_and_journal_alone(void)
{
    static const char text[] = "[{\"n\":\"1.8.0\",\"u\":\"kWh\",\"v\":123.45,\"t\":1772380900}]";
    struct fixture f;
    struct gw_message m = carried(GW_FORM_JSON, text, sizeof(text) - 1);
    open_meter(&f, "flat");
    f.now_us = minutes(10);
    CU_ASSERT_EQUAL(say_one(&f, minutes(0), 123000, 0), GW_ACCEPTED);
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    const struct gw_entry *entry = steps_entry(&f, f.core->last_number);
    CU_ASSERT_EQUAL(entry->form, GW_FORM_JSON);
    CU_ASSERT_EQUAL(entry->transport, GW_VIA_COAP);
    CU_ASSERT_EQUAL(entry->meter, 0);
    CU_ASSERT_EQUAL(view_of(&f, 0).next_seq, 2);
    CU_ASSERT_EQUAL(f.core->meters[0].counter_top, 1);
    CU_ASSERT_EQUAL(f.core->meters[0].counter_window, 1);
    CU_ASSERT_EQUAL(say_one(&f, minutes(5), 123500, 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(view_of(&f, 0).next_seq, 3);
    CU_ASSERT_TRUE(steps_replays(&f));
    fixture_close(&f);
}

static void a_message_has_a_byte_and_at_most_the_limit(void)
{
    static uint8_t bytes[GW_MESSAGE_BYTES_MAX + 1] = {0x20};
    static const struct {
        size_t len;
        bool truncated, too_large;
    } rows[] = {{0, true, false},
                {1, false, false},
                {GW_MESSAGE_BYTES_MAX, false, false},
                {GW_MESSAGE_BYTES_MAX + 1, false, true}};
    struct fixture f;
    open_meter(&f, "flat");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_message m = carried(GW_FORM_COSE, bytes, rows[i].len);
        gw_core_begin(f.core, f.now_us);
        enum gw_verdict verdict = gw_core_message(f.core, &m);
        CU_ASSERT_EQUAL(verdict == GW_REFUSED_TRUNCATED, rows[i].truncated);
        CU_ASSERT_EQUAL(verdict == GW_REFUSED_TOO_LARGE, rows[i].too_large);
        CU_ASSERT_TRUE(verdict >= GW_REFUSED_BACKWARD);
        CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    }
    fixture_close(&f);
}

/* ---- answers ------------------------------------------------------------------------------------- */

/* From bit 40 on the minute of the start, or one more than the start before it; then 1, 2, ...: no nonce
 * comes twice, also after an older copy of the store was put back. */
static void receipts_are_numbered_within_their_start(void)
{
    struct fixture f;
    open_meter(&f, "flat");
    uint64_t epoch = (uint64_t)((f.now_us - INT64_C(1704067200000000)) / GW_US_PER_MIN);
    for (uint64_t start = 1; start <= 2; start++) {
        for (uint64_t i = 1; i <= 3; i++) {
            static struct mt_message message = {.count = 1};
            uint8_t bytes[GW_MESSAGE_BYTES_MAX];
            f.now_us += GW_US_PER_MIN;
            message.readings[0] = (struct mt_reading){.time_us = f.now_us, .total = 1};
            size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
            gw_core_begin(f.core, f.now_us);
            CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_ACCEPTED);
            CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_OK);
            uint32_t count = 0;
            struct mt_cose_encrypt0 shape;
            const struct gw_reply *reply = gw_core_replies(f.core, &count);
            CU_ASSERT_EQUAL_FATAL(count, 1);
            CU_ASSERT_STRING_EQUAL(reply->name, "pTST-00000000");
            CU_ASSERT_EQUAL(mt_cose_parse(&shape, reply->receipt, reply->receipt_len), MT_OK);
            CU_ASSERT_EQUAL(shape.counter >> 40, epoch);
            if (start == 1) {
                CU_ASSERT_EQUAL(shape.counter & ((1ull << 40) - 1u), i);
            }
        }
        int64_t start_us = start == 1 ? f.now_us : f.now_us + 5 * GW_US_PER_MIN;
        epoch += start == 1 ? 3 : 3 + 5; /* minutes */
        CU_ASSERT_EQUAL(gw_core_load(f.core, start_us), GW_OK);
        f.now_us = start_us;
    }
    CU_ASSERT_EQUAL(gw_core_load(f.core, f.now_us), GW_OK); /* twice within a minute */
    CU_ASSERT_EQUAL(f.core->head->down_epoch, epoch + 1);
    fixture_close(&f);
}

static void refusals_are_listed_and_nothing_else_is(void)
{
    struct fixture f;
    struct gw_refusal_view view;
    open_meter(&f, "flat");
    f.core->meters[0].register_width = 0;
    struct gw_message m = carried(GW_FORM_JSON, "[]", 2);
    m.name = "pTST-a-longer-name";
    m.name_len = 18;
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_UNKNOWN);
    f.now_us = minutes(60);
    CU_ASSERT_EQUAL(say_one(&f, minutes(10), 500, 0), GW_ACCEPTED);
    CU_ASSERT_TRUE(gw_core_refusal(&view, f.core, 0));
    CU_ASSERT_EQUAL(view.verdict, GW_REFUSED_UNKNOWN);
    CU_ASSERT_EQUAL(view.transport, GW_VIA_COAP);
    CU_ASSERT_EQUAL(view.time_us, minutes(0));
    CU_ASSERT_FALSE(gw_core_refusal(&view, f.core, 1));
    CU_ASSERT_EQUAL(say_one(&f, minutes(20), 400, 0), GW_REFUSED_BACKWARD);
    CU_ASSERT_TRUE(gw_core_refusal(&view, f.core, 0));
    CU_ASSERT_EQUAL(view.verdict, GW_REFUSED_BACKWARD);
    CU_ASSERT_EQUAL(view.transport, GW_VIA_MQTT);
    CU_ASSERT_EQUAL(view.time_us, minutes(60));
    CU_ASSERT_TRUE(gw_core_refusal(&view, f.core, 1));
    CU_ASSERT_FALSE(gw_core_refusal(&view, f.core, 2));
    /* A core that lost its store answers nothing, and keeps nothing. */
    memory_store_fail(f.store, 1, GW_FULL);
    f.now_us = minutes(70);
    CU_ASSERT_EQUAL(gw_core_add_household(f.core, "h"), GW_REG_DONE);
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_FULL);
    m.name = "pTST-00000000";
    m.name_len = 13;
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_STOPPED);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"a_register_that_stands_still_is_accepted_and_costs_nothing",
     a_register_that_stands_still_is_accepted_and_costs_nothing},
    {"a_doubt_begins_and_ends_to_the_microsecond", a_doubt_begins_and_ends_to_the_microsecond},
    {"given_times_run_ahead_by_twenty_minutes_and_no_more",
     given_times_run_ahead_by_twenty_minutes_and_no_more},
    {"a_frame_without_a_time_is_given_the_second_it_came_in",
     a_frame_without_a_time_is_given_the_second_it_came_in},
    {"two_late_readings_of_one_gap_split_it_in_three",
     two_late_readings_of_one_gap_split_it_in_three},
    {"a_late_reading_of_a_closed_month_changes_nothing",
     a_late_reading_of_a_closed_month_changes_nothing},
    {"the_readings_of_one_message_share_what_looking_back_may_cost",
     the_readings_of_one_message_share_what_looking_back_may_cost},
    {"a_past_that_cannot_be_read_refuses_for_now", a_past_that_cannot_be_read_refuses_for_now},
    {"the_verdict_of_a_message_is_the_worst_of_its_readings",
     the_verdict_of_a_message_is_the_worst_of_its_readings},
    {"a_payees_full_sum_gives_up_the_whole_message", a_payees_full_sum_gives_up_the_whole_message},
    {"band_registers_may_be_anything_a_register_can_show",
     band_registers_may_be_anything_a_register_can_show},
    {"counters_are_remembered_63_back", counters_are_remembered_63_back},
    {"what_was_received_never_becomes_less", what_was_received_never_becomes_less},
    {"a_carried_message_leaves_counter_and_journal_alone",
     a_carried_message_leaves_counter_and_journal_alone},
    {"a_message_has_a_byte_and_at_most_the_limit", a_message_has_a_byte_and_at_most_the_limit},
    {"receipts_are_numbered_within_their_start", receipts_are_numbered_within_their_start},
    {"refusals_are_listed_and_nothing_else_is", refusals_are_listed_and_nothing_else_is},
};

UNIT_MAIN("core_intake_more", tests)
