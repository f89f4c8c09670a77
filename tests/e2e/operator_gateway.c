/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The gateway's adapter gw_operator as a program, driven by lines, for operator_adapter.py.
 *
 *      operator_gateway URL FOLDER GATEWAY-ID TIMEOUT-MS CONCURRENCY [CLOCK-FILE]
 *
 *  Reads commands from standard input, writes one line for each thing that happens:
 *
 *      send|ask NUMBER debit|refund AMOUNT WALLET MANDATE   result NUMBER EVENT REFUSAL REF
 *      statement DAY-NUMBER AFTER                           row ... / end STATUS CLOSED LAST ...
 *      load FIRST COUNT AMOUNT WALLETS                      a result for each
 *      counts                                               counts SENT ASKED DONE REFUSED UNKNOWN ...
 *      problem                                              problem TEXT
 *      quit                                                 closed MILLISECONDS
 *
 *  Keys are GATEWAY-ID-NUMBER; the amount is split 1/3 water, the rest grid. load sends that many
 *  debits from wallets w0, w1, ... by mandates m0, m1, ... as fast as the adapter takes them.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/adapters/operator_https.h"

#define LINE_BYTES 512

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static const char *const event_names[] = {
    [GW_ORDER_EV_TIMER] = "timer",     [GW_ORDER_EV_DONE] = "done",
    [GW_ORDER_EV_REFUSED] = "refused", [GW_ORDER_EV_NO_ANSWER] = "no_answer",
    [GW_ORDER_EV_UNKNOWN] = "unknown", [GW_ORDER_EV_RESTART] = "restart",
};

static void say(const char *text)
{
    (void)pthread_mutex_lock(&output);
    (void)puts(text);
    (void)fflush(stdout);
    (void)pthread_mutex_unlock(&output);
}

static void deliver(void *arg, const struct gw_order_result *result)
{
    char line[LINE_BYTES];
    (void)arg;
    (void)snprintf(line, sizeof line, "result %" PRIu64 " %s %d %s", result->number,
                   event_names[result->event], (int)result->refusal,
                   result->operator_ref[0] == '\0' ? "-" : result->operator_ref);
    say(line);
}

static void take_row(void *arg, const struct gw_statement_row *row)
{
    char line[LINE_BYTES];
    (void)arg;
    (void)snprintf(line, sizeof line, "row %" PRIu64 " %s %s %" PRId64 " %s %s %u %s", row->seq,
                   row->key, row->kind == GW_ORDER_DEBIT ? "debit" : "refund", row->amount_fen,
                   row->wallet, row->mandate, row->part_count, row->operator_ref);
    say(line);
}

static void take_end(void *arg, const struct gw_statement_end *end)
{
    char line[LINE_BYTES];
    (void)arg;
    (void)snprintf(line, sizeof line,
                   "end %d %d %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRIu64 " %" PRId64,
                   (int)end->status, (int)end->closed, end->last_seq, end->debit_count,
                   end->debit_fen, end->refund_count, end->refund_fen);
    say(line);
}

static void fill(struct gw_order_request *request, const char *gateway, uint64_t number,
                 int64_t amount_fen)
{
    memset(request, 0, sizeof *request);
    request->number = number;
    request->action = GW_ORDER_DO_SEND;
    request->amount_fen = amount_fen;
    (void)snprintf(request->key, sizeof request->key, "%.16s-%" PRIu64, gateway, number);
    request->part_count = amount_fen >= 3 ? 2 : 1;
    (void)strcpy(request->parts[0].payee, "grid");
    (void)strcpy(request->parts[1].payee, "water");
    request->parts[1].amount_fen = amount_fen / 3;
    request->parts[0].amount_fen = amount_fen - amount_fen / 3;
}

static void hand_over(struct gw_operator *op, const struct gw_order_request *request)
{
    struct timespec pause = {0, 200000};
    while (gw_operator_send(op, request) == GW_FULL) {
        (void)nanosleep(&pause, NULL);
    }
}

static void load(struct gw_operator *op, const char *gateway, const char *line)
{
    struct gw_order_request request;
    uint64_t first = 0;
    uint64_t count = 0;
    int64_t amount_fen = 0;
    unsigned wallets = 1;
    if (sscanf(line, "load %" SCNu64 " %" SCNu64 " %" SCNd64 " %u", &first, &count, &amount_fen,
               &wallets) != 4 ||
        wallets == 0) {
        say("error load");
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        fill(&request, gateway, first + i, amount_fen);
        (void)snprintf(request.wallet, sizeof request.wallet, "w%u", (unsigned)(i % wallets));
        (void)snprintf(request.mandate, sizeof request.mandate, "m%u", (unsigned)(i % wallets));
        hand_over(op, &request);
    }
}

