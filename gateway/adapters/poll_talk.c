/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/poll_talk.h"

#include <string.h>

#include "meters/cjt188.h"
#include "meters/dlt645.h"
#include "meters/mbus.h"

#define SECOND_US 1000000ll
#define LOCAL_US (8ll * 3600 * SECOND_US)
#define TOTAL_1997 0x9010u /* DL/T 645-1997, table A.1: forward active energy, total */
#define PREAMBLE 4u

enum step { STEP_RESET, STEP_SELECT, STEP_READ };

static uint8_t first_step(uint8_t protocol)
{
    if (protocol == GW_POLL_MBUS) {
        return STEP_RESET;
    }
    return protocol == GW_POLL_MBUS_SECONDARY ? STEP_SELECT : STEP_READ;
}

static void start_over(struct gw_talk *talk)
{
    talk->step = first_step(talk->protocol);
    talk->fcb = true; /* the first after a reset or a selection has it set */
    talk->telegrams = 0;
}

void gw_talk_begin(struct gw_talk *talk, const struct gw_poll_target *target, uint8_t tries)
{
    MT_CHECK(tries >= 1 && target->protocol < GW_POLL_MODBUS);
    memset(talk, 0, offsetof(struct gw_talk, asked));
    talk->protocol = target->protocol;
    talk->address = target->address;
    talk->identity = target->identity;
    talk->tries = tries;
    start_over(talk);
}

void gw_talk_probe(struct gw_talk *talk, uint8_t protocol, const char *number, uint8_t address)
{
    struct gw_poll_target target = {.protocol = protocol, .address = address};
    size_t len = strlen(number);
    MT_CHECK(len <= MT_NUMBER_MAX);
    memcpy(target.identity.number, number, len + 1);
    target.identity.medium = MT_MEDIUM_OTHER;
    gw_talk_begin(talk, &target, 1);
    talk->anybody = true;
}

/* ---- questions ---------------------------------------------------------------------------------------- */

static enum mt_status ask_dlt645(struct gw_talk *talk)
{
    bool old = talk->protocol == GW_POLL_DLT645_1997;
    struct mt_dlt645_query query = {
        .number = talk->identity.number,
        .edition = old ? MT_DLT645_1997 : MT_DLT645_2007,
        .data_id = old ? TOTAL_1997 : MT_DLT645_FORWARD_ACTIVE,
    };
    memset(talk->asked, 0xfe, PREAMBLE); /* wakes the receiver (5.2.1, note) */
    enum mt_status status = mt_dlt645_build_read(talk->asked + PREAMBLE, &talk->asked_len,
                                                 sizeof(talk->asked) - PREAMBLE, &query);
    talk->asked_len += PREAMBLE;
    return status;
}

static enum mt_status ask_cjt188(struct gw_talk *talk)
{
    static const uint8_t any = 0xaa;
    uint8_t type = talk->identity.medium == MT_WATER  ? MT_CJT188_COLD_WATER
                   : talk->identity.medium == MT_GAS  ? MT_CJT188_GAS
                   : talk->identity.medium == MT_HEAT ? MT_CJT188_HEAT
                                                      : any;
    struct mt_cjt188_frame frame = {
        .type = type,
        .number = talk->identity.number,
        .control = MT_CJT188_READ,
        .data_id = MT_CJT188_CURRENT,
        /* Meters of the two editions know one order each: every other question has the other. */
        .low_first = talk->tried % 2u == 1u,
        .serial = talk->tried,
        .preamble_count = PREAMBLE,
    };
    return mt_cjt188_build(talk->asked, &talk->asked_len, sizeof(talk->asked), &frame);
}

static enum mt_status ask_mbus(struct gw_talk *talk)
{
    bool selected = talk->protocol == GW_POLL_MBUS_SECONDARY;
    uint8_t address = selected ? MT_MBUS_ADDRESS_SELECTED : talk->address;
    talk->asked_len = MT_MBUS_SHORT_BYTES;
    if (talk->step == STEP_SELECT) {
        struct mt_mbus_selection who = {
            .number = talk->identity.number,
            .maker = strlen(talk->identity.maker) == 3 ? talk->identity.maker : NULL,
            .version = 255,
            .type = 255,
        };
        return mt_mbus_build_select(talk->asked, &talk->asked_len, sizeof(talk->asked), &who);
    }
    if (talk->step == STEP_RESET) {
        mt_mbus_build_reset(talk->asked, address);
    } else {
        mt_mbus_build_request(talk->asked, address, talk->fcb);
    }
    return MT_OK;
}

