/* SPDX-License-Identifier: MIT */
#include <limef/base/log.h>
#include <limef/base/redact.h>
#include <limef/base/url.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <string.h>

static char *redacted(const char *line)
{
    static char text[1024];

    return limef_redact(text, sizeof(text), line);
}

Test(redact, hides_what_urls_show)
{
    static const struct {
        const char *line, *shown;
    } cases[] = {
        {"nothing here", "nothing here"},
        {"open rtsp://u:p@h/x: refused", "open rtsp://***@h/x: refused"},
        {"from http://a:b@h/1 to rtsps://c:d@h/2", "from http://***@h/1 to rtsps://***@h/2"},
        {"a@b rtsp://h/x", "a@b rtsp://h/x"},
        {"http://h/x?token=abc&y=1 failed", "http://h/x?token=***&y=1 failed"},
        {"404 /live?user=a&password=b&c=1 not here",
         "404 /live?user=***&password=***&c=1 not here"},
        {"no 'password=x&y' at rtsp://h/a?pwd=z", "no 'password=***&y' at rtsp://h/a?pwd=***"},
        {"user=rtsp://h/x", "user=***h/x"},
        {"is_key = 1, no password= here", "is_key = 1, no password=***"},
        {"", ""},
        {NULL, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert(eq(str, redacted(cases[i].line), (char *)cases[i].shown));
}

Test(redact, hides_passwords_in_use_however_they_are_written)
{
    struct limef_url url = {.text = NULL}, again = {.text = NULL};

    cr_assert(eq(int, limef_url_init(&url, "rtsp://admin:a%2fb%20c@host/x"), 0));
    cr_assert(eq(int, limef_url_init(&again, "rtsp://admin:a%2fb%20c@host/x"), 0));
    cr_assert(eq(str, redacted("it is a/b c, no"), "it is ***, no"));
    cr_assert(eq(str, redacted("it is a%2fb%20c, a%2Fb%20c"), "it is ***, ***"));
    /* base64 of admin:a/b c */
    cr_assert(
        eq(str, redacted("Authorization: Basic YWRtaW46YS9iIGM="), "Authorization: Basic ***"));
    limef_url_clear(&again);
    cr_assert(eq(str, redacted("a/b c"), "***"));
    limef_url_clear(&url);
    cr_assert(eq(str, redacted("a/b c"), "a/b c"));
}

/* A password of digits up to its '/' looks like a port. */
Test(redact, hides_a_password_that_may_be_a_port_and_a_path)
{
    struct limef_url url = {.text = NULL};

    cr_assert(eq(int, limef_url_init(&url, "rtsp://admin:2024/xyz@10.0.0.5/s"), 0));
    cr_assert(eq(str, redacted("rtsp://admin:2024/xyz@10.0.0.5/s: no answer"),
                 "rtsp://***@10.0.0.5/s: no answer"));
    cr_assert(eq(str, redacted("it is 2024/xyz"), "it is ***"));
    limef_url_clear(&url);
    cr_assert(eq(str, redacted("it is 2024/xyz"), "it is 2024/xyz"));
}

Test(redact, hides_parameters_whose_names_have_a_password_in_them)
{
    struct limef_url url = {.text = NULL};

    cr_assert(eq(int, limef_url_init(&url, "rtsp://admin:pass@host/x"), 0));
    cr_assert(eq(str, redacted("404 /s?password=other&x=1 pass"), "404 /s?***word=***&x=1 ***"));
    limef_url_clear(&url);
}

Test(redact, looks_for_no_short_passwords)
{
    struct limef_url url = {.text = NULL};

    cr_assert(eq(int, limef_url_init(&url, "rtsp://admin:1@host/x"), 0));
    cr_assert(eq(str, redacted("frame 101"), "frame 101"));
    limef_url_clear(&url);
}

Test(redact, is_cut_to_what_fits_and_never_inside_of_a_password)
{
    struct limef_url url = {.text = NULL};
    char text[64];

    cr_assert(eq(int, limef_url_init(&url, "rtsp://admin:s3cr3t@host/x"), 0));
    for (size_t n = 1; n < sizeof(text); n++) {
        limef_redact(text, n, "the password is s3cr3t and rtsp://x:s3cr3t@h/");
        cr_assert(lt(sz, strlen(text), n));
        cr_assert(eq(ptr, strstr(text, "s3"), NULL), "%s", text);
    }
    limef_url_clear(&url);
}

/* However the one came first. */
Test(redact, hides_a_password_that_begins_with_another)
{
    struct limef_url url = {.text = NULL}, longer = {.text = NULL};

    cr_assert(zero(int, limef_url_init(&url, "rtsp://a:secret@h/x")));
    cr_assert(zero(int, limef_url_init(&longer, "rtsp://b:secret123@h/x")));
    cr_assert(eq(str, redacted("secret123, secret1, secret"), "***, ***1, ***"));
    limef_url_clear(&url);
    cr_assert(eq(str, redacted("secret123, secret"), "***, secret"));
    limef_url_clear(&longer);
    cr_assert(eq(str, redacted("secret123"), "secret123"));
}

/* Each of its letters takes nine bytes in a URL. */
Test(redact, hides_a_long_password_of_letters_that_are_encoded)
{
    static const char letter[] = "\xe5\xaf\x86", encoded[] = "%E5%AF%86";
    char typed[82 * 3 + 1] = "", given[82 * 9 + 1] = "", line[1200];
    struct limef_url url = {.text = NULL};

    for (int i = 0; i < 82; i++) {
        strcat(typed, letter);
        strcat(given, encoded);
    }
    snprintf(line, sizeof(line), "rtsp://a:%s@h/x", given);
    cr_assert(zero(int, limef_url_init(&url, line)));
    snprintf(line, sizeof(line), "%s and %s.", typed, given);
    cr_assert(eq(str, redacted(line), "*** and ***."));
    limef_url_clear(&url);
}

/* Wherever a line that is too long is cut. */
Test(redact, shows_nothing_of_a_password_where_the_longest_line_ends)
{
    static char line[6000], text[6000];
    struct limef_url url = {.text = NULL};

    cr_assert(zero(int, limef_url_init(&url, "rtsp://admin:s3cr3t@host/x")));
    for (size_t at = 3000; at < 5500; at++) {
        memset(line, 'x', sizeof(line) - 1);
        memcpy(line + at, "s3cr3t", 6);
        limef_redact(text, sizeof(text), line);
        cr_assert(eq(ptr, strstr(text, "s3"), NULL), "at %zu", at);
        cr_assert(ge(sz, strlen(text), 4000));
    }
    limef_url_clear(&url);
}

static char heard_name[128], heard[1024];

static void hear(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)level;
    snprintf(heard_name, sizeof(heard_name), "%s", name);
    snprintf(heard, sizeof(heard), "%s", line);
}

Test(redact, is_what_every_line_goes_through)
{
    struct limef_url url = {.text = NULL};
    char padding[509];

    cr_assert(eq(int, limef_url_init(&url, "rtsp://admin:s3cr3t@host/x"), 0));
    limef_log_set_sink(hear, NULL);
    limef_log_set_level(LIMEF_LOG_DEBUG);
    limef_log(LIMEF_LOG_ERROR, "cam s3cr3t", "it says s3cr3t");
    cr_assert(eq(str, heard_name, "cam ***"));
    cr_assert(eq(str, heard, "it says ***"));
    limef_fail(AVERROR(EIO), "cam", "rtsp://admin:s3cr3t@host/x");
    cr_assert(eq(str, heard, "rtsp://***@host/x: Input/output error"));
    /* where a line is cut */
    memset(padding, 'x', sizeof(padding) - 1);
    padding[sizeof(padding) - 1] = '\0';
    limef_log(LIMEF_LOG_ERROR, "cam", "%ss3cr3t", padding);
    cr_assert(eq(ptr, strstr(heard, "s3"), NULL));
    limef_log_set_sink(NULL, NULL);
    limef_url_clear(&url);
}

Test(redact, is_what_lines_of_libavformat_go_through)
{
    struct limef_url url = {.text = NULL};

    cr_assert(eq(int, limef_url_init(&url, "http://admin:s3cr3t@host/x"), 0));
    limef_log_set_sink(hear, NULL);
    limef_log_set_level(LIMEF_LOG_DEBUG);
    av_log_set_callback(limef_redact_libav);
    av_log_set_level(AV_LOG_VERBOSE);
    av_log(NULL, AV_LOG_ERROR, "cannot open http://admin:s3cr3t@host/x: s3cr3t\n");
    cr_assert(eq(str, heard_name, "libav"));
    cr_assert(eq(str, heard, "cannot open http://***@host/x: ***"));
    av_log(NULL, AV_LOG_ERROR, "segment.ts?password=other\n");
    cr_assert(eq(str, heard, "segment.ts"));
    av_log_set_callback(av_log_default_callback);
    limef_log_set_sink(NULL, NULL);
    limef_url_clear(&url);
}
