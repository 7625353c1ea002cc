/* SPDX-License-Identifier: MIT */
#include "support/make_media.h"
#include "support/play.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <dlfcn.h>
#include <errno.h>
#include <libavutil/error.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#define LONG_US 60000000

static struct play play;
static sem_t may_answer;
static atomic_uint n_asked;

static void begin(void)
{
    sem_init(&may_answer, 0, 0);
}

TestSuite(file_source_resolve, .init = begin, .timeout = 120);

typedef int getaddrinfo_fn(const char *node, const char *service, const struct addrinfo *hints,
                           struct addrinfo **found);

/* Stands before the system's: a name server that answers when it is told to, and knows nothing. */
LIMEF_API int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                          struct addrinfo **found)
{
    getaddrinfo_fn *system;

    *(void **)&system = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(node, "camera.invalid"))
        return system(node, service, hints, found);
    *found = NULL;
    if (hints->ai_flags & AI_NUMERICHOST)
        return EAI_NONAME;
    atomic_fetch_add(&n_asked, 1);
    while (sem_wait(&may_answer) < 0 && errno == EINTR)
        ;
    return EAI_NONAME;
}

static int code_of(const char *url, int64_t timeout_us)
{
    struct limef_file_source_settings settings = {.url = url, .timeout_us = timeout_us};
    int code;

    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    code = play_signal_note(&play, LIMEF_SIGNAL_END)->code;
    play_clear(&play);
    return code;
}

Test(file_source_resolve, a_name_server_that_does_not_answer_ends_by_deadline)
{
    cr_assert(eq(int, code_of("http://camera.invalid/stream", 200000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(uint, atomic_load(&n_asked), 1));
    sem_post(&may_answer);
}

Test(file_source_resolve, what_the_name_server_says_libavformat_says)
{
    sem_post(&may_answer); /* of the source, then of libavformat */
    sem_post(&may_answer);
    cr_assert(eq(int, code_of("tcp://camera.invalid:9", LONG_US), AVERROR(EIO)));
    cr_assert(eq(uint, atomic_load(&n_asked), 2));
}

Test(file_source_resolve, numbers_and_files_ask_nobody)
{
    cr_assert(lt(int, code_of("tcp://127.0.0.1:9?timeout=100000", LONG_US), 0));
    cr_assert(lt(int, code_of("no/such/file:with.colon", LONG_US), 0));
    cr_assert(zero(uint, atomic_load(&n_asked)));
}
