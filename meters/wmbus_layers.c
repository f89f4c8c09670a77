/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layers between link and application of wireless M-Bus; see the header. */
#include "meters/wmbus_layers.h"

#include <string.h>

#include "meters/aes.h"
#include "meters/cursor.h"
#include "meters/wmbus_fragments.h"

#define CI_ELL_SHORT 0x8Cu           /* CC ACC */
#define CI_ELL_SECURE 0x8Du          /* CC ACC SN CRC */
#define CI_ELL_RECEIVER 0x8Eu        /* CC ACC M2 A2 */
#define CI_ELL_RECEIVER_SECURE 0x8Fu /* CC ACC M2 A2 SN CRC */

#define KEY_BYTES 16u
#define SN_BYTES 4u
#define CRC_BYTES 2u
#define RECEIVER_BYTES 8u
#define ENC_NONE 0u /* SN, bits 29 to 31 */
#define ENC_CTR 1u
#define SESSION_MASK 0x1FFFFFFFu

/* CC: set by repeaters after the meter has encrypted, so it is no part of the counter block. */
#define CC_REPEATED 0x10u

void mt_wmbus_ell_iv(uint8_t iv[16], const uint8_t *frame, const uint8_t *ell, const uint8_t sn[4])
{
    MT_CHECK(iv != NULL && frame != NULL && ell != NULL && sn != NULL);
    memset(iv, 0, 16);
    memcpy(iv, frame + 2, 8);
    iv[8] = ell[0] & (uint8_t)~CC_REPEATED;
    memcpy(iv + 9, sn, SN_BYTES);
}

/* EN 13757-4, 13.2.10: the CRC is sent low byte first here, and encrypted with what it covers. */
static bool crc_leads(const uint8_t *bytes, size_t len)
{
    if (len < CRC_BYTES) {
        return false;
    }
    return mt_wmbus_crc(bytes + CRC_BYTES, len - CRC_BYTES) == (bytes[0] | bytes[1] << 8);
}

/* What an ELL with a session number protects: the rest of the frame, after its CRC. */
static enum mt_status open_secure(struct mt_wmbus_layers *out, uint8_t *plain, struct mt_cursor *c,
                                  const uint8_t *ell, const struct mt_input *input)
{
    const uint8_t *sn = mt_cursor_take(c, SN_BYTES);
    size_t left = mt_cursor_left(c);
    if (sn == NULL || left < CRC_BYTES + 1) {
        return MT_BAD_LAYOUT;
    }
    unsigned mode = sn[3] >> 5;
    mt_trace_field(input->trace, sn, SN_BYTES, "session number",
                   mode == ENC_CTR ? "encrypted, AES-128-CTR" : "not encrypted");
    if (mode > ENC_CTR) {
        mt_trace_fault(input->trace, sn, SN_BYTES, "the kind of encryption is a reserved one");
        return MT_UNSUPPORTED;
    }
    const uint8_t *bytes = c->at;
    bool has_key = input->key != NULL && input->key_len == KEY_BYTES;
    if (mode == ENC_CTR && has_key) {
        uint8_t iv[16];
        mt_wmbus_ell_iv(iv, out->frame, ell, sn);
        memcpy(plain, out->frame, out->frame_len);
        uint8_t *hidden = plain + (bytes - out->frame);
        mt_aes_ctr(hidden, bytes, left, input->key, iv);
        bytes = hidden;
        mt_trace_layer(input->trace, bytes, left, "decrypted by the extended link layer");
    }
    if (!crc_leads(bytes, left)) {
        bool no_key = mode == ENC_CTR && !has_key;
        mt_trace_fault(input->trace, bytes, left,
                       no_key ? "the frame is encrypted by its extended link layer: give the key"
                              : "the CRC of the extended link layer differs: the key is another, "
                                "or the bytes were changed");
        return no_key ? MT_NO_KEY : mode == ENC_CTR ? MT_NOT_AUTHENTIC : MT_BAD_CHECKSUM;
    }
    mt_trace_field(input->trace, bytes, CRC_BYTES, "CRC of what follows", "right");
    out->has_session = mode == ENC_CTR;
    out->session =
        (uint32_t)(sn[0] | sn[1] << 8 | sn[2] << 16 | (uint32_t)sn[3] << 24) & SESSION_MASK;
    *c = mt_cursor_over(bytes + CRC_BYTES, left - CRC_BYTES);
    return MT_OK;
}

