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
 *  only rounding is half up to the ufen, once a line: a segment's units of one band or one block,
 *  times the price of one component. Prices are data: no number of any utility stands in the code.
 *  docs/tariffs.md states every rule so that it can be computed a second time without this code.
 *  Never: IO, clock, heap, floating point.
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
#define GW_TARIFF_PRICE_MAX_UFEN 100000000000ll /**< 1,000 yuan per kWh or m3. */
#define GW_TARIFF_ROUND_FEN_MAX 1000000ll
/** kWh or m3 of one segment, at most: what keeps every sum of charges inside an int64. */
#define GW_SEGMENT_QUANTITY_MAX 1000000ll
#define GW_CHARGE_LINES_PER_SEGMENT_MAX \
    (GW_TARIFF_COMPONENTS_MAX * (2u * GW_BANDS + GW_TARIFF_BLOCKS_MAX))

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
    uint8_t count; /**< 0: no time of use, all FLAT. Starts ascend, the first is 0. */
    struct gw_span spans[GW_TARIFF_SPANS_MAX];
};

/** One price component: what one payee gets. */
struct gw_component {
    char label[GW_TARIFF_LABEL_MAX + 1];
    uint8_t payee; /**< Index into the tariff's payees. */
    /** Per kWh or m3: of a home without time of use, of one that joined it, and what a unit in block
     *  i costs on top (of block 0 usually nothing). */
    int64_t flat_price_ufen[GW_TARIFF_SEASONS_MAX];
    int64_t band_price_ufen[GW_TARIFF_SEASONS_MAX][GW_BANDS];
    int64_t adder_ufen[GW_TARIFF_BLOCKS_MAX];
};

struct gw_tariff_version {
    char id[GW_TARIFF_LABEL_MAX + 1];
    int64_t from_us; /**< A local midnight. */
    uint8_t season_of_month[12];
    uint8_t season_count;
    uint8_t ladder;       /**< enum gw_ladder_period */
    uint8_t ladder_month; /**< 1..12: the month in which the ladder year starts. */
    uint8_t block_count;  /**< 1..GW_TARIFF_BLOCKS_MAX */
    /** Upper end of block i, inclusive, Wh or ml; of the last block INT64_MAX. With a monthly ladder
     *  by the season of that month; with a yearly one season 0 counts. */
    int64_t block_limit[GW_TARIFF_SEASONS_MAX][GW_TARIFF_BLOCKS_MAX];
    /** A home of large_people or more gets this much more in every block limit, a ladder period. */
    uint8_t large_people; /**< 0: no such rule. */
    int64_t large_extra;
    /** The first so many Wh or ml of a ladder period cost a home marked low-income nothing. */
    int64_t free_units;
    uint8_t component_count;
    struct gw_component components[GW_TARIFF_COMPONENTS_MAX];
    struct gw_schedule schedule[GW_TARIFF_SEASONS_MAX];
    /** Replaces the day's schedule on critical-peak days; count 0: none. */
    struct gw_schedule critical_schedule;
    uint16_t critical_months; /**< Bit m-1: every day of month m is a critical-peak day. */
    /** The meter's own band registers decide where it sends them; where it does not, and of doubtful
     *  time, the schedule does, which must be there. */
    bool bands_by_meter;
    /** Only whole kWh or m3 of the running total are billed; the fraction stays in the total and is
     *  billed when it is whole, in the next ladder period too. Not with time of use. */
    bool whole_units;
    int64_t round_fen; /**< A bill line rounds half up to this many fen; 1 usually. */
};

struct gw_tariff {
    char name[GW_TARIFF_NAME_MAX + 1];
    uint8_t medium; /**< enum mt_medium */
    /** Smallest units in the price's unit: 1000 (Wh in kWh) or 1000000 (ml in m3). */
    int64_t unit_divisor;
    uint8_t payee_count;
    char payees[GW_TARIFF_PAYEES_MAX][GW_TARIFF_CODE_MAX + 1];
    uint8_t version_count;
    struct gw_tariff_version versions[GW_TARIFF_VERSIONS_MAX];
    uint16_t critical_day_count;
    /** Local day numbers, ascending: announced days. */
    int32_t critical_days[GW_TARIFF_CRITICAL_DAYS_MAX];
};

/** What is agreed with one home, as the tariff needs it. */
struct gw_terms {
    int32_t tou_from_day; /**< Local day from which it is on time of use; INT32_MAX: never. */
    uint8_t people;       /**< 0 when unknown. */
    /** Months that the first ladder year counts for, 1..12 (moved in). In that ladder year, and with
     *  a yearly ladder only, each block limit (with the large home's extra) and the free units are
     *  floor(value x ladder_months / 12). */
    uint8_t ladder_months;
    bool low_income;
    int32_t ladder_months_year; /**< Ladder id (see gw_ladder_id) that ladder_months is for. */
};

