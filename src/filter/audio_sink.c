/* SPDX-License-Identifier: MIT */
#include "filter/audio_sink_private.h"

#include "filter/audio_slot.h"
#include "filter/filter_counts.h"

#include <limef/base/log.h>
#include <limef/filter/resample.h>
#include <limef/thread/report.h>
#include <limef/thread/thread.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>

/* How often a slot that ended is asked whether all of it was heard. */
#define LOOK_US 10000
/* Where the first sound has an output opened, that may take so long; what ended before waits. */
#define OUTPUT_WAIT_US 5000000
/* An input that is full is asked again when so much more fits. */
#define ROOM_US 20000
/* The same while it is about to leave something out. */
#define CUT_US 4000
/* How long sound waits for the picture that goes with it, and how often it looks. */
#define PICTURE_WAIT_US 1000000
#define PICTURE_LOOK_US 2000
/* How long sound waits for the application to connect its input. */
#define PLACE_WAIT_US 200000
/* Live sound that is later than this part of a second is skipped. */
#define LIVE_DELAYS 4
/* Blocks that the device's part of the delay is an average of: half a minute to one. */
#define FOLLOWED_MOST 3000

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

/* Sound came that may have to wait. */
static void note_sound(struct limef_audio_sink *sink, struct limef_audio_slot *slot)
{
    int64_t now_us;

    if (slot->waited_in_vain)
        slot->waited_in_vain = !slot->pictures(slot->pictures_context, slot->seek_serial);
    if (!slot->awaits)
        return;
    now_us = limef_now_us();
    if (!slot->awaits_until_us)
        slot->awaits_until_us = now_us + PICTURE_WAIT_US;
    audio_slot_look_for_picture(slot, now_us);
    wake_at(sink, now_us + PICTURE_LOOK_US);
}

/* Whether what waits has changed by other means than the two clocks. */
static bool has_broken(struct limef_audio_slot *slot)
{
    struct limef_sample_ring_counters counters;
    uint64_t n_breaks;
    bool broken;

    limef_sample_ring_get_counters(&slot->input->ring, &counters);
    n_breaks = counters.n_underruns + counters.n_skipped + counters.n_dropped + counters.n_refused;
    broken = n_breaks != slot->n_breaks;
    slot->n_breaks = n_breaks;
    return broken;
}

/*
 * How much waits, if the device took sound evenly and not by periods: blocks and periods are not in
 * step, so what waits when a block was written goes up and down by a period, and with two clocks so
 * slowly, in ten seconds, that no smoothing would help.
 */
static int64_t waits_us(const struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                        const struct limef_mixer_heard *heard, int64_t now_us)
{
    uint64_t head = limef_sample_ring_head(&slot->input->ring);
    int64_t fill_us = frames_us(sink, limef_sample_ring_fill(&slot->input->ring));
    int64_t even_us = frames_us(sink, head - heard->position) - (now_us - heard->at_us);

    /* the device's part, in the long run */
    if (slot->n_followed < FOLLOWED_MOST)
        slot->n_followed++;
    slot->device_us += ((double)(even_us - fill_us) - slot->device_us) / slot->n_followed;
    return even_us - (int64_t)slot->device_us;
}

/* What is live keeps the distance that it began with. */
static void follow(struct limef_audio_sink *sink, struct limef_audio_slot *slot, unsigned n_frames)
{
    struct limef_mixer_heard heard;
    int64_t now_us = limef_now_us();
    int ppm;

    if (!slot->resample)
        return;
    limef_mixer_input_get_heard(slot->input, &heard);
    if (has_broken(slot))
        limef_drift_restart(&slot->drift);
    if (heard.state != LIMEF_INPUT_SOUNDING)
        return;
    ppm = limef_drift_update(&slot->drift, waits_us(sink, slot, &heard, now_us),
                             frames_us(sink, slot->input->settings.n_ahead + n_frames), now_us);
    limef_resample_set_ppm(slot->resample, ppm);
    atomic_store_explicit(&slot->ppm, ppm, memory_order_relaxed);
}

