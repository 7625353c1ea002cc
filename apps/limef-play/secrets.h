/* SPDX-License-Identifier: MIT */
/*
 * Passwords: out of the process's arguments, and in from a file or a descriptor.
 */
#ifndef LIMEF_PLAY_SECRETS_H
#define LIMEF_PLAY_SECRETS_H

#include "options.h"

/*
 * Copies all URLs, and overwrites what the arguments, or the text that they were read from, show of
 * users and passwords: no list of processes shows them from here on.
 * Returns 0, or AVERROR(ENOMEM), logged.
 */
int secrets_take(struct play_options *options);

/*
 * Reads passwords as --password-file and --password-fd say, and gives them to the URLs that have
 * none. Returns 0, or a negative AVERROR code, logged.
 */
int secrets_read(struct play_options *options);

/*
 * Gives passwords from a text to URLs that have none. A line is "WHICH USER PASSWORD": WHICH is the
 * number of a URL from 1, a host, a host:port, or *; the password is the rest of the line. A text
 * of one line without blanks is the password of all. The first line that fits counts.
 *
 * text  is written to. Returns 0, or AVERROR(EINVAL) for a line that is none, AVERROR(ENOMEM).
 */
int secrets_apply(struct play_options *options, char *text);

/* Overwrites and releases all. */
void secrets_clear(struct play_options *options);

#endif