const uint8_t *gw_talk_ask(struct gw_talk *talk, size_t *len)
{
    enum mt_status status = MT_UNSUPPORTED;
    switch ((enum gw_poll_protocol)talk->protocol) {
    case GW_POLL_DLT645:
    case GW_POLL_DLT645_1997:
        status = ask_dlt645(talk);
        break;
    case GW_POLL_CJT188:
        status = ask_cjt188(talk);
        break;
    case GW_POLL_MBUS:
    case GW_POLL_MBUS_SECONDARY:
        status = ask_mbus(talk);
        break;
    case GW_POLL_MODBUS:
    case GW_POLL_PROTOCOLS:
        break;
    }
    talk->heard_len = 0;
    talk->echo_gone = false;
    /* A number with letters is no address of these protocols: nobody is asked, and nobody answers. */
    *len = status == MT_OK ? talk->asked_len : 0;
    talk->asked_len = *len;
    return talk->asked;
}

size_t gw_talk_sync(uint8_t out[GW_TALK_ASK_MAX], int64_t now_us)
{
    int64_t s = (now_us + LOCAL_US) / SECOND_US;
    int64_t days = s / 86400;
    uint32_t of_day = (uint32_t)(s % 86400);
    /* Days since 2000-01-01; years 2000 to 2099 have a leap day every four years. */
    if (days < 10957 || days >= 10957 + 36525) {
        return 0;
    }
    uint32_t day = (uint32_t)(days - 10957);
    uint32_t year = day / 1461u * 4u;
    day %= 1461u;
    for (uint32_t len = 366; day >= len; len = 365) {
        day -= len;
        year++;
    }
    uint32_t month = 0;
    static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t len = 31;
    while (day >= len) {
        day -= len;
        month++;
        MT_CHECK(month < 12);
        len = lengths[month] + (month == 1 && year % 4u == 0 ? 1u : 0u);
    }
    uint32_t parts[6] = {of_day % 60u, of_day / 60u % 60u, of_day / 3600u,
                         day + 1u,     month + 1u,         year};
    uint8_t data[6];
    for (int i = 0; i < 6; i++) {
        data[i] = (uint8_t)(parts[i] / 10u << 4 | parts[i] % 10u);
    }
    struct mt_dlt645_frame frame = {.number = "999999999999",
                                    .control = 0x08,
                                    .preamble_count = PREAMBLE,
                                    .data = data,
                                    .data_len = sizeof(data)};
    size_t built = 0;
    enum mt_status status = mt_dlt645_build(out, &built, GW_TALK_ASK_MAX, &frame);
    return status == MT_OK ? built : 0;
}

/* ---- answers -------------------------------------------------------------------------------------------- */

static void drop(struct gw_talk *talk, size_t count)
{
    MT_CHECK(count <= talk->heard_len);
    memmove(talk->heard, talk->heard + count, talk->heard_len - count);
    talk->heard_len -= count;
}

/* A half-duplex adapter hears itself. The question comes back first, so it is looked for once. */
static void drop_echo(struct gw_talk *talk)
{
    size_t len = talk->asked_len;
    for (size_t at = 0; !talk->echo_gone && len > 0 && at + len <= talk->heard_len; at++) {
        if (memcmp(talk->heard + at, talk->asked, len) == 0) {
            drop(talk, at + len);
            talk->echo_gone = true;
        }
    }
}

static bool may_be_echo(const struct gw_talk *talk)
{
    return !talk->echo_gone && talk->heard_len < talk->asked_len &&
           memcmp(talk->heard, talk->asked, talk->heard_len) == 0;
}

static bool is_own(const struct gw_talk *talk)
{
    const struct mt_identity *who = &talk->frame.identity;
    return talk->anybody || (strcmp(who->number, talk->identity.number) == 0 &&
                             who->medium == talk->identity.medium);
}

