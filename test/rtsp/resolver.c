/* SPDX-License-Identifier: MIT */
#include "rtsp/resolver.h"

#include "support/failing.h"
#include "support/name_service.h"

#include <limef/base/clock.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>

#define MOST_PLACES 8
#define MOST_THREADS 32
#define MOST_SLOW 4
#define N_NAMES 40
#define DEADLINE_US 30000000

static void no_name_is_late(void)
{
    resolver_set_late_us(LIMEF_FOREVER);
}

TestSuite(rtsp_resolver, .init = no_name_is_late, .timeout = 60);

/* A list of addresses of these families, in that order; each has its place in it as port. */
static void in_turn(const int *families, unsigned n, struct resolver_addresses *addresses)
{
    static struct sockaddr_storage found[16];
    struct addrinfo list[16];

    for (unsigned i = 0; i < n; i++) {
        found[i] = (struct sockaddr_storage){.ss_family = (sa_family_t)families[i]};
        ((struct sockaddr_in *)(void *)&found[i])->sin_port = (in_port_t)i;
        list[i] = (struct addrinfo){.ai_family = families[i],
                                    .ai_addr = (struct sockaddr *)&found[i],
                                    .ai_addrlen = sizeof(struct sockaddr_in),
                                    .ai_next = i + 1 < n ? &list[i + 1] : NULL};
    }
    resolver_take_in_turn(addresses, list);
}

static unsigned place(const struct resolver_addresses *addresses, unsigned i)
{
    return ((const struct sockaddr_in *)(const void *)&addresses->list[i].address)->sin_port;
}

Test(rtsp_resolver, takes_addresses_of_two_families_in_turn)
{
    static const int families[] = {AF_INET6, AF_INET6, AF_INET6, AF_INET, AF_INET};
    static const unsigned expected[] = {0, 3, 1, 4, 2};
    struct resolver_addresses addresses;

    in_turn(families, 5, &addresses);
    cr_assert(eq(u32, addresses.n, 5));
    for (unsigned i = 0; i < 5; i++)
        cr_assert(eq(u32, place(&addresses, i), expected[i]));
}

Test(rtsp_resolver, takes_no_more_than_it_has_room_for)
{
    static const int families[16] = {AF_INET,  AF_INET, AF_INET,  AF_INET,  AF_INET,  AF_INET,
                                     AF_INET,  AF_INET, AF_INET6, AF_INET6, AF_INET6, AF_INET6,
                                     AF_INET6, AF_INET, AF_INET,  AF_INET};
    struct resolver_addresses addresses;

    in_turn(families, 16, &addresses);
    cr_assert(eq(u32, addresses.n, RESOLVER_MOST));
    cr_assert(eq(u32, place(&addresses, 0), 0));
    cr_assert(eq(u32, place(&addresses, 1), 8));
}

Test(rtsp_resolver, reads_numbers_and_no_names)
{
    struct resolver_addresses addresses;

    cr_assert(eq(int, resolver_read_number("127.0.0.1", 554, &addresses), 0));
    cr_assert(eq(u32, addresses.n, 1));
    cr_assert(eq(int, addresses.list[0].address.ss_family, AF_INET));
    cr_assert(eq(int, resolver_read_number("::1", 554, &addresses), 0));
    cr_assert(eq(int, addresses.list[0].address.ss_family, AF_INET6));
    cr_assert(eq(int, resolver_read_number("camera", 554, &addresses), AVERROR(EINVAL)));
}

static struct resolver *names[N_NAMES];

/* So many names that hang, from the first on. */
static void ask_what_hangs(unsigned first, unsigned n, bool was_slow)
{
    char host[32];

    for (unsigned i = first; i < first + n; i++) {
        snprintf(host, sizeof(host), "camera%u.invalid", i);
        cr_assert(zero(int, resolver_open(&names[i], host, 554, was_slow)));
    }
}

static void close_names(void)
{
    for (unsigned i = 0; i < N_NAMES; i++)
        resolver_close(&names[i]);
}

static void wait_for_names(unsigned n)
{
    cr_assert(name_service_wait(n, limef_deadline_us(DEADLINE_US)));
    cr_assert(eq(u32, name_service_n_waiting(), n));
}

/* What comes of it; the port of its first address. */
static int finish(struct resolver *resolver, unsigned *port)
{
    struct pollfd answer = {.fd = resolver_fd(resolver), .events = POLLIN};
    struct resolver_addresses addresses;
    const char *why;
    int ret;

    cr_assert(eq(int, poll(&answer, 1, DEADLINE_US / 1000), 1));
    ret = resolver_take(resolver, &addresses, &why);
    *port = ret < 0 ? 0 : ntohs((uint16_t)place(&addresses, 0));
    return ret;
}

Test(rtsp_resolver, asks_a_name_once_for_all_who_want_it, .fini = close_names)
{
    unsigned port;

    for (unsigned i = 0; i < N_NAMES; i++)
        cr_assert(zero(int, resolver_open(&names[i], "one.invalid", (uint16_t)(1000 + i), false)));
    resolver_close(&names[3]);
    wait_for_names(1);
    resolver_close(&names[5]);
    name_service_answer(0);
    for (unsigned i = 0; i < N_NAMES; i++) {
        if (!names[i])
            continue;
        cr_assert(zero(int, finish(names[i], &port)));
        cr_assert(eq(u32, port, 1000 + i));
    }
    cr_assert(eq(u32, name_service_n_asked(), 1));
}

