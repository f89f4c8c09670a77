/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What replies of the wallet operator mean. Expected meanings are those of docs/operator-api.md. */
#include <stdlib.h>

#include "gateway/adapters/operator_reply.h"
#include "tests/support/unit.h"

static const struct gw_order_request debit = {
    .number = 17,
    .key = "gw1-17",
    .action = GW_ORDER_DO_SEND,
    .kind = GW_ORDER_DEBIT,
    .amount_fen = 100,
    .wallet = "w1",
    .mandate = "m1",
    .part_count = 2,
    .parts = {{"grid", 67}, {"water", 33}},
};

#define ORDER(state, more)                                                              \
    "{\"key\":\"gw1-17\",\"kind\":\"debit\",\"state\":\"" state "\",\"wallet\":\"w1\"," \
    "\"mandate\":\"m1\",\"amount_fen\":100," more "}"
#define DONE ORDER("done", "\"captured_fen\":100,\"ref\":\"R-1\"")
#define REFUSED(code) ORDER("refused", "\"captured_fen\":0,\"code\":\"" code "\"")

struct row {
    enum gw_order_action action;
    long http_status;
    const char *body;
    enum gw_order_event event;
    enum gw_refusal refusal;
    const char *ref;
    bool trust;
    bool garbled;
};

static void check_row(const struct row *row)
{
    struct gw_operator_judgement judgement;
    struct gw_order_request request = debit;
    request.action = row->action;
    gw_operator_judge(&judgement, &request, row->http_status, row->body, strlen(row->body));
    bool good = judgement.result.number == 17 && judgement.result.event == row->event &&
                judgement.result.refusal == row->refusal && judgement.trust == row->trust &&
                judgement.garbled == row->garbled &&
                strcmp(judgement.result.operator_ref, row->ref) == 0;
    bool explained = judgement.why[0] != '\0';
    if (!good) {
        printf("    %ld %s\n", row->http_status, row->body);
    }
    CU_ASSERT_TRUE(good);
    CU_ASSERT_EQUAL(explained, row->event == GW_ORDER_EV_NO_ANSWER || row->garbled);
}

#define SEND GW_ORDER_DO_SEND
#define ASK GW_ORDER_DO_ASK
#define NOTHING GW_ORDER_EV_NO_ANSWER, GW_REFUSAL_NONE, ""

