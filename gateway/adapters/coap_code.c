/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the core's verdict becomes as a CoAP response code. */
#include "gateway/adapters/coap_code.h"

unsigned gw_coap_code(enum gw_verdict verdict, bool has_receipt)
{
    if (has_receipt) {
        return 204;
    }
    switch (verdict) {
    case GW_ACCEPTED:
    case GW_ACCEPTED_ROLLOVER:
    case GW_ACCEPTED_DOUBTFUL:
    case GW_ACCEPTED_LATE:
    case GW_DUPLICATE:
        return 204;
    case GW_REFUSED_BACKWARD:
    case GW_REFUSED_RANGE:
    case GW_REFUSED_CLOCK:
    case GW_REFUSED_TOO_LATE:
    case GW_REFUSED_NO_TARIFF:
    case GW_REFUSED_UNSUPPORTED:
        return 422; /* well-formed, and cannot be processed */
    case GW_REFUSED_CONFLICT:
    case GW_REFUSED_REPLAYED:
        return 409;
    case GW_REFUSED_UNKNOWN:
        return 404;
    case GW_REFUSED_STRANGER:
        return 403;
    case GW_REFUSED_FORM:
        return 415;
    case GW_REFUSED_AUTHENTIC:
        return 401;
    case GW_REFUSED_TOO_LARGE:
        return 413;
    case GW_REFUSED_TRUNCATED:
    case GW_REFUSED_MALFORMED:
    case GW_REFUSED_CHECKSUM:
    case GW_REFUSED_UNIT:
        return 400;
    case GW_REFUSED_STOPPED:
        return 503;
    case GW_VERDICT_COUNT:
        break;
    }
    return 500;
}
