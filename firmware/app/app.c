/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter on the network; see app.h. */
#include "firmware/app/app.h"

#include <string.h>

#include "meters/name.h"

#define FORMAT_ENCRYPT0 16u /* RFC 9052, 8 */
#define FORMAT_SIGN1 18u
#define BUSY FW_COAP_CODE(5, 3)
#define TOO_MANY FW_COAP_CODE(4, 29)
#define HOLD_S_MAX 3600u /* a gateway that asks for longer is asked again */
#define ROUNDS_MAX 4u

static void app_check(const struct fw_app *app)
{
    MT_CHECK(app != NULL && app->hal != NULL);
    MT_CHECK(app->state <= FW_APP_UP && !(app->posting && app->watching));
    MT_CHECK(app->state == FW_APP_UP || (!app->posting && !app->watching));
}

static bool has_dtls(const struct fw_app *app)
{
    return app->net.version != NULL;
}

/* 16 bits by chance; without entropy always the same, which only costs the spread. */
static uint32_t chance(const struct fw_app *app)
{
    uint16_t value = 0;
    (void)app->hal->entropy(app->hal->context, &value, sizeof(value)); /* it stays 0 */
    return value;
}

void fw_app_config_default(struct fw_app_config *config, enum mt_medium medium)
{
    MT_CHECK(config != NULL);
    memset(config, 0, sizeof(*config));
    fw_config_default(&config->meter, medium);
    config->net = (struct fw_app_net){
        .version = &fw_dtls_12,
        .observe = medium == MT_POWER,
        .idle_us = 280 * FW_US_PER_S,
        .observe_us = 240 * FW_US_PER_S,
        .shake_us = 10 * FW_US_PER_S,
        .shake_us_max = 3600 * FW_US_PER_S,
    };
    fw_coap_timing_default(&config->net.timing);
}

static bool is_valid(const struct fw_app_net *net)
{
    return net->timing.ack_us > 0 && net->timing.response_us > 0 &&
           net->timing.retransmit_max >= 1 && net->timing.retransmit_max <= FW_DTLS_REPEAT_MAX &&
           net->idle_us > 0 && net->observe_us > 0 && net->shake_us > 0 &&
           net->shake_us_max >= net->shake_us;
}

/* ---- the way out ------------------------------------------------------------------------------ */

/* CoAP's datagrams, into DTLS. */
static enum fw_status protect(void *context, const uint8_t *bytes, size_t len)
{
    struct fw_app *app = context;
    return has_dtls(app) ? fw_dtls_send(&app->dtls, bytes, len)
                         : app->udp.send(app->udp.context, bytes, len);
}

static enum fw_status start_dtls(struct fw_app *app, const struct fw_app_config *config,
                                 const char *name)
{
    struct fw_dtls_config dtls = {
        .version = config->net.version,
        .identity = name,
        .udp = app->udp,
        .flight_us = config->net.timing.ack_us,
        .repeat_max = config->net.timing.retransmit_max,
    };
    if (mt_key_derive(dtls.psk, config->meter.root_key, MT_KEY_TRANSPORT,
                      &config->meter.identity) != MT_OK) {
        return FW_IO;
    }
    enum fw_status status = fw_dtls_init(&app->dtls, &dtls);
    mt_key_wipe(dtls.psk, sizeof(dtls.psk));
    return status;
}

static void write_paths(struct fw_app *app, const char *name)
{
    size_t len = strlen(name);
    _Static_assert(sizeof("m/") + MT_NAME_MAX + sizeof("/down") <= FW_COAP_PATH_MAX,
                   "a path must fit");
    memcpy(app->post_path, "m/", 2);
    memcpy(app->post_path + 2, name, len + 1);
    memcpy(app->down_path, app->post_path, len + 2);
    memcpy(app->down_path + 2 + len, "/down", sizeof("/down"));
}

