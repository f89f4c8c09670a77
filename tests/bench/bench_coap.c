/* SPDX-License-Identifier: GPL-3.0-or-later */
/** CoAP over DTLS end to end: meter -> adapter -> core, durable in SQLite -> receipt -> meter, against a
 *  libcoap handler that answers at once, behind the same door (the stronger of the two limits: libcoap as
 *  it comes is told beside it). The meters are a child process with OpenSSL's DTLS.
 *
 *  With one session and with 4,000, a fixed number of messages under way in all. Then the time from a
 *  reading to its receipt at half of that load. Runs alternate; a ratio is the median of its pairs.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/adapters/coap.h"
#include "tests/bench/bench_row.h"
#include "tests/bench/coap_baseline.h"
#include "tests/bench/net_core.h"
#include "tests/support/coap_client.h"

#define PORT 18340
#define PAIRS 3
#define RUN_S 2.0
#define LATENCY_RUN_S 5.0
#define WINDOW 1024u
#define LATENCIES_MAX 1000000u

static struct net_core core;
static struct gw_keys keys;

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench: %s failed: %s\n", what, strerror(errno));
        exit(1);
    }
}

/* ---- the meters (child) ----------------------------------------------------------------------- */

struct command {
    double seconds;
    double rate;  /* messages a second; 0: as fast as answers come */
    bool settled; /* the messages are used up */
};

struct answer {
    uint64_t answered;
    uint64_t failed; /* another code than 2.04 */
    uint64_t lost;   /* no answer within a second */
    bool out_of_messages;
    double seconds;
    double p50_ms, p99_ms, max_ms;
    double cpu_s;
};

struct meter {
    struct coap_client *client;
    uint32_t round;
    uint16_t mid;
    double sent_s; /* of the newest */
};

static struct meter *meters;
static float *latencies_ms;

static bool meter_send(uint32_t n, struct answer *answer)
{
    struct meter *meter = &meters[n];
    uint64_t index = (uint64_t)meter->round * core.load.meters + n;
    char path[40] = "m/";
    uint8_t bytes[COAP_CLIENT_BYTES_MAX];
    if (index >= core.message_count) {
        answer->out_of_messages = true;
        return false;
    }
    (void)mt_name_format(path + 2, &core.load.identities[n]);
    const struct coap_request request = {.type = COAP_CON,
                                         .code = COAP_POST,
                                         .mid = ++meter->mid,
                                         .path = path,
                                         .format = 16,
                                         .observe = -1,
                                         .block_number = -1,
                                         .payload = core.messages[index].bytes,
                                         .payload_len = core.messages[index].len};
    size_t len = coap_request_encode(bytes, sizeof bytes, &request, meter->round);
    must(coap_client_send_bytes(meter->client, bytes, len), "sending");
    meter->round++;
    meter->sent_s = bench_wall_s();
    return true;
}

/* Take what came for a meter. Returns how many answers. */
static uint32_t meter_take(uint32_t n, struct answer *answer)
{
    struct coap_answer got;
    uint32_t count = 0;
    while (coap_client_poll(meters[n].client, &got) == 1) {
        if (got.code == 0) {
            continue; /* an empty acknowledgement: the answer follows */
        }
        answer->failed += got.code != COAP_CODE(2, 4);
        if (answer->answered < LATENCIES_MAX) {
            latencies_ms[answer->answered] = (float)((bench_wall_s() - meters[n].sent_s) * 1000);
        }
        answer->answered++;
        count++;
    }
    return count;
}

static uint32_t take_all(int epoll, int wait_ms, struct answer *answer)
{
    struct epoll_event events[128];
    uint32_t count = 0;
    int n = epoll_wait(epoll, events, 128, wait_ms);
    for (int i = 0; i < n; i++) {
        count += meter_take(events[i].data.u32, answer);
    }
    return count;
}

