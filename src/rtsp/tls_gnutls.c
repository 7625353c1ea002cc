/* SPDX-License-Identifier: MIT */
#include "rtsp/tls.h"

#include "base/library.h"
#include "base/memory_private.h"

#include <limef/base/clock.h>
#include <limef/filter/rtsp_source.h>

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SONAME "libgnutls.so.30"
#define FINGERPRINT_BYTES 32 /* SHA-256 */
/* The system's authorities are read again by who connects so much later. */
#define TRUST_US INT64_C(3600000000)

/* What is used of it, loaded with the first session. */
#define GNUTLS_FUNCTIONS(X)                                                                        \
    X(gnutls_bye)                                                                                  \
    X(gnutls_certificate_allocate_credentials)                                                     \
    X(gnutls_certificate_free_credentials)                                                         \
    X(gnutls_certificate_get_peers)                                                                \
    X(gnutls_certificate_set_x509_system_trust)                                                    \
    X(gnutls_certificate_set_x509_trust_file)                                                      \
    X(gnutls_certificate_verification_status_print)                                                \
    X(gnutls_credentials_set)                                                                      \
    X(gnutls_deinit)                                                                               \
    X(gnutls_error_is_fatal)                                                                       \
    X(gnutls_fingerprint)                                                                          \
    X(gnutls_free)                                                                                 \
    X(gnutls_handshake)                                                                            \
    X(gnutls_init)                                                                                 \
    X(gnutls_record_get_direction)                                                                 \
    X(gnutls_record_recv)                                                                          \
    X(gnutls_record_send)                                                                          \
    X(gnutls_server_name_set)                                                                      \
    X(gnutls_session_get_verify_cert_status)                                                       \
    X(gnutls_session_set_verify_cert)                                                              \
    X(gnutls_set_default_priority)                                                                 \
    X(gnutls_strerror)                                                                             \
    X(gnutls_transport_set_int2)

static struct {
#define MEMBER(function) __typeof__(function) *function;
    GNUTLS_FUNCTIONS(MEMBER)
} gnutls;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int loaded;
static char not_loaded_why[LIBRARY_WHY_BYTES];

static void load(void)
{
#define NAME(function) #function,
    static const char *const names[] = {GNUTLS_FUNCTIONS(NAME)};

    loaded = library_load(SONAME, names, &gnutls, sizeof(names) / sizeof(names[0]), not_loaded_why);
}

/* Who is trusted. The system's authorities are megabytes and take milliseconds to read: they are
 * shared. */
struct trust {
    gnutls_certificate_credentials_t credentials;
    unsigned n_users;
    int64_t read_us;
};

static struct {
    pthread_mutex_t lock;

    /* protected by lock; so is n_users of each */
    struct trust *of_system; /* NULL: nobody uses it */
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct rtsp_tls {
    gnutls_session_t session;
    struct trust *trust; /* one of its users */
    const struct limef_rtsp_tls_settings *settings;
    unsigned char fingerprint[FINGERPRINT_BYTES];
    bool is_pinned, is_greeted;
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "AB:CD:..." or "abcd..." */
static bool read_fingerprint(const char *text, unsigned char fingerprint[FINGERPRINT_BYTES])
{
    for (size_t i = 0; i < FINGERPRINT_BYTES; i++) {
        int high, low;

        text += i > 0 && *text == ':';
        high = hex_value(text[0]);
        low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0)
            return false;
        fingerprint[i] = (unsigned char)(high << 4 | low);
        text += 2;
    }
    return !*text;
}

static struct trust *make_trust(void)
{
    struct trust *trust = memory_allocate(sizeof(*trust));

