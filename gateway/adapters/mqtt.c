/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The gateway's side of MQTT; the header says what it promises.
 *
 *  The thread's loop, one round:   connect when it is time -> receipts out -> messages in -> sleep
 *  Its connection:   DOWN -(time)-> WAITING -(CONNACK, SUBACK)-> UP -(lost, stop)-> DOWN
 */
#include "gateway/adapters/mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gateway/adapters/mqtt_flow.h"
#include "gateway/adapters/mqtt_gather.h"
#include "gateway/adapters/mqtt_outlet.h"

#define KEEPALIVE_S 30
#define CONNECT_TIMEOUT_MS 5000
#define ANSWER_TIMEOUT_MS 10000 /* for CONNACK and SUBACK together */
#define RETRY_MS_MIN 500
#define RETRY_MS_MAX 60000
#define STALL_MS_MAX 16
#define BUSY_PAUSE_US 1000
#define FILTERS_MAX 8u
#define OUTLETS 4u
#define TEXT_BYTES 512u

enum phase { DOWN, WAITING, UP };

struct gw_mqtt {
    /* set at open */
    char host[TEXT_BYTES]; /* or the path of the socket, with port 0 */
    uint16_t port;
    char username[TEXT_BYTES];
    char password_file[TEXT_BYTES];
    char prefix[GW_TOPIC_ROOT_MAX + GW_TOPIC_SITE_MAX + 3];
    char status_topic[GW_TOPIC_BYTES_MAX];
    int qos;
    size_t queue_bytes;
    void *inbound_memory, *outbound_memory;
    struct gw_ring inbound, outbound;
    struct gw_bell bell; /* wakes this thread: a reply came, or the end */
    struct mosquitto *client;
    pthread_t thread;
    bool thread_started;
    _Atomic bool stop;

    /* told by gw_mqtt_state */
    _Atomic bool connected;
    _Atomic int64_t since_us;
    _Atomic uint64_t connections, stalled, receipts, merged, left_out;
    struct gw_flow_counters counters;
    pthread_mutex_t why_mutex;
    char why[GW_MQTT_WHY_BYTES];

    /* the thread's own */
    enum phase phase;
    int64_t retry_at_ms;
    int64_t answer_until_ms;
    int retry_ms;
    int stall_ms;
    struct gw_flow flow;
    struct gw_gather gather;
    struct gw_outlet outlets[OUTLETS];
};

static int64_t monotonic_ms(void)
{
    struct timespec t;
    MT_CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t utc_us(void)
{
    struct timespec t;
    MT_CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static bool stopping(struct gw_mqtt *mqtt)
{
    return atomic_load_explicit(&mqtt->stop, memory_order_seq_cst);
}

static void say_why(struct gw_mqtt *mqtt, const char *what, const char *detail)
{
    (void)pthread_mutex_lock(&mqtt->why_mutex); /* a default mutex of ours: it cannot fail */
    (void)snprintf(mqtt->why, sizeof mqtt->why, "%s%s%.100s", what, detail[0] != '\0' ? ": " : "",
                   detail); /* cut where it must be */
    (void)pthread_mutex_unlock(&mqtt->why_mutex);
}

/* ---- the connection --------------------------------------------------------------------------- */

static void phase_set(struct gw_mqtt *mqtt, enum phase phase)
{
    bool was_up = mqtt->phase == UP;
    mqtt->phase = phase;
    if ((phase == UP) != was_up) {
        atomic_store(&mqtt->since_us, utc_us());
        atomic_store(&mqtt->connected, phase == UP);
    }
}

/* Wait longer after each failure, up to half less at random: many gateways must not come in step. */
static void retry_later(struct gw_mqtt *mqtt)
{
    uint32_t chance = 0;
    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) != (ssize_t)sizeof chance) {
        chance = (uint32_t)monotonic_ms(); /* spreading is all that is asked of it */
    }
    int half = mqtt->retry_ms / 2;
    mqtt->retry_at_ms = monotonic_ms() + mqtt->retry_ms - (int)(chance % (unsigned)(half + 1));
    mqtt->retry_ms = mqtt->retry_ms >= RETRY_MS_MAX / 2 ? RETRY_MS_MAX : mqtt->retry_ms * 2;
}

