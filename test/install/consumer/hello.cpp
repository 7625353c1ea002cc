// SPDX-License-Identifier: MIT
#include <cstdio>
#include <limef/limef.h>

static int tap_go(limef_filter *filter, const limef_frame *in)
{
    std::printf("%s: %s\n", filter->name, limef_frame_class_name(in->frame_class));
    return limef_pass(filter, in);
}

static limef_filter_ops make_ops()
{
    limef_filter_ops ops = {};

    ops.kind = "tap";
    ops.go = tap_go;
    return ops;
}

static const limef_filter_ops tap_ops = make_ops();

int main()
{
    limef_filter first = {}, second = {};
    limef_signal_frame start = {};

    limef_filter_init(&first, &tap_ops, "first");
    limef_filter_init(&second, &tap_ops, "second");
    limef_connect(&first, &second);
    limef_signal_frame_set(&start, LIMEF_SIGNAL_START, 1, limef_version());
    limef_go(&first, &start.frame);
    return LIMEF_COUNTED(second.n_frames) == 1 ? 0 : 1;
}
