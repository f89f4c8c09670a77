/* SPDX-License-Identifier: GPL-3.0-or-later */
/** MQTT end to end: meters -> Mosquitto -> adapter -> core, durable in SQLite -> receipt -> Mosquitto ->
 *  meters, against a subscriber of the same broker that discards what it gets.
 *
 *  The meters are a child process: plain sockets, one connection a meter. Two shapes: meters with a
 *  backlog, which send 64 ahead (receipts are cumulative, so few are needed), and meters that wait for
 *  each receipt before they go on (as many receipts as messages). The second is also held against a
 *  subscriber that answers each message at once, so that the broker has the same work. Then the time from
 *  a reading to its receipt at half of the first load. The broker has no TLS here: it is the adapter that is
 *  measured. Whoever is measured, gateway or other subscriber, has the broker's Unix socket
 *  (mqtt.socket of the configuration). Runs alternate; a ratio is the median of the pairs.
 */
#include <errno.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/adapters/mqtt.h"
#include "gateway/adapters/mqtt_wire.h"
#include "meters/cose.h"
#include "meters/message.h"
#include "tests/bench/bench_row.h"
#include "tests/bench/net_core.h"

#define PORT 18330
#define PAIRS 5
#define RUN_S 2.0
#define WARM_S 0.4
#define OUT_BYTES 16384u
#define IN_BYTES 4096u
#define WINDOW_MAX 64u
#define LATENCY_RUN_S 6.0
#define LATENCIES_MAX 1000000u
#define RECEIPT_BYTES 48u
#define PACED_BURST 8u /* messages that a meter sends in one go */

static struct net_core core;
static _Atomic uint64_t *discarded; /* by the other subscriber; the meters see it, too */

/* ---- the meters (child) ----------------------------------------------------------------------- */

struct command {
    uint32_t window; /* 0: no receipts are waited for */
    bool settled;    /* the messages are used up */
    double rate;     /* messages a second; 0: as fast as the window allows */
    double seconds;
};

struct answer {
    uint64_t sent; /* within the window */
    uint64_t receipts;
    bool out_of_messages;
    uint64_t lost; /* of a paced run: without a receipt at the end */
    double p50_ms, p99_ms, max_ms;
};

struct meter {
    int fd;
    uint32_t next_round;  /* to send */
    uint32_t done_rounds; /* known to be durable */
    char topic[64];
    uint8_t down_key[MT_KEY_BYTES];
    double sent_s[WINDOW_MAX]; /* of round r at r % WINDOW_MAX, in a paced run */
    size_t out_len, out_start, in_len;
    uint8_t out[OUT_BYTES];
    uint8_t in[IN_BYTES];
};

static struct meter *meters;
static float *latencies_ms;
static uint32_t latency_count;

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench: %s failed: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void send_whole(int fd, const uint8_t *bytes, size_t len)
{
    must(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len, "sending to the broker");
}