/* End whatever connection there is. libmosquitto reports it by on_disconnect. */
static void drop(struct gw_mqtt *mqtt)
{
    int fd = mosquitto_socket(mqtt->client);
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_RDWR); /* so that the next read ends it */
        (void)mosquitto_loop_read(mqtt->client, 1);
        (void)mosquitto_loop_read(mqtt->client, 1); /* a packet may have stood before the end */
    }
    if (mqtt->phase != DOWN) {
        phase_set(mqtt, DOWN);
        retry_later(mqtt);
    }
}

static void on_connect(struct mosquitto *client, void *self, int code)
{
    struct gw_mqtt *mqtt = self;
    if (code != 0) {
        say_why(mqtt, "the broker refused the connection", mosquitto_connack_string(code));
        return; /* libmosquitto closes; on_disconnect follows */
    }
    char texts[FILTERS_MAX][GW_TOPIC_BYTES_MAX];
    char *filters[FILTERS_MAX];
    int n = 0;
    while (n < (int)FILTERS_MAX && gw_topic_up(texts[n], mqtt->prefix, "+", (unsigned)n)) {
        filters[n] = texts[n];
        n++;
    }
    int sent = mosquitto_subscribe_multiple(client, NULL, n, filters, mqtt->qos, 0, NULL);
    if (sent != MOSQ_ERR_SUCCESS) {
        say_why(mqtt, "cannot subscribe", mosquitto_strerror(sent)); /* the time-out ends it */
    }
}

static void on_subscribe(struct mosquitto *client, void *self, int mid, int granted_count,
                         const int *granted)
{
    struct gw_mqtt *mqtt = self;
    (void)mid;
    for (int i = 0; i < granted_count; i++) {
        if (granted[i] > 2) {
            say_why(mqtt, "the broker's ACL refuses our subscription", "");
            return; /* the time-out ends it */
        }
    }
    phase_set(mqtt, UP);
    mqtt->retry_ms = RETRY_MS_MIN;
    count(&mqtt->connections, 1);
    say_why(mqtt, "", "");
    /* Only queued here; a failure means that the connection is gone, and then it is told again. */
    (void)mosquitto_publish(client, NULL, mqtt->status_topic, 6, "online", 1, true);
}

static void on_disconnect(struct mosquitto *client, void *self, int code)
{
    struct gw_mqtt *mqtt = self;
    (void)client;
    if (mqtt->phase == UP) {
        say_why(mqtt, "the connection was lost",
                code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
    } else if (mqtt->why[0] == '\0') { /* only this thread writes it */
        say_why(mqtt, "the broker closed the connection", "");
    }
    if (mqtt->phase != DOWN) {
        phase_set(mqtt, DOWN);
        retry_later(mqtt);
    }
}

/* Messages at QoS 1 come this way. The ring had room before the socket was read. */
static void on_message(struct mosquitto *client, void *self,
                       const struct mosquitto_message *message)
{
    struct gw_mqtt *mqtt = self;
    const struct gw_wire_publish publish = {
        .topic = message->topic,
        .topic_len = strlen(message->topic),
        .payload = message->payload,
        .payload_len = message->payloadlen > 0 ? (size_t)message->payloadlen : 0,
    };
    (void)client;
    while (!gw_flow_deliver(&mqtt->flow, &publish) && !stopping(mqtt)) {
        count(&mqtt->stalled, 1);
        (void)poll(NULL, 0, 1); /* the core empties the ring without waiting for this thread */
    }
}

/* Is anybody there? libmosquitto connects without a time limit, and a host that swallows packets
 * would keep this thread for minutes. */
static bool probe(const struct gw_mqtt *mqtt)
{
    if (mqtt->port == 0) {
        return true; /* a Unix socket answers at once */
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)mqtt->port); /* it fits */
    if (getaddrinfo(mqtt->host, port, &hints, &found) != 0) {
        errno = ENOENT;
        return false;
    }
    bool open = false;
    int error = EADDRNOTAVAIL;
    for (struct addrinfo *a = found; a != NULL && !open; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            error = errno;
            continue;
        }
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        socklen_t size = sizeof error;
        error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
        if (error == EINPROGRESS) {
            error = poll(&p, 1, CONNECT_TIMEOUT_MS) == 1 ? 0 : ETIMEDOUT;
            if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
                error = errno;
            }
        }
        open = error == 0;
        (void)close(fd);
    }
    freeaddrinfo(found);
    errno = error;
    return open;
}

