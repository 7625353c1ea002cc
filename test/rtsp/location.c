/* SPDX-License-Identifier: MIT */
#include "rtsp/location.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <string.h>

TestSuite(rtsp_location, .timeout = 10);

Test(rtsp_location, takes_the_password_out)
{
    static const struct {
        const char *text, *url, *host, *user, *password;
        int port;
    } cases[] = {
        {"rtsp://h/a", "rtsp://h/a", "h", "", "", 554},
        {"rtsp://h", "rtsp://h/", "h", "", "", 554},
        {"rtsps://h/a", "rtsps://h/a", "h", "", "", 322},
        {"rtsp://u:p@h:8554/a?b=c#d", "rtsp://h:8554/a?b=c", "h", "u", "p", 8554},
        {"rtsp://u:p%40ss%3a@h/a", "rtsp://h/a", "h", "u", "p@ss:", 554},
        {"rtsp://u:p@ss@h/a", "rtsp://h/a", "h", "u", "p@ss", 554},
        {"rtsp://u:pa/ss@h/a", "rtsp://h/a", "h", "u", "pa/ss", 554},
        {"rtsp://u@[::1]:99/a", "rtsp://[::1]:99/a", "::1", "u", "", 99},
        {"rtsp://h/a@b", "rtsp://h/a@b", "h", "", "", 554},
        {"rtsp://u:100%@h/", "rtsp://h/", "h", "u", "100%", 554},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rtsp_secrets secrets = {.user = ""};
        struct rtsp_location location;

        cr_assert(eq(int, rtsp_location_read(&location, &secrets, cases[i].text), 0), "%s",
                  cases[i].text);
        cr_assert(eq(str, location.url, (char *)cases[i].url));
        cr_assert(eq(str, location.host, (char *)cases[i].host));
        cr_assert(eq(int, location.port, cases[i].port));
        cr_assert(eq(str, secrets.user, (char *)cases[i].user));
        cr_assert(eq(str, secrets.password, (char *)cases[i].password));
    }
}

Test(rtsp_location, refuses_what_is_no_place)
{
    static const char *const urls[] = {"",
                                       "http://h/",
                                       "rtsp://",
                                       "rtsp:///a",
                                       "rtsp://h:0/",
                                       "rtsp://h:x/",
                                       "rtsp://h:70000/",
                                       "rtsp://[::1/",
                                       "rtsp://h/a\r\nX: y",
                                       "rtsp://h/a b"};
    char longer[RTSP_URL_BYTES + 16] = "rtsp://h/";
    struct rtsp_location location;

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        cr_assert(eq(int, rtsp_location_read(&location, NULL, urls[i]), AVERROR(EINVAL)), "%s",
                  urls[i]);
    memset(longer + 9, 'a', RTSP_URL_BYTES);
    cr_assert(eq(int, rtsp_location_read(&location, NULL, longer), AVERROR(EINVAL)));
}

Test(rtsp_location, wipes_secrets)
{
    struct rtsp_secrets secrets = {"user", "password"}, none = {""};

    memset(&none, 0, sizeof(none));
    rtsp_secrets_wipe(&secrets);
    cr_assert(eq(int, memcmp(&secrets, &none, sizeof(none)), 0));
}

/* They would begin a header of their own. */
Test(rtsp_location, refuses_secrets_with_control_characters)
{
    static const char *const urls[] = {"rtsp://u%0d%0aX:p@h/", "rtsp://u:p%0A@h/",
                                       "rtsp://u:p%00q@h/", "rtsp://u%7f@h/"};

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct rtsp_secrets secrets = {.user = ""};
        struct rtsp_location location;

        cr_assert(eq(int, rtsp_location_read(&location, &secrets, urls[i]), AVERROR(EINVAL)), "%s",
                  urls[i]);
    }
}
