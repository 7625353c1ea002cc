/* SPDX-License-Identifier: MIT */
/**
 * @file
 * URLs: what of them is shown is without user names and passwords.
 */
#ifndef LIMEF_BASE_URL_H
#define LIMEF_BASE_URL_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** Long enough for what limef_url_mask() writes of any sane URL. */
#define LIMEF_URL_BYTES 512

/**
 * Copies a URL with its user name and password replaced by "***": the user
 * information before the last '@' of the authority (RFC 3986, section 3.2.1;
 * passwords with an unescaped '@' or '/' in them are common), and the values of
 * parameters that name a user or a secret, in its query or in its path, where
 * some cameras have them ("/user=admin_password=x_channel=1.sdp", of which "/user=***"
 * is left). What has no "://" is a file name and is copied as it is.
 *
 * @param masked        written; always terminated, cut to what fits.
 * @param masked_bytes  its size; at least 1.
 * @param url           NULL counts as "".
 * @return masked.
 * Thread: any
 */
LIMEF_API char *limef_url_mask(char *masked, size_t masked_bytes, const char *url);

/**
 * A URL whose password is not printed by mistake: what one prints of it has none. As long as it
 * lives, no line of limef_log() shows its password either. All-zero and limef_url_init().
 */
struct limef_url {
    char *text;  /**< to be shown: as limef_url_mask() writes it; owned */
    char *whole; /**< with its secrets, for who opens it, never for people; owned */
};

/**
 * Copies a URL; the memory that it came from can be wiped.
 *
 * @param url  written; must be all-zero.
 * @return 0, or AVERROR(ENOMEM).
 * Thread: any
 */
LIMEF_API int limef_url_init(struct limef_url *url, const char *text);

/** Overwrites what is secret; all-zero afterwards. Thread: any */
LIMEF_API void limef_url_clear(struct limef_url *url);

/** Whether it could take a password and has none. Thread: any */
LIMEF_API bool limef_url_lacks_password(const struct limef_url *url);

/**
 * Gives it a user and a password, instead of what it has.
 *
 * @param user      as it is typed; NULL: that of the URL stays.
 * @param password  as it is typed; it is percent-encoded.
 * @return 0; AVERROR(EINVAL): it is a file name; AVERROR(ENOMEM): it is as it was.
 * Thread: any, one at a time
 */
LIMEF_API int limef_url_set_login(struct limef_url *url, const char *user, const char *password);

LIMEF_END_DECLS

#endif
