/* SPDX-License-Identifier: MIT */
#include "filter/shout_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>

static struct shout_place place;

static int read_url(const char *url)
{
    return shout_place_read(&place, url);
}

Test(shout_place, takes_a_url_apart)
{
    cr_assert(zero(int, read_url("icecast://dj:pa%40ss@radio.example:8010/live/a.opus")));
    cr_assert(eq(str, place.location.host, "radio.example"));
    cr_assert(eq(int, place.location.port, 8010));
    cr_assert(not(place.location.is_tls));
    cr_assert(eq(str, place.secrets.user, "dj"));
    cr_assert(eq(str, place.secrets.password, "pa@ss"));
    cr_assert(eq(str, place.mount, "/live/a.opus"));
}

Test(shout_place, has_the_port_of_icecast_where_none_is_said)
{
    cr_assert(zero(int, read_url("icecasts://radio.example/a")));
    cr_assert(eq(int, place.location.port, 8000));
    cr_assert(place.location.is_tls);
    cr_assert(eq(str, place.secrets.password, ""));
    cr_assert(zero(int, read_url("icecast://[::1]/a")));
    cr_assert(eq(int, place.location.port, 8000));
    cr_assert(eq(str, place.location.host, "::1"));
    cr_assert(zero(int, read_url("icecast://[::1]:554/a")));
    cr_assert(eq(int, place.location.port, 554));
}

Test(shout_place, refuses_what_is_no_mount)
{
    static const char *const urls[] = {
        "",
        "http://host/a",
        "icecast:/host/a",
        "icecast://host",
        "icecast://host/",
        "icecast://host:0/a",
        "icecast://host:x/a",
        "icecast:///a",
        "icecast://host/a\r\nb",
        "icecast",
    };

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        cr_assert(eq(int, read_url(urls[i]), AVERROR(EINVAL)), "%s", urls[i]);
}