/** Consumption of one (version, month, time-of-use) in time order. */
struct gw_segment {
    uint16_t version; /**< Index into versions. */
    uint16_t month;   /**< Months since 1970, local. */
    uint8_t tou;      /**< 1: the home is on time of use. */
    /** Wh or ml; not time of use: all in GW_BAND_FLAT. May shrink when corrected, and one band may be
     *  below zero for a while when the schedule itself was changed after the fact. */
    int64_t units[GW_BANDS];
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
 *  payees, prices within [0, GW_TARIFF_PRICE_MAX_UFEN], rounding unit >= 1. Every other function here
 *  may be called only with a tariff that passed. Writes why it is refused.
 *
 *  Returns: GW_OK or GW_INVALID with a sentence in why (NUL-terminated, why_max bytes).
 */
MT_MUST_USE enum gw_status gw_tariff_check(const struct gw_tariff *tariff, char *why,
                                           size_t why_max);

/** The cell that holds at_us.
 *
 *  tou is 1 from the day on which the home joined, in seasons for which the version has a schedule;
 *  otherwise 0 and the band is GW_BAND_FLAT.
 *
 *  Returns: false, with *cell untouched, before the first version and from GW_CIVIL_END_US on.
 */
MT_MUST_USE bool gw_tariff_cell(struct gw_cell *cell, const struct gw_tariff *tariff,
                                const struct gw_terms *terms, int64_t at_us);

/** The cheapest of the bands that the season's ordinary schedule has, by the sum of the components'
 *  prices (ties: the lower band), for consumption whose time is in doubt. GW_BAND_FLAT without time
 *  of use.
 */
uint8_t gw_tariff_lowest_band(const struct gw_tariff *tariff, const struct gw_cell *cell);

/** The bands that a season's days can have, critical days with them: bit i is band i; 0 without time
 *  of use.
 */
uint32_t gw_tariff_bands(const struct gw_tariff_version *version, uint32_t season);

/** The ladder period that a month of a version belongs to: the month in which it starts; -1 of a
 *  version without a ladder.
 */
int32_t gw_ladder_id(const struct gw_tariff_version *version, int32_t month);

/** True when both segments count in one ladder: the same kind of period with the same id. A change
 *  of version goes on in the ladder unless it changes the kind or the month in which the year starts.
 */
bool gw_ladder_same(const struct gw_tariff *tariff, const struct gw_segment *a,
                    const struct gw_segment *b);

/** Units in next's ladder before next, when ladder_units were in segment's ladder before segment:
 *  ladder_units + the segment's units in the same ladder; 0 where a new one begins (with whole_units
 *  in both versions: the fraction that is not billed yet).
 */
int64_t gw_ladder_next(const struct gw_tariff *tariff, int64_t ladder_units,
                       const struct gw_segment *segment, const struct gw_segment *next);

/** Charge segments in time order, all of ONE ladder period (gw_ladder_same).
 *
 *  In:   ladder_units   consumption of that ladder period before the first segment, Wh or ml.
 *        segments       each within GW_SEGMENT_QUANTITY_MAX, as gw_usage_add and gw_usage_cut see to.
 *  Out:  ufen           per payee; every one of the tariff's payees is written.
 */
void gw_tariff_charge(int64_t ufen[GW_TARIFF_PAYEES_MAX], const struct gw_tariff *tariff,
                      const struct gw_terms *terms, int64_t ladder_units,
                      const struct gw_segment *segments, uint32_t segment_count);

#define GW_LINE_NONE 0xffu

/** One line of an explained charge: quantity x price of one component in one band or one block.
 *  The free units of a low-income home are a band line with price 0.
 */
struct gw_charge_line {
    uint16_t version;
    uint16_t month;
    uint8_t payee;
    uint8_t component;
    uint8_t band;  /**< Of a band line; GW_LINE_NONE on a block-adder line. */
    uint8_t block; /**< Of a block-adder line; GW_LINE_NONE on a band line. */
    uint8_t tou;
    int64_t units;      /**< Wh or ml. */
    int64_t price_ufen; /**< Per kWh or m3. */
    int64_t ufen;
};

/** The charge of one segment as lines; their ufen sum to gw_tariff_charge's, per payee exactly. Band
 *  lines of no units and block lines without units or without an adder are left out.
 *
 *  Returns: lines written, at most GW_CHARGE_LINES_PER_SEGMENT_MAX; UINT32_MAX when line_max is too
 *           small, the first line_max lines are written then.
 *  In:      ladder_units   as above; gw_ladder_next leads from one segment to the next.
 */
uint32_t gw_tariff_explain(struct gw_charge_line *lines, uint32_t line_max,
                           const struct gw_tariff *tariff, const struct gw_terms *terms,
                           int64_t ladder_units, const struct gw_segment *segment);

/** Round half up to the fen unit of a bill line; negative amounts mirror. round_fen >= 1. In fen. */
int64_t gw_round_fen(int64_t ufen, int64_t round_fen);

/** Share whole_fen over parts by largest remainder (ties: the lower index), so that they sum to it.
 *  weights are >= 0 and not all zero; 1 <= count <= 16; a negative whole mirrors. */
void gw_split_fen(int64_t *parts_fen, int64_t whole_fen, const int64_t *weights, uint32_t count);

#endif
