/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A connection to the broker on which receipts leave, and nothing else happens.
 *
 *  Mosquitto takes one packet of a connection, then one of each other that has something, and so on. Behind
 *  one connection receipts would leave one by one between the messages of all meters, and wait the longer the
 *  more meters send. So the adapter has a few of these beside its own connection; a meter's receipts always
 *  take the same one, and keep their order. Its client id is the adapter's with a dash and a number. While an
 *  outlet is not connected, the adapter's own connection carries its receipts.
 *
 *  Runs on the MQTT adapter's thread. Never: subscribes, waits for the broker to answer.
 */
#ifndef GATEWAY_ADAPTERS_MQTT_OUTLET_H
#define GATEWAY_ADAPTERS_MQTT_OUTLET_H

#include <mosquitto.h>

#include "gateway/adapters/mqtt_flow.h"

/** Fields are private to mqtt_outlet.c, but for client, which is borrowed for setting credentials. */
struct gw_outlet {
    struct mosquitto *client;
    bool up;
    int64_t look_ms; /* when it is looked after next */
    struct gw_flow_out out;
};

/** Not connected yet.
 *
 *  Returns: false when there is no memory, or client_id (with its number, 23 characters and more are left to
 *           the broker to judge) is none; nothing is to be released then.
 */
MT_MUST_USE bool gw_outlet_init(struct gw_outlet *outlet, const char *client_id, unsigned number);

/** Say goodbye and release it; also one of zero bytes that was never made. */
void gw_outlet_deinit(struct gw_outlet *outlet);

/** Connect it if it is not, and keep it alive: to be called often, does something five times a second.
 *
 *  In: host, port as of mosquitto_connect; known to be reachable. now_ms: a monotonic clock, milliseconds.
 */
void gw_outlet_tend(struct gw_outlet *outlet, const char *host, uint16_t port, int64_t now_ms);

/** End its connection, if it has one: what it knows of the broker is out of date. */
void gw_outlet_drop(struct gw_outlet *outlet);

/** True when the broker has welcomed it. */
bool gw_outlet_up(const struct gw_outlet *outlet);

/** Queue one packet. Returns false when the buffer is full: write first. Only while it is up. */
MT_MUST_USE bool gw_outlet_put(struct gw_outlet *outlet, const struct gw_wire_publish *publish);

/** Write what is queued. Returns true when nothing is left to write. What is queued when the connection ends
 *  is dropped: the meters ask again. */
bool gw_outlet_write(struct gw_outlet *outlet);

#endif
