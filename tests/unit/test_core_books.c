/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The books: every invariant is seen to be broken when it is, and no start takes up a block that
 * contradicts what came before it. */
#include "gateway/core/block.h"
#include "tests/support/core_steps.h"

/* Two homes. The first settled 107 fen and has an order over 108 more; the second drew 2 l of water,
 * which are 0.414 + 0.272 + 0.314 fen: it owes exactly one fen. */
static void open_books(struct fixture *f)
{
    fixture_open(f);
    fixture_add_meter(f, 0, "flat");
    fixture_bind(f, 0, "w0", INT64_MAX);
    fixture_add_meter(f, 1, "water3");
    fixture_bind(f, 1, "w1", INT64_MAX);
    (void)fixture_read(f, 0, f->now_us, 0);
    (void)fixture_read(f, 1, f->now_us, 0);
    steps_use_to(f, 0, 2000);
    CU_ASSERT_EQUAL(steps_settle(f), 107);
    steps_use_to(f, 0, 4000);
    CU_ASSERT_EQUAL(steps_request(f).number, 2);
    steps_use_to(f, 1, 2000);
}

static void good_books_are_counted_whole(void)
{
    struct fixture f;
    struct gw_ledger_report report;
    open_books(&f);
    f.core->config.settle.retry_refused_us = 0;
    gw_core_ledger_check(&report, f.core);
    CU_ASSERT_EQUAL(report.broken, 0);
    CU_ASSERT_STRING_EQUAL(report.first, "");
    /* Two of each home, one of each of its payees (1 and 3), two of each of four payees, one of the open
     * order, of each wallet and of each meter. */
    CU_ASSERT_EQUAL(report.accounts, 2 * 2 + 4 + 2 * 4 + 1 + 2 + 2);
    CU_ASSERT_EQUAL(report.entries, 5 + 1); /* readings, and an order that ended */
    CU_ASSERT_EQUAL(report.debits_ufen, 4000 * 53800 + 1000000);
    CU_ASSERT_EQUAL(report.credits_ufen, report.debits_ufen);
    steps_answer(&f, 2, GW_ORDER_EV_REFUSED);
    gw_core_ledger_check(&report, f.core);
    CU_ASSERT_EQUAL(report.broken, 0);
    CU_ASSERT_EQUAL(report.entries, 5 + 2);
    CU_ASSERT_EQUAL(f.core->head->orders_done, 1);
    CU_ASSERT_EQUAL(f.core->head->orders_refused, 1);
    steps_answer(&f, steps_request(&f).number, GW_ORDER_EV_DONE); /* 108 of the first home */
    CU_ASSERT_EQUAL(f.core->head->orders_done, 2);
    CU_ASSERT_EQUAL(f.core->head->orders_refused, 1);
    fixture_close(&f);
}

enum harm {
    ORDER_OF_ANOTHER_HOME,
    ORDER_IS_GONE,
    HOME_SETTLED_MORE,
    DEBT_IS_NOT_DUE,
    PARTS_ARE_MORE,
    STRANGE_ORDER,
    PAYEE_CHARGED_MORE,
    PAYEE_SETTLED_MORE,
    METER_CHARGED_MORE,
    SETTLED_MORE,
    WALLET_PAID_MORE,
    ORDERED_MORE,
    HARMS,
};

static void do_harm(struct gw_core *core, enum harm harm)
{
    switch (harm) {
    case ORDER_OF_ANOTHER_HOME:
        core->orders[2].household = 1;
        break;
    case ORDER_IS_GONE:
        core->orders[2].number = 0;
        break;
    case HOME_SETTLED_MORE:
        core->households[0].settled_fen++;
        break;
    case DEBT_IS_NOT_DUE:
        core->households[1].due_us = 0;
        break;
    case PARTS_ARE_MORE:
        core->orders[2].part_fen[0]++;
        break;
    case STRANGE_ORDER: /* In the first place of the table. */
        core->orders[0].number = GW_ORDERS_OPEN_MAX;
        core->orders[0].household = 1;
        break;
    case PAYEE_CHARGED_MORE:
        core->head->payee_charged_ufen[0]++;
        break;
    case PAYEE_SETTLED_MORE:
        core->head->payee_settled_fen[0]++;
        break;
    case METER_CHARGED_MORE:
        core->meters[0].charged_ufen++;
        break;
    case SETTLED_MORE:
        core->head->settled_fen++;
        break;
    case WALLET_PAID_MORE:
        core->bindings[1].taken_fen++;
        break;
    case ORDERED_MORE:
        core->head->ordered_fen++;
        break;
    case HARMS:
        break;
    }
}

