/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tariff: what consumption costs, as a pure function of data.
 *
 *  A tariff has versions, each in force from a local midnight until the next one. A version has
 *  price components, each owed to one payee: a price per band and season, plus an adder per block
 *  that does not depend on the band. The ladder (block limits) counts consumption from the start of
 *  the ladder year or month, across versions.
 *
 *  Consumption is cut into SEGMENTS: a segment is what was used within one (version, local month,
 *  joined time-of-use or not), per band. The charge of segments in time order is exact in ufen; the
 *  only rounding is half up to the ufen, once a segment and component. Prices are data: no number of
 *  any utility stands in the code. Never: IO, clock, heap, floating point.
 */
#ifndef GATEWAY_CORE_TARIFF_H
#define GATEWAY_CORE_TARIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/status.h"
#include "meters/check.h"
#include "meters/reading.h"

#define GW_TARIFF_NAME_MAX 31u
#define GW_TARIFF_VERSIONS_MAX 16u
#define GW_TARIFF_COMPONENTS_MAX 4u
#define GW_TARIFF_PAYEES_MAX 4u /**< Payees of one tariff. */
#define GW_TARIFF_BLOCKS_MAX 4u
#define GW_TARIFF_SEASONS_MAX 4u
#define GW_TARIFF_SPANS_MAX 12u
#define GW_TARIFF_CRITICAL_DAYS_MAX 400u
#define GW_TARIFF_CODE_MAX 16u
#define GW_TARIFF_LABEL_MAX 31u

/** Time bands; the order is that of DL/T 645-2007 tariffs 1..4. Without time of use all is FLAT. */
enum gw_band { GW_BAND_SHARP = 0, GW_BAND_PEAK = 1, GW_BAND_FLAT = 2, GW_BAND_VALLEY = 3 };
#define GW_BANDS 4u

enum gw_ladder_period { GW_LADDER_NONE = 0, GW_LADDER_MONTH = 1, GW_LADDER_YEAR = 2 };

/** From start_min (minutes since local midnight) on, the band is this. The first starts at 0. */
struct gw_span {
    uint16_t start_min;
    uint8_t band; /**< enum gw_band */
};

struct gw_schedule {
    uint8_t count; /**< 0: no time of use, all FLAT. */
    struct gw_span spans[GW_TARIFF_SPANS_MAX];
};

/** One price component: what one payee gets. */
struct gw_component {
    char label[GW_TARIFF_LABEL_MAX + 1];
    uint8_t payee; /**< Index into the tariff's payees. */
    int64_t flat_price_ufen[GW_TARIFF_SEASONS_MAX]; /**< Per kWh or m3 of a home without time of use. */
    int64_t band_price_ufen[GW_TARIFF_SEASONS_MAX][GW_BANDS]; /**< Of a home that joined it. */
    int64_t adder_ufen[GW_TARIFF_BLOCKS_MAX]; /**< Per kWh or m3 in block i; block 0 usually 0. */
};

struct gw_tariff_version {
    char id[GW_TARIFF_LABEL_MAX + 1];
    int64_t from_us;         /**< A local midnight. */
    uint8_t season_of_month[12];
    uint8_t season_count;
    uint8_t ladder;          /**< enum gw_ladder_period */
    uint8_t ladder_month;    /**< 1..12: the month in which the ladder year starts. */
    uint8_t block_count;     /**< 1..GW_TARIFF_BLOCKS_MAX */
    /** Upper end of block i, inclusive, Wh or ml; of the last block INT64_MAX. With a monthly ladder
     *  by the season of that month; with a yearly one season 0 counts. */
    int64_t block_limit[GW_TARIFF_SEASONS_MAX][GW_TARIFF_BLOCKS_MAX];
    /** A home of large_people or more gets this much more in every block but the last; per ladder period. */
    uint8_t large_people;    /**< 0: no such rule. */
    int64_t large_extra;
    int64_t free_units;      /**< Free Wh or ml a ladder period for homes marked low-income; block 0 first. */
    uint8_t component_count;
    struct gw_component components[GW_TARIFF_COMPONENTS_MAX];
    struct gw_schedule schedule[GW_TARIFF_SEASONS_MAX];
    struct gw_schedule critical_schedule; /**< Replaces the day's schedule on critical-peak days; count 0: none. */
    uint16_t critical_months; /**< Bit m-1: every day of month m is a critical-peak day. */
    bool bands_by_meter;      /**< The meter's own band registers decide where it sends them. */
    int64_t round_fen;        /**< A bill line rounds half up to this many fen; 1 usually. */
};

