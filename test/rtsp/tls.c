/* SPDX-License-Identifier: MIT */
#include "rtsp/tls.h"

#include <limef/base/memory.h>
#include <limef/filter/rtsp_source.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_SESSIONS 3

static int fds[2];
static struct rtsp_tls *sessions[N_SESSIONS];
static char why[RTSP_TLS_WHY_BYTES];

static void open_sockets(void)
{
    cr_assert(zero(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds)));
}

static void close_all(void)
{
    for (unsigned i = 0; i < N_SESSIONS; i++)
        rtsp_tls_close(&sessions[i]);
    close(fds[0]);
    close(fds[1]);
}

TestSuite(rtsp_tls, .init = open_sockets, .fini = close_all, .timeout = 60);

/* Returns how much was allocated. */
static uint64_t open_session(unsigned i, const struct limef_rtsp_tls_settings *settings)
{
    uint64_t n_before = limef_memory_n_allocations();

    if (rtsp_tls_open(&sessions[i], fds[0], "camera.example", settings, why) < 0)
        cr_skip_test("no authorities of the system");
    return limef_memory_n_allocations() - n_before;
}

/* They are megabytes, and take milliseconds to read. */
Test(rtsp_tls, shares_the_authorities_of_the_system)
{
    uint64_t n_first = open_session(0, NULL);

    cr_assert(lt(u64, open_session(1, NULL), n_first));
    rtsp_tls_close(&sessions[0]);
    cr_assert(
        lt(u64, open_session(2, &(struct limef_rtsp_tls_settings){.ca_file = NULL}), n_first));
    rtsp_tls_close(&sessions[1]);
    rtsp_tls_close(&sessions[2]);
    cr_assert(eq(u64, open_session(0, NULL), n_first)); /* the last one took them with it */
}

Test(rtsp_tls, shares_nothing_with_who_trusts_others)
{
    uint64_t n_own = open_session(0, &(struct limef_rtsp_tls_settings){.unverified = true});

    cr_assert(
        eq(u64, open_session(1, &(struct limef_rtsp_tls_settings){.unverified = true}), n_own));
    cr_assert(eq(int,
                 rtsp_tls_open(&sessions[2], fds[0], "camera.example",
                               &(struct limef_rtsp_tls_settings){.ca_file = "/dev/null"}, why),
                 AVERROR(EINVAL)));
    cr_assert(eq(str, why, "no certificate in the CA file"));
}

Test(rtsp_tls, believes_no_fingerprint_that_is_none)
{
    static const char *const none[] = {
        "", "ab", "AB:CD", "xyz",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0"};

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        cr_assert(eq(int,
                     rtsp_tls_open(&sessions[0], fds[0], "camera.example",
                                   &(struct limef_rtsp_tls_settings){.fingerprint = none[i]}, why),
                     AVERROR(EINVAL)),
                  "%s", none[i]);
}