static int take_live(struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                     const struct limef_decoded_frame *in)
{
    unsigned n = (unsigned)in->av->nb_samples;

    if (slot->awaits)
        audio_slot_let_go(slot);
    /* a stall of its source must not become a delay for good */
    if (!LIMEF_COUNTED(slot->input->n_most))
        limef_mixer_input_set_most(slot->input, sink->mixer->settings.rate / LIVE_DELAYS);
    limef_mixer_input_write(slot->input, (const float *)(const void *)in->av->data[0], n,
                            in->frame.pts_us, audio_slot_rate_of(in));
    follow(sink, slot, n);
    return 0;
}

/* When what waits in a slot is written. */
static int64_t serve_us(const struct limef_audio_slot *slot, int64_t now_us)
{
    return now_us + (limef_mixer_input_is_cut(slot->input) ? CUT_US : ROOM_US);
}

static int take_waiting(struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                        const struct limef_decoded_frame *in)
{
    uint32_t n_most = slot->input->settings.n_most;
    int ret;

    if (LIMEF_COUNTED(slot->input->n_most) != n_most) /* it was live */
        limef_mixer_input_set_most(slot->input, n_most);
    ret = audio_slot_take(sink, slot, in);
    note_sound(sink, slot);
    if (ret == AVERROR(EAGAIN))
        wake_at(sink, serve_us(slot, limef_now_us()));
    return ret;
}

/* Somebody may want to open a device only now. Where the queue is full the next block says it. */
static void begin(struct limef_audio_sink *sink, uint32_t slot)
{
    struct limef_signal_frame begins;

    limef_signal_frame_set(&begins, LIMEF_SIGNAL_START, slot, "sound");
    begins.frame.media = LIMEF_MEDIA_AUDIO;
    if (limef_report(&begins) != AVERROR(ENOBUFS))
        atomic_store_explicit(&sink->has_sound, true, memory_order_relaxed);
}

static void flush(struct limef_audio_slot *slot)
{
    audio_slot_begin(slot, LIMEF_NO_TIME);
    slot->ending = false;
    limef_drift_restart(&slot->drift);
    slot->drift.drift_ppm = slot->drift.wider_us = 0;
    audio_slot_flush(slot);
}

/* The mixer has no place for it, yet or any more. What was written is not heard then. Returns
 * whether it waits for one. */
static bool waits_for_place(struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                            const struct limef_decoded_frame *in)
{
    bool wants = slot->input && !LIMEF_COUNTED(slot->input->connected);
    int64_t now_us;

    if (wants && !LIMEF_COUNTED(slot->wants_place)) {
        slot->place_until_us = limef_now_us() + PLACE_WAIT_US;
        if (slot->next_us != LIMEF_NO_TIME)
            flush(slot);
        else /* it may be live, and knows its clock */
            limef_mixer_input_flush(slot->input);
    }
    atomic_store_explicit(&slot->wants_place, wants, memory_order_relaxed);
    if (!wants || slot->seeking || in->frame.flags & LIMEF_FRAME_LIVE)
        return false;
    now_us = limef_now_us();
    wake_at(sink, now_us + PICTURE_LOOK_US);
    return now_us < slot->place_until_us;
}

/* It is nobody's, or of before a seek. Of what is live there is sound at the natural rate alone. */
static bool is_unheard(struct limef_audio_slot *slot, const struct limef_decoded_frame *in)
{
    bool live = in->frame.flags & LIMEF_FRAME_LIVE;

    if (!slot->input || slot->seeking || LIMEF_COUNTED(slot->wants_place))
        return true;
    if (!live || slot->rate == audio_slot_rate_of(in))
        return false;
    flush(slot);
    return true;
}

/* Said once: what comes next is like it. */
static int refuse(struct limef_audio_sink *sink, const struct limef_decoded_frame *in,
                  const char *why)
{
    if (!LIMEF_COUNTED(sink->n_refused))
        limef_fail(AVERROR(EINVAL), sink->filter.name, "sound of slot %u %s", in->frame.slot, why);
    LIMEF_COUNT(sink->n_refused, 1);
    return AVERROR(EINVAL);
}

