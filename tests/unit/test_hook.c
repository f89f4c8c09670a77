/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Web hooks: who may push, and whose push it is. Signatures were made by Python's hashlib and hmac. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/adapters/hook.h"
#include "tests/support/unit.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static const struct gw_hook token_hook = {"h", GW_HOOK_TOKEN, "", SECRET};
static const struct gw_hook hmac_hook = {"h", GW_HOOK_HMAC_SHA256, "X-Signature", SECRET};
static const struct gw_hook onenet_hook = {"h", GW_HOOK_ONENET, "", SECRET};

static char body[GW_MAPPING_BODY_BYTES_MAX];
static size_t body_len;

static enum gw_hook_verdict verify(const struct gw_hook *hook, const char *authorization,
                                   const char *token, const char *signature, const char *text)
{
    struct gw_hook_push push = {.authorization = authorization,
                                .token = token,
                                .signature = signature,
                                .body = body,
                                .body_len = strlen(text)};
    memcpy(body, text, push.body_len);
    enum gw_hook_verdict verdict = gw_hook_verify(hook, &push);
    body_len = push.body_len;
    return verdict;
}

/* ---- token ---------------------------------------------------------------------------------------------- */

static void a_token_comes_in_a_header_or_in_the_query(void)
{
    const struct gw_hook *h = &token_hook;
    CU_ASSERT_EQUAL(verify(h, "Bearer " SECRET, NULL, NULL, "{}"), GW_HOOK_SIGNED);
    CU_ASSERT_EQUAL(verify(h, "bearer " SECRET, NULL, NULL, "{}"), GW_HOOK_SIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, SECRET, NULL, "{}"), GW_HOOK_SIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, "{}"), GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, "Basic " SECRET, SECRET, NULL, "{}"), GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, "Bearer " SECRET "0", NULL, NULL, "{}"), GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, "Bearer  " SECRET, NULL, NULL, "{}"), GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, NULL, "", NULL, "{}"), GW_HOOK_FORGED);
}

static void a_token_with_one_wrong_character_is_forged(void)
{
    char given[] = SECRET;
    for (size_t i = 0; i < strlen(given); i++) {
        given[i] = (char)(given[i] ^ 1);
        CU_ASSERT_EQUAL(verify(&token_hook, NULL, given, NULL, "{}"), GW_HOOK_FORGED);
        given[i] = (char)(given[i] ^ 1);
    }
}

/* ---- hmac-sha256 ---------------------------------------------------------------------------------------- */

#define HMAC "bd05bf6e436a0cfb75c8d8ee103b5856bd05f3012f68d07b9bbd0c4e747d5a9a"

static void an_hmac_is_of_the_whole_body(void)
{
    const struct gw_hook *h = &hmac_hook;
    const char *text = "{\"total\":\"46.3\"}";
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, HMAC, text), GW_HOOK_SIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, "sha256=" HMAC, text), GW_HOOK_SIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, text), GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, "Bearer " SECRET, SECRET, NULL, text), GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, "", text), GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, HMAC "9a", text), GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, "bd05", text), GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, "sha1=" HMAC, text), GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, HMAC, "{\"total\":\"46.3\"} "), GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, HMAC, ""), GW_HOOK_FORGED);
}

static void an_hmac_of_a_body_with_a_flipped_bit_is_forged(void)
{
    char text[] = "{\"total\":\"46.3\"}";
    for (size_t bit = 0; bit < 7 * strlen(text); bit++) { /* the eighth keeps it a text */
        text[bit / 7] = (char)(text[bit / 7] ^ 1 << bit % 7);
        if (text[bit / 7] != '\0') {
            CU_ASSERT_EQUAL(verify(&hmac_hook, NULL, NULL, HMAC, text), GW_HOOK_FORGED);
        }
        text[bit / 7] = (char)(text[bit / 7] ^ 1 << bit % 7);
    }
}

/* ---- onenet --------------------------------------------------------------------------------------------- */

#define MSG "{\"type\":1,\"value\":\"4 \xc3\xa9\"}"
#define MD5 "7As92F9rLZ4Tm5q/O857HQ=="
#define TAIL ",\"msg_signature\":\"" MD5 "\",\"nonce\":\"EcxOtHDE\"}"