static void one(struct gw_operator *op, const char *gateway, const char *line)
{
    struct gw_order_request request;
    char action[8];
    char kind[8];
    char wallet[GW_WALLET_ID_MAX + 1];
    char mandate[GW_MANDATE_ID_MAX + 1];
    uint64_t number = 0;
    int64_t amount_fen = 0;
    if (sscanf(line, "%7s %" SCNu64 " %7s %" SCNd64 " %32s %32s", action, &number, kind,
               &amount_fen, wallet, mandate) != 6) {
        say("error order");
        return;
    }
    fill(&request, gateway, number, amount_fen);
    request.action = strcmp(action, "ask") == 0 ? GW_ORDER_DO_ASK : GW_ORDER_DO_SEND;
    request.kind = strcmp(kind, "refund") == 0 ? GW_ORDER_REFUND : GW_ORDER_DEBIT;
    memcpy(request.wallet, wallet, sizeof request.wallet);
    memcpy(request.mandate, mandate, sizeof request.mandate);
    hand_over(op, &request);
}

static void statement(struct gw_operator *op, const char *line)
{
    struct gw_statement_request request = {.row = take_row, .end = take_end};
    if (sscanf(line, "statement %" SCNd32 " %" SCNu64, &request.day, &request.after) != 2) {
        say("error statement");
    } else if (gw_operator_statement(op, &request) != GW_OK) {
        say("busy");
    }
}

static void counts(struct gw_operator *op)
{
    struct gw_operator_counts now;
    char line[LINE_BYTES];
    gw_operator_counts(op, &now);
    (void)snprintf(line, sizeof line,
                   "counts %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                   " %" PRIu64 " %" PRIu64 " %u %u",
                   now.sent_count, now.asked_count, now.done_count, now.refused_count,
                   now.unknown_count, now.no_answer_count, now.trust_count, now.garbled_count,
                   now.queued_count, now.flying_count);
    say(line);
}

static void obey(struct gw_operator *op, const char *gateway, const char *line)
{
    char text[GW_OPERATOR_PROBLEM_BYTES + 16];
    if (strncmp(line, "load ", 5) == 0) {
        load(op, gateway, line);
    } else if (strncmp(line, "statement ", 10) == 0) {
        statement(op, line);
    } else if (strncmp(line, "counts", 6) == 0) {
        counts(op);
    } else if (strncmp(line, "problem", 7) == 0) {
        (void)strcpy(text, "problem ");
        gw_operator_problem(op, text + strlen(text));
        say(text);
    } else {
        one(op, gateway, line);
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    char problem[GW_CLOCK_ERROR_BYTES > GW_OPERATOR_PROBLEM_BYTES ? GW_CLOCK_ERROR_BYTES
                                                                  : GW_OPERATOR_PROBLEM_BYTES];
    char files[4][512];
    char line[LINE_BYTES];
    static const char *const names[] = {"operator-ca.pem", "operator-client.pem",
                                        "operator-client.key", "operator-sign.key"};
    struct gw_clock clock;
    struct gw_operator *op = NULL;
    if (argc < 6 || gw_clock_open(&clock, problem, argc > 6 ? argv[6] : NULL) != GW_OK) {
        (void)fprintf(stderr,
                      "operator_gateway: URL FOLDER GATEWAY-ID TIMEOUT-MS CONCURRENCY [CLOCK]\n");
        return 2;
    }
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(files[i], sizeof files[i], "%s/%s", argv[2], names[i]);
    }
    struct gw_operator_config config = {
        .base_url = argv[1],
        .ca_file = files[0],
        .certificate_file = files[1],
        .key_file = files[2],
        .signing_key_file = files[3],
        .gateway_id = argv[3],
        .timeout_ms = (uint32_t)strtoul(argv[4], NULL, 10),
        .concurrency_max = (uint32_t)strtoul(argv[5], NULL, 10),
        .queue_max = 64,
        .clock = &clock,
        .deliver = deliver,
    };
    if (gw_operator_open(&op, problem, &config) != GW_OK) {
        (void)fprintf(stderr, "operator_gateway: %s\n", problem);
        return 1;
    }
    say("open");
    while (fgets(line, sizeof line, stdin) != NULL && strncmp(line, "quit", 4) != 0) {
        obey(op, argv[3], line);
    }
    int64_t began_ms = now_ms();
    gw_operator_close(op);
    (void)printf("closed %" PRId64 "\n", now_ms() - began_ms);
    return 0;
}
