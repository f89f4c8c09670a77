/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/pack.h"

#include <string.h>

_Static_assert(MT_REGISTER_MAX < 1ll << 56, "a register must fit in 56 bits");
_Static_assert(GW_READING_US_MAX < 1ll << 56, "the time of a reading must fit in 56 bits");
_Static_assert(GW_TIME_US_MAX / 1000000 < 1ll << 40, "the time of a block must fit in 40 bits");
_Static_assert(GW_METER_PER_HOUR_MAX < 1ll << 40, "max_per_hour must fit in 40 bits");
_Static_assert(GW_SEGMENT_QUANTITY_MAX * 1000000 < 1ll << 47, "ml of a segment must fit in FLAT");
_Static_assert(GW_TARIFF_VERSIONS_MAX <= 128, "a version must fit in 7 bits");

void gw_reading_unpack(struct mt_reading *reading, const struct gw_packed_reading *packed)
{
    reading->time_us = (int64_t)packed->time_us;
    reading->total = (int64_t)packed->total;
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        reading->band[b] = (int64_t)packed->band[b].value;
    }
    reading->band_mask = packed->band_mask;
    reading->flags = packed->flags;
}

static void reading_pack(struct gw_packed_reading *packed, const struct mt_reading *reading)
{
    MT_CHECK(reading->time_us >= 0 && reading->time_us <= GW_READING_US_MAX);
    MT_CHECK(reading->total >= 0 && reading->total <= MT_REGISTER_MAX);
    packed->time_us = (uint64_t)reading->time_us;
    packed->total = (uint64_t)reading->total;
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        MT_CHECK(reading->band[b] >= 0 && reading->band[b] <= MT_REGISTER_MAX);
        packed->band[b].value = (uint64_t)reading->band[b];
    }
    packed->band_mask = reading->band_mask;
    packed->flags = reading->flags;
}

static void segment_unpack(struct gw_segment *segment, const struct gw_packed_segment *packed)
{
    segment->version = packed->version;
    segment->month = packed->month;
    segment->tou = packed->tou;
    segment->units[GW_BAND_SHARP] = packed->sharp_units;
    segment->units[GW_BAND_PEAK] = packed->peak_units;
    segment->units[GW_BAND_FLAT] = packed->flat_units;
    segment->units[GW_BAND_VALLEY] = packed->valley_units;
}

static void segment_pack(struct gw_packed_segment *packed, const struct gw_segment *segment)
{
    packed->version = (uint8_t)segment->version;
    packed->month = segment->month;
    packed->tou = segment->tou;
    packed->sharp_units = segment->units[GW_BAND_SHARP];
    packed->peak_units = segment->units[GW_BAND_PEAK];
    packed->flat_units = segment->units[GW_BAND_FLAT];
    packed->valley_units = segment->units[GW_BAND_VALLEY];
    bool same = packed->sharp_units == segment->units[GW_BAND_SHARP] &&
                packed->peak_units == segment->units[GW_BAND_PEAK] &&
                packed->flat_units == segment->units[GW_BAND_FLAT] &&
                packed->valley_units == segment->units[GW_BAND_VALLEY] &&
                packed->version == segment->version && packed->tou == segment->tou;
    MT_CHECK(same); /* gw_usage_add refuses what does not fit. */
}

void gw_terms_unpack(struct gw_terms *terms, const struct gw_meter *meter)
{
    terms->tou_from_day = meter->tou_from_day;
    terms->people = meter->people;
    terms->ladder_months = meter->ladder_months;
    terms->low_income = meter->low_income != 0;
    terms->ladder_months_year = meter->ladder_months_year;
}

void gw_terms_pack(struct gw_meter *meter, const struct gw_terms *terms)
{
    meter->tou_from_day = terms->tou_from_day;
    meter->people = terms->people;
    meter->ladder_months = terms->ladder_months;
    meter->low_income = terms->low_income;
    meter->ladder_months_year = terms->ladder_months_year;
}

void gw_work_unpack(struct gw_work *work, const struct gw_meter *meter)
{
    work->has_reading = meter->has_reading != 0;
    work->last_verdict = meter->last_verdict;
    gw_reading_unpack(&work->last, &meter->last);
    gw_terms_unpack(&work->terms, meter);
    work->usage.ladder_units = meter->ladder_units;
    work->usage.count = meter->segment_count;
    for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
        work->usage.posted_ufen[payee] = meter->posted_ufen[payee];
    }
    for (uint32_t i = 0; i < meter->segment_count; i++) {
        segment_unpack(&work->usage.segments[i], &meter->segments[i]);
    }
}

void gw_work_pack(struct gw_meter *meter, const struct gw_work *work)
{
    MT_CHECK(work->usage.count <= GW_USAGE_SEGMENTS);
    meter->has_reading = work->has_reading;
    meter->last_verdict = work->last_verdict;
    reading_pack(&meter->last, &work->last);
    meter->ladder_units = work->usage.ladder_units;
    meter->segment_count = work->usage.count;
    for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
        meter->posted_ufen[payee] = work->usage.posted_ufen[payee];
    }
    for (uint32_t i = 0; i < work->usage.count; i++) {
        segment_pack(&meter->segments[i], &work->usage.segments[i]);
    }
}

void gw_identity_unpack(struct mt_identity *identity, const struct gw_meter *meter)
{
    enum mt_status status = mt_name_parse(identity, meter->name, meter->name_len);
    MT_CHECK(status == MT_OK); /* Entries and images with any other name were refused. */
}

void gw_identity_pack(struct gw_meter *meter, const struct mt_identity *identity)
{
    char name[MT_NAME_MAX + 1];
    size_t len = mt_name_format(name, identity);
    memset(meter->name, 0, sizeof(meter->name));
    memcpy(meter->name, name, len);
    meter->name_len = (uint8_t)len;
    meter->medium = identity->medium;
}
