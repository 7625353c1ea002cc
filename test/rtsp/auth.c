/* SPDX-License-Identifier: MIT */
#include "rtsp/auth.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

TestSuite(rtsp_auth, .timeout = 10);

static const struct rtsp_auth_user mufasa = {"Mufasa", "Circle of Life"};

static int challenge(struct rtsp_auth *auth, const char *first, const char *second)
{
    struct rtsp_item answer = {.n_headers = second ? 2 : 1};

    answer.headers[0] = (struct rtsp_header){"WWW-Authenticate", first};
    answer.headers[1] = (struct rtsp_header){"www-authenticate", second};
    return rtsp_auth_take(auth, &answer, UINT64_C(0x0123456789abcdef));
}

static void assert_response(const char *algorithm, const char *response)
{
    char text[RTSP_AUTH_HEADER_BYTES], wanted[160], first[256];
    struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};

    snprintf(first, sizeof(first),
             "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\"%s%s, "
             "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe\"",
             *algorithm ? ", algorithm=" : "", algorithm);
    cr_assert(eq(int, challenge(&auth, first, NULL), 0));
    cr_assert(
        eq(int, rtsp_auth_write(&auth, &mufasa, "DESCRIBE", "rtsp://camera/stream", text), 0));
    snprintf(wanted, sizeof(wanted), "response=\"%s\"", response);
    cr_assert(not(zero(ptr, strstr(text, wanted))), "%s", text);
    cr_assert(not(zero(ptr, strstr(text, "nc=00000001"))), "%s", text);
    cr_assert(not(zero(ptr, strstr(text, "cnonce=\"0123456789abcdef\""))), "%s", text);
    cr_assert(not(zero(ptr, strstr(text, "opaque=\"FQhe\""))), "%s", text);
}

/* The responses were computed by another implementation of RFC 7616, Python's hashlib. */
Test(rtsp_auth, answers_every_digest)
{
    assert_response("", "489ff1c7c039d194bd3da1cd301b363a");
    assert_response("MD5", "489ff1c7c039d194bd3da1cd301b363a");
    assert_response("MD5-sess", "a3aa5b929c9b54f15b5bea1fb7082934");
    assert_response("SHA-256", "80014ca10bd5430314ee3c222ec4e060a7c24746ca7518ca05aece5a46315b56");
    assert_response("SHA-256-sess",
                    "a5f1a91a84f3befde12b3d681b363a4277bc506720f88e7bdfc17a350e7b33a2");
    assert_response("SHA-512-256",
                    "625d46b62c99770f5f8e7b7bd6b377f713a96d760ffbb635b4200bae182c2e92");
    assert_response("SHA-512-256-sess",
                    "cd880e1485c3afa8aa23568c00e00b68c9b7452b9f0a8c456d88304c865c3c22");
}

Test(rtsp_auth, answers_an_old_server_without_qop)
{
    static const struct rtsp_auth_user user = {"Mufasa", "Circle Of Life"};
    struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};
    char text[RTSP_AUTH_HEADER_BYTES];

    cr_assert(eq(int,
                 challenge(&auth,
                           "Digest realm=\"testrealm@host.com\",nonce="
                           "\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
                           NULL),
                 0));
    cr_assert(eq(int, rtsp_auth_write(&auth, &user, "GET", "/dir/index.html", text), 0));
    cr_assert(not(zero(ptr, strstr(text, "response=\"670fd8c2df070c60b045671b8b24ff02\""))));
    cr_assert(zero(ptr, strstr(text, "cnonce")));
}

Test(rtsp_auth, counts_requests_with_a_nonce)
{
    struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};
    char text[RTSP_AUTH_HEADER_BYTES];

    challenge(&auth, "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"", NULL);
    for (int i = 0; i < 16; i++)
        rtsp_auth_write(&auth, &mufasa, "PLAY", "rtsp://h/", text);
    cr_assert(not(zero(ptr, strstr(text, "nc=00000010"))), "%s", text);
}

