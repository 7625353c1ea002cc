/* SPDX-License-Identifier: MIT */
#include <limef/filter/gate.h>

#include "filter/filter_counts.h"

#include <libavutil/error.h>
#include <string.h>

/* Leading pictures and samples come within this before a key frame; what is earlier is a jump. */
#define MAX_EARLY_US 5000000

static struct limef_gate_filter *gate_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_gate_filter, filter);
}

static void set_state(struct limef_gate_filter *gate, enum limef_gate_state state)
{
    /* relaxed: others only look at it */
    atomic_store_explicit(&gate->state, state, memory_order_relaxed);
}

static int withhold(struct limef_gate_filter *gate)
{
    LIMEF_COUNT(gate->n_withheld, 1);
    return 0;
}

static int go_signal(struct limef_gate_filter *gate, const struct limef_signal_frame *in)
{
    if (in->signal == LIMEF_SIGNAL_GATE) {
        if (!in->value)
            set_state(gate, LIMEF_GATE_SHUT);
        else if (limef_gate_get_state(gate) == LIMEF_GATE_SHUT)
            set_state(gate, LIMEF_GATE_WAITING);
    }
    return limef_pass(&gate->filter, &in->frame);
}

static int go_codec(struct limef_gate_filter *gate, const struct limef_frame *in)
{
    int kept = limef_codecs_keep(&gate->codecs, &gate->filter, in);
    int passed = 0;

    if (limef_gate_get_state(gate) == LIMEF_GATE_OPEN)
        passed = limef_pass(&gate->filter, in);
    gate->is_unsaid |= passed == AVERROR_EXIT; /* it is kept, and goes first */
    return kept < 0 ? kept : passed;
}

static int give_codecs(struct limef_gate_filter *gate)
{
    int ret = gate->filter.next ? limef_codecs_go(&gate->codecs, gate->filter.next) : 0;

    gate->is_unsaid = ret == AVERROR_EXIT;
    return ret;
}

static int open_at(struct limef_gate_filter *gate, const struct limef_frame *in)
{
    set_state(gate, LIMEF_GATE_OPEN);
    gate->opened_us = in->pts_us;
    memset(gate->begun, 0, sizeof(gate->begun));
    memset(gate->is_fresh, true, sizeof(gate->is_fresh));
    return give_codecs(gate);
}

/* Nobody behind took what it opened with: at the next key frame once more. */
static int wait_again(struct limef_gate_filter *gate)
{
    set_state(gate, LIMEF_GATE_WAITING);
    return AVERROR_EXIT;
}

/*
 * Whether a frame is to be presented before the one at which the gate opened. Looked at only up
 * to the first of its media that is not: times that jump back later are none of the gate's.
 */
static bool is_early(struct limef_gate_filter *gate, const struct limef_frame *in)
{
    bool *begun = &gate->begun[in->media <= LIMEF_MEDIA_OTHER ? in->media : LIMEF_MEDIA_OTHER];

    if (*begun || gate->opened_us == LIMEF_NO_TIME || in->pts_us == LIMEF_NO_TIME)
        return false;
    if (in->pts_us < gate->opened_us)
        return gate->opened_us - in->pts_us < MAX_EARLY_US;
    /* leading pictures follow the key frame that opened, whose own time says nothing of them */
    *begun = in->pts_us > gate->opened_us || in->media != LIMEF_MEDIA_VIDEO;
    return false;
}

static void rebase(const struct limef_gate_filter *gate, union limef_any_frame *out)
{
    if (out->frame.pts_us != LIMEF_NO_TIME)
        out->frame.pts_us -= gate->opened_us;
    if (out->frame.frame_class == LIMEF_FRAME_PACKET && out->packet.dts_us != LIMEF_NO_TIME)
        out->packet.dts_us -= gate->opened_us;
}

static int pass_open(struct limef_gate_filter *gate, const struct limef_frame *in)
{
    bool *is_fresh =
        &gate->is_fresh[in->media <= LIMEF_MEDIA_OTHER ? in->media : LIMEF_MEDIA_OTHER];
    bool is_rebased = gate->rebase && gate->opened_us != LIMEF_NO_TIME;
    union limef_any_frame out;

    if (!is_rebased && !*is_fresh)
        return limef_pass(&gate->filter, in);
    memcpy(&out, in, limef_frame_size_bytes(in->frame_class));
    if (*is_fresh)
        out.frame.flags |= LIMEF_FRAME_DISCONTINUITY;
    *is_fresh = false;
    if (is_rebased)
        rebase(gate, &out);
    return limef_pass(&gate->filter, &out.frame);
}

static int gate_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_gate_filter *gate = gate_of(filter);
    enum limef_gate_state state = limef_gate_get_state(gate);
    int opened = 0, passed;
    bool opens;

    if (in->frame_class == LIMEF_FRAME_SIGNAL)
        return go_signal(gate, limef_signal_frame_from(in));
    if (in->frame_class == LIMEF_FRAME_CODEC)
        return go_codec(gate, in);
    limef_codecs_keep(&gate->codecs, filter, in); /* notes what media there is */
    opens = state == LIMEF_GATE_WAITING && limef_codecs_can_start(&gate->codecs, in);
    if (opens)
        opened = open_at(gate, in);
    else if (state != LIMEF_GATE_OPEN || is_early(gate, in))
        return withhold(gate);
    else if (gate->is_unsaid)
        opened = give_codecs(gate);
    passed = opened == AVERROR_EXIT ? opened : pass_open(gate, in);
    if (opens && passed == AVERROR_EXIT)
        return wait_again(gate);
    return opened < 0 ? opened : passed;
}

static void gate_clear(struct limef_filter *filter)
{
    struct limef_gate_filter *gate = gate_of(filter);

    limef_codecs_clear(&gate->codecs);
    *gate = (struct limef_gate_filter){0};
}

static unsigned gate_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_gate_filter *gate =
        LIMEF_CONTAINER_OF(filter, const struct limef_gate_filter, filter);
    const struct limef_filter_count now[] = {
        {"withheld", LIMEF_COUNTED(gate->n_withheld)},
    };

    return filter_counts(counts, now, sizeof(now));
}

const struct limef_filter_ops limef_gate_ops = {
    .kind = "gate", .go = gate_go, .clear = gate_clear, .counts = gate_counts};

void limef_gate_filter_init(struct limef_gate_filter *gate, const char *name,
                            enum limef_gate_state state, bool rebase)
{
    limef_filter_init(&gate->filter, &limef_gate_ops, name);
    gate->rebase = rebase;
    set_state(gate, state);
}

enum limef_gate_state limef_gate_get_state(const struct limef_gate_filter *gate)
{
    return (enum limef_gate_state)atomic_load_explicit(&gate->state, memory_order_relaxed);
}

uint64_t limef_gate_n_withheld(const struct limef_gate_filter *gate)
{
    return LIMEF_COUNTED(gate->n_withheld);
}
