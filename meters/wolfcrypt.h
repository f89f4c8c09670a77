/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How this library finds wolfCrypt's configuration, on the gateway and on the meter.
 *
 *  A host build carries its configuration in <wolfssl/options.h>; the firmware defines
 *  WOLFSSL_USER_SETTINGS and carries it in its own user_settings.h. Included first, by the files
 *  that use wolfCrypt, and by no header.
 */
#ifndef METERS_WOLFCRYPT_H
#define METERS_WOLFCRYPT_H

#ifndef WOLFSSL_USER_SETTINGS
#include <wolfssl/options.h>
#endif
#include <wolfssl/wolfcrypt/settings.h>

#endif
