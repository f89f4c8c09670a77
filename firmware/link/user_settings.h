/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What wolfSSL is on a board (compile with WOLFSSL_USER_SETTINGS): a DTLS client with a pre-shared
 *  key and AES-CCM, the hashes of the message library, no certificates, no files, no sockets.
 *
 *  FW_DTLS13      DTLS 1.3 with a connection ID in place of DTLS 1.2
 *  FW_SIGNATURES  Ed25519, for a meter that signs its day ends or verifies images
 *
 *  A port provides, in C: `int fw_port_seed(unsigned char *out, unsigned int len)` (entropy, 0 when
 *  it was filled) and `unsigned int fw_port_tick_s(void)` (seconds of uptime).
 */
#ifndef FIRMWARE_LINK_USER_SETTINGS_H
#define FIRMWARE_LINK_USER_SETTINGS_H

/* The machine. */
#define SINGLE_THREADED
#define WOLFSSL_USER_IO
#define NO_FILESYSTEM
#define NO_WRITEV
#define NO_MAIN_DRIVER
#define NO_DEV_RANDOM
#define WOLFSSL_NO_SOCK
#define USER_TICKS
#define LowResTimer fw_port_tick_s
#define WOLFSSL_SMALL_STACK
#define WOLFSSL_GENERAL_ALIGNMENT 4
#define SIZEOF_LONG_LONG 8
#define NO_ERROR_STRINGS
#define NO_SIG_WRAPPER
#define WOLFSSL_IGNORE_FILE_WARN
unsigned int fw_port_tick_s(void);

#define CUSTOM_RAND_GENERATE_SEED fw_port_seed
int fw_port_seed(unsigned char *out, unsigned int len);
#define HAVE_HASHDRBG

/* The protocol: RFC 6655, TLS_PSK_WITH_AES_128_CCM_8 and TLS_PSK_WITH_AES_128_CCM. */
#define WOLFSSL_DTLS
#define WOLFSSL_STATIC_PSK
#define NO_WOLFSSL_SERVER
#define NO_CERTS
#define NO_SESSION_CACHE
#define NO_OLD_TLS
#define WOLFSSL_NO_TLS12_SHA384
#define WOLFSSL_MAX_MTU 1400
#define HAVE_EXTENDED_MASTER
#define HAVE_TLS_EXTENSIONS
#ifdef FW_DTLS13
#define WOLFSSL_TLS13
#define WOLFSSL_DTLS13
#define WOLFSSL_DTLS_CID
#define DTLS_CID_MAX_SIZE 8
#define HAVE_HKDF
#define WOLFSSL_NO_TLS12
#define HAVE_SUPPORTED_CURVES
#define WOLFSSL_DTLS_CH_FRAG
#else
#define HAVE_HKDF
#endif

/* Ciphers and hashes. */
#define HAVE_AESCCM
#define WOLFSSL_AES_COUNTER
#define WOLFSSL_AES_DIRECT
#define WOLFSSL_CMAC
#define WOLFSSL_AES_SMALL_TABLES
#define NO_AES_192
#define NO_AES_256
#define NO_AES_CBC
#define WOLFSSL_SIPHASH
#define USE_SLOW_SHA256
#define NO_MD4
#define NO_MD5
#define NO_SHA
#define NO_DES3
#define NO_RC4
#define NO_RSA
#define NO_DSA
#define NO_DH
#define NO_PWDBASED
#define NO_ASN
#define NO_CODING
#define NO_PKCS7
#define NO_PKCS12
/* HAVE_ED25519 with NO_CERTS breaks wolfSSL's src/internal.c of 5.5.4: a port sets FW_SIGNATURES
 * for everything but wolfSSL's own src folder. */
#ifdef FW_SIGNATURES
#define HAVE_ED25519
#define WOLFSSL_SHA512
#endif

#endif