/* The first line of the password file. Read each time, so that a change needs no restart. */
static bool password_read(char *out, size_t max, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool got = fgets(out, (int)max, file) != NULL;
    (void)fclose(file); /* only read */
    if (got) {
        out[strcspn(out, "\r\n")] = '\0';
    }
    return got;
}

static bool credentials_set(struct gw_mqtt *mqtt)
{
    char password[TEXT_BYTES] = "";
    if (mqtt->username[0] == '\0') {
        return true;
    }
    bool has_password = mqtt->password_file[0] != '\0';
    if (has_password && !password_read(password, sizeof password, mqtt->password_file)) {
        say_why(mqtt, "cannot read the password file", mqtt->password_file);
        return false;
    }
    const char *secret = has_password ? password : NULL;
    int set = mosquitto_username_pw_set(mqtt->client, mqtt->username, secret);
    for (unsigned i = 0; i < OUTLETS && set == MOSQ_ERR_SUCCESS; i++) {
        set = mosquitto_username_pw_set(mqtt->outlets[i].client, mqtt->username, secret);
    }
    explicit_bzero(password, sizeof password);
    return set == MOSQ_ERR_SUCCESS;
}

static void connect_now(struct gw_mqtt *mqtt)
{
    if (!credentials_set(mqtt)) {
        retry_later(mqtt);
        return;
    }
    if (!probe(mqtt)) {
        say_why(mqtt, "cannot reach the broker", strerror(errno));
        retry_later(mqtt);
        return;
    }
    say_why(mqtt, "", "");
    for (unsigned i = 0; i < OUTLETS; i++) {
        /* It may have died with the broker and not have noticed: a receipt would be lost on it. */
        gw_outlet_drop(&mqtt->outlets[i]);
    }
    gw_flow_init(&mqtt->flow, mqtt->prefix, &mqtt->inbound, &mqtt->counters);
    int made = mosquitto_connect(mqtt->client, mqtt->host, mqtt->port, KEEPALIVE_S);
    if (made != MOSQ_ERR_SUCCESS) {
        say_why(mqtt, "cannot connect to the broker",
                made == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(made));
        retry_later(mqtt);
        return;
    }
    phase_set(mqtt, WAITING);
    mqtt->answer_until_ms = monotonic_ms() + ANSWER_TIMEOUT_MS;
}

static void connection_tend(struct gw_mqtt *mqtt)
{
    int64_t now_ms = monotonic_ms();
    if (mqtt->phase == DOWN) {
        if (now_ms >= mqtt->retry_at_ms) {
            connect_now(mqtt);
        }
        return;
    }
    if (mqtt->phase == WAITING && now_ms >= mqtt->answer_until_ms) {
        drop(mqtt);
        return;
    }
    if (!gw_flow_write_pending(&mqtt->flow.out)) {
        (void)mosquitto_loop_misc(mqtt->client); /* a failure is told by on_disconnect */
    }
    for (unsigned i = 0; i < OUTLETS && mqtt->phase == UP; i++) {
        gw_outlet_tend(&mqtt->outlets[i], mqtt->host, mqtt->port, now_ms);
    }
}

/* ---- receipts out ----------------------------------------------------------------------------- */

