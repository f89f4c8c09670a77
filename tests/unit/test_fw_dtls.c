/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's end of DTLS with wolfSSL's server in memory: handshakes with losses, a wrong key, strangers'
 * records, a server that forgot, another address. tests/firmware shows it with OpenSSL and GnuTLS. */
#include "tests/support/unit.h"

#include "firmware/link/dtls.h"
#include "tests/support/dtls_peer.h"

#define S 1000000ll

static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct {
    struct fw_dtls dtls;
    struct dtls_peer peer;
    int64_t now_us;
    unsigned sent;    /* datagrams of the meter's */
    uint32_t lost_up; /* bit n: the n-th of them is lost */
    uint32_t lost_down;
    unsigned answered;
    size_t count; /* waiting for the server */
    struct dtls_datagram up[DTLS_PEER_QUEUE];
    uint8_t got[FW_DTLS_DATAGRAM_MAX];
    size_t got_len;
    uint8_t heard[FW_DTLS_DATAGRAM_MAX];
    size_t heard_len;
    struct dtls_datagram last_down;
} t;

static enum fw_status send_up(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    if ((t.lost_up >> (t.sent++ & 31u) & 1u) == 0 && t.count < DTLS_PEER_QUEUE) {
        memcpy(t.up[t.count].bytes, bytes, len);
        t.up[t.count++].len = len;
    }
    return FW_OK;
}

static void start(const struct fw_dtls_version *version, const char *ciphers, uint8_t key_0)
{
    struct fw_dtls_config config = {.version = version,
                                    .identity = "pHXE-000012345678",
                                    .udp = {.send = send_up},
                                    .flight_us = 2 * S,
                                    .repeat_max = 4};
    memcpy(config.psk, key, sizeof(key));
    config.psk[0] = key_0;
    memset(&t, 0, sizeof(t));
    t.now_us = S;
    dtls_peer_open(&t.peer, key, ciphers, version == &fw_dtls_13);
    CU_ASSERT_EQUAL_FATAL(fw_dtls_init(&t.dtls, &config), FW_OK);
    CU_ASSERT_EQUAL(t.sent, 0);
    CU_ASSERT_EQUAL_FATAL(fw_dtls_begin(&t.dtls, 30000, t.now_us), FW_OK);
}

static void stop(void)
{
    fw_dtls_deinit(&t.dtls);
    dtls_peer_close(&t.peer);
}

static void take(const struct dtls_datagram *datagram)
{
    fw_dtls_take(&t.dtls, datagram->bytes, datagram->len);
    size_t len = fw_dtls_read(&t.dtls, t.got, sizeof(t.got));
    if (len > 0) {
        t.got_len = len;
        CU_ASSERT_EQUAL(fw_dtls_read(&t.dtls, t.got, sizeof(t.got)), 0);
    }
}

/* Carry what both said, until both are silent. */
static void carry(void)
{
    for (unsigned round = 0; round < 20 && (t.count > 0 || t.peer.count > 0); round++) {
        for (size_t i = 0; i < t.count; i++) {
            size_t len =
                dtls_peer_take(&t.peer, t.up[i].bytes, t.up[i].len, t.heard, sizeof(t.heard));
            t.heard_len = len > 0 ? len : t.heard_len;
        }
        t.count = 0;
        for (size_t i = 0; i < t.peer.count; i++) {
            if ((t.lost_down >> (t.answered++ & 31u) & 1u) == 0) {
                t.last_down = t.peer.out[i];
                take(&t.peer.out[i]);
            }
        }
        t.peer.count = 0;
    }
}

/* Let time pass until the handshake has ended. */
static void shake(void)
{
    carry();
    for (unsigned i = 0; i < 12 && (t.dtls.state == FW_DTLS_SHAKING || !t.peer.up); i++) {
        int64_t next_us = fw_dtls_next_us(&t.dtls);
        if (next_us == INT64_MAX) {
            return;
        }
        t.now_us = next_us;
        fw_dtls_step(&t.dtls, t.now_us);
        carry();
    }
}

static void both_ways(void)
{
    t.heard_len = 0;
    t.got_len = 0;
    CU_ASSERT_EQUAL(fw_dtls_send(&t.dtls, (const uint8_t *)"reading", 7), FW_OK);
    carry();
    CU_ASSERT(t.heard_len == 7 && memcmp(t.heard, "reading", 7) == 0);
    CU_ASSERT(dtls_peer_send(&t.peer, "receipt!", 8));
    carry();
    CU_ASSERT(t.got_len == 8);
}

