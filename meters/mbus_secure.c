/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modes 5 and 7 of M-Bus; see the header. */
#include "meters/mbus_secure.h"

#include <string.h>

#include "meters/keys.h"

#define KEY_BYTES 16u
#define FILLER 0x2Fu
#define BLOCKS_MAX 15u

/* OMS Volume 2, 6.2: bits of the fragmentation control field. */
#define FCL_MORE 0x4000u
#define FCL_HAS_MCL 0x2000u
#define FCL_HAS_ML 0x1000u
#define FCL_HAS_MCR 0x0800u
#define FCL_HAS_MAC 0x0400u
#define FCL_HAS_KI 0x0200u
#define FCL_NUMBER 0x00FFu

#define MCL_HAS_LENGTH 0x40u
#define MCL_HAS_COUNTER 0x20u
#define MCL_TYPE 0x0Fu
#define MCL_CMAC_8 5u
#define MAC_BYTES 8u

/* 9.6.2: what a derived key is for, from the meter to the gateway. */
enum purpose { ENCRYPT = 0x00, AUTHENTICATE = 0x01 };

#define KDF_MASK 0x30u
#define KDF_A 0x10u /* configuration extension: keys derived by CMAC */

/* By its type (OMS Volume 2, 6.2.3). */
size_t mt_mbus_mac_bytes(uint8_t control)
{
    static const uint8_t lengths[] = {0, 0, 0, 2, 4, 8, 12, 16};
    uint8_t type = control & MCL_TYPE;
    return type < sizeof(lengths) ? lengths[type] : 0;
}

/* The last fragment has a MAC, and the first one said which: all that is left but a length is it. */
static uint8_t mac_bytes_of(const struct mt_mbus_afl *afl, const struct mt_cursor *c, uint16_t fcl)
{
    size_t after = (fcl & FCL_HAS_ML) != 0 ? sizeof(afl->length) : 0;
    size_t left = mt_cursor_left(c);
    if (afl->fragment < 2 || (fcl & FCL_HAS_MCL) != 0) {
        return (uint8_t)mt_mbus_mac_bytes(afl->control);
    }
    return left > after && left - after <= MT_AES_BLOCK ? (uint8_t)(left - after) : 0;
}

static enum mt_status read_fields(struct mt_mbus_afl *out, struct mt_cursor *c, uint16_t fcl,
                                  struct mt_trace *trace)
{
    const uint8_t *at = c->at;
    if ((fcl & FCL_HAS_MCL) != 0) {
        out->control = mt_cursor_u8(c);
        mt_trace_field(trace, at, (size_t)(c->at - at), "message control", "which MAC");
    }
    if ((fcl & FCL_HAS_KI) != 0) {
        at = c->at;
        (void)mt_cursor_take(c, 2); /* one key a meter is known here; the overrun is tested below */
        mt_trace_field(trace, at, (size_t)(c->at - at), "key information", NULL);
    }
    if ((fcl & FCL_HAS_MCR) != 0) {
        const uint8_t *p = mt_cursor_take(c, sizeof(out->counter));
        out->has_counter = p != NULL;
        if (p != NULL) {
            memcpy(out->counter, p, sizeof(out->counter));
            mt_trace_field(trace, p, sizeof(out->counter), "message counter", NULL);
        }
    }
    if ((fcl & FCL_HAS_MAC) != 0) {
        out->mac_len = mac_bytes_of(out, c, fcl);
        out->mac = mt_cursor_take(c, out->mac_len);
        if (out->mac_len == 0) {
            return MT_UNSUPPORTED;
        }
        if (out->mac != NULL) {
            mt_trace_field(trace, out->mac, out->mac_len, "MAC", "CMAC of the message");
        }
    }
    if ((fcl & FCL_HAS_ML) != 0) {
        const uint8_t *p = mt_cursor_take(c, sizeof(out->length));
        out->has_length = p != NULL;
        if (p != NULL) {
            memcpy(out->length, p, sizeof(out->length));
            mt_trace_field(trace, p, sizeof(out->length), "message length", NULL);
        }
    }
    return c->overrun ? MT_BAD_LAYOUT : MT_OK;
}

