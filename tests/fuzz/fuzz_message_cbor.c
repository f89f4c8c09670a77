/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as SenML-CBOR, as every kind of message: refused, or within its promises; what was
 * decoded is encoded and decodes to the same. */
#include <string.h>

#include "meters/limits.h"
#include "meters/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_US INT64_C(1760000000000000)

static struct mt_message first;
static struct mt_message second;
static uint8_t bytes[MT_MESSAGE_BYTES_MAX];

static void promises(const struct mt_message *m)
{
    MT_CHECK(m->count <= MT_MESSAGE_READINGS_MAX);
    MT_CHECK(m->count > 0 || m->has_proof);
    MT_CHECK(!m->has_seq || m->seq_first <= UINT32_MAX - m->count);
    MT_CHECK(m->proof_state <= 2);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct mt_reading *r = &m->readings[i];
        MT_CHECK(r->total >= 0 && r->total <= MT_REGISTER_MAX);
        MT_CHECK(r->time_us > 0 && r->time_us <= MT_TIME_S_MAX * 1000000);
        MT_CHECK(r->band_mask < 1u << MT_BANDS);
        for (uint32_t band = 0; band < MT_BANDS; band++) {
            MT_CHECK(r->band[band] >= 0 && r->band[band] <= MT_REGISTER_MAX);
        }
    }
}

/* Without a sequence number readings of one time may be put together anew: not compared. */
static void comes_back(const struct mt_message *m, enum mt_medium medium)
{
    size_t len;
    enum mt_status status = mt_message_encode(bytes, &len, sizeof(bytes), m, medium);
    if (status != MT_OK) {
        MT_CHECK(status == MT_TOO_LARGE || status == MT_BAD_RANGE);
        return;
    }
    status = mt_message_decode_cbor(&second, bytes, len, medium, NOW_US);
    MT_CHECK(status == MT_OK);
    if (!m->has_seq) {
        return;
    }
    MT_CHECK(second.seq_first == m->seq_first && second.count == m->count);
    MT_CHECK(second.has_proof == m->has_proof && second.proof_id == m->proof_id);
    for (uint32_t i = 0; i < m->count; i++) {
        MT_CHECK(second.readings[i].total == m->readings[i].total);
        MT_CHECK(second.readings[i].time_us == m->readings[i].time_us);
        MT_CHECK(second.readings[i].flags == m->readings[i].flags);
        MT_CHECK(second.readings[i].band_mask == m->readings[i].band_mask);
    }
}

static void other_messages(const uint8_t *data, size_t size)
{
    struct mt_downlink down;
    if (mt_downlink_decode(&down, data, size) == MT_OK) {
        MT_CHECK(down.command.valve <= 2);
        MT_CHECK(down.receipt.time_us >= 0 && down.command.expires_us >= 0);
    }
    struct mt_snapshot snapshot;
    size_t len;
    if (mt_snapshot_decode(&snapshot, data, size, MT_POWER) == MT_OK) {
        struct mt_snapshot back;
        MT_CHECK(mt_snapshot_encode(bytes, &len, sizeof(bytes), &snapshot, MT_POWER) == MT_OK);
        MT_CHECK(mt_snapshot_decode(&back, bytes, len, MT_POWER) == MT_OK);
        MT_CHECK(back.total == snapshot.total && back.time_us == snapshot.time_us);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int medium = MT_POWER; medium <= MT_MEDIUM_OTHER; medium++) {
        if (mt_message_decode_cbor(&first, data, size, (enum mt_medium)medium, NOW_US) == MT_OK) {
            promises(&first);
            comes_back(&first, (enum mt_medium)medium);
        }
    }
    other_messages(data, size);
    return 0;
}
