/* SPDX-License-Identifier: MIT */
#include <limef/base/url.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <libavutil/error.h>

TestSuite(url, .timeout = 10);

struct pair {
    char url[128], masked[128];
};

ParameterizedTestParameters(url, is_masked)
{
    static struct pair pairs[] = {
        {"", ""},
        {"clip.mp4", "clip.mp4"},
        {"/a/b@c:d.mp4", "/a/b@c:d.mp4"},
        {"rtsp://host/stream", "rtsp://host/stream"},
        {"rtsp://host:554/stream", "rtsp://host:554/stream"},
        {"rtsp://admin:secret@host:554/stream", "rtsp://***@host:554/stream"},
        {"rtsp://admin@host/stream", "rtsp://***@host/stream"},
        {"rtsp://:secret@host/stream", "rtsp://***@host/stream"},
        {"rtsp://admin:p@ss@w0rd@host/stream", "rtsp://***@host/stream"},
        {"rtsp://admin:pa/ss@host/stream", "rtsp://***@host/stream"},
        {"rtsp://admin:pa?ss@host/stream", "rtsp://***@host/stream"},
        {"rtsp://admin:pa#ss@host/stream", "rtsp://***@host/stream"},
        {"rtsp://u:p@[fe80::1%25eth0]:554/s", "rtsp://***@[fe80::1%25eth0]:554/s"},
        {"http://[::1]:80/a@b", "http://[::1]:80/a@b"},
        {"http://host/a@2x.m3u8", "http://host/a@2x.m3u8"},
        {"http://host:8080/a@2x.m3u8", "http://host:8080/a@2x.m3u8"},
        {"rtsp://admin:2024/xyz@10.0.0.5/s", "rtsp://***@10.0.0.5/s"},
        {"rtsp://admin:2024?xyz@nvr:554/s", "rtsp://***@nvr:554/s"},
        {"rtsp://admin:2024#x@y@cam.example.org/s", "rtsp://***@cam.example.org/s"},
        {"rtsp://admin:/xyz@[fd00::5]/s@2x.m3u8", "rtsp://***@[fd00::5]/s@2x.m3u8"},
        {"http://[::1]:80/a@b", "http://[::1]:80/a@b"},
        {"http://host/s?user=a&password=b&x=1", "http://host/s?user=***&password=***&x=1"},
        {"http://host/s?x=1&pwd=b#top", "http://host/s?x=1&pwd=***#top"},
        {"http://host/s?token=&x", "http://host/s?token=&x"},
        {"http://u:p@host/s?key=k", "http://***@host/s?key=***"},
        {"rtsp://h/user=a&password=b/c?d&channel=1&stream=0.sdp?real",
         "rtsp://h/user=***&password=***&channel=1&stream=0.sdp?real"},
        {"rtsp://h:554/user=a_password=b_c_channel=1.sdp?x", "rtsp://h:554/user=***"},
        {"rtsp://h/1_password=b_c&x=1/y", "rtsp://h/1_password=***&x=1/y"},
        {"rtsp://h/a=b/password=&c", "rtsp://h/a=b/password=&c"},
        {"http://h/user/password/key?monkey=1", "http://h/user/password/key?monkey=1"},
        {"http://h/s?access_token=a==/b?c&x", "http://h/s?access_token=***&x"},
        {"rtsp://", "rtsp://"},
        {"rtsp://@", "rtsp://***@"},
        {"rtsp://u:p@", "rtsp://***@"},
        {"://u:p@h", "://***@h"},
    };

    return cr_make_param_array(struct pair, pairs, sizeof(pairs) / sizeof(pairs[0]));
}

ParameterizedTest(struct pair *pair, url, is_masked)
{
    char masked[LIMEF_URL_BYTES];

    cr_assert(eq(ptr, limef_url_mask(masked, sizeof(masked), pair->url), masked));
    cr_assert(eq(str, masked, pair->masked));
}

Test(url, nothing_is_an_empty_string)
{
    char masked[4] = "abc";

    limef_url_mask(masked, sizeof(masked), NULL);
    cr_assert(eq(str, masked, ""));
}

Test(url, is_cut_to_what_fits_and_never_shows_a_password)
{
    for (size_t n = 1; n < 40; n++) {
        char masked[40];

        memset(masked, 'x', sizeof(masked));
        limef_url_mask(masked, n, "rtsp://admin:secret@host/stream");
        cr_assert(lt(sz, strlen(masked), n));
        cr_assert(eq(ptr, strstr(masked, "secret"), NULL));
        cr_assert(eq(ptr, strstr(masked, "admin"), NULL));
    }
}

Test(url, is_a_type_that_shows_no_password)
{
    struct limef_url url = {.text = NULL};

    cr_assert(eq(int, limef_url_init(&url, "rtsp://admin:secret@host/stream"), 0));
    cr_assert(eq(str, url.text, "rtsp://***@host/stream"));
    cr_assert(eq(str, url.whole, "rtsp://admin:secret@host/stream"));
    cr_assert(not(limef_url_lacks_password(&url)));
    limef_url_clear(&url);
    cr_assert(eq(ptr, url.text, NULL));
    cr_assert(eq(ptr, url.whole, NULL));
    limef_url_clear(&url);
}

Test(url, of_a_file_takes_no_password)
{
    struct limef_url url = {.text = NULL};

    cr_assert(eq(int, limef_url_init(&url, "file:///clips/a.mp4"), 0));
    cr_assert(not(limef_url_lacks_password(&url)));
    limef_url_clear(&url);
}

Test(url, takes_a_login)
{
    static const struct {
        const char *url, *user, *whole;
    } cases[] = {
        {"rtsp://host/x", "admin", "rtsp://admin:p%40ss%2F1@host/x"},
        {"rtsp://bob@host:554/x", NULL, "rtsp://bob:p%40ss%2F1@host:554/x"},
        {"rtsp://bob@host/x", "a:b", "rtsp://a%3Ab:p%40ss%2F1@host/x"},
        {"rtsp://bob:old@host/x", NULL, "rtsp://bob:p%40ss%2F1@host/x"},
        {"http://host", NULL, "http://:p%40ss%2F1@host"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct limef_url url = {.text = NULL};

        cr_assert(eq(int, limef_url_init(&url, cases[i].url), 0));
        cr_assert(eq(int, limef_url_lacks_password(&url), strstr(cases[i].url, "old") == NULL));
        cr_assert(eq(int, limef_url_set_login(&url, cases[i].user, "p@ss/1"), 0));
        cr_assert(eq(str, url.whole, (char *)cases[i].whole));
        cr_assert(eq(ptr, strstr(url.text, "p%40"), NULL));
        cr_assert(not(limef_url_lacks_password(&url)));
        limef_url_clear(&url);
    }
}

Test(url, of_a_file_takes_no_login)
{
    struct limef_url url = {.text = NULL};

    cr_assert(eq(int, limef_url_init(&url, "film.mp4"), 0));
    cr_assert(not(limef_url_lacks_password(&url)));
    cr_assert(eq(int, limef_url_set_login(&url, "a", "b"), AVERROR(EINVAL)));
    cr_assert(eq(str, url.whole, "film.mp4"));
    limef_url_clear(&url);
}
