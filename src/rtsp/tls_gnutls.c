/* SPDX-License-Identifier: MIT */
#include "rtsp/tls.h"

#include "base/memory_private.h"
#include "rtsp/tls_gnutls.h"

#include <limef/filter/rtsp_source.h>

#include <arpa/inet.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

#define FINGERPRINT_BYTES 32 /* SHA-256 */

struct rtsp_tls {
    gnutls_session_t session;
    struct rtsp_trust *trust; /* borrowed */
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

static bool is_number(const char *host)
{
    struct in6_addr address;

    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

int rtsp_tls_open(struct rtsp_tls **tls, int fd, const char *host,
                  const struct limef_rtsp_tls_settings *settings, struct rtsp_trust *trust,
                  char why[RTSP_TLS_WHY_BYTES])
{
    struct rtsp_tls *made = memory_allocate(sizeof(*made));

    snprintf(why, RTSP_TLS_WHY_BYTES, "no memory");
    if (!made)
        return AVERROR(ENOMEM);
    made->trust = trust;
    made->is_pinned = settings && settings->fingerprint;
    if (made->is_pinned && !read_fingerprint(settings->fingerprint, made->fingerprint)) {
        snprintf(why, RTSP_TLS_WHY_BYTES, "the fingerprint is not that of SHA-256");
        rtsp_tls_close(&made);
        return AVERROR(EINVAL);
    }
    if (!memory_permits() || gnutls.gnutls_init(&made->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK |
                                                                    GNUTLS_NO_SIGNAL) < 0) {
        rtsp_tls_close(&made);
        return AVERROR(ENOMEM);
    }
    gnutls.gnutls_set_default_priority(made->session);
    gnutls.gnutls_credentials_set(made->session, GNUTLS_CRD_CERTIFICATE, trust->credentials);
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
        rtsp_trust_doubt(tls->trust);
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
    memory_release(*tls);
    *tls = NULL;
}
