/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/verdict.h"

#include "meters/check.h"

struct words {
    const char *name;
    const char *advice;
};

static const struct words table[GW_VERDICT_COUNT] = {
    [GW_ACCEPTED] = {"accepted", "The reading is durable."},
    [GW_ACCEPTED_ROLLOVER] = {"rollover", "The register passed its width and began again at zero."},
    [GW_ACCEPTED_DOUBTFUL] = {"doubtful",
                              "The meter's clock is off, so the lowest band was billed. "
                              "Let the meter take the gateway's time."},
    [GW_ACCEPTED_LATE] = {"late", "An older reading arrived late; the interval was split again."},
    [GW_DUPLICATE] = {"duplicate", "This reading was durable already; it was acknowledged again."},
    [GW_REFUSED_BACKWARD] = {"backward", "The register went down and no known width explains it. "
                                         "Check for a replaced or reset meter."},
    [GW_REFUSED_RANGE] = {"range", "More than this meter can measure in that time. Check the unit, "
                                   "the register and the meter's max_per_hour."},
    [GW_REFUSED_CLOCK] = {"clock", "The reading's time is years off. Set the meter's clock."},
    [GW_REFUSED_CONFLICT] = {"conflict", "Another value for the same moment is durable already."},
    [GW_REFUSED_TOO_LATE] = {"too-late", "Its month is closed, so it was kept but not billed. The "
                                         "next register settles the amount."},
    [GW_REFUSED_NO_TARIFF] = {"no-tariff", "No version of the meter's tariff is in force at that "
                                           "time. Load one with an earlier start."},
    [GW_REFUSED_UNKNOWN] = {"unknown-meter", "No such meter. Add it with: meterpay meter add."},
    [GW_REFUSED_STRANGER] = {"stranger", "These credentials may not speak for that meter."},
    [GW_REFUSED_FORM] = {"form", "This meter may not use this form of message. Allow it with: "
                                 "meterpay meter add --accept carrier."},
    [GW_REFUSED_AUTHENTIC] = {"not-authentic", "The message does not verify: wrong key, or changed "
                                               "on the way."},
    [GW_REFUSED_REPLAYED] = {"replayed", "The message counter is older than the window."},
    [GW_REFUSED_TRUNCATED] = {"truncated", "The message ends too early. Send it whole."},
    [GW_REFUSED_TOO_LARGE] = {"too-large",
                              "The message is larger than the limits allow. Split it."},
    [GW_REFUSED_MALFORMED] = {"malformed", "The message contradicts its format's standard."},
    [GW_REFUSED_CHECKSUM] = {"checksum", "The frame's checksum differs. Read the meter again."},
    [GW_REFUSED_UNIT] = {"unit", "A unit or digit that this register cannot have."},
    [GW_REFUSED_UNSUPPORTED] = {"unsupported", "A kind of message that is not supported."},
    [GW_REFUSED_STOPPED] = {"stopped", "Intake is stopped: the disk is full. Make room; it goes on "
                                       "by itself."},
};

const char *gw_verdict_name(enum gw_verdict verdict)
{
    MT_CHECK((unsigned)verdict < GW_VERDICT_COUNT);
    return table[verdict].name;
}

const char *gw_verdict_advice(enum gw_verdict verdict)
{
    MT_CHECK((unsigned)verdict < GW_VERDICT_COUNT);
    return table[verdict].advice;
}

bool gw_verdict_is_durable(enum gw_verdict verdict)
{
    return verdict <= GW_REFUSED_NO_TARIFF && verdict != GW_DUPLICATE;
}
