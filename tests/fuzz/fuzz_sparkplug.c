/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stranger's Sparkplug topic and payload: whatever comes stays within its bounds, and a value is a number. */
#include <string.h>

#include "gateway/adapters/sparkplug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_sparkplug_topic topic;
    struct gw_sparkplug_payload payload;
    struct gw_sparkplug_metric metric;
    char right[GW_MAPPING_TOPIC_MAX + 1];
    char value[GW_SPARKPLUG_VALUE_BYTES];
    const uint8_t *line_end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t topic_len = line_end != NULL ? (size_t)(line_end - data) : 0;
    if (gw_sparkplug_topic(&topic, (const char *)data, topic_len)) {
        for (unsigned i = 0; i < GW_SPARKPLUG_RIGHTS; i++) {
            (void)gw_sparkplug_right(right, topic.device,
                                     (enum gw_sparkplug_right)i); /* only run */
        }
    }
    size_t start = line_end != NULL ? topic_len + 1 : 0;
    if (!gw_sparkplug_open(&payload, data + start, size - start)) {
        return 0;
    }
    while (gw_sparkplug_next(&metric, &payload)) {
        if (gw_sparkplug_value(value, &metric, metric.datatype)) {
            MT_CHECK(strspn(value, "0123456789+-.eE") == strlen(value) && value[0] != '\0');
        }
    }
    return 0;
}