static void each_broken_invariant_is_named(void)
{
    static const char *const words[HARMS] = {
        [ORDER_OF_ANOTHER_HOME] = "an open order is not the household's own: home-0",
        [ORDER_IS_GONE] = "an open order is not the household's own: home-0",
        [HOME_SETTLED_MORE] = "taken is not settled plus ordered: household home-0",
        [DEBT_IS_NOT_DUE] = "owes money that no order is due for: household home-1",
        [PARTS_ARE_MORE] = "an order's parts are not its amount: household home-0",
        [STRANGE_ORDER] = "an order without its household: home-1",
        [PAYEE_CHARGED_MORE] = "households were charged other than is owed to grid",
        [PAYEE_SETTLED_MORE] = "taken is not settled plus ordered for grid",
        [METER_CHARGED_MORE] = "meters were charged other than payees are owed",
        [SETTLED_MORE] = "settled by households, by wallets and in total differ",
        [WALLET_PAID_MORE] = "settled by households, by wallets and in total differ",
        [ORDERED_MORE] = "open orders are not what the total says",
    };
    static const uint64_t broken[HARMS] = {2, 3, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1};
    for (int harm = 0; harm < HARMS; harm++) {
        struct fixture f;
        struct gw_ledger_report report;
        open_books(&f);
        do_harm(f.core, (enum harm)harm);
        gw_core_ledger_check(&report, f.core);
        CU_ASSERT_STRING_EQUAL(report.first, words[harm]);
        CU_ASSERT_EQUAL(report.broken, broken[harm]);
        fixture_close(&f);
    }
}

/* ---- blocks that contradict ----------------------------------------------------------------------- */

/* Start from the blocks and one more that holds this entry. */
static enum gw_status start_after(struct fixture *f, const struct gw_entry *entry)
{
    static uint8_t bytes[GW_BLOCK_BYTES_MAX];
    struct gw_block_writer writer;
    struct gw_block_write write = {.number = f->core->last_number + 1u,
                                   .time_us = f->now_us,
                                   .bytes = bytes};
    gw_block_begin(&writer, bytes, sizeof(bytes), write.number, f->now_us);
    gw_block_put(&writer, entry, true, true);
    write.len = gw_block_seal(&writer, 1, GW_STATE_LAYOUT);
    CU_ASSERT_EQUAL(f->port.append(f->port.self, &write), GW_OK);
    memory_store_drop_chunks(f->store);
    void *memory = NULL;
    struct gw_core *core = fixture_make(f, &memory);
    enum gw_status status = gw_core_load(core, f->now_us);
    if (status == GW_OK) {
        CU_ASSERT_STRING_EQUAL(steps_books(core), "");
    }
    free(memory);
    return status;
}

/* The end of order 2 as it should be, and one field of it changed at a time. */
static const struct gw_entry good_end = {
    .kind = GW_ENTRY_ORDER_END,
    .order = 2,
    .household = 0,
    .binding = 0,
    .order_kind = GW_ORDER_DEBIT,
    .order_state = GW_ORDER_DONE,
    .amount_fen = 108,
    .part_count = 1,
    .part_fen = {108},
};

