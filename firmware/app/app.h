/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A whole meter on the network: the rules of firmware/core, CoAP, and DTLS over one UDP socket.
 *
 *      port: fw_app_init -> { fw_app_datagram, fw_app_step, fw_app_count }* at any time
 *
 *  The app keeps one session with the gateway, sends fw_meter's messages to POST /m/<name>, and
 *  observes GET /m/<name>/down. The answers of both go to fw_meter_downlink.
 *
 *      DOWN --something to send, pause over--> SHAKING --finished--> UP
 *        ^                                        |                   |
 *        +------ no answer: longer pause ---------+                   |
 *        +------ no answer at all, an alert, or idle for too long ----+
 *
 *  A gateway that does not know the meter, or knows another key, is silent: handshakes follow each
 *  other with growing, random pauses. A session that stood idle for so long that the gateway gave it
 *  up is not tried first.
 *
 *  The port's `link_send` in struct fw_hal hands its message to fw_app_link_send and returns what that
 *  returns: its context leads to the app, whatever else it holds.
 *
 *  Never: heap of its own (wolfSSL allocates, see firmware/link/heap.h), clock, waiting, stdio. One app
 *  per thread; nothing here may be called from within a HAL function except fw_app_link_send.
 */
#ifndef FIRMWARE_APP_APP_H
#define FIRMWARE_APP_APP_H

#include "firmware/core/meter.h"
#include "firmware/link/client.h"
#include "firmware/link/dtls.h"
#include "firmware/link/udp.h"
#include "meters/name.h"

/** How the meter behaves on the network. fw_app_config_default fills all but meter's identity and keys. */
struct fw_app_config {
    struct fw_config meter; /**< Who it is; the transport key is derived from its root key. */
    uint64_t start_us;      /**< Uptime at fw_app_init. */
    bool plain;             /**< CoAP without DTLS, for tests on loopback. */
    bool observe;           /**< Ask for commands; without it they come with the receipts' answers only. */
    struct fw_coap_timing timing; /**< Of the CoAP client and of the handshake. */
    int64_t idle_us;       /**< A session silent for so long is made anew before it is used, > 0. */
    int64_t observe_us;    /**< The observation is asked for again after so long, > 0. */
    int64_t shake_us;      /**< First pause after a handshake that failed, > 0. */
    int64_t shake_us_max;  /**< Longest such pause, not under shake_us. */
};

enum fw_app_state {
    FW_APP_DOWN = 0,
    FW_APP_SHAKING = 1,
    FW_APP_UP = 2,
};

/** What happened since boot; for the port's own diagnosis. */
struct fw_app_stats {
    uint32_t handshakes;        /**< Begun. */
    uint32_t handshakes_failed;
    uint32_t posts;             /**< Messages whose exchange ended with an answer of class 2. */
    uint32_t refused;           /**< Answers of class 4 and 5. */
    uint32_t timeouts;          /**< Exchanges without an answer. */
    uint32_t notifications;     /**< Of the observed resource. */
    uint32_t datagrams;         /**< Handed in by the port. */
};

/** One meter on the network. All fields belong to the app; a port may read state, stats and meter. */
struct fw_app {
    struct fw_meter meter;
    struct fw_work work;
    struct fw_app_config config; /**< Without the keys, which are wiped once derived. */
    struct fw_udp udp;
    struct fw_dtls dtls;
    struct fw_coap_client coap;
    char name[MT_NAME_MAX + 1];
    size_t name_len;
    enum fw_app_state state;
    uint64_t now_us;
    uint64_t begin_us;        /**< DOWN: no handshake before. */
    uint64_t heard_us;        /**< UP: the gateway's last authentic datagram. */
    uint64_t hold_us;         /**< Nothing is posted before: the gateway asked for a pause. */
    uint64_t observe_due_us;  /**< The observation is asked for again. */
    uint32_t failures;        /**< Handshakes that failed, in a row. */
    bool posting;             /**< The exchange under way is a message's. */
    enum fw_frame message_frame;
    size_t message_len;       /**< 0: none waits. */
    uint8_t message[FW_FRAME_BYTES_MAX];
    struct fw_app_stats stats;
};

/** Defaults: fw_config_default's, RFC 7252's timing, sessions renewed after 280 s idle, the observation
 *  after a day, pauses from 10 s to 1 h. */
void fw_app_config_default(struct fw_app_config *config, enum mt_medium medium);

/** Start, or start again after a power cut.
 *
 *  In:      config copied; hal and what udp points to borrowed until the app is given up
 *  Returns: FW_OK; FW_INVALID (configuration); FW_IO (the storage, or no memory for DTLS). *app is
 *           unspecified unless FW_OK; then fw_app_deinit gives its memory back.
 */
MT_MUST_USE enum fw_status fw_app_init(struct fw_app *app, const struct fw_app_config *config,
                                       const struct fw_hal *hal, const struct fw_udp *udp);

/** End the session, silently: the gateway finds out by itself. */
void fw_app_deinit(struct fw_app *app);

/** Take one datagram from the gateway's address. The bytes are borrowed for the call. */
void fw_app_datagram(struct fw_app *app, const uint8_t *bytes, size_t len, uint64_t now_us);

/** Do all that is due. Returns the uptime at which it wants to be called again, at the latest; call it
 *  after fw_app_datagram and fw_app_count too. UINT64_MAX never comes: a meter always has a next record
 *  or waits for the time. */
uint64_t fw_app_step(struct fw_app *app, uint64_t now_us);

/** The body of the port's link_send. Returns FW_OK when the message is taken, or is on its way already;
 *  FW_IO when another one is (core tries again after its pause). */
enum fw_status fw_app_link_send(struct fw_app *app, enum fw_frame frame, const uint8_t *bytes,
                                size_t len);

/** As fw_meter_count, fw_meter_flag, fw_meter_confirm, fw_meter_power_fail. */
void fw_app_count(struct fw_app *app, int64_t units, uint64_t now_us);
void fw_app_flag(struct fw_app *app, uint8_t flags);
void fw_app_confirm(struct fw_app *app, uint64_t now_us);
MT_MUST_USE enum fw_status fw_app_power_fail(struct fw_app *app);

/** The network is back (an address was given, a cable plugged in): a pause under way is cut short. */
void fw_app_network_up(struct fw_app *app, uint64_t now_us);

#endif