static void both_ciphers_and_both_versions_carry_messages(void)
{
    const struct {
        const struct fw_dtls_version *version;
        const char *ciphers;
    } rows[] = {{&fw_dtls_12, "PSK-AES128-CCM-8"},
                {&fw_dtls_12, "PSK-AES128-CCM"},
                {&fw_dtls_13, "TLS13-AES128-CCM-SHA256"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(rows[i].version, rows[i].ciphers, key[0]);
        shake();
        CU_ASSERT_EQUAL(t.dtls.state, FW_DTLS_UP);
        CU_ASSERT(t.peer.up);
        both_ways();
        stop();
    }
}

/* Each datagram of the handshake lost in turn, each way: it is repeated, and the session comes up. The last of
 * the server's is left out, because wolfSSL's server does not repeat it (OpenSSL's and GnuTLS's do), and so
 * is 1.3, whose repetition in wolfSSL keeps to the machine's own clock. */
static void a_lost_datagram_costs_a_pause_and_no_more(void)
{
    for (unsigned n = 0; n < 7; n++) {
        start(&fw_dtls_12, NULL, key[0]);
        t.lost_up = n < 4 ? 2u << n : 0;
        t.lost_down = n < 4 ? 0 : 1u << (n - 4);
        shake();
        CU_ASSERT_EQUAL(t.dtls.state, FW_DTLS_UP);
        CU_ASSERT(t.peer.up);
        CU_ASSERT(t.now_us <= S + 3 * S);
        stop();
    }
}

static void nobody_there_ends_after_five_flights(void)
{
    start(&fw_dtls_12, NULL, key[0]);
    t.lost_up = UINT32_MAX;
    t.count = 0;
    shake();
    CU_ASSERT_EQUAL(t.dtls.state, FW_DTLS_DOWN);
    CU_ASSERT_EQUAL(t.sent, 5);
    CU_ASSERT(t.now_us >= S + 62 * S && t.now_us <= S + 93 * S);
    CU_ASSERT_EQUAL(fw_dtls_send(&t.dtls, (const uint8_t *)"x", 1), FW_IO);
    stop();
}

static void a_wrong_key_brings_no_session(void)
{
    const struct fw_dtls_version *versions[] = {&fw_dtls_12, &fw_dtls_13};
    for (unsigned v = 0; v < 2; v++) {
        start(versions[v], NULL, key[0] ^ 1);
        shake();
        CU_ASSERT_EQUAL(t.dtls.state, FW_DTLS_DOWN);
        CU_ASSERT_FALSE(t.peer.up);
        stop();
    }
}

/* Flipped, cut, repeated and invented records: a session stays, and nothing of them is read. */
static void strangers_records_neither_end_a_session_nor_are_read(void)
{
    start(&fw_dtls_12, NULL, key[0]);
    shake();
    both_ways();
    struct dtls_datagram good = t.last_down;
    t.got_len = 0;
    take(&good); /* played back */
    CU_ASSERT_EQUAL(t.got_len, 0);
    CU_ASSERT(dtls_peer_send(&t.peer, "command", 7));
    good = t.peer.out[0];
    t.peer.count = 0;
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        struct dtls_datagram bad = good;
        bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        take(&bad);
        CU_ASSERT_EQUAL(t.got_len, 0);
        CU_ASSERT_EQUAL_FATAL(t.dtls.state, FW_DTLS_UP);
    }
    for (size_t len = 0; len < good.len; len++) {
        struct dtls_datagram bad = good;
        bad.len = len;
        take(&bad);
        CU_ASSERT_EQUAL(t.got_len, 0);
    }
    /* An alert in the clear: fatal, and close_notify. RFC 6347, 4.1.2.7. */
    for (uint8_t level = 1; level <= 2; level++) {
        struct dtls_datagram alert = {.len = 15,
                                      .bytes = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2,
                                                level, level == 1 ? 0 : 40}};
        take(&alert);
        CU_ASSERT_EQUAL_FATAL(t.dtls.state, FW_DTLS_UP);
    }
    take(&good);
    CU_ASSERT_EQUAL(t.got_len, 7);
    stop();
}