static void bend_end(struct gw_entry *entry, int how)
{
    switch (how) {
    case 1:
        entry->order = 3;
        break;
    case 2:
        entry->household = 1;
        entry->binding = 1;
        break;
    case 3:
        entry->binding = 1;
        break;
    case 4:
        entry->order_kind = GW_ORDER_REFUND;
        break;
    case 5:
        entry->amount_fen = entry->part_fen[0] = 107;
        break;
    case 6:
        entry->part_payee[0] = 1;
        break;
    case 7:
        entry->part_count = 2;
        entry->part_fen[0] = 8;
        entry->part_fen[1] = 100;
        break;
    case 8:
        entry->order_state = GW_ORDER_SENT;
        break;
    case 9:
        entry->amount_fen = 0;
        entry->part_count = 0;
        break;
    case 10:
        entry->amount_fen = 107;
        break;
    case 11:
        entry->household = 2;
        break;
    case 12:
        entry->binding = 2;
        break;
    case 13:
        entry->order = 0;
        break;
    default: /* The place of another order. */
        entry->order = 2 + (uint64_t)GW_ORDERS_OPEN_MAX;
        break;
    }
}

static void an_end_that_is_not_of_its_order_is_refused(void)
{
    for (int how = 0; how < 15; how++) {
        struct fixture f;
        struct gw_entry entry = good_end;
        open_books(&f);
        if (how > 0) {
            bend_end(&entry, how);
        }
        CU_ASSERT_EQUAL(start_after(&f, &entry), how == 0 ? GW_OK : GW_CORRUPT);
        fixture_close(&f);
    }
}

/* An order over the second home's fen, as it should be, and one field changed at a time. */
static const struct gw_entry good_order = {
    .kind = GW_ENTRY_ORDER_NEW,
    .order = 3,
    .household = 1,
    .binding = 1,
    .order_kind = GW_ORDER_DEBIT,
    .order_state = GW_ORDER_QUEUED,
    .amount_fen = 1,
    .part_count = 1,
    .part_payee = {1},
    .part_fen = {1},
};

static void bend_order(struct gw_entry *entry, int how)
{
    switch (how) {
    case 1:
        entry->order = 1; /* Given before. */
        break;
    case 2: /* A home with an open order. */
        entry->household = entry->binding = 0;
        entry->part_payee[0] = 0;
        break;
    case 3:
        entry->order = 2 + (uint64_t)GW_ORDERS_OPEN_MAX; /* The place is taken. */
        break;
    case 4:
        entry->household = 2;
        break;
    case 5:
        entry->binding = 2;
        break;
    case 6:
        entry->binding = 0; /* Somebody else's wallet. */
        break;
    case 7:
        entry->part_payee[0] = 4; /* There are four. */
        break;
    case 8:
        entry->part_payee[0] = 0; /* None of this home's. */
        break;
    case 9:
        entry->amount_fen = 2;
        break;
    case 10:
        entry->part_count = 2;
        entry->part_payee[1] = 2;
        entry->part_fen[1] = 0;
        break;
    case 11:
        entry->amount_fen = 0;
        entry->part_count = 0;
        break;
    case 12: /* More than a household can ever owe. */
        entry->amount_fen = entry->part_fen[0] = GW_HOUSEHOLD_FEN_MAX + 1;
        break;
    case 13:
        entry->order = UINT64_MAX;
        break;
    default:
        entry->order = 0;
        break;
    }
}

static void an_order_that_could_not_be_made_is_refused(void)
{
    for (int how = 0; how < 15; how++) {
        struct fixture f;
        struct gw_entry entry = good_order;
        open_books(&f);
        if (how > 0) {
            bend_order(&entry, how);
        }
        CU_ASSERT_EQUAL(start_after(&f, &entry), how == 0 ? GW_OK : GW_CORRUPT);
        fixture_close(&f);
    }
}

