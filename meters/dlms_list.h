/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The body of a data-notification as registers.
 *
 *  Lists in which each value follows its OBIS code, nested (Aidon: code, value, scaler and unit) or
 *  flat (Kaifa, Kamstrup, Sagemcom); lists that begin with the push object list, which names the
 *  object of each element; and lists by position, by a table for each list id. Scaler and unit come
 *  from the wire, else from the table of the list id:
 *
 *      KFM_001         Wh, varh, W, var, 0.001 A, 0.1 V
 *      Kamstrup_V0001  10 Wh, 10 varh, W, var, 0.01 A, V
 *
 *  A value of any other list without a unit is shown without one, and is no total. Where a push object
 *  list names the attribute scaler_unit, it counts for the value of that object wherever it stands; two
 *  that differ refuse the frame. Compact arrays are read as the arrays they stand for. Floats are taken
 *  apart in integers (mt_senml_decimal()); differences (delta types) are no values.
 */
#ifndef METERS_DLMS_LIST_H
#define METERS_DLMS_LIST_H

#include "meters/cursor.h"
#include "meters/registry.h"

/** Read date-time and body (IEC 62056-5-3, 7.3.16, behind the invoke id).
 *
 *  Returns: MT_OK; MT_NEED_MORE; MT_BAD_LAYOUT; MT_UNSUPPORTED for a body without a list;
 *           MT_TOO_LARGE; MT_BAD_UNIT, MT_BAD_RANGE for the total.
 *  Out:     values, time, number, medium, total and reading of *frame.
 */
MT_MUST_USE enum mt_status mt_dlms_list_read(struct mt_frame *frame, struct mt_cursor *c,
                                             struct mt_trace *trace);

#endif