/* E5: the reset or the selection was understood. It is the last byte that is heard. */
static enum gw_talk_said hear_acknowledgement(struct gw_talk *talk)
{
    if (talk->heard_len == 0 || talk->heard[talk->heard_len - 1u] != MT_MBUS_ACK) {
        return GW_TALK_MORE;
    }
    talk->damaged_count += talk->heard_len > 1 ? 1 : 0; /* more than one may have spoken */
    talk->step = STEP_READ;
    talk->fcb = true;
    return GW_TALK_ASK;
}

/* A whole frame of the meter that was asked, which is no question. */
static enum gw_talk_said take(struct gw_talk *talk, size_t at, size_t len)
{
    bool is_mbus = talk->protocol == GW_POLL_MBUS || talk->protocol == GW_POLL_MBUS_SECONDARY;
    if (talk->frame.kind == MT_FRAME_ABNORMAL) {
        return GW_TALK_REFUSED;
    }
    if (talk->frame.has_reading || talk->anybody) {
        talk->answer_at = at;
        talk->answer_len = len;
        return GW_TALK_ANSWER;
    }
    uint8_t most =
        talk->frame.more_follows ? GW_TALK_TELEGRAMS_MAX : (uint8_t)GW_TALK_TELEGRAMS_UNSAID;
    if (is_mbus && !talk->frame.total_is_void && ++talk->telegrams < most) {
        talk->fcb = !talk->fcb; /* the register may be in the next telegram */
        return GW_TALK_ASK;
    }
    return GW_TALK_REFUSED;
}

/* Look for frames from `at` on; *kept is where the bytes begin that may still become one. */
static enum gw_talk_said look(struct gw_talk *talk, size_t at, size_t *kept)
{
    const char *name = gw_poll_frame_name(talk->protocol);
    const struct mt_protocol *protocol = mt_protocol_find(name, strlen(name));
    MT_CHECK(protocol != NULL);
    while (at < talk->heard_len) {
        struct mt_input input = {.bytes = talk->heard + at, .len = talk->heard_len - at};
        size_t used = 0;
        enum mt_status status = mt_decode(&talk->frame, &used, protocol, &input);
        *kept = at + used;
        if (status == MT_NEED_MORE) {
            return GW_TALK_MORE;
        }
        bool whole = status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
        talk->damaged_count += whole || status == MT_NOT_FOUND ? 0 : 1;
        if (whole && talk->frame.kind != MT_FRAME_REQUEST) {
            bool own = is_own(talk);
            enum gw_talk_said said = own ? take(talk, at, used) : GW_TALK_MORE;
            talk->foreign_count += own ? 0 : 1;
            if (said != GW_TALK_MORE) {
                return said;
            }
        }
        at += used > 0 ? used : 1;
        *kept = at;
    }
    return GW_TALK_MORE;
}

enum gw_talk_said gw_talk_hear(struct gw_talk *talk, const uint8_t *bytes, size_t len)
{
    if (len > sizeof(talk->heard) - talk->heard_len) {
        talk->damaged_count++; /* nobody answers at such length: noise */
        talk->heard_len = 0;
        len = len > sizeof(talk->heard) ? sizeof(talk->heard) : len;
    }
    memcpy(talk->heard + talk->heard_len, bytes, len);
    talk->heard_len += len;
    talk->heard_count += (uint32_t)len;
    drop_echo(talk);
    if (may_be_echo(talk)) {
        return GW_TALK_MORE;
    }
    if (talk->step != STEP_READ) {
        return hear_acknowledgement(talk);
    }
    size_t kept = 0;
    enum gw_talk_said said = look(talk, 0, &kept);
    if (said == GW_TALK_MORE) {
        drop(talk, kept);
    }
    return said;
}

enum gw_talk_said gw_talk_timeout(struct gw_talk *talk)
{
    size_t kept = 0;
    for (size_t at = 1; talk->step == STEP_READ && at < talk->heard_len; at++) {
        enum gw_talk_said said = look(talk, at, &kept);
        if (said != GW_TALK_MORE) {
            return said;
        }
    }
    talk->damaged_count += talk->heard_len > 0 ? 1 : 0;
    talk->tried++;
    if (talk->tried >= talk->tries) {
        return GW_TALK_SILENT;
    }
    if (talk->step != STEP_READ) {
        start_over(talk);
    }
    return GW_TALK_ASK;
}

const uint8_t *gw_talk_answer(const struct gw_talk *talk, size_t *len)
{
    *len = talk->answer_len;
    return talk->heard + talk->answer_at;
}
