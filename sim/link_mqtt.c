/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One libmosquitto client for each meter, all on one epoll instance and no thread. */
#include "sim/link.h"

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sim/agenda.h"
#include "sim/seed.h"
#include "sim/virtual.h"

#define EVENTS_MAX 256
#define TEXT_MAX 64u
#define TOPIC_MAX 192
#define KEEPALIVE_S 60
#define HANDSHAKES_MAX 32u /* at a time: a broker that starts must not be flooded */
#define MISC_EVERY_US 1000000ll
#define PAUSE_US_MIN 500000ll
#define PAUSE_US_MAX 30000000ll

struct sim_mqtt;

struct client {
    struct sim_mqtt *owner;
    struct mosquitto *mosq;
    uint32_t meter;
    char name[MT_NAME_MAX + 1];
    const char *protocol; /* of another maker's meter; NULL: our own */
    int fd;               /* in the epoll set; -1: none */
    bool wants_write;     /* as the epoll set knows it */
    bool on;              /* the meter has power */
    bool connecting;
    bool connected;
    int64_t pause_us; /* before the next try */
};

struct sim_mqtt {
    struct sim_link_events events;
    char host[TEXT_MAX];
    char root[TEXT_MAX];
    char site[TEXT_MAX];
    uint16_t port;
    int epoll_fd;
    uint32_t meter_count;
    struct client *clients; /* owned, by meter index; mosq NULL: not of this transport */
    struct sim_agenda due;  /* when to connect, or to see to keep-alive */
    struct sim_random random;
    uint32_t connecting_count;
    struct sim_link_counts counts;
};

/* ---- the epoll set -------------------------------------------------------------------------------- */

static void drop_fd(struct client *client)
{
    if (client->fd >= 0) {
        /* The socket may be closed already; then the kernel took it out itself. */
        (void)epoll_ctl(client->owner->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
        client->fd = -1;
    }
}

/* Bring the epoll set in step with what libmosquitto wants. */
static void watch(struct client *client)
{
    int fd = mosquitto_socket(client->mosq);
    if (fd != client->fd) {
        drop_fd(client);
    }
    if (fd < 0) {
        return;
    }
    bool wants_write = mosquitto_want_write(client->mosq);
    struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0u),
                                .data.u32 = client->meter};
    if (client->fd < 0) {
        if (epoll_ctl(client->owner->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) {
            client->fd = fd;
            client->wants_write = wants_write;
        }
    } else if (wants_write != client->wants_write &&
               epoll_ctl(client->owner->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0) {
        client->wants_write = wants_write;
    }
}

/* ---- connections ---------------------------------------------------------------------------------- */

static void not_connecting(struct client *client)
{
    if (client->connecting) {
        client->connecting = false;
        client->owner->connecting_count--;
    }
}

static void try_later(struct client *client, const char *why)
{
    struct sim_mqtt *mqtt = client->owner;
    not_connecting(client);
    client->connected = false;
    drop_fd(client);
    if (!client->on) {
        return;
    }
    mqtt->counts.failures++;
    (void)snprintf(mqtt->counts.why, sizeof(mqtt->counts.why), "%s at %s port %u: %s", client->name,
                   mqtt->host, mqtt->port, why);
    int64_t jitter_us = sim_between(sim_random_next(&mqtt->random), 0, client->pause_us / 2);
    sim_agenda_set(&mqtt->due, client->meter, sim_link_now_us() + client->pause_us + jitter_us);
    client->pause_us = client->pause_us * 2 < PAUSE_US_MAX ? client->pause_us * 2 : PAUSE_US_MAX;
}

static void connect_now(struct client *client)
{
    struct sim_mqtt *mqtt = client->owner;
    if (mqtt->connecting_count >= HANDSHAKES_MAX) {
        sim_agenda_set(&mqtt->due, client->meter, sim_link_now_us() + 20000);
        return;
    }
    client->connecting = true;
    mqtt->connecting_count++;
    int rc = mosquitto_connect_async(client->mosq, mqtt->host, mqtt->port, KEEPALIVE_S);
    if (rc != MOSQ_ERR_SUCCESS) {
        try_later(client, mosquitto_strerror(rc));
        return;
    }
    sim_agenda_set(&mqtt->due, client->meter, sim_link_now_us() + MISC_EVERY_US);
    watch(client);
}

static void after_io(struct client *client, int rc)
{
    if (rc != MOSQ_ERR_SUCCESS) {
        try_later(client, mosquitto_strerror(rc));
        return;
    }
    watch(client);
}

static void on_connect(struct mosquitto *mosq, void *arg, int rc)
{
    struct client *client = arg;
    struct sim_mqtt *mqtt = client->owner;
    char topic[TOPIC_MAX];
    not_connecting(client);
    if (rc != 0) {
        (void)snprintf(mqtt->counts.why, sizeof(mqtt->counts.why), "%s was refused: %s",
                       client->name, mosquitto_connack_string(rc));
        return; /* the broker closes, and the loop sees it */
    }
    (void)snprintf(topic, sizeof(topic), "%s/%s/%s/down", mqtt->root, mqtt->site, client->name);
    client->connected = mosquitto_subscribe(mosq, NULL, topic, 0) == MOSQ_ERR_SUCCESS;
    client->pause_us = PAUSE_US_MIN;
    mqtt->counts.connections++;
    mqtt->events.up(mqtt->events.owner, client->meter);
}

static void on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *message)
{
    struct client *client = arg;
    (void)mosq; /* there is only one for each client */
    if (message->payloadlen > 0) {
        client->owner->counts.received++;
        client->owner->events.down(client->owner->events.owner, client->meter, message->payload,
                                   (size_t)message->payloadlen);
    }
}