Test(rtsp_auth, takes_the_strongest_that_it_knows)
{
    struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};
    char text[RTSP_AUTH_HEADER_BYTES];

    cr_assert(eq(int, challenge(&auth, "Basic realm=\"r\"", "Digest realm=\"r\", nonce=\"n\""), 0));
    cr_assert(eq(int, (int)auth.scheme, RTSP_AUTH_DIGEST_MD5));
    auth = (struct rtsp_auth){.scheme = RTSP_AUTH_NONE};
    cr_assert(eq(int,
                 challenge(&auth, "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256",
                           "Digest realm=\"r\", nonce=\"n\", algorithm=MD5"),
                 0));
    cr_assert(eq(int, (int)auth.scheme, RTSP_AUTH_DIGEST_SHA256));
    auth = (struct rtsp_auth){.scheme = RTSP_AUTH_NONE};
    cr_assert(eq(int, challenge(&auth, "Negotiate", "Basic realm=\"r\""), 0));
    cr_assert(eq(int, rtsp_auth_write(&auth, &mufasa, "PLAY", "rtsp://h/", text), 0));
    cr_assert(eq(str, text, "Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl"));
}

Test(rtsp_auth, takes_the_strongest_of_those_in_one_header)
{
    static const char *const lists[] = {
        "Basic realm=\"r\", Digest realm=\"s, Basic x\", nonce=\"n\"",
        "Digest realm=\"s, Basic x\", nonce=\"n\", Basic realm=\"r\"",
        "basic,digest nonce=\"n\",realm=\"s, Basic x\"",
        "NTLM, Basic realm=\"r\", , Digest nonce=\"n\", realm=\"s, Basic x\",",
        "Digest realm=\"t\", nonce=\"m\", algorithm=MD4, Digest realm=\"s, Basic x\", nonce=\"n\"",
        "Digest realm=\"s, Basic x\", qop=auth,auth-int, nonce=\"n\", basic-realm=\"t\"",
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};

        cr_assert(eq(int, challenge(&auth, lists[i], NULL), 0), "%s", lists[i]);
        cr_assert(eq(int, (int)auth.scheme, RTSP_AUTH_DIGEST_MD5), "%s", lists[i]);
        cr_assert(eq(str, auth.realm, "s, Basic x"), "%s", lists[i]);
        cr_assert(eq(str, auth.nonce, "n"), "%s", lists[i]);
    }
}

Test(rtsp_auth, knows_a_wrong_password_from_an_old_nonce)
{
    struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};
    char text[RTSP_AUTH_HEADER_BYTES];

    challenge(&auth, "Digest realm=\"r\", nonce=\"a\"", NULL);
    rtsp_auth_write(&auth, &mufasa, "PLAY", "rtsp://h/", text);
    cr_assert(eq(int, challenge(&auth, "Digest realm=\"r\", nonce=\"b\", stale=TRUE", NULL), 0));
    rtsp_auth_write(&auth, &mufasa, "PLAY", "rtsp://h/", text);
    cr_assert(eq(int, challenge(&auth, "Digest realm=\"r\", nonce=\"c\"", NULL), AVERROR(EACCES)));
}

Test(rtsp_auth, refuses_what_it_cannot_answer)
{
    static const char *const challenges[] = {"", "Bearer", "Digest realm=\"r\"",
                                             "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
                                             "Digest realm=\"r\", nonce=\"n\", algorithm=MD4"};

    for (size_t i = 0; i < sizeof(challenges) / sizeof(challenges[0]); i++) {
        struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};

        cr_assert(eq(int, challenge(&auth, challenges[i], NULL), AVERROR(ENOSYS)), "%s",
                  challenges[i]);
    }
}

Test(rtsp_auth, quotes_what_would_end_a_quoted_string)
{
    static const struct rtsp_auth_user user = {"Mu\"fa\\sa", "p"};
    struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};
    char text[RTSP_AUTH_HEADER_BYTES];

    cr_assert(zero(int, challenge(&auth,
                                  "Digest realm=\"a\\\", \\\\c\", nonce=\"n\\\"\", "
                                  "opaque=\"\\\"o\"",
                                  NULL)));
    cr_assert(eq(str, auth.realm, "a\", \\c"));
    cr_assert(zero(int, rtsp_auth_write(&auth, &user, "PLAY", "rtsp://h/", text)));
    cr_assert(not(zero(ptr, strstr(text, "username=\"Mu\\\"fa\\\\sa\", "))), "%s", text);
    cr_assert(not(zero(ptr, strstr(text, "realm=\"a\\\", \\\\c\", "))), "%s", text);
    cr_assert(not(zero(ptr, strstr(text, "nonce=\"n\\\"\", "))), "%s", text);
    cr_assert(not(zero(ptr, strstr(text, "opaque=\"\\\"o\""))), "%s", text);
}
