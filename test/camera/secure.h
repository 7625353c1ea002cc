/* SPDX-License-Identifier: MIT */
/* TLS of the cameras, the server's side; where there is no TLS, no camera is secure. */
#ifndef LIMEF_TEST_CAMERA_SECURE_H
#define LIMEF_TEST_CAMERA_SECURE_H

#include <stdbool.h>
#include <stddef.h>

struct secure;
struct secure_keys;
struct session;

/* Two certificates: the right one, and another. NULL: there is no TLS. */
struct secure_keys *secure_keys_make(void);
void secure_keys_clear(struct secure_keys *keys);
/* SHA-256 of the right one, in hexadecimal. */
const char *secure_keys_fingerprint(const struct secure_keys *keys);

/* Begins to speak TLS in a session. */
struct secure *secure_begin(struct session *session, const struct secure_keys *keys,
                            bool with_other);
void secure_end(struct secure *secure);

/* Whether hands were shaken. */
bool secure_is_open(const struct secure *secure);
/* Takes what came by the network; what it means is added to session->in. Returns false: it is over.
 */
bool secure_receive(struct secure *secure, const void *data, size_t bytes);
void secure_write(struct secure *secure, const void *data, size_t bytes);

/* In the middle of a session: what it was told of is over, and what is none. */
void secure_say_goodbye(struct secure *secure);
void secure_alert(struct secure *secure, bool is_fatal);

#endif
