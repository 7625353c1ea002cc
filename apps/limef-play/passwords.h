/* SPDX-License-Identifier: MIT */
/* Users and passwords for URLs that have none, of limef-play and limef-graph. */
#ifndef LIMEF_PLAY_PASSWORDS_H
#define LIMEF_PLAY_PASSWORDS_H

#include <limef/base/url.h>

struct password_login {
    const char *which;    /* the number of a URL from 1, a host, a host:port, or "*" */
    const char *user;     /* NULL: that of the URL */
    const char *password; /* as it is typed */
};

/* All-zero: none. */
struct passwords {
    char *text; /* owned; what they were read from, cut into strings */
    size_t n_bytes;
    struct password_login *logins; /* owned */
    unsigned n_logins;
};

/*
 * Takes passwords from a text. A line is "WHICH USER PASSWORD", the password is the rest of it. A
 * text of one line without blanks is the password of all.
 *
 * program  what lines of the log are called by.
 * Returns 0; AVERROR(EINVAL) for a line that is none, AVERROR(ENOMEM), logged: there are none then.
 */
int passwords_parse(struct passwords *passwords, const char *program, const char *text);

/*
 * Reads them.
 *
 * path  of a file; "-": standard input; NULL: of the descriptor.
 * fd    -1: none; without a path there are none then.
 * Returns as passwords_parse(), or what reading failed with.
 */
int passwords_read(struct passwords *passwords, const char *program, const char *path, int fd);

/*
 * Gives a URL what is meant for it, if it could take a password and has none: the first that fits.
 *
 * number  of the URL, from 1.
 * Returns 0, also if there is nothing for it, or AVERROR(ENOMEM).
 */
int passwords_give(const struct passwords *passwords, struct limef_url *url, unsigned number);

/* Overwrites and releases them; all-zero afterwards. */
void passwords_clear(struct passwords *passwords);

#endif