/* Returns false when the buffer that it goes to is full. */
static bool receipt_put(struct gw_mqtt *mqtt, const struct gw_reply *reply)
{
    char topic[GW_TOPIC_BYTES_MAX];
    if (mqtt->phase != UP || !gw_topic_down(topic, mqtt->prefix, reply->name, reply->name_len)) {
        count(&mqtt->left_out, 1);
        return true;
    }
    const struct gw_wire_publish publish = {
        .topic = topic,
        .topic_len = strlen(topic),
        .payload = reply->receipt,
        .payload_len = reply->receipt_len,
    };
    struct gw_outlet *outlet = &mqtt->outlets[gw_gather_slot(reply) % OUTLETS];
    bool put = gw_outlet_up(outlet) ? gw_outlet_put(outlet, &publish)
                                    : gw_flow_put(&mqtt->flow.out, &publish);
    if (!put) {
        return false;
    }
    count(&mqtt->receipts, 1);
    return true;
}

/* Returns true when all that is due is in the connections' buffers. */
static bool receipts_queue(struct gw_mqtt *mqtt)
{
    int64_t now_ms = monotonic_ms();
    bool more = true;
    while (more) {
        struct gw_reply reply;
        while (gw_gather_has_room(&mqtt->gather) && gw_outbox_get(&mqtt->outbound, &reply)) {
            gw_gather_put(&mqtt->gather, &reply, now_ms);
        }
        more = gw_gather_due_ms(&mqtt->gather, now_ms) == 0;
        const struct gw_reply *next;
        while (more && (next = gw_gather_next(&mqtt->gather)) != NULL) {
            if (!receipt_put(mqtt, next)) {
                return false;
            }
            gw_gather_sent(&mqtt->gather);
        }
    }
    atomic_store_explicit(&mqtt->merged, mqtt->gather.merged, memory_order_relaxed);
    return true;
}

/* Returns true when nothing is left to write. */
static bool receipts_send(struct gw_mqtt *mqtt)
{
    for (;;) {
        bool all = receipts_queue(mqtt);
        int fd = mosquitto_socket(mqtt->client);
        if (fd < 0 || mqtt->phase == DOWN) {
            return true;
        }
        enum gw_flow_state wrote = gw_flow_write(&mqtt->flow.out, fd);
        if (wrote == GW_FLOW_LOST) {
            drop(mqtt);
            return true;
        }
        bool left = wrote == GW_FLOW_AGAIN;
        for (unsigned i = 0; i < OUTLETS; i++) {
            left = !gw_outlet_write(&mqtt->outlets[i]) || left;
        }
        if (left) {
            return false;
        }
        if (all) {
            break;
        }
    }
    /* Ours is out to a packet's end: now libmosquitto may write what it has queued. */
    if (mosquitto_want_write(mqtt->client)) {
        (void)mosquitto_loop_write(mqtt->client, 1); /* a failure is told by on_disconnect */
        return mosquitto_socket(mqtt->client) < 0 || !mosquitto_want_write(mqtt->client);
    }
    return true;
}

/* ---- messages in ------------------------------------------------------------------------------ */

/* Returns true when the socket is empty or gone, so that sleeping on it is right. */
static bool messages_take(struct gw_mqtt *mqtt)
{
    int fd = mosquitto_socket(mqtt->client);
    if (fd < 0) {
        return true;
    }
    enum gw_flow_state state = GW_FLOW_STALLED;
    if (gw_inbox_has_room(&mqtt->inbound)) {
        state = gw_flow_read(&mqtt->flow, fd);
    }
    if (state == GW_FLOW_STALLED) {
        count(&mqtt->stalled, mqtt->stall_ms == 0);
        mqtt->stall_ms = mqtt->stall_ms == 0 ? 1 : mqtt->stall_ms * 2;
        mqtt->stall_ms = mqtt->stall_ms > STALL_MS_MAX ? STALL_MS_MAX : mqtt->stall_ms;
        return true;
    }
    mqtt->stall_ms = 0;
    if (state == GW_FLOW_CONTROL) {
        (void)mosquitto_loop_read(mqtt->client, 1); /* a failure is told by on_disconnect */
        return false;
    }
    if (state == GW_FLOW_LOST) {
        drop(mqtt);
        return true;
    }
    return state == GW_FLOW_IDLE;
}