/* Its place is beyond this configuration's: that is for people to mend. */
static void an_order_beyond_the_limit_asks_for_another_limit(void)
{
    for (int end = 0; end < 2; end++) {
        for (uint64_t number = 127; number <= 129; number++) {
            struct fixture f;
            struct gw_entry entry = end == 1 ? good_end : good_order;
            open_books(&f);
            entry.order = number;
            enum gw_status none = end == 1 ? GW_CORRUPT : GW_OK;
            CU_ASSERT_EQUAL(start_after(&f, &entry), number == 127 ? none : GW_INVALID);
            fixture_close(&f);
        }
    }
}

/* A reading of the first home's meter, 1,000 Wh in an hour: 53.8 fen for the grid. */
static struct gw_entry good_reading(const struct fixture *f)
{
    struct gw_entry entry = {.kind = GW_ENTRY_READINGS,
                             .form = GW_FORM_COSE,
                             .reading_count = 1,
                             .payee_count = 1,
                             .posted_ufen = {53800000}};
    entry.previous_block = f->core->meters[0].last_block;
    entry.readings[0].reading.time_us = f->now_us + GW_US_PER_HOUR;
    entry.readings[0].reading.total = 5000;
    return entry;
}

static void bend_reading(struct gw_entry *entry, int how)
{
    switch (how) {
    case 1:
        entry->meter = 2;
        break;
    case 2:
        entry->payee_count = 2; /* The tariff has one. */
        break;
    case 3: /* The newest again. */
        entry->readings[0].reading.time_us -= 2 * GW_US_PER_HOUR;
        break;
    case 4: /* Later than the newest, yet late. */
        entry->readings[0].verdict = GW_ACCEPTED_LATE;
        break;
    case 5: /* Before the first one: there is no stretch around it. */
        entry->readings[0].verdict = GW_ACCEPTED_LATE;
        entry->readings[0].reading.time_us = FIXTURE_START_US - GW_US_PER_HOUR;
        break;
    case 6: /* Late at the very time of the newest. */
        entry->readings[0].verdict = GW_ACCEPTED_LATE;
        entry->readings[0].reading.time_us -= 2 * GW_US_PER_HOUR;
        entry->readings[0].reading.total = 4000;
        break;
    case 7: /* Late at the very time of one between. */
        entry->readings[0].verdict = GW_ACCEPTED_LATE;
        entry->readings[0].reading.time_us = FIXTURE_START_US + GW_US_PER_HOUR;
        entry->readings[0].reading.total = 2000;
        break;
    case 8: /* Longer ago than any tariff's usage is cut. */
        entry->readings[0].reading.time_us += 2000 * GW_US_PER_DAY;
        break;
    default:
        entry->posted_ufen[0] = GW_METER_UFEN_MAX;
        break;
    }
}

static void a_reading_that_could_not_be_accepted_is_refused(void)
{
    for (int how = 0; how < 10; how++) {
        struct fixture f;
        open_books(&f);
        struct gw_entry entry = good_reading(&f);
        if (how > 0) {
            bend_reading(&entry, how);
        }
        CU_ASSERT_EQUAL(start_after(&f, &entry), how == 0 ? GW_OK : GW_CORRUPT);
        fixture_close(&f);
    }
}

/* What is registered comes one after the other, and links lead back. */
static struct gw_entry registry_entry(const struct fixture *f, int which)
{
    struct gw_entry entry = {.household = 1, .link = GW_NONE};
    switch (which) {
    case 0:
        entry.kind = GW_ENTRY_HOUSEHOLD;
        entry.household = 2;
        memcpy(entry.household_id, "h", 2);
        break;
    case 1:
        entry.kind = GW_ENTRY_METER;
        entry.meter = 2;
        entry.tariff = 2;
        entry.link = 1;
        fixture_identity(&entry.meter_spec.identity, 7, "water3");
        entry.meter_spec.terms = (struct gw_terms){.tou_from_day = INT32_MAX, .ladder_months = 12};
        entry.meter_spec.accept = GW_ACCEPT_COSE;
        entry.meter_spec.max_per_hour = 1;
        break;
    case 2:
        entry.kind = GW_ENTRY_BIND;
        entry.binding = 2;
        entry.link = 1;
        memcpy(entry.bind.wallet, "w", 2);
        memcpy(entry.bind.mandate, "m", 2);
        entry.bind.cap_single_fen = entry.bind.cap_day_fen = 1;
        break;
    case 3:
        entry.kind = GW_ENTRY_UNBIND;
        entry.binding = 1;
        break;
    case 4:
        entry.kind = GW_ENTRY_CRITICAL_DAY;
        entry.tariff = 2;
        entry.critical_day = gw_local_day(f->now_us) + 1;
        break;
    case 5:
        entry.kind = GW_ENTRY_TARIFF;
        entry.tariff = 2;
        memcpy(entry.tariff_name, "water3", 7);
        entry.tariff_payee_count = 1;
        memcpy(entry.tariff_payees[0], "water", 6);
        break;
    default:
        entry.kind = GW_ENTRY_SNAPSHOT;
        entry.meter = 1;
        entry.snapshot.day = 20260302;
        break;
    }
    return entry;
}

