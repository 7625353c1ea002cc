/* SPDX-License-Identifier: MIT */
/*
 * Where a camera is, and who asks: a URL taken apart so that the part that is
 * printed and sent has no password in it.
 */
#ifndef LIMEF_SRC_RTSP_LOCATION_H
#define LIMEF_SRC_RTSP_LOCATION_H

#include <stdbool.h>
#include <stdint.h>

#define RTSP_URL_BYTES 1024

/* What would end the line of a header, or a string. */
static inline bool rtsp_is_control(char c)
{
    return (unsigned char)c < ' ' || c == 127;
}

struct rtsp_location {
    char url[RTSP_URL_BYTES]; /* without user and password; as it goes into requests */
    char host[256];           /* without the brackets of an IPv6 address */
    uint16_t port;
    bool is_tls;
};

struct rtsp_secrets {
    char user[128], password[128]; /* "" where the URL has none */
};

/*
 * Takes a URL apart: rtsp:// or rtsps://.
 *
 * secrets  written, percent-decoded; NULL: what the URL has of them is dropped.
 * Returns 0; AVERROR(EINVAL): another scheme, no host, a port that is none, too long, or what
 * would be a control character.
 */
int rtsp_location_read(struct rtsp_location *location, struct rtsp_secrets *secrets,
                       const char *url);

/* Overwrites them so that the compiler does not leave it out. */
void rtsp_secrets_wipe(struct rtsp_secrets *secrets);

#endif
