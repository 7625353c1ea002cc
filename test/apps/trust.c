/* SPDX-License-Identifier: MIT */
#include "trust.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <string.h>

#define HEX16 "0123456789abcdefABCDEF0123456789"
#define HASH HEX16 HEX16
#define PAIRS "01:23:45:67:89:AB:CD:EF"

static struct play_trust trust;
static struct play_options options;

static int read_url(const char *url)
{
    limef_log_set_level(LIMEF_LOG_ERROR);
    return trust_read(&trust, "slot 0", url, &options);
}

Test(trust, takes_a_fingerprint_with_colons_and_without)
{
    cr_assert(trust_is_fingerprint(HASH));
    cr_assert(trust_is_fingerprint(PAIRS ":" PAIRS ":" PAIRS ":" PAIRS));
    cr_assert(not(trust_is_fingerprint("")));
    cr_assert(not(trust_is_fingerprint(HASH "0")));
    cr_assert(not(trust_is_fingerprint(HASH "00")));
    cr_assert(not(trust_is_fingerprint(HEX16)));
    cr_assert(not(trust_is_fingerprint(HASH ":")));
    cr_assert(not(trust_is_fingerprint(":" HASH)));
    cr_assert(not(trust_is_fingerprint(PAIRS "::" PAIRS ":" PAIRS ":" PAIRS)));
    cr_assert(not(trust_is_fingerprint("0:" HASH)));
    cr_assert(not(trust_is_fingerprint("x" HASH)));
}

Test(trust, is_as_the_options_say_where_the_url_says_nothing)
{
    options.tls_ca = "/dev/null";
    cr_assert(zero(int, read_url("rtsps://h/s?a=b&tls-ca=/x#other=1")));
    cr_assert(eq(str, (char *)trust.tls.ca_file, "/dev/null"));
    cr_assert(zero(ptr, (void *)trust.tls.fingerprint));
    cr_assert(not(trust.tls.unverified));
}

Test(trust, of_a_url_comes_before_the_options)
{
    options.tls_ca = "/nowhere";
    cr_assert(zero(int, read_url("rtsps://h/s#tls-fingerprint=" HASH)));
    cr_assert(zero(ptr, (void *)trust.tls.ca_file));
    cr_assert(eq(str, (char *)trust.tls.fingerprint, HASH));
    options.tls_ca = NULL;
    options.tls_fingerprint = HASH;
    cr_assert(zero(int, read_url("rtsps://u:p#w@h/s#a=b&tls-ca=/dev%2fnull&c")));
    cr_assert(eq(str, (char *)trust.tls.ca_file, "/dev/null"));
    cr_assert(zero(ptr, (void *)trust.tls.fingerprint));
}

Test(trust, of_a_file_that_cannot_be_read_is_an_error)
{
    cr_assert(eq(int, read_url("rtsps://h/s#tls-ca=/nowhere/ca.pem"), AVERROR(ENOENT)));
    options.tls_ca = "/nowhere/ca.pem";
    cr_assert(eq(int, read_url("rtsps://h/s"), AVERROR(ENOENT)));
}

Test(trust, of_a_url_that_cannot_be_meant_is_an_error)
{
    static char longer[TRUST_BYTES + 64] = "rtsps://h/s#tls-ca=";

    cr_assert(lt(int, read_url("rtsps://h/s#tls-fingerprint=12"), 0));
    cr_assert(lt(int, read_url("rtsps://h/s#tls-ca=/dev/null&tls-fingerprint=" HASH), 0));
    memset(longer + strlen(longer), 'a', TRUST_BYTES);
    cr_assert(eq(int, read_url(longer), AVERROR(ENAMETOOLONG)));
}
