/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What became of a message or a reading, and the words for it. */
#ifndef GATEWAY_CORE_VERDICT_H
#define GATEWAY_CORE_VERDICT_H

#include <stdbool.h>

enum gw_verdict {
    /* Accepted: durable after the commit, and acknowledged. */
    GW_ACCEPTED = 0,
    GW_ACCEPTED_ROLLOVER, /**< The register passed its known width. */
    GW_ACCEPTED_DOUBTFUL, /**< The meter's clock is off: billed at the lowest band. */
    GW_ACCEPTED_LATE,     /**< Older than the newest: the interval around it was split again. */
    GW_DUPLICATE,         /**< Already durable: acknowledged again, nothing posted. */
    /* Refused though authentic: recorded, counted, acknowledged so that the meter goes on. */
    GW_REFUSED_BACKWARD,  /**< The register went down, no rollover width explains it. */
    GW_REFUSED_RANGE,     /**< More than this meter can have measured in that time. */
    GW_REFUSED_CLOCK,     /**< The reading's time is years off, or before the tariff begins. */
    GW_REFUSED_CONFLICT,  /**< Another value for the same moment is already durable. */
    GW_REFUSED_TOO_LATE,  /**< So old that its month is closed. */
    GW_REFUSED_NO_TARIFF, /**< No version of the meter's tariff is in force at that time. */
    /* Refused: nothing is written, nothing else is touched, no receipt. */
    GW_REFUSED_UNKNOWN,   /**< No such meter. */
    GW_REFUSED_STRANGER,  /**< Another meter's topic, path or number. */
    GW_REFUSED_FORM,      /**< A form that this meter may not use (raw frame of a COSE meter). */
    GW_REFUSED_AUTHENTIC, /**< Wrong key or changed bytes. */
    GW_REFUSED_REPLAYED,  /**< A counter that was used, or is older than the window. */
    GW_REFUSED_TRUNCATED, /**< The bytes end too early. */
    GW_REFUSED_TOO_LARGE, /**< More bytes or records than the limits allow. */
    GW_REFUSED_MALFORMED, /**< CBOR, JSON or frame that its standard does not allow. */
    GW_REFUSED_CHECKSUM,
    GW_REFUSED_UNIT, /**< A unit or a digit that the register cannot have. */
    GW_REFUSED_UNSUPPORTED,
    GW_REFUSED_STOPPED, /**< Intake is stopped: the disk is full. */
    GW_VERDICT_COUNT
};

/** A short name for counters and JSON ("accepted", "backward", ...). Never NULL. */
const char *gw_verdict_name(enum gw_verdict verdict);
/** One sentence for people: what was wrong and what to do. Never NULL. */
const char *gw_verdict_advice(enum gw_verdict verdict);
/** True for everything that is written durably. */
bool gw_verdict_is_durable(enum gw_verdict verdict);

#endif
