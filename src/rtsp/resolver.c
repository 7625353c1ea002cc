/* SPDX-License-Identifier: MIT */
#include "rtsp/resolver.h"

#include "base/detached.h"
#include "base/memory_private.h"
#include "fifo/futex.h"

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HOST_BYTES 256
#define STACK_BYTES (256 * 1024) /* what the C library's name services want, and some */
/* Names that have a place at the same time, and are asked for; and of those that hung before, at
 * most. A name that hangs for RESOLVER_LATE_US gives its place back. */
#define MOST_PLACES 8
#define MOST_SLOW 4
#define MOST_THREADS 32

/* A name that is asked for once, however many want it. */
struct question {
    struct question *next;
    struct resolver *askers; /* borrowed; NULL: nobody wants it any more */
    int64_t asked_us;        /* since when a thread waits for the system; 0: none does */
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
static unsigned n_threads;         /* those that ask, and one that waits for a place */
static unsigned n_slow;            /* names that hung before and are asked for */
static bool is_place_awaited;
static int64_t late_us = RESOLVER_LATE_US;

static LIMEF_ATOMIC(uint32_t) n_changes; /* of late_us; who waits for a place sleeps on it */

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

/* The one that may be asked now; those that hung before come behind all others. NULL: none, and
 * *due_us is when there will be a place for one; LIMEF_FOREVER: none waits, or for an answer. */
static struct question *next_question(int64_t *due_us)
{
    struct question *quick = NULL, *slow = NULL;
    int64_t now_us = limef_now_us(), first_us = LIMEF_FOREVER;
    unsigned n_places = 0;

    for (struct question *question = questions; question; question = question->next) {
        struct question **waiting = question->is_slow ? &slow : &quick;

        if (!question->asked_us) {
            *waiting = *waiting ? *waiting : question;
        } else if (now_us - question->asked_us < late_us) {
            first_us = FFMIN(first_us, question->asked_us);
            n_places++;
        }
    }
    if (!quick && n_slow < MOST_SLOW)
        quick = slow;
    *due_us = quick && late_us != LIMEF_FOREVER && first_us != LIMEF_FOREVER ? first_us + late_us
                                                                             : LIMEF_FOREVER;
    return n_places < MOST_PLACES ? quick : NULL;
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

static int start_if_needed(void);

/* The system is asked; the lock is held before and afterwards. */
static void ask_for(struct question *question)
{
    struct resolver_addresses addresses = {.n = 0};
    int code;

    question->asked_us = limef_now_us();
    n_slow += question->is_slow;
    start_if_needed(); /* without another thread they wait for this one */
    pthread_mutex_unlock(&lock);
    code = look_up(question->host, AI_ADDRCONFIG, &addresses);
    pthread_mutex_lock(&lock);
    n_slow -= question->is_slow;
    answer(question, code, &addresses);
}

/* One thread does for all. */
static void wait_for_place(int64_t due_us)
{
    uint32_t n = atomic_load_explicit(&n_changes, memory_order_relaxed); /* under the lock */

    is_place_awaited = true;
    pthread_mutex_unlock(&lock);
    futex_wait(&n_changes, n, due_us);
    pthread_mutex_lock(&lock);
    is_place_awaited = false;
}

/* Asks as long as there is something to ask; threads are made again when there is. */
static void *ask(void *unused)
{
    struct question *question;
    int64_t due_us;

    pthread_mutex_lock(&lock);
    while ((question = next_question(&due_us)) || (due_us != LIMEF_FOREVER && !is_place_awaited))
        if (question)
            ask_for(question);
        else
            wait_for_place(due_us);
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

/* What waits is asked, or waited with for its place, if that does not happen already. */
static int start_if_needed(void)
{
    int64_t due_us;
    bool can_ask = next_question(&due_us), can_wait = due_us != LIMEF_FOREVER && !is_place_awaited;

    return n_threads < MOST_THREADS && (can_ask || can_wait) ? start_thread() : 0;
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
    int ret;

    if (!question)
        return AVERROR(ENOMEM);
    resolver->question = question;
    resolver->next = question->askers;
    question->askers = resolver;
    if (!question->asked_us)
        question->is_slow |= was_slow;
    ret = start_if_needed();
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
    is_asked = !resolver->question || resolver->question->asked_us;
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
    if (!question->askers && !question->asked_us)
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

void resolver_set_late_us(int64_t us)
{
    pthread_mutex_lock(&lock);
    late_us = us;
    atomic_fetch_add_explicit(&n_changes, 1, memory_order_relaxed);
    start_if_needed();
    pthread_mutex_unlock(&lock);
    futex_wake(&n_changes);
}
