/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the core's verdict becomes as a CoAP response code (RFC 7252, 12.1.2; RFC 8132; RFC 8516). */
#ifndef GATEWAY_ADAPTERS_COAP_CODE_H
#define GATEWAY_ADAPTERS_COAP_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/core.h"

/** Seconds that a 5.03 asks to wait. */
#define GW_COAP_BUSY_S 5u
#define GW_COAP_STOPPED_S 30u

/** class * 100 + detail: 204, 404 ... A reply with a receipt is 204 whatever the verdict: the record is
 *  dealt with, and the meter goes on. */
unsigned gw_coap_code(enum gw_verdict verdict, bool has_receipt);

#endif
