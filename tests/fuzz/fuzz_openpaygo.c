/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any state of a meter, any text as a token, and any token that can be made: what is taken was never taken
 * before. */
#include <string.h>

#include "meters/openpaygo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[MT_KEY_BYTES] = {3, 1, 4, 1, 5, 9, 2, 6};

static void take_twice(struct mt_openpaygo *meter, const char *text, size_t len)
{
    struct mt_token token;
    struct mt_openpaygo before = *meter;
    if (mt_openpaygo_take(meter, &token, key, text, len) != MT_TOKEN_GOOD) {
        MT_CHECK(memcmp(&before, meter, sizeof(before)) == 0);
        return;
    }
    MT_CHECK(meter->count >= before.count && meter->count >= token.count);
    MT_CHECK(meter->count - token.count < MT_TOKEN_OLDER_MAX);
    MT_CHECK((meter->used >> (meter->count - token.count) & 1u) != 0);
    uint32_t seen = token.count;
    MT_CHECK(mt_openpaygo_take(meter, &token, key, text, len) != MT_TOKEN_GOOD ||
             token.count != seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mt_openpaygo meter = {0};
    struct mt_token_order order = {0};
    uint8_t head[16];
    if (size < sizeof(head)) {
        return 0;
    }
    memcpy(head, data, sizeof(head));
    memcpy(&order.starting_code, head, 4);
    order.starting_code %= MT_TOKEN_STARTING_CODE_MAX + 1u;
    order.count = head[4];
    order.kind = (enum mt_token_kind)(head[5] & 3u);
    order.extended = (head[5] & 4u) != 0;
    order.restricted = (head[5] & 8u) != 0;
    memcpy(&order.value, head + 6, 3);
    MT_CHECK(mt_openpaygo_init(&meter, order.starting_code, head[9]) == MT_OK);
    memcpy(&meter.used, head + 10, 2);
    meter.used |= 1u;
    char text[MT_TOKEN_TEXT_MAX + 1];
    uint32_t count;
    if (mt_openpaygo_build(text, &count, key, &order) == MT_OK) {
        take_twice(&meter, text, strlen(text));
    }
    take_twice(&meter, (const char *)data + sizeof(head), size - sizeof(head));
    return 0;
}
