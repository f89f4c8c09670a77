/* SPDX-License-Identifier: GPL-3.0-or-later */
/** CoAP messages as bytes (RFC 7252, clause 3), with the options that a meter's client needs: Observe
 *  (RFC 7641) and Block1, Block2 (RFC 7959).
 *
 *  Reading never fails half: a message is well formed, or it is not. What a response must not be acted
 *  upon for (an unknown critical option, 5.4.1) is marked, because how it is rejected depends on the
 *  message's type. No heap, clock or state.
 */
#ifndef FIRMWARE_LINK_COAP_H
#define FIRMWARE_LINK_COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"

#define FW_COAP_TOKEN_MAX 8u
#define FW_COAP_ETAG_MAX 8u
#define FW_COAP_CODE(class, detail) ((uint8_t)(((class) << 5) | (detail)))
#define FW_COAP_EMPTY 0u
#define FW_COAP_GET FW_COAP_CODE(0, 1)
#define FW_COAP_POST FW_COAP_CODE(0, 2)
#define FW_COAP_CONTINUE FW_COAP_CODE(2, 31)
#define FW_COAP_INCOMPLETE FW_COAP_CODE(4, 8)
#define FW_COAP_TOO_LARGE FW_COAP_CODE(4, 13)

enum fw_coap_type { FW_COAP_CON = 0, FW_COAP_NON = 1, FW_COAP_ACK = 2, FW_COAP_RST = 3 };

/** Option numbers: RFC 7252 table 7, RFC 7641 clause 2, RFC 7959 clause 2.1. */
enum fw_coap_option {
    FW_COAP_ETAG = 4,
    FW_COAP_OBSERVE = 6,
    FW_COAP_URI_PATH = 11,
    FW_COAP_CONTENT_FORMAT = 12,
    FW_COAP_MAX_AGE = 14,
    FW_COAP_BLOCK2 = 23,
    FW_COAP_BLOCK1 = 27,
    FW_COAP_SIZE2 = 28,
};

/** A block option's value. */
struct fw_coap_block {
    bool present;
    bool more;
    uint8_t szx;  /**< Block size is 16 << szx; 0 to 6. */
    uint32_t num; /**< 0 to 2^20 - 1. */
};

/** A message, read. Pointers borrow from the datagram. */
struct fw_coap_message {
    enum fw_coap_type type;
    uint8_t code;
    uint16_t mid;
    uint8_t token_len;
    uint8_t token[FW_COAP_TOKEN_MAX];
    bool bad_option; /**< An unknown critical option, or a known one with a value it cannot have. */
    bool has_observe;
    bool has_format;
    bool has_max_age;
    bool has_size2;
    uint8_t etag_len;     /**< 0: none. */
    uint32_t observe;     /**< 0 to 2^24 - 1. */
    uint16_t format;      /**< Content-Format. */
    uint32_t max_age_s;   /**< Valid with has_max_age; without it RFC 7252 says 60. */
    uint32_t size2_bytes; /**< Whole size of the body. */
    uint8_t etag[FW_COAP_ETAG_MAX];
    struct fw_coap_block block1;
    struct fw_coap_block block2;
    const uint8_t *payload; /**< NULL when there is none. */
    size_t payload_len;
};

enum fw_coap_verdict {
    FW_COAP_READ = 0,
    FW_COAP_FORMAT_ERROR =
        1,              /**< 4-byte header is there (type, mid set), what follows is malformed. */
    FW_COAP_IGNORE = 2, /**< Too short, or another version: RFC 7252, 3: silently ignored. */
};

/** Read one datagram. Out: *message; with FW_COAP_FORMAT_ERROR only type, code and mid are valid, with
 *  FW_COAP_IGNORE nothing. */
MT_MUST_USE enum fw_coap_verdict fw_coap_read(struct fw_coap_message *message, const uint8_t *bytes,
                                              size_t len);

/** A datagram under construction. Options are added in the order of their numbers. */
struct fw_coap_writer {
    uint8_t *bytes; /**< Borrowed. */
    size_t max;
    size_t len;
    uint32_t last_option;
    bool overrun; /**< Something did not fit: the datagram is not to be used. */
};

void fw_coap_begin(struct fw_coap_writer *writer, uint8_t *bytes, size_t max);
void fw_coap_put_header(struct fw_coap_writer *writer, enum fw_coap_type type, uint8_t code,
                        uint16_t mid, const uint8_t *token, uint8_t token_len);
void fw_coap_put_option(struct fw_coap_writer *writer, uint32_t number, const void *value,
                        size_t len);
/** An unsigned integer in its shortest form (RFC 7252, 3.2): 0 has no bytes. */
void fw_coap_put_uint(struct fw_coap_writer *writer, uint32_t number, uint32_t value);
void fw_coap_put_block(struct fw_coap_writer *writer, uint32_t number,
                       const struct fw_coap_block *block);
/** One Uri-Path option for each segment of a path without a leading slash; an empty path has none. */
void fw_coap_put_path(struct fw_coap_writer *writer, const char *path);
/** The payload marker and the payload; nothing for no payload. */
void fw_coap_put_payload(struct fw_coap_writer *writer, const uint8_t *payload, size_t len);

#endif
