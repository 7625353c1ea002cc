/* SPDX-License-Identifier: MIT */
/*
 * Who was stopped while a stream began or ended would take it for going on, or wait for it: so the
 * latest of these signals is kept of each slot.
 */
#include "filter/split_private.h"

static bool is_kept(uint32_t signal)
{
    return signal == LIMEF_SIGNAL_START || signal == LIMEF_SIGNAL_FLUSH ||
           signal == LIMEF_SIGNAL_STOP || signal == LIMEF_SIGNAL_END || signal == LIMEF_SIGNAL_LOST;
}

uint32_t split_bit_of(struct limef_split_signals *signals, const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(frame);
    int slot;

    if (!signal || !is_kept(signal->signal))
        return 0;
    slot = limef_tracks_find(&signals->slots, frame);
    return slot < 0 ? 0 : UINT32_C(1) << (2 * slot + (signal->signal != LIMEF_SIGNAL_START));
}

void split_keep(struct limef_split_signals *signals, const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(frame);
    int slot = limef_tracks_find(&signals->slots, frame);

    if (signal->signal == LIMEF_SIGNAL_START) {
        signals->of[slot].start = *signal;
        signals->of[slot].since = (struct limef_signal_frame){0};
    } else {
        signals->of[slot].since = *signal;
    }
}

static int go_kept(const struct limef_signal_frame *kept, bool wanted, struct limef_filter *to)
{
    return wanted && kept->frame.frame_class == LIMEF_FRAME_SIGNAL ? limef_go(to, &kept->frame) : 0;
}

int split_give(const struct limef_split_signals *signals, uint32_t unheard, bool before,
               struct limef_filter *to)
{
    int first_error = 0;

    for (unsigned i = 0; i < signals->slots.n; i++) {
        const struct limef_signal_frame *since = &signals->of[i].since;
        bool start = unheard >> (2 * i) & 1, other = unheard >> (2 * i + 1) & 1;
        int ret = go_kept(&signals->of[i].start, before && start, to);

        if (ret >= 0)
            ret = go_kept(since, other && before == (since->signal == LIMEF_SIGNAL_FLUSH), to);
        if (ret < 0 && !first_error)
            first_error = ret;
    }
    return first_error;
}
