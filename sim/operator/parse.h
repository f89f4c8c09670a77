/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Bodies and paths of requests into the structs that the books understand; strict, as money deserves:
 *  an unknown or repeated field, a fraction or a number in quotes is refused, never ignored.
 */
#ifndef SIM_OPERATOR_PARSE_H
#define SIM_OPERATOR_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "meters/check.h"
#include "sim/operator/book.h"

#define SIM_PARSE_ERROR_BYTES 200u

/** True for 1..max characters of A-Z a-z 0-9 . _ - : an id, a key, a payee code. */
bool sim_id_valid(const char *text, size_t max);

/** A decimal of digits only, at most max. */
MT_MUST_USE bool sim_number_parse(uint64_t *number, const char *text, uint64_t max);

/** Text to JSON. Returns the value, which the caller owns, or NULL with `error`. */
MT_MUST_USE json_t *sim_json_parse(char error[SIM_PARSE_ERROR_BYTES], const char *body, size_t len);

/** Every field of the object is in the list, which NULL ends. False with `error` otherwise. */
MT_MUST_USE bool sim_fields_known(char error[SIM_PARSE_ERROR_BYTES], const json_t *object,
                                  const char *const *names);

/** Copy a field that is an id of at most max characters. False with `error` otherwise. */
MT_MUST_USE bool sim_field_id(char *id, char error[SIM_PARSE_ERROR_BYTES], const json_t *object,
                              const char *name, size_t max);

/** A whole number of at least `least`; the given default when the field is absent or null. */
struct sim_field_range {
    int64_t least;
    int64_t most;
    int64_t absent; /**< Taken when the field is missing and `optional`. */
    bool optional;
};
MT_MUST_USE bool sim_field_number(int64_t *value, char error[SIM_PARSE_ERROR_BYTES],
                                  const json_t *object, const char *name,
                                  const struct sim_field_range *range);

/** The body of a request of the given action into request->transfer and request->capture; the action
 *  is set before the call. Returns false with `error`: the body cannot be obeyed.
 */
MT_MUST_USE bool sim_request_parse(struct sim_request *request, char error[SIM_PARSE_ERROR_BYTES],
                                   const char *body, size_t len);

#endif
