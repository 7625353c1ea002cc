/* SPDX-License-Identifier: MIT */
/*
 * Whom a camera's certificate has to satisfy: as the options say for all, or as the fragment of its
 * own URL does, which comes first.
 */
#ifndef LIMEF_PLAY_TRUST_H
#define LIMEF_PLAY_TRUST_H

#include "options.h"

#include <limef/filter/rtsp_source.h>

#define TRUST_BYTES 1024

struct play_trust {
    struct limef_rtsp_tls_settings tls;
    char text[TRUST_BYTES]; /* what the URL says */
};

/* Whether a text is a fingerprint as --tls-fingerprint takes it. */
bool trust_is_fingerprint(const char *text);

/* Whether the fragment of a URL says whom to trust. */
bool trust_is_told(const char *url);

/*
 * Reads it: "#tls-ca=FILE" or "#tls-fingerprint=HASH", percent-encoded, '&' before what else the
 * fragment has.
 *
 * trust  written; points into itself and into the options.
 * name   whose it is, for the log.
 * Returns 0; a negative AVERROR code, logged: none of that, both, or a file that cannot be read.
 */
int trust_read(struct play_trust *trust, const char *name, const char *url,
               const struct play_options *options);

#endif
