/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the resources of meter objects mean (OMA's registry of objects), and a frame made of them: for
 *  LwM2M's own encodings and for SenML with LwM2M names. For this folder only.
 */
#ifndef METERS_LWM2M_OBJECTS_H
#define METERS_LWM2M_OBJECTS_H

#include "meters/lwm2m_read.h"
#include "meters/value.h"

/** A frame that grows by resources. */
struct mt_lwm2m_gather {
    struct mt_frame *frame;
    bool knows_object; /**< A resource of an object that is known was there. */
    bool ambiguous;    /**< Two instances or objects of the same rank have a total. */
    uint8_t rank;      /**< Of the total; 0: none yet. */
    uint8_t medium;
    int32_t object, instance; /**< Of the total. */
    uint32_t total_at;        /**< Its index in frame->values, valid with rank. */
    bool total_timed;
    int64_t total_time_us;
    int64_t stamp_us;    /**< Timestamp resource; 0: none. */
    int64_t newest_us;   /**< Of the times beside the values; 0: none. */
    const char *unit;    /**< That one; NULL: none. */
    const char *meaning; /**< Of the resource that was taken last; for listeners. */
};

void mt_lwm2m_gather_init(struct mt_lwm2m_gather *g, struct mt_frame *frame);

/** Take a resource in; those of unknown meaning are left aside.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT for a value that is not of the resource's type, or that comes twice;
 *           MT_BAD_RANGE for a float that is no number, or a time that cannot be; MT_BAD_UNIT.
 */
MT_MUST_USE enum mt_status mt_lwm2m_take(struct mt_lwm2m_gather *g,
                                         const struct mt_lwm2m_item *item);

/** Who says that a value is the total. */
struct mt_lwm2m_claim {
    int32_t object, instance;
    uint8_t rank;   /**< 1 and up: the highest wins. */
    uint8_t medium; /**< enum mt_medium. */
    bool has_time;
    int64_t time_us; /**< With has_time. */
};

/** Is the value that was added last the total from now on? Of several times the newest is; the others
 *  become stored values.
 *
 *  Returns: MT_OK, or MT_BAD_LAYOUT for the same register twice at one time.
 */
MT_MUST_USE enum mt_status mt_lwm2m_total(struct mt_lwm2m_gather *g,
                                          const struct mt_lwm2m_claim *claim);

/** Total, time and reading. Returns MT_OK, MT_NO_READING, MT_UNSUPPORTED (no object is known), or as
 *  mt_frame_reading(). */
MT_MUST_USE enum mt_status mt_lwm2m_finish(struct mt_lwm2m_gather *g);

#endif
