/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A frame, byte by byte, as its decoder sees it: `meterpay decode --explain`. */
#ifndef GATEWAY_CTL_EXPLAIN_H
#define GATEWAY_CTL_EXPLAIN_H

#include <stdio.h>

#include "meters/registry.h"

/** Decode the first frame and write every field of it, what is wrong if something is, and the verdict.
 *
 *  Returns: what mt_decode() says.
 *  Out:     *used  bytes that are done with.
 *  In:      input  its trace is replaced.
 */
enum mt_status gw_explain(FILE *out, size_t *used, const struct mt_protocol *protocol,
                          const struct mt_input *input);

#endif
