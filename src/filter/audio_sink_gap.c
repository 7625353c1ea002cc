/* SPDX-License-Identifier: MIT */
/*
 * Where a file has no sound there is silence: before it begins, and where some is missing. Without
 * it what follows would be heard too early, and pictures would jump there with it.
 */
#include "filter/audio_sink_private.h"

#include <libavutil/common.h>
#include <libavutil/mathematics.h>

/* Less is what times are rounded by, and what a tempo filter is off by at a change of rate. */
#define GAP_US 70000
/* More is a jump of the stream's time. */
#define MAX_GAP_US 10000000
/* A picture that is older stands still. */
#define MAX_SEEN_US 1000000
#define BLOCK_FRAMES 1024

void audio_slot_begin(struct limef_audio_slot *slot, int64_t begins_us)
{
    slot->n_taken = slot->n_silent = 0;
    slot->next_us = LIMEF_NO_TIME;
    slot->begins_us = begins_us;
    slot->began_us = limef_now_us();
}

/* The media time that is seen when what is written next is heard; LIMEF_NO_TIME: none is. */
static int64_t seen_us(const struct limef_audio_slot *slot)
{
    int64_t since_us = 0, now_us = limef_now_us(), media_us;
    struct limef_mixer_heard heard;

    if (!slot->seen)
        return LIMEF_NO_TIME;
    media_us = slot->seen(slot->seen_context, &since_us);
    if (media_us == LIMEF_NO_TIME || since_us < slot->began_us)
        return LIMEF_NO_TIME;
    if (slot->paused) /* and stands still */
        return media_us;
    limef_mixer_input_get_heard(slot->input, &heard);
    now_us = FFMAX(now_us, heard.at_us);
    return media_us + FFMIN(now_us - since_us, MAX_SEEN_US) * slot->rate / 1000;
}

/* Which media time comes next, as long as nothing else is known than what was before. */
static int64_t next_us(const struct limef_audio_slot *slot)
{
    struct limef_mixer_heard heard;

    if (slot->next_us == LIMEF_NO_TIME) {
        int64_t at_us = seen_us(slot);

        return at_us != LIMEF_NO_TIME ? at_us : slot->begins_us;
    }
    limef_mixer_input_get_heard(slot->input, &heard);
    if (limef_sample_ring_fill(&slot->input->ring) || heard.state == LIMEF_INPUT_SOUNDING)
        return slot->next_us;
    return seen_us(slot); /* it ran dry: time went on */
}

void audio_slot_find_gap(const struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                         int64_t pts_us)
{
    int64_t from_us, gap_us;

    if (pts_us == LIMEF_NO_TIME || slot->n_taken || slot->n_silent)
        return;
    if (slot->next_us != LIMEF_NO_TIME && pts_us - slot->next_us < GAP_US)
        return; /* nothing is missing, also if it ran dry meanwhile */
    from_us = next_us(slot);
    gap_us = from_us != LIMEF_NO_TIME ? pts_us - from_us : 0;
    if (gap_us < GAP_US || gap_us > MAX_GAP_US)
        return;
    slot->next_us = from_us;
    slot->n_silent =
        (unsigned)av_rescale(gap_us, (int64_t)sink->mixer->settings.rate, slot->rate_now * 1000LL);
    LIMEF_COUNT(slot->n_gaps, 1);
}

bool audio_slot_fill_gap(const struct limef_audio_sink *sink, struct limef_audio_slot *slot)
{
    static const float silence[BLOCK_FRAMES * LIMEF_MIXER_MAX_CHANNELS];

    while (slot->n_silent) {
        unsigned n = FFMIN3(slot->n_silent, BLOCK_FRAMES, limef_mixer_input_room(slot->input));

        if (!n)
            return false;
        limef_mixer_input_write(slot->input, silence, n, slot->next_us, slot->rate_now);
        slot->next_us += av_rescale(n, slot->rate_now * 1000LL, sink->mixer->settings.rate);
        slot->n_silent -= n;
    }
    return true;
}

void audio_slot_go_on(const struct limef_audio_sink *sink, struct limef_audio_slot *slot)
{
    int64_t at_us = seen_us(slot), ahead_us;

    slot->n_silent = 0;
    if (at_us == LIMEF_NO_TIME || slot->next_us == LIMEF_NO_TIME)
        return;
    ahead_us = av_clip64(slot->next_us - at_us, 0, MAX_GAP_US);
    limef_mixer_input_keep(slot->input, (unsigned)av_rescale(ahead_us, sink->mixer->settings.rate,
                                                             slot->rate * 1000LL));
    if (!ahead_us)
        slot->next_us = LIMEF_NO_TIME; /* what comes is put in time as a beginning is */
}
