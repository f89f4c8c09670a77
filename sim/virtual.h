/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A whole fleet in one process on virtual time: months of a street in seconds, the same every time.
 *
 *      sim_fleet_open -> while (work) { sim_fleet_run(fleet, until); } -> sim_fleet_close
 *
 *  Meters run the firmware's own core. What they send travels over a bad radio (radio.h) and then comes
 *  out of the `uplink` callback; what the gateway answers goes in by sim_fleet_receipt and travels back
 *  over the same radio. Nothing here knows a socket or a clock: the program meterpay-fleet drives the
 *  same engine by real time, tests drive it as fast as they like.
 *
 *  With the same configuration and the same answers at the same times a run repeats bit by bit. The
 *  readings repeat whatever the answers are (sim/meter.h says why).
 */
#ifndef SIM_VIRTUAL_H
#define SIM_VIRTUAL_H

#include "sim/meter.h"
#include "sim/radio.h"

/** No message of our firmware: bytes of the protocol in the meter's spec. */
#define SIM_FRAME_RAW ((enum fw_frame)0xFD)

/** What the fleet tells its owner. Called within sim_fleet_open, _run; they may call sim_fleet_receipt. */
struct sim_fleet_events {
    void *owner;
    /** A message arrives at the gateway's side: frame is SIM_FRAME_RAW from another maker's meter.
     *  Bytes are borrowed for the call. */
    void (*uplink)(void *owner, uint32_t meter, enum fw_frame frame, const uint8_t *bytes,
                   size_t len, int64_t now_us);
    /** The truth: a reading that a meter took. NULL: nobody asks. */
    void (*reading)(void *owner, uint32_t meter, const struct fw_record *record);
    /** A meter started, or started again after a power cut. NULL: nobody asks. */
    void (*boot)(void *owner, uint32_t meter);
    /** A meter lost power. NULL: nobody asks. */
    void (*dark)(void *owner, uint32_t meter);
};

struct sim_fleet_config {
    uint32_t meter_count; /**< 1 to SIM_METERS_MAX. */
    uint64_t seed;
    enum sim_via via; /**< Only tells meters how large a message may be, and callers whose it is. */
    int64_t start_us; /**< Time at which all are switched on. */
    /** Meters whose medium it carries are other makers', and send each reading as a frame of it, once:
     *  they hear no receipts. NULL: all are our own. */
    const struct mt_protocol *protocol;
    struct sim_meter_rules rules;
    struct sim_radio_faults faults;
    struct sim_fleet_events events;
};

/** Sensible rules and a good radio: 15 minutes, spread over a minute, clocks up to 40 ppm off, a power cut
 *  for each meter every 50 days, 48 KiB of storage; 1 % lost, 0.5 % doubled, 1 % overtaken. */
void sim_fleet_defaults(struct sim_fleet_config *config);

struct sim_fleet;

/** Make the meters and switch them on.
 *
 *  Returns: FW_OK; FW_IO or FW_INVALID with a sentence in why (why_max bytes).
 *  Out:     *fleet  owned by the caller, for sim_fleet_close; untouched unless FW_OK.
 */
MT_MUST_USE enum fw_status sim_fleet_open(struct sim_fleet **fleet,
                                          const struct sim_fleet_config *config, char *why,
                                          size_t why_max);

/** Switch off: storage of a state directory is left ready for the next run. */
void sim_fleet_close(struct sim_fleet *fleet);

/** When something happens next; INT64_MAX: never. */
int64_t sim_fleet_next_us(const struct sim_fleet *fleet);

/** Let happen, in order, all that is due until then, but at most `events_max` things.
 *  Returns: how many things happened; less than events_max means that all is done. */
uint32_t sim_fleet_run(struct sim_fleet *fleet, int64_t until_us, uint32_t events_max);

/** The gateway says something to a meter: a receipt or a command, COSE with the meter's down key. */
void sim_fleet_receipt(struct sim_fleet *fleet, uint32_t meter, const uint8_t *bytes, size_t len,
                       int64_t now_us);

/** The meter's transport has a connection (again). */
void sim_fleet_link_up(struct sim_fleet *fleet, uint32_t meter, int64_t now_us);

/** From now on meters take no readings; they go on sending what they have. For a clean end. */
void sim_fleet_hold(struct sim_fleet *fleet);

/** Look at a meter, 0 to meter_count - 1. Borrowed until the next call. */
const struct sim_meter *sim_fleet_meter(const struct sim_fleet *fleet, uint32_t meter);

/** Sums over all meters, power cuts included. */
struct sim_fleet_totals {
    uint64_t readings; /**< Taken since the fleet was opened. */
    uint64_t sent;     /**< Messages, repetitions not counted. */
    uint64_t repeated;
    uint64_t answered;
    uint64_t snapshots;
    uint64_t commands;
    uint64_t down_refused;
    uint64_t reboots;
    uint64_t pending;                /**< Records that the gateway lacks now. */
    uint64_t dropped;                /**< Records that went before the gateway had them. */
    uint64_t lost, duplicated, late; /**< On the radio. */
};
void sim_fleet_totals(struct sim_fleet_totals *totals, const struct sim_fleet *fleet);

#endif
