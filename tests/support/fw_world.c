/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/fw_world.h"

#include <string.h>

#include "meters/checksum.h"

static enum fw_status take(void *owner, enum fw_frame frame, const uint8_t *bytes, size_t len)
{
    struct fw_world *world = owner;
    if (world->link_down || world->out_count == FW_WORLD_OUT_MAX) {
        return FW_IO;
    }
    struct fw_world_frame *out = &world->out[world->out_count++];
    out->frame = frame;
    out->len = len;
    memcpy(out->bytes, bytes, len);
    return FW_OK;
}

static bool rtc(void *owner, int64_t *time_us)
{
    const struct fw_world *world = owner;
    *time_us = world->now_us + world->rtc_error_us;
    return !world->no_rtc;
}

static void configure(struct fw_world *world, uint64_t seed)
{
    struct fw_config *config = &world->config;
    fw_config_default(config, MT_POWER);
    memcpy(config->identity.maker, "HXE", 4);
    memcpy(config->identity.number, "000012345678", 13);
    for (unsigned i = 0; i < MT_KEY_BYTES; i++) {
        config->root_key[i] = (uint8_t)(seed >> (i % 8) * 8) ^ (uint8_t)(i * 29);
    }
    config->has_sign = true;
    memset(config->sign_secret, (int)(seed & 0xFF), sizeof(config->sign_secret));
    /* Valley 0-8, flat 8-10, peak 10-12, flat 12-14, peak 14-19, flat 19-24: DOMAIN 3, Guangdong. */
    config->calendar = (struct fw_calendar){
        .season_count = 1,
        .band_unknown = 2,
        .seasons = {{.month_mask = 0x0FFF,
                     .switch_count = 6,
                     .switches = {{0, 3}, {480, 2}, {600, 1}, {720, 2}, {840, 1}, {1140, 2}}}},
    };
}

enum fw_status fw_world_init(struct fw_world *world, uint64_t seed, uint32_t sector_count)
{
    const char *why;
    memset(world, 0, sizeof(*world));
    configure(world, seed);
    world->now_us = FW_WORLD_START_US + 2 * FW_WORLD_MINUTE_US; /* past the grace of midnight */
    world->zero_us = FW_WORLD_START_US;
    world->units_per_min = 7;
    world->next_seq = 1;
    enum mt_status st =
        mt_key_derive(world->up_key, world->config.root_key, MT_KEY_UP, &world->config.identity);
    MT_CHECK(st == MT_OK);
    st = mt_key_derive(world->down_key, world->config.root_key, MT_KEY_DOWN,
                       &world->config.identity);
    MT_CHECK(st == MT_OK);
    st = mt_sign_public(world->sign_public, world->config.sign_secret);
    MT_CHECK(st == MT_OK);
    struct fw_host_config host = {
        .sector_count = sector_count,
        .sector_bytes = 512,
        .seed = seed,
        .owner = world,
        .send = take,
        .rtc = rtc,
    };
    enum fw_status made = fw_host_init(&world->host, &host, &why);
    MT_CHECK(made == FW_OK);
    return fw_world_boot(world);
}

void fw_world_deinit(struct fw_world *world)
{
    fw_host_deinit(&world->host);
}

int64_t fw_world_up_us(const struct fw_world *world)
{
    return world->now_us - world->boot_us;
}

enum fw_status fw_world_boot(struct fw_world *world)
{
    fw_host_power_on(&world->host);
    world->boot_us = world->now_us;
    world->out_count = 0;
    return fw_meter_init(&world->meter, &world->config, &world->host.hal, &world->work, 0);
}

int64_t fw_world_register(const struct fw_world *world, int64_t time_us)
{
    return (time_us - world->zero_us) / FW_WORLD_MINUTE_US * world->units_per_min;
}

void fw_world_pass(struct fw_world *world, int64_t until_us)
{
    while (!world->host.dead) {
        int64_t next_us = world->boot_us + fw_meter_next_us(&world->meter);
        if (next_us > until_us) {
            world->now_us = until_us;
            return;
        }
        world->now_us = next_us > world->now_us ? next_us : world->now_us;
        int64_t missing = fw_world_register(world, world->now_us) - world->meter.now.total;
        fw_meter_count(&world->meter, missing > 0 ? missing : 0, fw_world_up_us(world));
        fw_meter_step(&world->meter, fw_world_up_us(world));
    }
}

static size_t seal_down(uint8_t bytes[FW_DOWN_BYTES_MAX], struct fw_world *world,
                        const uint8_t *plain, size_t plain_len)
{
    size_t len = 0;
    struct mt_cose_seal_args args = {
        .plain = plain,
        .plain_len = plain_len,
        .counter = ++world->down_counter,
        .key = world->down_key,
        .identity = &world->config.identity,
    };
    enum mt_status st = mt_cose_seal(bytes, &len, FW_DOWN_BYTES_MAX, &args);
    MT_CHECK(st == MT_OK);
    return len;
}

