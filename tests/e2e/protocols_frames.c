/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames for protocols.py, one meter a line as JSON: of every protocol that has a builder a meter in the
 * clear, and one with a key where the protocol encrypts. The frames are three readings; of the third
 * there is also one that was damaged, and one by another key.
 *
 * usage: protocols_frames TIME_US TOTAL TIME_US TOTAL TIME_US TOTAL    Wh, or ml
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meters/name.h"
#include "sim/foreign.h"

#define READINGS 3

static struct mt_reading readings[READINGS];

static void print_hex(const char *name, const uint8_t *bytes, size_t len)
{
    printf(",\"%s\":\"", name);
    for (size_t i = 0; i < len; i++) {
        printf("%02x", bytes[i]);
    }
    printf("\"");
}

static bool gives_reading(const struct sim_foreign *foreign, const uint8_t *bytes, size_t len,
                          const uint8_t *key)
{
    struct mt_frame frame;
    size_t used;
    const struct mt_input input = {
        .bytes = bytes, .len = len, .key = key, .key_len = key != NULL ? foreign->key_len : 0};
    return mt_decode(&frame, &used, foreign->protocol, &input) == MT_OK && frame.has_reading;
}

/* A bit in the middle is turned over. What has no checksum of its own loses its last byte instead: its
 * carrier is what notices turned bits. */
static size_t damage(const struct sim_foreign *foreign, uint8_t *bytes, size_t len,
                     const uint8_t *key)
{
    bytes[len / 2] ^= 1;
    if (!gives_reading(foreign, bytes, len, key)) {
        return len;
    }
    bytes[len / 2] ^= 1;
    return len - 1;
}

static int print_frames(const struct sim_foreign *foreign, const uint8_t *key)
{
    static const char *const names[READINGS] = {"first", "second", "third"};
    uint8_t other[SIM_FOREIGN_KEY_MAX];
    uint8_t bytes[SIM_FOREIGN_BYTES_MAX];
    size_t len = 0;
    memset(other, 0xEE, sizeof(other));
    for (uint32_t i = 0; i < READINGS; i++) {
        if (sim_foreign_build(bytes, &len, foreign, &readings[i], key, i + 1) != MT_OK) {
            fprintf(stderr, "%s builds no frame %u\n", foreign->protocol->name, i + 1);
            return 1;
        }
        print_hex(names[i], bytes, len);
    }
    print_hex("damaged", bytes, damage(foreign, bytes, len, key));
    if (key != NULL) {
        if (sim_foreign_build(bytes, &len, foreign, &readings[2], other, READINGS) != MT_OK) {
            return 1;
        }
        print_hex("other_key", bytes, len);
        print_hex("raw_key", key, foreign->key_len);
    }
    return 0;
}

static int print_meter(const struct mt_protocol *protocol, uint32_t number, const uint8_t *key)
{
    static const enum mt_medium media[] = {MT_POWER, MT_WATER, MT_GAS};
    struct sim_foreign foreign;
    char name[MT_NAME_MAX + 1];
    bool made = false;
    /* Each number has another medium first, so that all that a protocol carries come in turn. */
    for (uint32_t i = 0; i < 3 && !made; i++) {
        made = sim_foreign_make(&foreign, protocol, media[(i + number) % 3], number);
    }
    if (!made || (key != NULL && foreign.key_len == 0)) {
        return 0;
    }
    (void)mt_name_format(name, &foreign.identity); /* its length is not needed */
    printf("{\"protocol\":\"%s\",\"meter\":\"%s\"", protocol->name, name);
    int status = print_frames(&foreign, key);
    printf("}\n");
    return status;
}

int main(int argc, char **argv)
{
    uint8_t key[SIM_FOREIGN_KEY_MAX];
    const struct mt_protocol *protocol;
    int status = 0;
    if (argc != 1 + 2 * READINGS) {
        fprintf(stderr, "usage: %s TIME_US TOTAL TIME_US TOTAL TIME_US TOTAL\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < READINGS; i++) {
        readings[i].time_us = strtoll(argv[1 + 2 * i], NULL, 10);
        readings[i].total = strtoll(argv[2 + 2 * i], NULL, 10);
    }
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)(i * 7 + 1);
    }
    for (uint32_t i = 0; (protocol = mt_protocol_at(i)) != NULL && status == 0; i++) {
        status = print_meter(protocol, 4100 + 2 * i, NULL);
        status = status != 0 ? status : print_meter(protocol, 4101 + 2 * i, key);
    }
    return status;
}