/* ---- the loop --------------------------------------------------------------------------------- */

static void sleep_until_needed(struct gw_mqtt *mqtt, bool written)
{
    if (mqtt->gather.hold_ms > 0 && written && mqtt->stall_ms == 0) {
        /* Nobody waits on the socket meanwhile, so the broker's writes wake nobody: with messages at
         * this pace that is most of what they cost. */
        const struct timespec pause = {.tv_nsec = BUSY_PAUSE_US * 1000L};
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL); /* shorter is as good */
        return;
    }
    struct pollfd p[2] = {{.fd = mqtt->bell.fd, .events = POLLIN},
                          {.fd = mosquitto_socket(mqtt->client), .events = POLLIN}};
    int wait_ms = 1000; /* libmosquitto counts its keep-alive in seconds */
    if (mqtt->phase == DOWN) {
        int64_t left_ms = mqtt->retry_at_ms - monotonic_ms();
        wait_ms = left_ms <= 0 ? 0 : (int)(left_ms < wait_ms ? left_ms : wait_ms);
    }
    if (mqtt->stall_ms > 0) {
        /* The broker's bytes stay where they are. A look now and then costs less than a bell that the
         * core would ring for each message of a full ring. */
        p[1].events = 0;
        wait_ms = mqtt->stall_ms;
    }
    if (gw_flow_write_pending(&mqtt->flow.out) || mosquitto_want_write(mqtt->client)) {
        p[1].events |= POLLOUT;
    } else if (!written) {
        wait_ms = 1; /* an outlet's buffer is full */
    }
    int due_ms = gw_gather_due_ms(&mqtt->gather, monotonic_ms());
    if (written && due_ms >= 0 && due_ms < wait_ms) {
        wait_ms = due_ms;
    }
    gw_bell_arm(&mqtt->bell);
    bool replies = written && !gw_ring_empty(&mqtt->outbound);
    if (!replies && !stopping(mqtt)) {
        (void)poll(p, 2, wait_ms); /* whatever ended it, the round looks at everything */
    }
    gw_bell_disarm(&mqtt->bell);
}

static void say_goodbye(struct gw_mqtt *mqtt)
{
    if (mqtt->phase != UP) {
        return;
    }
    int64_t until_ms = monotonic_ms() + 1000;
    mqtt->gather.hold_ms = 0; /* what is gathered goes now */
    while (!receipts_send(mqtt) && monotonic_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
    }
    if (gw_flow_write_pending(&mqtt->flow.out) || mqtt->phase != UP) {
        return; /* the last will says it */
    }
    /* Best effort: when the connection breaks first, the last will says the same. */
    (void)mosquitto_publish(mqtt->client, NULL, mqtt->status_topic, 7, "offline", 0, true);
    (void)mosquitto_disconnect(mqtt->client);
    while (mosquitto_want_write(mqtt->client) && monotonic_ms() < until_ms) {
        if (mosquitto_loop_write(mqtt->client, 1) != MOSQ_ERR_SUCCESS) {
            break;
        }
    }
}

static void *run(void *self)
{
    struct gw_mqtt *mqtt = self;
    while (!stopping(mqtt)) {
        connection_tend(mqtt);
        gw_gather_pace(&mqtt->gather,
                       atomic_load_explicit(&mqtt->counters.messages, memory_order_relaxed),
                       monotonic_ms());
        bool written = receipts_send(mqtt);
        bool read = messages_take(mqtt);
        if (read) {
            sleep_until_needed(mqtt, written);
        }
    }
    say_goodbye(mqtt);
    drop(mqtt);
    return NULL;
}

/* ---- open and close --------------------------------------------------------------------------- */

