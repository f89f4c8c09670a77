/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A frame's bytes to the JSON that `meterpay decode` prints. No IO. */
#ifndef GATEWAY_CTL_DECODE_H
#define GATEWAY_CTL_DECODE_H

#include <jansson.h>
#include <stdbool.h>

#include "meters/registry.h"

/** Decode the first frame at input->bytes.
 *
 *  Returns: an object, owned by the caller:
 *           {"protocol","kind","medium","meter","maker","time","total","values"}, and
 *           "values_cut" where the frame carries more than are shown; a value has "function",
 *           "tariff", "storage" and "subunit" where they are not those of a bill; or
 *           {"error","reason"} with *refused set.
 *  Out:     *used     bytes that are done with; 0 when nothing can follow.
 *           *refused  the frame was not decoded.
 */
json_t *gw_decode_json(size_t *used, bool *refused, const struct mt_protocol *protocol,
                       const struct mt_input *input);

/** A value's digits: mantissa x 10^exponent, with the decimals that were sent. text: 64 bytes. */
void gw_decode_number(char text[64], int64_t mantissa, int8_t exponent);

/** Hexadecimal digits, with spaces or colons between them, to bytes.
 *
 *  Returns: false when there is anything else, half a byte, or more than max bytes.
 */
bool gw_decode_hex(uint8_t *bytes, size_t *len, size_t max, const char *text);

/** A status in one word, as it stands in "error". */
const char *gw_decode_error_name(enum mt_status status);

/** {"error": ..., "reason": ...}. */
json_t *gw_decode_error(const char *error, const char *reason);

#endif
