/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key derivation; see the header. */
#include "meters/wolfcrypt.h"

#include <wolfssl/wolfcrypt/hmac.h>

#include <string.h>

#include "meters/keys.h"
#include "meters/name.h"

static const char salt[] = "meterpay keys 1";

#define PURPOSE_BYTES_MAX 16u

/* Switching on the enum without a default makes the compiler name a purpose that has no text. */
static const char *purpose_text(enum mt_key_purpose purpose)
{
    switch (purpose) {
    case MT_KEY_UP:
        return "up";
    case MT_KEY_DOWN:
        return "down";
    case MT_KEY_TRANSPORT:
        return "transport";
    }
    return NULL;
}

/* Tools take a pre-shared key as an argument, which ends at a zero byte, and shells cut a newline off
 * its end: neither byte may stand in it. */
static void make_textual(uint8_t key[MT_KEY_BYTES])
{
    for (size_t i = 0; i < MT_KEY_BYTES; i++) {
        if (key[i] == 0x00 || key[i] == 0x0a) {
            key[i] |= 0x80;
        }
    }
}

enum mt_status mt_key_derive(uint8_t key[MT_KEY_BYTES], const uint8_t root[MT_KEY_BYTES],
                             enum mt_key_purpose purpose, const struct mt_identity *identity)
{
    MT_CHECK(key != NULL);
    MT_CHECK(root != NULL);
    const char *text = purpose_text(purpose);
    MT_CHECK(text != NULL);
    /* info = purpose || 0x00 || name: the zero keeps (a, bc) and (ab, c) apart. */
    char info[PURPOSE_BYTES_MAX + 1 + MT_NAME_MAX + 1];
    size_t text_len = strlen(text);
    MT_CHECK(text_len <= PURPOSE_BYTES_MAX);
    memcpy(info, text, text_len);
    info[text_len] = '\0';
    size_t info_len = text_len + 1 + mt_name_format(info + text_len + 1, identity);

    uint8_t derived[MT_KEY_BYTES];
    int result = wc_HKDF(WC_SHA256, root, MT_KEY_BYTES, (const byte *)salt, sizeof(salt) - 1,
                         (const byte *)info, (word32)info_len, derived, sizeof(derived));
    if (purpose == MT_KEY_TRANSPORT) {
        make_textual(derived);
    }
    if (result == 0) {
        memcpy(key, derived, sizeof(derived));
    }
    mt_key_wipe(derived, sizeof(derived));
    return result == 0 ? MT_OK : MT_UNSUPPORTED;
}

void mt_key_wipe(void *secret, size_t len)
{
    MT_CHECK(secret != NULL || len == 0);
    if (len > 0) {
        memset(secret, 0, len);
    }
    /* The compiler must believe that somebody reads the zeros, or it drops the memset. */
    __asm__ volatile("" : : "r"(secret) : "memory");
}
