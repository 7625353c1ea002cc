/* SPDX-License-Identifier: MIT */
/*
 * Blocks of natural rate are kept until they are heard. At a change of the rate what is in the
 * input's ring is left out, but for the next moment, and the same sound is written again at the new
 * rate: a change is heard at once, however much waits.
 */
#include "filter/audio_slot_private.h"

#include "filter/audio_sink_private.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>

/* What is heard within this part of a second stays as it is at a change: it is written anew
 * meanwhile. */
#define STAYS 25
/* Of the ring, what a file's sound leaves free, so that a change has room. */
#define FREE_PART 4
/* Frames that are stretched at a time, and what comes of them at most: twice as many, and what was
 * inside. */
#define PIECE 512
#define PIECE_ROOM (2 * PIECE + 2048)
/* Blocks that began so long before what is heard are not needed any more. */
#define OVER_US 400000
/* Times that are off by less, and by which part of that they are followed with each block. */
#define NEAR_US 500000
#define SLOWLY 256
/* Room for what is inside at the end. */
#define END_ROOM 6144

static bool is_possible(int32_t rate)
{
    return rate >= LIMEF_TEMPO_MIN_RATE && rate <= LIMEF_TEMPO_MAX_RATE;
}

static struct limef_audio_kept *kept_at(struct limef_audio_slot *slot, uint64_t number)
{
    return &slot->kept[number % LIMEF_AUDIO_N_KEPT];
}

static void forget_oldest(struct limef_audio_slot *slot)
{
    struct limef_audio_kept *kept = kept_at(slot, slot->n_forgotten++);

    limef_payload_unref(kept->frame.frame.payload);
    *kept = (struct limef_audio_kept){0};
}

static void forget_all(struct limef_audio_slot *slot)
{
    while (slot->n_forgotten < slot->n_kept)
        forget_oldest(slot);
    slot->at_block = slot->n_kept;
    slot->at_frame = slot->n_taken = 0;
}

static unsigned room_of(struct limef_audio_slot *slot)
{
    unsigned room = limef_mixer_input_room(slot->input);
    unsigned free = slot->input->ring.n_frames / FREE_PART;

    if (slot->goes_back || limef_mixer_input_is_cut(slot->input))
        return room;
    return room > free ? room - free : 0;
}

/*
 * Frames `from` to `to` of a block are written: the media time behind them. Where times are near
 * what counting says they are followed slowly: those that a demuxer makes up between two that a
 * file has may be off by some frames, and are put right by the next one, which is no gap.
 */
static void note_written(struct limef_audio_slot *slot, const struct limef_decoded_frame *block,
                         unsigned from, unsigned to)
{
    int64_t rate = audio_slot_rate_of(block), off_us;

    if (slot->next_us != LIMEF_NO_TIME)
        slot->next_us += audio_slot_us(slot, to - from) * rate / 1000;
    if (block->frame.pts_us == LIMEF_NO_TIME)
        return;
    off_us = block->frame.pts_us + audio_slot_us(slot, to) * rate / 1000;
    if (slot->next_us == LIMEF_NO_TIME || FFABS(off_us - slot->next_us) > NEAR_US)
        slot->next_us = off_us;
    else
        slot->next_us += (off_us - slot->next_us) / SLOWLY;
}

/* Some of the block that is next; how many frames. */
static unsigned serve_some(struct limef_audio_slot *slot)
{
    const struct limef_decoded_frame *block = &kept_at(slot, slot->at_block)->frame;
    unsigned n_left = (unsigned)block->av->nb_samples - slot->at_frame, n, room = room_of(slot);
    int32_t rate = audio_slot_rate_of(block);
    int64_t pts_us = block->frame.pts_us;

    if (rate != slot->rate_now && (rate != 1000 || slot->silent)) {
        LIMEF_COUNT(slot->n_dropped, 1); /* it is for another rate */
        return n_left;
    }
    if (rate == slot->rate_now) {
        n = FFMIN(n_left, room);
        if (pts_us != LIMEF_NO_TIME)
            pts_us += audio_slot_us(slot, slot->at_frame) * rate / 1000;
        if (n)
            audio_slot_put(slot,
                           audio_slot_samples(block->av) +
                               (size_t)slot->at_frame * slot->input->ring.n_channels,
                           n, pts_us, rate);
        return n;
    }
    n = room >= PIECE_ROOM ? FFMIN(n_left, PIECE) : 0;
    if (n)
        audio_slot_stretch(slot, block, n);
    return n;
}