/* MQTT 3.1.1, 3.1 and 3.8: connect with a clean session, and subscribe to the topic down. */
static void meter_connect(struct meter *meter, uint32_t n, const struct command *command)
{
    uint8_t packet[160];
    char name[MT_NAME_MAX + 1];
    char down[64];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(PORT),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int one = 1;
    meter->fd = socket(AF_INET, SOCK_STREAM, 0);
    must(meter->fd >= 0 && connect(meter->fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    (void)setsockopt(meter->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    uint8_t len = (uint8_t)mt_name_format(name, &core.load.identities[n]);
    static const uint8_t head[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0};
    packet[0] = 0x10;
    packet[1] = (uint8_t)(sizeof head + 1 + len);
    memcpy(packet + 2, head, sizeof head);
    packet[2 + sizeof head] = len;
    memcpy(packet + 3 + sizeof head, name, len);
    send_whole(meter->fd, packet, 3 + sizeof head + len);
    uint8_t back[8];
    must(recv(meter->fd, back, 4, MSG_WAITALL) == 4 && back[3] == 0, "CONNACK");
    (void)snprintf(meter->topic, sizeof meter->topic, "meterpay/%s/%s/up",
                   command->settled ? "bench" : "waste", name);
    if (command->window > 0) {
        int n_down = snprintf(down, sizeof down, "meterpay/bench/%s/down", name);
        packet[0] = 0x82;
        packet[1] = (uint8_t)(2 + 2 + n_down + 1);
        packet[2] = 0;
        packet[3] = 1;
        packet[4] = 0;
        packet[5] = (uint8_t)n_down;
        memcpy(packet + 6, down, (size_t)n_down);
        packet[6 + n_down] = 0;
        send_whole(meter->fd, packet, (size_t)n_down + 7);
        must(recv(meter->fd, back, 5, MSG_WAITALL) == 5 && back[4] == 0, "SUBACK");
    }
}

static bool used_up; /* by settling: no message may go twice */

static void queue(struct meter *meter, uint32_t n, struct answer *answer)
{
    uint64_t index = (uint64_t)meter->next_round * core.load.meters + n;
    if (index >= core.message_count && used_up) {
        answer->out_of_messages = true;
        return;
    }
    /* What nobody settles may go again and again. */
    const struct net_message *message = &core.messages[index % core.message_count];
    const struct gw_wire_publish publish = {.topic = meter->topic,
                                            .topic_len = strlen(meter->topic),
                                            .payload = message->bytes,
                                            .payload_len = message->len};
    size_t put = gw_wire_put(meter->out + meter->out_len, OUT_BYTES - meter->out_len, &publish);
    meter->out_len += put;
    meter->next_round += put > 0;
    answer->sent += put > 0;
}

/* Send as far as the window and the socket allow. Returns false when the socket is full. */
static bool meter_send(struct meter *meter, uint32_t n, uint32_t window, struct answer *answer)
{
    uint32_t ahead = window > 0 ? window : 16;
    for (;;) {
        if (meter->out_start == meter->out_len) {
            meter->out_start = meter->out_len = 0;
            uint32_t base = window > 0 ? meter->done_rounds : meter->next_round;
            while (meter->next_round - base < ahead && meter->out_len < OUT_BYTES - 512 &&
                   !answer->out_of_messages) {
                queue(meter, n, answer);
            }
            if (meter->out_len == 0) {
                return true;
            }
        }
        ssize_t put = send(meter->fd, meter->out + meter->out_start,
                           meter->out_len - meter->out_start, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0) {
            must(errno == EAGAIN, "sending");
            return false;
        }
        meter->out_start += (size_t)put;
        if (window == 0) {
            return meter->out_start == meter->out_len; /* the next meter's turn */
        }
    }
}

static void done_up_to(struct meter *meter, uint32_t round, const struct command *command)
{
    double now_s = command->rate > 0 ? bench_wall_s() : 0;
    while (meter->done_rounds < round) {
        if (command->rate > 0 && latency_count < LATENCIES_MAX) {
            double sent_s = meter->sent_s[meter->done_rounds % WINDOW_MAX];
            latencies_ms[latency_count++] = (float)((now_s - sent_s) * 1000);
        }
        meter->done_rounds++;
    }
}

/* A receipt: which records are durable. A meter with one message under way need not look, and an answer that
 * is no receipt stands for one message. */
static void receipt_take(struct meter *meter, uint32_t n, const struct command *command,
                         const struct gw_wire_publish *publish)
{
    if (command->window == 1 || !command->settled) {
        meter->done_rounds += meter->done_rounds < meter->next_round;
        return;
    }
    struct mt_cose_encrypt0 shape;
    struct mt_downlink downlink;
    uint8_t plain[128];
    size_t plain_len = 0;
    if (mt_cose_parse(&shape, publish->payload, publish->payload_len) == MT_OK &&
        mt_cose_open(plain, &plain_len, sizeof plain, &shape, meter->down_key,
                     &core.load.identities[n]) == MT_OK &&
        mt_downlink_decode(&downlink, plain, plain_len) == MT_OK && !downlink.is_command) {
        done_up_to(meter, (uint32_t)downlink.receipt.next_seq - 1, command);
    }
}

static void meter_read(struct meter *meter, uint32_t n, const struct command *command,
                       struct answer *answer)
{
    ssize_t got =
        recv(meter->fd, meter->in + meter->in_len, IN_BYTES - meter->in_len, MSG_DONTWAIT);
    if (got <= 0) {
        must(got < 0 && errno == EAGAIN, "reading");
        return;
    }
    meter->in_len += (size_t)got;
    size_t at = 0;
    struct gw_wire_publish publish;
    while (gw_wire_next(&publish, meter->in + at, meter->in_len - at) == GW_WIRE_PUBLISH) {
        receipt_take(meter, n, command, &publish);
        answer->receipts++;
        at += publish.packet_len;
    }
    meter->in_len -= at;
    memmove(meter->in, meter->in + at, meter->in_len);
}

static void run_closed(int epoll, const struct command *command, struct answer *answer)
{
    double end_s = bench_wall_s() + command->seconds;
    for (uint32_t n = 0; n < core.load.meters; n++) {
        meters[n].done_rounds =
            meters[n].next_round; /* whatever an earlier run left is forgotten */
        (void)meter_send(&meters[n], n, command->window, answer);
    }
    int count = 1;
    while (count > 0) { /* at the end, until nothing comes any more: no record is left unsettled */
        struct epoll_event events[256];
        bool sending = bench_wall_s() < end_s && !answer->out_of_messages;
        count = epoll_wait(epoll, events, 256, 300);
        for (int i = 0; i < count; i++) {
            uint32_t n = events[i].data.u32;
            meter_read(&meters[n], n, command, answer);
            if (sending) {
                (void)meter_send(&meters[n], n, command->window, answer);
            }
        }
    }
}

/* As much under way as when receipts hold the meters back, and no more: a flood would have the broker read
 * what it then drops, and the limit would be lower than it is. */
static void run_open(const struct command *command, struct answer *answer)
{
    double end_s = bench_wall_s() + command->seconds;
    uint64_t before = atomic_load(discarded);
    while (bench_wall_s() < end_s) {
        for (uint32_t n = 0; n < core.load.meters; n++) {
            if (answer->sent - (atomic_load(discarded) - before) >= core.in_flight_max) {
                (void)poll(NULL, 0, 1);
                break;
            }
            (void)meter_send(&meters[n], n, 0, answer);
        }
    }
}

/* By the clock, each meter in its turn, whatever comes back. */
static void run_paced(int epoll, const struct command *command, struct answer *answer)
{
    double begin_s = bench_wall_s();
    struct epoll_event events[256];
    latency_count = 0;
    for (double now_s = begin_s; now_s - begin_s < command->seconds; now_s = bench_wall_s()) {
        uint64_t due = (uint64_t)((now_s - begin_s) * command->rate);
        while (answer->sent < due && !answer->out_of_messages) {
            uint32_t n = (uint32_t)(answer->sent / PACED_BURST % core.load.meters);
            struct meter *meter = &meters[n];
            if (meter->next_round - meter->done_rounds > WINDOW_MAX - PACED_BURST) {
                break; /* its turn comes when it has heard something */
            }
            for (unsigned i = 0; i < PACED_BURST; i++) {
                meter->sent_s[meter->next_round % WINDOW_MAX] = bench_wall_s();
                queue(meter, n, answer);
            }
            must(send(meter->fd, meter->out, meter->out_len, MSG_NOSIGNAL) ==
                     (ssize_t)meter->out_len,
                 "sending");
            meter->out_len = 0;
        }
        int count = epoll_wait(epoll, events, 256, 1);
        for (int i = 0; i < count; i++) {
            meter_read(&meters[events[i].data.u32], events[i].data.u32, command, answer);
        }
    }
    int count = 1;
    while (count > 0) {
        count = epoll_wait(epoll, events, 256, 1000);
        for (int i = 0; i < count; i++) {
            meter_read(&meters[events[i].data.u32], events[i].data.u32, command, answer);
        }
    }
    answer->lost = answer->sent - latency_count;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static void latencies_look(struct answer *answer)
{
    if (latency_count > 0) {
        qsort(latencies_ms, latency_count, sizeof *latencies_ms, by_size);
        answer->p50_ms = latencies_ms[latency_count / 2];
        answer->p99_ms = latencies_ms[(uint64_t)latency_count * 99 / 100];
        answer->max_ms = latencies_ms[latency_count - 1];
    }
}

static void play_meters(int from_parent, int to_parent)
{
    struct command command;
    uint32_t count = core.load.meters;
    meters = calloc(count, sizeof *meters);
    uint32_t *rounds = calloc(count, sizeof *rounds);
    latencies_ms = calloc(LATENCIES_MAX, sizeof *latencies_ms);
    must(meters != NULL && rounds != NULL && latencies_ms != NULL, "memory");
    while (net_pipe_read(from_parent, &command, sizeof command)) {
        struct answer answer = {0};
        int epoll = epoll_create1(0);
        for (uint32_t n = 0; n < count; n++) {
            memset(&meters[n], 0, offsetof(struct meter, out));
            net_down_key(meters[n].down_key, &core, n);
            meter_connect(&meters[n], n, &command);
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = n};
            must(epoll_ctl(epoll, EPOLL_CTL_ADD, meters[n].fd, &event) == 0, "epoll");
            meters[n].next_round = meters[n].done_rounds = command.settled ? rounds[n] : 0;
        }
        used_up = command.settled;
        if (command.rate > 0) {
            run_paced(epoll, &command, &answer);
            latencies_look(&answer);
        } else if (command.window > 0) {
            run_closed(epoll, &command, &answer);
        } else {
            run_open(&command, &answer);
        }
        for (uint32_t n = 0; n < count; n++) {
            rounds[n] = command.settled ? meters[n].next_round : rounds[n];
            (void)close(meters[n].fd);
        }
        (void)close(epoll);
        net_pipe_write(to_parent, &answer, sizeof answer);
    }
}

/* ---- the broker ------------------------------------------------------------------------------- */

static pid_t broker_pid;

/* Processor time of a process, in microseconds, to a hundredth of a second: proc(5). */
static double cpu_us_of(pid_t pid)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system) != 2) {
        user = system = 0;
    }
    fclose(file);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* The link of whoever is measured: the listener that gw_broker_write gives the gateway. */
static const char *broker_socket(void)
{
    static char path[96];
    (void)snprintf(path, sizeof path, "%s/broker.sock", core.directory);
    return path;
}

static pid_t broker_begin(void)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/mosquitto.conf", core.directory);
    FILE *file = fopen(path, "w");
    must(file != NULL, path);
    fprintf(file,
            "user root\nlistener %d 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "listener 0 %s\n"
            "set_tcp_nodelay true\nsys_interval 0\nmax_queued_messages 20000\nlog_dest none\n",
            PORT, broker_socket());
    fclose(file);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive us and serve the next run */
        execlp("mosquitto", "mosquitto", "-c", path, (char *)NULL);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", path, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void broker_end(pid_t pid)
{
    char path[96];
    int status;
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, &status, 0);
    (void)snprintf(path, sizeof path, "%s/mosquitto.conf", core.directory);
    (void)unlink(path);
    (void)unlink(broker_socket());
}