enum mt_status mt_mbus_afl_read(struct mt_mbus_afl *out, struct mt_cursor *c,
                                struct mt_trace *trace)
{
    MT_CHECK(out != NULL && c != NULL);
    *out = (struct mt_mbus_afl){0};
    const uint8_t *at = c->at;
    uint8_t len = mt_cursor_u8(c);
    const uint8_t *fields = mt_cursor_take(c, len);
    if (fields == NULL || len < 2) {
        mt_trace_fault(trace, at, (size_t)(c->end - at), "the authentication layer is cut");
        return MT_BAD_LAYOUT;
    }
    mt_trace_field(trace, at, 1, "AFL length", NULL);
    struct mt_cursor inner = mt_cursor_over(fields, len);
    uint16_t fcl = mt_cursor_le16(&inner);
    out->fragment = fcl & FCL_NUMBER;
    out->has_more = (fcl & FCL_MORE) != 0;
    mt_trace_field(trace, fields, 2, "fragmentation control",
                   out->has_more ? "which fields follow; more fragments do"
                                 : "which fields follow");
    enum mt_status status = read_fields(out, &inner, fcl, trace);
    if (status == MT_OK && mt_cursor_left(&inner) > 0) {
        status = MT_BAD_LAYOUT;
    }
    if (status != MT_OK) {
        mt_trace_fault(trace, fields, len, "the fields of the authentication layer do not fit");
    }
    return status;
}

/* 9.6.2: a key of one message and purpose. */
static void derive(uint8_t out[KEY_BYTES], const uint8_t *key, enum purpose purpose,
                   const uint8_t counter[4], const uint8_t number[4])
{
    uint8_t input[16];
    memset(input, 0x07, sizeof(input));
    input[0] = (uint8_t)purpose;
    memcpy(input + 1, counter, 4);
    memcpy(input + 5, number, 4);
    mt_aes_cmac(out, input, sizeof(input), key);
}

static void mode5_start(uint8_t iv[MT_AES_BLOCK], const struct mt_mbus_head *head)
{
    memcpy(iv, head->maker, 2);
    memcpy(iv + 2, head->number, 4);
    iv[6] = head->version;
    iv[7] = head->type;
    memset(iv + 8, head->access, 8);
}

/* The MAC is over MCL, the counter and the length where they are part of it, and the message. */
static enum mt_status message_mac(uint8_t mac[MT_AES_BLOCK], const struct mt_mbus_afl *afl,
                                  const uint8_t *message, size_t message_len,
                                  const uint8_t key[KEY_BYTES])
{
    uint8_t bytes[1 + 4 + 2 + MT_MBUS_PLAIN_MAX + 32];
    struct mt_writer w = mt_writer_into(bytes, sizeof(bytes));
    mt_writer_u8(&w, afl->control);
    if ((afl->control & MCL_HAS_COUNTER) != 0) {
        mt_writer_bytes(&w, afl->counter, sizeof(afl->counter));
    }
    if ((afl->control & MCL_HAS_LENGTH) != 0) {
        mt_writer_bytes(&w, afl->length, sizeof(afl->length));
    }
    mt_writer_bytes(&w, message, message_len);
    if (w.overflow) {
        return MT_TOO_LARGE;
    }
    mt_aes_cmac(mac, bytes, mt_writer_len(&w), key);
    return MT_OK;
}

static enum mt_status check_mac(const struct mt_mbus_sealed *sealed, struct mt_trace *trace)
{
    uint8_t key[KEY_BYTES];
    uint8_t mac[MT_AES_BLOCK];
    derive(key, sealed->key, AUTHENTICATE, sealed->afl->counter, sealed->head->number);
    enum mt_status status =
        message_mac(mac, sealed->afl, sealed->message, sealed->message_len, key);
    mt_key_wipe(key, sizeof(key));
    if (status == MT_OK && !mt_mac_equal(mac, sealed->afl->mac, sealed->afl->mac_len)) {
        mt_trace_fault(trace, sealed->afl->mac, sealed->afl->mac_len,
                       "the MAC differs: another key, or the bytes were changed");
        status = MT_NOT_AUTHENTIC;
    }
    return status;
}

static enum mt_status check_key(const struct mt_mbus_sealed *sealed, struct mt_trace *trace)
{
    if (sealed->key != NULL && sealed->key_len == KEY_BYTES) {
        return MT_OK;
    }
    mt_trace_fault(trace, sealed->bytes, sealed->len,
                   sealed->key == NULL ? "encrypted: give the meter's key"
                                       : "the key must have 16 bytes");
    return MT_NO_KEY;
}

/* May this be decrypted at all? */
static enum mt_status check_mode(const struct mt_mbus_sealed *sealed, struct mt_trace *trace)
{
    uint8_t mode = mt_mbus_head_mode(sealed->head);
    const char *why = NULL;
    if (mode != MT_MBUS_MODE_5 && mode != MT_MBUS_MODE_7) {
        why = "this security mode is not supported: only 5 and 7 are";
    } else if (!sealed->head->has_address) {
        why = "the short head does not say who sends, which decryption needs";
    } else if (mode == MT_MBUS_MODE_7 && (sealed->head->config_more & KDF_MASK) != KDF_A) {
        why = "mode 7 is supported with keys derived by CMAC only";
    } else if (mode == MT_MBUS_MODE_7 &&
               (sealed->afl == NULL || !sealed->afl->has_counter || sealed->afl->mac_len == 0)) {
        why = "mode 7 needs the counter and the MAC of the authentication layer";
    }
    if (why != NULL) {
        mt_trace_fault(trace, sealed->bytes, sealed->len, why);
        return MT_UNSUPPORTED;
    }
    return MT_OK;
}

