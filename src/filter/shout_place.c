/* SPDX-License-Identifier: MIT */
/* URLs of Icecast look as those of cameras do, but for the scheme and the port. */
#include "filter/shout_private.h"

#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ICECAST_PORT 8000

/* Whether "host:port" or "[::1]:port" has one. */
static bool has_port(const char *authority, size_t n)
{
    const char *bracket = memrchr(authority, ']', n);
    const char *from = bracket ? bracket : authority;

    return memchr(from, ':', n - (size_t)(from - authority)) != NULL;
}

int shout_place_read(struct shout_place *place, const char *url)
{
    bool is_tls = !strncasecmp(url, "icecasts://", 11);
    char as_camera[RTSP_URL_BYTES];
    const char *authority, *path;
    int n, ret;

    *place = (struct shout_place){.mount = ""};
    if (!is_tls && strncasecmp(url, "icecast://", 10) != 0)
        return AVERROR(EINVAL);
    n = snprintf(as_camera, sizeof(as_camera), "%s%s", is_tls ? "rtsps" : "rtsp",
                 strstr(url, "://"));
    ret = n < 0 || (size_t)n >= sizeof(as_camera)
              ? AVERROR(EINVAL)
              : rtsp_location_read(&place->location, &place->secrets, as_camera);
    explicit_bzero(as_camera, sizeof(as_camera));
    if (ret < 0)
        return ret;
    authority = strstr(place->location.url, "://") + 3;
    path = authority + strcspn(authority, "/?#");
    if (!has_port(authority, (size_t)(path - authority)))
        place->location.port = ICECAST_PORT;
    n = snprintf(place->mount, sizeof(place->mount), "%s", path);
    return *path == '/' && n > 1 && (size_t)n < sizeof(place->mount) ? 0 : AVERROR(EINVAL);
}
