/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The answer to one whole question, by protocol; private to this folder. */
#ifndef FIRMWARE_SERIAL_ANSWER_H
#define FIRMWARE_SERIAL_ANSWER_H

#include "firmware/serial/serial.h"

/** A question, whole and undamaged. */
struct fw_question {
    const struct fw_serial *serial;
    const struct fw_serial_view *view;
    const uint8_t *bytes; /**< From the first 68H. */
    uint8_t *reply;       /**< FW_SERIAL_REPLY_MAX bytes. */
};

/** Both return the bytes of the answer, 0: none. */
size_t fw_answer_dlt645(const struct fw_question *question);
size_t fw_answer_cjt188(const struct fw_question *question);

/** Is the address on the line, lowest digits first, the meter's? A byte AA stands for any two digits. */
bool fw_answer_is_ours(const struct fw_serial *serial, const uint8_t *address, size_t len);

#endif
