/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A small HTTP server for JSON: a table of routes, on a unix socket and, with a token, on loopback TCP.
 *
 *  Each connection has a thread of its own, so a handler may wait for the core's answer. Connections,
 *  header and body sizes and idle times are bounded. Every complaint is JSON,
 *
 *      {"error": "<short code>", "reason": "<a sentence that says what to do>"}
 *
 *  whoever found it. Who may connect is decided by the socket's mode (0600, owner only) or, over TCP, by
 *  a bearer token that is compared in constant time. Built on libmicrohttpd and jansson.
 *
 *  Never: knows what the routes mean, logs, serves files, listens beyond this machine.
 */
#ifndef GATEWAY_ADAPTERS_HTTP_H
#define GATEWAY_ADAPTERS_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gateway/core/status.h"
#include "meters/check.h"

#define GW_HTTP_PARAMS_MAX 4u       /**< Variable parts of one path. */
#define GW_HTTP_PARAM_BYTES_MAX 64u /**< Characters of one, decoded. */
#define GW_HTTP_BODY_BYTES_MAX (8u * 1024u * 1024u)
#define GW_HTTP_TOKEN_MIN 32u /**< Characters of a bearer token. */
#define GW_HTTP_TOKEN_MAX 256u
#define GW_HTTP_PROBLEM_BYTES 256u /**< Room for a sentence. */
#define GW_HTTP_IDLE_S 60u         /**< A connection without traffic is closed. */

/** A request, valid during the handler. */
struct gw_http_request {
    const char *method;
    const char *path;
    char params[GW_HTTP_PARAMS_MAX]
               [GW_HTTP_PARAM_BYTES_MAX + 1]; /**< In the path's order, decoded. */
    const char *body;                         /**< body_len bytes and a NUL; empty without one. */
    size_t body_len;
    void *connection; /**< For gw_http_query. */
};

/** A reply that is made while it is sent. */
struct gw_http_stream {
    /** Put up to max bytes. Returns how many; 0: the end; -1: broken off. On the connection's thread. */
    ssize_t (*read)(void *self, char *bytes, size_t max);
    void (*close)(void *self); /**< Called once, whatever happened. */
    void *self;
    const char *content_type;
};

/** What the handler answers: JSON or a stream. */
struct gw_http_reply {
    unsigned status;              /**< 200 unless set. */
    json_t *json;                 /**< Owned by the server from here on. */
    struct gw_http_stream stream; /**< With a read function: sent instead of json. */
};

struct gw_http_route {
    const char *method; /**< "GET", "POST", "DELETE". */
    const char
        *path; /**< "/v1/meters/{meter}/readings": a part in braces stands for any one part. */
    uint32_t body_max; /**< Bytes; 0: a body is refused. */
    void (*handle)(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply);
};

struct gw_http_config {
    const char *socket_path;            /**< Replaced if a dead one is there. */
    uint16_t port;                      /**< TCP on 127.0.0.1; 0: none. */
    const char *token_file;             /**< With port: mode 0600, one line. */
    uint32_t connections_max;           /**< Of each of both. */
    const struct gw_http_route *routes; /**< Borrowed for the server's life. */
    uint32_t route_count;
    void *arg; /**< Given to the handlers. */
};

struct gw_http;

/** Start serving.
 *
 *  Returns: GW_OK; GW_INVALID (the token file cannot be used), GW_BUSY (socket or port in use by
 *           another program), GW_IO; with a sentence in problem. Strings of config are borrowed for the
 *           call, except routes.
 */
MT_MUST_USE enum gw_status gw_http_open(struct gw_http **http, char problem[GW_HTTP_PROBLEM_BYTES],
                                        const struct gw_http_config *config);

/** Stop: no new requests, running ones are seen to their end, the socket file is removed. NULL is allowed.
 *  Handlers that wait for something must have been released before. */
void gw_http_close(struct gw_http *http);

/** A query parameter's value, decoded, borrowed for the request; NULL when it is not there. */
const char *gw_http_query(const struct gw_http_request *request, const char *name);

/** Visit every query parameter until the visitor returns false. Returns false when it did. */
bool gw_http_queries(const struct gw_http_request *request, void *arg,
                     bool (*visit)(void *arg, const char *name, const char *value));

/** Make the reply a complaint; reason is printf's format. */
void gw_http_fail(struct gw_http_reply *reply, unsigned status, const char *error,
                  const char *reason, ...) __attribute__((format(printf, 4, 5)));

/** Does the path match the pattern of a route? Pure; for the server and its tests.
 *
 *  Out: params  the variable parts, percent-decoded; only when true is returned.
 */
MT_MUST_USE bool gw_http_match(char params[GW_HTTP_PARAMS_MAX][GW_HTTP_PARAM_BYTES_MAX + 1],
                               const char *pattern, const char *path);

#endif
