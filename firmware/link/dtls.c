/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DTLS session; see dtls.h. wolfSSL is given one datagram at a time and never waits. */
#include "meters/wolfcrypt.h"

#include "firmware/link/dtls_version.h"

#include <string.h>

#define RECORD_HEADER_BYTES 13u /* RFC 6347, 4.1 */
#define TYPE_FIRST 20u          /* change_cipher_spec; RFC 9147, 4.1 */
#define TYPE_LAST 26u           /* ack */
#define RECORDS_MAX 16u         /* of one datagram; more are dropped */

/* ---- wolfSSL's side --------------------------------------------------------------------------- */

/* RFC 9147, 4: 001CSLEE, here without a connection ID: the meter asked for none in what it receives. */
static size_t unified_record(const uint8_t *bytes, size_t len, size_t sealed_min)
{
    size_t header = (bytes[0] & 8u) != 0 ? 3 : 2;
    if ((bytes[0] & 16u) != 0 || len < header + 2 + sealed_min) {
        return 0;
    }
    if ((bytes[0] & 4u) == 0) {
        return len;
    }
    size_t content_len = (size_t)bytes[header] << 8 | bytes[header + 1];
    bool whole = content_len >= sealed_min && content_len <= len - header - 2;
    return whole ? header + 2 + content_len : 0;
}

/* The length of the record that a datagram begins with; 0: it is none. A sealed one shorter than its seal would
 * end the session in wolfSSL, whoever sent it. */
static size_t first_record(const uint8_t *bytes, size_t len, size_t sealed_min)
{
    if (bytes[0] >> 5 == 1) {
        return unified_record(bytes, len, sealed_min);
    }
    if (len < RECORD_HEADER_BYTES || bytes[0] < TYPE_FIRST || bytes[0] > TYPE_LAST ||
        bytes[1] != 0xFE) {
        return 0;
    }
    size_t content_len = (size_t)bytes[11] << 8 | bytes[12];
    bool sealed = (bytes[3] | bytes[4]) != 0; /* the epoch */
    bool whole =
        content_len >= (sealed ? sealed_min : 1) && content_len <= len - RECORD_HEADER_BYTES;
    return whole ? RECORD_HEADER_BYTES + content_len : 0;
}

/* One whole record at a time: wolfSSL ends a session over half a one, which a stranger could send. */
/* style: callback of wolfSSL */
static int take_in(WOLFSSL *ssl, char *to, int max, void *self)
{
    struct fw_dtls *dtls = self;
    size_t len = 0;
    if (dtls->in_len > 0) {
        len = first_record(dtls->in, dtls->in_len, dtls->version->sealed_min(ssl));
    }
    if (len == 0 || max <= 0 || len > (size_t)max) {
        dtls->in_len = 0;
        return WOLFSSL_CBIO_ERR_WANT_READ;
    }
    memcpy(to, dtls->in, len);
    dtls->in += len;
    dtls->in_len -= len;
    return (int)len;
}

/* What the network does not take is as lost on the way: flights are repeated, messages are CoAP's. */
/* style: callback of wolfSSL */
static int put_out(WOLFSSL *ssl, char *bytes, int len, void *self)
{
    struct fw_dtls *dtls = self;
    (void)ssl;
    (void)dtls->udp.send(dtls->udp.context, (const uint8_t *)bytes, (size_t)len);
    return len;
}

unsigned int fw_dtls_answer_key(WOLFSSL *ssl, char *identity, unsigned int identity_max,
                                unsigned char *key, unsigned int key_max)
{
    const struct fw_dtls *dtls = wolfSSL_GetIOReadCtx(ssl);
    size_t len = strlen(dtls->identity);
    if (len >= identity_max || key_max < MT_KEY_BYTES) {
        return 0;
    }
    memcpy(identity, dtls->identity, len + 1);
    memcpy(key, dtls->psk, MT_KEY_BYTES);
    return MT_KEY_BYTES;
}

static void dtls_check(const struct fw_dtls *dtls)
{
    MT_CHECK(dtls != NULL && dtls->context != NULL);
    MT_CHECK((dtls->state == FW_DTLS_DOWN) == (dtls->ssl == NULL));
    MT_CHECK(dtls->repetitions <= dtls->repeat_max);
}

/* ---- life ------------------------------------------------------------------------------------- */

static WOLFSSL_CTX *make_context(const struct fw_dtls_version *version)
{
    WOLFSSL_CTX *context = wolfSSL_CTX_new(version->method());
    if (context == NULL) {
        return NULL;
    }
    wolfSSL_CTX_SetIORecv(context, take_in);
    wolfSSL_CTX_SetIOSend(context, put_out);
    if (!version->prepare_context(context) ||
        wolfSSL_CTX_set_cipher_list(context, version->ciphers) != WOLFSSL_SUCCESS) {
        wolfSSL_CTX_free(context);
        return NULL;
    }
    return context;
}

enum fw_status fw_dtls_init(struct fw_dtls *dtls, const struct fw_dtls_config *config)
{
    MT_CHECK(dtls != NULL && config != NULL && config->version != NULL);
    MT_CHECK(config->flight_us > 0 && config->udp.send != NULL);
    MT_CHECK(config->repeat_max >= 1 && config->repeat_max <= FW_DTLS_REPEAT_MAX);
    MT_CHECK(strlen(config->identity) <= MT_NAME_MAX);
    memset(dtls, 0, sizeof(*dtls));
    dtls->version = config->version;
    dtls->udp = config->udp;
    memcpy(dtls->identity, config->identity, strlen(config->identity) + 1);
    memcpy(dtls->psk, config->psk, sizeof(dtls->psk));
    dtls->flight_us = config->flight_us;
    dtls->repeat_max = config->repeat_max;
    dtls->due_us = INT64_MAX;
    if (wolfSSL_Init() != WOLFSSL_SUCCESS) {
        return FW_IO;
    }
    dtls->context = make_context(dtls->version);
    if (dtls->context == NULL) {
        (void)wolfSSL_Cleanup(); /* counts users; nothing else can fail */
        return FW_IO;
    }
    return FW_OK;
}

