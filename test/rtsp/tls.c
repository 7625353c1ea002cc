/* SPDX-License-Identifier: MIT */
#include "rtsp/tls_gnutls.h"

#include <limef/filter/rtsp_source.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_SESSIONS 3
#define AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

static int fds[2];
static struct rtsp_trust *trusts[N_SESSIONS];
static struct rtsp_tls *sessions[N_SESSIONS];
static char why[RTSP_TLS_WHY_BYTES];

static void open_sockets(void)
{
    cr_assert(zero(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds)));
}

static void close_all(void)
{
    for (unsigned i = 0; i < N_SESSIONS; i++) {
        rtsp_tls_close(&sessions[i]);
        rtsp_trust_leave(&trusts[i]);
    }
    close(fds[0]);
    close(fds[1]);
}

TestSuite(rtsp_tls, .init = open_sockets, .fini = close_all, .timeout = 60);

/* What comes of it. */
static int finish(unsigned i)
{
    struct pollfd is_read = {.fd = rtsp_trust_fd(trusts[i]), .events = POLLIN};

    cr_assert(eq(int, poll(&is_read, 1, 30000), 1));
    return rtsp_trust_look(trusts[i], why);
}

static void take(unsigned i, const struct limef_rtsp_tls_settings *settings)
{
    cr_assert(zero(int, rtsp_trust_take(&trusts[i], settings)));
}

static int open_session(unsigned i, const struct limef_rtsp_tls_settings *settings)
{
    int ret;

    take(i, settings);
    ret = finish(i);
    return ret < 0
               ? ret
               : rtsp_tls_open(&sessions[i], fds[0], "camera.example", settings, trusts[i], why);
}

/* They are megabytes, and take milliseconds to read. */
Test(rtsp_tls, shares_the_authorities_of_the_system)
{
    take(0, NULL);
    take(1, NULL); /* also while they are read */
    if (finish(0) < 0)
        cr_skip_test("no authorities of the system");
    take(2, &(struct limef_rtsp_tls_settings){.ca_file = NULL});
    cr_assert(eq(ptr, trusts[0], trusts[1]));
    cr_assert(eq(ptr, trusts[0], trusts[2]));
    for (unsigned i = 0; i < N_SESSIONS; i++)
        cr_assert(zero(int, open_session(i, NULL)));
}

Test(rtsp_tls, shares_a_file_of_authorities)
{
    char path[2][32] = {"/dev/null", "/dev/null"}; /* each camera has a path of its own */

    take(0, &(struct limef_rtsp_tls_settings){.ca_file = path[0]});
    cr_assert(eq(int, finish(0), AVERROR(EINVAL)));
    cr_assert(eq(str, why, "no certificate in the CA file"));
    take(1, &(struct limef_rtsp_tls_settings){.ca_file = path[0]}); /* it may be mended */
    cr_assert(ne(ptr, trusts[0], trusts[1]));
    if (access(AUTHORITIES, R_OK) < 0)
        cr_skip_test("no file of authorities");
    take(0, &(struct limef_rtsp_tls_settings){.ca_file = AUTHORITIES});
    snprintf(path[1], sizeof(path[1]), "/etc/../%.20s", &AUTHORITIES[1]);
    take(1, &(struct limef_rtsp_tls_settings){.ca_file = AUTHORITIES});
    take(2, &(struct limef_rtsp_tls_settings){.ca_file = path[1]});
    cr_assert(eq(ptr, trusts[0], trusts[1]));
    cr_assert(ne(ptr, trusts[0], trusts[2]));
    cr_assert(zero(int, finish(0)));
}

Test(rtsp_tls, shares_nothing_with_who_trusts_others)
{
    cr_assert(zero(int, open_session(0, &(struct limef_rtsp_tls_settings){.unverified = true})));
    cr_assert(zero(int, open_session(1, &(struct limef_rtsp_tls_settings){.unverified = true})));
    take(2, NULL);
    cr_assert(eq(ptr, trusts[0], trusts[1]));
    cr_assert(ne(ptr, trusts[0], trusts[2]));
}

/* Nobody waits for it but who wants it, and who leaves does not either. */
Test(rtsp_tls, a_file_of_authorities_that_hangs_holds_up_nobody)
{
    char folder[] = "/tmp/limef_tls_XXXXXX", path[64];
    int fd;

    cr_assert(ne(ptr, mkdtemp(folder), NULL));
    snprintf(path, sizeof(path), "%s/ca", folder);
    cr_assert(zero(int, mkfifo(path, 0600))); /* nobody writes there */
    take(0, &(struct limef_rtsp_tls_settings){.ca_file = path});
    take(1, &(struct limef_rtsp_tls_settings){.ca_file = path});
    cr_assert(eq(int, rtsp_trust_look(trusts[0], why), AVERROR(EAGAIN)));
    cr_assert(zero(int, open_session(2, &(struct limef_rtsp_tls_settings){.unverified = true})));
    rtsp_trust_leave(&trusts[1]);
    cr_assert(eq(int, rtsp_trust_look(trusts[0], why), AVERROR(EAGAIN)));
    fd = open(path, O_WRONLY);
    cr_assert(ge(int, fd, 0));
    close(fd);
    cr_assert(eq(int, finish(0), AVERROR(EINVAL)));
    unlink(path);
    rmdir(folder);
}

/* The file may have been replaced: after a while it is read again by who comes. */
Test(rtsp_tls, goes_on_with_what_it_doubts_for_a_while)
{
    cr_assert(zero(int, open_session(0, &(struct limef_rtsp_tls_settings){.unverified = true})));
    rtsp_trust_doubt(trusts[0]);
    take(1, &(struct limef_rtsp_tls_settings){.unverified = true});
    cr_assert(eq(ptr, trusts[0], trusts[1]));
    trusts[0]->begun_us -= 61000000;
    take(1, &(struct limef_rtsp_tls_settings){.unverified = true});
    cr_assert(ne(ptr, trusts[0], trusts[1]));
    cr_assert(zero(int, finish(1)));
}

Test(rtsp_tls, believes_no_fingerprint_that_is_none)
{
    static const char *const none[] = {
        "", "ab", "AB:CD", "xyz",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0"};

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        cr_assert(eq(int,
                     open_session(0, &(struct limef_rtsp_tls_settings){.fingerprint = none[i]}),
                     AVERROR(EINVAL)),
                  "%s", none[i]);
}
