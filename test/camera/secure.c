/* SPDX-License-Identifier: MIT */
#include "camera/secure.h"

#include "camera/camera_private.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUT_BYTES 32768
#define DAY_S 86400

struct secure_keys {
    gnutls_certificate_credentials_t credentials[2]; /* the right one, another */
    char fingerprint[65];
};

struct secure {
    struct session *session;
    gnutls_session_t tls;
    bool is_open;

    /* what came and was not read yet */
    unsigned char input[INPUT_BYTES];
    size_t n_input;
};

static void check(int ret)
{
    if (ret >= 0)
        return;
    fprintf(stderr, "TLS: %s\n", gnutls_strerror(ret));
    abort();
}

static gnutls_certificate_credentials_t make_credentials(char fingerprint[65])
{
    static const unsigned char loopback[] = {127, 0, 0, 1};
    gnutls_certificate_credentials_t credentials;
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    unsigned char serial = 1, sum[32];
    size_t bytes = sizeof(sum);

    check(gnutls_x509_privkey_init(&key));
    check(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                       GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    check(gnutls_x509_crt_init(&certificate));
    check(gnutls_x509_crt_set_version(certificate, 3));
    check(gnutls_x509_crt_set_serial(certificate, &serial, sizeof(serial)));
    check(gnutls_x509_crt_set_dn(certificate, "CN=127.0.0.1", NULL));
    check(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - DAY_S));
    check(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + DAY_S));
    check(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, loopback,
                                               sizeof(loopback), 0));
    check(gnutls_x509_crt_set_key(certificate, key));
    check(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0));
    check(gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, sum, &bytes));
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(fingerprint + 2 * i, 3, "%02x", sum[i]);
    check(gnutls_certificate_allocate_credentials(&credentials));
    check(gnutls_certificate_set_x509_key(credentials, &certificate, 1, key));
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    return credentials;
}

struct secure_keys *secure_keys_make(void)
{
    struct secure_keys *keys = calloc(1, sizeof(*keys));
    char other[65];

    if (!keys)
        abort();
    keys->credentials[0] = make_credentials(keys->fingerprint);
    keys->credentials[1] = make_credentials(other);
    return keys;
}

void secure_keys_clear(struct secure_keys *keys)
{
    for (unsigned i = 0; keys && i < 2; i++)
        gnutls_certificate_free_credentials(keys->credentials[i]);
    free(keys);
}

const char *secure_keys_fingerprint(const struct secure_keys *keys)
{
    return keys->fingerprint;
}

static ssize_t push(gnutls_transport_ptr_t pointer, const void *data, size_t bytes)
{
    struct secure *secure = pointer;

    session_write_plain(secure->session, data, bytes);
    return (ssize_t)bytes;
}

static ssize_t pull(gnutls_transport_ptr_t pointer, void *data, size_t bytes)
{
    struct secure *secure = pointer;

    if (secure->n_input == 0) {
        gnutls_transport_set_errno(secure->tls, EAGAIN);
        return -1;
    }
    bytes = bytes < secure->n_input ? bytes : secure->n_input;
    memcpy(data, secure->input, bytes);
    secure->n_input -= bytes;
    memmove(secure->input, secure->input + bytes, secure->n_input);
    return (ssize_t)bytes;
}

static int pull_now(gnutls_transport_ptr_t pointer, unsigned ms)
{
    const struct secure *secure = pointer;

    (void)ms;
    return secure->n_input > 0;
}

struct secure *secure_begin(struct session *session, const struct secure_keys *keys,
                            bool with_other)
{
    struct secure *secure = calloc(1, sizeof(*secure));

    if (!secure)
        abort();
    secure->session = session;
    check(gnutls_init(&secure->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK));
    check(gnutls_set_default_priority(secure->tls));
    check(
        gnutls_credentials_set(secure->tls, GNUTLS_CRD_CERTIFICATE, keys->credentials[with_other]));
    gnutls_transport_set_ptr(secure->tls, secure);
    gnutls_transport_set_push_function(secure->tls, push);
    gnutls_transport_set_pull_function(secure->tls, pull);
    gnutls_transport_set_pull_timeout_function(secure->tls, pull_now);
    return secure;
}

void secure_end(struct secure *secure)
{
    if (!secure)
        return;
    gnutls_deinit(secure->tls);
    free(secure);
}

bool secure_is_open(const struct secure *secure)
{
    return secure->is_open;
}

static bool read_all(struct secure *secure)
{
    struct session *session = secure->session;
    ssize_t n;

    do {
        size_t room = sizeof(session->in) - 1 - session->n_in;

        n = gnutls_record_recv(secure->tls, session->in + session->n_in, room);
        session->n_in += n > 0 ? (size_t)n : 0;
    } while (n > 0 && session->n_in < sizeof(session->in) - 1);
    return n > 0 || (n < 0 && !gnutls_error_is_fatal((int)n));
}

bool secure_receive(struct secure *secure, const void *data, size_t bytes)
{
    if (bytes > sizeof(secure->input) - secure->n_input)
        return false;
    memcpy(secure->input + secure->n_input, data, bytes);
    secure->n_input += bytes;
    if (!secure->is_open) {
        int ret = gnutls_handshake(secure->tls);

        secure->is_open = ret >= 0;
        if (ret < 0)
            return !gnutls_error_is_fatal(ret);
    }
    return read_all(secure);
}

void secure_write(struct secure *secure, const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes > 0) {
        ssize_t n = gnutls_record_send(secure->tls, at, bytes);

        if (n <= 0)
            return; /* it is over; who reads will see */
        at += n;
        bytes -= (size_t)n;
    }
}

void secure_say_goodbye(struct secure *secure)
{
    gnutls_bye(secure->tls, GNUTLS_SHUT_WR);
}

void secure_alert(struct secure *secure, bool is_fatal)
{
    gnutls_alert_send(secure->tls, is_fatal ? GNUTLS_AL_FATAL : GNUTLS_AL_WARNING,
                      is_fatal ? GNUTLS_A_INTERNAL_ERROR : GNUTLS_A_USER_CANCELED);
}
