/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A meter's serial line: whatever comes, an answer is a whole frame of the meter's own. */
#include "firmware/serial/serial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mt_identity identities[] = {
        {.medium = MT_POWER, .maker = "HXE", .number = "123456789012"},
        {.medium = MT_WATER, .maker = "HXW", .number = "12345678"},
        {.medium = MT_GAS, .maker = "HXG", .number = "42"},
    };
    static const struct fw_serial_view view = {
        .now = {.total = 123456789, .time_us = INT64_C(1795494896000000)},
        .has_settlement = true,
    };
    struct fw_serial serial;
    uint8_t reply[FW_SERIAL_REPLY_MAX];
    if (size < 2) {
        return 0;
    }
    MT_CHECK(fw_serial_init(&serial, &identities[data[0] % 3]));
    size_t step = 1 + data[1] % 64;
    int64_t now_us = 0;
    for (size_t at = 2; at < size; at += step) {
        size_t len = size - at < step ? size - at : step;
        size_t out = fw_serial_take(&serial, reply, data + at, len, &view, now_us);
        MT_CHECK(serial.len < FW_SERIAL_ASK_MAX);
        MT_CHECK(out == 0 ||
                 (out >= 12 && out <= sizeof(reply) && reply[0] == 0x68 && reply[out - 1] == 0x16));
        now_us += 1000;
    }
    return 0;
}
