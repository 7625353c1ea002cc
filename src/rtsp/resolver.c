/* SPDX-License-Identifier: MIT */
#include "rtsp/resolver.h"

#include "base/memory_private.h"

#include <errno.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HOST_BYTES 256
#define STACK_BYTES (256 * 1024) /* what the C library's name services want, and some */

struct resolver {
    atomic_int n_users; /* the asker and the thread; acq_rel: the last one frees it */
    atomic_int is_done; /* release; pairs with the asker's acquire */
    int fd;             /* eventfd */
    char host[HOST_BYTES];
    uint16_t port;

    /* written by the thread before is_done */
    int code; /* of getaddrinfo() */
    struct resolver_addresses addresses;
};

/* The first from `from` on that is, or is not, of that family; NULL. */
static const struct addrinfo *find(const struct addrinfo *from, int family, bool is_of_it)
{
    while (from && (from->ai_family == family) != is_of_it)
        from = from->ai_next;
    return from;
}

/* A family that does not get through is not tried to its end before the other one. */
void resolver_take_in_turn(struct resolver_addresses *addresses, const struct addrinfo *found)
{
    int family = found->ai_family;
    const struct addrinfo *next[2] = {found, find(found, family, false)};

    addresses->n = 0;
    for (unsigned turn = 0; (next[0] || next[1]) && addresses->n < RESOLVER_MOST; turn ^= 1) {
        const struct addrinfo *taken = next[turn];

        if (!taken)
            continue;
        next[turn] = find(taken->ai_next, family, turn == 0);
        memcpy(&addresses->list[addresses->n].address, taken->ai_addr, taken->ai_addrlen);
        addresses->list[addresses->n++].bytes = taken->ai_addrlen;
    }
}

static int look_up(const char *host, uint16_t port, int flags, struct resolver_addresses *addresses)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    char service[8];
    int code;

    snprintf(service, sizeof(service), "%u", port);
    code = getaddrinfo(host, service, &hints, &found);
    if (code == 0) {
        resolver_take_in_turn(addresses, found);
        freeaddrinfo(found);
    }
    return code;
}

static void unref(struct resolver *resolver)
{
    if (atomic_fetch_sub_explicit(&resolver->n_users, 1, memory_order_acq_rel) > 1)
        return;
    close(resolver->fd);
    memory_release(resolver);
}

static void *resolve(void *argument)
{
    struct resolver *resolver = argument;

    resolver->code = look_up(resolver->host, resolver->port, AI_ADDRCONFIG | AI_NUMERICSERV,
                             &resolver->addresses);
    atomic_store_explicit(&resolver->is_done, 1, memory_order_release);
    eventfd_write(resolver->fd, 1);
    unref(resolver);
    return NULL;
}

/* A thread that nobody joins, and that gets no signals of the application. */
static int start(struct resolver *resolver)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    int error;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = memory_permits() ? pthread_create(&thread, &attributes, resolve, resolver) : EAGAIN;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return AVERROR(error == EAGAIN ? ENOMEM : error); /* no thread; it is no wait */
}

int resolver_open(struct resolver **resolver, const char *host, uint16_t port)
{
    struct resolver *made;
    int ret;

    if (strlen(host) >= HOST_BYTES)
        return AVERROR(ENOENT);
    made = memory_allocate(sizeof(*made));
    if (!made)
        return AVERROR(ENOMEM);
    atomic_init(&made->n_users, 2);
    snprintf(made->host, sizeof(made->host), "%s", host);
    made->port = port;
    made->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ret = made->fd < 0 ? AVERROR(errno) : start(made);
    if (ret < 0) {
        if (made->fd >= 0)
            close(made->fd);
        memory_release(made);
        return ret;
    }
    *resolver = made;
    return 0;
}

int resolver_fd(const struct resolver *resolver)
{
    return resolver->fd;
}

int resolver_take(struct resolver *resolver, struct resolver_addresses *addresses, const char **why)
{
    if (!atomic_load_explicit(&resolver->is_done, memory_order_acquire))
        return AVERROR(EAGAIN);
    if (resolver->code) {
        *why = gai_strerror(resolver->code);
        return resolver->code == EAI_NONAME ? AVERROR(ENOENT) : AVERROR(EIO);
    }
    *addresses = resolver->addresses;
    return 0;
}

void resolver_close(struct resolver **resolver)
{
    if (*resolver)
        unref(*resolver);
    *resolver = NULL;
}

int resolver_read_number(const char *host, uint16_t port, struct resolver_addresses *address)
{
    return look_up(host, port, AI_NUMERICHOST | AI_NUMERICSERV, address) == 0 ? 0 : AVERROR(EINVAL);
}