static bool text_copy(char *out, size_t max, const char *from)
{
    size_t len = from == NULL ? 0 : strlen(from);
    if (len >= max) {
        return false;
    }
    memcpy(out, len > 0 ? from : "", len + 1);
    return true;
}

static enum gw_status config_take(struct gw_mqtt *mqtt, const struct gw_mqtt_config *config)
{
    const char *root = config->root != NULL ? config->root : "meterpay";
    bool unix_socket = config->unix_socket != NULL && config->unix_socket[0] != '\0';
    const char *host = unix_socket ? config->unix_socket : config->host;
    if (host == NULL || host[0] == '\0' || (!unix_socket && config->port == 0) ||
        config->site == NULL || !gw_topic_part_valid(root) || !gw_topic_part_valid(config->site) ||
        config->client_id == NULL || config->client_id[0] == '\0' || config->qos < 0 ||
        config->qos > 1 || config->queue_bytes < GW_MQTT_QUEUE_BYTES_MIN ||
        config->queue_bytes > GW_MQTT_QUEUE_BYTES_MAX) {
        return GW_INVALID;
    }
    if (!text_copy(mqtt->host, sizeof mqtt->host, host) ||
        !text_copy(mqtt->username, sizeof mqtt->username, config->username) ||
        !text_copy(mqtt->password_file, sizeof mqtt->password_file, config->password_file)) {
        return GW_INVALID;
    }
    mqtt->port = unix_socket ? 0 : config->port;
    mqtt->qos = config->qos;
    mqtt->queue_bytes = GW_MQTT_QUEUE_BYTES_MIN;
    while (mqtt->queue_bytes < config->queue_bytes) {
        mqtt->queue_bytes *= 2;
    }
    (void)snprintf(mqtt->prefix, sizeof mqtt->prefix, "%s/%s/", root, config->site); /* it fits */
    (void)snprintf(mqtt->status_topic, sizeof mqtt->status_topic, "%sgateway", mqtt->prefix);
    return GW_OK;
}

static enum gw_status rings_make(struct gw_mqtt *mqtt, struct gw_bell *filled)
{
    mqtt->inbound_memory = aligned_alloc(64, mqtt->queue_bytes);
    mqtt->outbound_memory = aligned_alloc(64, mqtt->queue_bytes);
    if (mqtt->inbound_memory == NULL || mqtt->outbound_memory == NULL) {
        return GW_FULL;
    }
    gw_ring_init(&mqtt->inbound, mqtt->inbound_memory, mqtt->queue_bytes, filled, NULL);
    gw_ring_init(&mqtt->outbound, mqtt->outbound_memory, mqtt->queue_bytes, &mqtt->bell, NULL);
    return GW_OK;
}

static enum gw_status client_make(struct gw_mqtt *mqtt, const char *client_id)
{
    MT_CHECK(mosquitto_lib_init() == MOSQ_ERR_SUCCESS); /* counts its users */
    mqtt->client = mosquitto_new(client_id, true, mqtt);
    if (mqtt->client == NULL) {
        (void)mosquitto_lib_cleanup();
        return errno == EINVAL ? GW_INVALID : GW_FULL;
    }
    mosquitto_connect_callback_set(mqtt->client, on_connect);
    mosquitto_disconnect_callback_set(mqtt->client, on_disconnect);
    mosquitto_subscribe_callback_set(mqtt->client, on_subscribe);
    mosquitto_message_callback_set(mqtt->client, on_message);
    /* So it queues what it wants to write, and writes only when asked to. */
    (void)mosquitto_threaded_set(mqtt->client, true);
    (void)mosquitto_int_option(mqtt->client, MOSQ_OPT_TCP_NODELAY, 1);
    for (unsigned i = 0; i < OUTLETS; i++) {
        if (!gw_outlet_init(&mqtt->outlets[i], client_id, i + 1)) {
            return GW_FULL;
        }
    }
    int will = mosquitto_will_set(mqtt->client, mqtt->status_topic, 7, "offline", 1, true);
    return will == MOSQ_ERR_SUCCESS ? GW_OK : GW_INVALID;
}