/* What must hold before anything is decrypted, or believed in the clear. */
static enum mt_status check_message(const struct mt_mbus_sealed *sealed, struct mt_trace *trace)
{
    bool is_clear = mt_mbus_head_mode(sealed->head) == MT_MBUS_CLEAR;
    enum mt_status status = is_clear ? MT_OK : check_mode(sealed, trace);
    if (status == MT_OK) {
        status = check_key(sealed, trace);
    }
    bool has_mac = sealed->afl != NULL && sealed->afl->mac_len > 0;
    if (status != MT_OK || !(has_mac || sealed->must_mac)) {
        return status;
    }
    if (!has_mac || !sealed->afl->has_counter || !sealed->head->has_address) {
        mt_trace_fault(trace, sealed->bytes, sealed->len,
                       "the message counter or the address that a MAC is made with is missing");
        return MT_UNSUPPORTED;
    }
    return check_mac(sealed, trace);
}

static void decrypt(uint8_t *plain, size_t encrypted, const struct mt_mbus_sealed *sealed)
{
    uint8_t iv[MT_AES_BLOCK] = {0};
    if (mt_mbus_head_mode(sealed->head) == MT_MBUS_MODE_5) {
        mode5_start(iv, sealed->head);
        mt_aes_cbc_decrypt(plain, sealed->bytes, encrypted, sealed->key, iv);
        return;
    }
    uint8_t key[KEY_BYTES];
    derive(key, sealed->key, ENCRYPT, sealed->afl->counter, sealed->head->number);
    mt_aes_cbc_decrypt(plain, sealed->bytes, encrypted, key, iv);
    mt_key_wipe(key, sizeof(key));
}

enum mt_status mt_mbus_open(uint8_t *plain, size_t *plain_len, const struct mt_mbus_sealed *sealed,
                            struct mt_trace *trace)
{
    MT_CHECK(plain != NULL && plain_len != NULL && sealed != NULL && sealed->head != NULL);
    MT_CHECK(sealed->bytes != NULL || sealed->len == 0);
    size_t encrypted = mt_mbus_head_blocks(sealed->head) * (size_t)MT_AES_BLOCK;
    if (sealed->len > MT_MBUS_PLAIN_MAX) {
        return MT_TOO_LARGE;
    }
    bool is_clear = mt_mbus_head_mode(sealed->head) == MT_MBUS_CLEAR || sealed->len == 0;
    enum mt_status status = is_clear && !sealed->must_mac ? MT_OK : check_message(sealed, trace);
    if (status != MT_OK) {
        return status;
    }
    if (!is_clear) {
        if (encrypted == 0 || encrypted > sealed->len) {
            mt_trace_fault(trace, sealed->bytes, sealed->len,
                           "the configuration announces no blocks, or more than there are");
            return MT_BAD_LAYOUT;
        }
        decrypt(plain, encrypted, sealed);
        if (plain[0] != FILLER || plain[1] != FILLER) {
            mt_trace_fault(trace, sealed->bytes, encrypted,
                           "decrypted it does not begin with 2F 2F: the key is another");
            return MT_NOT_AUTHENTIC;
        }
    } else {
        encrypted = 0;
    }
    if (sealed->len > encrypted) {
        memcpy(plain + encrypted, sealed->bytes + encrypted, sealed->len - encrypted);
    }
    *plain_len = sealed->len;
    if (encrypted > 0) {
        mt_trace_field(trace, sealed->bytes, encrypted, "encrypted", NULL);
        mt_trace_layer(trace, plain, sealed->len,
                       mt_mbus_head_mode(sealed->head) == MT_MBUS_MODE_5 ? "decrypted, mode 5"
                                                                         : "decrypted, mode 7");
    }
    return MT_OK;
}

