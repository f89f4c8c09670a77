/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frame formats of wireless M-Bus; see the header. */
#include "meters/wmbus_link.h"

#include <stdbool.h>
#include <string.h>

#define CRC_BYTES 2u
#define BLOCK_BYTES 16u       /* format A: after the head */
#define LONG_BLOCK_BYTES 128u /* format B: its CRC among them */
#define L_MIN 10u             /* C, M, A and a CI */
#define TORN_MAX 12u          /* fewer bytes than this after a frame are no frame */

uint16_t mt_wmbus_crc(const uint8_t *bytes, size_t len)
{
    /* Four bits at a time: the remainders of 0 to 15 times x^16. */
    static const uint16_t table[16] = {0x0000, 0x3D65, 0x7ACA, 0x47AF, 0xF594, 0xC8F1,
                                       0x8F5E, 0xB23B, 0xD64D, 0xEB28, 0xAC87, 0x91E2,
                                       0x23D9, 0x1EBC, 0x5913, 0x6476};
    MT_CHECK(bytes != NULL || len == 0);
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc << 4 ^ table[(crc >> 12 ^ bytes[i] >> 4) & 0xF]);
        crc = (uint16_t)(crc << 4 ^ table[(crc >> 12 ^ bytes[i]) & 0xF]);
    }
    return (uint16_t)~crc;
}

/* EN 13757-4, 12.3.4: the CRC of the link is sent high byte first. */
static bool crc_follows(const uint8_t *bytes, size_t len)
{
    uint16_t crc = mt_wmbus_crc(bytes, len);
    return bytes[len] == crc >> 8 && bytes[len + 1] == (crc & 0xFF);
}

/* EN 13757-4, table 24, and EN 13757-2: control fields that a meter or its reader sends. */
static bool control_is_known(uint8_t c)
{
    switch (c) {
    case 0x44: /* SND-NR */
    case 0x46: /* SND-IR */
    case 0x47: /* ACC-NR */
    case 0x48: /* ACC-DMD */
    case 0x40: /* SND-NKE */
    case 0x43: /* SND-UD2 */
    case 0x06: /* CNF-IR */
    case 0x00: /* ACK */
    case 0x01: /* NACK */
    case 0x08: /* RSP-UD, and with DFC and ACD */
    case 0x18:
    case 0x28:
    case 0x38:
    case 0x53: /* SND-UD */
    case 0x73:
    case 0x5A: /* REQ-UD1 */
    case 0x7A:
    case 0x5B: /* REQ-UD2 */
    case 0x7B:
        return true;
    default: /* a number from the wire */
        return false;
    }
}

/* EN 13757-7 and EN 13757-4, CI fields that may follow the link layer. */
static bool ci_is_known(uint8_t ci)
{
    return (ci >= 0x50 && ci <= 0x5F) || (ci >= 0x60 && ci <= 0x7F) || (ci >= 0x80 && ci <= 0x90) ||
           (ci >= 0xA0 && ci <= 0xB8);
}

static bool maker_is_possible(const uint8_t *m)
{
    uint16_t code = (uint16_t)(m[0] | m[1] << 8);
    for (unsigned shift = 0; shift <= 10; shift += 5) {
        unsigned letter = code >> shift & 0x1F;
        if (letter < 1 || letter > 26) {
            return false;
        }
    }
    return true;
}

/* The first fields of a frame, of which at least these are there. */
static bool link_is_possible(const uint8_t *bytes)
{
    return bytes[0] >= L_MIN && control_is_known(bytes[1]) && maker_is_possible(bytes + 2);
}

/* The bytes of a frame's head; the CI stands two later where a CRC stands between. */
static bool head_is_possible(const uint8_t *bytes, size_t len, size_t ci_at)
{
    return len > ci_at && link_is_possible(bytes) && ci_is_known(bytes[ci_at]);
}

size_t mt_wmbus_wire_len(size_t len, enum mt_wmbus_shape shape)
{
    MT_CHECK(len > MT_WMBUS_HEAD_BYTES && len <= MT_WMBUS_STRIPPED_MAX);
    switch (shape) {
    case MT_WMBUS_STRIPPED:
        return len;
    case MT_WMBUS_FORMAT_A: {
        size_t blocks = (len - MT_WMBUS_HEAD_BYTES + BLOCK_BYTES - 1) / BLOCK_BYTES;
        return len + CRC_BYTES * (1 + blocks);
    }
    case MT_WMBUS_FORMAT_B:
        return len + (len > LONG_BLOCK_BYTES - CRC_BYTES ? 2 * CRC_BYTES : CRC_BYTES);
    }
    MT_CHECK(false);
    return 0;
}

