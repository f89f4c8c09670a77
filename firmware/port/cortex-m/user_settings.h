/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wolfCrypt for an image without a transport: what meters/ needs for the messages themselves. */
#ifndef USER_SETTINGS_H
#define USER_SETTINGS_H

#define WOLFCRYPT_ONLY
#define SINGLE_THREADED
#define NO_FILESYSTEM
#define NO_WRITEV
#define NO_MAIN_DRIVER
#define NO_ERROR_STRINGS
#define WOLFSSL_GENERAL_ALIGNMENT 4
#define SIZEOF_LONG_LONG 8
#define HAVE_AESCCM
#define HAVE_HKDF
#define WOLFSSL_SIPHASH
#define WOLFSSL_AES_SMALL_TABLES
#define USE_SLOW_SHA256
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
#define NO_AES_192
#define WC_NO_RNG

#endif