/* ---- the interface -------------------------------------------------------------------------------- */

static bool copy_text(char to[TEXT_MAX], const char *from)
{
    int len = snprintf(to, TEXT_MAX, "%s", from);
    return len > 0 && (size_t)len < TEXT_MAX;
}

bool sim_mqtt_open(struct sim_mqtt **mqtt, const struct sim_link_config *config,
                   uint32_t meter_count, char why[SIM_LINK_WHY_BYTES])
{
    MT_CHECK(mqtt != NULL && config != NULL && meter_count > 0);
    struct sim_mqtt *made = calloc(1, sizeof(*made));
    (void)snprintf(why, SIM_LINK_WHY_BYTES, "There is no memory for %u MQTT clients.", meter_count);
    if (made == NULL) {
        return false;
    }
    made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    made->events = config->events;
    made->port = config->broker_port;
    made->meter_count = meter_count;
    made->random.state = (uint64_t)sim_link_now_us();
    made->clients = calloc(meter_count, sizeof(*made->clients));
    bool texts = copy_text(made->host, config->broker_host) &&
                 copy_text(made->root, config->root) && copy_text(made->site, config->site);
    if (!texts) {
        (void)snprintf(why, SIM_LINK_WHY_BYTES, "Host, root and site have 1 to %u characters.",
                       TEXT_MAX - 1);
    }
    bool room = made->clients != NULL && sim_agenda_init(&made->due, meter_count);
    if (!texts || !room || made->epoll_fd < 0 || mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
        if (made->epoll_fd >= 0) {
            (void)close(made->epoll_fd); /* nothing is in it */
        }
        sim_agenda_deinit(&made->due);
        free(made->clients);
        free(made);
        return false;
    }
    *mqtt = made;
    return true;
}

void sim_mqtt_close(struct sim_mqtt *mqtt)
{
    if (mqtt == NULL) {
        return;
    }
    for (uint32_t i = 0; i < mqtt->meter_count; i++) {
        if (mqtt->clients[i].mosq != NULL) {
            sim_mqtt_stop(mqtt, i);
            mosquitto_destroy(mqtt->clients[i].mosq);
        }
    }
    (void)mosquitto_lib_cleanup(); /* always succeeds */
    sim_agenda_deinit(&mqtt->due);
    (void)close(mqtt->epoll_fd); /* sockets were closed above */
    free(mqtt->clients);
    free(mqtt);
}

int sim_mqtt_fd(const struct sim_mqtt *mqtt)
{
    return mqtt->epoll_fd;
}

/* The client with the meter's key; NULL when libmosquitto cannot. */
static struct mosquitto *make_client(struct client *client, const struct sim_spec *spec)
{
    uint8_t psk[MT_KEY_BYTES];
    char hex[2 * MT_KEY_BYTES + 1];
    if (mt_key_derive(psk, spec->root_key, MT_KEY_TRANSPORT, &spec->identity) != MT_OK) {
        return NULL;
    }
    for (unsigned i = 0; i < MT_KEY_BYTES; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", psk[i]);
    }
    struct mosquitto *mosq = mosquitto_new(spec->name, true, client);
    if (mosq != NULL && mosquitto_tls_psk_set(mosq, hex, spec->name, NULL) != MOSQ_ERR_SUCCESS) {
        mosquitto_destroy(mosq);
        mosq = NULL;
    }
    if (mosq != NULL) {
        mosquitto_connect_callback_set(mosq, on_connect);
        mosquitto_message_callback_set(mosq, on_message);
    }
    mt_key_wipe(psk, sizeof(psk));
    mt_key_wipe(hex, sizeof(hex));
    return mosq;
}