/* The CRCs of format A that are right; *blocks says how many a frame of len bytes has. */
static size_t right_blocks(size_t *blocks, const uint8_t *wire, size_t len)
{
    size_t right = crc_follows(wire, MT_WMBUS_HEAD_BYTES) ? 1 : 0;
    size_t at = MT_WMBUS_HEAD_BYTES + CRC_BYTES;
    size_t left = len - MT_WMBUS_HEAD_BYTES;
    *blocks = 1;
    while (left > 0) {
        size_t block = left < BLOCK_BYTES ? left : BLOCK_BYTES;
        right += crc_follows(wire + at, block) ? 1 : 0;
        at += block + CRC_BYTES;
        left -= block;
        (*blocks)++;
    }
    return right;
}

/* How many whole blocks of 16 bytes after the head are right, whatever L says. */
static size_t right_whole_blocks(const uint8_t *wire, size_t len)
{
    size_t right = 0;
    size_t at = MT_WMBUS_HEAD_BYTES + CRC_BYTES;
    for (; len >= at + BLOCK_BYTES + CRC_BYTES; at += BLOCK_BYTES + CRC_BYTES) {
        right += crc_follows(wire + at, BLOCK_BYTES) ? 1 : 0;
    }
    return right;
}

/* Format A. Out: *right, how many CRCs say so, when it is not MT_NOT_FOUND. */
static enum mt_status probe_a(struct mt_wmbus_span *span, size_t *right, const uint8_t *bytes,
                              size_t len)
{
    if (len < MT_WMBUS_HEAD_BYTES + CRC_BYTES) {
        return MT_NOT_FOUND;
    }
    bool head_right = crc_follows(bytes, MT_WMBUS_HEAD_BYTES);
    if (bytes[0] < L_MIN || (head_right && !link_is_possible(bytes))) {
        return MT_NOT_FOUND;
    }
    size_t plain = (size_t)bytes[0] + 1;
    size_t wire = mt_wmbus_wire_len(plain, MT_WMBUS_FORMAT_A);
    size_t whole_blocks = right_whole_blocks(bytes, len);
    *right = whole_blocks + (head_right ? 1 : 0);
    if (len < wire) {
        *span = (struct mt_wmbus_span){.wire_len = len};
        return head_right ? MT_NEED_MORE : whole_blocks > 0 ? MT_BAD_CHECKSUM : MT_NOT_FOUND;
    }
    size_t blocks;
    size_t by_length = right_blocks(&blocks, bytes, plain);
    *right = *right > by_length ? *right : by_length;
    *span = (struct mt_wmbus_span){MT_WMBUS_FORMAT_A, wire, plain, MT_OK};
    return by_length == blocks ? MT_OK : *right > 0 ? MT_BAD_CHECKSUM : MT_NOT_FOUND;
}

/* A second block that is too short to hold anything but its CRC is none. */
static bool is_format_b(const uint8_t *bytes, size_t whole)
{
    if (whole <= LONG_BLOCK_BYTES) {
        return whole > MT_WMBUS_HEAD_BYTES + CRC_BYTES && crc_follows(bytes, whole - CRC_BYTES);
    }
    return whole > LONG_BLOCK_BYTES + CRC_BYTES &&
           crc_follows(bytes, LONG_BLOCK_BYTES - CRC_BYTES) &&
           crc_follows(bytes + LONG_BLOCK_BYTES, whole - LONG_BLOCK_BYTES - CRC_BYTES);
}

/* The first long block is right and the rest is not: format B, damaged. */
static bool is_damaged_b(const uint8_t *bytes, size_t whole)
{
    return whole > LONG_BLOCK_BYTES + CRC_BYTES && crc_follows(bytes, LONG_BLOCK_BYTES - CRC_BYTES);
}

/* A frame may end here: nothing follows, or another frame does. */
static bool ends_at(const uint8_t *bytes, size_t len, size_t at)
{
    return len == at ||
           (len > at && (head_is_possible(bytes + at, len - at, MT_WMBUS_CI_AT) ||
                         head_is_possible(bytes + at, len - at, MT_WMBUS_CI_AT + CRC_BYTES)));
}

/* One CRC in 65536 is right by chance, and the one of the head would be so in every frame of that
 * meter: a frame that ends where its L says may have no CRCs for all that. */
static bool is_chance(const uint8_t *bytes, size_t len, size_t right)
{
    return right < 2 && head_is_possible(bytes, len, MT_WMBUS_CI_AT) &&
           ends_at(bytes, len, (size_t)bytes[0] + 1);
}