static bool body_is(const char *text)
{
    return body_len == strlen(text) && memcmp(body, text, body_len) == 0;
}

static void onenet_signs_msg_as_it_stands_in_the_body(void)
{
    CU_ASSERT_EQUAL(verify(&onenet_hook, NULL, NULL, NULL, "{\"msg\":" MSG TAIL), GW_HOOK_SIGNED);
    CU_ASSERT(body_is("{\"msg\":" MSG "}"));
    CU_ASSERT_EQUAL(verify(&onenet_hook, NULL, NULL, NULL, "{ \"msg\" :  " MSG "  " TAIL),
                    GW_HOOK_SIGNED);
    CU_ASSERT(body_is("{\"msg\":" MSG "}"));
}

static void onenet_signs_a_text_as_what_it_holds(void)
{
    CU_ASSERT_EQUAL(verify(&onenet_hook, NULL, NULL, NULL,
                           "{\"nonce\":\"EcxOtHDE\",\"msg\":\"{\\\"type\\\":1,\\\"value\\\":"
                           "\\\"4 \\u00e9\\\"}\",\"signature\":\"" MD5 "\"}"),
                    GW_HOOK_SIGNED);
    CU_ASSERT(body_is("{\"msg\":" MSG "}"));
}

static void what_onenet_did_not_sign_is_not_handed_on(void)
{
    CU_ASSERT_EQUAL(verify(&onenet_hook, NULL, NULL, NULL,
                           "{\"imei\":\"1\",\"at\":7,\"msg\":" MSG TAIL),
                    GW_HOOK_SIGNED);
    CU_ASSERT(body_is("{\"msg\":" MSG "}"));
    CU_ASSERT_EQUAL(verify(&onenet_hook, NULL, NULL, NULL, "{\"msg\":{},\"msg\":" MSG TAIL),
                    GW_HOOK_SIGNED);
    CU_ASSERT(body_is("{\"msg\":" MSG "}"));
}

static void onenet_pushes_without_their_proof_are_refused(void)
{
    const struct gw_hook *h = &onenet_hook;
    CU_ASSERT_EQUAL(verify(h, NULL, SECRET, NULL, "{\"msg\":" MSG "}"), GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, "{\"msg\":" MSG ",\"nonce\":\"EcxOtHDE\"}"),
                    GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, "{\"msg\":" MSG ",\"msg_signature\":\"" MD5 "\"}"),
                    GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, "{\"msg\":{\"type\":1}" TAIL), GW_HOOK_FORGED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, "{\"msg\":" MSG TAIL "x"), GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, ""), GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, "[1]"), GW_HOOK_UNSIGNED);
    CU_ASSERT_EQUAL(verify(h, NULL, NULL, NULL, "{\"enc_msg\":\"AA==\",\"nonce\":\"n\"}"),
                    GW_HOOK_SEALED);
}

