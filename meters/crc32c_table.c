/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CRC-32C without help from the processor: one table entry per nibble, for the meter. */
#include "meters/check.h"
#include "meters/checksum.h"

uint32_t mt_crc32c(uint32_t crc, const uint8_t *bytes, size_t len)
{
    /* Remainders of the reflected polynomial 82F63B78 for each nibble. */
    static const uint32_t table[16] = {0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1,
                                       0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
                                       0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
                                       0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75};
    MT_CHECK(bytes != NULL || len == 0);
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc = crc >> 4 ^ table[(crc ^ bytes[i]) & 0xF];
        crc = crc >> 4 ^ table[(crc ^ bytes[i] >> 4) & 0xF];
    }
    return ~crc;
}
