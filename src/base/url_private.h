/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_SRC_BASE_URL_PRIVATE_H
#define LIMEF_SRC_BASE_URL_PRIVATE_H

#include <stddef.h>

/* The '@' that ends the user information of a URL, which is given from behind "://" on; NULL: it
 * has none. */
const char *url_user_end(const char *authority);

/* The same where it is to be hidden: also behind what may be a port and a path, or else a password
 * of digits with '/', '?' or '#' behind them. */
const char *url_secret_end(const char *authority);

/* As limef_url_mask(), of a line in which there may be a URL, and parameters without one: a part of
 * a URL that somebody wrote back. */
void url_mask_line(char *masked, size_t masked_bytes, const char *line);

#endif
