/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meter's CoAP client: one request at a time (RFC 7252, 4.7: NSTART is 1), one observed resource.
 *
 *              fw_coap_ask       step: sent          empty ACK
 *      IDLE ---------------> READY --------> SENT -------------> ACKNOWLEDGED
 *       ^                      ^              | |                     |
 *       +--- answer, failure --+--------------+-+---------------------+
 *                              +--- the answer asks for the next block (RFC 7959)
 *
 *  Requests are confirmable: repeated with doubling, randomised pauses until they are acknowledged
 *  (4.2). Answers come in the acknowledgement or by themselves (5.2), and each is taken once (4.5). A
 *  body that is too long for one message is sent in blocks (Block1); what is downloaded comes in blocks
 *  that the caller takes one by one, from any offset on (Block2). Notifications that were overtaken by
 *  newer ones are dropped (RFC 7641, 3.4).
 *
 *  Never: heap, clock, waiting. Time is an argument: microseconds of uptime. What goes out is given to
 *  one struct fw_udp; a datagram that it does not take counts as one that was lost.
 */
#ifndef FIRMWARE_LINK_CLIENT_H
#define FIRMWARE_LINK_CLIENT_H

#include "firmware/link/coap.h"
#include "firmware/link/udp.h"

#define FW_COAP_BLOCK_SZX 6u       /**< Blocks of 1,024 bytes, unless the gateway wants smaller. */
#define FW_COAP_DATAGRAM_MAX 1152u /**< RFC 7252, 4.6: the largest message without fragments. */
#define FW_COAP_PATH_MAX 63u       /**< Characters of a request's path. */
#define FW_COAP_SEEN_COUNT 8u      /**< Messages of the gateway remembered against repetition. */
#define FW_COAP_OWN_TOKEN_BYTES 4u /**< Of the tokens that this client makes. */
#define FW_COAP_BODY_MAX (1u << 20u) /**< Bytes sent in blocks: their number fits the option. */

/** RFC 7252, 4.8; fw_coap_timing_default has its numbers. */
struct fw_coap_timing {
    int64_t ack_us;          /**< ACK_TIMEOUT: shortest first pause, > 0. */
    int64_t response_us;     /**< Wait for an answer that was acknowledged empty, > 0. */
    uint32_t retransmit_max; /**< MAX_RETRANSMIT: repetitions of one message, 0 to 10. */
};

/** 2 s, 60 s, 4 repetitions: an unanswered request ends after 62 to 93 s. */
void fw_coap_timing_default(struct fw_coap_timing *timing);

enum fw_coap_phase {
    FW_COAP_IDLE = 0,
    FW_COAP_READY = 1,        /**< A message is to be built and sent by the next step. */
    FW_COAP_SENT = 2,         /**< It is out; the timer is its repetition. */
    FW_COAP_ACKNOWLEDGED = 3, /**< The answer follows by itself; the timer ends the wait. */
};

/** What to ask. */
struct fw_coap_request {
    uint8_t code;           /**< FW_COAP_GET or FW_COAP_POST. */
    bool observe;           /**< GET: and send what follows. Replaces the observation there was. */
    uint16_t format;        /**< Content-Format of the payload. */
    const char *path;       /**< Segments divided by '/', none leading; copied. */
    const uint8_t *payload; /**< Borrowed until the exchange ends; NULL: none. */
    size_t payload_len;     /**< Up to FW_COAP_BODY_MAX. */
    uint32_t offset;        /**< GET: bytes that are there already, a multiple of 1,024. */
    uint8_t etag_len;       /**< GET with offset: of the body that those are of; 0: not known. */
    uint8_t etag[FW_COAP_ETAG_MAX];
};

enum fw_coap_event {
    FW_COAP_NOTHING = 0,
    FW_COAP_ANSWERED = 1, /**< The exchange ended with an answer, of any class. */
    FW_COAP_PART = 2, /**< GET: one block, more follow; the next is asked for by the next step. */
    FW_COAP_NOTIFIED = 3, /**< Of the observed resource. `observing` false: the last one. */
    FW_COAP_FAILED = 4,   /**< The exchange ended without an answer; `why` says how. */
};

