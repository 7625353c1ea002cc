/* SPDX-License-Identifier: MIT */
#include "rtsp/location.h"

#include <ctype.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RTSP_PORT 554  /* RFC 2326 section 1.3 */
#define RTSPS_PORT 322 /* RFC 7826 section 22.11 */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : tolower((unsigned char)c) >= 'a' && tolower((unsigned char)c) <= 'f'
               ? tolower((unsigned char)c) - 'a' + 10
               : -1;
}

/* Percent-decodes; what is no escape stays. Returns false: no room, or a control character. */
static bool decode(char *to, size_t to_bytes, const char *from, size_t length)
{
    size_t n = 0;

    for (size_t i = 0; i < length; i++) {
        int high = from[i] == '%' && i + 2 < length ? hex_value(from[i + 1]) : -1;
        int low = high >= 0 ? hex_value(from[i + 2]) : -1;

        if (n + 1 >= to_bytes)
            return false;
        to[n] = low >= 0 ? (char)(high << 4 | low) : from[i];
        if (rtsp_is_control(to[n++]))
            return false;
        i += low >= 0 ? 2 : 0;
    }
    to[n] = '\0';
    return true;
}

/* The '@' behind user and password, which may hold '@' and '/' themselves; NULL: there are none. */
static const char *find_user_end(const char *authority)
{
    const char *end = authority + strcspn(authority, "/?#");
    const char *in_authority = memrchr(authority, '@', (size_t)(end - authority));
    const char *last = strrchr(authority, '@'), *colon;

    if (in_authority || !last)
        return in_authority;
    /* "user:pa/ss@host": a port that is no number gives it away */
    colon = memchr(authority, ':', (size_t)(end - authority));
    return colon && *authority != '[' &&
                   strspn(colon + 1, "0123456789") != (size_t)(end - colon - 1)
               ? last
               : NULL;
}

static int read_secrets(struct rtsp_secrets *secrets, const char *text, size_t length)
{
    const char *colon = memchr(text, ':', length);
    size_t user = colon ? (size_t)(colon - text) : length;

    if (!decode(secrets->user, sizeof(secrets->user), text, user))
        return AVERROR(EINVAL);
    if (colon &&
        !decode(secrets->password, sizeof(secrets->password), colon + 1, length - user - 1))
        return AVERROR(EINVAL);
    return 0;
}

/* "[::1]:554" or "host:554", up to end. */
static int read_host(struct rtsp_location *location, const char *text, const char *end)
{
    bool is_literal = *text == '[';
    const char *host_end = is_literal ? memchr(text, ']', (size_t)(end - text))
                                      : memchr(text, ':', (size_t)(end - text));
    const char *port;
    long number;

    if (!host_end && is_literal)
        return AVERROR(EINVAL);
    host_end = host_end ? host_end : end;
    text += is_literal;
    if (host_end == text || host_end - text >= (ptrdiff_t)sizeof(location->host))
        return AVERROR(EINVAL);
    memcpy(location->host, text, (size_t)(host_end - text));
    location->host[host_end - text] = '\0';
    port = host_end + is_literal;
    if (port == end)
        return 0;
    number = strtol(port + 1, NULL, 10);
    if (*port != ':' || (size_t)(end - port - 1) != strspn(port + 1, "0123456789") || number < 1 ||
        number > 65535)
        return AVERROR(EINVAL);
    location->port = (uint16_t)number;
    return 0;
}

int rtsp_location_read(struct rtsp_location *location, struct rtsp_secrets *secrets,
                       const char *url)
{
    bool is_tls = !strncasecmp(url, "rtsps://", 8);
    const char *authority, *user_end, *end;
    int n, ret;

    *location = (struct rtsp_location){.is_tls = is_tls, .port = is_tls ? RTSPS_PORT : RTSP_PORT};
    if (!is_tls && strncasecmp(url, "rtsp://", 7) != 0)
        return AVERROR(EINVAL);
    for (const char *c = url; *c; c++)
        if (*c == ' ' || rtsp_is_control(*c))
            return AVERROR(EINVAL); /* it would end a header's line */
    authority = strstr(url, "://") + 3;
    user_end = find_user_end(authority);
    if (user_end && secrets) {
        *secrets = (struct rtsp_secrets){.user = ""};
        ret = read_secrets(secrets, authority, (size_t)(user_end - authority));
        if (ret < 0)
            return ret;
    }
    authority = user_end ? user_end + 1 : authority;
    end = authority + strcspn(authority, "/?#");
    ret = read_host(location, authority, end);
    if (ret < 0)
        return ret;
    n = snprintf(location->url, sizeof(location->url), "%s%.*s%s", is_tls ? "rtsps://" : "rtsp://",
                 (int)strcspn(authority, "#"), authority, *end ? "" : "/");
    return n < 0 || (size_t)n >= sizeof(location->url) ? AVERROR(EINVAL) : 0;
}

void rtsp_secrets_wipe(struct rtsp_secrets *secrets)
{
    explicit_bzero(secrets, sizeof(*secrets));
}
