/* SPDX-License-Identifier: MIT */
#include <limef/limef.h>
#include <stdio.h>

static int tap_go(struct limef_filter *filter, const struct limef_frame *in)
{
    printf("%s: %s\n", filter->name, limef_frame_class_name(in->frame_class));
    return limef_pass(filter, in);
}

static const struct limef_filter_ops tap_ops = {.kind = "tap", .go = tap_go};

int main(void)
{
    struct limef_filter second = LIMEF_FILTER(&tap_ops, "second", NULL);
    struct limef_filter first = LIMEF_FILTER(&tap_ops, "first", &second);
    struct limef_signal_frame start = {0};

    limef_signal_frame_set(&start, LIMEF_SIGNAL_START, 1, limef_version());
    limef_go(&first, &start.frame);
    return LIMEF_COUNTED(second.n_frames) == 1 ? 0 : 1;
}
