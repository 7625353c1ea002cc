/* SPDX-License-Identifier: MIT */
#include "support/sink.h"

#include <string.h>

static struct sink *sink_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct sink, filter);
}

static int sink_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct sink *sink = sink_of(filter);
    unsigned n = sink->n_frames++;

    if (!sink->counts_only && n < SINK_MAX_FRAMES) {
        memcpy(&sink->frames[n], in, limef_frame_size_bytes(in->frame_class));
        limef_payload_ref(in->payload);
    }
    return sink->answer;
}

static void sink_clear(struct limef_filter *filter)
{
    sink_empty(sink_of(filter));
}

const struct limef_filter_ops sink_ops = {.kind = "sink", .go = sink_go, .clear = sink_clear};

void sink_init(struct sink *sink)
{
    *sink = (struct sink){0};
    limef_filter_init(&sink->filter, &sink_ops, NULL);
}

void sink_empty(struct sink *sink)
{
    for (unsigned i = 0; i < SINK_MAX_FRAMES; i++)
        limef_any_frame_clear(&sink->frames[i]);
    sink->n_frames = 0;
}

const struct limef_frame *sink_nth(const struct sink *sink, enum limef_frame_class frame_class,
                                   unsigned n)
{
    for (unsigned i = 0; i < sink->n_frames && i < SINK_MAX_FRAMES; i++) {
        if (sink->frames[i].frame.frame_class == frame_class && n-- == 0)
            return &sink->frames[i].frame;
    }
    return NULL;
}

unsigned sink_count(const struct sink *sink, enum limef_frame_class frame_class)
{
    unsigned n = 0;

    while (sink_nth(sink, frame_class, n))
        n++;
    return n;
}
