/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "firmware/serial/serial.h"

#include <string.h>

#include "firmware/serial/answer.h"
#include "meters/bcd.h"
#include "meters/cjt188.h"
#include "meters/dlt645.h"

#define WILDCARD 0xAAu

bool fw_serial_init(struct fw_serial *serial, const struct mt_identity *identity)
{
    size_t digits =
        identity->medium == MT_POWER ? MT_DLT645_NUMBER_DIGITS : MT_CJT188_NUMBER_DIGITS;
    size_t len = strlen(identity->number);
    if (identity->medium != MT_POWER && identity->medium != MT_WATER &&
        identity->medium != MT_GAS) {
        return false;
    }
    if (len == 0 || len > digits) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (identity->number[i] < '0' || identity->number[i] > '9') {
            return false;
        }
    }
    memset(serial, 0, sizeof(*serial));
    serial->medium = identity->medium;
    memset(serial->number, '0', digits);
    memcpy(serial->number + digits - len, identity->number, len);
    return true;
}

bool fw_answer_is_ours(const struct fw_serial *serial, const uint8_t *address, size_t len)
{
    uint8_t ours[MT_BCD_BYTES_MAX];
    bool same = mt_bcd_address_parse(ours, len, serial->number) == MT_OK;
    for (size_t i = 0; same && i < len; i++) {
        same = address[i] == ours[i] || address[i] == WILDCARD;
    }
    return same;
}

static void forget(struct fw_serial *serial, size_t count)
{
    serial->len -= count;
    memmove(serial->bytes, serial->bytes + count, serial->len);
}

/* Is there a whole question, and where? What cannot be one's beginning is forgotten. */
static bool find(struct fw_serial *serial, size_t *start)
{
    while (serial->len > 0) {
        const struct mt_input input = {.bytes = serial->bytes, .len = serial->len};
        enum mt_status status = serial->medium == MT_POWER ? mt_dlt645_find(start, &input)
                                                           : mt_cjt188_find(start, &input);
        if (status == MT_OK) {
            return true;
        }
        forget(serial, *start);
        if (status == MT_NEED_MORE && serial->len < FW_SERIAL_ASK_MAX) {
            return false;
        }
        forget(serial, serial->len > 0); /* damaged, or too long to be for us */
    }
    return false;
}

static size_t answer(const struct fw_serial *serial, uint8_t *reply,
                     const struct fw_serial_view *view, size_t start)
{
    const struct fw_question question = {
        .serial = serial, .view = view, .bytes = serial->bytes + start, .reply = reply};
    return serial->medium == MT_POWER ? fw_answer_dlt645(&question) : fw_answer_cjt188(&question);
}

size_t fw_serial_take(struct fw_serial *serial, uint8_t *reply, const uint8_t *bytes, size_t len,
                      const struct fw_serial_view *view, int64_t now_us)
{
    size_t reply_len = 0;
    if (now_us - serial->last_us > FW_SERIAL_GAP_US) {
        serial->len = 0;
    }
    serial->last_us = now_us;
    for (size_t i = 0; i < len; i++) {
        size_t start = 0;
        serial->bytes[serial->len++] = bytes[i];
        if (find(serial, &start)) {
            reply_len = answer(serial, reply, view, start);
            serial->len = 0;
        }
    }
    return reply_len;
}
