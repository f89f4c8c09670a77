/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Every limit of the meter that sizes memory or bounds a loop. */
#ifndef FIRMWARE_CORE_LIMITS_H
#define FIRMWARE_CORE_LIMITS_H

#include "meters/cose.h"
#include "meters/message.h"

#define FW_COUNTER_RESERVE 256u /**< Message counters that one checkpoint sets aside. */
#define FW_CALENDAR_SEASONS_MAX 4u
#define FW_CALENDAR_SWITCHES_MAX 12u /**< Band changes in one local day. */
#define FW_READINGS_MAX MT_MESSAGE_READINGS_MAX
/** Bytes of one message on the link, protection included. */
#define FW_FRAME_BYTES_MAX (MT_MESSAGE_BYTES_MAX + MT_COSE_OVERHEAD_MAX)
/** Bytes of one downlink message; longer ones are refused unread. */
#define FW_DOWN_BYTES_MAX (MT_RECEIPT_BYTES_MAX + MT_COSE_OVERHEAD_MAX)
/** Entries looked at in one call while the journal is searched for what is pending. */
#define FW_SCAN_MAX 65536u

#define FW_US_PER_S 1000000ll
#define FW_US_PER_DAY (86400ll * FW_US_PER_S)
#define FW_LOCAL_OFFSET_US \
    (8ll * 3600ll * FW_US_PER_S) /**< Local time is UTC+8, no daylight saving. */

#endif
