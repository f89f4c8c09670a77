/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wolfCrypt as small as meters/ needs it, for the check that meters/ compiles for a Cortex-M3. */
#ifndef USER_SETTINGS_H
#define USER_SETTINGS_H

#define WOLFCRYPT_ONLY
#define SINGLE_THREADED
#define NO_FILESYSTEM
#define NO_WRITEV
#define NO_MAIN_DRIVER
#define WOLFSSL_GENERAL_ALIGNMENT 4
#define SIZEOF_LONG_LONG 8
#define HAVE_AESCCM
#define HAVE_HKDF
#define HAVE_ED25519
#define WOLFSSL_SIPHASH
#define WOLFSSL_SHA512
#define NO_RSA
#define NO_DH
#define NO_DSA
#define NO_DES3
#define NO_RC4
#define NO_MD4
#define NO_MD5
#define NO_SHA
#define NO_PWDBASED
#define NO_ASN
#define NO_ASN_TIME

#endif
