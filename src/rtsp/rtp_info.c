/* SPDX-License-Identifier: MIT */
#include "rtsp/rtp_info.h"

#include "rtsp/location.h"
#include "rtsp/message.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Up to the comma before the next one. */
static size_t entry_bytes(const char *info)
{
    bool is_quoted = false;
    size_t n = 0;

    for (; info[n] && (info[n] != ',' || is_quoted); n++)
        is_quoted ^= info[n] == '"';
    return n;
}

/* In RTSP 2.0 it is url="rtsp://..." ssrc=0A13C760:seq=45102;rtptime=12345678. Behind a URL that is
 * quoted, what separates parameters becomes what separates them in RTSP 1.0. */
static void flatten(char *entry)
{
    char *begin = strchr(entry, '"'), *end = begin ? strchr(begin + 1, '"') : NULL;

    for (; end && *end; end++)
        if (*end == ' ' || *end == ':')
            *end = ';';
}

/* Whether it is the stream's URL, perhaps with something behind it: not "track12" for "track1". */
static bool is_of(const char *control, const char *url, size_t bytes)
{
    size_t length = strlen(control);

    return bytes >= length && !strncmp(url, control, length) &&
           (bytes == length || !isalnum((unsigned char)url[length]));
}

static struct rtsp_first read_entry(const char *entry)
{
    struct rtsp_first first = {.sequence = -1};
    size_t bytes;
    const char *number = rtsp_parameter(entry, ';', "seq", &bytes), *timestamp;

    if (!number || bytes == 0)
        return first;
    first.sequence = atoi(number) & UINT16_MAX;
    timestamp = rtsp_parameter(entry, ';', "rtptime", &bytes);
    first.has_timestamp = timestamp && bytes > 0;
    if (first.has_timestamp)
        first.timestamp = (uint32_t)strtoul(timestamp, NULL, 10);
    return first;
}

struct rtsp_first rtp_info_read(const char *info, const char *control, bool is_only)
{
    while (*info) {
        size_t length = entry_bytes(info), url_bytes;
        char entry[RTSP_URL_BYTES + 64];
        struct rtsp_first first;
        const char *url;

        snprintf(entry, sizeof(entry), "%.*s", (int)length, info);
        flatten(entry);
        url = rtsp_parameter(entry, ';', "url", &url_bytes);
        first = read_entry(entry);
        if (first.sequence >= 0 && (is_only || (url && is_of(control, url, url_bytes))))
            return first;
        info += length + (info[length] == ',');
        info += strspn(info, " \t");
    }
    return (struct rtsp_first){.sequence = -1};
}
