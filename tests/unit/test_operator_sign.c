/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Signatures of requests. The key is that of RFC 8032, 7.1, test 1; the expected signature was made by
 *  the openssl program over the canonical text of docs/operator-api.md, written out by hand.
 */
#include <stdlib.h>
#include <unistd.h>

#include "gateway/adapters/operator_sign.h"
#include "tests/support/unit.h"

static const char private_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                 "-----END PUBLIC KEY-----\n";
/* An X25519 private key: of the same length, and not one that may sign. */
static const char other_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                                "-----END PRIVATE KEY-----\n";
static const char expected[] = "6542f98896bf5008644cd2da73f8bfa12391530375d0a4f4f9e56ce45d043d1f"
                               "adc292a876704a17b078d72d8be5d1f46dac82d70f2a3b74a532c1a87b5d190f";

static char path[] = "/tmp/test-operator-sign-XXXXXX";

static const struct gw_sign_input request = {
    .method = "POST",
    .target = "/v1/reservations",
    .gateway = "gw1",
    .time_us = 1795462623491265,
    .key = "gw1-17",
    .body = "{\"a\":1}",
    .body_bytes = 7,
};

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_FATAL(file != NULL);
    CU_ASSERT(fputs(text, file) >= 0);
    CU_ASSERT(fclose(file) == 0);
}

static struct gw_sign_key *open_private(void)
{
    struct gw_sign_key *key = NULL;
    write_text(private_pem);
    CU_ASSERT_EQUAL_FATAL(gw_sign_key_open_private(&key, path), GW_OK);
    return key;
}

static struct gw_sign_key *open_public(void)
{
    struct gw_sign_key *key = NULL;
    write_text(public_pem);
    CU_ASSERT_EQUAL_FATAL(gw_sign_key_open_public(&key, path), GW_OK);
    return key;
}

static void a_request_is_signed_as_the_document_says(void)
{
    char hex[GW_SIGNATURE_HEX + 1];
    struct gw_sign_key *key = open_private();
    CU_ASSERT_EQUAL(gw_sign_request(hex, key, &request), GW_OK);
    CU_ASSERT_STRING_EQUAL(hex, expected);
    gw_sign_key_close(key);
}

static void a_signature_fits_its_request_and_no_other(void)
{
    struct gw_sign_key *key = open_public();
    struct gw_sign_input other;
    CU_ASSERT_TRUE(gw_sign_verify(key, &request, expected));
    other = request, other.method = "PUT";
    CU_ASSERT_FALSE(gw_sign_verify(key, &other, expected));
    other = request, other.target = "/v1/refunds";
    CU_ASSERT_FALSE(gw_sign_verify(key, &other, expected));
    other = request, other.gateway = "gw2";
    CU_ASSERT_FALSE(gw_sign_verify(key, &other, expected));
    other = request, other.time_us++;
    CU_ASSERT_FALSE(gw_sign_verify(key, &other, expected));
    other = request, other.key = "gw1-18";
    CU_ASSERT_FALSE(gw_sign_verify(key, &other, expected));
    other = request, other.body = "{\"a\":2}";
    CU_ASSERT_FALSE(gw_sign_verify(key, &other, expected));
    other = request, other.body_bytes = 6;
    CU_ASSERT_FALSE(gw_sign_verify(key, &other, expected));
    gw_sign_key_close(key);
}

static void every_changed_digit_of_a_signature_is_refused(void)
{
    char hex[GW_SIGNATURE_HEX + 2];
    struct gw_sign_key *key = open_public();
    for (size_t i = 0; i < GW_SIGNATURE_HEX; i++) {
        memcpy(hex, expected, sizeof expected);
        hex[i] = hex[i] == '0' ? '1' : '0';
        CU_ASSERT_FALSE(gw_sign_verify(key, &request, hex));
        hex[i] = 'A'; /* upper case is not what the document says */
        CU_ASSERT_FALSE(gw_sign_verify(key, &request, hex));
        memcpy(hex, expected, sizeof expected);
        hex[i] = '\0'; /* every prefix */
        CU_ASSERT_FALSE(gw_sign_verify(key, &request, hex));
    }
    (void)snprintf(hex, sizeof hex, "%s0", expected);
    CU_ASSERT_FALSE(gw_sign_verify(key, &request, hex));
    gw_sign_key_close(key);
}

static void a_line_end_in_a_part_is_never_signed(void)
{
    char hex[GW_SIGNATURE_HEX + 1] = "untouched";
    char target[400];
    struct gw_sign_key *key = open_private();
    struct gw_sign_input other = request;
    other.key = "gw1-17\n";
    CU_ASSERT_EQUAL(gw_sign_request(hex, key, &other), GW_INVALID);
    other = request;
    other.target = "/v1\r";
    CU_ASSERT_EQUAL(gw_sign_request(hex, key, &other), GW_INVALID);
    memset(target, 'x', sizeof target - 1);
    target[GW_SIGN_TARGET_BYTES_MAX + 1] = '\0';
    other.target = target;
    CU_ASSERT_EQUAL(gw_sign_request(hex, key, &other), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(hex, "untouched");
    target[GW_SIGN_TARGET_BYTES_MAX] = '\0';
    CU_ASSERT_EQUAL(gw_sign_request(hex, key, &other), GW_OK);
    gw_sign_key_close(key);
}

static void keys_of_another_kind_are_refused(void)
{
    struct gw_sign_key *key = NULL;
    write_text(other_pem);
    CU_ASSERT_EQUAL(gw_sign_key_open_private(&key, path), GW_INVALID);
    write_text(public_pem);
    CU_ASSERT_EQUAL(gw_sign_key_open_private(&key, path), GW_INVALID);
    write_text("nothing");
    CU_ASSERT_EQUAL(gw_sign_key_open_public(&key, path), GW_INVALID);
    CU_ASSERT_EQUAL(gw_sign_key_open_public(&key, "/nonexistent/key"), GW_IO);
    CU_ASSERT_PTR_NULL(key);
}

static void a_public_key_cannot_sign(void)
{
    char hex[GW_SIGNATURE_HEX + 1];
    struct gw_sign_key *key = open_public();
    CU_ASSERT_EQUAL(gw_sign_request(hex, key, &request), GW_INVALID);
    gw_sign_key_close(key);
}

static void sha256_is_fips_180(void)
{
    char hex[65];
    /* FIPS 180-2, appendix B.1, and the empty message. */
    gw_sign_sha256_hex(hex, "abc", 3);
    CU_ASSERT_STRING_EQUAL(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    gw_sign_sha256_hex(hex, NULL, 0);
    CU_ASSERT_STRING_EQUAL(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static const struct unit_test tests[] = {
    {"a_request_is_signed_as_the_document_says", a_request_is_signed_as_the_document_says},
    {"a_signature_fits_its_request_and_no_other", a_signature_fits_its_request_and_no_other},
    {"every_changed_digit_of_a_signature_is_refused",
     every_changed_digit_of_a_signature_is_refused},
    {"a_line_end_in_a_part_is_never_signed", a_line_end_in_a_part_is_never_signed},
    {"keys_of_another_kind_are_refused", keys_of_another_kind_are_refused},
    {"a_public_key_cannot_sign", a_public_key_cannot_sign},
    {"sha256_is_fips_180", sha256_is_fips_180},
};

int main(int argc, char **argv)
{
    int fd = mkstemp(path);
    if (fd < 0) {
        return 1;
    }
    (void)close(fd);
    int code = unit_main("operator_sign", tests, sizeof tests / sizeof tests[0], argc, argv);
    (void)unlink(path);
    return code;
}