struct gw_tariff {
    char name[GW_TARIFF_NAME_MAX + 1];
    uint8_t medium; /**< enum mt_medium */
    int64_t unit_divisor; /**< Smallest units in the price's unit: 1000 (Wh in kWh) or 1000000 (ml in m3). */
    uint8_t payee_count;
    char payees[GW_TARIFF_PAYEES_MAX][GW_TARIFF_CODE_MAX + 1];
    uint8_t version_count;
    struct gw_tariff_version versions[GW_TARIFF_VERSIONS_MAX];
    uint16_t critical_day_count;
    int32_t critical_days[GW_TARIFF_CRITICAL_DAYS_MAX]; /**< Local day numbers, ascending: announced days. */
};

/** What is agreed with one home, as the tariff needs it. */
struct gw_terms {
    int32_t tou_from_day;   /**< Local day from which it is on time of use; INT32_MAX: never. */
    uint8_t people;         /**< 0 when unknown. */
    uint8_t ladder_months;  /**< In its first ladder year: months that it counts for (moved in); 12 otherwise. */
    bool low_income;
    int32_t ladder_months_year; /**< Ladder id (see gw_ladder_id) that ladder_months is for. */
};

/** Consumption of one (version, month, time-of-use) in time order. */
struct gw_segment {
    uint16_t version; /**< Index into versions. */
    uint16_t month;   /**< Months since 1970, local. */
    uint8_t tou;      /**< 1: the home is on time of use. */
    int64_t units[GW_BANDS]; /**< Wh or ml; not time of use: all in GW_BAND_FLAT. May shrink when corrected. */
};

/** Where in the tariff an instant falls, and until when that stays so. */
struct gw_cell {
    uint16_t version;
    uint16_t month;
    uint8_t tou;
    uint8_t band;
    int64_t end_us; /**< First instant after at_us where any of them may change. */
};

/** Check a tariff that was read from outside: counts, order of versions, ascending limits, spans,
 *  payees, prices within [0, 1e13] ufen, rounding unit >= 1. Writes why it is refused.
 *
 *  Returns: GW_OK or GW_INVALID with a sentence in why (NUL-terminated, why_max bytes).
 */
MT_MUST_USE enum gw_status gw_tariff_check(const struct gw_tariff *tariff, char *why, size_t why_max);

/** The cell that holds at_us. Returns false before the first version. */
MT_MUST_USE bool gw_tariff_cell(struct gw_cell *cell, const struct gw_tariff *tariff,
                                const struct gw_terms *terms, int64_t at_us);

/** The band with the lowest price of the first component, for consumption whose time is in doubt. */
uint8_t gw_tariff_lowest_band(const struct gw_tariff *tariff, const struct gw_cell *cell);

/** The ladder period that a month of a version belongs to: the month in which it starts. */
int32_t gw_ladder_id(const struct gw_tariff_version *version, int32_t month);

/** Charge segments in time order, all of ONE ladder period.
 *
 *  In:   ladder_units   consumption of that ladder period before the first segment, Wh or ml.
 *  Out:  ufen           per payee; every one of the tariff's payees is written.
 */
void gw_tariff_charge(int64_t ufen[GW_TARIFF_PAYEES_MAX], const struct gw_tariff *tariff,
                      const struct gw_terms *terms, int64_t ladder_units,
                      const struct gw_segment *segments, uint32_t segment_count);

/** One line of an explained charge: quantity x price of one component in one band or one block. */
struct gw_charge_line {
    uint16_t version;
    uint16_t month;
    uint8_t payee;
    uint8_t component;
    uint8_t band;    /**< Of a band line; 0xff on a block-adder line. */
    uint8_t block;   /**< Of a block-adder line; 0xff on a band line. */
    uint8_t tou;
    int64_t units;      /**< Wh or ml. */
    int64_t price_ufen; /**< Per kWh or m3. */
    int64_t ufen;
};

/** The same charge as lines; their ufen sum to gw_tariff_charge's, per payee exactly.
 *
 *  Returns: lines written; UINT32_MAX when line_max is too small.
 */
uint32_t gw_tariff_explain(struct gw_charge_line *lines, uint32_t line_max,
                           const struct gw_tariff *tariff, const struct gw_terms *terms,
                           int64_t ladder_units, const struct gw_segment *segments,
                           uint32_t segment_count);

/** Round half up to the fen unit of a bill line; negative amounts mirror. */
int64_t gw_round_fen(int64_t ufen, int64_t round_fen);

/** Share whole_fen over parts by largest remainder (ties: the lower index), so that they sum to it.
 *  weights are >= 0 and not all zero; count <= 16. */
void gw_split_fen(int64_t *parts_fen, int64_t whole_fen, const int64_t *weights, uint32_t count);

#endif
