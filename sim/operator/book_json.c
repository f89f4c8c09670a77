/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows of the books as JSON, and the text of an order's parts. See book_internal.h. */
#include "sim/operator/book_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"

/* Payee codes are of A-Z a-z 0-9 . _ - (parse.c), so nothing needs to be escaped. */
void sim_book_parts_format(char text[BOOK_PARTS_TEXT_BYTES], const struct sim_transfer *transfer)
{
    size_t used = 0;
    text[used++] = '[';
    for (uint32_t i = 0; i < transfer->part_count; i++) {
        int n = snprintf(text + used, BOOK_PARTS_TEXT_BYTES - used, "%s[\"%s\",%" PRId64 "]",
                         i > 0 ? "," : "", transfer->parts[i].payee, transfer->parts[i].amount_fen);
        MT_CHECK(n > 0 && (size_t)n < BOOK_PARTS_TEXT_BYTES - used - 1);
        used += (size_t)n;
    }
    text[used++] = ']';
    text[used] = '\0';
}

void sim_book_parts_parse(struct sim_transfer *transfer, const char *text)
{
    json_t *list = json_loads(text, 0, NULL);
    size_t count = json_array_size(list);
    transfer->part_count = 0;
    for (size_t i = 0; i < count && i < GW_ORDER_PAYEES_MAX; i++) {
        json_t *item = json_array_get(list, i);
        const char *payee = json_string_value(json_array_get(item, 0));
        struct gw_order_part *part = &transfer->parts[i];
        if (payee == NULL || strlen(payee) >= sizeof part->payee) {
            break;
        }
        memcpy(part->payee, payee, strlen(payee) + 1);
        part->amount_fen = json_integer_value(json_array_get(item, 1));
        transfer->part_count++;
    }
    json_decref(list);
}

void sim_book_ref(char *ref, int64_t created_us, int64_t seq)
{
    char day[11];
    sim_day_format(day, gw_local_day(created_us));
    (void)snprintf(ref, GW_OPERATOR_REF_MAX + 1, "%.4s%.2s%.2s-%012" PRId64, day, day + 5, day + 8,
                   seq);
}

static json_t *limit_json(int64_t limit_fen)
{
    return limit_fen == SIM_NO_LIMIT ? json_null() : json_integer(limit_fen);
}

static json_t *day_json(int32_t day)
{
    char text[11];
    if (day == INT32_MAX) {
        return json_null();
    }
    sim_day_format(text, day);
    return json_string(text);
}

json_t *sim_book_wallet_json(const struct sim_wallet *wallet)
{
    static const char *const statuses[] = {"active", "frozen", "closed"};
    static const char *const types[] = {"personal", "corporate"};
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:{s:i, s:I}, s:{s:i, s:I}}", "id", wallet->id,
                     "class", sim_class_text(wallet->class_number), "type", types[wallet->type],
                     "status", statuses[wallet->status], "balance_fen",
                     (json_int_t)wallet->balance_fen, "held_fen", (json_int_t)wallet->held_fen,
                     "day", "period", wallet->day.period, "spent_fen",
                     (json_int_t)wallet->day.spent_fen, "year", "period", wallet->year.period,
                     "spent_fen", (json_int_t)wallet->year.spent_fen);
}

json_t *sim_book_mandate_json(const struct sim_mandate *mandate)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:I}", "id", mandate->id,
                     "wallet", mandate->wallet, "gateway", mandate->gateway, "single_fen",
                     limit_json(mandate->single_fen), "day_fen", limit_json(mandate->day_fen),
                     "month_fen", limit_json(mandate->month_fen), "valid_from",
                     day_json(mandate->from_day), "valid_to", day_json(mandate->to_day), "revoked",
                     (int)mandate->revoked, "captured_fen", (json_int_t)mandate->captured_fen,
                     "refunded_fen", (json_int_t)mandate->refunded_fen);
}

json_t *sim_book_order_json(const struct book_order *row)
{
    const struct sim_order *order = &row->order;
    json_t *parts = json_array();
    for (uint32_t i = 0; i < order->asked.part_count; i++) {
        (void)json_array_append_new(parts, json_pack("{s:s, s:I}", "payee",
                                                     order->asked.parts[i].payee, "amount_fen",
                                                     (json_int_t)order->asked.parts[i].amount_fen));
    }
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:I, s:I}", "key", row->key, "kind",
                  order->kind == GW_ORDER_DEBIT ? "debit" : "refund", "state",
                  sim_order_state_text(order->state), "wallet", order->asked.wallet, "mandate",
                  order->asked.mandate, "amount_fen", (json_int_t)order->asked.amount_fen,
                  "captured_fen", (json_int_t)order->captured_fen, "parts", parts, "created_us",
                  (json_int_t)order->created_us, "changed_us", (json_int_t)row->changed_us);
    if (order->state == SIM_ORDER_REFUSED) {
        (void)json_object_set_new(json, "code", json_string(sim_code_text(row->code)));
        (void)json_object_set_new(json, "message", json_string(row->why));
    } else {
        char ref[GW_OPERATOR_REF_MAX + 1];
        sim_book_ref(ref, order->created_us, row->seq);
        (void)json_object_set_new(json, "ref", json_string(ref));
    }
    return json;
}

void sim_book_answer(struct sim_answer *answer, unsigned http_status, json_t *value)
{
    answer->http_status = http_status;
    answer->repeat = false;
    answer->body = json_dumps(value, JSON_COMPACT);
    json_decref(value);
}

void sim_book_answer_code(struct sim_answer *answer, unsigned http_status, enum sim_code code,
                          const char *message)
{
    sim_book_answer(answer, http_status,
                    json_pack("{s:s, s:s}", "code", sim_code_text(code), "message", message));
}
