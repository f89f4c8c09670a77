/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Foreign devices at the broker; see the header. */
#include "gateway/adapters/foreign.h"

#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/sparkplug.h"
#define KEEPALIVE_S 30
#define RETRY_S_MIN 1
#define RETRY_S_MAX 60
#define QOS 1
#define TEXT_BYTES 256u
#define QUEUE_BYTES_MIN ((size_t)64 * 1024)
#define QUEUE_BYTES_MAX ((size_t)1 << 30)

struct gw_foreign {
    struct mosquitto *client;
    struct gw_sources *sources;
    struct gw_clock *clock;
    struct gw_ring inbound;
    void *inbound_memory;
    bool started;
    char host[TEXT_BYTES];
    uint16_t port;
    char username[TEXT_BYTES];
    char password_file[TEXT_BYTES];
    _Atomic bool stop;
    _Atomic bool connected;
    _Atomic int64_t since_us;
    _Atomic uint64_t connections, messages, oversize, stalled, asked;
    pthread_mutex_t why_mutex;
    char why[GW_FOREIGN_WHY_BYTES];
};

static void say_why(struct gw_foreign *foreign, const char *what, const char *detail)
{
    (void)pthread_mutex_lock(&foreign->why_mutex); /* a default mutex of ours: it cannot fail */
    (void)snprintf(foreign->why, sizeof(foreign->why), "%s%s%.100s", what,
                   detail[0] != '\0' ? ": " : "", detail); /* cut where it must be */
    (void)pthread_mutex_unlock(&foreign->why_mutex);
}

static void set_connected(struct gw_foreign *foreign, bool connected)
{
    if (atomic_exchange(&foreign->connected, connected) != connected) {
        atomic_store(&foreign->since_us, gw_clock_now_us(foreign->clock));
    }
}

/* ---- messages ----------------------------------------------------------------------------------------- */

static bool put(void *arg, const struct gw_message *message)
{
    struct gw_foreign *foreign = arg;
    while (!gw_inbox_put(&foreign->inbound, message)) {
        if (atomic_load(&foreign->stop)) {
            return false;
        }
        atomic_fetch_add(&foreign->stalled, 1);
        (void)poll(NULL, 0, 1); /* the core empties the ring without waiting for this thread */
    }
    return true;
}

static void on_message(struct mosquitto *client, void *self, const struct mosquitto_message *got)
{
    struct gw_foreign *foreign = self;
    struct gw_source_outcome outcome;
    size_t len = got->payloadlen > 0 ? (size_t)got->payloadlen : 0;
    (void)client;
    atomic_fetch_add(&foreign->messages, 1);
    atomic_fetch_add(&foreign->oversize, len > GW_MAPPING_BODY_BYTES_MAX);
    const struct gw_source_message message = {
        .topic = got->topic,
        .topic_len = strlen(got->topic),
        .body = len > 0 ? got->payload : "",
        .body_len = len, /* one that is too long is refused by the mapping, and on record */
        .time_us = gw_clock_now_us(foreign->clock),
        .transport = GW_VIA_MQTT,
    };
    gw_sources_message(&outcome, foreign->sources, &message, put, foreign);
    if (outcome.ask[0] != '\0') {
        uint8_t ask[GW_SPARKPLUG_REBIRTH_BYTES];
        size_t ask_len = gw_sparkplug_rebirth(ask, message.time_us);
        /* One that is lost is asked again for a minute later. */
        (void)mosquitto_publish(foreign->client, NULL, outcome.ask, (int)ask_len, ask, 0, false);
        atomic_fetch_add(&foreign->asked, 1);
    }
}

/* ---- the connection ----------------------------------------------------------------------------------- */