static int take_sound(struct limef_audio_sink *sink, const struct limef_decoded_frame *in)
{
    struct limef_audio_slot *slot;
    int ret;

    if (in->frame.slot >= sink->n_slots)
        return refuse(sink, in, "has no input");
    if (!is_for_mixer(sink, in->av))
        return refuse(sink, in, "is not what the mixer takes");
    slot = &sink->slots[in->frame.slot];
    if (!LIMEF_COUNTED(sink->has_sound))
        begin(sink, in->frame.slot);
    if (waits_for_place(sink, slot, in))
        return AVERROR(EAGAIN);
    if (is_unheard(slot, in)) {
        LIMEF_COUNT(slot->n_blocks, 1);
        LIMEF_COUNT(slot->n_dropped, 1);
        return 0;
    }
    ret = in->frame.flags & LIMEF_FRAME_LIVE ? take_live(sink, slot, in)
          : slot->stepping                   ? audio_slot_pass(slot, in)
                                             : take_waiting(sink, slot, in);
    if (ret == 0)
        LIMEF_COUNT(slot->n_blocks, 1);
    return ret;
}

static void end(struct limef_audio_sink *sink, struct limef_audio_slot *slot, int32_t code)
{
    slot->ending = true;
    slot->ending_since_us = limef_now_us();
    slot->over_us = 0;
    slot->end_code = code;
    atomic_store_explicit(&slot->wants_place, false, memory_order_relaxed);
    if (slot->input)
        audio_slot_end(slot);
    wake_at(sink, limef_now_us() + LOOK_US);
}

/* Where too many commands wait for the mixer it is said again. */
static void tell_pause(struct limef_audio_sink *sink, struct limef_audio_slot *slot)
{
    slot->tells_pause =
        limef_mixer_set(sink->mixer, slot->input, LIMEF_MIXER_PAUSE, slot->paused) < 0;
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
    tell_pause(sink, slot);
    if (slot->tells_pause)
        wake_at(sink, limef_now_us() + LOOK_US);
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
        audio_slot_set_rate(slot, (int32_t)av_clip64(signal_frame->value, 1, 1000000));
        wake_at(sink, serve_us(slot, limef_now_us()));
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
        slot->seek_serial = signal_frame->serial;
        audio_slot_await_picture(slot);
        flush(slot);
        slot->begins_us = signal_frame->value;
        break;
    case LIMEF_SIGNAL_START:
        slot->has_pictures = signal_frame->code >> LIMEF_MEDIA_VIDEO & 1;
        audio_slot_await_picture(slot);
        if (!slot->seeking)
            audio_slot_begin(slot, signal_frame->value);
        if (signal_frame->serial == slot->seek_serial)
            slot->seeking = false; /* it failed: no FLUSH comes */
        slot->ending = slot->ended = false;
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
    for (unsigned i = 0; i < sink->n_slots && signal_frame; i++) {
        if (in->slot != i && in->slot != UINT32_MAX)
            continue;
        if (sink->slots[i].input)
            act(sink, &sink->slots[i], signal_frame);
        else if (signal_frame->signal == LIMEF_SIGNAL_END) /* who waits for it hears of it */
            end(sink, &sink->slots[i], signal_frame->code);
    }
    return limef_pass(filter, in);
}

static void audio_sink_clear(struct limef_filter *filter)
{
    struct limef_audio_sink *sink = sink_of(filter);

    for (unsigned i = 0; i < sink->n_slots; i++)
        audio_slot_clear(&sink->slots[i]);
    *sink = (struct limef_audio_sink){0};
}

static int64_t audio_sink_tick(struct limef_filter *filter, int64_t now_us)
{
    return limef_audio_sink_tick(sink_of(filter), now_us);
}

static unsigned audio_sink_counts(const struct limef_filter *filter,
                                  struct limef_filter_count *counts)
{
    const struct limef_audio_sink *sink =
        LIMEF_CONTAINER_OF(filter, const struct limef_audio_sink, filter);
    enum { REFUSED, DROPPED, GAPS, STEPS, ERRORS, UNDERRUNS, LOST, SKIPPED, LIMITED, CLEANED };
    struct limef_filter_count now[] = {
        [REFUSED] = {"refused", LIMEF_COUNTED(sink->n_refused)},
        [DROPPED] = {"dropped", 0},
        [GAPS] = {"gaps", 0},
        [STEPS] = {"steps", 0},
        [ERRORS] = {"errors", 0},
        [UNDERRUNS] = {"underruns", 0},
        [LOST] = {"lost", 0},
        [SKIPPED] = {"skipped", 0},
        [LIMITED] = {"limited", LIMEF_COUNTED(sink->mixer->n_limited)},
        [CLEANED] = {"cleaned", LIMEF_COUNTED(sink->mixer->n_cleaned)},
    };

