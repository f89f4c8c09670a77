/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The proofs that a push may bring; the hash functions are GnuTLS's. */
#include <gnutls/crypto.h>
#include <string.h>
#include <strings.h>

#include "gateway/adapters/hook.h"
#include "gateway/adapters/mapping_json.h"

#define MD5_BYTES 16u
#define SHA256_BYTES 32u
#define NONCE_MAX 64u

static bool same_bytes(const void *a, const void *b, size_t len)
{
    return gnutls_memcmp(a, b, len) == 0; /* in constant time */
}

static bool same_text(const char *given, const char *secret)
{
    size_t len = strlen(secret);
    return strlen(given) == len && same_bytes(given, secret, len);
}

/* ---- token ---------------------------------------------------------------------------------------------- */

static enum gw_hook_verdict verify_token(const struct gw_hook *hook,
                                         const struct gw_hook_push *push)
{
    static const char bearer[] = "Bearer ";
    const char *given = push->token;
    if (push->authorization != NULL) {
        if (strncasecmp(push->authorization, bearer, sizeof(bearer) - 1) != 0) {
            return GW_HOOK_UNSIGNED;
        }
        given = push->authorization + sizeof(bearer) - 1;
    }
    if (given == NULL) {
        return GW_HOOK_UNSIGNED;
    }
    return same_text(given, hook->secret) ? GW_HOOK_SIGNED : GW_HOOK_FORGED;
}

/* ---- hmac-sha256 ---------------------------------------------------------------------------------------- */

static enum gw_hook_verdict verify_hmac(const struct gw_hook *hook, const struct gw_hook_push *push)
{
    static const char before[] = "sha256=";
    uint8_t given[SHA256_BYTES];
    uint8_t made[SHA256_BYTES];
    size_t len = 0;
    const char *text = push->signature;
    if (text == NULL) {
        return GW_HOOK_UNSIGNED;
    }
    if (strncmp(text, before, sizeof(before) - 1) == 0) {
        text += sizeof(before) - 1;
    }
    bool fits = gw_mapping_bytes(given, &len, sizeof(given), GW_MAPPING_HEX, text, strlen(text)) &&
                len == sizeof(given) &&
                gnutls_hmac_fast(GNUTLS_MAC_SHA256, hook->secret, strlen(hook->secret), push->body,
                                 push->body_len, made) == 0 &&
                same_bytes(given, made, sizeof(made));
    return fits ? GW_HOOK_SIGNED : GW_HOOK_FORGED;
}

/* ---- onenet --------------------------------------------------------------------------------------------- */

struct text {
    const char *at;
    size_t len;
};

/* base64(MD5(secret + nonce + msg)) == signature */
static bool fits_onenet(const struct gw_hook *hook, const struct text *nonce,
                        const struct text *msg, const struct text *signature)
{
    uint8_t given[MD5_BYTES];
    uint8_t made[MD5_BYTES];
    size_t len = 0;
    gnutls_hash_hd_t hash = NULL;
    if (!gw_mapping_bytes(given, &len, sizeof(given), GW_MAPPING_BASE64, signature->at,
                          signature->len) ||
        len != sizeof(given) || gnutls_hash_init(&hash, GNUTLS_DIG_MD5) != 0) {
        return false;
    }
    bool hashed = gnutls_hash(hash, hook->secret, strlen(hook->secret)) == 0 &&
                  gnutls_hash(hash, nonce->at, nonce->len) == 0 &&
                  gnutls_hash(hash, msg->at, msg->len) == 0;
    gnutls_hash_deinit(hash, made);
    return hashed && same_bytes(given, made, sizeof(made));
}

bool gw_hook_url_signed(const struct gw_hook *hook, const char *msg, const char *nonce,
                        const char *signature)
{
    char mended[32];
    if (hook->scheme != GW_HOOK_ONENET || msg == NULL || nonce == NULL || signature == NULL ||
        strlen(signature) >= sizeof(mended)) {
        return false;
    }
    /* A plus sign that was not escaped arrives as a space. */
    size_t len = strlen(signature);
    for (size_t i = 0; i <= len; i++) {
        mended[i] = signature[i];
        if (mended[i] == ' ') {
            mended[i] = '+';
        }
    }
    const struct text words[] = {{nonce, strlen(nonce)}, {msg, strlen(msg)}, {mended, len}};
    return fits_onenet(hook, &words[0], &words[1], &words[2]);
}

/* The members of a OneNET push. */
struct onenet {
    struct text msg; /* as it stands in the body */
    char nonce[NONCE_MAX + 1];
    char signature[NONCE_MAX + 1];
    bool is_sealed;
};