static const struct row rows[] = {
    {SEND, 200, DONE, GW_ORDER_EV_DONE, GW_REFUSAL_NONE, "R-1", false, false},
    {SEND, 201, DONE, GW_ORDER_EV_DONE, GW_REFUSAL_NONE, "R-1", false, false},
    {ASK, 200, DONE, GW_ORDER_EV_DONE, GW_REFUSAL_NONE, "R-1", false, false},
    {SEND, 422, REFUSED("insufficient_funds"), GW_ORDER_EV_REFUSED, GW_REFUSAL_SHORT, "", false,
     false},
    {SEND, 422, REFUSED("limit_exceeded"), GW_ORDER_EV_REFUSED, GW_REFUSAL_LIMIT, "", false, false},
    {SEND, 422, REFUSED("mandate_invalid"), GW_ORDER_EV_REFUSED, GW_REFUSAL_MANDATE, "", false,
     false},
    {SEND, 422, REFUSED("wallet_unknown"), GW_ORDER_EV_REFUSED, GW_REFUSAL_WALLET, "", false,
     false},
    {SEND, 422, REFUSED("wallet_frozen"), GW_ORDER_EV_REFUSED, GW_REFUSAL_WALLET, "", false, false},
    {SEND, 422, REFUSED("wallet_closed"), GW_ORDER_EV_REFUSED, GW_REFUSAL_WALLET, "", false, false},
    {SEND, 422, REFUSED("a_new_code"), GW_ORDER_EV_REFUSED, GW_REFUSAL_OTHER, "", false, false},
    {ASK, 200, REFUSED("limit_exceeded"), GW_ORDER_EV_REFUSED, GW_REFUSAL_LIMIT, "", false, false},
    {ASK, 200, ORDER("voided", "\"ref\":\"R\""), GW_ORDER_EV_REFUSED, GW_REFUSAL_OTHER, "", false,
     false},
    {SEND, 400, "{\"code\":\"request_invalid\",\"message\":\"m\"}", GW_ORDER_EV_REFUSED,
     GW_REFUSAL_REQUEST, "", false, false},
    /* A key reused: this request was not done, but a person has to look. */
    {SEND, 409, "{\"code\":\"request_invalid\"}", GW_ORDER_EV_REFUSED, GW_REFUSAL_REQUEST, "",
     false, true},
    {ASK, 404, "{\"code\":\"key_unknown\"}", GW_ORDER_EV_UNKNOWN, GW_REFUSAL_NONE, "", false,
     false},
    /* Nobody knows. */
    {SEND, 404, "{\"code\":\"key_unknown\"}", NOTHING, false, false},
    {ASK, 404, "{\"code\":\"not_found\"}", NOTHING, false, false},
    {ASK, 404, "<html>", NOTHING, false, true},
    {ASK, 422, REFUSED("limit_exceeded"), NOTHING, false, false},
    {ASK, 400, "{\"code\":\"request_invalid\"}", NOTHING, false, false},
    {SEND, 500, DONE, NOTHING, false, false},
    {SEND, 503, REFUSED("limit_exceeded"), NOTHING, false, false},
    {SEND, 429, "{\"code\":\"slow_down\"}", NOTHING, false, false},
    {SEND, 408, "{\"code\":\"timeout\"}", NOTHING, false, false},
    {SEND, 302, "", NOTHING, false, true},
    {SEND, 204, "", NOTHING, false, true},
    {SEND, 0, "", NOTHING, false, true},
    /* Our keys are wrong: never the household's refusal. */
    {SEND, 401, "{\"code\":\"signature_invalid\"}", NOTHING, true, false},
    {SEND, 403, REFUSED("wallet_unknown"), NOTHING, true, false},
    {ASK, 401, "", NOTHING, true, false},
    /* Replies that contradict the order. */
    {SEND, 200, "{}", NOTHING, false, true},
    {SEND, 200, "[]", NOTHING, false, true},
    {SEND, 200, "null", NOTHING, false, true},
    {SEND, 200, DONE "x", NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"captured_fen\":99,\"ref\":\"R-1\""), NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"captured_fen\":100.0,\"ref\":\"R-1\""), NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"captured_fen\":\"100\",\"ref\":\"R-1\""), NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"captured_fen\":100"), NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"captured_fen\":100,\"ref\":\"\""), NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"captured_fen\":100,\"ref\":\"a b\""), NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"captured_fen\":100,\"ref\":\"a\\u0000b\""), NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"captured_fen\":100,\"ref\":\"123456789012345678901234567890123\""),
     NOTHING, false, true},
    {SEND, 200, ORDER("done", "\"amount_fen\":100,\"captured_fen\":100,\"ref\":\"R-1\""), NOTHING,
     false, true},
    {SEND, 200, ORDER("reserved", "\"captured_fen\":0,\"ref\":\"R-1\""), NOTHING, false, true},
    {SEND, 200, ORDER("refused", "\"captured_fen\":0"), NOTHING, false, true},
    {SEND, 422, ORDER("done", "\"captured_fen\":99,\"code\":\"x\",\"ref\":\"R\""), NOTHING, false,
     true},
    {SEND, 422, "{\"message\":\"no\"}", NOTHING, false, true},
    {SEND, 422, "{\"code\":\"\"}", NOTHING, false, true},
    {SEND, 422, "{\"key\":\"gw1-18\",\"state\":\"refused\",\"code\":\"limit_exceeded\"}", NOTHING,
     false, true},
};

