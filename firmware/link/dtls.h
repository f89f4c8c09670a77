/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meter's end of DTLS: one session with the gateway, by a pre-shared key, on top of wolfSSL.
 *
 *      DOWN --begin--> SHAKING --the gateway proved that it has the key--> UP
 *        ^                |                                                 |
 *        +--no answer-----+------- its alert, fw_dtls_end ------------------+
 *
 *  DTLS 1.2 with TLS_PSK_WITH_AES_128_CCM_8 or _CCM (RFC 6655), or, where it is built in, DTLS 1.3 with a
 *  connection ID (RFC 9146, RFC 9147): such a session survives another address of the meter's.
 *
 *  What a stranger sends never ends a session: records that do not verify are dropped in silence. While a
 *  handshake is under way a forged alert can end it, as DTLS has it; the caller then tries again.
 *
 *  Never: clock, waiting, sockets. wolfSSL takes its memory from the heap; the most of it during the
 *  handshake (docs/firmware.md says how much).
 */
#ifndef FIRMWARE_LINK_DTLS_H
#define FIRMWARE_LINK_DTLS_H

#include "firmware/link/udp.h"
#include "meters/keys.h"
#include "meters/reading.h"

#define FW_DTLS_DATAGRAM_MAX 1500u /**< Bytes of one received datagram; longer ones are dropped. */
#define FW_DTLS_REPEAT_MAX 5u      /**< Repetitions of one flight, at most. */

struct WOLFSSL;
struct WOLFSSL_CTX;

/** A version of the protocol. */
struct fw_dtls_version;
extern const struct fw_dtls_version fw_dtls_12;
extern const struct fw_dtls_version fw_dtls_13; /**< Not in the base profile of a board. */

enum fw_dtls_state {
    FW_DTLS_DOWN = 0,
    FW_DTLS_SHAKING = 1,
    FW_DTLS_UP = 2,
};

struct fw_dtls_config {
    const struct fw_dtls_version *version;
    const char *identity;      /**< The meter's name; copied. */
    uint8_t psk[MT_KEY_BYTES]; /**< Its transport key; copied. */
    struct fw_udp udp;         /**< Where datagrams leave. */
    int64_t flight_us;         /**< First pause before a flight is repeated, > 0; it doubles. */
    uint32_t repeat_max;       /**< Repetitions, 1 to FW_DTLS_REPEAT_MAX. */
};

/** A session. All fields are the module's own; a caller may read state. */
struct fw_dtls {
    enum fw_dtls_state state;
    const struct fw_dtls_version *version;
    struct fw_udp udp;
    char identity[MT_NAME_MAX + 1];
    uint8_t psk[MT_KEY_BYTES];
    struct WOLFSSL_CTX *context;
    struct WOLFSSL *ssl; /**< NULL while DOWN. */
    int64_t flight_us;
    uint32_t repeat_max;
    uint32_t repetitions;
    int64_t pause_us;
    int64_t due_us; /**< The flight is repeated then; INT64_MAX: nothing is. */
    const uint8_t *in;
    size_t in_len; /**< What wolfSSL may take: the datagram at hand. */
};

/** Prepare; nothing is sent. Returns: FW_OK; FW_IO when there is no memory. Then *dtls is unspecified. */
MT_MUST_USE enum fw_status fw_dtls_init(struct fw_dtls *dtls, const struct fw_dtls_config *config);

/** Give everything back; the gateway is not told. */
void fw_dtls_deinit(struct fw_dtls *dtls);

/** Begin a handshake, giving up the session there was. In: spread  chance for the pauses, 0 to 65535.
 *  Returns: FW_OK with state SHAKING; FW_IO when there is no memory for it: DOWN. */
MT_MUST_USE enum fw_status fw_dtls_begin(struct fw_dtls *dtls, uint32_t spread, int64_t now_us);

/** Give the session up without a word. */
void fw_dtls_end(struct fw_dtls *dtls);

/** Take a datagram, borrowed until fw_dtls_read has returned 0. The state may change. */
void fw_dtls_take(struct fw_dtls *dtls, const uint8_t *bytes, size_t len);

/** The next record's content out of the datagram that was taken; to be called until it returns 0.
 *  Returns: bytes put into out; 0: none. The state may change. In: max  FW_DTLS_DATAGRAM_MAX or more */
size_t fw_dtls_read(struct fw_dtls *dtls, uint8_t *out, size_t max);

/** Protect and send one message. Returns FW_OK as struct fw_udp has it; FW_IO unless UP. */
enum fw_status fw_dtls_send(struct fw_dtls *dtls, const uint8_t *bytes, size_t len);

/** Repeat a flight that is due, or give up: then the state is DOWN. */
void fw_dtls_step(struct fw_dtls *dtls, int64_t now_us);

/** When fw_dtls_step is to be called next; INT64_MAX: not at all. */
int64_t fw_dtls_next_us(const struct fw_dtls *dtls);

#endif
