/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compact arrays; see the header. */
#include "meters/axdr_compact.h"

/* The type of the next item. mt_axdr_read() has checked the description, so it can be stepped over. */
static struct mt_cursor next_type(struct mt_axdr_compact *compact)
{
    while (compact->depth > 0 && compact->levels[compact->depth - 1].left == 0) {
        compact->depth--;
    }
    const uint8_t *at = compact->type;
    if (compact->depth > 0) {
        at = compact->levels[compact->depth - 1].type;
    }
    struct mt_cursor type = mt_cursor_over(at, (size_t)(compact->type_end - at));
    if (compact->depth > 0) {
        struct mt_cursor behind = type;
        enum mt_status status = mt_axdr_type_skip(&behind);
        MT_CHECK(status == MT_OK);
        compact->levels[compact->depth - 1].left--;
        if (!compact->levels[compact->depth - 1].is_array) {
            compact->levels[compact->depth - 1].type = behind.at;
        }
    }
    return type;
}

enum mt_status mt_axdr_compact_read(struct mt_axdr_item *item, struct mt_axdr_compact *compact)
{
    MT_CHECK(item != NULL && compact != NULL);
    if (mt_axdr_compact_is_done(compact)) {
        return MT_NEED_MORE;
    }
    struct mt_cursor type = next_type(compact);
    const uint8_t *at = compact->contents.at;
    uint8_t tag = mt_cursor_u8(&type);
    if (tag != MT_AXDR_ARRAY && tag != MT_AXDR_STRUCTURE) {
        enum mt_status status = mt_axdr_content(item, tag, at, &compact->contents);
        return status == MT_NEED_MORE ? MT_BAD_LAYOUT : status;
    }
    uint32_t members = 0;
    if (tag == MT_AXDR_ARRAY) {
        members = (uint32_t)mt_cursor_be(&type, 2);
    } else {
        enum mt_status status = mt_axdr_length(&members, &type);
        MT_CHECK(status == MT_OK);
    }
    if (compact->depth == MT_AXDR_COMPACT_DEPTH) {
        return MT_TOO_LARGE;
    }
    compact->levels[compact->depth].type = type.at;
    compact->levels[compact->depth].left = members;
    compact->levels[compact->depth++].is_array = tag == MT_AXDR_ARRAY;
    *item = (struct mt_axdr_item){.at = at, .len = members, .tag = tag, .is_container = true};
    return MT_OK;
}

bool mt_axdr_compact_is_done(const struct mt_axdr_compact *compact)
{
    MT_CHECK(compact != NULL);
    bool open = false;
    for (size_t i = 0; i < compact->depth; i++) {
        open = open || compact->levels[i].left > 0;
    }
    return !open && mt_cursor_left(&compact->contents) == 0;
}

enum mt_status mt_axdr_compact_begin(struct mt_axdr_compact *compact, uint32_t *count,
                                     const struct mt_axdr_item *item)
{
    MT_CHECK(compact != NULL && count != NULL);
    MT_CHECK(item != NULL && item->tag == MT_AXDR_COMPACT);
    struct mt_axdr_compact begun = {.contents = mt_cursor_over(item->bytes, item->len),
                                    .type = item->at + 1,
                                    .type_end = item->bytes};
    *compact = begun;
    *count = 0;
    /* Every item but a container takes a byte, so this ends with the contents. */
    while (!mt_axdr_compact_is_done(&begun)) {
        struct mt_axdr_item part;
        enum mt_status status = mt_axdr_compact_read(&part, &begun);
        if (status != MT_OK) {
            return status;
        }
        bool is_element = begun.depth == 0 || (part.is_container && begun.depth == 1);
        *count += is_element ? 1 : 0;
    }
    return MT_OK;
}