static void each_reply_has_one_meaning(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row(&rows[i]);
    }
}

static void only_the_order_that_was_sent_is_believed(void)
{
    struct gw_operator_judgement judgement;
    static const char body[] = DONE;
    struct gw_order_request other[4] = {debit, debit, debit, debit};
    memcpy(other[0].key, "gw1-18", 7);
    other[1].kind = GW_ORDER_REFUND;
    other[2].amount_fen = 101;
    memcpy(other[3].wallet, "w2", 3);
    for (size_t i = 0; i < 4; i++) {
        gw_operator_judge(&judgement, &other[i], 200, body, sizeof body - 1);
        CU_ASSERT_EQUAL(judgement.result.event, GW_ORDER_EV_NO_ANSWER);
        CU_ASSERT_TRUE(judgement.garbled);
        CU_ASSERT_STRING_EQUAL(judgement.result.operator_ref, "");
    }
}

static void every_prefix_of_a_reply_is_no_answer(void)
{
    struct gw_operator_judgement judgement;
    static const char body[] = DONE;
    for (size_t len = 0; len < sizeof body - 1; len++) {
        char *exact = malloc(len + 1); /* a byte read past the end is seen by the sanitizer */
        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, body, len);
        gw_operator_judge(&judgement, &debit, 200, exact, len);
        CU_ASSERT_EQUAL(judgement.result.event, GW_ORDER_EV_NO_ANSWER);
        free(exact);
    }
}

static void the_body_of_an_order_is_as_documented(void)
{
    struct gw_order_request refund = debit;
    char *body = gw_operator_body(&debit);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    CU_ASSERT_STRING_EQUAL(
        body, "{\"wallet\":\"w1\",\"mandate\":\"m1\",\"amount_fen\":100,\"parts\":["
              "{\"payee\":\"grid\",\"amount_fen\":67},{\"payee\":\"water\",\"amount_fen\":33}],"
              "\"capture\":true}");
    free(body);
    refund.kind = GW_ORDER_REFUND;
    refund.part_count = 1;
    refund.amount_fen = refund.parts[0].amount_fen = 5;
    body = gw_operator_body(&refund);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    CU_ASSERT_STRING_EQUAL(body,
                           "{\"wallet\":\"w1\",\"mandate\":\"m1\",\"amount_fen\":5,\"parts\":["
                           "{\"payee\":\"grid\",\"amount_fen\":5}]}");
    free(body);
}

/* ---- statements ------------------------------------------------------------------------------------ */

static enum gw_status feed(struct gw_statement_sum *sum, struct gw_statement_row *row,
                           struct gw_statement_end *end, const char *line)
{
    return gw_statement_line(sum, row, end, line, strlen(line));
}

#define ROW(seq, kind, amount, part)                                                           \
    "{\"seq\":" seq ",\"key\":\"gw1-1\",\"kind\":\"" kind "\",\"wallet\":\"w1\","              \
    "\"mandate\":\"m1\",\"amount_fen\":" amount ",\"time_us\":1795462623491265,\"ref\":\"R\"," \
    "\"parts\":[{\"payee\":\"grid\",\"amount_fen\":" part "}]}"
#define END(rows, last, dc, df, rc, rf)                                                         \
    "{\"end\":true,\"day\":\"2026-11-24\",\"closed\":true,\"rows\":" rows ",\"last_seq\":" last \
    ",\"debit_count\":" dc ",\"debit_fen\":" df ",\"refund_count\":" rc ",\"refund_fen\":" rf "}"

