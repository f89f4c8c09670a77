/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as SenML JSON: refused, or within its promises; and a value that is stepped over is
 * stepped over whole. */
#include "meters/json.h"
#include "meters/limits.h"
#include "meters/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_US INT64_C(1760000000000000)

static struct mt_message message;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    for (int medium = MT_POWER; medium <= MT_HEAT; medium++) {
        if (mt_message_decode_json(&message, text, size, (enum mt_medium)medium, NOW_US) != MT_OK) {
            continue;
        }
        MT_CHECK(message.count <= MT_MESSAGE_READINGS_MAX);
        for (uint32_t i = 0; i < message.count; i++) {
            const struct mt_reading *r = &message.readings[i];
            MT_CHECK(r->total >= 0 && r->total <= MT_REGISTER_MAX);
            MT_CHECK(r->time_us > 0 && r->time_us <= MT_TIME_S_MAX * 1000000);
        }
        /* What is a pack is a value too, and nothing stands behind it but white space. */
        struct mt_json j = {.at = text, .end = text + size};
        enum mt_status status = mt_json_skip(&j);
        MT_CHECK(status == MT_TOO_LARGE || (status == MT_OK && mt_json_peek(&j) == '\0'));
    }
    return 0;
}
