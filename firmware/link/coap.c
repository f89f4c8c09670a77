/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CoAP messages as bytes; see coap.h. */
#include "firmware/link/coap.h"

#include <string.h>

#include "meters/cursor.h"

#define VERSION 1u
#define HEADER_BYTES 4u
#define PAYLOAD_MARKER 0xFFu
#define SZX_RESERVED 7u

/* ---- reading ---------------------------------------------------------------------------------- */

struct option {
    uint32_t number;
    const uint8_t *value;
    size_t len;
};

/* RFC 7252, 3.1: a nibble of 13 or 14 is followed by one or two bytes, 15 is no number. */
static bool read_nibble(uint32_t *value, struct mt_cursor *c, uint8_t nibble)
{
    if (nibble == 15) {
        return false;
    }
    *value = nibble;
    if (nibble == 13) {
        *value = 13u + mt_cursor_u8(c);
    } else if (nibble == 14) {
        uint32_t high = mt_cursor_u8(c);
        *value = 269u + (high << 8 | mt_cursor_u8(c));
    }
    return !c->overrun;
}

static uint32_t uint_of(const struct option *option)
{
    uint32_t value = 0;
    for (size_t i = 0; i < option->len; i++) {
        value = value << 8 | option->value[i];
    }
    return value;
}

/* RFC 7959, 2.2: number, more, size exponent. A repeated one is treated as unknown (RFC 7252, 5.4.5). */
static bool take_block(struct fw_coap_block *block, const struct option *option)
{
    if (option->len > 3 || block->present) {
        return false;
    }
    uint32_t value = uint_of(option);
    if ((value & 7u) == SZX_RESERVED) {
        return false;
    }
    *block = (struct fw_coap_block){.present = true,
                                    .more = (value & 8u) != 0,
                                    .szx = (uint8_t)(value & 7u),
                                    .num = value >> 4};
    return true;
}

/* One unsigned integer of at most max_len bytes, once. */
static void take_uint(bool *has, uint32_t *value, const struct option *option, size_t max_len)
{
    if (option->len <= max_len && !*has) {
        *has = true;
        *value = uint_of(option);
    }
}

/* Elective options with a value they cannot have are ignored, critical ones mark the message:
 * RFC 7252, 5.4.1 and 5.4.3. */
static void take_option(struct fw_coap_message *message, const struct option *option)
{
    uint32_t format = 0;
    switch (option->number) {
    case FW_COAP_ETAG:
        if (message->etag_len == 0 && option->len >= 1 && option->len <= FW_COAP_ETAG_MAX) {
            message->etag_len = (uint8_t)option->len;
            memcpy(message->etag, option->value, option->len);
        }
        return;
    case FW_COAP_OBSERVE:
        take_uint(&message->has_observe, &message->observe, option, 3);
        return;
    case FW_COAP_CONTENT_FORMAT:
        if (!message->has_format) {
            take_uint(&message->has_format, &format, option, 2);
            message->format = (uint16_t)format;
        }
        return;
    case FW_COAP_MAX_AGE:
        take_uint(&message->has_max_age, &message->max_age_s, option, 4);
        return;
    case FW_COAP_SIZE2:
        take_uint(&message->has_size2, &message->size2_bytes, option, 4);
        return;
    case FW_COAP_BLOCK1:
        message->bad_option |= !take_block(&message->block1, option);
        return;
    case FW_COAP_BLOCK2:
        message->bad_option |= !take_block(&message->block2, option);
        return;
    default:
        message->bad_option |= (option->number & 1u) != 0;
    }
}

/* False when the options, or the marker, are malformed. */
static bool read_options(struct fw_coap_message *message, struct mt_cursor *c)
{
    uint32_t number = 0;
    while (mt_cursor_left(c) > 0) {
        uint8_t head = mt_cursor_u8(c);
        if (head == PAYLOAD_MARKER) {
            message->payload_len = mt_cursor_left(c);
            message->payload = mt_cursor_take(c, message->payload_len);
            return message->payload_len > 0; /* 3: a marker without payload is a format error */
        }
        uint32_t delta;
        uint32_t len;
        if (!read_nibble(&delta, c, head >> 4) || !read_nibble(&len, c, head & 15u)) {
            return false;
        }
        number += delta;
        struct option option = {.number = number, .len = len};
        option.value = mt_cursor_take(c, len);
        if (c->overrun || number > UINT16_MAX) {
            return false;
        }
        take_option(message, &option);
    }
    return true;
}