/* As many under way as the window allows. A second without any answer: those are lost. */
static void run_closed(int epoll, const struct command *command, struct answer *answer)
{
    double begin_s = bench_wall_s();
    double heard_s = begin_s;
    uint32_t under_way = 0;
    uint32_t next = 0;
    while (bench_wall_s() - begin_s < command->seconds && !answer->out_of_messages) {
        while (under_way < WINDOW && meter_send(next, answer)) {
            under_way++;
            next = next + 1 == core.load.meters ? 0 : next + 1;
        }
        uint32_t came = take_all(epoll, 100, answer);
        if (came > 0) {
            heard_s = bench_wall_s();
            under_way -= came < under_way ? came : under_way;
        } else if (bench_wall_s() - heard_s > 1.0) {
            answer->lost += under_way;
            under_way = 0;
            heard_s = bench_wall_s();
        }
    }
    answer->seconds = bench_wall_s() - begin_s;
    while (take_all(epoll, 300, answer) > 0) {
    }
}

/* By the clock, whatever comes back. Each meter has one message under way at most at these rates. */
static void run_paced(int epoll, const struct command *command, struct answer *answer)
{
    double begin_s = bench_wall_s();
    uint64_t sent = 0;
    for (double now_s = begin_s; now_s - begin_s < command->seconds; now_s = bench_wall_s()) {
        uint64_t due = (uint64_t)((now_s - begin_s) * command->rate);
        while (sent < due && meter_send((uint32_t)(sent % core.load.meters), answer)) {
            sent++;
        }
        if (answer->out_of_messages) {
            break;
        }
        (void)take_all(epoll, 1, answer);
    }
    answer->seconds = bench_wall_s() - begin_s;
    while (take_all(epoll, 1000, answer) > 0) {
    }
    answer->lost = sent - answer->answered;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static void latencies_look(struct answer *answer)
{
    uint64_t count = answer->answered < LATENCIES_MAX ? answer->answered : LATENCIES_MAX;
    if (count > 0) {
        qsort(latencies_ms, count, sizeof *latencies_ms, by_size);
        answer->p50_ms = latencies_ms[count / 2];
        answer->p99_ms = latencies_ms[count * 99 / 100];
        answer->max_ms = latencies_ms[count - 1];
    }
}

static void meters_connect(int epoll)
{
    for (uint32_t n = 0; n < core.load.meters; n++) {
        char name[MT_NAME_MAX + 1];
        uint8_t key[MT_KEY_BYTES];
        (void)mt_name_format(name, &core.load.identities[n]);
        net_transport_key(key, &core, n);
        const struct coap_client_config config = {.host = "127.0.0.1",
                                                  .port = PORT,
                                                  .identity = name,
                                                  .key = key,
                                                  .key_len = sizeof key,
                                                  .ciphers = "PSK-AES128-GCM-SHA256",
                                                  .timeout_ms = 10000};
        meters[n].client = coap_client_open(&config);
        must(meters[n].client != NULL, "a handshake");
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = n};
        must(epoll_ctl(epoll, EPOLL_CTL_ADD, coap_client_fd(meters[n].client), &event) == 0,
             "epoll");
    }
}

static void play_meters(int from_parent, int to_parent)
{
    struct command command;
    meters = calloc(core.load.meters, sizeof *meters);
    latencies_ms = calloc(LATENCIES_MAX, sizeof *latencies_ms);
    uint32_t *rounds = calloc(core.load.meters, sizeof *rounds);
    must(meters != NULL && latencies_ms != NULL && rounds != NULL, "memory");
    while (net_pipe_read(from_parent, &command, sizeof command)) {
        struct answer answer = {0};
        double cpu_s = bench_cpu_s();
        int epoll = epoll_create1(0);
        meters_connect(epoll);
        for (uint32_t n = 0; n < core.load.meters; n++) {
            meters[n].round = command.settled ? rounds[n] : 0;
        }
        if (command.rate > 0) {
            run_paced(epoll, &command, &answer);
        } else {
            run_closed(epoll, &command, &answer);
        }
        answer.cpu_s = bench_cpu_s() - cpu_s;
        latencies_look(&answer);
        for (uint32_t n = 0; n < core.load.meters; n++) {
            rounds[n] = command.settled ? meters[n].round : rounds[n];
            coap_client_close(meters[n].client);
        }
        (void)close(epoll);
        net_pipe_write(to_parent, &answer, sizeof answer);
    }
}

