/* SPDX-License-Identifier: MIT */
/* Into a slot's input: as it is, or at another rate. */
#include "filter/audio_slot_private.h"

#include "base/memory_private.h"

#include <libavutil/common.h>
#include <libavutil/frame.h>

/* A frame of the ring that was written and not heard yet. */
static const float *ring_at(const struct limef_sample_ring *ring, uint64_t position)
{
    return ring->samples + (position & (ring->n_frames - 1)) * ring->n_channels;
}

/* The first frames after a change begin as what they take the place of. */
static unsigned fade(struct limef_audio_slot *slot, const float *samples, unsigned n_frames,
                     int64_t pts_us, int32_t rate)
{
    const struct limef_sample_ring *ring = &slot->input->ring;
    float mixed[AUDIO_SLOT_FADE_FRAMES * LIMEF_MIXER_MAX_CHANNELS];
    unsigned n = FFMIN(n_frames, slot->n_fade), n_channels = ring->n_channels;

    for (unsigned i = 0; i < n; i++) {
        const float *old = ring_at(ring, slot->fade_at + i);
        float part = (float)(slot->n_fade - i) / AUDIO_SLOT_FADE_FRAMES;

        for (unsigned c = 0; c < n_channels; c++)
            mixed[i * n_channels + c] = old[c] * part + samples[i * n_channels + c] * (1 - part);
    }
    slot->fade_at += n;
    slot->n_fade -= n;
    limef_mixer_input_write(slot->input, mixed, n, pts_us, rate);
    return n;
}

void audio_slot_put(struct limef_audio_slot *slot, const float *samples, unsigned n_frames,
                    int64_t pts_us, int32_t rate)
{
    unsigned n = slot->n_fade ? fade(slot, samples, n_frames, pts_us, rate) : 0;

    if (n && pts_us != LIMEF_NO_TIME)
        pts_us += audio_slot_us(slot, n) * rate / 1000;
    if (n < n_frames)
        limef_mixer_input_write(slot->input, samples + (size_t)n * slot->input->ring.n_channels,
                                n_frames - n, pts_us, rate);
}

/* What the tempo filter passes on. */
static int stretched_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_audio_slot *slot = LIMEF_CONTAINER_OF(filter, struct limef_audio_slot, stretched);
    const struct limef_decoded_frame *block = limef_decoded_frame_from(in);

    if (block && audio_slot_rate_of(block) == slot->rate_now)
        audio_slot_put(slot, audio_slot_samples(block->av), (unsigned)block->av->nb_samples,
                       in->pts_us, slot->rate_now);
    else if (block) /* it could not be stretched */
        LIMEF_COUNT(slot->n_dropped, 1);
    return 0;
}

static const struct limef_filter_ops stretched_ops = {.kind = "audio slot", .go = stretched_go};

bool audio_slot_prepare_tempo(struct limef_audio_slot *slot)
{
    if (!slot->piece)
        slot->piece = memory_new_av_frame();
    if (!slot->piece)
        return false;
    if (!slot->tempo.filter.ops && limef_tempo_filter_init(&slot->tempo, slot->input->name) < 0)
        return false;
    if (!slot->stretched.ops) {
        limef_filter_init(&slot->stretched, &stretched_ops, slot->input->name);
        limef_connect(&slot->tempo.filter, &slot->stretched);
    }
    return limef_tempo_load(&slot->tempo) >= 0;
}

void audio_slot_stretch(struct limef_audio_slot *slot, const struct limef_decoded_frame *block,
                        unsigned n_frames)
{
    struct limef_decoded_frame in = *block;
    AVFrame *piece = slot->piece;

    piece->format = block->av->format;
    piece->sample_rate = block->av->sample_rate;
    piece->nb_samples = (int)n_frames;
    piece->ch_layout = block->av->ch_layout; /* those of a mixer have no map of their own */
    piece->data[0] =
        block->av->data[0] + (size_t)slot->at_frame * slot->input->ring.n_channels * sizeof(float);
    piece->extended_data = piece->data;
    in.av = piece;
    in.frame.payload = NULL;
    if (slot->at_frame) /* it is the block that does not follow the one before it */
        in.frame.flags &= ~(uint32_t)LIMEF_FRAME_DISCONTINUITY;
    if (in.frame.pts_us != LIMEF_NO_TIME)
        in.frame.pts_us += audio_slot_us(slot, slot->at_frame);
    limef_go(&slot->tempo.filter, &in.frame);
}

void audio_slot_drain_tempo(struct limef_audio_slot *slot)
{
    struct limef_signal_frame end;

    if (slot->rate_now == 1000 || !slot->tempo.filter.ops)
        return;
    limef_signal_frame_set(&end, LIMEF_SIGNAL_END, 0, NULL);
    limef_go(&slot->tempo.filter, &end.frame);
}

void audio_slot_flush_tempo(struct limef_audio_slot *slot)
{
    struct limef_signal_frame flush;

    if (!slot->tempo.filter.ops)
        return;
    limef_signal_frame_set(&flush, LIMEF_SIGNAL_FLUSH, 0, NULL);
    limef_go(&slot->tempo.filter, &flush.frame);
}
