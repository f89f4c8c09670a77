/* SPDX-License-Identifier: GPL-3.0-or-later */
/** SML by the packaged library libsml, for comparison. */
#ifndef TESTS_BENCH_DECODE_LIBSML_H
#define TESTS_BENCH_DECODE_LIBSML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** True when the library was found at build time. */
bool bench_libsml_is_here(void);

/** Parse one transmission and look its total up, as its own example does: no checksum of the
 *  transmission is looked at.
 *
 *  Returns: true when 1-0:1.8.0 was found.
 *  In:      bytes  are not changed, although the library asks for them to be writable.
 */
bool bench_libsml_total(int64_t *total, uint8_t *bytes, size_t len);

#endif
