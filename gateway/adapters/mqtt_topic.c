/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Topics between meters and gateway. */
#include "gateway/adapters/mqtt_topic.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/core.h"

static const struct {
    const char *leaf;
    uint8_t form;
} leaves[] = {
    {"up", GW_FORM_COSE},   {"signed", GW_FORM_SIGNED}, {"json", GW_FORM_JSON},
    {"cbor", GW_FORM_CBOR}, {"raw/+", GW_FORM_RAW},
};
#define LEAVES (sizeof leaves / sizeof leaves[0])

static const char raw_prefix[] = "raw/";
static const char any_protocol[] = "auto";

_Static_assert(GW_TOPIC_ROOT_MAX + 1 + GW_TOPIC_SITE_MAX + 1 + MT_NAME_MAX + sizeof "/signed" <=
                   GW_TOPIC_BYTES_MAX,
               "every topic must fit");

static bool part_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool gw_topic_part_valid(const char *text)
{
    size_t len = 0;
    while (part_character(text[len]) && len <= GW_TOPIC_SITE_MAX) {
        len++;
    }
    return len > 0 && len <= GW_TOPIC_SITE_MAX && text[len] == '\0';
}

static bool raw_parse(struct gw_topic *out, const char *leaf, size_t leaf_len)
{
    const size_t prefix_len = sizeof raw_prefix - 1;
    if (leaf_len <= prefix_len || memcmp(leaf, raw_prefix, prefix_len) != 0) {
        return false;
    }
    const char *protocol = leaf + prefix_len;
    size_t len = leaf_len - prefix_len;
    if (memchr(protocol, '/', len) != NULL) {
        return false;
    }
    bool open = len == sizeof any_protocol - 1 && memcmp(protocol, any_protocol, len) == 0;
    out->form = GW_FORM_RAW;
    out->protocol = open ? NULL : protocol;
    out->protocol_len = open ? 0 : len;
    return true;
}

bool gw_topic_parse(struct gw_topic *out, const char *topic, size_t topic_len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    if (topic_len <= prefix_len || memcmp(topic, prefix, prefix_len) != 0) {
        return false;
    }
    const char *name = topic + prefix_len;
    const char *slash = memchr(name, '/', topic_len - prefix_len);
    if (slash == NULL || slash == name) {
        return false;
    }
    const char *leaf = slash + 1;
    size_t leaf_len = topic_len - (size_t)(leaf - topic);
    struct gw_topic found = {.name = name, .name_len = (size_t)(slash - name)};
    if (raw_parse(&found, leaf, leaf_len)) {
        *out = found;
        return true;
    }
    for (size_t i = 0; i < LEAVES; i++) {
        if (leaves[i].form != GW_FORM_RAW && leaf_len == strlen(leaves[i].leaf) &&
            memcmp(leaf, leaves[i].leaf, leaf_len) == 0) {
            found.form = leaves[i].form;
            *out = found;
            return true;
        }
    }
    return false;
}

bool gw_topic_up(char out[GW_TOPIC_BYTES_MAX], const char *prefix, const char *who, unsigned index)
{
    if (index >= LEAVES) {
        return false;
    }
    int len = snprintf(out, GW_TOPIC_BYTES_MAX, "%s%s/%s", prefix, who, leaves[index].leaf);
    MT_CHECK(len > 0 && (size_t)len < GW_TOPIC_BYTES_MAX);
    return true;
}

bool gw_topic_down(char out[GW_TOPIC_BYTES_MAX], const char *prefix, const char *name,
                   size_t name_len)
{
    static const char leaf[] = "/down";
    if (name_len == 0 || name_len > MT_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name_len; i++) {
        if (!part_character(name[i])) {
            return false; /* a '/' or '+' would lead the receipt elsewhere */
        }
    }
    /* Copied by hand: this runs once a receipt, and printf would be a third of its cost. */
    size_t prefix_len = strlen(prefix);
    MT_CHECK(prefix_len + name_len + sizeof leaf <= GW_TOPIC_BYTES_MAX);
    memcpy(out, prefix, prefix_len);
    memcpy(out + prefix_len, name, name_len);
    memcpy(out + prefix_len + name_len, leaf, sizeof leaf);
    return true;
}
