/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the tests of decoders expect of a frame's values. */
#ifndef TESTS_SUPPORT_FRAME_VALUES_H
#define TESTS_SUPPORT_FRAME_VALUES_H

#include <CUnit/CUnit.h>

#include "meters/value.h"

/** One value, with the digits that were sent. obis: its code as text; NULL: not asked. */
static inline void expect_frame_value(const struct mt_frame *frame, uint32_t index,
                                      int64_t mantissa, int8_t exponent, const char *unit,
                                      const char *obis)
{
    char text[MT_OBIS_TEXT_MAX];
    CU_ASSERT_TRUE_FATAL(index < frame->value_count);
    const struct mt_value *value = &frame->values[index];
    CU_ASSERT_FALSE(value->absent);
    CU_ASSERT_EQUAL(value->mantissa, mantissa);
    CU_ASSERT_EQUAL(value->exponent, exponent);
    CU_ASSERT_STRING_EQUAL(value->unit, unit);
    if (obis != NULL) {
        (void)mt_obis_format(text, &value->obis); /* its length is not needed */
        CU_ASSERT_STRING_EQUAL(text, obis);
    }
}

#endif
