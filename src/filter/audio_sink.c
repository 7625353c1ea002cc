/* SPDX-License-Identifier: MIT */
#include "filter/audio_sink_private.h"

#include <limef/base/log.h>
#include <limef/filter/resample.h>
#include <limef/thread/report.h>
#include <limef/thread/thread.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>

/* How often a slot that ended is asked whether all of it was heard. */
#define LOOK_US 10000
/* An input that is full is asked again when so much more fits. */
#define ROOM_US 20000
/* Live sound that is later than this part of a second is skipped. */
#define LIVE_DELAYS 4

static struct limef_audio_sink *sink_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_audio_sink, filter);
}

static int64_t frames_us(const struct limef_audio_sink *sink, uint64_t n_frames)
{
    return (int64_t)(n_frames * 1000000 / sink->mixer->settings.rate);
}

static void wake_at(struct limef_audio_sink *sink, int64_t due_us)
{
    struct limef_thread *thread = limef_thread_current();

    if (thread && thread->task_context == sink && due_us < thread->task_due_us)
        thread->task_due_us = due_us;
}

static bool is_for_mixer(const struct limef_audio_sink *sink, const AVFrame *av)
{
    return av->format == AV_SAMPLE_FMT_FLT && av->sample_rate == (int)sink->mixer->settings.rate &&
           av->ch_layout.nb_channels == (int)sink->mixer->settings.n_channels;
}

static int32_t rate_of(const struct limef_decoded_frame *in)
{
    return in->rate ? in->rate : 1000;
}

/* What is live keeps the distance that it began with. */
static void follow(struct limef_audio_sink *sink, struct limef_audio_slot *slot, unsigned n_frames)
{
    struct limef_mixer_heard heard;
    int ppm;

    if (!slot->resample)
        return;
    limef_mixer_input_get_heard(slot->input, &heard);
    if (heard.state != LIMEF_INPUT_SOUNDING)
        return;
    ppm = limef_drift_update(
        &slot->drift, frames_us(sink, limef_sample_ring_fill(&slot->input->ring)),
        frames_us(sink, slot->input->settings.n_ahead + n_frames), limef_now_us());
    limef_resample_set_ppm(slot->resample, ppm);
    atomic_store_explicit(&slot->ppm, ppm, memory_order_relaxed);
}

static int take_live(struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                     const struct limef_decoded_frame *in)
{
    unsigned n = (unsigned)in->av->nb_samples;

    /* a stall of its source must not become a delay for good */
    if (!LIMEF_COUNTED(slot->input->n_most))
        limef_mixer_input_set_most(slot->input, sink->mixer->settings.rate / LIVE_DELAYS);
    limef_mixer_input_write(slot->input, (const float *)(const void *)in->av->data[0], n,
                            in->frame.pts_us, rate_of(in));
    follow(sink, slot, n);
    return 0;
}

/* The next n frames of a block. */
static void write_some(const struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                       const struct limef_decoded_frame *in, unsigned n)
{
    const float *samples = (const float *)(const void *)in->av->data[0];
    int64_t pts_us = in->frame.pts_us;

    if (pts_us != LIMEF_NO_TIME)
        pts_us += frames_us(sink, slot->n_taken) * rate_of(in) / 1000;
    limef_mixer_input_write(slot->input,
                            samples + (size_t)slot->n_taken * sink->mixer->settings.n_channels, n,
                            pts_us, rate_of(in));
    if (pts_us == LIMEF_NO_TIME)
        pts_us = slot->next_us;
    slot->next_us =
        pts_us == LIMEF_NO_TIME ? LIMEF_NO_TIME : pts_us + frames_us(sink, n) * rate_of(in) / 1000;
}

