/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The HTTP side of the operator, on libmicrohttpd: whole requests in, whole answers out.
 *
 *  A thread for each connection, so that a handler may wait for the disk; connections are limited and
 *  time out. A body longer than the server's limit is refused before it is read.
 */
#ifndef SIM_OPERATOR_HTTP_H
#define SIM_OPERATOR_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "gateway/core/status.h"
#include "meters/check.h"
#include "sim/operator/book.h"

#define SIM_HTTP_ERROR_BYTES 512u

/** A request that has arrived whole; valid during the call of the handler. */
struct sim_http_request {
    struct MHD_Connection *connection;
    const char *method;
    const char *path;   /**< Decoded, without the query. */
    const char *target; /**< As on the request line. */
    const char *body;   /**< body_bytes of it; not NULL. */
    size_t body_bytes;
};

/** What to answer. */
struct sim_http_reply {
    struct sim_answer answer;
    bool drop;                     /**< Answer nothing and break the connection. */
    struct MHD_Response *response; /**< When not NULL, instead of answer.body; consumed. */
};

typedef void sim_http_handler(void *arg, const struct sim_http_request *request,
                              struct sim_http_reply *reply);

struct sim_http_config {
    sim_http_handler *handler;
    void *arg;
    int listen_fd; /**< Listening socket; the server closes it. */
    size_t body_bytes_max;
    unsigned connections_max;
    const char *tls_folder; /**< With ca.pem, server.pem, server.key; NULL: plain HTTP. */
};

struct sim_http;

/** Start serving.
 *
 *  Returns: GW_OK; GW_INVALID or GW_IO with `error`. In every case listen_fd is the server's now.
 */
MT_MUST_USE enum gw_status sim_http_open(struct sim_http **http, char error[SIM_HTTP_ERROR_BYTES],
                                         const struct sim_http_config *config);

/** Stop listening, break all connections, wait for handlers. NULL is allowed. */
void sim_http_close(struct sim_http *http);

/** The common name of the client's certificate, which TLS has verified.
 *
 *  Returns: true and *name; false when it has none or it is too long.
 */
MT_MUST_USE bool sim_http_peer_name(char *name, size_t room, struct MHD_Connection *connection);

/** A header of the request, "" when it is not there. */
const char *sim_http_header(const struct sim_http_request *request, const char *name);
/** A value of the query, NULL when it is not there. */
const char *sim_http_query(const struct sim_http_request *request, const char *name);

/** An answer {"code": ..., "message": ...}. */
void sim_http_say(struct sim_http_reply *reply, unsigned status, const char *code,
                  const char *message);

/** A listening TCP socket on a numeric address.
 *
 *  Returns: the descriptor, or -1 with `error` that names address and port.
 *  Out:     port  the port that it got (for 0: any).
 */
MT_MUST_USE int sim_listen_tcp(uint16_t *port, char error[SIM_HTTP_ERROR_BYTES],
                               const char *address);

/** A listening unix socket that only this user can reach (mode 0600); replaces a stale file.
 *
 *  Returns: the descriptor, or -1 with `error`.
 */
MT_MUST_USE int sim_listen_unix(char error[SIM_HTTP_ERROR_BYTES], const char *path);

#endif
