/* SPDX-License-Identifier: MIT */
/* How long, and in how much memory, NAL units wait for those that are decoded before them. */
#include "units.h"

#include "rtsp/decoding_order.h"
#include "support/failing.h"

#include <limef/base/clock.h>

TestSuite(rtsp_decoding_order, .timeout = 30, .fini = clear);

#define DEEP "packetization-mode=2;sprop-interleaving-depth=1000"

/* STAP-B of one slice that begins a picture. */
static void push_slice(uint16_t number)
{
    uint8_t packet[] = {0x79, 0, 0, 0, 2, 0x41, 0x9a};

    AV_WB16(packet + 1, number);
    cr_assert(zero(int, push(number, false, packet, sizeof(packet))));
}

static void open_deep(void)
{
    open_as(SDP_VIDEO, "H264", 90000, DEEP);
    depacketizer.now_us = 1000000;
    push_slice(1); /* the next one is known */
    cr_assert(eq(i64, depacketizer_due_us(&depacketizer), depacketizer.now_us + 2000000));
    depacketizer.now_us += 2000000;
    cr_assert(zero(int, depacketizer_tick(&depacketizer)));
    depacketizer.n_hurried = 0;
    cr_assert(eq(i64, depacketizer_due_us(&depacketizer), LIMEF_FOREVER));
}

Test(rtsp_decoding_order, what_waited_for_two_seconds_goes_on_at_the_next_packet)
{
    open_deep();
    for (uint16_t i = 0; i < 20; i++) {
        depacketizer.now_us += 200000;
        push_slice(100 + 2 * i);
    }
    /* those of the last two seconds wait; what went on is handed out with the next time */
    cr_assert(eq(u64, depacketizer.n_hurried, 10));
    cr_assert(eq(u32, n_got, 10));
    for (unsigned i = 1; i < n_got; i++)
        cr_assert(got[i].follows_loss); /* for all that anybody knows */
}

Test(rtsp_decoding_order, what_waited_for_two_seconds_goes_on_without_a_packet)
{
    open_deep();
    push_slice(100);
    depacketizer.now_us += 500000;
    push_slice(50); /* it goes before that, and came later */
    cr_assert(eq(i64, depacketizer_due_us(&depacketizer), depacketizer.now_us + 1500000));
    depacketizer.now_us += 1499999;
    cr_assert(zero(int, depacketizer_tick(&depacketizer)));
    cr_assert(zero(u64, depacketizer.n_hurried));
    depacketizer.now_us++;
    cr_assert(zero(int, depacketizer_tick(&depacketizer)));
    cr_assert(eq(u64, depacketizer.n_hurried, 2));
    cr_assert(zero(int, depacketizer_flush(&depacketizer)));
    cr_assert(eq(i64, got[1].timestamp, 50));
    cr_assert(eq(i64, got[2].timestamp, 100));
}

Test(rtsp_decoding_order, what_comes_in_time_is_not_hurried)
{
    open_deep();
    for (uint16_t i = 2; i < 200; i += 2) {
        depacketizer.now_us += 1900000;
        push_slice(i + 1);
        depacketizer.now_us += 90000;
        push_slice(i);
    }
    cr_assert(zero(u64, depacketizer.n_hurried));
    cr_assert(zero(u64, depacketizer.n_malformed));
}

/* A camera that was far out of order for a while. */
Test(rtsp_decoding_order, memory_that_is_not_needed_any_more_is_given_back)
{
    int n_most;
    uint16_t number = 2;

    failing_install(0);
    open_deep();
    for (; number < 1000; number++)
        push_slice(number + 1);
    n_most = failing_n_out();
    cr_assert(gt(int, n_most, 900));
    push_slice(2);
    for (number++; number < 20000; number += 2) {
        push_slice(number + 1);
        push_slice(number);
    }
    cr_assert(lt(int, failing_n_out(), 20));
    failing_remove();
    clear();
}