enum fw_coap_failure {
    FW_COAP_TIMEOUT = 0,   /**< Nothing came. */
    FW_COAP_REJECTED = 1,  /**< The gateway answered with a reset. */
    FW_COAP_MALFORMED = 2, /**< An answer with a critical option that is unknown or out of place. */
    FW_COAP_CHANGED = 3,   /**< The body is another one than that of the first block. */
};

/** What an event brings. Pointers borrow from the datagram, so they are good until the caller gives it up. */
struct fw_coap_answer {
    uint8_t code;
    bool has_format;
    bool observing; /**< An observation stands after this. */
    bool more;      /**< More of the body follows this block. */
    uint16_t format;
    uint32_t max_age_s; /**< 60 when the gateway did not say. */
    uint32_t offset;    /**< GET: where the payload belongs in the body. */
    uint32_t size;      /**< GET: whole size as the gateway estimates it; 0: it did not say. */
    uint8_t etag_len;
    uint8_t etag[FW_COAP_ETAG_MAX];
    enum fw_coap_failure why; /**< FW_COAP_FAILED. */
    const uint8_t *payload;
    size_t payload_len;
};

/** A message of the gateway's that was taken, and the type of the reply; 4.5. */
struct fw_coap_seen {
    bool used;
    uint16_t mid;
    enum fw_coap_type reply;
    int64_t at_us;
};

struct fw_coap_stats {
    uint32_t sent;     /**< Datagrams, repetitions included. */
    uint32_t repeated; /**< Of those, repetitions of a request. */
    uint32_t ignored;  /**< Datagrams that belong to nothing. */
    uint32_t twice;    /**< Messages that came again. */
    uint32_t stale;    /**< Notifications that newer ones had overtaken. */
};

/** The client. All fields are its own; a caller may read phase and stats. */
struct fw_coap_client {
    struct fw_coap_timing timing;
    struct fw_udp udp;
    uint64_t random;
    uint16_t next_mid;
    enum fw_coap_phase phase;
    struct fw_coap_request request; /**< With its path below. */
    char path[FW_COAP_PATH_MAX + 1];
    uint8_t szx;     /**< Block size of this exchange, 16 << szx. */
    uint32_t offset; /**< Bytes of the body that are done, either way. */
    bool restarted;  /**< The body was begun anew once. */
    uint16_t mid;    /**< Of the message that is out. */
    uint8_t token[FW_COAP_OWN_TOKEN_BYTES];
    uint32_t repetitions;
    int64_t pause_us;
    int64_t due_us; /**< Unless IDLE. */
    bool observing;
    uint8_t observe_token[FW_COAP_OWN_TOKEN_BYTES];
    uint32_t observe_number; /**< Of the newest notification; 24 bits. */
    int64_t observe_us;      /**< When it came. */
    uint32_t seen_next;
    struct fw_coap_seen seen[FW_COAP_SEEN_COUNT];
    struct fw_coap_stats stats;
    size_t datagram_len;
    uint8_t datagram[FW_COAP_DATAGRAM_MAX];
};

/** Start. In: timing and udp copied; seed is unpredictable bits, for tokens, message IDs and pauses. */
void fw_coap_client_init(struct fw_coap_client *client, const struct fw_coap_timing *timing,
                         const struct fw_udp *udp, uint64_t seed);

/** Forget the exchange and the observation: the session they were of is gone. Seeds go on. */
void fw_coap_client_reset(struct fw_coap_client *client);

/** Begin an exchange; the next step sends it. One under way is given up, its answer will be ignored. */
void fw_coap_ask(struct fw_coap_client *client, const struct fw_coap_request *request,
                 int64_t now_us);

/** Give up the exchange under way, if any. */
void fw_coap_cancel(struct fw_coap_client *client);

/** Take one datagram of the gateway's. Out: *answer unless FW_COAP_NOTHING. */
enum fw_coap_event fw_coap_datagram(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                    const uint8_t *bytes, size_t len, int64_t now_us);

/** Send, repeat or give up what is due. Returns FW_COAP_NOTHING, or FW_COAP_FAILED with *answer. */
enum fw_coap_event fw_coap_step(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                int64_t now_us);

/** When fw_coap_step is to be called next; INT64_MAX: nothing is due. */
int64_t fw_coap_next_us(const struct fw_coap_client *client);

#endif