void fw_dtls_deinit(struct fw_dtls *dtls)
{
    dtls_check(dtls);
    fw_dtls_end(dtls);
    wolfSSL_CTX_free(dtls->context);
    (void)wolfSSL_Cleanup(); /* counts users; nothing else can fail */
    mt_key_wipe(dtls, sizeof(*dtls));
}

void fw_dtls_end(struct fw_dtls *dtls)
{
    dtls_check(dtls);
    wolfSSL_free(dtls->ssl);
    dtls->ssl = NULL;
    dtls->state = FW_DTLS_DOWN;
    dtls->in_len = 0;
    dtls->due_us = INT64_MAX;
}

/* ---- handshake -------------------------------------------------------------------------------- */

static bool is_waiting(const struct fw_dtls *dtls, int result)
{
    int why = wolfSSL_get_error(dtls->ssl, result);
    return why == WOLFSSL_ERROR_WANT_READ || why == WOLFSSL_ERROR_WANT_WRITE;
}

static void go_on(struct fw_dtls *dtls)
{
    int result = wolfSSL_connect(dtls->ssl);
    if (result == WOLFSSL_SUCCESS) {
        dtls->state = FW_DTLS_UP;
        dtls->due_us = dtls->version->acknowledged ? dtls->due_us : INT64_MAX;
    } else if (!is_waiting(dtls, result)) {
        fw_dtls_end(dtls);
    }
}

enum fw_status fw_dtls_begin(struct fw_dtls *dtls, uint32_t spread, int64_t now_us)
{
    dtls_check(dtls);
    MT_CHECK(spread <= UINT16_MAX);
    fw_dtls_end(dtls);
    dtls->ssl = wolfSSL_new(dtls->context);
    if (dtls->ssl == NULL) {
        return FW_IO;
    }
    dtls->state = FW_DTLS_SHAKING;
    wolfSSL_SetIOReadCtx(dtls->ssl, dtls);
    wolfSSL_SetIOWriteCtx(dtls->ssl, dtls);
    wolfSSL_dtls_set_using_nonblock(dtls->ssl, 1);
    if (!dtls->version->prepare(dtls->ssl)) {
        fw_dtls_end(dtls);
        return FW_IO;
    }
    dtls->repetitions = 0;
    dtls->pause_us = dtls->flight_us + dtls->flight_us / 2 / 65536 * (int64_t)spread;
    dtls->due_us = now_us + dtls->pause_us;
    go_on(dtls);
    return dtls->state == FW_DTLS_DOWN ? FW_IO : FW_OK;
}

void fw_dtls_step(struct fw_dtls *dtls, int64_t now_us)
{
    dtls_check(dtls);
    if (dtls->state == FW_DTLS_DOWN || now_us < dtls->due_us) {
        return;
    }
    if (dtls->repetitions == dtls->repeat_max) {
        dtls->due_us = INT64_MAX;
        if (dtls->state == FW_DTLS_SHAKING) {
            fw_dtls_end(dtls);
        }
        return;
    }
    dtls->repetitions++;
    dtls->pause_us *= 2;
    dtls->due_us = now_us + dtls->pause_us;
    if (wolfSSL_dtls_got_timeout(dtls->ssl) != WOLFSSL_SUCCESS && dtls->state == FW_DTLS_SHAKING) {
        fw_dtls_end(dtls);
    }
}

int64_t fw_dtls_next_us(const struct fw_dtls *dtls)
{
    dtls_check(dtls);
    return dtls->due_us;
}

/* ---- records ---------------------------------------------------------------------------------- */

void fw_dtls_take(struct fw_dtls *dtls, const uint8_t *bytes, size_t len)
{
    dtls_check(dtls);
    MT_CHECK(bytes != NULL || len == 0);
    if (dtls->state == FW_DTLS_DOWN || len == 0 || len > FW_DTLS_DATAGRAM_MAX) {
        return;
    }
    dtls->in = bytes;
    dtls->in_len = len;
    if (dtls->state == FW_DTLS_SHAKING) {
        go_on(dtls);
    }
}

size_t fw_dtls_read(struct fw_dtls *dtls, uint8_t *out, size_t max)
{
    dtls_check(dtls);
    MT_CHECK(out != NULL && max >= FW_DTLS_DATAGRAM_MAX);
    for (uint32_t i = 0; i < RECORDS_MAX && dtls->state == FW_DTLS_UP; i++) {
        int result = wolfSSL_read(dtls->ssl, out, (int)max);
        if (result > 0) {
            return (size_t)result;
        }
        if (!is_waiting(dtls, result)) {
            fw_dtls_end(dtls); /* the gateway's own alert: only those verify */
        } else if (dtls->in_len == 0) {
            return 0;
        }
    }
    dtls->in_len = 0;
    return 0;
}

enum fw_status fw_dtls_send(struct fw_dtls *dtls, const uint8_t *bytes, size_t len)
{
    dtls_check(dtls);
    MT_CHECK(bytes != NULL && len > 0 && len <= FW_DTLS_DATAGRAM_MAX);
    if (dtls->state != FW_DTLS_UP) {
        return FW_IO;
    }
    return wolfSSL_write(dtls->ssl, bytes, (int)len) == (int)len ? FW_OK : FW_IO;
}