/* ---- who is measured -------------------------------------------------------------------------- */

static void on_message(struct mosquitto *client, void *self,
                       const struct mosquitto_message *message)
{
    (void)client;
    (void)self;
    (void)message;
    atomic_fetch_add_explicit(discarded, 1, memory_order_relaxed);
}

/* As many bytes as a receipt has, to whom it came from. */
static void on_message_answer(struct mosquitto *client, void *self,
                              const struct mosquitto_message *message)
{
    static const uint8_t nothing[RECEIPT_BYTES];
    static const char prefix[] = "meterpay/waste/";
    char topic[64];
    (void)self;
    const char *name = message->topic + sizeof prefix - 1;
    (void)snprintf(topic, sizeof topic, "meterpay/bench/%.*s/down", (int)strcspn(name, "/"), name);
    must(mosquitto_publish(client, NULL, topic, sizeof nothing, nothing, 0, false) ==
             MOSQ_ERR_SUCCESS,
         "answering");
    atomic_fetch_add_explicit(discarded, 1, memory_order_relaxed);
}

/* Messages a second between warm-up and end, by a counter that grows. */
static double rate_of(struct net_child *child, const struct command *command,
                      _Atomic uint64_t *counter, struct answer *answer)
{
    net_pipe_write(child->to, command, sizeof *command);
    struct pollfd p = {.fd = child->from, .events = POLLIN};
    /* The meters connect first: time begins when something arrives. */
    uint64_t idle = atomic_load(counter);
    while (atomic_load(counter) == idle && poll(&p, 1, 1) == 0) {
    }
    (void)poll(&p, 1, (int)(WARM_S * 1000));
    uint64_t before = atomic_load(counter);
    double cpu_us[3] = {cpu_us_of(getpid()), cpu_us_of(broker_pid), cpu_us_of(child->pid)};
    double begin_s = bench_wall_s();
    (void)poll(&p, 1, (int)((command->seconds - 2 * WARM_S) * 1000));
    double count = (double)(atomic_load(counter) - before);
    double rate = count / (bench_wall_s() - begin_s);
    bench_say("  processor time a message: this process %.1f us, broker %.1f us, meters %.1f us",
              (cpu_us_of(getpid()) - cpu_us[0]) / count,
              (cpu_us_of(broker_pid) - cpu_us[1]) / count,
              (cpu_us_of(child->pid) - cpu_us[2]) / count);
    must(net_pipe_read(child->from, answer, sizeof *answer), "the meters' answer");
    return rate;
}

