/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A connection to the broker on which receipts leave, and nothing else happens. */
#include "gateway/adapters/mqtt_outlet.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define KEEPALIVE_S 30
#define LOOK_MS 200
#define RETRY_MS 5000
#define ID_BYTES 512u

static void on_connect(struct mosquitto *client, void *self, int code)
{
    struct gw_outlet *outlet = self;
    (void)client;
    outlet->up = code == 0; /* refused: the broker closes, and it is tried again */
}

static void on_disconnect(struct mosquitto *client, void *self, int code)
{
    struct gw_outlet *outlet = self;
    (void)client;
    (void)code;
    outlet->up = false;
    outlet->out.start = outlet->out.len = 0;
}

bool gw_outlet_init(struct gw_outlet *outlet, const char *client_id, unsigned number)
{
    char id[ID_BYTES];
    int len = snprintf(id, sizeof id, "%s-%u", client_id, number);
    memset(outlet, 0, sizeof *outlet);
    if (len < 0 || (size_t)len >= sizeof id) {
        return false;
    }
    outlet->client = mosquitto_new(id, true, outlet);
    if (outlet->client == NULL) {
        return false;
    }
    mosquitto_connect_callback_set(outlet->client, on_connect);
    mosquitto_disconnect_callback_set(outlet->client, on_disconnect);
    /* So it queues what it wants to write, and writes only when asked to. */
    (void)mosquitto_threaded_set(outlet->client, true);
    (void)mosquitto_int_option(outlet->client, MOSQ_OPT_TCP_NODELAY, 1);
    return true;
}

void gw_outlet_deinit(struct gw_outlet *outlet)
{
    if (outlet->client == NULL) {
        return;
    }
    if (outlet->up && gw_outlet_write(outlet)) {
        (void)mosquitto_disconnect(outlet->client); /* without it the broker sees the end, too */
        (void)mosquitto_loop_write(outlet->client, 1);
    }
    mosquitto_destroy(outlet->client);
    outlet->client = NULL;
}

void gw_outlet_tend(struct gw_outlet *outlet, const char *host, uint16_t port, int64_t now_ms)
{
    if (now_ms < outlet->look_ms) {
        return;
    }
    outlet->look_ms = now_ms + LOOK_MS;
    if (mosquitto_socket(outlet->client) < 0) {
        outlet->look_ms = now_ms + RETRY_MS;
        outlet->out.start = outlet->out.len = 0;
        if (mosquitto_connect(outlet->client, host, port, KEEPALIVE_S) == MOSQ_ERR_SUCCESS) {
            outlet->look_ms = now_ms; /* its CONNACK is on its way */
        }
    }
    /* What fails here is told by on_disconnect. */
    (void)mosquitto_loop_read(outlet->client, 1);
    if (gw_outlet_write(outlet)) {
        (void)mosquitto_loop_misc(outlet->client);
        (void)mosquitto_loop_write(outlet->client, 1);
    }
}

void gw_outlet_drop(struct gw_outlet *outlet)
{
    int fd = mosquitto_socket(outlet->client);
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_RDWR); /* so that the next read ends it */
        (void)mosquitto_loop_read(outlet->client, 1);
        (void)mosquitto_loop_read(outlet->client, 1); /* a packet may have stood before the end */
    }
    outlet->up = false;
    outlet->out.start = outlet->out.len = 0;
    outlet->look_ms = 0;
}

bool gw_outlet_up(const struct gw_outlet *outlet)
{
    return outlet->up;
}

bool gw_outlet_put(struct gw_outlet *outlet, const struct gw_wire_publish *publish)
{
    MT_CHECK(outlet->up);
    return gw_flow_put(&outlet->out, publish);
}

bool gw_outlet_write(struct gw_outlet *outlet)
{
    int fd = mosquitto_socket(outlet->client);
    if (fd < 0 || !gw_flow_write_pending(&outlet->out)) {
        return true;
    }
    enum gw_flow_state wrote = gw_flow_write(&outlet->out, fd);
    if (wrote == GW_FLOW_LOST) {
        gw_outlet_drop(outlet);
        return true;
    }
    return wrote == GW_FLOW_IDLE;
}