/* ---- who is measured -------------------------------------------------------------------------- */

static void ask(struct net_child *child, const struct command *command, struct answer *answer)
{
    net_pipe_write(child->to, command, sizeof *command);
    must(net_pipe_read(child->from, answer, sizeof *answer), "the meters' answer");
}

static double process_cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double baseline_rate(struct net_child *child, bool door)
{
    struct answer answer;
    const struct command command = {.seconds = RUN_S};
    double before_s = process_cpu_s();
    struct coap_baseline *baseline = coap_baseline_start(PORT, door, &keys, core.load.meters + 16);
    ask(child, &command, &answer);
    double all_us = (process_cpu_s() - before_s) * 1e6;
    coap_baseline_stop(baseline);
    must(answer.failed == 0, "answering every message");
    bench_say("  at once: %.1f us a message, meters %.1f us", all_us / (double)answer.answered,
              answer.cpu_s * 1e6 / (double)answer.answered);
    return (double)answer.answered / answer.seconds;
}

static void reply_to(void *adapter, const struct gw_reply *reply)
{
    gw_coap_reply(adapter, reply);
}

static void settle(struct net_child *child, const struct command *command, struct answer *answer)
{
    struct gw_coap *coap;
    char why[GW_COAP_WHY_BYTES] = "";
    const struct gw_coap_config config = {.address = "127.0.0.1",
                                          .port = PORT,
                                          .sessions_max = core.load.meters + 16,
                                          .keys_max = core.load.meters,
                                          .per_session_max = WINDOW,
                                          .queue_bytes = (size_t)4 << 20,
                                          .filled = &core.bell};
    if (gw_coap_open(&coap, why, &config) != GW_OK) {
        must(false, why);
    }
    for (uint32_t n = 0; n < core.load.meters; n++) {
        char name[MT_NAME_MAX + 1];
        uint8_t key[MT_KEY_BYTES];
        size_t len = mt_name_format(name, &core.load.identities[n]);
        net_transport_key(key, &core, n);
        must(gw_coap_add_key(coap, name, len, key), "a key");
    }
    net_core_start(&core, gw_coap_inbox(coap), coap, reply_to);
    uint64_t commits = atomic_load(&core.commits);
    uint64_t taken = atomic_load(&core.taken);
    double before_s = process_cpu_s();
    uint64_t core_us = atomic_load(&core.cpu_us);
    ask(child, command, answer);
    commits = atomic_load(&core.commits) - commits;
    bench_say("  %.0f/s, %llu lost, %.0f a commit, p50 %.1f ms, p99 %.1f ms, longest %.1f ms",
              (double)answer->answered / answer->seconds, (unsigned long long)answer->lost,
              (double)(atomic_load(&core.taken) - taken) / (double)(commits > 0 ? commits : 1),
              answer->p50_ms, answer->p99_ms, answer->max_ms);
    net_core_stop(&core);
    double all_us = (process_cpu_s() - before_s) * 1e6;
    double settled = (double)(atomic_load(&core.taken) - taken);
    core_us = atomic_load(&core.cpu_us) - core_us;
    bench_say("  processor time a message, with the handshakes: core %.1f us, the rest %.1f us, "
              "meters %.1f us",
              (double)core_us / settled, (all_us - (double)core_us) / settled,
              answer->cpu_s * 1e6 / settled);
    gw_coap_close(coap);
    must(answer->failed == 0, "settling every message");
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, PAIRS, sizeof *values, by_value);
    return values[PAIRS / 2];
}

static void latency_row(struct net_child *child, double rate)
{
    struct answer answer;
    char figure[64];
    char distance[32];
    const struct command command = {.seconds = LATENCY_RUN_S, .rate = rate, .settled = true};
    settle(child, &command, &answer);
    (void)snprintf(figure, sizeof figure, "p99 %.1f ms, longest %.1f ms", answer.p99_ms,
                   answer.max_ms);
    (void)snprintf(distance, sizeof distance, "%.0f/s", (double)answer.answered / answer.seconds);
    bench_row("reading in to receipt out, CoAP, 4,000 sessions", figure, "half of that load",
              distance, "p99 20 ms, none above 100 ms",
              answer.p99_ms <= 20.0 && answer.max_ms <= 100.0 && answer.lost == 0);
    printf("{\"bench\":\"coap_latency\",\"rate_per_s\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
           "\"max_ms\":%.2f,\"lost\":%llu}\n",
           (double)answer.answered / answer.seconds, answer.p50_ms, answer.p99_ms, answer.max_ms,
           (unsigned long long)answer.lost);
}

