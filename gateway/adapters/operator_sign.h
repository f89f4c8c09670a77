/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The signature on each request to the wallet operator: Ed25519 (RFC 8032) over a canonical text.
 *
 *  docs/operator-api.md, "Signed requests", defines the text. It is used by the gateway, which signs,
 *  and by the stand-in operator, which verifies; the end-to-end test signs with a program of its own.
 *
 *  Never: shows a key, or accepts a key of another kind.
 */
#ifndef GATEWAY_ADAPTERS_OPERATOR_SIGN_H
#define GATEWAY_ADAPTERS_OPERATOR_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/status.h"
#include "meters/check.h"

#define GW_SIGNATURE_HEX 128u         /**< Characters of a signature in lower-case hex. */
#define GW_SIGN_TARGET_BYTES_MAX 256u /**< Characters of a path with its query. */

/** An Ed25519 key, public or private. */
struct gw_sign_key;

/** What is signed. Text without line ends; borrowed for the call. */
struct gw_sign_input {
    const char *method;  /**< "GET", "POST". */
    const char *target;  /**< As on the request line: path and query. */
    const char *gateway; /**< Gateway id. */
    int64_t time_us;     /**< By the sender's clock, microseconds since 1970 UTC. */
    const char *key;     /**< Idempotency key, "" for a GET. */
    const void *body;    /**< May be NULL when body_bytes is 0. */
    size_t body_bytes;
};

/** Read a private key from a PEM file that is not encrypted.
 *
 *  Returns: GW_OK and *key, which the caller closes; GW_IO (cannot be read); GW_INVALID (not an Ed25519
 *           private key in PEM).
 */
MT_MUST_USE enum gw_status gw_sign_key_open_private(struct gw_sign_key **key, const char *path);

/** The same for a public key. */
MT_MUST_USE enum gw_status gw_sign_key_open_public(struct gw_sign_key **key, const char *path);

/** Wipe and free. NULL is allowed. */
void gw_sign_key_close(struct gw_sign_key *key);

/** Sign a request.
 *
 *  Returns: GW_OK; GW_INVALID: a part is too long or holds a line end, or the key is public only.
 *  Out:     hex  GW_SIGNATURE_HEX characters and a NUL; untouched on failure.
 */
MT_MUST_USE enum gw_status gw_sign_request(char hex[GW_SIGNATURE_HEX + 1],
                                           const struct gw_sign_key *key,
                                           const struct gw_sign_input *input);

/** True when hex is the signature of input by the owner of key. Any thread; key is only read. */
MT_MUST_USE bool gw_sign_verify(const struct gw_sign_key *key, const struct gw_sign_input *input,
                                const char *hex);

/** SHA-256 in lower-case hex.
 *
 *  Out: hex  64 characters and a NUL.
 */
void gw_sign_sha256_hex(char hex[65], const void *bytes, size_t len);

#endif
