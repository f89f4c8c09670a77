/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The layouts in which CJ/T 188 meters send their current data. For this folder only.
 *
 *  The standards fix one layout for volume meters and one for heat meters. Makers leave out the
 *  end of it, or put each unit before its value. A layout is found by the data's length; the order
 *  of unit and value by which of the two makes sense of every field.
 */
#ifndef METERS_CJT188_LAYOUT_H
#define METERS_CJT188_LAYOUT_H

#include "meters/cjt188.h"
#include "meters/cursor.h"

/** Read the current data that follow SER into the frame, whose medium is set: values, total, clock,
 *  flags, reading.
 *
 *  Returns: MT_OK; MT_UNSUPPORTED for a length that no layout has; MT_BAD_DIGIT, MT_BAD_UNIT.
 *           The frame is void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_cjt188_read_current(struct mt_frame *frame,
                                                  const struct mt_cursor *data);

/** Read a value of the monthly history, `months` back, as above. */
MT_MUST_USE enum mt_status mt_cjt188_read_history(struct mt_frame *frame,
                                                  const struct mt_cursor *data, uint8_t months);

/** The class of a type byte. */
enum mt_medium mt_cjt188_medium(uint8_t type);

#endif