static unsigned serve(struct limef_audio_slot *slot)
{
    unsigned n_waits = 0;

    while (slot->at_block < slot->n_kept) {
        unsigned n = serve_some(slot);

        if (!n)
            break;
        note_written(slot, &kept_at(slot, slot->at_block)->frame, slot->at_frame,
                     slot->at_frame + n);
        slot->at_frame += n;
        if (slot->at_frame >= (unsigned)kept_at(slot, slot->at_block)->frame.av->nb_samples) {
            slot->at_block++;
            slot->at_frame = 0;
        }
    }
    for (uint64_t i = slot->at_block; i < slot->n_kept; i++)
        n_waits += (unsigned)kept_at(slot, i)->frame.av->nb_samples;
    return n_waits ? n_waits - slot->at_frame : 0;
}

/* Goes back to the block that has this time in it. Returns whether there is one. */
static bool go_back_to(struct limef_audio_slot *slot, int64_t media_us)
{
    for (uint64_t i = slot->n_kept; i > slot->n_forgotten; i--) {
        const struct limef_decoded_frame *block = &kept_at(slot, i - 1)->frame;
        int64_t pts_us = block->frame.pts_us, n_frames;

        if (pts_us == LIMEF_NO_TIME || audio_slot_rate_of(block) != 1000)
            return false;
        if (pts_us > media_us)
            continue;
        n_frames = av_rescale(media_us - pts_us, slot->input->rate, 1000000);
        slot->at_block = i - 1;
        slot->at_frame = (unsigned)FFMIN(n_frames, block->av->nb_samples);
        if (n_frames >= block->av->nb_samples) {
            slot->at_block = i;
            slot->at_frame = 0;
        }
        return true;
    }
    return false;
}

/* Finds what is to be written once more for what the input tells from this time on. A block that
 * is being offered follows what is kept. */
static bool go_back(struct limef_audio_slot *slot, int64_t media_us)
{
    if (media_us == LIMEF_NO_TIME || !go_back_to(slot, media_us))
        return false;
    if (slot->n_taken && slot->at_block == slot->n_kept && media_us > slot->taken_of)
        slot->n_taken = (unsigned)FFMIN(
            av_rescale(media_us - slot->taken_of, slot->input->rate, 1000000), slot->n_taken);
    else
        slot->n_taken = 0;
    return true;
}

static void use_rate(struct limef_audio_slot *slot)
{
    slot->rate_now = slot->rate;
    if (slot->tempo.filter.ops)
        limef_tempo_set_rate(&slot->tempo, slot->rate);
}

/* The rate that was asked for, from the next moment on; once the last change was reached. */
static void change_rate(struct limef_audio_slot *slot)
{
    const struct limef_sample_ring *ring = &slot->input->ring;
    uint64_t head, from;

    if (limef_mixer_input_is_cut(slot->input))
        return;
    slot->silent =
        !is_possible(slot->rate) || (slot->rate != 1000 && !audio_slot_prepare_tempo(slot));
    if (slot->silent) {
        audio_slot_flush(slot);
        use_rate(slot);
        return;
    }
    head = limef_sample_ring_head(ring);
    from = limef_sample_ring_tail(ring) + slot->input->rate / STAYS;
    if (from + AUDIO_SLOT_FADE_FRAMES >= head ||
        !go_back(slot, limef_mixer_input_media_us(slot->input, from))) {
        audio_slot_drain_tempo(slot);
        use_rate(slot);
        return;
    }
    audio_slot_flush_tempo(slot);
    use_rate(slot);
    slot->fade_at = from;
    slot->n_fade = AUDIO_SLOT_FADE_FRAMES;
    slot->ended = false;
    slot->goes_back = true;
    serve(slot);
    slot->goes_back = false;
    limef_mixer_input_cut(slot->input, from, head);
}

/* Once everything is written. */
static void end_input(struct limef_audio_slot *slot)
{
    if (slot->rate_now != 1000 && limef_mixer_input_room(slot->input) < END_ROOM &&
        slot->input->ring.n_frames > END_ROOM)
        return;
    audio_slot_drain_tempo(slot);
    slot->ended = true;
    limef_mixer_input_end(slot->input, true);
}

unsigned audio_slot_serve(struct limef_audio_slot *slot)
{
    unsigned n_waits;

    if (slot->rate != slot->rate_now)
        change_rate(slot);
    n_waits = serve(slot);
    if (!n_waits && slot->ending && !slot->ended)
        end_input(slot);
    return n_waits + (slot->rate != slot->rate_now) + (slot->ending && !slot->ended);
}

/* Silence where the file has none. Returns whether it is written. */
static bool fill_gap(const struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                     int64_t pts_us)
{
    if (slot->silent)
        return true;
    audio_slot_find_gap(sink, slot, pts_us);
    if (!slot->n_silent)
        return true;
    if (slot->n_kept > slot->n_forgotten) { /* nobody can go back beyond it */
        audio_slot_drain_tempo(slot);
        forget_all(slot);
    }
    return audio_slot_fill_gap(sink, slot);
}

static bool keeps_most(const struct limef_audio_slot *slot)
{
    return slot->n_kept - slot->n_forgotten == LIMEF_AUDIO_N_KEPT;
}

