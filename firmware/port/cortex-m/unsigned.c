/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The base profile has no curve: a meter without a signing key never signs, and 30 KiB stay free. */
#include "meters/cose.h"

enum mt_status mt_cose_sign(uint8_t *out, size_t *out_len, size_t out_max,
                            const struct mt_cose_seal_args *payload,
                            const uint8_t secret[MT_SIGN_SECRET_BYTES])
{
    (void)out;
    (void)out_len;
    (void)out_max;
    (void)payload;
    (void)secret;
    return MT_UNSUPPORTED;
}
