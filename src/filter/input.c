/* SPDX-License-Identifier: MIT */
#include <limef/filter/input.h>

#include "filter/input_private.h"

#include <limef/fifo/fifo.h>

static struct limef_input_filter *input_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_input_filter, filter);
}

static int input_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_lane *lane = &input_of(filter)->lane;
    int ret = limef_lane_write(lane, in);

    atomic_store_explicit(&filter->copied_bytes, LIMEF_COUNTED(lane->copied_bytes),
                          memory_order_relaxed);
    return ret;
}

static void input_clear(struct limef_filter *filter)
{
    struct limef_input_filter *input = input_of(filter);

    if (input->lane.fifo)
        limef_fifo_remove_lane(input->lane.fifo, &input->lane);
    limef_lane_clear(&input->lane);
}

static const struct limef_filter_ops input_ops = {
    .kind = "input", .flags = LIMEF_FILTER_BOUNDARY, .go = input_go, .clear = input_clear};

int limef_input_filter_init(struct limef_input_filter *input, const char *name,
                            struct limef_fifo *fifo, struct limef_stack_frame *frames,
                            unsigned n_frames, const struct limef_lane_settings *settings)
{
    int ret = limef_lane_init(&input->lane, frames, n_frames, settings);

    if (ret < 0)
        return ret;
    limef_filter_init(&input->filter, &input_ops, name);
    limef_fifo_add_lane(fifo, &input->lane);
    return 0;
}

int input_filter_prepare(struct limef_input_filter *input, struct limef_filter *to,
                         struct limef_stack_frame *frames, unsigned n_frames,
                         const struct limef_lane_settings *settings)
{
    int ret = limef_lane_init(&input->lane, frames, n_frames, settings);

    if (ret < 0)
        return ret;
    limef_filter_init(&input->filter, &input_ops, to->name);
    input->lane.chain = to;
    return 0;
}