static int64_t heard_us(const struct limef_audio_slot *slot)
{
    return limef_mixer_input_media_us(slot->input, limef_sample_ring_tail(&slot->input->ring));
}

/* Of short blocks more fit into the ring than can be kept: what comes waits, since nobody could go
 * back over all that is still to be heard. */
static bool has_to_wait(struct limef_audio_slot *slot)
{
    const struct limef_decoded_frame *oldest = &kept_at(slot, slot->n_forgotten)->frame;
    int64_t now_us;

    if (!keeps_most(slot) || slot->silent || oldest->frame.pts_us == LIMEF_NO_TIME ||
        !limef_sample_ring_fill(&slot->input->ring))
        return false;
    now_us = heard_us(slot);
    return now_us != LIMEF_NO_TIME &&
           oldest->frame.pts_us + audio_slot_us(slot, oldest->av->nb_samples) > now_us;
}

/* What was heard long since. */
static bool is_over(struct limef_audio_slot *slot, int64_t now_us)
{
    const struct limef_frame *oldest = &kept_at(slot, slot->n_forgotten)->frame.frame;

    return slot->n_forgotten < slot->at_block && now_us != LIMEF_NO_TIME &&
           oldest->pts_us != LIMEF_NO_TIME && oldest->pts_us < now_us - OVER_US;
}

static void keep(struct limef_audio_slot *slot, const struct limef_decoded_frame *in)
{
    int64_t now_us = heard_us(slot);
    struct limef_audio_kept *kept;

    while (keeps_most(slot) || is_over(slot, now_us))
        forget_oldest(slot);
    kept = kept_at(slot, slot->n_kept++);
    kept->frame = *in;
    if (in->frame.payload)
        limef_payload_ref(in->frame.payload);
}

int audio_slot_take(const struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                    const struct limef_decoded_frame *in)
{
    unsigned n_waits = audio_slot_serve(slot);

    if (n_waits || has_to_wait(slot))
        return AVERROR(EAGAIN);
    if (slot->taken_of != in->frame.pts_us) /* it was not offered again: a flush came between */
        slot->n_taken = 0;
    slot->taken_of = in->frame.pts_us;
    slot->ended = false;
    if (!fill_gap(sink, slot, in->frame.pts_us))
        return AVERROR(EAGAIN);
    keep(slot, in);
    slot->at_frame = slot->n_taken;
    n_waits = serve(slot);
    slot->n_taken = n_waits ? slot->at_frame : 0;
    if (!n_waits && in->frame.payload)
        return 0;
    if (!n_waits) { /* it is only lent: nobody can go back beyond it */
        forget_all(slot);
        return 0;
    }
    slot->n_kept--;
    limef_payload_unref(kept_at(slot, slot->n_kept)->frame.frame.payload);
    *kept_at(slot, slot->n_kept) = (struct limef_audio_kept){0};
    slot->at_block = slot->n_kept;
    slot->at_frame = 0;
    return AVERROR(EAGAIN);
}

int audio_slot_pass(struct limef_audio_slot *slot, const struct limef_decoded_frame *in)
{
    unsigned n_channels = slot->input->ring.n_channels;
    int32_t rate = audio_slot_rate_of(in);
    int64_t pts_us = in->frame.pts_us;

    if (slot->taken_of != pts_us)
        slot->n_taken = 0;
    if (pts_us != LIMEF_NO_TIME)
        pts_us += audio_slot_us(slot, slot->n_taken) * rate / 1000;
    limef_mixer_input_write(slot->input,
                            audio_slot_samples(in->av) + (size_t)slot->n_taken * n_channels,
                            (unsigned)in->av->nb_samples - slot->n_taken, pts_us, rate);
    note_written(slot, in, slot->n_taken, (unsigned)in->av->nb_samples);
    audio_slot_flush_tempo(slot);
    forget_all(slot);
    return 0;
}

void audio_slot_set_rate(struct limef_audio_slot *slot, int32_t rate)
{
    slot->rate = rate;
    audio_slot_serve(slot);
}

void audio_slot_end(struct limef_audio_slot *slot)
{
    slot->ended = false;
    audio_slot_serve(slot);
}

void audio_slot_flush(struct limef_audio_slot *slot)
{
    forget_all(slot);
    audio_slot_flush_tempo(slot);
    slot->n_fade = 0;
    slot->ended = false;
    limef_mixer_input_flush(slot->input);
    limef_mixer_input_end(slot->input, false);
}

void audio_slot_clear(struct limef_audio_slot *slot)
{
    forget_all(slot);
    limef_filter_clear(&slot->tempo.filter);
    if (slot->piece) /* it owns nothing that it points to */
        slot->piece->ch_layout = (AVChannelLayout){0};
    av_frame_free(&slot->piece);
    slot->stretched = (struct limef_filter){0};
}
