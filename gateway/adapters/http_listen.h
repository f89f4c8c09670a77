/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Listening sockets and the token file of the HTTP server; private to http*.c. */
#ifndef GATEWAY_ADAPTERS_HTTP_LISTEN_H
#define GATEWAY_ADAPTERS_HTTP_LISTEN_H

#include "gateway/adapters/http.h"

/** Listen on a unix socket of mode 0600. A socket file that nobody answers at is replaced; one that is
 *  answered is GW_BUSY. Returns GW_OK with *fd, the caller's to close; GW_BUSY, GW_INVALID, GW_IO with problem. */
MT_MUST_USE enum gw_status gw_http_listen_unix(int *fd, char problem[GW_HTTP_PROBLEM_BYTES],
                                               const char *path);

/** Listen on a port of 127.0.0.1. Returns as above. */
MT_MUST_USE enum gw_status gw_http_listen_tcp(int *fd, char problem[GW_HTTP_PROBLEM_BYTES],
                                              uint16_t port);

/** Read a bearer token: one line of printable characters without spaces, in a file that only its owner
 *  may read. Returns GW_OK or GW_INVALID with problem. */
MT_MUST_USE enum gw_status gw_http_read_token(char token[GW_HTTP_TOKEN_MAX + 1], size_t *len,
                                              char problem[GW_HTTP_PROBLEM_BYTES],
                                              const char *path);

#endif
