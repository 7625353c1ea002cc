/* SPDX-License-Identifier: MIT */
/*
 * Passwords that are in use, so that no line shows one however it got there: as it is, with
 * percent-encoding, or in base64 with its user.
 */
#ifndef LIMEF_SRC_BASE_SECRET_H
#define LIMEF_SRC_BASE_SECRET_H

#include <stddef.h>

/* Shorter ones are not looked for: they would be found everywhere. */
#define SECRET_BYTES_MIN 4
/* As it is typed, with the zero behind it; of one that is longer only so much is looked for. */
#define SECRET_BYTES_MAX 256
/* The longest that is looked for: all of it percent-encoded. */
#define SECRET_FORM_BYTES (3 * SECRET_BYTES_MAX + 1)

/*
 * Keeps the password of a URL's user information, "user:password" as it is written there, until it
 * was forgotten as often.
 *
 * Returns 0, also if there is none; or AVERROR(ENOMEM). Thread: any
 */
int secret_keep(const char *info, size_t n_bytes);
void secret_forget(const char *info, size_t n_bytes);

/* The same of a whole URL, or what has no user information; NULL: nothing. */
int secret_keep_url(const char *url);
void secret_forget_url(const char *url);

/* And of a user and a password as they are typed. */
int secret_keep_login(const char *user, const char *password);
void secret_forget_login(const char *user, const char *password);

/* Replaces each in a text by "***", in place. Thread: any */
void secret_hide(char *text);

/* Percent-decodes (RFC 3986 section 2.1), cut to what fits; what is no escape stays. */
void secret_decode(char *to, size_t to_bytes, const char *from, size_t n_bytes);

/* Percent-encodes all but unreserved characters, cut to what fits. */
void secret_encode(char *to, size_t to_bytes, const char *from);

#endif