enum mt_status mt_wmbus_probe(struct mt_wmbus_span *span, const uint8_t *bytes, size_t len)
{
    MT_CHECK(span != NULL && (bytes != NULL || len == 0));
    size_t right = 0;
    enum mt_status status = probe_a(span, &right, bytes, len);
    if (status == MT_OK || (status != MT_NOT_FOUND && !is_chance(bytes, len, right))) {
        return status;
    }
    if (len > 0 && len <= MT_WMBUS_CI_AT) { /* as far as it is there it may be one */
        bool possible = bytes[0] >= L_MIN && (len < 2 || control_is_known(bytes[1])) &&
                        (len < 4 || maker_is_possible(bytes + 2));
        return possible && len >= 4 ? MT_NEED_MORE : MT_NOT_FOUND;
    }
    if (!head_is_possible(bytes, len, MT_WMBUS_CI_AT)) {
        return MT_NOT_FOUND;
    }
    size_t whole = (size_t)bytes[0] + 1;
    if (len < whole) {
        return MT_NEED_MORE;
    }
    if (len - whole >= TORN_MAX && !ends_at(bytes, len, whole)) {
        return MT_NOT_FOUND;
    }
    enum mt_status otherwise = status == MT_NOT_FOUND ? MT_OK : status;
    *span = (struct mt_wmbus_span){MT_WMBUS_STRIPPED, whole, whole, otherwise};
    if (is_format_b(bytes, whole)) {
        size_t crcs = whole > LONG_BLOCK_BYTES ? 2 * CRC_BYTES : CRC_BYTES;
        *span = (struct mt_wmbus_span){MT_WMBUS_FORMAT_B, whole, whole - crcs, otherwise};
    } else if (is_damaged_b(bytes, whole)) {
        return MT_BAD_CHECKSUM;
    }
    return MT_OK;
}

/* Bytes of the block that begins at `at` of a frame without CRCs. */
static size_t block_at(size_t at, const struct mt_wmbus_span *span)
{
    size_t block = span->len - at;
    if (span->shape == MT_WMBUS_FORMAT_A) {
        size_t most = at == 0 ? MT_WMBUS_HEAD_BYTES : BLOCK_BYTES;
        block = block < most ? block : most;
    } else if (span->shape == MT_WMBUS_FORMAT_B && at == 0 &&
               block > LONG_BLOCK_BYTES - CRC_BYTES) {
        block = LONG_BLOCK_BYTES - CRC_BYTES;
    }
    return block;
}

void mt_wmbus_strip(uint8_t plain[MT_WMBUS_STRIPPED_MAX], const uint8_t *wire,
                    const struct mt_wmbus_span *span)
{
    MT_CHECK(plain != NULL && wire != NULL && span->len <= MT_WMBUS_STRIPPED_MAX);
    size_t crc = span->shape == MT_WMBUS_STRIPPED ? 0 : CRC_BYTES;
    for (size_t at = 0; at < span->len;) {
        size_t block = block_at(at, span);
        memcpy(plain + at, wire, block);
        wire += block + crc;
        at += block;
    }
    plain[0] = (uint8_t)(span->len - 1);
}

void mt_wmbus_trace_crcs(struct mt_trace *trace, const uint8_t *wire,
                         const struct mt_wmbus_span *span)
{
    if (trace == NULL || span->shape == MT_WMBUS_STRIPPED) {
        return;
    }
    for (size_t at = 0; at < span->len;) {
        size_t block = block_at(at, span);
        wire += block;
        mt_trace_field(trace, wire, CRC_BYTES, "CRC of the block before it", "right");
        wire += CRC_BYTES;
        at += block;
    }
}

enum mt_status mt_wmbus_wrap(uint8_t *out, size_t *out_len, size_t out_max, const uint8_t *plain,
                             enum mt_wmbus_shape shape)
{
    MT_CHECK(out != NULL && out_len != NULL && plain != NULL && plain[0] >= L_MIN);
    size_t len = (size_t)plain[0] + 1;
    size_t wire = mt_wmbus_wire_len(len, shape);
    if (wire > out_max || (shape == MT_WMBUS_FORMAT_B && wire > MT_WMBUS_STRIPPED_MAX)) {
        return MT_TOO_LARGE;
    }
    const struct mt_wmbus_span span = {(uint8_t)shape, wire, len, MT_OK};
    uint8_t *to = out;
    for (size_t at = 0; at < len;) {
        size_t block = block_at(at, &span);
        memcpy(to, plain + at, block);
        if (at == 0 && shape == MT_WMBUS_FORMAT_B) {
            to[0] = (uint8_t)(wire - 1);
        }
        if (shape != MT_WMBUS_STRIPPED) {
            uint16_t crc = mt_wmbus_crc(to, block);
            to[block] = (uint8_t)(crc >> 8);
            to[block + 1] = (uint8_t)crc;
            to += CRC_BYTES;
        }
        to += block;
        at += block;
    }
    *out_len = wire;
    return MT_OK;
}
