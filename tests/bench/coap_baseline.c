/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/coap_baseline.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/coap_door.h"

struct coap_baseline {
    struct gw_door *door; /* NULL: none */
    coap_context_t *context;
    struct gw_keys *keys;
    uint8_t key[MT_KEY_BYTES];
    coap_bin_const_t view;
    pthread_t thread;
    _Atomic bool stop;
};

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench: %s failed\n", what);
        exit(1);
    }
}

static void on_post(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                    const coap_string_t *query, coap_pdu_t *response)
{
    static const uint8_t receipt[48];
    uint8_t format[2];
    (void)resource;
    (void)session;
    (void)request;
    (void)query;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
    (void)coap_add_option(response, COAP_OPTION_CONTENT_FORMAT,
                          coap_encode_var_safe(format, sizeof format, 16), format);
    (void)coap_add_data(response, sizeof receipt, receipt);
}

static const coap_bin_const_t *on_identity(coap_bin_const_t *identity, coap_session_t *session,
                                           void *self)
{
    struct coap_baseline *baseline = self;
    (void)session;
    if (!gw_keys_get(baseline->key, baseline->keys, (const char *)identity->s, identity->length)) {
        return NULL;
    }
    baseline->view = (coap_bin_const_t){MT_KEY_BYTES, baseline->key};
    return &baseline->view;
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
    struct coap_baseline *baseline = coap_get_app_data(coap_session_get_context(session));
    if (baseline->door != NULL && event == COAP_EVENT_SERVER_SESSION_NEW) {
        gw_door_session_made(baseline->door, session);
    } else if (baseline->door != NULL && event == COAP_EVENT_SERVER_SESSION_DEL) {
        gw_door_session_freed(baseline->door, session);
    }
    return 0;
}

static void on_gone(void *self, uint32_t slot, coap_session_t *session)
{
    (void)self;
    (void)slot;
    (void)session;
}

static void run_behind_door(struct coap_baseline *baseline)
{
    bool timer = true;
    gw_door_attach(baseline->door);
    while (!atomic_load(&baseline->stop)) {
        struct epoll_event events[8];
        int timeout_ms = gw_door_tick(baseline->door, timer);
        timeout_ms = timeout_ms < 0 || timeout_ms > 100 ? 100 : timeout_ms;
        int n = epoll_wait(coap_context_get_coap_fd(baseline->context), events, 8, timeout_ms);
        timer = false;
        for (int i = 0; i < n; i++) {
            if (gw_door_serve(baseline->door, &events[i]) < 0) {
                timer = true;
                coap_io_do_epoll(baseline->context, &events[i], 1);
            }
        }
    }
    coap_free_context(baseline->context);
    gw_door_flush(baseline->door);
    gw_door_attach(NULL);
    gw_door_close(baseline->door);
}

static void *run(void *self)
{
    struct coap_baseline *baseline = self;
    if (baseline->door != NULL) {
        run_behind_door(baseline);
        return NULL;
    }
    while (!atomic_load(&baseline->stop)) {
        (void)coap_io_process(baseline->context, 100);
    }
    coap_free_context(baseline->context);
    return NULL;
}

static void endpoint_make(struct coap_baseline *baseline, uint16_t port)
{
    coap_address_t address;
    coap_address_init(&address);
    address.addr.sin.sin_family = AF_INET;
    address.addr.sin.sin_port = htons(port);
    address.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof address.addr.sin;
    bool made = baseline->door != NULL
                    ? gw_door_endpoint(baseline->door, &address, COAP_PROTO_DTLS) != NULL
                    : coap_new_endpoint(baseline->context, &address, COAP_PROTO_DTLS) != NULL;
    must(made, "an endpoint");
}

struct coap_baseline *coap_baseline_start(uint16_t port, bool door, struct gw_keys *keys,
                                          uint32_t sessions_max)
{
    struct coap_baseline *baseline = calloc(1, sizeof *baseline);
    must(baseline != NULL, "memory");
    baseline->keys = keys;
    const struct gw_door_config config = {
        .sessions_max = sessions_max, .plain_max = 1, .half_open_max = 1024, .gone = on_gone};
    must(!door || gw_door_open(&baseline->door, &config) == GW_OK, "a door");
    gw_door_attach(baseline->door);
    coap_startup();
    coap_set_log_level(LOG_EMERG);
    baseline->context = coap_new_context(NULL);
    must(baseline->context != NULL, "a context");
    if (door) {
        gw_door_set_context(baseline->door, baseline->context);
    }
    coap_set_app_data(baseline->context, baseline);
    coap_context_set_max_handshake_sessions(baseline->context, UINT32_MAX);
    coap_register_event_handler(baseline->context, on_event);
    coap_dtls_spsk_t psk = {.version = COAP_DTLS_SPSK_SETUP_VERSION,
                            .validate_id_call_back = on_identity,
                            .id_call_back_arg = baseline};
    must(coap_context_set_psk2(baseline->context, &psk) != 0, "keys");
    coap_resource_t *any = coap_resource_unknown_init(NULL);
    coap_register_request_handler(any, COAP_REQUEST_POST, on_post);
    coap_add_resource(baseline->context, any);
    endpoint_make(baseline, port);
    gw_door_attach(NULL);
    must(pthread_create(&baseline->thread, NULL, run, baseline) == 0, "a thread");
    return baseline;
}

void coap_baseline_stop(struct coap_baseline *baseline)
{
    atomic_store(&baseline->stop, true);
    must(pthread_join(baseline->thread, NULL) == 0, "the end of a thread");
    free(baseline);
}