static void rows_and_totals_of_a_statement_are_read(void)
{
    struct gw_statement_sum sum = {0};
    struct gw_statement_row row;
    struct gw_statement_end end;
    CU_ASSERT_EQUAL(feed(&sum, &row, &end, ROW("3", "debit", "100", "100")), GW_OK);
    CU_ASSERT_EQUAL(row.seq, 3);
    CU_ASSERT_EQUAL(row.kind, GW_ORDER_DEBIT);
    CU_ASSERT_EQUAL(row.amount_fen, 100);
    CU_ASSERT_EQUAL(row.time_us, 1795462623491265);
    CU_ASSERT_STRING_EQUAL(row.parts[0].payee, "grid");
    CU_ASSERT_EQUAL(feed(&sum, &row, &end, ROW("7", "refund", "40", "40")), GW_OK);
    CU_ASSERT_EQUAL(row.kind, GW_ORDER_REFUND);
    CU_ASSERT_EQUAL(feed(&sum, &row, &end, END("2", "7", "1", "100", "1", "40")), GW_END);
    CU_ASSERT_TRUE(end.closed);
    CU_ASSERT_EQUAL(end.last_seq, 7);
    CU_ASSERT_EQUAL(end.debit_fen, 100);
    CU_ASSERT_EQUAL(end.refund_fen, 40);
    CU_ASSERT_EQUAL(feed(&sum, &row, &end, ROW("8", "debit", "1", "1")), GW_CORRUPT);
}

static void lines_that_contradict_are_corrupt(void)
{
    static const char *const lines[] = {
        "",
        "{}",
        "null",
        ROW("2", "debit", "100", "100"), /* not after the row before */
        ROW("3", "gift", "100", "100"),
        ROW("3", "debit", "0", "0"),
        ROW("3", "debit", "-5", "-5"),
        ROW("3", "debit", "100", "99"),
        ROW("3", "debit", "100", "101"),
        ROW("3", "debit", "9223372036854775807",
            "9223372036854775807"), /* the sum would overflow */
        END("2", "2", "1", "50", "0", "0"),
        END("1", "3", "1", "50", "0", "0"),
        END("1", "2", "2", "50", "0", "0"),
        END("1", "2", "1", "51", "0", "0"),
        END("1", "2", "1", "50", "1", "0"),
        END("1", "2", "1", "50", "0", "1"),
        END("1", "2", "1", "-50", "0", "0"),
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct gw_statement_sum sum = {0};
        struct gw_statement_row row;
        struct gw_statement_end end;
        CU_ASSERT_EQUAL(feed(&sum, &row, &end, ROW("2", "debit", "50", "50")), GW_OK);
        CU_ASSERT_EQUAL(feed(&sum, &row, &end, lines[i]), GW_CORRUPT);
    }
}

static void a_fetch_that_goes_on_after_a_break_needs_no_totals(void)
{
    struct gw_statement_sum sum = {.after = 7, .last_seq = 7};
    struct gw_statement_row row;
    struct gw_statement_end end;
    CU_ASSERT_EQUAL(feed(&sum, &row, &end, ROW("7", "debit", "1", "1")), GW_CORRUPT);
    CU_ASSERT_EQUAL(feed(&sum, &row, &end, ROW("9", "debit", "1", "1")), GW_OK);
    CU_ASSERT_EQUAL(feed(&sum, &row, &end, END("1", "9", "3", "300", "0", "0")), GW_END);
    CU_ASSERT_EQUAL(end.debit_fen, 300);
}

static const struct unit_test tests[] = {
    {"each_reply_has_one_meaning", each_reply_has_one_meaning},
    {"only_the_order_that_was_sent_is_believed", only_the_order_that_was_sent_is_believed},
    {"every_prefix_of_a_reply_is_no_answer", every_prefix_of_a_reply_is_no_answer},
    {"the_body_of_an_order_is_as_documented", the_body_of_an_order_is_as_documented},
    {"rows_and_totals_of_a_statement_are_read", rows_and_totals_of_a_statement_are_read},
    {"lines_that_contradict_are_corrupt", lines_that_contradict_are_corrupt},
    {"a_fetch_that_goes_on_after_a_break_needs_no_totals",
     a_fetch_that_goes_on_after_a_break_needs_no_totals},
};

UNIT_MAIN("operator_reply", tests)
