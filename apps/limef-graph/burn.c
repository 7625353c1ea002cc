/* SPDX-License-Identifier: MIT */
#include "burn.h"

#include <time.h>

static int64_t used_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

static int64_t cost_now_us(struct burn *burn)
{
    int64_t now_us = limef_now_us();

    if (!burn->first_us)
        burn->first_us = now_us;
    return burn->later_us >= 0 && now_us - burn->first_us >= burn->after_us ? burn->later_us
                                                                            : burn->cost_us;
}

static int burn_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct burn *burn = LIMEF_CONTAINER_OF(filter, struct burn, filter);

    if (in->frame_class == LIMEF_FRAME_PACKET || in->frame_class == LIMEF_FRAME_DECODED) {
        int64_t until_us = used_us() + cost_now_us(burn);

        while (used_us() < until_us)
            ;
    }
    return limef_pass(filter, in);
}

static uint64_t burn_fingerprint(const struct limef_filter *filter)
{
    const struct burn *burn = LIMEF_CONTAINER_OF(filter, const struct burn, filter);

    return (uint64_t)burn->cost_us;
}

static const struct limef_filter_ops burn_ops = {
    .kind = "burn", .go = burn_go, .fingerprint = burn_fingerprint};

void burn_init(struct burn *burn, const char *name, int64_t cost_us)
{
    limef_filter_init(&burn->filter, &burn_ops, name);
    burn->cost_us = cost_us;
    burn->later_us = -1;
}
