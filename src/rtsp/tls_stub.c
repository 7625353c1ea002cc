/* SPDX-License-Identifier: MIT */
/* This build has no TLS. */
#include "rtsp/tls.h"

#include <libavutil/error.h>
#include <stdio.h>

int rtsp_trust_take(struct rtsp_trust **trust, const struct limef_rtsp_tls_settings *settings)
{
    (void)trust;
    (void)settings;
    return AVERROR(ENOSYS);
}

int rtsp_trust_fd(const struct rtsp_trust *trust)
{
    (void)trust;
    return -1;
}

int rtsp_trust_look(const struct rtsp_trust *trust, char why[RTSP_TLS_WHY_BYTES])
{
    (void)trust;
    snprintf(why, RTSP_TLS_WHY_BYTES, "this build has no TLS");
    return AVERROR(ENOSYS);
}

void rtsp_trust_doubt(struct rtsp_trust *trust)
{
    (void)trust;
}

void rtsp_trust_leave(struct rtsp_trust **trust)
{
    (void)trust;
}

int rtsp_tls_open(struct rtsp_tls **tls, int fd, const char *host,
                  const struct limef_rtsp_tls_settings *settings, struct rtsp_trust *trust,
                  char why[RTSP_TLS_WHY_BYTES])
{
    (void)tls;
    (void)fd;
    (void)host;
    (void)settings;
    (void)trust;
    (void)why;
    return AVERROR(ENOSYS);
}

int rtsp_tls_shake_hands(struct rtsp_tls *tls, bool *wants_write, char why[RTSP_TLS_WHY_BYTES])
{
    (void)tls;
    (void)wants_write;
    (void)why;
    return AVERROR(ENOSYS);
}

ssize_t rtsp_tls_receive(struct rtsp_tls *tls, void *data, size_t bytes)
{
    (void)tls;
    (void)data;
    (void)bytes;
    return AVERROR(ENOSYS);
}

ssize_t rtsp_tls_send(struct rtsp_tls *tls, const void *data, size_t bytes)
{
    (void)tls;
    (void)data;
    (void)bytes;
    return AVERROR(ENOSYS);
}

void rtsp_tls_close(struct rtsp_tls **tls)
{
    (void)tls;
}
