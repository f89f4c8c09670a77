/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CJ/T 188: what is not read here has no answer. Makers differ in how they refuse, and a collector that
 * hears nothing asks again or goes on. */
#include "firmware/serial/answer.h"
#include "meters/cjt188.h"

#define ADDRESS_BYTES 7u
#define TYPE_AT 1u
#define ADDRESS_AT 2u
#define CONTROL_AT 9u
#define LEN_AT 10u
#define ID_AT 11u
#define SERIAL_AT 13u
#define ASK_DATA_LEN 3u /* identifier and SER */

#define REPLY 0x80u
#define READ_ADDRESS 0x03u
#define ID_ADDRESS 0x810Au
#define ANY_TYPE 0xAAu
#define ML_MODULUS \
    INT64_C(1000000000000) /* eight digits of 0.01 m3; then the register begins anew */

static uint8_t type_of(const struct fw_serial *serial)
{
    return serial->medium == MT_GAS ? MT_CJT188_GAS : MT_CJT188_COLD_WATER;
}

static size_t answer_current(const struct fw_question *q, const struct mt_cjt188_frame *frame)
{
    size_t len = 0;
    const struct fw_serial_view *view = q->view;
    const struct mt_cjt188_state state = {
        .total = view->now.total % ML_MODULUS,
        .settlement = view->has_settlement ? view->settlement.total % ML_MODULUS : -1,
        .time_us = view->now.time_us,
        .flags = view->now.flags,
    };
    return mt_cjt188_build_state(q->reply, &len, FW_SERIAL_REPLY_MAX, frame, &state) == MT_OK ? len
                                                                                              : 0;
}

/* The address is in the frame's head: there are no data. */
static size_t answer_address(const struct fw_question *q, struct mt_cjt188_frame *frame)
{
    size_t len = 0;
    frame->control = REPLY | READ_ADDRESS;
    frame->data_id = ID_ADDRESS;
    return mt_cjt188_build(q->reply, &len, FW_SERIAL_REPLY_MAX, frame) == MT_OK ? len : 0;
}

/* The identifier comes high byte first by the edition of 2004, low byte first by that of 2018. */
static bool asks_for(struct mt_cjt188_frame *frame, const uint8_t *bytes, uint16_t id)
{
    uint8_t high = (uint8_t)(id >> 8);
    uint8_t low = (uint8_t)id;
    frame->low_first = bytes[ID_AT] == low && bytes[ID_AT + 1] == high;
    return frame->low_first || (bytes[ID_AT] == high && bytes[ID_AT + 1] == low);
}

size_t fw_answer_cjt188(const struct fw_question *question)
{
    const uint8_t *bytes = question->bytes;
    uint8_t type = type_of(question->serial);
    if ((bytes[TYPE_AT] != type && bytes[TYPE_AT] != ANY_TYPE) || bytes[LEN_AT] < ASK_DATA_LEN ||
        !fw_answer_is_ours(question->serial, bytes + ADDRESS_AT, ADDRESS_BYTES)) {
        return 0;
    }
    struct mt_cjt188_frame frame = {.type = type,
                                    .number = question->serial->number,
                                    .serial = bytes[SERIAL_AT]};
    if (bytes[CONTROL_AT] == MT_CJT188_READ && asks_for(&frame, bytes, MT_CJT188_CURRENT)) {
        return answer_current(question, &frame);
    }
    if (bytes[CONTROL_AT] == READ_ADDRESS && asks_for(&frame, bytes, ID_ADDRESS)) {
        return answer_address(question, &frame);
    }
    return 0;
}