Test(rtsp_resolver, asks_for_a_few_names_at_a_time, .fini = close_names)
{
    struct resolver *other;
    unsigned port;

    ask_what_hangs(0, N_NAMES, false);
    wait_for_names(MOST_PLACES);
    cr_assert(zero(int, resolver_open(&other, "camera.test", 554, false)));
    cr_assert(resolver_is_asked(names[0]));
    cr_assert(not(resolver_is_asked(other)));
    name_service_answer(EAI_AGAIN);
    for (unsigned i = 0; i < N_NAMES; i++)
        cr_assert(eq(int, finish(names[i], &port), AVERROR(EIO)));
    cr_assert(zero(int, finish(other, &port)));
    cr_assert(eq(u32, name_service_n_asked(), N_NAMES + 1));
    cr_assert(eq(u32, name_service_most_waiting(), MOST_PLACES));
    resolver_close(&other);
}

/* A name server is dead; what others know is found all the same. */
Test(rtsp_resolver, keeps_room_for_names_that_did_not_hang_before, .fini = close_names)
{
    struct resolver *other;
    unsigned port;

    ask_what_hangs(0, N_NAMES, true);
    wait_for_names(MOST_SLOW);
    cr_assert(zero(int, resolver_open(&other, "camera.test", 554, false)));
    cr_assert(zero(int, finish(other, &port)));
    cr_assert(eq(u32, port, 554));
    resolver_close(&other);
    cr_assert(eq(u32, name_service_n_waiting(), MOST_SLOW));
    name_service_answer(EAI_NONAME);
    for (unsigned i = 0; i < N_NAMES; i++)
        cr_assert(eq(int, finish(names[i], &port), AVERROR(ENOENT)));
    cr_assert(eq(u32, name_service_most_waiting(), MOST_SLOW));
}

Test(rtsp_resolver, asks_no_more_for_what_nobody_wants)
{
    unsigned port;

    ask_what_hangs(0, N_NAMES, false);
    wait_for_names(MOST_PLACES);
    close_names();
    cr_assert(zero(int, resolver_open(&names[0], "camera.test", 554, false)));
    name_service_answer(EAI_AGAIN);
    cr_assert(zero(int, finish(names[0], &port)));
    close_names();
    cr_assert(eq(u32, name_service_n_asked(), MOST_PLACES + 1));
}

Test(rtsp_resolver, leaves_nothing_behind_when_the_system_answers_nobody)
{
    failing_install(0);
    ask_what_hangs(0, N_NAMES, false);
    wait_for_names(MOST_PLACES);
    close_names();
    cr_assert(eq(int, failing_n_out(), MOST_PLACES));
    name_service_answer(EAI_AGAIN);
    for (int64_t end_us = limef_deadline_us(DEADLINE_US); failing_n_out() > 0; sched_yield())
        cr_assert(lt(i64, limef_now_us(), end_us));
}

/* It hangs; who asks again waits with it, and makes it no slower for others. */
Test(rtsp_resolver, asks_no_second_time_while_the_first_one_hangs, .fini = close_names)
{
    unsigned port;

    ask_what_hangs(0, 1, false);
    wait_for_names(1);
    resolver_close(&names[0]);
    ask_what_hangs(0, 1, true);
    cr_assert(resolver_is_asked(names[0]));
    name_service_answer(0);
    cr_assert(zero(int, finish(names[0], &port)));
    cr_assert(eq(u32, name_service_n_asked(), 1));
}

/* Eight dead names, of files perhaps: a camera's is asked nevertheless, after a while. */
Test(rtsp_resolver, a_name_that_hangs_gives_its_place_to_the_next, .fini = close_names)
{
    struct resolver *other;
    unsigned port;

    ask_what_hangs(0, MOST_PLACES, false);
    wait_for_names(MOST_PLACES);
    cr_assert(zero(int, resolver_open(&other, "camera.test", 554, false)));
    cr_assert(not(resolver_is_asked(other)));
    resolver_set_late_us(20000);
    cr_assert(zero(int, finish(other, &port)));
    cr_assert(eq(u32, port, 554));
    cr_assert(eq(u32, name_service_n_waiting(), MOST_PLACES));
    resolver_close(&other);
    name_service_answer(EAI_AGAIN);
}

Test(rtsp_resolver, names_that_hang_have_a_bounded_number_of_threads, .fini = close_names)
{
    unsigned port;

    resolver_set_late_us(0);
    ask_what_hangs(0, N_NAMES, false);
    wait_for_names(MOST_THREADS);
    name_service_answer(EAI_AGAIN);
    for (unsigned i = 0; i < N_NAMES; i++)
        cr_assert(eq(int, finish(names[i], &port), AVERROR(EIO)));
    cr_assert(eq(u32, name_service_most_waiting(), MOST_THREADS));
    cr_assert(eq(u32, name_service_n_asked(), N_NAMES));
}