enum fw_status fw_app_init(struct fw_app *app, const struct fw_app_config *config,
                           const struct fw_hal *hal, const struct fw_udp *udp, int64_t now_us)
{
    MT_CHECK(app != NULL && config != NULL && hal != NULL && udp != NULL && udp->send != NULL);
    char name[MT_NAME_MAX + 1];
    memset(app, 0, sizeof(*app));
    if (!is_valid(&config->net)) {
        return FW_INVALID;
    }
    enum fw_status status = fw_meter_init(&app->meter, &config->meter, hal, &app->work, now_us);
    if (status != FW_OK) {
        return status;
    }
    app->net = config->net;
    app->hal = hal;
    app->udp = *udp;
    app->begin_us = now_us;
    (void)mt_name_format(name, &config->meter.identity); /* its length is that of the text */
    write_paths(app, name);
    const struct fw_udp protected_udp = {.context = app, .send = protect};
    uint64_t seed = (uint64_t)now_us;
    (void)hal->entropy(hal->context, &seed, sizeof(seed)); /* without it, uptime has to do */
    fw_coap_client_init(&app->coap, &app->net.timing, &protected_udp, seed);
    return has_dtls(app) ? start_dtls(app, config, name) : FW_OK;
}

void fw_app_deinit(struct fw_app *app)
{
    app_check(app);
    if (has_dtls(app)) {
        fw_dtls_deinit(&app->dtls);
    }
    mt_key_wipe(app, sizeof(*app));
}

/* The message is built anew only when the one before is answered or given up, so its exchange is over too.
 * A repetition finds its exchange still under way, or begins another one. */
enum fw_status fw_app_link_send(struct fw_app *app, enum fw_frame frame, const uint8_t *bytes,
                                size_t len)
{
    const struct fw_uplink *out = &app->meter.out;
    MT_CHECK(bytes == out->bytes && len == out->len && frame == out->frame);
    if (app->posting && out->attempts == 0) {
        fw_coap_cancel(&app->coap);
        app->posting = false;
    }
    app->wanted = app->wanted || !app->posting;
    return FW_OK;
}

/* ---- the session ------------------------------------------------------------------------------ */

static bool has_work(const struct fw_app *app)
{
    return app->wanted || app->net.observe;
}

static void up(struct fw_app *app, int64_t now_us)
{
    app->state = FW_APP_UP;
    app->stats.sessions++;
    app->failures = 0;
    app->heard_us = now_us;
    app->observe_due_us = now_us;
}

/* The session is gone. What was under way is sent anew in the next one. */
static void down(struct fw_app *app, int64_t begin_us)
{
    app->wanted = app->wanted || app->posting;
    app->posting = false;
    app->watching = false;
    app->state = FW_APP_DOWN;
    app->begin_us = begin_us;
    fw_coap_client_reset(&app->coap);
    if (has_dtls(app)) {
        fw_dtls_end(&app->dtls);
    }
}

/* By chance within the first pause, so that the meters of a gateway that was restarted do not all come at
 * once. */
static int64_t soon(const struct fw_app *app, int64_t now_us)
{
    return now_us + app->net.shake_us / 65536 * (int64_t)chance(app);
}

static void shake_failed(struct fw_app *app, int64_t now_us)
{
    app->failures += app->failures < UINT32_MAX ? 1 : 0;
    down(app, now_us + fw_link_pause_us(app->failures, app->net.shake_us, app->net.shake_us_max,
                                        chance(app)));
}

static void begin(struct fw_app *app, int64_t now_us)
{
    if (!has_dtls(app)) {
        up(app, now_us);
        return;
    }
    app->stats.handshakes++;
    app->state = FW_APP_SHAKING;
    if (fw_dtls_begin(&app->dtls, chance(app), now_us) != FW_OK) {
        shake_failed(app, now_us);
    }
}

