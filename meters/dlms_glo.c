/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ciphered messages; see the header. */
#include "meters/dlms_glo.h"

#include <string.h>

#include "meters/aes.h"
#include "meters/axdr.h"
#include "meters/dlms_link.h"

#define KEY_BYTES ((size_t)16)
#define HEAD_BYTES 5u /* SC and counter */
#define COMPRESSED 0x80u
#define SUITE_MASK 0x0Fu
#define SUITE_MAX 1u /* suite 2 has keys of 32 bytes */

enum mt_status mt_dlms_sealed_read(struct mt_dlms_sealed *sealed, struct mt_cursor *c,
                                   struct mt_trace *trace)
{
    MT_CHECK(sealed != NULL && c != NULL);
    const uint8_t *from = c->at;
    uint8_t kind = mt_cursor_u8(c);
    uint8_t title_len = mt_cursor_u8(c);
    const uint8_t *title = mt_cursor_take(c, title_len);
    uint32_t len = 0;
    enum mt_status status = mt_axdr_length(&len, c);
    const uint8_t *body = mt_cursor_take(c, status == MT_OK ? len : 0);
    if (c->overrun || status != MT_OK) {
        return c->overrun ? MT_NEED_MORE : status;
    }
    mt_trace_field(trace, from, 1, "message",
                   kind == 0xDB ? "ciphered, global key" : "ciphered, dedicated key");
    mt_trace_field(trace, from + 1, title_len + 1u, "system title", "maker and serial number");
    mt_trace_field(trace, title + title_len, (size_t)(body - title - title_len), "length", NULL);
    if (title_len != MT_DLMS_TITLE_BYTES || len < HEAD_BYTES) {
        mt_trace_fault(trace, from, (size_t)(c->at - from), "a system title has eight bytes");
        return MT_BAD_LAYOUT;
    }
    uint8_t control = body[0];
    mt_trace_field(trace, body, 1, "security control",
                   (control & MT_DLMS_AUTHENTICATED) == 0 ? "no tag: it cannot be proven"
                                                          : "authenticated");
    mt_trace_field(trace, body + 1, 4, "invocation counter", NULL);
    if ((control & COMPRESSED) != 0 || (control & SUITE_MASK) > SUITE_MAX) {
        mt_trace_fault(trace, body, 1, "compressed, or of a suite that is not decoded here");
        return MT_UNSUPPORTED;
    }
    size_t tag_len = (control & MT_DLMS_AUTHENTICATED) != 0 ? MT_DLMS_TAG_BYTES : 0;
    if (len - HEAD_BYTES < tag_len || len - HEAD_BYTES > MT_DLMS_APDU_MAX) {
        return MT_BAD_LAYOUT;
    }
    struct mt_cursor head = mt_cursor_over(body + 1, 4);
    size_t text_len = len - HEAD_BYTES - tag_len;
    *sealed = (struct mt_dlms_sealed){.title = title,
                                      .head = body,
                                      .control = control,
                                      .counter = (uint32_t)mt_cursor_be(&head, 4),
                                      .text = body + HEAD_BYTES,
                                      .len = text_len,
                                      .tag = tag_len > 0 ? body + HEAD_BYTES + text_len : NULL};
    mt_trace_field(trace, sealed->text, text_len, "content", NULL);
    if (sealed->tag != NULL) {
        mt_trace_field(trace, sealed->tag, MT_DLMS_TAG_BYTES, "tag", NULL);
    }
    return MT_OK;
}

/* Encrypted content under a tag. The associated data are SC and the authentication key; meters
 * without one leave out both, or the key. */
static bool open_encrypted(uint8_t *out, const struct mt_dlms_sealed *s, const uint8_t *iv,
                           const struct mt_input *input)
{
    uint8_t aad[1 + KEY_BYTES] = {s->control};
    bool has_second = input->key_len == 2 * KEY_BYTES;
    struct mt_gcm gcm = {.key = input->key,
                         .iv = iv,
                         .aad = aad,
                         .aad_len = has_second ? sizeof(aad) : 1,
                         .tag_len = MT_DLMS_TAG_BYTES};
    if (has_second) {
        memcpy(aad + 1, input->key + KEY_BYTES, KEY_BYTES);
    }
    if (mt_aes_gcm_open(out, s->text, s->len, s->tag, &gcm)) {
        return true;
    }
    gcm.aad_len = 0;
    return !has_second && mt_aes_gcm_open(out, s->text, s->len, s->tag, &gcm);
}

/* Plain content under a tag: it is part of the associated data. */
static bool open_plain(uint8_t *out, const struct mt_dlms_sealed *s, const uint8_t *iv,
                       const struct mt_input *input)
{
    uint8_t aad[1 + KEY_BYTES + MT_DLMS_APDU_MAX];
    uint8_t nothing[1] = {0};
    size_t second = input->key_len - KEY_BYTES;
    aad[0] = s->control;
    memcpy(aad + 1, input->key + KEY_BYTES, second);
    memcpy(aad + 1 + second, s->text, s->len);
    struct mt_gcm gcm = {.key = input->key,
                         .iv = iv,
                         .aad = aad,
                         .aad_len = 1 + second + s->len,
                         .tag_len = MT_DLMS_TAG_BYTES};
    memcpy(out, s->text, s->len);
    return mt_aes_gcm_open(nothing, nothing, 0, s->tag, &gcm);
}

enum mt_status mt_dlms_open(uint8_t *out, const struct mt_dlms_sealed *s,
                            const struct mt_input *input)
{
    MT_CHECK(out != NULL && s != NULL && input != NULL && s->len <= MT_DLMS_APDU_MAX);
    uint8_t iv[MT_AES_BLOCK] = {
        0}; /* behind the IV: the first counter of content, 2 (SP 800-38D) */
    memcpy(iv, s->title, MT_DLMS_TITLE_BYTES);
    memcpy(iv + MT_DLMS_TITLE_BYTES, s->head + 1, 4);
    iv[MT_AES_BLOCK - 1] = 2;
    bool encrypted = (s->control & MT_DLMS_ENCRYPTED) != 0;
    if (!encrypted && s->tag == NULL) {
        memcpy(out, s->text, s->len);
        return MT_OK;
    }
    if (input->key == NULL || (input->key_len != KEY_BYTES && input->key_len != 2 * KEY_BYTES)) {
        mt_trace_fault(
            input->trace, s->text, s->len,
            "give the key: 16 bytes, and the authentication key behind it if there is one");
        return MT_NO_KEY;
    }
    if (s->tag == NULL) {
        mt_aes_ctr(out, s->text, s->len, input->key, iv);
        return MT_OK;
    }
    if (encrypted ? open_encrypted(out, s, iv, input) : open_plain(out, s, iv, input)) {
        return MT_OK;
    }
    mt_trace_fault(input->trace, s->tag, MT_DLMS_TAG_BYTES,
                   "the tag differs: another key, or the authentication key is missing");
    return MT_NOT_AUTHENTIC;
}
