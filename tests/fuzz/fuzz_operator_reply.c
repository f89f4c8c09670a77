/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a reply of the wallet operator: money counts as taken only when the reply itself names
 * the order, its amount and a reference. The first byte chooses what was asked and the HTTP status;
 * the rest is the body, and once more the lines of a statement.
 */
#define _GNU_SOURCE /* memmem */
#include <stdint.h>
#include <string.h>

#include "gateway/adapters/operator_reply.h"

static void judge(uint8_t choice, const char *body, size_t len)
{
    static const long statuses[] = {200, 400, 401, 404, 409, 422, 500, 0};
    struct gw_operator_judgement judgement;
    struct gw_order_request request = {
        .number = 7,
        .key = "gw1-7",
        .action = (choice & 8) != 0 ? GW_ORDER_DO_ASK : GW_ORDER_DO_SEND,
        .kind = (choice & 16) != 0 ? GW_ORDER_REFUND : GW_ORDER_DEBIT,
        .amount_fen = 100,
        .wallet = "w1",
        .mandate = "m1",
    };
    gw_operator_judge(&judgement, &request, statuses[choice & 7], body, len);
    const struct gw_order_result *result = &judgement.result;
    bool done = result->event == GW_ORDER_EV_DONE;
    bool refused = result->event == GW_ORDER_EV_REFUSED;
    MT_CHECK(result->number == 7);
    MT_CHECK(done == (result->operator_ref[0] != '\0'));
    MT_CHECK(refused == (result->refusal != GW_REFUSAL_NONE));
    MT_CHECK(!done || memmem(body, len, "100", 3) != NULL);
    MT_CHECK(strlen(judgement.why) < sizeof judgement.why);
}

static void add_up(const char *text, size_t len)
{
    struct gw_statement_sum sum = {0};
    struct gw_statement_row row;
    struct gw_statement_end end;
    int64_t sum_fen = 0;
    while (len > 0) {
        const char *feed = memchr(text, '\n', len);
        size_t line = feed == NULL ? len : (size_t)(feed - text);
        enum gw_status status = gw_statement_line(&sum, &row, &end, text, line);
        if (status == GW_OK) {
            MT_CHECK(row.amount_fen > 0 && row.seq == sum.last_seq && row.part_count >= 1);
            int64_t parts_fen = 0;
            for (uint32_t i = 0; i < row.part_count; i++) {
                parts_fen += row.parts[i].amount_fen;
            }
            MT_CHECK(parts_fen == row.amount_fen);
            sum_fen += row.kind == GW_ORDER_DEBIT ? row.amount_fen : 0;
        } else {
            MT_CHECK(status == GW_CORRUPT || end.debit_fen == sum_fen);
            return;
        }
        len -= feed == NULL ? line : line + 1;
        text += feed == NULL ? line : line + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        judge(data[0], (const char *)data + 1, size - 1);
        add_up((const char *)data + 1, size - 1);
    }
    return 0;
}