/* What DTLS made of a datagram, or of the time that passed. */
static void follow_dtls(struct fw_app *app, int64_t now_us)
{
    if (app->state == FW_APP_SHAKING && app->dtls.state == FW_DTLS_UP) {
        up(app, now_us);
    } else if (app->state == FW_APP_SHAKING && app->dtls.state == FW_DTLS_DOWN) {
        shake_failed(app, now_us);
    } else if (app->state == FW_APP_UP && app->dtls.state == FW_DTLS_DOWN) {
        down(app, soon(app, now_us));
    }
}

void fw_app_network_up(struct fw_app *app, int64_t now_us)
{
    app_check(app);
    int64_t soon_us = soon(app, now_us);
    app->failures = 0;
    if (app->state == FW_APP_DOWN && soon_us < app->begin_us) {
        app->begin_us = soon_us;
    }
}

/* ---- what comes in ---------------------------------------------------------------------------- */

static void give_to_meter(struct fw_app *app, const struct fw_coap_answer *answer, int64_t now_us)
{
    if (answer->payload_len > 0 && (!answer->has_format || answer->format == FORMAT_ENCRYPT0)) {
        (void)fw_meter_downlink(&app->meter, answer->payload, answer->payload_len,
                                now_us); /* its statistics say what it was */
    }
}

static void posted(struct fw_app *app, const struct fw_coap_answer *answer, int64_t now_us)
{
    app->posting = false;
    if (answer->code >> 5 == 2) {
        app->stats.posts++;
        give_to_meter(app, answer, now_us);
        return;
    }
    app->stats.refused++;
    if (answer->code == BUSY || answer->code == TOO_MANY) {
        uint32_t hold_s = answer->max_age_s < HOLD_S_MAX ? answer->max_age_s : HOLD_S_MAX;
        app->hold_us = soon(app, now_us + (int64_t)hold_s * FW_US_PER_S);
        app->wanted = true;
    }
    /* What is refused for another reason is repeated by core, after its own pause. */
}

static void answered(struct fw_app *app, const struct fw_coap_answer *answer, int64_t now_us)
{
    if (app->posting) {
        posted(app, answer, now_us);
        return;
    }
    app->watching = false;
    if (answer->code >> 5 == 2) {
        give_to_meter(app, answer, now_us);
    } else {
        app->stats.refused++;
    }
}

static void failed(struct fw_app *app, const struct fw_coap_answer *answer, int64_t now_us)
{
    app->stats.failed++;
    if (answer->why == FW_COAP_TIMEOUT && has_dtls(app)) {
        down(app, soon(app, now_us)); /* the gateway may have forgotten the session */
        return;
    }
    app->posting = false;
    app->watching = false;
}

static void handle(struct fw_app *app, enum fw_coap_event event,
                   const struct fw_coap_answer *answer, int64_t now_us)
{
    switch (event) {
    case FW_COAP_NOTHING:
    case FW_COAP_PART: /* the app downloads nothing in parts yet that it would keep */
        break;
    case FW_COAP_ANSWERED:
        answered(app, answer, now_us);
        break;
    case FW_COAP_NOTIFIED:
        app->stats.notifications++;
        give_to_meter(app, answer, now_us);
        app->observe_due_us = answer->observing ? app->observe_due_us : now_us;
        break;
    case FW_COAP_FAILED:
        failed(app, answer, now_us);
        break;
    }
}

static void take_message(struct fw_app *app, const uint8_t *bytes, size_t len, int64_t now_us)
{
    struct fw_coap_answer answer;
    app->heard_us = now_us;
    enum fw_coap_event event = fw_coap_datagram(&app->coap, &answer, bytes, len, now_us);
    handle(app, event, &answer, now_us);
}