/* As much of a block as there is room for; the rest when it is offered again. */
static int take_waiting(struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                        const struct limef_decoded_frame *in)
{
    unsigned n_left, n;

    if (slot->taken_of != in->frame.pts_us) /* it was not offered again: a flush came between */
        slot->n_taken = 0;
    slot->taken_of = in->frame.pts_us;
    audio_slot_find_gap(sink, slot, in->frame.pts_us);
    if (!audio_slot_fill_gap(sink, slot)) {
        wake_at(sink, limef_now_us() + ROOM_US);
        return AVERROR(EAGAIN);
    }
    n_left = (unsigned)in->av->nb_samples - slot->n_taken;
    n = FFMIN(n_left, limef_mixer_input_room(slot->input));
    if (n)
        write_some(sink, slot, in, n);
    if (n < n_left) {
        slot->n_taken += n;
        wake_at(sink, limef_now_us() + FFMIN(frames_us(sink, n_left - n), ROOM_US));
        return AVERROR(EAGAIN);
    }
    slot->n_taken = 0;
    return 0;
}

/* Pictures are shown one by one, and what goes with them must not wait: the oldest goes. */
static int take_passing(struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                        const struct limef_decoded_frame *in)
{
    if (slot->taken_of != in->frame.pts_us)
        slot->n_taken = 0;
    write_some(sink, slot, in, (unsigned)in->av->nb_samples - slot->n_taken);
    slot->n_taken = 0;
    return 0;
}

/* Somebody may want to open a device only now. */
static void begin(struct limef_audio_sink *sink, uint32_t slot)
{
    struct limef_signal_frame begins;

    atomic_store_explicit(&sink->has_sound, true, memory_order_relaxed);
    limef_signal_frame_set(&begins, LIMEF_SIGNAL_START, slot, "sound");
    begins.frame.media = LIMEF_MEDIA_AUDIO;
    limef_report(&begins);
}

static void flush(struct limef_audio_slot *slot)
{
    audio_slot_begin(slot, LIMEF_NO_TIME);
    slot->ending = false;
    slot->drift = (struct limef_drift){0};
    limef_mixer_input_flush(slot->input);
    limef_mixer_input_end(slot->input, false);
}

static int take_sound(struct limef_audio_sink *sink, const struct limef_decoded_frame *in)
{
    struct limef_audio_slot *slot;
    int ret;

    if (in->frame.slot >= sink->n_slots)
        return limef_fail(AVERROR(EINVAL), sink->filter.name, "there is no input for slot %u",
                          in->frame.slot);
    if (!is_for_mixer(sink, in->av))
        return limef_fail(AVERROR(EINVAL), sink->filter.name,
                          "sound of slot %u is not what the mixer takes", in->frame.slot);
    slot = &sink->slots[in->frame.slot];
    if (!LIMEF_COUNTED(sink->has_sound))
        begin(sink, in->frame.slot);
    if (slot->input && slot->rate != rate_of(in))
        flush(slot);
    if (!slot->input || slot->seeking || slot->rate != rate_of(in)) {
        LIMEF_COUNT(slot->n_blocks, 1);
        LIMEF_COUNT(slot->n_dropped, 1);
        return 0;
    }
    ret = in->frame.flags & LIMEF_FRAME_LIVE ? take_live(sink, slot, in)
          : slot->stepping                   ? take_passing(sink, slot, in)
                                             : take_waiting(sink, slot, in);
    if (ret == 0)
        LIMEF_COUNT(slot->n_blocks, 1);
    return ret;
}

static void end(struct limef_audio_sink *sink, struct limef_audio_slot *slot, int32_t code)
{
    slot->ending = true;
    slot->end_code = code;
    limef_mixer_input_end(slot->input, true);
    wake_at(sink, limef_now_us() + LOOK_US);
}

/* A single picture: it is paused then. */
static void hold(struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                 enum limef_signal signal)
{
    bool paused = signal != LIMEF_SIGNAL_PLAY;

    if (slot->stepping && !paused)
        audio_slot_go_on(sink, slot);
    slot->stepping = signal == LIMEF_SIGNAL_STEP || (slot->stepping && paused);
    slot->paused = paused;
    limef_mixer_set(sink->mixer, slot->input, LIMEF_MIXER_PAUSE, paused);
}