static void onenet_checks_the_url(void)
{
    const struct gw_hook *h = &onenet_hook;
    CU_ASSERT(gw_hook_url_signed(h, "Ab3", "abcdefgh", "QA9xPNNuutWtVDTy8D1xqQ=="));
    CU_ASSERT(gw_hook_url_signed(h, "m", "n1", "Iy9mR4cbjXx+8itHxQTPsA=="));
    CU_ASSERT(gw_hook_url_signed(h, "m", "n1", "Iy9mR4cbjXx 8itHxQTPsA==")); /* a plus, unescaped */
    CU_ASSERT_FALSE(gw_hook_url_signed(h, "m", "n2", "Iy9mR4cbjXx+8itHxQTPsA=="));
    CU_ASSERT_FALSE(gw_hook_url_signed(h, "m", "n1", "Iy9mR4cbjXx+8itHxQTPsA==A"));
    CU_ASSERT_FALSE(gw_hook_url_signed(h, "m", "n1", ""));
    CU_ASSERT_FALSE(gw_hook_url_signed(h, NULL, "n1", "Iy9mR4cbjXx+8itHxQTPsA=="));
    CU_ASSERT_FALSE(gw_hook_url_signed(&token_hook, "m", "n1", "Iy9mR4cbjXx+8itHxQTPsA=="));
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static char path[64];

static struct gw_hooks *reopened(void)
{
    struct gw_hooks *hooks = NULL;
    char why[GW_HOOK_WHY_BYTES] = "";
    enum gw_status status = gw_hooks_open(&hooks, why, path);
    if (status != GW_OK) {
        puts(why);
    }
    CU_ASSERT_EQUAL_FATAL(status, GW_OK);
    return hooks;
}

static void new_path(void)
{
    memcpy(path, "/tmp/test_hook.XXXXXX", sizeof("/tmp/test_hook.XXXXXX"));
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
    (void)unlink(path);
}

static void hooks_are_kept_in_a_file_of_their_owner(void)
{
    char why[GW_HOOK_WHY_BYTES] = "";
    struct gw_hook found = {.name = ""};
    struct stat stat_of;
    new_path();
    struct gw_hooks *hooks = reopened();
    CU_ASSERT_EQUAL(gw_hooks_add(hooks, why, &token_hook), GW_OK);
    struct gw_hook second = hmac_hook;
    memcpy(second.name, "iotda", 6);
    CU_ASSERT_EQUAL(gw_hooks_add(hooks, why, &second), GW_OK);
    CU_ASSERT_EQUAL(gw_hooks_add(hooks, why, &second), GW_INVALID);
    gw_hooks_close(hooks);
    CU_ASSERT(stat(path, &stat_of) == 0 && (stat_of.st_mode & 0777) == 0600);

    hooks = reopened();
    CU_ASSERT_FATAL(gw_hooks_find(&found, hooks, "iotda"));
    CU_ASSERT(memcmp(&found, &second, sizeof(found)) == 0);
    CU_ASSERT(gw_hooks_at(&found, hooks, 0) && strcmp(found.name, "h") == 0);
    CU_ASSERT(found.secret[0] == '\0');
    CU_ASSERT_FALSE(gw_hooks_at(&found, hooks, 2));
    CU_ASSERT_EQUAL(gw_hooks_remove(hooks, why, "h"), GW_OK);
    CU_ASSERT_EQUAL(gw_hooks_remove(hooks, why, "h"), GW_END);
    gw_hooks_close(hooks);

    hooks = reopened();
    CU_ASSERT_FALSE(gw_hooks_find(&found, hooks, "h"));
    CU_ASSERT(gw_hooks_find(&found, hooks, "iotda"));
    gw_hooks_close(hooks);
    (void)unlink(path);
}

static void a_file_that_cannot_be_written_changes_nothing(void)
{
    char why[GW_HOOK_WHY_BYTES] = "";
    struct gw_hook found;
    struct gw_hooks *hooks = NULL;
    CU_ASSERT_EQUAL_FATAL(gw_hooks_open(&hooks, why, "/proc/no/hooks.csv"), GW_OK);
    CU_ASSERT_EQUAL(gw_hooks_add(hooks, why, &token_hook), GW_IO);
    CU_ASSERT(why[0] != '\0');
    CU_ASSERT_FALSE(gw_hooks_find(&found, hooks, "h"));
    gw_hooks_close(hooks);
}

static void wrong_hooks_are_refused(void)
{
    static const struct gw_hook wrong[] = {
        {"", GW_HOOK_TOKEN, "", SECRET},
        {"Upper", GW_HOOK_TOKEN, "", SECRET},
        {"a/b", GW_HOOK_TOKEN, "", SECRET},
        {"h", GW_HOOK_SCHEMES, "", SECRET},
        {"h", GW_HOOK_TOKEN, "X-Signature", SECRET},
        {"h", GW_HOOK_HMAC_SHA256, "", SECRET},
        {"h", GW_HOOK_HMAC_SHA256, "X Signature", SECRET},
        {"h", GW_HOOK_TOKEN, "", "fifteen-letters"},
        {"h", GW_HOOK_TOKEN, "", "with a space in it"},
        {"h", GW_HOOK_TOKEN, "", "with,a,comma,in,it"},
        {"h", GW_HOOK_TOKEN, "", "line\nline\nline\nline"},
    };
    char why[GW_HOOK_WHY_BYTES];
    new_path();
    struct gw_hooks *hooks = reopened();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        why[0] = '\0';
        CU_ASSERT_EQUAL(gw_hooks_add(hooks, why, &wrong[i]), GW_INVALID);
        CU_ASSERT(why[0] != '\0' && strstr(why, wrong[i].secret) == NULL);
    }
    for (int i = 0; i < (int)GW_HOOKS_MAX; i++) {
        struct gw_hook hook = token_hook;
        (void)snprintf(hook.name, sizeof(hook.name), "h%d", i);
        CU_ASSERT_EQUAL(gw_hooks_add(hooks, why, &hook), GW_OK);
    }
    CU_ASSERT_EQUAL(gw_hooks_add(hooks, why, &token_hook), GW_INVALID);
    gw_hooks_close(hooks);
    (void)unlink(path);
}