static void destroy(struct gw_mqtt *mqtt)
{
    for (unsigned i = 0; i < OUTLETS; i++) {
        gw_outlet_deinit(&mqtt->outlets[i]);
    }
    if (mqtt->client != NULL) {
        mosquitto_destroy(mqtt->client);
        (void)mosquitto_lib_cleanup(); /* it never fails */
    }
    if (mqtt->bell.fd >= 0) {
        gw_bell_deinit(&mqtt->bell);
    }
    (void)pthread_mutex_destroy(&mqtt->why_mutex); /* nobody holds it any more */
    free(mqtt->inbound_memory);
    free(mqtt->outbound_memory);
    free(mqtt);
}

enum gw_status gw_mqtt_open(struct gw_mqtt **out, const struct gw_mqtt_config *config)
{
    MT_CHECK(config->filled != NULL);
    struct gw_mqtt *mqtt = aligned_alloc(64, (sizeof *mqtt + 63) & ~(size_t)63);
    if (mqtt == NULL) {
        return GW_FULL;
    }
    memset(mqtt, 0, sizeof *mqtt);
    mqtt->bell.fd = -1;
    gw_gather_init(&mqtt->gather, monotonic_ms());
    mqtt->retry_ms = RETRY_MS_MIN;
    (void)pthread_mutex_init(&mqtt->why_mutex, NULL); /* with default attributes it cannot fail */
    atomic_store(&mqtt->since_us, utc_us());
    say_why(mqtt, "not connected yet", "");
    enum gw_status status = config_take(mqtt, config);
    if (status == GW_OK) {
        status = gw_bell_init(&mqtt->bell);
    }
    if (status == GW_OK) {
        status = rings_make(mqtt, config->filled);
    }
    if (status == GW_OK) {
        status = client_make(mqtt, config->client_id);
    }
    if (status == GW_OK && pthread_create(&mqtt->thread, NULL, run, mqtt) != 0) {
        status = GW_FULL;
    }
    if (status != GW_OK) {
        destroy(mqtt);
        return status;
    }
    mqtt->thread_started = true;
    *out = mqtt;
    return GW_OK;
}

void gw_mqtt_close(struct gw_mqtt *mqtt)
{
    MT_CHECK(mqtt->thread_started);
    atomic_store_explicit(&mqtt->stop, true, memory_order_seq_cst);
    gw_bell_ring(&mqtt->bell);
    MT_CHECK(pthread_join(mqtt->thread, NULL) == 0);
    destroy(mqtt);
}

/* ---- the core's side -------------------------------------------------------------------------- */

struct gw_ring *gw_mqtt_inbox(struct gw_mqtt *mqtt)
{
    return &mqtt->inbound;
}

void gw_mqtt_reply(struct gw_mqtt *mqtt, const struct gw_reply *reply)
{
    MT_CHECK(reply->transport == GW_VIA_MQTT);
    if (reply->receipt_len > 0 && !gw_outbox_put(&mqtt->outbound, reply)) {
        count(&mqtt->left_out, 1);
    }
}

void gw_mqtt_state(struct gw_mqtt_state *out, struct gw_mqtt *mqtt)
{
    out->connected = atomic_load(&mqtt->connected);
    out->since_us = atomic_load(&mqtt->since_us);
    out->connection_count = atomic_load(&mqtt->connections);
    out->message_count = atomic_load(&mqtt->counters.messages);
    out->oversize_count = atomic_load(&mqtt->counters.oversize);
    out->foreign_count = atomic_load(&mqtt->counters.foreign);
    out->stalled_count = atomic_load(&mqtt->stalled);
    out->receipt_count = atomic_load(&mqtt->receipts);
    out->merged_count = atomic_load(&mqtt->merged);
    out->left_out_count = atomic_load(&mqtt->left_out);
    (void)pthread_mutex_lock(&mqtt->why_mutex);
    memcpy(out->why, mqtt->why, sizeof out->why);
    (void)pthread_mutex_unlock(&mqtt->why_mutex);
}