void sim_mqtt_start(struct sim_mqtt *mqtt, const struct sim_spec *spec)
{
    MT_CHECK(mqtt != NULL && spec->index < mqtt->meter_count);
    struct client *client = &mqtt->clients[spec->index];
    if (client->mosq == NULL) {
        *client = (struct client){.owner = mqtt, .meter = spec->index, .fd = -1};
        memcpy(client->name, spec->name, sizeof(client->name));
        client->protocol = spec->foreign.protocol != NULL ? spec->foreign.protocol->name : NULL;
        client->mosq = make_client(client, spec);
        if (client->mosq == NULL) {
            mqtt->counts.failures++;
            (void)snprintf(mqtt->counts.why, sizeof(mqtt->counts.why),
                           "%s: libmosquitto takes no pre-shared key", spec->name);
            return;
        }
    }
    client->on = true;
    client->pause_us = PAUSE_US_MIN;
    sim_agenda_set(&mqtt->due, client->meter, sim_link_now_us());
}

void sim_mqtt_stop(struct sim_mqtt *mqtt, uint32_t meter)
{
    struct client *client = &mqtt->clients[meter];
    if (client->mosq == NULL || !client->on) {
        return;
    }
    client->on = false;
    client->connected = false;
    not_connecting(client);
    sim_agenda_remove(&mqtt->due, meter);
    drop_fd(client);
    (void)mosquitto_disconnect(client->mosq); /* power is gone: whether it is told or not */
}

bool sim_mqtt_send(struct sim_mqtt *mqtt, uint32_t meter, enum fw_frame frame, const uint8_t *bytes,
                   size_t len)
{
    char topic[TOPIC_MAX];
    struct client *client = &mqtt->clients[meter];
    if (!client->connected) {
        mqtt->counts.unsent++;
        return false;
    }
    bool raw = frame == SIM_FRAME_RAW && client->protocol != NULL;
    (void)snprintf(topic, sizeof(topic), "%s/%s/%s/%s%s", mqtt->root, mqtt->site, client->name,
                   raw                    ? "raw/"
                   : frame == FW_FRAME_UP ? "up"
                                          : "signed",
                   raw ? client->protocol : "");
    /* QoS 0: the broker's word is not durable, so the meter waits for the gateway's. Other makers'
     * meters get none. */
    int rc = mosquitto_publish(client->mosq, NULL, topic, (int)len, bytes, raw ? 1 : 0, false);
    if (rc != MOSQ_ERR_SUCCESS) {
        mqtt->counts.unsent++;
        try_later(client, mosquitto_strerror(rc));
        return false;
    }
    mqtt->counts.sent++;
    watch(client);
    return true;
}

static void serve_sockets(struct sim_mqtt *mqtt)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(mqtt->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        struct client *client = &mqtt->clients[events[i].data.u32];
        int rc = MOSQ_ERR_SUCCESS;
        if (client->fd < 0) {
            continue; /* closed while this batch was served */
        }
        if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            rc = mosquitto_loop_read(client->mosq, 1);
        }
        if (rc == MOSQ_ERR_SUCCESS && (events[i].events & EPOLLOUT) != 0) {
            rc = mosquitto_loop_write(client->mosq, 1);
        }
        after_io(client, rc);
    }
}

static void serve_timers(struct sim_mqtt *mqtt)
{
    uint32_t meter;
    int64_t due_us;
    int64_t now_us = sim_link_now_us();
    while (sim_agenda_first(&meter, &due_us, &mqtt->due) && due_us <= now_us) {
        struct client *client = &mqtt->clients[meter];
        if (client->fd < 0) {
            sim_agenda_remove(&mqtt->due, meter);
            connect_now(client);
        } else {
            sim_agenda_set(&mqtt->due, meter, now_us + MISC_EVERY_US);
            after_io(client, mosquitto_loop_misc(client->mosq));
        }
    }
}

void sim_mqtt_work(struct sim_mqtt *mqtt)
{
    serve_sockets(mqtt);
    serve_timers(mqtt);
}

void sim_mqtt_counts(struct sim_link_counts *counts, const struct sim_mqtt *mqtt)
{
    *counts = mqtt->counts;
}
