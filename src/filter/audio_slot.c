/* SPDX-License-Identifier: MIT */
/*
 * Blocks of natural rate are kept until they are heard. At a change of the rate what is in the
 * input's ring is left out, but for the next moment, and the same sound is written again at the new
 * rate: a change is heard at once, however much waits.
 */
#include "filter/audio_slot.h"

#include "base/memory_private.h"
#include "filter/audio_sink_private.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>

/* What is heard within this part of a second stays as it is at a change: it is written anew
 * meanwhile. */
#define STAYS 25
/* Old sound becomes new sound within this many frames. */
#define FADE_FRAMES 240
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

static const float *samples_of(const AVFrame *av)
{
    return (const float *)(const void *)av->data[0];
}

static int64_t frames_us(const struct limef_audio_slot *slot, int64_t n_frames)
{
    return n_frames * 1000000 / (int64_t)slot->input->rate;
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

static void flush_tempo(struct limef_audio_slot *slot)
{
    struct limef_signal_frame flush;

    if (!slot->tempo.filter.ops)
        return;
    limef_signal_frame_set(&flush, LIMEF_SIGNAL_FLUSH, 0, NULL);
    limef_go(&slot->tempo.filter, &flush.frame);
}

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
    float mixed[FADE_FRAMES * LIMEF_MIXER_MAX_CHANNELS];
    unsigned n = FFMIN(n_frames, slot->n_fade), n_channels = ring->n_channels;

    for (unsigned i = 0; i < n; i++) {
        const float *old = ring_at(ring, slot->fade_at + i);
        float part = (float)(slot->n_fade - i) / FADE_FRAMES;

        for (unsigned c = 0; c < n_channels; c++)
            mixed[i * n_channels + c] = old[c] * part + samples[i * n_channels + c] * (1 - part);
    }
    slot->fade_at += n;
    slot->n_fade -= n;
    limef_mixer_input_write(slot->input, mixed, n, pts_us, rate);
    return n;
}

static void put(struct limef_audio_slot *slot, const float *samples, unsigned n_frames,
                int64_t pts_us, int32_t rate)
{
    unsigned n = slot->n_fade ? fade(slot, samples, n_frames, pts_us, rate) : 0;

    if (n && pts_us != LIMEF_NO_TIME)
        pts_us += frames_us(slot, n) * rate / 1000;
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
        put(slot, samples_of(block->av), (unsigned)block->av->nb_samples, in->pts_us,
            slot->rate_now);
    else if (block) /* it could not be stretched */
        LIMEF_COUNT(slot->n_dropped, 1);
    return 0;
}

static const struct limef_filter_ops stretched_ops = {.kind = "audio slot", .go = stretched_go};

/* Returns whether sound can have this rate. */
static bool prepare_tempo(struct limef_audio_slot *slot)
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

/* So many frames of a block from at_frame on. */
static void stretch(struct limef_audio_slot *slot, const struct limef_decoded_frame *block,
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
        in.frame.pts_us += frames_us(slot, slot->at_frame);
    limef_go(&slot->tempo.filter, &in.frame);
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
        slot->next_us += frames_us(slot, to - from) * rate / 1000;
    if (block->frame.pts_us == LIMEF_NO_TIME)
        return;
    off_us = block->frame.pts_us + frames_us(slot, to) * rate / 1000;
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
            pts_us += frames_us(slot, slot->at_frame) * rate / 1000;
        if (n)
            put(slot, samples_of(block->av) + (size_t)slot->at_frame * slot->input->ring.n_channels,
                n, pts_us, rate);
        return n;
    }
    n = room >= PIECE_ROOM ? FFMIN(n_left, PIECE) : 0;
    if (n)
        stretch(slot, block, n);
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

/* Passes on what is inside at the old rate. */
static void drain_tempo(struct limef_audio_slot *slot)
{
    struct limef_signal_frame end;

    if (slot->rate_now == 1000 || !slot->tempo.filter.ops)
        return;
    limef_signal_frame_set(&end, LIMEF_SIGNAL_END, 0, NULL);
    limef_go(&slot->tempo.filter, &end.frame);
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
    slot->silent = !is_possible(slot->rate) || (slot->rate != 1000 && !prepare_tempo(slot));
    if (slot->silent) {
        audio_slot_flush(slot);
        use_rate(slot);
        return;
    }
    head = limef_sample_ring_head(ring);
    from = limef_sample_ring_tail(ring) + slot->input->rate / STAYS;
    if (from + FADE_FRAMES >= head ||
        !go_back(slot, limef_mixer_input_media_us(slot->input, from))) {
        drain_tempo(slot);
        use_rate(slot);
        return;
    }
    flush_tempo(slot);
    use_rate(slot);
    slot->fade_at = from;
    slot->n_fade = FADE_FRAMES;
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
    drain_tempo(slot);
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
        drain_tempo(slot);
        forget_all(slot);
    }
    return audio_slot_fill_gap(sink, slot);
}

/* What was heard long since. */
static bool is_over(struct limef_audio_slot *slot, int64_t heard_us)
{
    const struct limef_frame *oldest = &kept_at(slot, slot->n_forgotten)->frame.frame;

    return slot->n_forgotten < slot->at_block && heard_us != LIMEF_NO_TIME &&
           oldest->pts_us != LIMEF_NO_TIME && oldest->pts_us < heard_us - OVER_US;
}

static void keep(struct limef_audio_slot *slot, const struct limef_decoded_frame *in)
{
    int64_t heard_us =
        limef_mixer_input_media_us(slot->input, limef_sample_ring_tail(&slot->input->ring));
    struct limef_audio_kept *kept;

    while (slot->n_kept - slot->n_forgotten == LIMEF_AUDIO_N_KEPT || is_over(slot, heard_us))
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

    if (n_waits)
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
        pts_us += frames_us(slot, slot->n_taken) * rate / 1000;
    limef_mixer_input_write(slot->input, samples_of(in->av) + (size_t)slot->n_taken * n_channels,
                            (unsigned)in->av->nb_samples - slot->n_taken, pts_us, rate);
    note_written(slot, in, slot->n_taken, (unsigned)in->av->nb_samples);
    flush_tempo(slot);
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
    flush_tempo(slot);
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