static bool take_member(void *arg, const char *key, const struct mt_json *value)
{
    struct onenet *o = arg;
    struct mt_json end = *value;
    (void)mt_json_peek(&end); /* to the value's first character */
    const char *start = end.at;
    if (strcmp(key, "msg") == 0 && mt_json_skip(&end) == MT_OK) {
        o->msg = (struct text){start, (size_t)(end.at - start)};
    } else if (strcmp(key, "nonce") == 0) {
        return gw_mapping_json_scalar(o->nonce, sizeof(o->nonce), value);
    } else if (strcmp(key, "msg_signature") == 0 || strcmp(key, "signature") == 0) {
        return gw_mapping_json_scalar(o->signature, sizeof(o->signature), value);
    } else if (strcmp(key, "enc_msg") == 0) {
        o->is_sealed = true;
    }
    return true;
}

/* Only msg is signed: the body becomes it alone. A msg that is a string was signed as what it holds. */
static bool keep_signed(struct text *msg, struct gw_hook_push *push)
{
    static const char before[] = "{\"msg\":";
    static const size_t head = sizeof(before) - 1;
    char plain[GW_MAPPING_BODY_BYTES_MAX];
    struct mt_json json = {msg->at, msg->at + msg->len};
    struct mt_json_text text = {msg->at, msg->len};
    if (msg->at[0] == '"' && mt_json_string(&text, &json, plain, sizeof(plain)) != MT_OK) {
        return false;
    }
    if (head + text.len + 1 > push->body_len) {
        return false; /* cannot be: the body holds the member's name and this text */
    }
    memmove(push->body + head, text.at, text.len);
    memcpy(push->body, before, head);
    push->body[head + text.len] = '}';
    push->body_len = head + text.len + 1;
    *msg = (struct text){push->body + head, text.len};
    return true;
}

static enum gw_hook_verdict verify_onenet(const struct gw_hook *hook, struct gw_hook_push *push)
{
    struct onenet o = {.nonce = ""};
    struct mt_json body = {push->body, push->body + push->body_len};
    if (gw_mapping_json_check(push->body, push->body_len) != GW_MAPPING_DONE ||
        !gw_mapping_json_each(&body, &o, take_member)) {
        return GW_HOOK_UNSIGNED;
    }
    if (o.msg.at == NULL || o.signature[0] == '\0') {
        return o.is_sealed ? GW_HOOK_SEALED : GW_HOOK_UNSIGNED;
    }
    if (!keep_signed(&o.msg, push)) {
        return GW_HOOK_FORGED;
    }
    const struct text words[] = {{o.nonce, strlen(o.nonce)}, {o.signature, strlen(o.signature)}};
    return fits_onenet(hook, &words[0], &o.msg, &words[1]) ? GW_HOOK_SIGNED : GW_HOOK_FORGED;
}

/* ---- all ------------------------------------------------------------------------------------------------ */

static const char *const scheme_names[GW_HOOK_SCHEMES] = {
    [GW_HOOK_TOKEN] = "token",
    [GW_HOOK_HMAC_SHA256] = "hmac-sha256",
    [GW_HOOK_ONENET] = "onenet",
};

const char *gw_hook_scheme_name(enum gw_hook_scheme scheme)
{
    MT_CHECK(scheme < GW_HOOK_SCHEMES);
    return scheme_names[scheme];
}

enum gw_hook_scheme gw_hook_scheme_find(const char *name)
{
    uint32_t i = 0;
    while (i < GW_HOOK_SCHEMES && strcmp(scheme_names[i], name) != 0) {
        i++;
    }
    return (enum gw_hook_scheme)i;
}

const char *gw_hook_advice(enum gw_hook_verdict verdict)
{
    static const char *const advice[GW_HOOK_VERDICTS] = {
        [GW_HOOK_SIGNED] = "It is the platform's.",
        [GW_HOOK_UNSIGNED] = "The push brings no proof of the hook's scheme: give the platform the "
                             "hook's secret (`meterpay hook list` names the scheme).",
        [GW_HOOK_FORGED] =
            "The proof does not fit: the platform has another secret, or the body was "
            "changed on its way.",
        [GW_HOOK_SEALED] = "The platform encrypts its messages: choose plain messages there; TLS "
                           "protects them on their way.",
    };
    MT_CHECK(verdict < GW_HOOK_VERDICTS);
    return advice[verdict];
}

enum gw_hook_verdict gw_hook_verify(const struct gw_hook *hook, struct gw_hook_push *push)
{
    switch ((enum gw_hook_scheme)hook->scheme) {
    case GW_HOOK_TOKEN:
        return verify_token(hook, push);
    case GW_HOOK_HMAC_SHA256:
        return verify_hmac(hook, push);
    case GW_HOOK_ONENET:
        return verify_onenet(hook, push);
    default:
        return GW_HOOK_FORGED;
    }
}