size_t fw_world_receipt(uint8_t bytes[FW_DOWN_BYTES_MAX], struct fw_world *world)
{
    uint8_t plain[MT_RECEIPT_BYTES_MAX];
    size_t plain_len = 0;
    struct mt_receipt receipt = {.next_seq = world->next_seq, .time_us = world->now_us};
    enum mt_status st = mt_receipt_encode(plain, &plain_len, sizeof(plain), &receipt);
    MT_CHECK(st == MT_OK);
    return seal_down(bytes, world, plain, plain_len);
}

size_t fw_world_command(uint8_t bytes[FW_DOWN_BYTES_MAX], struct fw_world *world,
                        const struct mt_command *command)
{
    uint8_t plain[MT_RECEIPT_BYTES_MAX];
    size_t plain_len = 0;
    enum mt_status st = mt_command_encode(plain, &plain_len, sizeof(plain), command);
    MT_CHECK(st == MT_OK);
    return seal_down(bytes, world, plain, plain_len);
}

static bool same_reading(const struct mt_reading *a, const struct mt_reading *b)
{
    return a->time_us == b->time_us && a->total == b->total && a->band_mask == b->band_mask &&
           memcmp(a->band, b->band, sizeof(a->band)) == 0;
}

static void keep_records(struct fw_world *world, const struct mt_message *message)
{
    for (uint32_t i = 0; i < message->count; i++) {
        uint32_t seq = message->seq_first + i;
        if (seq >= FW_WORLD_RECORDS_MAX) {
            return; /* only after a hostile gateway moved the numbers up */
        }
        if (world->has_record[seq] && !same_reading(&world->records[seq], &message->readings[i])) {
            world->conflicts++;
        }
        world->has_record[seq] = true;
        world->records[seq] = message->readings[i];
    }
    if (message->seq_first + message->count > world->next_seq) {
        world->next_seq = message->seq_first + message->count;
    }
    if (message->has_proof) {
        world->proofs++;
        world->proof_id = message->proof_id;
        world->proof_state = message->proof_state;
    }
}

static void note_counter(struct fw_world *world, uint64_t counter,
                         const struct fw_world_frame *frame)
{
    uint32_t digest = mt_crc32c(0, frame->bytes, frame->len) | 1;
    if (counter >= FW_WORLD_COUNTERS_MAX) {
        return; /* only after both checkpoint sectors were lost */
    }
    if (world->digest_of_counter[counter] == digest) {
        world->repeated++;
    } else if (world->digest_of_counter[counter] != 0) {
        world->counter_reused++;
    }
    world->digest_of_counter[counter] = digest;
}

static bool open_up(struct fw_world *world, const struct fw_world_frame *frame)
{
    static struct mt_message message;
    struct mt_cose_encrypt0 outer;
    uint8_t plain[FW_FRAME_BYTES_MAX];
    size_t plain_len = 0;
    if (mt_cose_parse(&outer, frame->bytes, frame->len) != MT_OK ||
        mt_cose_open(plain, &plain_len, sizeof(plain), &outer, world->up_key,
                     &world->config.identity) != MT_OK ||
        mt_message_decode_cbor(&message, plain, plain_len, MT_POWER, 0) != MT_OK) {
        return false;
    }
    note_counter(world, outer.counter, frame);
    keep_records(world, &message);
    return true;
}

static bool open_signed(struct fw_world *world, const struct fw_world_frame *frame)
{
    const uint8_t *payload = NULL;
    size_t payload_len = 0;
    if (mt_cose_verify(&payload, &payload_len, frame->bytes, frame->len, world->sign_public,
                       &world->config.identity) != MT_OK ||
        mt_snapshot_decode(&world->last_snapshot, payload, payload_len, MT_POWER) != MT_OK) {
        return false;
    }
    world->snapshots++;
    return true;
}

static void deliver(struct fw_world *world, bool answer)
{
    /* A receipt makes the meter send again: only what was out before is delivered now. */
    static struct fw_world_frame batch[FW_WORLD_OUT_MAX];
    uint32_t count = world->out_count;
    memcpy(batch, world->out, count * sizeof(batch[0]));
    world->out_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool good = batch[i].frame == FW_FRAME_UP ? open_up(world, &batch[i])
                                                  : open_signed(world, &batch[i]);
        world->messages++;
        world->rejected += good ? 0 : 1;
        if (good && answer && !world->host.dead) {
            uint8_t receipt[FW_DOWN_BYTES_MAX];
            size_t len = fw_world_receipt(receipt, world);
            (void)fw_meter_downlink(&world->meter, receipt, len, fw_world_up_us(world));
        }
    }
}

void fw_world_deliver(struct fw_world *world)
{
    deliver(world, true);
}

void fw_world_deliver_deaf(struct fw_world *world)
{
    deliver(world, false);
}

void fw_world_run(struct fw_world *world, int64_t until_us)
{
    while (world->now_us < until_us && !world->host.dead) {
        int64_t next_us = world->boot_us + fw_meter_next_us(&world->meter);
        int64_t stop_us = next_us > world->now_us ? next_us : world->now_us;
        fw_world_pass(world, stop_us < until_us ? stop_us : until_us);
        if (world->out_count > 0 && !world->host.dead) {
            world->now_us += 100000;
            fw_world_deliver(world);
        }
    }
}
