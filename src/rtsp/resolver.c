/* SPDX-License-Identifier: MIT */
#include "rtsp/resolver.h"

#include "base/detached.h"
#include "base/memory_private.h"

#include <errno.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HOST_BYTES 256
#define STACK_BYTES (256 * 1024) /* what the C library's name services want, and some */
/* That ask the system at the same time; and of those, for names that hung before. */
#define MOST_THREADS 8
#define MOST_SLOW 4

/* A name that is asked for once, however many want it. */
struct question {
    struct question *next;
    struct resolver *askers; /* borrowed; NULL: nobody wants it any more */
    bool is_asked;           /* a thread waits for the system */
    bool is_slow;
    char host[HOST_BYTES];
};

struct resolver {
    int fd; /* eventfd */
    uint16_t port;

    /* protected by lock */
    struct question *question; /* NULL: it is answered */
    struct resolver *next;     /* of the same question */
    int code;                  /* of getaddrinfo() */
    struct resolver_addresses addresses;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* protected by lock */
static struct question *questions; /* in the order in which they came */
static unsigned n_threads, n_slow; /* that ask */

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

static int look_up(const char *host, int flags, struct resolver_addresses *addresses)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, NULL, &hints, &found);

    if (code == 0) {
        resolver_take_in_turn(addresses, found);
        freeaddrinfo(found);
    }
    return code;
}

static void set_port(struct resolver_addresses *addresses, uint16_t port)
{
    for (unsigned i = 0; i < addresses->n; i++) {
        void *address = &addresses->list[i].address;

        if (addresses->list[i].address.ss_family == AF_INET6)
            ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
        else
            ((struct sockaddr_in *)address)->sin_port = htons(port);
    }
}

/* The one that may be asked now. Those that hung before come behind all others. */
static struct question *next_question(void)
{
    struct question *slow = NULL;

    for (struct question *question = questions; question; question = question->next) {
        if (!question->is_asked && !question->is_slow)
            return question;
        if (!question->is_asked && !slow)
            slow = question;
    }
    return n_slow < MOST_SLOW ? slow : NULL;
}

static void remove_question(struct question *question)
{
    struct question **link = &questions;

    while (*link != question)
        link = &(*link)->next;
    *link = question->next;
    memory_release(question);
}

/* To all who asked, each with the port that it wants. */
static void answer(struct question *question, int code, const struct resolver_addresses *addresses)
{
    for (struct resolver *asker = question->askers; asker; asker = asker->next) {
        asker->question = NULL;
        asker->code = code;
        asker->addresses = *addresses;
        set_port(&asker->addresses, asker->port);
        eventfd_write(asker->fd, 1);
    }
    remove_question(question);
}

/* Asks as long as there is something to ask; threads are made again when there is. */
static void *ask(void *unused)
{
    struct question *question;

    pthread_mutex_lock(&lock);
    while ((question = next_question())) {
        struct resolver_addresses addresses = {.n = 0};
        int code;

        question->is_asked = true;
        n_slow += question->is_slow;
        pthread_mutex_unlock(&lock);
        code = look_up(question->host, AI_ADDRCONFIG, &addresses);
        pthread_mutex_lock(&lock);
        n_slow -= question->is_slow;
        answer(question, code, &addresses);
    }
    n_threads--;
    pthread_mutex_unlock(&lock);
    return unused;
}

static int start_thread(void)
{
    int ret = detached_start(ask, NULL, STACK_BYTES);

    n_threads += ret >= 0;
    return ret;
}

/* The one for that name, new if there is none; NULL: no memory. */
static struct question *find_question(const char *host)
{
    struct question **link = &questions;

    while (*link && strcmp((*link)->host, host) != 0)
        link = &(*link)->next;
    if (!*link && (*link = memory_allocate(sizeof(**link))))
        snprintf((*link)->host, sizeof((*link)->host), "%s", host);
    return *link;
}

static int join_question(struct resolver *resolver, const char *host, bool was_slow)
{
    struct question *question = find_question(host);
    int ret = 0;

    if (!question)
        return AVERROR(ENOMEM);
    resolver->question = question;
    resolver->next = question->askers;
    question->askers = resolver;
    if (!question->is_asked)
        question->is_slow |= was_slow;
    if (n_threads < MOST_THREADS && next_question())
        ret = start_thread();
    return n_threads > 0 ? 0 : ret; /* those that there are come to it */
}

int resolver_open(struct resolver **resolver, const char *host, uint16_t port, bool was_slow)
{
    struct resolver *made;
    int ret;

    if (strlen(host) >= HOST_BYTES)
        return AVERROR(ENOENT);
    made = memory_allocate(sizeof(*made));
    if (!made)
        return AVERROR(ENOMEM);
    made->port = port;
    made->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->fd < 0) {
        ret = AVERROR(errno);
        memory_release(made);
        return ret;
    }
    pthread_mutex_lock(&lock);
    ret = join_question(made, host, was_slow);
    pthread_mutex_unlock(&lock);
    if (ret < 0)
        resolver_close(&made);
    else
        *resolver = made;
    return ret;
}

int resolver_fd(const struct resolver *resolver)
{
    return resolver->fd;
}

bool resolver_is_asked(const struct resolver *resolver)
{
    bool is_asked;

    pthread_mutex_lock(&lock);
    is_asked = !resolver->question || resolver->question->is_asked;
    pthread_mutex_unlock(&lock);
    return is_asked;
}

int resolver_take(struct resolver *resolver, struct resolver_addresses *addresses, const char **why)
{
    bool is_answered;

    pthread_mutex_lock(&lock);
    is_answered = !resolver->question;
    pthread_mutex_unlock(&lock);
    if (!is_answered)
        return AVERROR(EAGAIN);
    if (resolver->code) {
        *why = gai_strerror(resolver->code);
        return resolver->code == EAI_NONAME ? AVERROR(ENOENT) : AVERROR(EIO);
    }
    *addresses = resolver->addresses;
    return 0;
}

/* What nobody wants is asked no more; what is asked already goes on, and nobody hears of it. */
static void leave_question(struct resolver *resolver)
{
    struct question *question = resolver->question;
    struct resolver **link = &question->askers;

    while (*link != resolver)
        link = &(*link)->next;
    *link = resolver->next;
    if (!question->askers && !question->is_asked)
        remove_question(question);
}

void resolver_close(struct resolver **resolver)
{
    if (!*resolver)
        return;
    pthread_mutex_lock(&lock);
    if ((*resolver)->question)
        leave_question(*resolver);
    pthread_mutex_unlock(&lock);
    close((*resolver)->fd);
    memory_release(*resolver);
    *resolver = NULL;
}

int resolver_read_number(const char *host, uint16_t port, struct resolver_addresses *address)
{
    if (look_up(host, AI_NUMERICHOST, address) != 0)
        return AVERROR(EINVAL);
    set_port(address, port);
    return 0;
}
