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

/* Whom a session trusts: read by a thread of its own, once for all who trust the same. */
struct rtsp_trust;

/*
 * Begins to read whom these settings trust, if nobody did within the last hour, or, since a
 * certificate was not right, the last minute.
 *
 * trust     NULL, or what is left for it; owned.
 * settings  borrowed for the call. NULL: the defaults.
 * Returns 0; AVERROR(ENOMEM), or what a descriptor was refused with: trust is as before;
 * AVERROR(ENOSYS): this build has no TLS. Thread: any
 */
int rtsp_trust_take(struct rtsp_trust **trust, const struct limef_rtsp_tls_settings *settings);

/* Readable once it is read. */
int rtsp_trust_fd(const struct rtsp_trust *trust);

/* Returns 0: it is read; AVERROR(EAGAIN); AVERROR(ENOSYS): there is no TLS here; AVERROR(EINVAL):
 * the CA file cannot be read; AVERROR(ENOMEM). why: written on failure, but for EAGAIN. */
int rtsp_trust_look(const struct rtsp_trust *trust, char why[RTSP_TLS_WHY_BYTES]);

/* It did not vouch for somebody: what it was read from may have changed. */
void rtsp_trust_doubt(struct rtsp_trust *trust);

/* Leaves it, also while it is read; the last one who does releases it. NULL does nothing. */
void rtsp_trust_leave(struct rtsp_trust **trust);

/*
 * Prepares a session.
 *
 * tls       written; owned.
 * host      that the certificate has to be of.
 * settings  borrowed for the call. NULL: the defaults.
 * trust     of those; read. Borrowed; must outlive the session.
 * why       written on failure.
 * Returns 0; AVERROR(EINVAL): the fingerprint cannot be read; AVERROR(ENOMEM).
 */
int rtsp_tls_open(struct rtsp_tls **tls, int fd, const char *host,
                  const struct limef_rtsp_tls_settings *settings, struct rtsp_trust *trust,
                  char why[RTSP_TLS_WHY_BYTES]);

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
