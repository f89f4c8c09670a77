/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The fleet's real sockets: one MQTT connection or one CoAP session for each meter, one thread for all.
 *
 *  MQTT: libmosquitto over TLS with the meter's pre-shared key; the meter's name is identity, user and
 *  client. CoAP: libcoap over DTLS with the same key, from a source port of its own that changes at
 *  every boot. What goes up is COSE already; the transport adds nothing that the gateway relies on but
 *  the name.
 *
 *  Everything happens in the _work functions, on the caller's thread. Never: blocks.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/hal/hal.h"
#include "meters/check.h"
#include "sim/spec.h"

#define SIM_LINK_WHY_BYTES 256u

/** Called within the _work functions. */
struct sim_link_events {
    void *owner;
    /** The gateway said something to a meter. */
    void (*down)(void *owner, uint32_t meter, const uint8_t *bytes, size_t len);
    /** A meter's transport is connected (again). */
    void (*up)(void *owner, uint32_t meter);
};

struct sim_link_config {
    const char *broker_host;
    uint16_t broker_port;     /**< The meters' TLS listener. */
    const char *gateway_host; /**< Of CoAP; a name or an address. */
    uint16_t gateway_port;
    const char *root; /**< First part of topics. */
    const char *site;
    struct sim_link_events events;
};

/** What one transport has seen. */
struct sim_link_counts {
    uint64_t connections; /**< Made. */
    uint64_t failures;    /**< Connections or requests that ended in an error. */
    uint64_t sent;        /**< Messages handed to the socket. */
    uint64_t unsent;      /**< Messages lost because there was no connection. */
    uint64_t received;
    uint64_t refused;             /**< CoAP answers 4.xx and 5.xx. */
    char why[SIM_LINK_WHY_BYTES]; /**< The last failure in words; empty: none. */
};

struct sim_mqtt;
struct sim_coap;

/** The wall's own clock, for pauses: microseconds that never go back. */
int64_t sim_link_now_us(void);

/** Make room for meter_count meters (by index); none is connected. The config's texts are copied.
 *  Returns false with a sentence in why. */
MT_MUST_USE bool sim_mqtt_open(struct sim_mqtt **mqtt, const struct sim_link_config *config,
                               uint32_t meter_count, char why[SIM_LINK_WHY_BYTES]);
void sim_mqtt_close(struct sim_mqtt *mqtt);

/** A file descriptor that is readable when sim_mqtt_work has something to do. */
int sim_mqtt_fd(const struct sim_mqtt *mqtt);

/** A meter is switched on: connect, and again whenever the connection ends. */
void sim_mqtt_start(struct sim_mqtt *mqtt, const struct sim_spec *spec);
void sim_mqtt_stop(struct sim_mqtt *mqtt, uint32_t meter);
/** Returns false when there is no connection: the message is lost. frame may be SIM_FRAME_RAW. */
bool sim_mqtt_send(struct sim_mqtt *mqtt, uint32_t meter, enum fw_frame frame, const uint8_t *bytes,
                   size_t len);
/** Do what is due without waiting. Call it at least ten times a second. */
void sim_mqtt_work(struct sim_mqtt *mqtt);
void sim_mqtt_counts(struct sim_link_counts *counts, const struct sim_mqtt *mqtt);

/** The same for CoAP. A session is made by the first message after a start or a pause. */
MT_MUST_USE bool sim_coap_open(struct sim_coap **coap, const struct sim_link_config *config,
                               uint32_t meter_count, char why[SIM_LINK_WHY_BYTES]);
void sim_coap_close(struct sim_coap *coap);
int sim_coap_fd(const struct sim_coap *coap);
void sim_coap_start(struct sim_coap *coap, const struct sim_spec *spec);
void sim_coap_stop(struct sim_coap *coap, uint32_t meter);
bool sim_coap_send(struct sim_coap *coap, uint32_t meter, enum fw_frame frame, const uint8_t *bytes,
                   size_t len);
void sim_coap_work(struct sim_coap *coap);
void sim_coap_counts(struct sim_link_counts *counts, const struct sim_coap *coap);

#endif
