/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the CoAP adapter is held against: a libcoap handler that answers at once, in one thread. */
#ifndef TESTS_BENCH_COAP_BASELINE_H
#define TESTS_BENCH_COAP_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/adapters/coap_keys.h"

struct coap_baseline;

/** Serve DTLS on 127.0.0.1. door: behind the adapter's own door, so without libcoap's walk per datagram
 *  and with bulk IO; else libcoap as it comes. keys: borrowed. Exits with a message on failure. */
struct coap_baseline *coap_baseline_start(uint16_t port, bool door, struct gw_keys *keys,
                                          uint32_t sessions_max);
void coap_baseline_stop(struct coap_baseline *baseline);

#endif