static void keys_fill(uint32_t sessions)
{
    must(gw_keys_init(&keys, sessions), "memory");
    for (uint32_t n = 0; n < sessions; n++) {
        char name[MT_NAME_MAX + 1];
        uint8_t key[MT_KEY_BYTES];
        size_t len = mt_name_format(name, &core.load.identities[n]);
        net_transport_key(key, &core, n);
        must(gw_keys_put(&keys, name, len, key), "a key");
    }
}

/** Messages a second. */
struct rates {
    double at_once, settled;
};

/* One number of sessions. */
static void measure(struct rates *rates, uint32_t sessions, uint32_t rounds, bool latency)
{
    double answers[PAIRS];
    double settles[PAIRS];
    double ratios[PAIRS];
    struct net_child child;
    struct answer answer = {0};
    const struct command command = {.seconds = RUN_S, .settled = true};
    net_core_open(&core, sessions, rounds);
    core.in_flight_max = WINDOW * 2;
    keys_fill(sessions);
    net_child_begin(&child, play_meters);
    for (int i = 0; i < PAIRS; i++) {
        answers[i] = baseline_rate(&child, true);
        settle(&child, &command, &answer);
        settles[i] = (double)answer.answered / answer.seconds;
        ratios[i] = settles[i] / answers[i];
        bench_say("coap, %u sessions: answered at once %.0f/s, settled %.0f/s, ratio %.2f%s",
                  sessions, answers[i], settles[i], ratios[i],
                  answer.out_of_messages ? " (ran out of messages)" : "");
    }
    bench_say("coap, %u sessions: libcoap as it comes answers %.0f/s", sessions,
              baseline_rate(&child, false));
    char title[96];
    char figure[32];
    char against[64];
    char ratio[16];
    double middle = median(ratios);
    double settled = median(settles);
    (void)snprintf(title, sizeof title, "CoAP DTLS-PSK end to end, %u session%s", sessions,
                   sessions == 1 ? "" : "s");
    (void)snprintf(figure, sizeof figure, "%.0f/s", settled);
    (void)snprintf(against, sizeof against, "libcoap answering at once, %.0f/s", median(answers));
    (void)snprintf(ratio, sizeof ratio, "%.2f", middle);
    bench_row(title, figure, against, ratio, "0.7", middle >= 0.7);
    printf("{\"bench\":\"coap\",\"sessions\":%u,\"settled_per_s\":%.0f,\"at_once_per_s\":%.0f,"
           "\"ratio\":%.3f}\n",
           sessions, settled, median(answers), middle);
    if (latency) {
        latency_row(&child, settled / 2);
    }
    net_child_end(&child);
    gw_keys_deinit(&keys);
    net_core_close(&core);
    rates->settled = settled;
    rates->at_once = median(answers);
}

int main(void)
{
    struct rlimit limit = {16384, 16384};
    struct rates one;
    struct rates many;
    char figure[48];
    char against[48];
    char ratio[16];
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    measure(&one, 1, 800000, false);
    measure(&many, 4000, 200, true);
    /* Four thousand TLS states do not fit into the processor's caches, on either side: the limit falls
     * too. What must not be is a cost that grows with the sessions beyond that. */
    double flat = many.settled / one.settled;
    double limit_flat = many.at_once / one.at_once;
    (void)snprintf(figure, sizeof figure, "%.2f of its rate with one", flat);
    (void)snprintf(against, sizeof against, "the handler that answers at once, %.2f", limit_flat);
    (void)snprintf(ratio, sizeof ratio, "%.2f", flat / limit_flat);
    bench_row("CoAP, 4,000 sessions against one", figure, against, ratio, "flat: 0.9",
              flat / limit_flat >= 0.9);
    return 0;
}
