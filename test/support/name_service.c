/* SPDX-License-Identifier: MIT */
#include "support/name_service.h"

#include <limef/base/api.h>

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* protected by lock */
static bool answers;
static int code_of_all;
static unsigned n_asked, n_waiting, most_waiting;

typedef int getaddrinfo_fn(const char *node, const char *service, const struct addrinfo *hints,
                           struct addrinfo **found);

static bool ends_in(const char *name, const char *end)
{
    size_t bytes = strlen(name), end_bytes = strlen(end);

    return bytes > end_bytes && !strcmp(name + bytes - end_bytes, end);
}

static int wait_for_answer(void)
{
    int code;

    pthread_mutex_lock(&lock);
    n_waiting++;
    most_waiting = n_waiting > most_waiting ? n_waiting : most_waiting;
    pthread_cond_broadcast(&changed);
    while (!answers)
        pthread_cond_wait(&changed, &lock);
    n_waiting--;
    code = code_of_all;
    pthread_mutex_unlock(&lock);
    return code;
}

LIMEF_API int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                          struct addrinfo **found)
{
    bool is_number = hints && hints->ai_flags & AI_NUMERICHOST, is_first;
    getaddrinfo_fn *system;
    int code = 0;

    *(void **)&system = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!node || is_number ||
        !(ends_in(node, ".test") || ends_in(node, ".invalid") || ends_in(node, ".first")))
        return system(node, service, hints, found);
    pthread_mutex_lock(&lock);
    is_first = n_asked++ % 2 == 0;
    pthread_mutex_unlock(&lock);
    if (ends_in(node, ".invalid") || (ends_in(node, ".first") && !is_first))
        code = wait_for_answer();
    return code ? code : system("127.0.0.1", service, hints, found);
}

void name_service_answer(int code)
{
    pthread_mutex_lock(&lock);
    answers = true;
    code_of_all = code;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static unsigned read_locked(const unsigned *counter)
{
    unsigned value;

    pthread_mutex_lock(&lock);
    value = *counter;
    pthread_mutex_unlock(&lock);
    return value;
}

unsigned name_service_n_asked(void)
{
    return read_locked(&n_asked);
}

unsigned name_service_n_waiting(void)
{
    return read_locked(&n_waiting);
}

unsigned name_service_most_waiting(void)
{
    return read_locked(&most_waiting);
}

bool name_service_wait(unsigned n, int64_t deadline_us)
{
    struct timespec end = {deadline_us / 1000000, deadline_us % 1000000 * 1000};
    bool came;
    int ret = 0;

    pthread_mutex_lock(&lock);
    while (n_waiting < n && ret == 0)
        ret = pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &end);
    came = n_waiting >= n;
    pthread_mutex_unlock(&lock);
    return came;
}
