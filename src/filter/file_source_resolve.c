/* SPDX-License-Identifier: MIT */
/*
 * Names of hosts: libavformat asks the system with a call that cannot be interrupted. So it is
 * asked before, on another thread; what it does not answer in time libavformat is not given.
 */
#include "filter/file_source_private.h"

#include "base/libavformat.h"
#include "rtsp/resolver.h"

#include <libavutil/avstring.h>
#include <poll.h>
#include <stdlib.h>

#define HOST_BYTES 256
#define POLL_MS 50 /* how late a stop or a deadline may be noticed */

/* Whether what the URL names is asked for an address, and not a proxy. */
static bool has_host(const char *url, char host[HOST_BYTES])
{
    static const char *const schemes[] = {"http", "https", "tcp", "tls",  "rtsp",   "rtsps",
                                          "rtmp", "rtmps", "udp", "rtp",  "srtp",   "srt",
                                          "ftp",  "sftp",  "hls", "mmsh", "icecast"};
    struct resolver_addresses address;
    char scheme[16];

    libavformat.av_url_split(scheme, sizeof(scheme), NULL, 0, host, HOST_BYTES, NULL, NULL, 0, url);
    if (av_stristart(scheme, "http", NULL) && getenv("http_proxy"))
        return false;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (!av_strcasecmp(scheme, schemes[i]))
            return *host && resolver_read_number(host, 0, &address) < 0;
    return false;
}

int file_source_resolve(struct limef_file_source *file)
{
    struct resolver *resolver;
    char host[HOST_BYTES];
    struct pollfd answer = {.events = POLLIN};
    int ret;

    if (!has_host(file->settings.url, host))
        return 0;
    ret = resolver_open(&resolver, host, 0, false);
    if (ret < 0)
        return ret;
    file_source_may_block(file);
    answer.fd = resolver_fd(resolver);
    /* what the answer is libavformat shall say */
    while (!file_source_is_interrupted(file) && poll(&answer, 1, POLL_MS) <= 0)
        ;
    ret = answer.revents & POLLIN ? 0 : file_source_why(file, AVERROR_EXIT);
    LIMEF_COUNT(file->n_lost_names, ret == AVERROR(ETIMEDOUT));
    resolver_close(&resolver);
    return ret;
}