static void act(struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                const struct limef_signal_frame *signal_frame)
{
    switch (signal_frame->signal) {
    case LIMEF_SIGNAL_PLAY:
    case LIMEF_SIGNAL_PAUSE:
    case LIMEF_SIGNAL_STEP:
        hold(sink, slot, (enum limef_signal)signal_frame->signal);
        break;
    case LIMEF_SIGNAL_RATE:
        slot->rate = (int32_t)av_clip64(signal_frame->value, 1, 1000000);
        break;
    case LIMEF_SIGNAL_SEEK:
        slot->seeking = true;
        slot->seek_serial = signal_frame->serial;
        flush(slot);
        break;
    case LIMEF_SIGNAL_FLUSH:
        if (slot->seeking && signal_frame->serial != slot->seek_serial)
            break; /* of an older seek: a newer one is on its way */
        slot->seeking = false;
        flush(slot);
        slot->begins_us = signal_frame->value;
        break;
    case LIMEF_SIGNAL_START:
        if (!slot->seeking)
            audio_slot_begin(slot, signal_frame->value);
        if (signal_frame->serial == slot->seek_serial)
            slot->seeking = false; /* it failed: no FLUSH comes */
        slot->ending = false;
        limef_mixer_input_end(slot->input, false);
        break;
    case LIMEF_SIGNAL_END:
        end(sink, slot, signal_frame->code);
        break;
    default:
        break;
    }
}

static int audio_sink_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_audio_sink *sink = sink_of(filter);
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(in);
    int ret = 0;

    if (in->frame_class == LIMEF_FRAME_DECODED && in->media == LIMEF_MEDIA_AUDIO)
        ret = take_sound(sink, limef_decoded_frame_from(in));
    if (ret < 0)
        return ret;
    for (unsigned i = 0; i < sink->n_slots && signal_frame; i++)
        if ((in->slot == i || in->slot == UINT32_MAX) && sink->slots[i].input)
            act(sink, &sink->slots[i], signal_frame);
    return limef_pass(filter, in);
}

static void audio_sink_clear(struct limef_filter *filter)
{
    *sink_of(filter) = (struct limef_audio_sink){0};
}

static int64_t audio_sink_tick(struct limef_filter *filter, int64_t now_us)
{
    return limef_audio_sink_tick(sink_of(filter), now_us);
}

static const struct limef_filter_ops audio_sink_ops = {
    .kind = "audio sink", .go = audio_sink_go, .tick = audio_sink_tick, .clear = audio_sink_clear};

void limef_audio_sink_init(struct limef_audio_sink *sink, const char *name,
                           struct limef_audio_slot *slots, unsigned n_slots,
                           struct limef_mixer *mixer)
{
    limef_filter_init(&sink->filter, &audio_sink_ops, name);
    sink->mixer = mixer;
    sink->slots = slots;
    sink->n_slots = n_slots;
    for (unsigned i = 0; i < n_slots; i++) {
        slots[i].rate = 1000;
        audio_slot_begin(&slots[i], LIMEF_NO_TIME);
    }
}

/* Whether all of a slot's sound was heard, or nobody listens. */
static bool is_over(const struct limef_audio_sink *sink, const struct limef_audio_slot *slot)
{
    struct limef_mixer_heard heard;

    limef_mixer_input_get_heard(slot->input, &heard);
    return heard.state == LIMEF_INPUT_ENDED || !LIMEF_COUNTED(sink->mixer->running);
}

int64_t limef_audio_sink_tick(void *context, int64_t now_us)
{
    struct limef_audio_sink *sink = context;
    int64_t due_us = LIMEF_FOREVER;

    for (unsigned i = 0; i < sink->n_slots; i++) {
        struct limef_audio_slot *slot = &sink->slots[i];
        struct limef_signal_frame over;

        if (!slot->ending)
            continue;
        if (!is_over(sink, slot)) {
            due_us = now_us + LOOK_US;
            continue;
        }
        slot->ending = false;
        limef_signal_frame_set(&over, LIMEF_SIGNAL_END, i, NULL);
        over.frame.media = LIMEF_MEDIA_AUDIO;
        over.code = slot->end_code;
        limef_report(&over);
    }
    return due_us;
}