static void noise_does_not_end_a_handshake(void)
{
    start(&fw_dtls_12, NULL, key[0]);
    const struct dtls_datagram noise[] = {
        {.len = 1, .bytes = {0}},
        {.len = 4, .bytes = {0x40, 0x01, 0, 1}},
        {.len = 13, .bytes = {22, 0xFE, 0xFD}},
        {.len = 20, .bytes = {99, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}},
        {.len = 20, .bytes = {23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7}},
        {.len = 0},
    };
    for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
        take(&noise[i]);
        CU_ASSERT_EQUAL(t.dtls.state, FW_DTLS_SHAKING);
    }
    shake();
    CU_ASSERT_EQUAL(t.dtls.state, FW_DTLS_UP);
    stop();
}

static void a_server_that_forgot_is_met_anew(void)
{
    start(&fw_dtls_12, NULL, key[0]);
    shake();
    both_ways();
    dtls_peer_forget(&t.peer);
    t.heard_len = 0;
    CU_ASSERT_EQUAL(fw_dtls_send(&t.dtls, (const uint8_t *)"reading", 7), FW_OK);
    carry();
    CU_ASSERT_EQUAL(t.heard_len, 0);
    CU_ASSERT_EQUAL(t.dtls.state, FW_DTLS_UP); /* whoever waits for an answer notices */
    dtls_peer_forget(&t.peer);
    CU_ASSERT_EQUAL(fw_dtls_begin(&t.dtls, 0, t.now_us), FW_OK);
    shake();
    both_ways();
    stop();
}

static void a_goodbye_that_verifies_ends_the_session(void)
{
    start(&fw_dtls_12, NULL, key[0]);
    shake();
    dtls_peer_bye(&t.peer);
    CU_ASSERT_EQUAL(t.peer.count, 1);
    carry();
    CU_ASSERT_EQUAL(t.dtls.state, FW_DTLS_DOWN);
    stop();
}

/* RFC 9147, 9: records carry the ID that the server chose, so it finds the session wherever they come from;
 * and RFC 9146, 6: only one that verifies may move it. */
static void records_carry_the_connection_id_that_the_server_chose(void)
{
    uint8_t id[8];
    start(&fw_dtls_13, NULL, key[0]);
    shake();
    CU_ASSERT_EQUAL_FATAL(dtls_peer_cid(&t.peer, id, sizeof(id)), 2);
    t.count = 0;
    CU_ASSERT_EQUAL(fw_dtls_send(&t.dtls, (const uint8_t *)"reading", 7), FW_OK);
    CU_ASSERT_EQUAL_FATAL(t.count, 1);
    CU_ASSERT_EQUAL(t.up[0].bytes[0] & 0xF0, 0x30); /* 001, with an ID */
    CU_ASSERT_EQUAL(memcmp(t.up[0].bytes + 1, id, 2), 0);
    struct dtls_datagram forged = t.up[0];
    forged.bytes[forged.len - 1] ^= 1;
    uint8_t out[FW_DTLS_DATAGRAM_MAX];
    CU_ASSERT_EQUAL(dtls_peer_take(&t.peer, forged.bytes, forged.len, out, sizeof(out)), 0);
    carry();
    CU_ASSERT_EQUAL(t.heard_len, 7);
    both_ways();
    stop();
}

static const struct unit_test tests[] = {
    {"both_ciphers_and_both_versions_carry_messages",
     both_ciphers_and_both_versions_carry_messages},
    {"a_lost_datagram_costs_a_pause_and_no_more", a_lost_datagram_costs_a_pause_and_no_more},
    {"nobody_there_ends_after_five_flights", nobody_there_ends_after_five_flights},
    {"a_wrong_key_brings_no_session", a_wrong_key_brings_no_session},
    {"strangers_records_neither_end_a_session_nor_are_read",
     strangers_records_neither_end_a_session_nor_are_read},
    {"noise_does_not_end_a_handshake", noise_does_not_end_a_handshake},
    {"a_server_that_forgot_is_met_anew", a_server_that_forgot_is_met_anew},
    {"a_goodbye_that_verifies_ends_the_session", a_goodbye_that_verifies_ends_the_session},
    {"records_carry_the_connection_id_that_the_server_chose",
     records_carry_the_connection_id_that_the_server_chose},
};

UNIT_MAIN("fw_dtls", tests)