/* The first line of the password file. */
static bool set_password(struct gw_foreign *foreign)
{
    char password[TEXT_BYTES] = "";
    bool has_file = foreign->password_file[0] != '\0';
    FILE *file = has_file ? fopen(foreign->password_file, "re") : NULL;
    if (foreign->username[0] == '\0') {
        return true;
    }
    if (has_file && (file == NULL || fgets(password, sizeof(password), file) == NULL)) {
        say_why(foreign, "cannot read the password file", foreign->password_file);
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
    password[strcspn(password, "\r\n")] = '\0';
    int set =
        mosquitto_username_pw_set(foreign->client, foreign->username, has_file ? password : NULL);
    explicit_bzero(password, sizeof(password));
    return set == MOSQ_ERR_SUCCESS;
}

void gw_foreign_refresh(struct gw_foreign *foreign)
{
    char filter[GW_MAPPING_PATH_MAX + 1];
    if (foreign == NULL || !atomic_load(&foreign->connected)) {
        return; /* whoever connects subscribes to everything */
    }
    for (uint32_t i = 0; gw_sources_filter(filter, foreign->sources, i); i++) {
        int sent = mosquitto_subscribe(foreign->client, NULL, filter, QOS);
        if (sent != MOSQ_ERR_SUCCESS) {
            say_why(foreign, "cannot subscribe", mosquitto_strerror(sent));
            return; /* the connection is gone, and then it is done again */
        }
    }
}

static void on_connect(struct mosquitto *client, void *self, int code)
{
    struct gw_foreign *foreign = self;
    (void)client;
    if (code != 0) {
        say_why(foreign, "the broker refused the connection", mosquitto_connack_string(code));
        return; /* libmosquitto closes, and tries again later */
    }
    set_connected(foreign, true);
    atomic_fetch_add(&foreign->connections, 1);
    say_why(foreign, "", "");
    gw_foreign_refresh(foreign);
}

static void on_subscribe(struct mosquitto *client, void *self, int mid, int count,
                         const int *granted)
{
    struct gw_foreign *foreign = self;
    (void)client;
    (void)mid;
    for (int i = 0; i < count; i++) {
        if (granted[i] > 2) {
            say_why(foreign, "the broker's ACL refuses a topic to the gateway", "");
        }
    }
}

static void on_disconnect(struct mosquitto *client, void *self, int code)
{
    struct gw_foreign *foreign = self;
    (void)client;
    if (atomic_load(&foreign->connected)) {
        say_why(foreign, "the connection was lost",
                code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
    }
    set_connected(foreign, false);
    (void)set_password(foreign); /* it may have been changed; without memory the old one is tried */
}

/* ---- open and close ----------------------------------------------------------------------------------- */

static bool text_copy(char out[TEXT_BYTES], const char *from)
{
    size_t len = from == NULL ? 0 : strlen(from);
    if (len >= TEXT_BYTES) {
        return false;
    }
    memcpy(out, len > 0 ? from : "", len + 1);
    return true;
}

static enum gw_status take_config(struct gw_foreign *foreign,
                                  const struct gw_foreign_config *config)
{
    if (config->host == NULL || config->host[0] == '\0' || config->client_id == NULL ||
        config->queue_bytes > QUEUE_BYTES_MAX || !text_copy(foreign->host, config->host) ||
        !text_copy(foreign->username, config->username) ||
        !text_copy(foreign->password_file, config->password_file)) {
        return GW_INVALID;
    }
    foreign->port = config->port;
    foreign->sources = config->sources;
    foreign->clock = config->clock;
    size_t bytes = QUEUE_BYTES_MIN;
    while (bytes < config->queue_bytes) {
        bytes *= 2;
    }
    foreign->inbound_memory = aligned_alloc(64, bytes);
    if (foreign->inbound_memory == NULL) {
        return GW_FULL;
    }
    gw_ring_init(&foreign->inbound, foreign->inbound_memory, bytes, config->filled, NULL);
    return GW_OK;
}

static enum gw_status start(struct gw_foreign *foreign, const char *client_id)
{
    MT_CHECK(mosquitto_lib_init() == MOSQ_ERR_SUCCESS); /* counts its users */
    foreign->client = mosquitto_new(client_id, true, foreign);
    if (foreign->client == NULL) {
        (void)mosquitto_lib_cleanup();
        return errno == EINVAL ? GW_INVALID : GW_FULL;
    }
    mosquitto_connect_callback_set(foreign->client, on_connect);
    mosquitto_disconnect_callback_set(foreign->client, on_disconnect);
    mosquitto_subscribe_callback_set(foreign->client, on_subscribe);
    mosquitto_message_callback_set(foreign->client, on_message);
    (void)mosquitto_reconnect_delay_set(foreign->client, RETRY_S_MIN, RETRY_S_MAX, true);
    if (!set_password(foreign)) {
        return GW_FULL;
    }
    /* A broker that is not there yet is no failure: the thread tries again. */
    int made = mosquitto_connect_async(foreign->client, foreign->host, foreign->port, KEEPALIVE_S);
    if (made == MOSQ_ERR_INVAL) {
        return GW_INVALID;
    }
    if (mosquitto_loop_start(foreign->client) != MOSQ_ERR_SUCCESS) {
        return GW_FULL;
    }
    foreign->started = true;
    return GW_OK;
}

enum gw_status gw_foreign_open(struct gw_foreign **out, const struct gw_foreign_config *config)
{
    MT_CHECK(config->sources != NULL && config->clock != NULL && config->filled != NULL);
    struct gw_foreign *foreign = aligned_alloc(64, (sizeof(*foreign) + 63) & ~(size_t)63);
    if (foreign == NULL) {
        return GW_FULL;
    }
    memset(foreign, 0, sizeof(*foreign));
    (void)pthread_mutex_init(&foreign->why_mutex, NULL); /* cannot fail without attributes */
    say_why(foreign, "not connected yet", "");
    enum gw_status status = take_config(foreign, config);
    if (status == GW_OK) {
        atomic_store(&foreign->since_us, gw_clock_now_us(foreign->clock));
        status = start(foreign, config->client_id);
    }
    if (status != GW_OK) {
        gw_foreign_close(foreign);
        return status;
    }
    *out = foreign;
    return GW_OK;
}

void gw_foreign_close(struct gw_foreign *foreign)
{
    if (foreign == NULL) {
        return;
    }
    atomic_store(&foreign->stop, true);
    if (foreign->client != NULL) {
        if (foreign->started) {
            (void)mosquitto_disconnect(foreign->client); /* gone already is as good */
            (void)mosquitto_loop_stop(foreign->client, false);
        }
        mosquitto_destroy(foreign->client);
        (void)mosquitto_lib_cleanup(); /* it never fails */
    }
    (void)pthread_mutex_destroy(&foreign->why_mutex); /* nobody holds it any more */
    free(foreign->inbound_memory);
    free(foreign);
}

/* ---- the core's side ---------------------------------------------------------------------------------- */

struct gw_ring *gw_foreign_inbox(struct gw_foreign *foreign)
{
    return &foreign->inbound;
}

void gw_foreign_state(struct gw_foreign_state *out, struct gw_foreign *foreign)
{
    out->connected = atomic_load(&foreign->connected);
    out->since_us = atomic_load(&foreign->since_us);
    out->connection_count = atomic_load(&foreign->connections);
    out->message_count = atomic_load(&foreign->messages);
    out->oversize_count = atomic_load(&foreign->oversize);
    out->stalled_count = atomic_load(&foreign->stalled);
    out->asked_count = atomic_load(&foreign->asked);
    (void)pthread_mutex_lock(&foreign->why_mutex);
    memcpy(out->why, foreign->why, sizeof(out->why));
    (void)pthread_mutex_unlock(&foreign->why_mutex);
}
