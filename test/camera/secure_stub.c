/* SPDX-License-Identifier: MIT */
#include "camera/secure.h"

struct secure_keys *secure_keys_make(void)
{
    return NULL;
}

void secure_keys_clear(struct secure_keys *keys)
{
    (void)keys;
}

const char *secure_keys_fingerprint(const struct secure_keys *keys)
{
    (void)keys;
    return "";
}

struct secure *secure_begin(struct session *session, const struct secure_keys *keys,
                            bool with_other)
{
    (void)session;
    (void)keys;
    (void)with_other;
    return NULL;
}

void secure_end(struct secure *secure)
{
    (void)secure;
}

bool secure_is_open(const struct secure *secure)
{
    (void)secure;
    return false;
}

bool secure_receive(struct secure *secure, const void *data, size_t bytes)
{
    (void)secure;
    (void)data;
    (void)bytes;
    return false;
}

void secure_write(struct secure *secure, const void *data, size_t bytes)
{
    (void)secure;
    (void)data;
    (void)bytes;
}

void secure_say_goodbye(struct secure *secure)
{
    (void)secure;
}

void secure_alert(struct secure *secure, bool is_fatal)
{
    (void)secure;
    (void)is_fatal;
}
