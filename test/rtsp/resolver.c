/* SPDX-License-Identifier: MIT */
#include "rtsp/resolver.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>

TestSuite(rtsp_resolver, .timeout = 10);

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