static void a_registration_out_of_its_place_is_refused(void)
{
    /* Which entry, the field, the value. */
    static const struct {
        int which;
        enum { NOTHING, HOUSEHOLD, METER, TARIFF, LINK, BINDING, NAME, MEDIUM } field;
        uint32_t value;
    } rows[] = {
        {0, NOTHING, 0},   {0, HOUSEHOLD, 1}, {0, HOUSEHOLD, 3}, {0, NAME, 0},    {1, NOTHING, 0},
        {1, METER, 1},     {1, METER, 3},     {1, HOUSEHOLD, 2}, {1, TARIFF, 3},  {1, TARIFF, 0},
        {1, LINK, 2},      {1, NAME, 0},      {2, NOTHING, 0},   {2, BINDING, 1}, {2, BINDING, 3},
        {2, HOUSEHOLD, 2}, {2, LINK, 2},      {3, NOTHING, 0},   {3, BINDING, 2}, {4, NOTHING, 0},
        {4, TARIFF, 3},    {5, NOTHING, 0},   {5, TARIFF, 4},    {5, NAME, 0},    {6, NOTHING, 0},
        {6, METER, 2},     {1, MEDIUM, 200},  {5, TARIFF, 16},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        open_books(&f);
        struct gw_entry entry = registry_entry(&f, rows[i].which);
        uint32_t *fields[] = {
            [HOUSEHOLD] = &entry.household, [METER] = &entry.meter,     [TARIFF] = &entry.tariff,
            [LINK] = &entry.link,           [BINDING] = &entry.binding, [MEDIUM] = NULL};
        if (rows[i].field == NAME) {
            entry.household_id[0] = entry.tariff_name[0] = '\0';
            entry.meter_spec.identity.number[0] = '\0';
        } else if (rows[i].field == MEDIUM) {
            entry.meter_spec.identity.medium = (uint8_t)rows[i].value;
        } else if (rows[i].field != NOTHING) {
            *fields[rows[i].field] = rows[i].value;
        }
        enum gw_status expected = rows[i].field == NOTHING ? GW_OK : GW_CORRUPT;
        CU_ASSERT_EQUAL(start_after(&f, &entry), expected);
        fixture_close(&f);
    }
}

static const struct unit_test tests[] = {
    {"good_books_are_counted_whole", good_books_are_counted_whole},
    {"each_broken_invariant_is_named", each_broken_invariant_is_named},
    {"an_end_that_is_not_of_its_order_is_refused", an_end_that_is_not_of_its_order_is_refused},
    {"an_order_that_could_not_be_made_is_refused", an_order_that_could_not_be_made_is_refused},
    {"an_order_beyond_the_limit_asks_for_another_limit",
     an_order_beyond_the_limit_asks_for_another_limit},
    {"a_reading_that_could_not_be_accepted_is_refused",
     a_reading_that_could_not_be_accepted_is_refused},
    {"a_registration_out_of_its_place_is_refused", a_registration_out_of_its_place_is_refused},
};

UNIT_MAIN("core_books", tests)
