/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CRC-32C with the instruction that x86-64 has had for it since 2008. */
#include <string.h>

#include "meters/check.h"
#include "meters/checksum.h"

__attribute__((target("sse4.2"))) uint32_t mt_crc32c(uint32_t crc, const uint8_t *bytes, size_t len)
{
    MT_CHECK(bytes != NULL || len == 0);
    uint64_t value = (uint32_t)~crc;
    for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes, sizeof(word));
        value = __builtin_ia32_crc32di(value, word);
    }
    for (; len > 0; len--, bytes++) {
        value = __builtin_ia32_crc32qi((uint32_t)value, *bytes);
    }
    return ~(uint32_t)value;
}
