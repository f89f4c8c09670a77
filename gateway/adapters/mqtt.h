/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The gateway's side of MQTT: messages from the broker to the core, receipts back to the meters.
 *
 *  One thread of its own runs libmosquitto's client without libmosquitto's threads: libmosquitto makes
 *  the connection, subscribes and keeps it alive; messages at QoS 0, both ways, are taken and given in
 *  bulk from and to its socket (mqtt_wire.h), because libmosquitto makes three system calls for each
 *  and allocates whatever size a header names. The gateway's link to its broker is a Unix socket, the
 *  loopback or a private wire: it has no TLS; the meters' side has. It subscribes to the topics of mqtt_topic.h at QoS 0: the broker's acknowledgement is not durable anyway (a broker
 *  that is killed forgets what it acknowledged), and a meter keeps every record until the gateway's own
 *  receipt says that it is durable. So what is lost between broker and gateway comes again.
 *
 *  Nothing is dropped silently. When the core is behind and the inbound ring is full, the socket is
 *  left unread until there is room (stalled_count): the broker's buffers fill, then the broker drops
 *  and says so, and the meters send again. A message above GW_MESSAGE_BYTES_MAX is refused before it is
 *  copied (oversize_count) and told to the core as such, so that the refusal is on record.
 *
 *  A connection that is lost is opened again after 0.5 s, 1 s, 2 s ... up to a minute, each with up to
 *  half of it taken off at random, so that many gateways do not come back in step. The retained topic
 *  <root>/<site>/gateway says "online", and by the broker's last will "offline".
 *
 *  Receipts of one meter are cumulative ("all below N is durable"), so of several that wait together
 *  only the newest is sent (merged_count). At rest a receipt goes at once. While messages keep coming, 10 or
 *  more a millisecond, receipts wait for that, 1 to 25 ms by the pace (mqtt_gather.h), and the socket is
 *  looked at every millisecond, which spares broker and gateway a wake-up for each message.
 *
 *  Threads: open, close, reply and the inbox belong to the core's thread; state may be asked by any.
 *  Never: decides about a message, logs, waits for the core while it holds something the core needs.
 */
#ifndef GATEWAY_ADAPTERS_MQTT_H
#define GATEWAY_ADAPTERS_MQTT_H

#include "gateway/adapters/inbox.h"
#include "gateway/adapters/mqtt_topic.h"

#define GW_MQTT_QUEUE_BYTES_MIN ((size_t)64 * 1024)
#define GW_MQTT_QUEUE_BYTES_MAX ((size_t)1 << 30)
#define GW_MQTT_WHY_BYTES 160u

/** Where the broker is. Texts are borrowed for the call of gw_mqtt_open. */
struct gw_mqtt_config {
    const char *host; /**< Name or address; with unix_socket unused. */
    uint16_t port;
    const char *unix_socket;   /**< Path of the broker's socket, or NULL. */
    const char *username;      /**< NULL: none. */
    const char *password_file; /**< Its first line; read again at every connection. NULL: none. */
    const char *root;          /**< First part of every topic; NULL: "meterpay". */
    const char *site;          /**< Second part. */
    const char *client_id;     /**< Unique at this broker. */
    int qos;                   /**< Of the subscriptions: 0, or 1. */
    size_t
        queue_bytes; /**< Inbound ring; raised to a power of two. The outbound one is as large. */
    struct gw_bell
        *filled; /**< The core's bell: rung when a message arrived. Outlives the adapter. */
};

struct gw_mqtt;

/** Start the thread; the connection is made, and made again, in the background.
 *
 *  Returns: GW_OK; GW_INVALID (a field out of bounds); GW_FULL (no memory or thread left).
 *  Out:     *mqtt  untouched unless GW_OK; closed by gw_mqtt_close.
 */
MT_MUST_USE enum gw_status gw_mqtt_open(struct gw_mqtt **mqtt, const struct gw_mqtt_config *config);

/** Say "offline", disconnect and end the thread; takes up to 5 seconds while a connection is being made. */
void gw_mqtt_close(struct gw_mqtt *mqtt);

/** Messages for the core: gw_inbox_get and gw_inbox_release, on the core's thread. */
struct gw_ring *gw_mqtt_inbox(struct gw_mqtt *mqtt);

/** Send what the commit allowed: the reply's receipt to the meter's down topic, when it has one.
 *  Does not wait: with the outbound ring full the receipt is left out (left_out_count), and the meter
 *  gets another one when it sends again. */
void gw_mqtt_reply(struct gw_mqtt *mqtt, const struct gw_reply *reply);

/** How it is; a moment's look, each number exact by itself. */
struct gw_mqtt_state {
    bool connected;              /**< And subscribed. */
    int64_t since_us;            /**< When that began; microseconds since 1970. */
    uint64_t connection_count;   /**< Connections made. */
    uint64_t message_count;      /**< Handed to the core. */
    uint64_t oversize_count;     /**< Of those, refused as too large. */
    uint64_t foreign_count;      /**< On a topic that is none of ours. */
    uint64_t stalled_count;      /**< Times that reading stopped for want of room. */
    uint64_t receipt_count;      /**< Published. */
    uint64_t merged_count;       /**< Made needless by a newer one of the same meter. */
    uint64_t left_out_count;     /**< Not sent: ring full or not connected. */
    char why[GW_MQTT_WHY_BYTES]; /**< Why it is not connected, in words; empty while it is. */
};
void gw_mqtt_state(struct gw_mqtt_state *out, struct gw_mqtt *mqtt);

#endif
