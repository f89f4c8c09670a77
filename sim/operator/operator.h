/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The stand-in operator as a whole: what its two HTTP sides, for gateways and for staff, work on. */
#ifndef SIM_OPERATOR_OPERATOR_H
#define SIM_OPERATOR_OPERATOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/adapters/clock.h"
#include "gateway/adapters/operator_sign.h"
#include "sim/operator/book.h"
#include "sim/operator/faults.h"
#include "sim/operator/http.h"
#include "sim/operator/writer.h"

#define SIM_GATEWAYS_MAX 64u
#define SIM_API_BODY_BYTES_MAX 65536u
#define SIM_ADMIN_BODY_BYTES_MAX 4194304u
#define SIM_DATE_WINDOW_US 300000000ll /**< How far a request's time may be off, real time. */

/** A gateway whose public key was read. */
struct sim_gateway {
    char id[SIM_GATEWAY_ID_MAX + 1];
    struct gw_sign_key *key;
};

struct sim_operator {
    const char *dir;
    struct gw_clock clock;
    struct sim_classes classes;
    struct sim_book *book;
    struct sim_writer *writer;
    struct sim_faults faults;
    pthread_mutex_t gateways_lock;
    uint32_t gateway_count; /**< Guarded by gateways_lock; entries never move or go. */
    struct sim_gateway gateways[SIM_GATEWAYS_MAX];
    _Atomic uint64_t request_count;  /**< Authentic requests of gateways. */
    _Atomic uint64_t stranger_count; /**< Requests refused with 401 or 403. */
    int wake_fd;                     /**< eventfd: the main thread has something to do. */
};

/** The side of the gateways: /v1/... over mutual TLS (docs/operator-api.md). arg: struct sim_operator. */
sim_http_handler sim_api_handle;

/** The side of the staff: /admin/... on the unix socket. arg: struct sim_operator. */
sim_http_handler sim_admin_handle;

#endif