/* A subscriber on libmosquitto that discards (window 0), or answers each message at once. */
static double subscriber_rate(struct net_child *child, uint32_t window)
{
    struct answer answer;
    const struct command command = {.window = window, .seconds = RUN_S};
    struct mosquitto *client = mosquitto_new("discards", true, NULL);
    must(client != NULL, "a client");
    mosquitto_message_callback_set(client, window > 0 ? on_message_answer : on_message);
    must(mosquitto_connect(client, broker_socket(), 0, 60) == MOSQ_ERR_SUCCESS, "connecting");
    must(mosquitto_subscribe(client, NULL, "meterpay/waste/+/up", 0) == MOSQ_ERR_SUCCESS, "asking");
    must(mosquitto_loop_start(client) == MOSQ_ERR_SUCCESS, "a thread");
    double rate = rate_of(child, &command, discarded, &answer);
    (void)mosquitto_disconnect(client);
    (void)mosquitto_loop_stop(client, false);
    mosquitto_destroy(client);
    return rate;
}

static void reply_to(void *adapter, const struct gw_reply *reply)
{
    gw_mqtt_reply(adapter, reply);
}

static struct gw_mqtt *adapter_open(void)
{
    struct gw_mqtt *mqtt;
    const struct gw_mqtt_config config = {.unix_socket = broker_socket(),
                                          .site = "bench",
                                          .client_id = "settles",
                                          .queue_bytes = (size_t)8 << 20,
                                          .filled = &core.bell};
    must(gw_mqtt_open(&mqtt, &config) == GW_OK, "the adapter");
    net_core_start(&core, gw_mqtt_inbox(mqtt), mqtt, reply_to);
    struct gw_mqtt_state state = {0};
    for (int i = 0; i < 1000 && !state.connected; i++) {
        (void)poll(NULL, 0, 5);
        gw_mqtt_state(&state, mqtt);
    }
    must(state.connected, "connecting the adapter");
    return mqtt;
}

