/* SPDX-License-Identifier: MIT */
#include "null.h"

#include <limef/frame/signal.h>

#define DEFAULT_DEADLINE_US 40000

static void note_age(struct null_sink *null_sink, const struct limef_frame *in)
{
    int64_t deadline_us = null_sink->deadline_us, age_us;

    LIMEF_COUNT(null_sink->n_media, 1);
    if (!in->entered_us)
        return;
    if (!deadline_us)
        deadline_us = in->duration_us > 0 ? in->duration_us : DEFAULT_DEADLINE_US;
    age_us = limef_now_us() - in->entered_us;
    limef_histogram_add(&null_sink->age, age_us);
    LIMEF_COUNT(null_sink->n_timed, 1);
    if (age_us <= deadline_us)
        LIMEF_COUNT(null_sink->n_on_time, 1);
}

static int null_sink_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct null_sink *null_sink = LIMEF_CONTAINER_OF(filter, struct null_sink, filter);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);

    if (in->frame_class == LIMEF_FRAME_PACKET || in->frame_class == LIMEF_FRAME_DECODED)
        note_age(null_sink, in);
    if (signal && signal->signal == LIMEF_SIGNAL_END) {
        if (signal->code < 0 && in->slot < null_sink->n_slots)
            atomic_store_explicit(&null_sink->end_codes[in->slot], signal->code,
                                  memory_order_relaxed);
        LIMEF_COUNT(null_sink->n_ended, 1);
    }
    return limef_pass(filter, in);
}

static const struct limef_filter_ops null_sink_ops = {.kind = "null", .go = null_sink_go};

void null_sink_init(struct null_sink *null_sink, const char *name, int64_t deadline_us)
{
    limef_filter_init(&null_sink->filter, &null_sink_ops, name);
    null_sink->deadline_us = deadline_us;
}
