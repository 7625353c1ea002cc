/* SPDX-License-Identifier: MIT */
/*
 * A connection to a server of streams: in a module in the folder "limef" beside this library, since
 * few processes need its library.
 */
#ifndef LIMEF_SRC_FILTER_SHOUT_CLIENT_H
#define LIMEF_SRC_FILTER_SHOUT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resolver_addresses;
struct shout_client;

#define SHOUT_CLIENT_FILE "limef-shout.so"
#define SHOUT_CLIENT_SYMBOL "limef_shout_client"
#define SHOUT_CLIENT_ABI 5

/* As detached_start(). */
typedef int shout_start_thread_fn(void *(*run)(void *context), void *context, size_t stack_bytes);

struct shout_target {
    const char *host, *user, *password, *mount, *name; /* borrowed for the call */
    int64_t timeout_us;                                /* of a server that takes nothing */
    uint16_t port;
    bool is_tls;
    shout_start_thread_fn *start_thread;
};

/* None of these waits, neither for the server nor for its name. */
struct shout_client_ops {
    int abi;
    int (*make)(struct shout_client **client, const struct shout_target *target);
    /* Begins to connect to the first address that does not refuse at once; it is not connected. */
    int (*connect)(struct shout_client *client, const struct resolver_addresses *addresses);
    /* Returns 0: connected; AVERROR(EAGAIN): not yet; or why it failed. */
    int (*poll)(struct shout_client *client);
    /* Once it is connected: has the system end a connection of which nothing is taken for
     * timeout_us. Returns 0, or why it cannot. */
    int (*limit)(struct shout_client *client);
    /* Queues bytes and sends what the server takes. */
    int (*send)(struct shout_client *client, const uint8_t *bytes, size_t n_bytes);
    /* Sends what the server takes, and returns how many bytes still wait; or a failure. */
    int64_t (*waiting)(struct shout_client *client);
    /* For people; valid until the next call. NULL: what the code says. */
    const char *(*why)(struct shout_client *client);
    /* Returns 0; AVERROR(EBUSY): its library still waits for something, and it can only be released
     * now. */
    int (*disconnect)(struct shout_client *client);
    void (*release)(struct shout_client *client);
};

#endif
