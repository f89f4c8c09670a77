/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a frame of any protocol, with somebody listening: what is told lies where it may be read,
 * decides nothing, and a refusal has a reason. The first byte chooses the protocol and the key. */
#include "meters/wmbus.h"
#include "tests/fuzz/frames.h"

#define PROTOCOL 0x0Fu /* of the first byte: which; the last is to recognise it */
#define WITH_KEY 0x10u
#define WITH_PATH 0x20u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct listener {
    struct mt_trace trace;
    unsigned sum, faults;
};

/* Every byte that is told is read, and every text to its end. */
static void touch(struct mt_trace *trace, const uint8_t *at, size_t len, const char *text)
{
    struct listener *l = (struct listener *)trace;
    for (size_t i = 0; i < len; i++) {
        l->sum += at[i];
    }
    l->sum += text != NULL ? (unsigned)strlen(text) : 0;
}

static void on_field(struct mt_trace *trace, const uint8_t *at, size_t len, const char *what,
                     const char *meaning)
{
    MT_CHECK(what != NULL);
    touch(trace, at, len, what);
    touch(trace, NULL, 0, meaning);
}

static void on_layer(struct mt_trace *trace, const uint8_t *bytes, size_t len, const char *what)
{
    MT_CHECK((bytes == NULL) == (what == NULL));
    touch(trace, bytes, bytes != NULL ? len : 0, what);
}

static void on_fault(struct mt_trace *trace, const uint8_t *at, size_t len, const char *why)
{
    MT_CHECK(why != NULL);
    touch(trace, at, len, why);
    ((struct listener *)trace)->faults++;
}

/* What the result is, whoever listens. */
struct result {
    enum mt_status status;
    size_t used;
    struct mt_frame frame;
};

static void decode(struct result *out, uint8_t choice, const struct mt_input *input)
{
    const struct mt_protocol *protocol =
        (choice & PROTOCOL) == PROTOCOL ? NULL : mt_protocol_at(choice & PROTOCOL);
    out->used = SIZE_MAX;
    out->status = mt_decode(&out->frame, &out->used, protocol, input);
    MT_CHECK(out->used <= input->len);
    if (mt_status_is_told(out->status)) {
        frame_promises(&out->frame);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                    0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F};
    static struct mt_formats memories[2];
    static struct result results[2];
    if (size == 0) {
        return 0;
    }
    uint8_t choice = data[0];
    bool is_dlms = (choice & PROTOCOL) == 7;
    memset(memories, 0, sizeof(memories));
    struct listener l = {.trace = {on_field, on_layer, on_fault}};
    for (unsigned told = 0; told < 2; told++) {
        struct mt_input input = {.bytes = data + 1, .len = size - 1, .formats = &memories[told]};
        input.key = (choice & WITH_KEY) != 0 ? key : NULL;
        input.key_len = input.key == NULL ? 0 : is_dlms ? 32 : 16;
        input.path = (choice & WITH_PATH) != 0 ? "/3424/0" : NULL;
        input.path_len = input.path != NULL ? 7 : 0;
        input.trace = told != 0 ? &l.trace : NULL;
        decode(&results[told], choice, &input);
    }
    const struct result *quiet = &results[0];
    const struct result *told = &results[1];
    /* Recognising tells the listener what the best guess is refused for; else both are the same. */
    if ((choice & PROTOCOL) == PROTOCOL && quiet->status != MT_OK) {
        return 0;
    }
    MT_CHECK(quiet->status == told->status && quiet->used == told->used);
    bool is_refused =
        told->status == MT_NEED_MORE || (told->status < 0 && told->status != MT_NO_READING);
    MT_CHECK(!is_refused || told->status == MT_NOT_FOUND || size == 1 || l.faults > 0);
    if (quiet->status == MT_OK) {
        MT_CHECK(quiet->frame.has_reading == told->frame.has_reading);
        MT_CHECK(!quiet->frame.has_reading ||
                 quiet->frame.reading.total == told->frame.reading.total);
    }
    return 0;
}