static void adapter_close(struct gw_mqtt *mqtt)
{
    struct gw_mqtt_state state = {0};
    gw_mqtt_state(&state, mqtt);
    bench_say("  %llu messages, %llu receipts, %llu merged, %llu left out, %llu stalls",
              (unsigned long long)state.message_count, (unsigned long long)state.receipt_count,
              (unsigned long long)state.merged_count, (unsigned long long)state.left_out_count,
              (unsigned long long)state.stalled_count);
    net_core_stop(&core);
    gw_mqtt_close(mqtt);
}

static double settle_rate(struct net_child *child, uint32_t window, struct answer *answer)
{
    const struct command command = {.window = window, .settled = true, .seconds = RUN_S};
    struct gw_mqtt *mqtt = adapter_open();
    double rate = rate_of(child, &command, &core.taken, answer);
    adapter_close(mqtt);
    return rate;
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

/** So many meters, each with so many messages under way. */
struct shape {
    const char *title;
    uint32_t meters, window, rounds;
    bool answering; /* also against a subscriber that answers */
    bool latency;
};

static void rate_row(const char *title, const char *against, double *settles, double *others)
{
    char figure[48];
    char limit[96];
    char ratio[16];
    double ratios[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        ratios[i] = settles[i] / others[i];
    }
    double middle = median(ratios);
    double settled = median(settles);
    double other = median(others);
    (void)snprintf(figure, sizeof figure, "%.0f /s", settled);
    (void)snprintf(limit, sizeof limit, "%s, %.0f /s", against, other);
    (void)snprintf(ratio, sizeof ratio, "%.2f", middle);
    bench_row(title, figure, limit, ratio, "at least 0.9", middle >= 0.9);
    printf("{\"bench\":\"mqtt\",\"shape\":\"%s\",\"against\":\"%s\",\"settled_per_s\":%.0f,"
           "\"other_per_s\":%.0f,\"ratio\":%.3f}\n",
           title, against, settled, other, middle);
}

static void latency_row(struct net_child *child, double rate)
{
    struct answer answer;
    char figure[64];
    char load[32];
    const struct command command = {
        .window = WINDOW_MAX, .settled = true, .rate = rate, .seconds = LATENCY_RUN_S};
    struct gw_mqtt *mqtt = adapter_open();
    net_pipe_write(child->to, &command, sizeof command);
    must(net_pipe_read(child->from, &answer, sizeof answer), "the meters' answer");
    adapter_close(mqtt);
    double per_s = (double)answer.sent / LATENCY_RUN_S;
    bench_say("  paced: %llu sent, %llu receipts, %llu lost, p50 %.1f ms%s",
              (unsigned long long)answer.sent, (unsigned long long)answer.receipts,
              (unsigned long long)answer.lost, answer.p50_ms,
              answer.out_of_messages ? " (ran out of messages)" : "");
    (void)snprintf(figure, sizeof figure, "p99 %.1f ms, longest %.1f ms", answer.p99_ms,
                   answer.max_ms);
    (void)snprintf(load, sizeof load, "%.0f /s", per_s);
    bench_row("reading in to receipt out, MQTT", figure, "half of that load", load,
              "p99 20 ms, none above 100 ms",
              answer.p99_ms <= 20.0 && answer.max_ms <= 100.0 && answer.lost == 0 &&
                  !answer.out_of_messages);
    printf("{\"bench\":\"mqtt_latency\",\"rate_per_s\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
           "\"max_ms\":%.2f,\"lost\":%llu}\n",
           per_s, answer.p50_ms, answer.p99_ms, answer.max_ms, (unsigned long long)answer.lost);
}

static void measure(const struct shape *shape)
{
    double discards[PAIRS];
    double answers[PAIRS];
    double settles[PAIRS];
    struct net_child child;
    struct answer answer = {0};
    net_core_open(&core, shape->meters, shape->rounds);
    core.in_flight_max = shape->meters * shape->window;
    net_child_begin(&child, play_meters);
    pid_t broker = broker_pid = broker_begin();
    (void)poll(NULL, 0, 500);
    must(waitpid(broker, NULL, WNOHANG) == 0, "starting a broker (is its port in use?)");
    for (int i = 0; i < PAIRS; i++) {
        discards[i] = subscriber_rate(&child, 0);
        settles[i] = settle_rate(&child, shape->window, &answer);
        answers[i] = shape->answering ? subscriber_rate(&child, shape->window) : 1;
        bench_say("%s: discarded %.0f/s, settled %.0f/s, answered %.0f/s, ratio %.2f%s",
                  shape->title, discards[i], settles[i], answers[i], settles[i] / discards[i],
                  answer.out_of_messages ? " (ran out of messages)" : "");
    }
    rate_row(shape->title, "subscriber that discards", settles, discards);
    if (shape->answering) {
        rate_row("the same work at the broker", "subscriber that answers each message at once",
                 settles, answers);
    }
    if (shape->latency) {
        latency_row(&child, median(settles) / 2);
    }
    uint64_t refused = atomic_load(&core.refused);
    net_child_end(&child);
    broker_end(broker);
    net_core_close(&core);
    must(refused == 0, "settling every message (some were refused)");
}

int main(void)
{
    static const struct shape shapes[] = {
        {.title = "MQTT end to end, receipts on, 200 meters, up to 64 messages of each under way",
         .meters = 200,
         .window = 64,
         .rounds = 25000,
         .latency = true},
        {.title = "MQTT end to end, 2,000 meters, each waits for the receipt of each message",
         .meters = 2000,
         .window = 1,
         .rounds = 400,
         .answering = true},
    };
    struct rlimit limit = {16384, 16384};
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)signal(SIGPIPE, SIG_IGN);
    discarded =
        mmap(NULL, sizeof *discarded, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(discarded != MAP_FAILED, "memory");
    (void)mosquitto_lib_init();
    measure(&shapes[0]);
    measure(&shapes[1]);
    (void)mosquitto_lib_cleanup();
    return 0;
}
