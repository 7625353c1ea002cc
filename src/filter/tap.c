/* SPDX-License-Identifier: MIT */
#include <limef/filter/tap.h>

static int tap_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_tap_filter *tap = LIMEF_CONTAINER_OF(filter, struct limef_tap_filter, filter);
    int tapped = tap->tap(tap->context, in);
    int passed = 0;

    if (tapped >= 0 || in->frame_class == LIMEF_FRAME_SIGNAL)
        passed = limef_pass(filter, in);
    return tapped < 0 ? tapped : passed;
}

static void tap_clear(struct limef_filter *filter)
{
    *LIMEF_CONTAINER_OF(filter, struct limef_tap_filter, filter) = (struct limef_tap_filter){0};
}

const struct limef_filter_ops limef_tap_ops = {.kind = "tap", .go = tap_go, .clear = tap_clear};

void limef_tap_filter_init(struct limef_tap_filter *tap_filter, const char *name, limef_tap_fn *tap,
                           void *context)
{
    limef_filter_init(&tap_filter->filter, &limef_tap_ops, name);
    tap_filter->tap = tap;
    tap_filter->context = context;
}