enum fw_coap_verdict fw_coap_read(struct fw_coap_message *message, const uint8_t *bytes, size_t len)
{
    MT_CHECK(message != NULL && (bytes != NULL || len == 0));
    memset(message, 0, sizeof *message);
    if (len < HEADER_BYTES || bytes[0] >> 6 != VERSION) {
        return FW_COAP_IGNORE;
    }
    message->type = (enum fw_coap_type)(bytes[0] >> 4 & 3u);
    message->token_len = bytes[0] & 15u;
    message->code = bytes[1];
    message->mid = (uint16_t)(bytes[2] << 8 | bytes[3]);
    size_t left = len - HEADER_BYTES;
    /* 4.1: an empty message has nothing after the message ID. */
    if (message->token_len > FW_COAP_TOKEN_MAX || message->token_len > left ||
        (message->code == FW_COAP_EMPTY && left > 0)) {
        return FW_COAP_FORMAT_ERROR;
    }
    memcpy(message->token, bytes + HEADER_BYTES, message->token_len);
    struct mt_cursor c =
        mt_cursor_over(bytes + HEADER_BYTES + message->token_len, left - message->token_len);
    return read_options(message, &c) ? FW_COAP_READ : FW_COAP_FORMAT_ERROR;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void put(struct fw_coap_writer *writer, const void *bytes, size_t len)
{
    if (writer->overrun || len > writer->max - writer->len) {
        writer->overrun = true;
        return;
    }
    if (len > 0) {
        memcpy(writer->bytes + writer->len, bytes, len);
        writer->len += len;
    }
}

static void put_u8(struct fw_coap_writer *writer, uint32_t value)
{
    uint8_t byte = (uint8_t)value;
    put(writer, &byte, 1);
}

void fw_coap_begin(struct fw_coap_writer *writer, uint8_t *bytes, size_t max)
{
    MT_CHECK(writer != NULL && bytes != NULL);
    *writer = (struct fw_coap_writer){.bytes = bytes, .max = max};
}

void fw_coap_put_header(struct fw_coap_writer *writer, enum fw_coap_type type, uint8_t code,
                        uint16_t mid, const uint8_t *token, uint8_t token_len)
{
    MT_CHECK(token_len <= FW_COAP_TOKEN_MAX);
    put_u8(writer, VERSION << 6 | (uint32_t)type << 4 | token_len);
    put_u8(writer, code);
    put_u8(writer, mid >> 8);
    put_u8(writer, mid);
    put(writer, token, token_len);
}

static uint8_t nibble_of(uint32_t value)
{
    if (value < 13) {
        return (uint8_t)value;
    }
    return value < 269 ? 13 : 14;
}

static void put_extended(struct fw_coap_writer *writer, uint32_t value)
{
    if (value >= 269) {
        put_u8(writer, (value - 269) >> 8);
        put_u8(writer, value - 269);
    } else if (value >= 13) {
        put_u8(writer, value - 13);
    }
}

void fw_coap_put_option(struct fw_coap_writer *writer, uint32_t number, const void *value,
                        size_t len)
{
    MT_CHECK(number >= writer->last_option && number <= UINT16_MAX && len <= UINT16_MAX);
    uint32_t delta = number - writer->last_option;
    put_u8(writer, (uint32_t)nibble_of(delta) << 4 | nibble_of((uint32_t)len));
    put_extended(writer, delta);
    put_extended(writer, (uint32_t)len);
    put(writer, value, len);
    writer->last_option = number;
}

void fw_coap_put_uint(struct fw_coap_writer *writer, uint32_t number, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};
    size_t skip = 0;
    while (skip < sizeof bytes && bytes[skip] == 0) {
        skip++;
    }
    fw_coap_put_option(writer, number, bytes + skip, sizeof bytes - skip);
}

void fw_coap_put_block(struct fw_coap_writer *writer, uint32_t number,
                       const struct fw_coap_block *block)
{
    MT_CHECK(block->szx < SZX_RESERVED && block->num < 1u << 20);
    fw_coap_put_uint(writer, number, block->num << 4 | (block->more ? 8u : 0u) | block->szx);
}

void fw_coap_put_path(struct fw_coap_writer *writer, const char *path)
{
    MT_CHECK(path != NULL);
    while (*path != '\0') {
        const char *slash = strchr(path, '/');
        size_t len = slash != NULL ? (size_t)(slash - path) : strlen(path);
        fw_coap_put_option(writer, FW_COAP_URI_PATH, path, len);
        path += len;
        path += *path == '/' ? 1 : 0;
    }
}

void fw_coap_put_payload(struct fw_coap_writer *writer, const uint8_t *payload, size_t len)
{
    if (len > 0) {
        put_u8(writer, PAYLOAD_MARKER);
        put(writer, payload, len);
    }
}
