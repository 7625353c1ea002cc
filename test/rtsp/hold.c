/* SPDX-License-Identifier: MIT */
#include "rtsp/hold.h"

#include "support/failing.h"

#include <limef/base/clock.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/buffer.h>

static struct rtsp_hold hold;
static struct rtsp_receiver receiver;
static struct rtsp_unit unit;

static void clear(void)
{
    rtsp_hold_clear(&hold);
    rtsp_unit_clear(&unit);
}

TestSuite(rtsp_hold, .fini = clear, .timeout = 10);

/* A unit of one byte. Returns whether it waits. */
static bool arrive(uint8_t byte, int64_t arrived_us, int64_t hold_us)
{
    struct rtsp_arrival arrival = {.unit = &unit, .arrived_us = arrived_us, .hold_us = hold_us};
    bool waits;

    cr_assert(zero(int, rtsp_unit_append(&unit, &byte, 1)));
    unit.is_key = byte % 2;
    waits = rtsp_hold_take(&hold, &receiver, &arrival);
    cr_assert(eq(sz, unit.bytes, waits ? 0 : 1));
    rtsp_unit_restart(&unit);
    return waits;
}

/* The byte of the next one until then; -1: none. */
static int next(int64_t until_us)
{
    struct rtsp_held *held = rtsp_hold_next(&hold, until_us);
    int byte;

    if (!held)
        return -1;
    cr_assert(eq(ptr, held->arrival.unit, &held->unit));
    cr_assert(eq(ptr, held->receiver, &receiver));
    byte = held->unit.buffer->data[0];
    cr_assert(eq(int, held->unit.is_key, byte % 2));
    rtsp_unit_clear(&held->unit);
    return byte;
}

Test(rtsp_hold, what_need_not_wait_is_passed_on)
{
    cr_assert(not(arrive(1, 1000, 0)));
    cr_assert(eq(i64, rtsp_hold_due_us(&hold), LIMEF_FOREVER));
    cr_assert(eq(int, next(LIMEF_FOREVER), -1));
    cr_assert(eq(ptr, hold.held, NULL));
}

Test(rtsp_hold, units_come_out_in_order_when_they_are_due)
{
    cr_assert(arrive(1, 1000, 50000));
    cr_assert(arrive(2, 2000, 20000)); /* not before the first */
    cr_assert(arrive(3, 3000, 0));
    cr_assert(arrive(4, 60000, 10000));
    cr_assert(eq(i64, rtsp_hold_due_us(&hold), 51000));
    cr_assert(eq(int, next(50999), -1));
    cr_assert(eq(int, next(51000), 1));
    cr_assert(eq(int, next(51000), 2));
    cr_assert(eq(int, next(51000), 3));
    cr_assert(eq(int, next(51000), -1));
    cr_assert(eq(int, next(LIMEF_FOREVER), 4));
    cr_assert(not(arrive(5, 70000, 0)));
}

Test(rtsp_hold, takes_as_many_as_there_is_room_for)
{
    for (unsigned i = 0; i < 3 * RTSP_HOLD_UNITS; i++) {
        if (hold.n == RTSP_HOLD_UNITS)
            cr_assert(eq(int, next(LIMEF_FOREVER), (int)(uint8_t)(i - RTSP_HOLD_UNITS)));
        cr_assert(arrive((uint8_t)i, 1000, 50000));
    }
    cr_assert(not(arrive(1, 1000, 50000)));
}

/* Key frames of some megabytes are few. */
Test(rtsp_hold, takes_as_many_bytes_as_there_is_room_for)
{
    struct rtsp_arrival arrival = {.unit = &unit, .arrived_us = 1000, .hold_us = 50000};
    const size_t bytes = RTSP_HOLD_BYTES / 2 - 1;

    for (unsigned i = 0; i < 8; i++) {
        cr_assert(rtsp_unit_extend(&unit, bytes) != NULL);
        cr_assert(eq(int, rtsp_hold_is_full(&hold, bytes), i >= 2));
        cr_assert(eq(int, rtsp_hold_take(&hold, &receiver, &arrival), i < 2));
        rtsp_unit_restart(&unit);
    }
    cr_assert(eq(u32, hold.n, 2));
    for (unsigned i = 0; i < 2; i++)
        rtsp_unit_clear(&rtsp_hold_next(&hold, LIMEF_FOREVER)->unit);
    cr_assert(zero(sz, hold.bytes));
    cr_assert(rtsp_unit_extend(&unit, RTSP_HOLD_BYTES + 1) != NULL); /* alone */
    cr_assert(rtsp_hold_take(&hold, &receiver, &arrival));
}

Test(rtsp_hold, without_memory_nothing_waits)
{
    cr_assert(not(arrive(1, 1000, 0))); /* its buffer stays */
    failing_install(1);
    cr_assert(not(arrive(1, 1000, 50000)));
    cr_assert(failing_failed());
    cr_assert(arrive(1, 1000, 50000));
    failing_remove();
}
