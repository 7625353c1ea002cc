/* SPDX-License-Identifier: MIT */
/*
 * TLS on a connected socket that does not block. Verified unless the
 * application says otherwise: against the system's authorities, a file of them,
 * or the fingerprint of one certificate.
 */
#ifndef LIMEF_SRC_RTSP_TLS_H
#define LIMEF_SRC_RTSP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RTSP_TLS_WHY_BYTES 128

struct rtsp_tls;
struct limef_rtsp_tls_settings;

/*
 * Prepares a session.
 *
 * tls       written; owned.
 * host      that the certificate has to be of.
 * settings  borrowed; must outlive the session. NULL: the defaults.
 * why       written on failure.
 * Returns 0; AVERROR(ENOSYS): this build has no TLS; AVERROR(EINVAL): the CA file or the
 * fingerprint cannot be read; AVERROR(ENOMEM).
 */
int rtsp_tls_open(struct rtsp_tls **tls, int fd, const char *host,
                  const struct limef_rtsp_tls_settings *settings, char why[RTSP_TLS_WHY_BYTES]);

/*
 * Goes on with the handshake.
 *
 * wants_write  written if it is not done: wait for the socket to be writable instead of readable.
 * why          written on failure.
 * Returns 0: done, and the certificate is right; AVERROR(EAGAIN); AVERROR(EACCES): not verified;
 * AVERROR(EIO): no TLS could be agreed on.
 */
int rtsp_tls_shake_hands(struct rtsp_tls *tls, bool *wants_write, char why[RTSP_TLS_WHY_BYTES]);

/* As recv() and send() that do not block, with AVERROR codes; 0 of receive: the end. */
ssize_t rtsp_tls_receive(struct rtsp_tls *tls, void *data, size_t bytes);
ssize_t rtsp_tls_send(struct rtsp_tls *tls, const void *data, size_t bytes);

/* Releases it; says goodbye if that does not block. NULL does nothing. */
void rtsp_tls_close(struct rtsp_tls **tls);

#endif