enum mt_status mt_mbus_seal(uint8_t *out, size_t *out_len, size_t out_max,
                            struct mt_mbus_head *head, const struct mt_mbus_plain *plain)
{
    MT_CHECK(out != NULL && out_len != NULL && head != NULL && head->has_address);
    MT_CHECK(plain != NULL && plain->bytes != NULL);
    if (plain->key == NULL || plain->key_len != KEY_BYTES) {
        return MT_NO_KEY;
    }
    size_t blocks = plain->len / MT_AES_BLOCK + 1; /* with 2F 2F and what fills the last */
    blocks += plain->len % MT_AES_BLOCK > MT_AES_BLOCK - 2 ? 1 : 0;
    size_t len = blocks * MT_AES_BLOCK;
    if (blocks > BLOCKS_MAX || len > out_max) {
        return MT_TOO_LARGE;
    }
    uint8_t iv[MT_AES_BLOCK] = {0};
    uint8_t key[KEY_BYTES];
    bool is_mode7 = plain->counter != NULL;
    memset(out, FILLER, len);
    memcpy(out + 2, plain->bytes, plain->len);
    head->config = (uint16_t)((is_mode7 ? MT_MBUS_MODE_7 : MT_MBUS_MODE_5) << 8 | blocks << 4);
    head->config_more = is_mode7 ? KDF_A : 0;
    if (is_mode7) {
        derive(key, plain->key, ENCRYPT, plain->counter, head->number);
    } else {
        mode5_start(iv, head);
        memcpy(key, plain->key, sizeof(key));
    }
    mt_aes_cbc_encrypt(out, out, len, key, iv);
    mt_key_wipe(key, sizeof(key));
    *out_len = len;
    return MT_OK;
}

enum mt_status mt_mbus_afl_sign(struct mt_mbus_afl *afl, uint8_t mac[MT_AES_BLOCK],
                                const uint8_t *message, size_t message_len,
                                const struct mt_mbus_head *head, const struct mt_mbus_plain *plain)
{
    MT_CHECK(afl != NULL && mac != NULL && message != NULL && head != NULL && plain != NULL);
    MT_CHECK(plain->counter != NULL && head->has_address && message_len <= UINT16_MAX);
    if (plain->key == NULL || plain->key_len != KEY_BYTES) {
        return MT_NO_KEY;
    }
    afl->control = MCL_HAS_COUNTER | MCL_CMAC_8 | (afl->has_length ? MCL_HAS_LENGTH : 0);
    afl->has_counter = true;
    memcpy(afl->counter, plain->counter, sizeof(afl->counter));
    afl->length[0] = (uint8_t)message_len;
    afl->length[1] = (uint8_t)(message_len >> 8);
    afl->mac_len = MAC_BYTES;
    afl->mac = mac;
    uint8_t key[KEY_BYTES];
    derive(key, plain->key, AUTHENTICATE, plain->counter, head->number);
    enum mt_status status = message_mac(mac, afl, message, message_len, key);
    mt_key_wipe(key, sizeof(key));
    return status;
}

void mt_mbus_afl_put(struct mt_writer *w, const struct mt_mbus_afl *afl)
{
    MT_CHECK(w != NULL && afl != NULL && (afl->mac != NULL || afl->mac_len == 0));
    uint16_t fcl = afl->fragment | (afl->has_more ? FCL_MORE : 0);
    fcl |= afl->control != 0 ? FCL_HAS_MCL : 0;
    fcl |= afl->has_counter ? FCL_HAS_MCR : 0;
    fcl |= afl->mac_len > 0 ? FCL_HAS_MAC : 0;
    fcl |= afl->has_length ? FCL_HAS_ML : 0;
    size_t len = sizeof(fcl) + (afl->control != 0 ? 1 : 0) +
                 (afl->has_counter ? sizeof(afl->counter) : 0) + afl->mac_len +
                 (afl->has_length ? sizeof(afl->length) : 0);
    mt_writer_u8(w, MT_MBUS_CI_AFL);
    mt_writer_u8(w, (uint8_t)len);
    mt_writer_le(w, fcl, sizeof(fcl));
    if (afl->control != 0) {
        mt_writer_u8(w, afl->control);
    }
    mt_writer_bytes(w, afl->counter, afl->has_counter ? sizeof(afl->counter) : 0);
    if (afl->mac_len > 0) {
        mt_writer_bytes(w, afl->mac, afl->mac_len);
    }
    mt_writer_bytes(w, afl->length, afl->has_length ? sizeof(afl->length) : 0);
}

enum mt_status mt_mbus_afl_write(struct mt_writer *w, const uint8_t *message, size_t message_len,
                                 const struct mt_mbus_head *head, const struct mt_mbus_plain *plain)
{
    MT_CHECK(w != NULL);
    struct mt_mbus_afl afl = {0};
    uint8_t mac[MT_AES_BLOCK];
    enum mt_status status = mt_mbus_afl_sign(&afl, mac, message, message_len, head, plain);
    if (status == MT_OK) {
        mt_mbus_afl_put(w, &afl);
    }
    return status;
}
