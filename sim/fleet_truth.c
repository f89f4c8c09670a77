/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The truth, for an oracle: integers only, one object a line. */
#include "sim/fleet.h"

static void bands(FILE *out, const int64_t band[MT_BANDS], uint8_t mask)
{
    if (mask == 0) {
        return;
    }
    (void)fprintf(out, ",\"bands\":[");
    for (unsigned i = 0; i < MT_BANDS; i++) {
        (void)fprintf(out, "%s%lld", i == 0 ? "" : ",", (long long)band[i]);
    }
    (void)fprintf(out, "]");
}

void sim_truth_reading(FILE *out, const struct sim_meter *meter, const struct fw_record *record)
{
    const struct mt_reading *reading = &record->reading;
    (void)fprintf(out, "{\"meter\":\"%s\",\"seq\":%u,\"time_us\":%lld,\"total\":%lld",
                  meter->spec.name, record->seq, (long long)reading->time_us,
                  (long long)reading->total);
    bands(out, reading->band, reading->band_mask);
    (void)fprintf(out, ",\"flags\":%u}\n", reading->flags);
}

void sim_truth_final(FILE *out, const struct sim_meter *meter)
{
    const struct fw_journal *journal = &meter->fw.journal;
    (void)fprintf(out,
                  "{\"meter\":\"%s\",\"household\":\"%s\",\"final\":true,\"total\":%lld,"
                  "\"next_seq\":%u,\"acked_seq\":%u,\"dropped\":%u,\"boots\":%u",
                  meter->spec.name, meter->spec.household, (long long)meter->fw.now.total,
                  journal->next_seq, journal->acked_seq, journal->dropped_count,
                  meter->fw.now.boots);
    bands(out, meter->fw.now.band, fw_calendar_mask(&meter->fw.config.calendar));
    (void)fprintf(out, "}\n");
}
