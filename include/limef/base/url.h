/* SPDX-License-Identifier: MIT */
/**
 * @file
 * URLs in logs and reports: without user names and passwords.
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
 * query parameters that name a user or a secret. What has no "://" is a file
 * name and is copied as it is.
 *
 * @param masked        written; always terminated, cut to what fits.
 * @param masked_bytes  its size; at least 1.
 * @param url           NULL counts as "".
 * @return masked.
 * Thread: any
 */
LIMEF_API char *limef_url_mask(char *masked, size_t masked_bytes, const char *url);

LIMEF_END_DECLS

#endif
