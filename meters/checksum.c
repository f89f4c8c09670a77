/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The short checksums; CRC-32C is in crc32c_*.c, one of which the build picks. */
#include "meters/checksum.h"

#include "meters/check.h"

uint8_t mt_sum8(const uint8_t *bytes, size_t len)
{
    MT_CHECK(bytes != NULL || len == 0);
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += bytes[i];
    }
    return (uint8_t)sum;
}

/* A reflected CRC of 16 bits, a nibble at a time: tables of 32 bytes are small enough for a meter. */
static uint16_t crc16(uint16_t crc, const uint16_t table[16], const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc >> 4 ^ table[(crc ^ bytes[i]) & 0xF]);
        crc = (uint16_t)(crc >> 4 ^ table[(crc ^ bytes[i] >> 4) & 0xF]);
    }
    return crc;
}

uint16_t mt_crc16_x25(const uint8_t *bytes, size_t len)
{
    static const uint16_t table[16] = {0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285,
                                       0x6306, 0x7387, 0x8408, 0x9489, 0xA50A, 0xB58B,
                                       0xC60C, 0xD68D, 0xE70E, 0xF78F};
    MT_CHECK(bytes != NULL || len == 0);
    return crc16(0xFFFF, table, bytes, len) ^ 0xFFFF;
}

uint16_t mt_crc16_arc(const uint8_t *bytes, size_t len)
{
    static const uint16_t table[16] = {0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00,
                                       0x2800, 0xE401, 0xA001, 0x6C00, 0x7800, 0xB401,
                                       0x5000, 0x9C01, 0x8801, 0x4400};
    MT_CHECK(bytes != NULL || len == 0);
    return crc16(0, table, bytes, len);
}