    for (unsigned i = 0; i < sink->n_slots; i++) {
        const struct limef_audio_slot *slot = &sink->slots[i];
        struct limef_sample_ring_counters ring = {0};

        if (slot->input)
            limef_sample_ring_get_counters(&slot->input->ring, &ring);
        now[DROPPED].n += LIMEF_COUNTED(slot->n_dropped);
        now[GAPS].n += LIMEF_COUNTED(slot->n_gaps);
        now[STEPS].n += LIMEF_COUNTED(slot->drift.n_steps);
        now[ERRORS].n += LIMEF_COUNTED(slot->tempo.n_errors);
        now[UNDERRUNS].n += ring.n_underruns;
        now[LOST].n += ring.n_dropped + ring.n_refused;
        now[SKIPPED].n += ring.n_skipped;
    }
    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops audio_sink_ops = {.kind = "audio sink",
                                                       .go = audio_sink_go,
                                                       .tick = audio_sink_tick,
                                                       .clear = audio_sink_clear,
                                                       .counts = audio_sink_counts};

void limef_audio_sink_init(struct limef_audio_sink *sink, const char *name,
                           struct limef_audio_slot *slots, unsigned n_slots,
                           struct limef_mixer *mixer)
{
    limef_filter_init(&sink->filter, &audio_sink_ops, name);
    sink->mixer = mixer;
    sink->slots = slots;
    sink->n_slots = n_slots;
    for (unsigned i = 0; i < n_slots; i++) {
        slots[i].rate = slots[i].rate_now = 1000;
        audio_slot_begin(&slots[i], LIMEF_NO_TIME);
    }
}

/* Whether all of a slot's sound was heard, or nobody listens. What is mixed last is heard later, by
 * what waits in the device. */
static bool is_over(const struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                    int64_t now_us)
{
    struct limef_mixer_heard heard;

    if (!slot->input || !LIMEF_COUNTED(slot->n_blocks) ||
        !LIMEF_COUNTED(slot->input->connected)) /* there is nothing to be heard */
        return true;
    if (!LIMEF_COUNTED(sink->mixer->running))
        return LIMEF_COUNTED(sink->mixer->n_blocks) > 0 ||
               now_us >= slot->ending_since_us + OUTPUT_WAIT_US;
    limef_mixer_input_get_heard(slot->input, &heard);
    /* without a media time: the block behind the last one */
    if (!slot->over_us && slot->ended && heard.state == LIMEF_INPUT_ENDED &&
        heard.media_us == LIMEF_NO_TIME)
        slot->over_us = heard.at_us;
    return slot->over_us && now_us >= slot->over_us;
}

int64_t limef_audio_sink_tick(void *context, int64_t now_us)
{
    struct limef_audio_sink *sink = context;
    int64_t due_us = LIMEF_FOREVER;

    for (unsigned i = 0; i < sink->n_slots; i++) {
        struct limef_audio_slot *slot = &sink->slots[i];
        struct limef_signal_frame over;

        if (slot->awaits && slot->awaits_until_us)
            audio_slot_look_for_picture(slot, now_us);
        if (slot->awaits && slot->awaits_until_us)
            due_us = FFMIN(due_us, now_us + PICTURE_LOOK_US);
        if (slot->input && audio_slot_serve(slot))
            due_us = FFMIN(due_us, serve_us(slot, now_us));
        if (slot->tells_pause)
            tell_pause(sink, slot);
        if (slot->tells_pause)
            due_us = FFMIN(due_us, now_us + LOOK_US);
        if (!slot->ending)
            continue;
        if (!is_over(sink, slot, now_us)) {
            due_us = FFMIN(due_us, now_us + LOOK_US);
            continue;
        }
        limef_signal_frame_set(&over, LIMEF_SIGNAL_END, i, NULL);
        over.frame.media = LIMEF_MEDIA_AUDIO;
        over.code = slot->end_code;
        slot->ending = limef_report(&over) == AVERROR(ENOBUFS);
        if (slot->ending)
            due_us = FFMIN(due_us, now_us + LOOK_US);
    }
    return due_us;
}
