/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A meter's working keys, all derived from its one 16-byte root key.
 *
 *  HKDF-SHA256 (RFC 5869): salt = "meterpay keys 1", secret = root key,
 *  info = purpose text || 0x00 || meter name. Nobody who learns one of them learns another.
 */
#ifndef METERS_KEYS_H
#define METERS_KEYS_H

#include "meters/check.h"
#include "meters/reading.h"

#define MT_KEY_BYTES 16u

/** What a derived key is for; the text is what goes into HKDF's info. */
enum mt_key_purpose {
    MT_KEY_UP,   /**< "up": meter to gateway, COSE. */
    MT_KEY_DOWN, /**< "down": gateway to meter, COSE. */
    /** "transport": pre-shared key of TLS and DTLS. Bytes 0x00 and 0x0A are made 0x80 and 0x8A, so that
     *  tools which take a key as text can be given it. */
    MT_KEY_TRANSPORT,
};

/** Derive one key.
 *
 *  Returns: MT_OK, or MT_UNSUPPORTED when the cryptographic library refuses; *key untouched then.
 */
MT_MUST_USE enum mt_status mt_key_derive(uint8_t key[MT_KEY_BYTES],
                                         const uint8_t root[MT_KEY_BYTES],
                                         enum mt_key_purpose purpose,
                                         const struct mt_identity *identity);

/** Overwrite a secret so that the compiler cannot leave it out. */
void mt_key_wipe(void *secret, size_t len);

#endif
