/* SPDX-License-Identifier: MIT */
/*
 * Answers to a server that wants to know who asks: Basic (RFC 7617) and Digest
 * (RFC 7616, RFC 2069 where a server has no qop) with MD5, SHA-256 and
 * SHA-512-256, plain and -sess.
 */
#ifndef LIMEF_SRC_RTSP_AUTH_H
#define LIMEF_SRC_RTSP_AUTH_H

#include "rtsp/message.h"

#define RTSP_AUTH_TEXT_BYTES 256
/* Enough for what rtsp_auth_write() makes of any challenge that was taken. */
#define RTSP_AUTH_HEADER_BYTES 4096

/* From the weakest to the strongest. */
enum rtsp_auth_scheme {
    RTSP_AUTH_NONE,
    RTSP_AUTH_BASIC,
    RTSP_AUTH_DIGEST_MD5,
    RTSP_AUTH_DIGEST_SHA256,
    RTSP_AUTH_DIGEST_SHA512_256,
};

/* What the server last asked for. All-zero: nothing yet. */
struct rtsp_auth {
    enum rtsp_auth_scheme scheme;
    bool is_session; /* -sess */
    bool has_qop;
    bool is_stale;    /* the last answer was right, but its nonce too old */
    bool was_right;   /* written by who asks: an answer with this nonce was taken */
    uint32_t n_asked; /* requests with this nonce: nc */
    uint64_t client;  /* cnonce */
    char realm[RTSP_AUTH_TEXT_BYTES], nonce[RTSP_AUTH_TEXT_BYTES], opaque[RTSP_AUTH_TEXT_BYTES];
    char algorithm[24]; /* as the server wrote it; "": it did not */
};

/* Who asks. */
struct rtsp_auth_user {
    const char *user, *password; /* borrowed */
};

/*
 * Takes the strongest challenge of an answer with status 401 that is understood.
 *
 * random  for the client's own nonce.
 * Returns 0; AVERROR(EACCES): the same challenge again, so that user or password are wrong, unless
 * they were right before: not every server says that its nonce is stale;
 * AVERROR(ENOSYS): none that is understood. Nothing is logged.
 */
int rtsp_auth_take(struct rtsp_auth *auth, const struct rtsp_item *answer, uint64_t random);

/*
 * Writes the value of an Authorization header, for one request.
 *
 * uri   as in the request line.
 * text  written.
 * Returns 0; AVERROR(EINVAL): no challenge yet; AVERROR(ENOSPC); AVERROR(ENOMEM).
 */
int rtsp_auth_write(struct rtsp_auth *auth, const struct rtsp_auth_user *user, const char *method,
                    const char *uri, char text[RTSP_AUTH_HEADER_BYTES]);

#endif
