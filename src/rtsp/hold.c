/* SPDX-License-Identifier: MIT */
#include "rtsp/hold.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>

#include <libavutil/buffer.h>
#include <libavutil/common.h>

/* Less is not worth it: it is heard and seen together. */
#define LEAST_US 2000

bool rtsp_hold_is_full(const struct rtsp_hold *hold, size_t bytes)
{
    return hold->n == RTSP_HOLD_UNITS || (hold->n > 0 && hold->bytes + bytes > RTSP_HOLD_BYTES);
}

bool rtsp_hold_take(struct rtsp_hold *hold, struct rtsp_receiver *receiver,
                    const struct rtsp_arrival *arrival)
{
    struct rtsp_held *held;

    if ((hold->n == 0 && arrival->hold_us < LEAST_US) ||
        rtsp_hold_is_full(hold, arrival->unit->bytes))
        return false;
    if (!hold->held && !(hold->held = memory_allocate(RTSP_HOLD_UNITS * sizeof(*hold->held))))
        return false;
    if (hold->n == 0)
        hold->due_us = 0;
    held = &hold->held[(hold->first + hold->n++) % RTSP_HOLD_UNITS];
    *held = (struct rtsp_held){.receiver = receiver, .arrival = *arrival, .unit = *arrival->unit};
    held->unit.shares = false; /* that is the depacketizer's part of it */
    held->unit.bytes = arrival->unit->bytes;
    hold->bytes += held->unit.bytes;
    held->unit.buffer = rtsp_unit_take(arrival->unit);
    held->arrival.unit = &held->unit;
    held->due_us = FFMAX(arrival->arrived_us + arrival->hold_us, hold->due_us);
    hold->due_us = held->due_us;
    return true;
}

int64_t rtsp_hold_due_us(const struct rtsp_hold *hold)
{
    return hold->n > 0 ? hold->held[hold->first].due_us : LIMEF_FOREVER;
}

struct rtsp_held *rtsp_hold_next(struct rtsp_hold *hold, int64_t until_us)
{
    struct rtsp_held *held;

    if (hold->n == 0 || hold->held[hold->first].due_us > until_us)
        return NULL;
    held = &hold->held[hold->first];
    hold->first = (hold->first + 1) % RTSP_HOLD_UNITS;
    hold->n--;
    hold->bytes -= held->unit.bytes;
    return held;
}

void rtsp_hold_clear(struct rtsp_hold *hold)
{
    struct rtsp_held *held;

    while ((held = rtsp_hold_next(hold, LIMEF_FOREVER)))
        rtsp_unit_clear(&held->unit);
    memory_release(hold->held);
    *hold = (struct rtsp_hold){.n = 0};
}
