/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other makers' meters, by asking each protocol's builder and decoder. */
#include "sim/foreign.h"

#include <stdio.h>
#include <string.h>

static const char maker[] = "HXE";

/* A whole multiple of 10 l, kWh and the like, so that no protocol's resolution cuts it. */
static const struct mt_reading probe = {.time_us = INT64_C(1777420800000000), .total = 123000000};

enum { TWELVE, FOURTEEN, SERVER, EIGHT, SHAPES };

/* A number in the shapes that protocols have: digits, or the server id of SML (DIN 43863-5). */
static void shape_number(char text[MT_NUMBER_MAX + 1], unsigned shape, uint32_t number)
{
    switch (shape) {
    case TWELVE:
        (void)snprintf(text, MT_NUMBER_MAX + 1, "%012u", number);
        break;
    case FOURTEEN:
        (void)snprintf(text, MT_NUMBER_MAX + 1, "%014u", number);
        break;
    case SERVER:
        (void)snprintf(text, MT_NUMBER_MAX + 1, "0A01%02X%02X%02X%010u", maker[0], maker[1],
                       maker[2], number);
        break;
    default:
        (void)snprintf(text, MT_NUMBER_MAX + 1, "%08u", number);
        break;
    }
}

enum mt_status sim_foreign_build(uint8_t out[SIM_FOREIGN_BYTES_MAX], size_t *out_len,
                                 const struct sim_foreign *foreign,
                                 const struct mt_reading *reading, const uint8_t *key,
                                 uint32_t counter)
{
    MT_CHECK(out != NULL && out_len != NULL && foreign != NULL && reading != NULL);
    const struct mt_sending sending = {.identity = foreign->spoken,
                                       .reading = *reading,
                                       .key = key,
                                       .key_len = key != NULL ? foreign->key_len : 0,
                                       .counter = counter};
    return foreign->protocol->build(out, out_len, SIM_FOREIGN_BYTES_MAX, &sending);
}

/* Decode with the first key_len bytes of the key; 0: without. */
static enum mt_status read_back(struct mt_frame *frame, const struct mt_protocol *protocol,
                                const uint8_t *bytes, size_t len, const uint8_t *key,
                                size_t key_len)
{
    size_t used;
    const struct mt_input input = {
        .bytes = bytes, .len = len, .key = key_len > 0 ? key : NULL, .key_len = key_len};
    return mt_decode(frame, &used, protocol, &input);
}

/* Does the protocol say of this meter what it was told to? */
static bool is_carried(const struct sim_foreign *foreign)
{
    uint8_t bytes[SIM_FOREIGN_BYTES_MAX];
    size_t len;
    struct mt_frame frame;
    const struct mt_identity *said = &frame.identity;
    const struct mt_identity *own = &foreign->identity;
    return sim_foreign_build(bytes, &len, foreign, &probe, NULL, 1) == MT_OK &&
           read_back(&frame, foreign->protocol, bytes, len, NULL, 0) == MT_OK &&
           frame.has_reading && frame.reading.total == probe.total && said->medium == own->medium &&
           (said->number[0] == '\0' || strcmp(said->number, own->number) == 0) &&
           (said->maker[0] == '\0' || strcmp(said->maker, own->maker) == 0);
}

/* The longest key that the frame cannot be read without; 0 when it is readable without any. */
static uint8_t key_len_of(struct sim_foreign *foreign)
{
    static const uint8_t key[SIM_FOREIGN_KEY_MAX] = {1, 2, 3};
    static const uint8_t lengths[] = {32, 16};
    uint8_t bytes[SIM_FOREIGN_BYTES_MAX];
    size_t len;
    struct mt_frame frame;
    for (size_t i = 0; i < sizeof(lengths); i++) {
        size_t shorter = i + 1 < sizeof(lengths) ? lengths[i + 1] : 0;
        foreign->key_len = lengths[i];
        if (sim_foreign_build(bytes, &len, foreign, &probe, key, 1) == MT_OK &&
            read_back(&frame, foreign->protocol, bytes, len, key, lengths[i]) == MT_OK &&
            read_back(&frame, foreign->protocol, bytes, len, key, shorter) != MT_OK) {
            return lengths[i];
        }
    }
    return 0;
}

bool sim_foreign_make(struct sim_foreign *out, const struct mt_protocol *protocol,
                      enum mt_medium medium, uint32_t number)
{
    MT_CHECK(out != NULL && protocol != NULL && number <= 99999999u);
    for (unsigned i = 0; protocol->build != NULL && i < 2 * SHAPES; i++) {
        *out = (struct sim_foreign){.protocol = protocol};
        out->identity.medium = (uint8_t)medium;
        memcpy(out->identity.maker, maker, sizeof(maker));
        shape_number(out->identity.number, i % SHAPES, number);
        out->spoken = out->identity;
        if (i >= SHAPES) {
            out->spoken.maker[0] = '\0';
        }
        if (is_carried(out)) {
            out->key_len = key_len_of(out);
            return true;
        }
    }
    return false;
}
