/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The fixed data structure of M-Bus, of meters from before the variable one (EN 1434-3, CI 73 and
 *  77): ID.4 ACC ST MEDIUM-UNIT.2 COUNTER.4 COUNTER.4. For the M-Bus files of this folder only.
 */
#ifndef METERS_MBUS_FIXED_H
#define METERS_MBUS_FIXED_H

#include "meters/mbus_head.h"
#include "meters/mbus_record.h"

/** Read it whole into the reader's frame: identity, flags and values; mt_mbus_finish() comes after.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT for another length; MT_BAD_DIGIT for a counter that is none.
 *  In:      c  behind the CI. reader->msb_first for CI 77.
 */
MT_MUST_USE enum mt_status mt_mbus_fixed(struct mt_mbus_reader *reader, struct mt_cursor *c);

#endif
