/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as SML, raw and as the messages of a transmission whose checksum is right. */
#include "meters/sml.h"
#include "meters/sml_crc.h"
#include "tests/fuzz/frames.h"

#define PAYLOAD_MAX 1024u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t start[] = {0x1B, 0x1B, 0x1B, 0x1B, 1, 1, 1, 1};
    const struct mt_protocol *protocol = mt_protocol_find("sml", 3);
    decode_all(protocol, data, size);
    decode_all(NULL, data, size);
    if (size > PAYLOAD_MAX) {
        return 0;
    }
    uint8_t bytes[PAYLOAD_MAX + 20] = {0};
    memcpy(bytes, start, sizeof(start));
    memcpy(bytes + sizeof(start), data, size);
    size_t pad = (4 - size % 4) % 4;
    size_t len = sizeof(start) + size + pad;
    memcpy(bytes + len, start, 4);
    bytes[len + 4] = 0x1A;
    bytes[len + 5] = (uint8_t)pad;
    uint16_t crc = (uint16_t)(mt_sml_crc(MT_SML_CRC_X25, bytes, len + 6) ^ 0xFFFFu);
    bytes[len + 6] = (uint8_t)crc;
    bytes[len + 7] = (uint8_t)(crc >> 8);
    decode_all(protocol, bytes, len + 8);
    return 0;
}
