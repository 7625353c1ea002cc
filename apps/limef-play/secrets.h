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
 * none, as passwords.h has it. Returns 0, or a negative AVERROR code, logged.
 */
int secrets_read(struct play_options *options);

/* Overwrites and releases all. */
void secrets_clear(struct play_options *options);

#endif