static void wrong_files_are_refused_with_their_line(void)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *part;
    } cases[] = {
        {"hook,scheme,header,secret\nh,token,," SECRET "\n", 0640, "chmod 600"},
        {"hook,scheme,header,secret\nh,token,," SECRET "\n", 0604, "chmod 600"},
        {"hook,scheme,secret\n", 0600, ":1: the first line"},
        {"hook,scheme,header,secret\n\n# h\nh,token," SECRET "\n", 0600, ":4: it does not have"},
        {"hook,scheme,header,secret\nh,token,," SECRET ",\n", 0600, ":2: it does not have"},
        {"hook,scheme,header,secret\nh,rot13,," SECRET "\n", 0600, ":2: the scheme"},
        {"hook,scheme,header,secret\nh,token,," SECRET "\nh,token,," SECRET "\n", 0600,
         ":3: there is a hook"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char why[GW_HOOK_WHY_BYTES] = "";
        struct gw_hooks *hooks = NULL;
        new_path();
        FILE *file = fopen(path, "w");
        CU_ASSERT_FATAL(file != NULL && fputs(cases[i].text, file) >= 0);
        (void)fclose(file);
        CU_ASSERT_FATAL(chmod(path, cases[i].mode) == 0);
        CU_ASSERT_EQUAL(gw_hooks_open(&hooks, why, path), GW_INVALID);
        CU_ASSERT(strstr(why, cases[i].part) != NULL && strstr(why, SECRET) == NULL);
        (void)unlink(path);
    }
}

static const struct unit_test tests[] = {
    {"a_token_comes_in_a_header_or_in_the_query", a_token_comes_in_a_header_or_in_the_query},
    {"a_token_with_one_wrong_character_is_forged", a_token_with_one_wrong_character_is_forged},
    {"an_hmac_is_of_the_whole_body", an_hmac_is_of_the_whole_body},
    {"an_hmac_of_a_body_with_a_flipped_bit_is_forged",
     an_hmac_of_a_body_with_a_flipped_bit_is_forged},
    {"onenet_signs_msg_as_it_stands_in_the_body", onenet_signs_msg_as_it_stands_in_the_body},
    {"onenet_signs_a_text_as_what_it_holds", onenet_signs_a_text_as_what_it_holds},
    {"what_onenet_did_not_sign_is_not_handed_on", what_onenet_did_not_sign_is_not_handed_on},
    {"onenet_pushes_without_their_proof_are_refused",
     onenet_pushes_without_their_proof_are_refused},
    {"onenet_checks_the_url", onenet_checks_the_url},
    {"hooks_are_kept_in_a_file_of_their_owner", hooks_are_kept_in_a_file_of_their_owner},
    {"a_file_that_cannot_be_written_changes_nothing",
     a_file_that_cannot_be_written_changes_nothing},
    {"wrong_hooks_are_refused", wrong_hooks_are_refused},
    {"wrong_files_are_refused_with_their_line", wrong_files_are_refused_with_their_line},
};
UNIT_MAIN("hook", tests)
