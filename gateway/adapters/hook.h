/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Web hooks: under which name a platform pushes to us, and how each push proves that it is the platform's.
 *
 *  They stand in hooks.csv of the gateway's directory, mode 0600 because it holds secrets, a line each:
 *
 *      hook,scheme,header,secret
 *      ctwing,token,,0f3a...
 *      onenet,onenet,,b1c2...
 *      meters-cloud,hmac-sha256,X-Signature,77aa...
 *
 *  token        The secret itself, as `Authorization: Bearer SECRET`, or as ?token=SECRET for platforms
 *               that cannot send a header.
 *  hmac-sha256  HMAC-SHA256 (RFC 2104) of the body under the secret in hex, `sha256=` before it or not,
 *               in the header.
 *  onenet       OneNET's own (China Mobile, "HTTP push, development guide"): base64 of MD5 of
 *               secret + nonce + msg in the body's msg_signature; the URL is proven by a GET with msg,
 *               nonce and signature, which is answered with msg. Its encrypted mode is not read.
 *
 *  Redelivery is not the signature's business: a reading that came before is a duplicate to the core.
 *
 *  Threads: everything may be called by any.
 *  Never: listens, logs; a secret leaves it by gw_hooks_find only.
 */
#ifndef GATEWAY_ADAPTERS_HOOK_H
#define GATEWAY_ADAPTERS_HOOK_H

#include "gateway/adapters/mapping.h"

#define GW_HOOKS_MAX 64u
#define GW_HOOK_HEADER_MAX 40u /**< Characters of a header's name. */
#define GW_HOOK_SECRET_MIN 16u
#define GW_HOOK_SECRET_MAX 128u
#define GW_HOOK_WHY_BYTES 512u

enum gw_hook_scheme { GW_HOOK_TOKEN, GW_HOOK_HMAC_SHA256, GW_HOOK_ONENET, GW_HOOK_SCHEMES };

/** "token", "hmac-sha256", "onenet". */
const char *gw_hook_scheme_name(enum gw_hook_scheme scheme);
/** Its number; GW_HOOK_SCHEMES when there is none of that name. */
enum gw_hook_scheme gw_hook_scheme_find(const char *name);

struct gw_hook {
    char name[GW_MAPPING_NAME_MAX +
              1];   /**< a-z, 0-9 and -, as in a mapping's `match: {hook: ...}`. */
    uint8_t scheme; /**< enum gw_hook_scheme */
    char header[GW_HOOK_HEADER_MAX + 1]; /**< For hmac-sha256; else empty. */
    char secret[GW_HOOK_SECRET_MAX + 1]; /**< Printable, without space, comma or quote. */
};

/* ---- the file ---- */

struct gw_hooks;

/** Read the file; a missing one has no hooks.
 *
 *  Returns: GW_OK; GW_INVALID with a sentence in why that names file and line (also: others may read
 *           it); GW_IO; GW_FULL (no memory).
 *  Out:     *hooks  closed by gw_hooks_close.
 */
MT_MUST_USE enum gw_status gw_hooks_open(struct gw_hooks **hooks, char why[GW_HOOK_WHY_BYTES],
                                         const char *path);
/** NULL is allowed. */
void gw_hooks_close(struct gw_hooks *hooks);

/** Copy the hook of a name; the caller wipes it. Returns false when there is none. */
MT_MUST_USE bool gw_hooks_find(struct gw_hook *out, struct gw_hooks *hooks, const char *name);
/** By its place, from 0, without its secret. Returns false past the last. */
bool gw_hooks_at(struct gw_hook *out, struct gw_hooks *hooks, uint32_t index);

/** Add a hook: the file is written whole, durable, and then it is in force.
 *
 *  Returns: GW_OK; GW_INVALID (a field is wrong, or the name is taken), GW_FULL, GW_IO: with a sentence
 *           in why, and nothing has changed.
 */
MT_MUST_USE enum gw_status gw_hooks_add(struct gw_hooks *hooks, char why[GW_HOOK_WHY_BYTES],
                                        const struct gw_hook *hook);
/** Remove one. Returns as above, and GW_END when there is none of that name. */
MT_MUST_USE enum gw_status gw_hooks_remove(struct gw_hooks *hooks, char why[GW_HOOK_WHY_BYTES],
                                           const char *name);

/* ---- signatures ---- */

/** What a push brings as its proof. NULL: it has none such. */
struct gw_hook_push {
    const char *authorization; /**< The header Authorization. */
    const char *token;         /**< The query's token. */
    const char *signature;     /**< The hook's header. */
    char *body;                /**< May be rewritten in place, to what was signed. */
    size_t body_len;
};

enum gw_hook_verdict {
    GW_HOOK_SIGNED = 0,
    GW_HOOK_UNSIGNED, /**< It brings no proof of the hook's kind. */
    GW_HOOK_FORGED,   /**< It does not fit: another secret, or another body. */
    GW_HOOK_SEALED,   /**< OneNET's encrypted mode. */
    GW_HOOK_VERDICTS,
};

/** What to do about it, in a sentence. Never NULL. */
const char *gw_hook_advice(enum gw_hook_verdict verdict);

/** Is the push the platform's? Takes as long for any wrong secret of the same length. */
MT_MUST_USE enum gw_hook_verdict gw_hook_verify(const struct gw_hook *hook,
                                                struct gw_hook_push *push);

/** OneNET's check of the URL: is (msg, nonce, signature) signed with the hook's secret? The words are as
 *  decoded from the query; NULL is false. */
MT_MUST_USE bool gw_hook_url_signed(const struct gw_hook *hook, const char *msg, const char *nonce,
                                    const char *signature);

#endif
