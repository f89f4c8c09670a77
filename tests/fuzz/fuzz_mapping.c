/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message of a stranger through every kind of mapping: what comes out is a register or nothing. */
#include "gateway/adapters/mapping.h"
#include "meters/limits.h"

#include <string.h>

/* A list, members, an expanded name, a clock, units of all three origins, and a payload. */
#define HEAD "format: meterpay-mapping-1\nname: f\nmatch: {hook: f}\nbody: json\n"
static const char *const files[] = {
    HEAD "list: \"*.[]\"\ndevice: $key\ntime: {path: t, form: iso, zone: \"+08:00\"}\n"
         "readings:\n  - {register: total, path: \"v.{channel}\", unit: {path: u}}\n"
         "  - {register: band1, path: \"b_{unit}\", optional: true}\n",
    HEAD "device: d\nwhen: [{path: k, is: \"1\"}]\ntime: {path: t, form: ms}\n"
         "readings:\n  - {register: total, path: v, unit: source, scale: \"0.1\"}\n",
    HEAD "device: d\npayload: {path: p.q, code: base64, protocol: auto}\n",
};
#define FILES (sizeof(files) / sizeof(files[0]))

static void load(struct gw_mapping mappings[FILES])
{
    char why[GW_YAML_WHY_MAX];
    for (size_t f = 0; f < FILES; f++) {
        struct gw_yaml_source source = {.name = "f", .text = files[f], .len = strlen(files[f])};
        MT_CHECK(gw_mapping_parse(&mappings[f], why, sizeof(why), &source) == GW_OK);
    }
}

static void take_all(const struct gw_mapping *mapping, const struct gw_mapping_records *records)
{
    static struct gw_mapped mapped;
    char why[GW_MAPPING_WHY_BYTES];
    const struct gw_mapping_owner owner = {.medium = MT_POWER, .channel = "1", .unit = "kWh"};
    for (uint32_t i = 0; i < records->count; i++) {
        const struct gw_mapping_record *record = &records->records[i];
        if (gw_mapping_take(&mapped, why, mapping, record, &owner) != GW_MAPPING_DONE) {
            continue;
        }
        MT_CHECK(!record->aside);
        MT_CHECK(!mapped.is_frame || mapped.frame_len > 0);
        MT_CHECK(mapped.reading.total >= 0 && mapped.reading.total <= MT_REGISTER_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gw_mapping mappings[FILES];
    static struct gw_mapping_records records;
    char why[GW_MAPPING_WHY_BYTES];
    const struct gw_mapping_names names = {.device = "", .channel = ""};
    if (mappings[0].name[0] == '\0') {
        load(mappings);
    }
    for (size_t f = 0; f < FILES; f++) {
        if (gw_mapping_records(&records, why, &mappings[f], &names, (const char *)data, size) ==
            GW_MAPPING_DONE) {
            take_all(&mappings[f], &records);
        }
    }
    return 0;
}