static enum mt_status read_ell(struct mt_wmbus_layers *out, uint8_t *plain, struct mt_cursor *c,
                               const struct mt_input *input)
{
    uint8_t ci = mt_cursor_peek(c);
    if (ci < CI_ELL_SHORT || ci > CI_ELL_RECEIVER_SECURE) {
        return MT_OK;
    }
    mt_trace_field(input->trace, c->at, 1, "CI", "extended link layer");
    (void)mt_cursor_u8(c); /* looked at above */
    const uint8_t *ell = mt_cursor_take(c, 2);
    if (ell == NULL) {
        return MT_BAD_LAYOUT;
    }
    mt_trace_field(input->trace, ell, 1, "communication control", NULL);
    mt_trace_field(input->trace, ell + 1, 1, "access number", NULL);
    out->has_ell = true;
    out->ell_access = ell[1];
    if (ci >= CI_ELL_RECEIVER) {
        const uint8_t *receiver = mt_cursor_take(c, RECEIVER_BYTES);
        if (receiver == NULL) {
            return MT_BAD_LAYOUT;
        }
        mt_trace_field(input->trace, receiver, RECEIVER_BYTES, "receiver's address", NULL);
    }
    bool secure = ci == CI_ELL_SECURE || ci == CI_ELL_RECEIVER_SECURE;
    return secure ? open_secure(out, plain, c, ell, input) : MT_OK;
}

static enum mt_status read_afl(struct mt_wmbus_layers *out, struct mt_cursor *c,
                               struct mt_trace *trace)
{
    if (mt_cursor_peek(c) != MT_MBUS_CI_AFL) {
        return MT_OK;
    }
    mt_trace_field(trace, c->at, 1, "CI", "authentication and fragmentation layer");
    (void)mt_cursor_u8(c); /* looked at above */
    out->has_afl = true;
    return mt_mbus_afl_read(&out->afl, c, trace);
}

/* What the message is: the rest of the frame, or of all frames that it came in. */
static enum mt_status find_message(struct mt_wmbus_layers *out, const struct mt_cursor *c,
                                   const struct mt_input *input)
{
    out->message = c->at;
    out->message_len = mt_cursor_left(c);
    if (out->message_len == 0) {
        return MT_BAD_LAYOUT;
    }
    if (out->has_afl && mt_wmbus_is_fragment(&out->afl)) {
        const struct mt_fragmented *whole = NULL;
        struct mt_fragments *memory = input->formats != NULL ? &input->formats->fragments : NULL;
        enum mt_status status =
            mt_wmbus_fragment(&whole, &out->afl, memory, out->frame + 2, c, input->trace);
        if (status == MT_OK) {
            out->is_assembled = true;
            out->message = whole->bytes;
            out->message_len = whole->len;
            mt_trace_layer(input->trace, whole->bytes, whole->len, "the message of all fragments");
        }
        return status;
    }
    /* The whole message has the length that its MAC covers. */
    bool differs = out->afl.has_length &&
                   (size_t)(out->afl.length[0] | out->afl.length[1] << 8) != out->message_len;
    return differs ? MT_BAD_LAYOUT : MT_OK;
}

enum mt_status mt_wmbus_layers(struct mt_wmbus_layers *out, uint8_t plain[MT_WMBUS_STRIPPED_MAX],
                               const uint8_t *frame, size_t frame_len, const struct mt_input *input)
{
    MT_CHECK(out != NULL && plain != NULL && frame != NULL && input != NULL);
    MT_CHECK(frame_len > MT_WMBUS_HEAD_BYTES && frame_len <= MT_WMBUS_STRIPPED_MAX);
    struct mt_wmbus_layers layers = {.frame = frame, .frame_len = frame_len};
    struct mt_cursor c =
        mt_cursor_over(frame + MT_WMBUS_HEAD_BYTES, frame_len - MT_WMBUS_HEAD_BYTES);
    enum mt_status status = read_ell(&layers, plain, &c, input);
    if (status == MT_OK) {
        status = read_afl(&layers, &c, input->trace);
    }
    if (status == MT_OK) {
        status = find_message(&layers, &c, input);
    }
    if (status == MT_OK || status == MT_NO_READING) {
        *out = layers;
    }
    return status;
}