void fw_app_datagram(struct fw_app *app, const uint8_t *bytes, size_t len, int64_t now_us)
{
    app_check(app);
    MT_CHECK(bytes != NULL || len == 0);
    app->stats.datagrams++;
    if (!has_dtls(app)) {
        if (app->state == FW_APP_UP) {
            take_message(app, bytes, len, now_us);
        }
        return;
    }
    fw_dtls_take(&app->dtls, bytes, len);
    follow_dtls(app, now_us);
    size_t got;
    while (app->state == FW_APP_UP &&
           (got = fw_dtls_read(&app->dtls, app->inbox, sizeof(app->inbox))) > 0) {
        take_message(app, app->inbox, got, now_us);
    }
    follow_dtls(app, now_us);
    app_check(app);
}

/* ---- what goes out ---------------------------------------------------------------------------- */

static void post(struct fw_app *app, int64_t now_us)
{
    const struct fw_uplink *out = &app->meter.out;
    const struct fw_coap_request request = {
        .code = FW_COAP_POST,
        .path = app->post_path,
        .format = out->frame == FW_FRAME_SIGNED ? FORMAT_SIGN1 : FORMAT_ENCRYPT0,
        .payload = out->bytes,
        .payload_len = out->len,
    };
    app->wanted = false;
    app->posting = true;
    fw_coap_ask(&app->coap, &request, now_us);
}

static void watch(struct fw_app *app, int64_t now_us)
{
    const struct fw_coap_request request = {.code = FW_COAP_GET,
                                            .path = app->down_path,
                                            .observe = true};
    app->watching = true;
    app->observe_due_us = now_us + app->net.observe_us;
    fw_coap_ask(&app->coap, &request, now_us);
}

/* One exchange at a time; readings go before the observation. */
static void ask(struct fw_app *app, int64_t now_us)
{
    if (app->coap.phase != FW_COAP_IDLE) {
        return;
    }
    /* An answer that came by the observation may have settled it meanwhile. */
    app->wanted = app->wanted && app->meter.link == FW_LINK_SENT;
    bool may_post = app->wanted && now_us >= app->hold_us;
    bool may_watch = app->net.observe && now_us >= app->observe_due_us;
    if ((may_post || may_watch) && has_dtls(app) && now_us >= app->heard_us + app->net.idle_us) {
        down(app, now_us);
        begin(app, now_us);
    } else if (may_post) {
        post(app, now_us);
    } else if (may_watch) {
        watch(app, now_us);
    }
}

static void step_up(struct fw_app *app, int64_t now_us)
{
    struct fw_coap_answer answer;
    ask(app, now_us);
    for (uint32_t i = 0; i < ROUNDS_MAX && app->state == FW_APP_UP; i++) {
        enum fw_coap_event event = fw_coap_step(&app->coap, &answer, now_us);
        handle(app, event, &answer, now_us);
        if (event == FW_COAP_NOTHING) {
            break;
        }
    }
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static int64_t next_us(const struct fw_app *app)
{
    int64_t next = fw_meter_next_us(&app->meter);
    if (app->state == FW_APP_DOWN) {
        return has_work(app) ? earlier(next, app->begin_us) : next;
    }
    if (has_dtls(app)) {
        next = earlier(next, fw_dtls_next_us(&app->dtls));
    }
    if (app->state == FW_APP_UP) {
        next = earlier(next, fw_coap_next_us(&app->coap));
        bool idle = app->coap.phase == FW_COAP_IDLE;
        next = idle && app->wanted ? earlier(next, app->hold_us) : next;
        next = idle && app->net.observe ? earlier(next, app->observe_due_us) : next;
    }
    return next;
}

int64_t fw_app_step(struct fw_app *app, int64_t now_us)
{
    app_check(app);
    if (now_us >= fw_meter_next_us(&app->meter)) {
        fw_meter_step(&app->meter, now_us);
    }
    if (has_dtls(app)) {
        fw_dtls_step(&app->dtls, now_us);
        follow_dtls(app, now_us);
    }
    if (app->state == FW_APP_DOWN && has_work(app) && now_us >= app->begin_us) {
        begin(app, now_us);
    }
    if (app->state == FW_APP_UP) {
        step_up(app, now_us);
    }
    app_check(app);
    return next_us(app);
}
