/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One simulated meter: the firmware's own core on a board of memory, in a home that uses things.
 *
 *  Its life is planned by the seed: what it reads, how far its clock drifts, when its power fails. What
 *  it counts up to a quarter-hour is the load's register at that very moment by its own clock, so a
 *  reading is a pure function of (seed, meter, time of the reading), whatever the network does.
 *
 *  Times are the simulation's, microseconds since 1970 UTC. The meter's uptime is its own crystal's.
 */
#ifndef SIM_METER_H
#define SIM_METER_H

#include "firmware/core/meter.h"
#include "firmware/port/host/host.h"
#include "sim/load.h"
#include "sim/spec.h"

/** How meters are built and what befalls them; the same for the whole fleet. */
struct sim_meter_rules {
    int64_t interval_us; /**< Between readings. */
    int64_t spread_us;   /**< A report leaves within this. */
    int64_t retry_us;    /**< First pause before a repetition. */
    int64_t retry_us_max;
    int64_t round_us_max;       /**< Longest round trip that sets a clock. */
    uint32_t report_count;      /**< Readings that start a report. */
    uint32_t drift_ppm_max;     /**< Clocks run up to so much too fast or too slow. */
    int64_t clock_error_us_max; /**< How wrong a clock may be set when the meter is installed. */
    uint32_t reboot_ppm;        /**< Chance of a power failure in each day, in millionths. */
    uint32_t nv_sectors;
    uint32_t nv_sector_bytes;
    const char *state_dir; /**< Where storage is kept between runs; NULL: in memory. Borrowed. */
};

struct sim_meter;

/** What a meter is connected to. */
struct sim_meter_events {
    void *owner;
    /** The meter sends. now_us is the planned moment. Returns FW_OK or FW_IO. */
    enum fw_status (*send)(void *owner, struct sim_meter *meter, enum fw_frame frame,
                           const uint8_t *bytes, size_t len);
    /** A reading went into the journal. */
    void (*reading)(void *owner, const struct sim_meter *meter, const struct fw_record *record);
    /** Power came (back): the transport starts anew. Also at the first start. */
    void (*boot)(void *owner, struct sim_meter *meter);
    /** Power went. */
    void (*dark)(void *owner, struct sim_meter *meter);
};

struct sim_meter {
    struct sim_spec spec;
    struct sim_load load;
    struct fw_host host;
    struct fw_meter fw;
    const struct sim_meter_rules *rules;   /**< Borrowed. */
    const struct sim_meter_events *events; /**< Borrowed. */
    uint64_t seed;
    int64_t now_us;     /**< Moment of the event that is being simulated. */
    int64_t boot_us;    /**< When the uptime was 0. */
    int64_t counted_us; /**< Boundary up to which consumption was counted, by the meter's clock. */
    int64_t rtc_error_us; /**< The battery-backed clock minus the truth, at rtc_set_us. */
    int64_t rtc_set_us;
    int32_t drift_ppm;
    bool dark;        /**< No power. */
    bool held;        /**< Takes no more readings; sends what it has. */
    int64_t power_us; /**< When the power fails next, or comes back. */
    uint32_t reboots;
};

/** Install or switch on a meter. work is borrowed for its whole life.
 *
 *  Returns: FW_OK; FW_IO or FW_INVALID with *why, the end of a sentence about its storage.
 */
MT_MUST_USE enum fw_status sim_meter_init(struct sim_meter *meter, const struct sim_spec *spec,
                                          uint64_t seed, const struct sim_meter_rules *rules,
                                          const struct sim_meter_events *events,
                                          struct fw_work *work);

/** Start it at a moment. Returns as sim_meter_init. */
MT_MUST_USE enum fw_status sim_meter_start(struct sim_meter *meter, int64_t now_us,
                                           const char **why);
void sim_meter_deinit(struct sim_meter *meter);

/** When something happens to it next. */
int64_t sim_meter_next_us(const struct sim_meter *meter);

/** Let happen what is due at now_us. */
void sim_meter_step(struct sim_meter *meter, int64_t now_us);

/** A message from the gateway arrives. Ignored without power. */
void sim_meter_downlink(struct sim_meter *meter, const uint8_t *bytes, size_t len, int64_t now_us);

/** Its transport has a connection (again). */
void sim_meter_link_up(struct sim_meter *meter, int64_t now_us);

#endif
