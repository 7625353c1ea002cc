/* SPDX-License-Identifier: MIT */
/*
 * Whom TLS trusts, read by a thread of its own: the system's authorities are megabytes and take
 * milliseconds, a file of them may lie on a server that is away, and so may the library that reads
 * them. They are read once for all who trust the same.
 */
#include "rtsp/tls_gnutls.h"

#include "base/detached.h"
#include "base/library.h"
#include "base/memory_private.h"

#include <limef/base/clock.h>
#include <limef/filter/rtsp_source.h>

#include <errno.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SONAME "libgnutls.so.30"
#define STACK_BYTES (1024 * 1024)
/* They are read again by who connects so much later; after a certificate that they do not vouch for
 * sooner, as they may have been changed. */
#define KEPT_US INT64_C(3600000000)
#define DOUBTED_US INT64_C(60000000)
/* What the end of the process waits for who reads: the library takes its memory away then. */
#define EXIT_S 1

struct gnutls_functions gnutls;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_idle = PTHREAD_COND_INITIALIZER;
/* protected by lock */
static struct rtsp_trust *trusts; /* the newest first */
static unsigned n_reading;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int loaded;
static char not_loaded_why[LIBRARY_WHY_BYTES];

static void wait_for_readers(void)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += EXIT_S;
    pthread_mutex_lock(&lock);
    while (n_reading > 0 &&
           pthread_cond_clockwait(&is_idle, &lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&lock);
}

static void load(void)
{
#define NAME(function) #function,
    static const char *const names[] = {GNUTLS_FUNCTIONS(NAME)};

    loaded = library_load(SONAME, names, &gnutls, sizeof(names) / sizeof(names[0]), not_loaded_why);
    if (loaded >= 0)
        atexit(wait_for_readers);
}

static int read_authorities(struct rtsp_trust *trust)
{
    int n;

    pthread_once(&once, load);
    snprintf(trust->why, sizeof(trust->why), "%s", loaded < 0 ? not_loaded_why : "no memory");
    if (loaded < 0)
        return loaded;
    if (!memory_permits() ||
        gnutls.gnutls_certificate_allocate_credentials(&trust->credentials) < 0) {
        trust->credentials = NULL;
        return AVERROR(ENOMEM);
    }
    if (!trust->is_verified)
        return 0;
    if (trust->ca_file) {
        n = gnutls.gnutls_certificate_set_x509_trust_file(trust->credentials, trust->ca_file,
                                                          GNUTLS_X509_FMT_PEM);
        snprintf(trust->why, sizeof(trust->why), "no certificate in the CA file");
        return n > 0 ? 0 : AVERROR(EINVAL);
    }
    n = gnutls.gnutls_certificate_set_x509_system_trust(trust->credentials);
    if (n < 0)
        snprintf(trust->why, sizeof(trust->why), "no system store: %s", gnutls.gnutls_strerror(n));
    return n < 0 ? AVERROR(EINVAL) : 0;
}

static void release(struct rtsp_trust *trust)
{
    if (trust->credentials)
        gnutls.gnutls_certificate_free_credentials(trust->credentials);
    close(trust->fd);
    memory_release(trust->ca_file);
    memory_release(trust);
}

/* The lock is held. */
static void leave(struct rtsp_trust *trust)
{
    struct rtsp_trust **link = &trusts;

    if (--trust->n_users > 0)
        return;
    while (*link != trust)
        link = &(*link)->next;
    *link = trust->next;
    release(trust);
}

static void *read_trust(void *context)
{
    struct rtsp_trust *trust = context;

    trust->code = read_authorities(trust);
    atomic_store_explicit(&trust->is_read, 1, memory_order_release);
    pthread_mutex_lock(&lock);
    trust->is_doubted |= trust->code < 0;
    eventfd_write(trust->fd, 1);
    leave(trust);
    n_reading--;
    pthread_cond_broadcast(&is_idle);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Of these settings, and not read too long ago. What failed, and what did not vouch for somebody,
 * is read anew. */
static bool is_usable(const struct rtsp_trust *trust, bool is_verified, const char *ca_file)
{
    int64_t age_us = limef_now_us() - trust->begun_us;
    bool is_failed = atomic_load_explicit(&trust->is_read, memory_order_acquire) && trust->code < 0;

    if (trust->is_verified != is_verified || !trust->ca_file != !ca_file ||
        (ca_file && strcmp(trust->ca_file, ca_file) != 0))
        return false;
    return !is_failed && age_us < (trust->is_doubted ? DOUBTED_US : KEPT_US);
}

/* Returns it with two users, who wants it and who reads it. NULL: why. */
static struct rtsp_trust *make(bool is_verified, const char *ca_file, int *ret)
{
    size_t bytes = ca_file ? strlen(ca_file) + 1 : 0;
    struct rtsp_trust *trust = memory_allocate(sizeof(*trust));

    *ret = AVERROR(ENOMEM);
    if (!trust)
        return NULL;
    if (ca_file && !(trust->ca_file = memory_allocate(bytes))) {
        memory_release(trust);
        return NULL;
    }
    if (ca_file)
        memcpy(trust->ca_file, ca_file, bytes);
    trust->is_verified = is_verified;
    trust->n_users = 2;
    trust->begun_us = limef_now_us();
    trust->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *ret = trust->fd < 0 ? AVERROR(errno) : detached_start(read_trust, trust, STACK_BYTES);
    if (*ret >= 0)
        return trust;
    memory_release(trust->ca_file);
    if (trust->fd >= 0)
        close(trust->fd);
    memory_release(trust);
    return NULL;
}

/* The lock is held. */
static int take(struct rtsp_trust **trust, bool is_verified, const char *ca_file)
{
    struct rtsp_trust *found = trusts;
    int ret;

    while (found && !is_usable(found, is_verified, ca_file))
        found = found->next;
    if (found) {
        found->n_users++;
    } else {
        found = make(is_verified, ca_file, &ret);
        if (!found)
            return ret;
        found->next = trusts;
        trusts = found;
        n_reading++;
    }
    if (*trust)
        leave(*trust);
    *trust = found;
    return 0;
}

int rtsp_trust_take(struct rtsp_trust **trust, const struct limef_rtsp_tls_settings *settings)
{
    bool is_verified = !settings || (!settings->fingerprint && !settings->unverified);
    int ret;

    pthread_mutex_lock(&lock);
    ret = take(trust, is_verified, is_verified && settings ? settings->ca_file : NULL);
    pthread_mutex_unlock(&lock);
    return ret;
}

int rtsp_trust_fd(const struct rtsp_trust *trust)
{
    return trust->fd;
}

int rtsp_trust_look(const struct rtsp_trust *trust, char why[RTSP_TLS_WHY_BYTES])
{
    if (!atomic_load_explicit(&trust->is_read, memory_order_acquire))
        return AVERROR(EAGAIN);
    if (trust->code < 0)
        snprintf(why, RTSP_TLS_WHY_BYTES, "%s", trust->why);
    return trust->code;
}

void rtsp_trust_doubt(struct rtsp_trust *trust)
{
    pthread_mutex_lock(&lock);
    trust->is_doubted = true;
    pthread_mutex_unlock(&lock);
}

void rtsp_trust_leave(struct rtsp_trust **trust)
{
    if (!*trust)
        return;
    pthread_mutex_lock(&lock);
    leave(*trust);
    pthread_mutex_unlock(&lock);
    *trust = NULL;
}
