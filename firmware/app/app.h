/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A whole meter on the network: the rules of firmware/core, CoAP, and DTLS over one UDP socket.
 *
 *      port: fw_app_init -> { fw_app_datagram, fw_app_count, fw_app_step }* at any time
 *
 *  The app keeps one session with the gateway, sends fw_meter's messages to POST /m/<name>, and, when it
 *  is told to, observes GET /m/<name>/down. What both bring goes to fw_meter_downlink.
 *
 *      DOWN --something to send, pause over--> SHAKING --finished--> UP
 *        ^                                        |                   |
 *        +------ no answer: longer pause ---------+                   |
 *        +------ no answer, the gateway's alert, or silent too long --+
 *
 *  A gateway that does not know the meter, or knows another key, is silent: handshakes follow each
 *  other with growing, random pauses. A session that stood silent for so long that the gateway may have
 *  given it up is not tried first.
 *
 *  The port's link_send in struct fw_hal hands its message to fw_app_link_send and returns what that
 *  returns: its context leads to the app, whatever else it holds.
 *
 *  Never: heap of its own (wolfSSL's: firmware/link/dtls.h), clock, waiting, stdio. One app per thread;
 *  nothing here may be called from within a HAL function except fw_app_link_send.
 */
#ifndef FIRMWARE_APP_APP_H
#define FIRMWARE_APP_APP_H

#include "firmware/core/meter.h"
#include "firmware/link/client.h"
#include "firmware/link/dtls.h"
#include "firmware/link/udp.h"

/** How the meter behaves on the network. */
struct fw_app_net {
    const struct fw_dtls_version
        *version; /**< Borrowed; NULL: CoAP without DTLS, on loopback only. */
    bool observe; /**< Ask for commands; without it they wait for the meter's next message. */
    struct fw_coap_timing timing; /**< Of requests; ack_us and retransmit_max of handshakes too. */
    int64_t idle_us;      /**< A session silent for so long is made anew before it is used, > 0. */
    int64_t observe_us;   /**< The observation is renewed after so long, > 0. */
    int64_t shake_us;     /**< First pause after a handshake that failed, > 0. */
    int64_t shake_us_max; /**< Longest such pause, not under shake_us. */
};

struct fw_app_config {
    struct fw_config meter; /**< Who it is; the transport key is derived from its root key. */
    struct fw_app_net net;
};

enum fw_app_state {
    FW_APP_DOWN = 0,
    FW_APP_SHAKING = 1,
    FW_APP_UP = 2,
};

/** What happened since boot; for the port's own diagnosis. */
struct fw_app_stats {
    uint32_t handshakes;    /**< Begun. */
    uint32_t sessions;      /**< Finished handshakes. */
    uint32_t posts;         /**< Messages that the gateway answered with class 2. */
    uint32_t refused;       /**< Answers of class 4 and 5. */
    uint32_t failed;        /**< Exchanges that ended without an answer. */
    uint32_t notifications; /**< Of the observed resource. */
    uint32_t datagrams;     /**< Handed in by the port. */
};

/** One meter on the network. All fields are the app's; a port may read meter, state and stats. */
struct fw_app {
    struct fw_meter meter;
    struct fw_work work;
    struct fw_app_net net;
    const struct fw_hal *hal; /**< Borrowed. */
    struct fw_udp udp;
    struct fw_dtls dtls; /**< Unless net.version is NULL. */
    struct fw_coap_client coap;
    char post_path[FW_COAP_PATH_MAX + 1];
    char down_path[FW_COAP_PATH_MAX + 1];
    enum fw_app_state state;
    int64_t begin_us; /**< DOWN: no handshake before. */
    int64_t heard_us; /**< UP: the gateway's last authentic datagram, or the handshake's end. */
    int64_t hold_us;  /**< Nothing is posted before: the gateway asked for a pause. */
    int64_t observe_due_us; /**< UP: the observation is asked for then. */
    uint32_t failures;      /**< Handshakes that failed, in a row. */
    bool wanted;            /**< meter.out is to be posted. */
    bool posting;           /**< The exchange under way is that. */
    bool watching;          /**< The exchange under way is the observation's. */
    struct fw_app_stats stats;
    uint8_t inbox[FW_DTLS_DATAGRAM_MAX];
};

/** Defaults: fw_config_default's, DTLS 1.2, RFC 7252's timing, sessions renewed after 280 s of silence (the
 *  gateway's own limit is 300), pauses from 10 s to 1 h. Power meters observe, and renew that after 240 s,
 *  which keeps their session; water and gas meters sleep. */
void fw_app_config_default(struct fw_app_config *config, enum mt_medium medium);

/** Start, or start again after a power cut.
 *
 *  In:      config copied; hal and what udp points to borrowed until fw_app_deinit; now_us of uptime
 *  Returns: FW_OK; FW_INVALID (configuration); FW_IO (the storage, or no memory for DTLS). *app is
 *           unspecified unless FW_OK; then fw_app_deinit gives back what it took.
 */
MT_MUST_USE enum fw_status fw_app_init(struct fw_app *app, const struct fw_app_config *config,
                                       const struct fw_hal *hal, const struct fw_udp *udp,
                                       int64_t now_us);

/** End the session, silently: the gateway finds out by itself. */
void fw_app_deinit(struct fw_app *app);

/** Take one datagram from the gateway's address. The bytes are borrowed for the call. */
void fw_app_datagram(struct fw_app *app, const uint8_t *bytes, size_t len, int64_t now_us);

/** Do all that is due. Returns the uptime at which it wants to be called again, at the latest; call it
 *  after every other function too. */
int64_t fw_app_step(struct fw_app *app, int64_t now_us);

/** The body of the port's link_send: meter.out is posted as soon as there is a session. Returns FW_OK. */
enum fw_status fw_app_link_send(struct fw_app *app, enum fw_frame frame, const uint8_t *bytes,
                                size_t len);

/** The network is back (an address was given, a cable plugged in): a pause under way is cut short. */
void fw_app_network_up(struct fw_app *app, int64_t now_us);

#endif
