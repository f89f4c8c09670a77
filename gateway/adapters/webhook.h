/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The listener for platforms that push over HTTP: `POST /hook/<name>`, and OneNET's `GET` of the same.
 *
 *  A push is answered with 200 when its readings are durable, or refused for good, so that the platform
 *  stops; with 503 and Retry-After when it must come again. Whoever cannot prove to be the platform
 *  (hook.h) gets 401, before anything looks into the body.
 *
 *  With certificate and key it speaks TLS; without them it listens on this machine only, for a proxy that
 *  does. Built on libmicrohttpd, a thread for each connection. What a stranger can make us hold:
 *  connections_max connections, each with 16 KiB of header and 16 KiB of body, for 15 s without traffic.
 *
 *  Never: knows what a body means, keeps it, logs.
 */
#ifndef GATEWAY_ADAPTERS_WEBHOOK_H
#define GATEWAY_ADAPTERS_WEBHOOK_H

#include "gateway/adapters/clock.h"
#include "gateway/adapters/hook.h"

#define GW_WEBHOOK_WHY_BYTES 512u
#define GW_WEBHOOK_IDLE_S 15u
#define GW_WEBHOOK_RETRY_S 5u /**< What Retry-After says. */

/** What became of a push. */
enum gw_webhook_fate {
    GW_WEBHOOK_DONE,     /**< Nothing of it needs to come again. */
    GW_WEBHOOK_BUSY,     /**< It has to come again. */
    GW_WEBHOOK_TOO_MUCH, /**< More readings than one push may bring. */
};

/** Take a push that is proven. Called by many threads; may wait for the commit. The body is borrowed. */
typedef enum gw_webhook_fate gw_webhook_deliver(void *arg, const char *hook, const char *body,
                                                size_t len);

/** Texts are borrowed for the call. */
struct gw_webhook_config {
    const char *address;     /**< IPv4 or IPv6. */
    uint16_t port;           /**< 0: any free one, for tests: gw_webhook_state tells. */
    const char *certificate; /**< PEM, with its chain; NULL: plain. */
    const char *key;         /**< Its key, PEM, mode 0600. */
    uint32_t connections_max;
    struct gw_hooks *hooks; /**< Outlives the listener. */
    struct gw_clock *clock; /**< For the last refusal. Outlives it, too. */
    gw_webhook_deliver *deliver;
    void *arg;
};

struct gw_webhook;

/** Listen.
 *
 *  Returns: GW_OK; GW_INVALID (no address; not this machine's without TLS; one of certificate and key, or
 *           a key that others may read), GW_BUSY (the port is in use), GW_IO; with a sentence in why.
 *  Out:     *webhook  closed by gw_webhook_close.
 */
MT_MUST_USE enum gw_status gw_webhook_open(struct gw_webhook **webhook,
                                           char why[GW_WEBHOOK_WHY_BYTES],
                                           const struct gw_webhook_config *config);
/** Stop: running requests are seen to their end, so whatever deliver waits for must have been released.
 *  NULL is allowed. */
void gw_webhook_close(struct gw_webhook *webhook);

/** How it is; a moment's look. */
struct gw_webhook_state {
    uint16_t port;
    uint64_t push_count;                      /**< That were proven. */
    uint64_t busy_count;                      /**< Of those, answered with 503. */
    uint64_t refused_count[GW_HOOK_VERDICTS]; /**< That were not. */
    uint64_t stranger_count;                  /**< Requests for a hook that is not there. */
    uint64_t oversize_count;
    int64_t refused_us; /**< Time of the newest that was not proven; 0: none. */
    enum gw_hook_verdict refused_verdict;
    char refused_hook[GW_MAPPING_NAME_MAX + 1];
};
void gw_webhook_state(struct gw_webhook_state *out, struct gw_webhook *webhook);

#endif
