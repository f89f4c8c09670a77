/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For processors of which nothing is known: wolfCrypt's way. */
#include "meters/ccm.h"

bool mt_ccm_seal(uint8_t *out, uint8_t tag[MT_CCM_TAG_BYTES], const struct mt_ccm *ccm,
                 const uint8_t *in, size_t len)
{
    return mt_ccm_portable_seal(out, tag, ccm, in, len);
}

bool mt_ccm_open(uint8_t *out, const struct mt_ccm *ccm, const uint8_t *in, size_t len,
                 const uint8_t tag[MT_CCM_TAG_BYTES])
{
    return mt_ccm_portable_open(out, ccm, in, len, tag);
}
