/* SPDX-License-Identifier: MIT */
/* What the files of TLS by GnuTLS share. */
#ifndef LIMEF_SRC_RTSP_TLS_GNUTLS_H
#define LIMEF_SRC_RTSP_TLS_GNUTLS_H

#include "rtsp/tls.h"

#include <limef/base/api.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>

/* What is used of it, loaded before anybody is trusted. */
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

extern struct gnutls_functions {
#define MEMBER(function) __typeof__(function) *function;
    GNUTLS_FUNCTIONS(MEMBER)
#undef MEMBER
} gnutls;

/* Whom who uses it trusts. */
struct rtsp_trust {
    int fd; /* eventfd; readable for good once it is read */

    /* written by the thread that reads, before is_read */
    gnutls_certificate_credentials_t credentials;
    int code;
    char why[RTSP_TLS_WHY_BYTES];
    LIMEF_ATOMIC(uint32_t) is_read; /* release; pairs with rtsp_trust_look() */

    /* protected by the lock of all of them */
    struct rtsp_trust *next;
    unsigned n_users; /* who reads is one */
    int64_t begun_us;
    bool is_doubted;
    bool is_verified; /* against authorities; false: nobody's */
    char *ca_file;    /* owned; NULL: the system's */
};

#endif
