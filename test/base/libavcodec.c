/* SPDX-License-Identifier: MIT */
/*
 * libavcodec is not there when a program starts, though the library was built with it; it is loaded
 * when that is asked for or when somebody needs it, and whoever needs it meanwhile waits. Not
 * linked with libavcodec itself. With an argument: nobody asks.
 */
#include "base/libavcodec.h"

#include <limef/frame/pool.h>

#include <dlfcn.h>
#include <libavcodec/version_major.h>
#include <libavutil/macros.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#define SONAME "libavcodec.so." AV_STRINGIFY(LIBAVCODEC_VERSION_MAJOR)
#define N_THREADS 4

static bool is_loaded(void)
{
    void *library = dlopen(SONAME, RTLD_LAZY | RTLD_NOLOAD);

    if (library)
        dlclose(library);
    return library != NULL;
}

/* Returns NULL if there is none. */
static void *get_packet(void *somewhere)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_PACKET);
    struct limef_payload *payload = limef_pool_get(pool);
    bool got = payload && limef_payload_packet(payload);

    limef_payload_unref(payload);
    limef_pool_release(pool);
    return got ? somewhere : NULL;
}

static int fail(const char *what)
{
    printf("%s\n", what);
    return 1;
}

int main(int argc, char **argv)
{
    pthread_t threads[N_THREADS];
    unsigned n_got = 0, n_started = 0;

    (void)argv;
    if (is_loaded())
        return fail("it is loaded before anything needs it");
    libavcodec_settle(); /* nothing was begun */
    if (is_loaded())
        return fail("it is loaded though nobody needs it");
    if (argc < 2)
        libavcodec_prepare();
    while (n_started < N_THREADS &&
           pthread_create(&threads[n_started], NULL, get_packet, &n_got) == 0)
        n_started++;
    libavcodec_prepare();
    libavcodec_settle();
    if (!is_loaded())
        return fail("it is not loaded though that was settled");
    for (unsigned i = 0; i < n_started; i++) {
        void *got;

        pthread_join(threads[i], &got);
        n_got += got != NULL;
    }
    return n_got == N_THREADS ? 0 : fail("a thread has got no packet");
}
