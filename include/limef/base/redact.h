/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The redactor: what any line of this library or of libavformat goes through
 * before somebody sees it. It hides the passwords that sources and URLs are using,
 * however they are written, and what looks like one in a URL. doc/cameras.md
 */
#ifndef LIMEF_BASE_REDACT_H
#define LIMEF_BASE_REDACT_H

#include <limef/base/api.h>

#include <stdarg.h>

LIMEF_BEGIN_DECLS

/**
 * Copies a line without secrets: passwords in use of four characters or more are replaced by "***",
 * as they are typed, percent-encoded, or in base64 with their user; then each URL is written as
 * limef_url_mask() does, and parameters that stand without one likewise. limef_log() and
 * limef_fail() do it with every line, and what a camera says of itself in states is written so.
 *
 * @param redacted  written; always terminated, cut to what fits.
 * @param n_bytes   its size; at least 1.
 * @param line      NULL counts as "".
 * @return redacted.
 * Thread: any
 */
LIMEF_API char *limef_redact(char *redacted, size_t n_bytes, const char *line);

/**
 * For av_log_set_callback(): what FFmpeg's libraries log, up to av_log_get_level(), at level debug
 * of limef's log, as "libav". Without it FFmpeg's own callback prints URLs as they are.
 *
 * Thread: any
 */
LIMEF_API void limef_redact_libav(void *object, int level, const char *format, va_list arguments);

LIMEF_END_DECLS

#endif