    if (trust && (!memory_permits() ||
                  gnutls.gnutls_certificate_allocate_credentials(&trust->credentials) < 0)) {
        memory_release(trust);
        return NULL;
    }
    if (trust)
        trust->n_users = 1;
    return trust;
}

static void leave_trust(struct trust *trust)
{
    unsigned n_left;

    if (!trust)
        return;
    pthread_mutex_lock(&shared.lock);
    n_left = --trust->n_users;
    if (n_left == 0 && shared.of_system == trust)
        shared.of_system = NULL;
    pthread_mutex_unlock(&shared.lock);
    if (n_left > 0)
        return;
    gnutls.gnutls_certificate_free_credentials(trust->credentials);
    memory_release(trust);
}

/* Under the lock: who comes meanwhile waits for what it would have to do itself. */
static int read_system(struct rtsp_tls *tls, char why[RTSP_TLS_WHY_BYTES])
{
    int64_t now_us = limef_now_us();
    int n = 0;

    if (shared.of_system && now_us - shared.of_system->read_us < TRUST_US) {
        tls->trust = shared.of_system;
        tls->trust->n_users++;
        return 0;
    }
    tls->trust = make_trust();
    if (!tls->trust)
        return AVERROR(ENOMEM);
    n = gnutls.gnutls_certificate_set_x509_system_trust(tls->trust->credentials);
    if (n < 0) {
        snprintf(why, RTSP_TLS_WHY_BYTES, "no system store: %s", gnutls.gnutls_strerror(n));
        return AVERROR(EINVAL);
    }
    tls->trust->read_us = now_us;
    shared.of_system = tls->trust;
    return 0;
}

static int read_authorities(struct rtsp_tls *tls, char why[RTSP_TLS_WHY_BYTES])
{
    const struct limef_rtsp_tls_settings *settings = tls->settings;
    bool is_own = settings && (settings->fingerprint || settings->unverified || settings->ca_file);
    int n, ret;

    if (!is_own) {
        pthread_mutex_lock(&shared.lock);
        ret = read_system(tls, why);
        pthread_mutex_unlock(&shared.lock);
        return ret;
    }
    tls->trust = make_trust();
    if (!tls->trust)
        return AVERROR(ENOMEM);
    if (settings->fingerprint) {
        tls->is_pinned = read_fingerprint(settings->fingerprint, tls->fingerprint);
        if (!tls->is_pinned)
            snprintf(why, RTSP_TLS_WHY_BYTES, "the fingerprint is not that of SHA-256");
        return tls->is_pinned ? 0 : AVERROR(EINVAL);
    }
    if (settings->unverified)
        return 0;
    n = gnutls.gnutls_certificate_set_x509_trust_file(tls->trust->credentials, settings->ca_file,
                                                      GNUTLS_X509_FMT_PEM);
    if (n <= 0)
        snprintf(why, RTSP_TLS_WHY_BYTES, "no certificate in the CA file");
    return n > 0 ? 0 : AVERROR(EINVAL);
}

static bool is_number(const char *host)
{
    struct in6_addr address;

    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

int rtsp_tls_open(struct rtsp_tls **tls, int fd, const char *host,
                  const struct limef_rtsp_tls_settings *settings, char why[RTSP_TLS_WHY_BYTES])
{
    struct rtsp_tls *made;
    int ret;

    pthread_once(&once, load);
    snprintf(why, RTSP_TLS_WHY_BYTES, "%s", loaded < 0 ? not_loaded_why : "no memory");
    if (loaded < 0)
        return loaded;
    made = memory_allocate(sizeof(*made));
    ret = made ? 0 : AVERROR(ENOMEM);
    if (made) {
        made->settings = settings;
        if (!memory_permits() ||
            gnutls.gnutls_init(&made->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) <
                0)
            ret = AVERROR(ENOMEM);
    }
    if (ret >= 0)
        ret = read_authorities(made, why);
    if (ret < 0) {
        rtsp_tls_close(&made);
        return ret;
    }
    gnutls.gnutls_set_default_priority(made->session);
    gnutls.gnutls_credentials_set(made->session, GNUTLS_CRD_CERTIFICATE, made->trust->credentials);
    if (!is_number(host)) /* RFC 6066 section 3: names alone */
        gnutls.gnutls_server_name_set(made->session, GNUTLS_NAME_DNS, host, strlen(host));
    if (!made->is_pinned && !(settings && settings->unverified))
        gnutls.gnutls_session_set_verify_cert(made->session, host, 0);
    gnutls.gnutls_transport_set_int2(made->session, fd, fd);
    *tls = made;
    return 0;
}

/* The one certificate that is right, whoever signed it. */
static bool is_pinned_one(const struct rtsp_tls *tls)
{
    unsigned n_certificates = 0;
    const gnutls_datum_t *certificates =
        gnutls.gnutls_certificate_get_peers(tls->session, &n_certificates);
    unsigned char sum[FINGERPRINT_BYTES];
    size_t sum_bytes = sizeof(sum);

    return n_certificates > 0 &&
           gnutls.gnutls_fingerprint(GNUTLS_DIG_SHA256, &certificates[0], sum, &sum_bytes) >= 0 &&
           sum_bytes == sizeof(sum) && !memcmp(sum, tls->fingerprint, sizeof(sum));
}

static void say_unverified(const struct rtsp_tls *tls, char why[RTSP_TLS_WHY_BYTES])
{
    unsigned status = gnutls.gnutls_session_get_verify_cert_status(tls->session);
    gnutls_datum_t text = {.data = NULL};

    if (gnutls.gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0)
        snprintf(why, RTSP_TLS_WHY_BYTES, "%s", (const char *)text.data);
    (*gnutls.gnutls_free)(text.data); /* a variable that points to a function */
}

int rtsp_tls_shake_hands(struct rtsp_tls *tls, bool *wants_write, char why[RTSP_TLS_WHY_BYTES])
{
    int ret = gnutls.gnutls_handshake(tls->session);

    if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED ||
        (ret < 0 && !gnutls.gnutls_error_is_fatal(ret))) {
        *wants_write = gnutls.gnutls_record_get_direction(tls->session) == 1;
        return AVERROR(EAGAIN);
    }
    snprintf(why, RTSP_TLS_WHY_BYTES, "%s", gnutls.gnutls_strerror(ret));
    if (ret == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) {
        say_unverified(tls, why);
        return AVERROR(EACCES);
    }
    if (ret < 0)
        return AVERROR(EIO);
    tls->is_greeted = true;
    if (tls->is_pinned && !is_pinned_one(tls)) {
        snprintf(why, RTSP_TLS_WHY_BYTES, "the certificate is not the one that is pinned");
        return AVERROR(EACCES);
    }
    return 0;
}

static ssize_t translate(ssize_t ret)
{
    if (ret >= 0)
        return ret;
    if (ret == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
    return gnutls.gnutls_error_is_fatal((int)ret) ? AVERROR(EIO) : AVERROR(EAGAIN);
}

ssize_t rtsp_tls_receive(struct rtsp_tls *tls, void *data, size_t bytes)
{
    return translate(gnutls.gnutls_record_recv(tls->session, data, bytes));
}

ssize_t rtsp_tls_send(struct rtsp_tls *tls, const void *data, size_t bytes)
{
    return translate(gnutls.gnutls_record_send(tls->session, data, bytes));
}

void rtsp_tls_close(struct rtsp_tls **tls)
{
    if (!*tls)
        return;
    if ((*tls)->is_greeted)
        gnutls.gnutls_bye((*tls)->session, GNUTLS_SHUT_WR);
    if ((*tls)->session)
        gnutls.gnutls_deinit((*tls)->session);
    leave_trust((*tls)->trust);
    memory_release(*tls);
    *tls = NULL;
}
