/* SPDX-License-Identifier: MIT */
#include "rtsp/framing.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

TestSuite(rtsp_framing, .timeout = 10);

#define PACKET "$\4\0\x0c\x80\x60\0\1\0\0\0\0\1\2\3\4"
#define PACKET_BYTES 16

static struct rtsp_framing four(void)
{
    struct rtsp_framing framing = {.ours = {0}};

    rtsp_framing_add(&framing, 4);
    return framing;
}

static bool is_doubtful(const char *data, size_t bytes)
{
    struct rtsp_framing framing = four();

    return rtsp_framing_is_doubtful(&framing, (const uint8_t *)data, bytes);
}

static size_t find(const char *data, size_t bytes)
{
    struct rtsp_framing framing = four();

    return rtsp_framing_find(&framing, (const uint8_t *)data, bytes);
}

Test(rtsp_framing, believes_packets_of_our_channels_and_what_others_have)
{
    for (size_t bytes = 0; bytes <= PACKET_BYTES; bytes++)
        cr_assert(not(is_doubtful(PACKET, bytes)));
    cr_assert(not(is_doubtful("$\7\xff\xff\0\0\0\0", 8)));
    cr_assert(not(is_doubtful("$\4\0\0abcd", 8)));
    cr_assert(not(is_doubtful("RTSP/1.0 200 OK", 15)));
}

Test(rtsp_framing, does_not_believe_a_length_behind_which_is_no_packet)
{
    cr_assert(is_doubtful("$\4\xff\xff" PACKET, 4 + PACKET_BYTES));
    cr_assert(is_doubtful("$\5\0\4abcdefgh", 12));
    cr_assert(not(is_doubtful("$\4\xff\xff", 4))); /* not here yet */
}

/* A camera's packet that is damaged has its right length. */
Test(rtsp_framing, believes_the_length_of_a_bad_packet_that_leads_to_what_comes_next)
{
    cr_assert(not(is_doubtful("$\4\0\4abcd" PACKET, 8 + PACKET_BYTES)));
    cr_assert(not(is_doubtful("$\4\0\4abcdRTS", 11)));
    cr_assert(not(is_doubtful("$\4\0\4abcd", 8)));
    cr_assert(is_doubtful("$\4\0\4abcd$\6\0\x0c\x80", 13));
}

/* Its camera's socket was full: the rest never came, and the length takes in what came next. */
Test(rtsp_framing, does_not_believe_a_packet_that_was_cut_off)
{
    const char *cut = "$\4\0\x20\x80\x60\0\1abcdefgh" PACKET PACKET PACKET PACKET;

    cr_assert(is_doubtful(cut, 16 + 2 * PACKET_BYTES));
    cr_assert(is_doubtful(cut, 16 + 4 * PACKET_BYTES));
    cr_assert(eq(sz, find(cut, 16 + 2 * PACKET_BYTES), 16));
    cr_assert(not(is_doubtful(cut, 16 + PACKET_BYTES))); /* the rest of it is to come */
}

Test(rtsp_framing, believes_no_length_that_takes_in_several_packets)
{
    cr_assert(is_doubtful("$\4\xff\xff\x80\x60" PACKET PACKET PACKET, 6 + 3 * PACKET_BYTES));
    cr_assert(is_doubtful("$\7\xff\xff" PACKET PACKET PACKET, 4 + 3 * PACKET_BYTES));
    cr_assert(not(is_doubtful("$\7\xff\xff" PACKET PACKET, 4 + 2 * PACKET_BYTES)));
}

/* One that comes byte by byte is as large a task for the reader as one that comes at once. */
Test(rtsp_framing, looks_into_a_packet_again_once_an_eighth_more_of_it_came)
{
    static uint8_t data[1000] = "$\7\xff\xff";
    struct rtsp_framing framing = four();
    size_t two = 804 + 2 * PACKET_BYTES;

    memcpy(data + 804, PACKET PACKET PACKET, 3 * PACKET_BYTES);
    cr_assert(not(rtsp_framing_is_doubtful(&framing, data, two)));
    cr_assert(not(rtsp_framing_is_doubtful(&framing, data, two + PACKET_BYTES)));
    cr_assert(eq(sz, framing.looked_at, two));
    cr_assert(rtsp_framing_is_doubtful(&framing, data, two + two / 8));
    /* another one: there is less of it */
    cr_assert(rtsp_framing_is_doubtful(&framing, data, two + PACKET_BYTES));
}

/* What stands between them costs none of them. */
Test(rtsp_framing, believes_a_packet_behind_which_is_something_else)
{
    cr_assert(not(is_doubtful(PACKET "noise" PACKET, 2 * PACKET_BYTES + 5)));
    cr_assert(not(is_doubtful(PACKET "\r\n" PACKET, 2 * PACKET_BYTES + 2)));
    cr_assert(not(is_doubtful("$\4\0\x20\x80\x60\0\1abcdefghijkl" PACKET "RTSP/1.0", 36 + 8)));
    cr_assert(not(is_doubtful("$\4\0\x20\x80\x60\0\1abcdefghijkl" PACKET "OPTIONS *", 36 + 9)));
    cr_assert(not(is_doubtful("$\4\0\x20\x80\x60\0\1abcdefghijkl" PACKET "$\x42\0\1", 36 + 4)));
}

Test(rtsp_framing, finds_the_next_packet_of_ours_or_message)
{
    cr_assert(eq(sz, find("$$\4$$\6\0\x0c\x80" PACKET, 9 + PACKET_BYTES), 9));
    cr_assert(eq(sz, find("$ab$\4\0\x0c\x40" PACKET, 8 + PACKET_BYTES), 8));
    cr_assert(eq(sz, find("abcRTSP/1.0", 11), 3));
    cr_assert(eq(sz, find("abcdef", 6), 6));
    cr_assert(eq(sz, find("", 0), 1));
}

/* The rest of it comes later. */
Test(rtsp_framing, finds_the_beginning_of_a_packet_at_the_end)
{
    for (size_t bytes = 1; bytes <= PACKET_BYTES; bytes++)
        cr_assert(eq(sz, find("abc" PACKET, 3 + bytes), 3));
}

Test(rtsp_framing, believes_no_other_channel_behind_damaged_bytes)
{
    struct rtsp_framing framing = four();
    const uint8_t *data = (const uint8_t *)"ab$\x42\xff\xff" PACKET;

    cr_assert(eq(sz, rtsp_framing_find(&framing, data, 3), 2)); /* the rest comes later */
    cr_assert(not(rtsp_framing_is_doubtful(&framing, data + 2, 1)));
    cr_assert(rtsp_framing_is_doubtful(&framing, data + 2, 4 + PACKET_BYTES));
    cr_assert(eq(sz, rtsp_framing_find(&framing, data + 2, 4 + PACKET_BYTES), 4));
    cr_assert(not(rtsp_framing_is_doubtful(&framing, data + 6, PACKET_BYTES)));
    cr_assert(not(rtsp_framing_is_doubtful(&framing, data + 2, 4 + PACKET_BYTES)));
}

Test(rtsp_framing, finds_any_packet_while_no_channel_is_known)
{
    struct rtsp_framing none = {.ours = {0}};

    cr_assert(eq(sz, rtsp_framing_find(&none, (const uint8_t *)"ab$\x42", 4), 2));
    cr_assert(not(rtsp_framing_is_doubtful(&none, (const uint8_t *)"$\0\xff\xff\0", 5)));
}
