/* SPDX-License-Identifier: MIT */
/* What the audio thread does with an input. */
#include "audio/mixer_private.h"

#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <math.h>
#include <string.h>

#define DEFAULT_AHEAD_MS 10
/* Silence that is made up for. */
#define MOST_OWED_MS 100
/* A mark that is further off than this is no rounding. */
#define TURN_US 40000
/* -120 dB. */
#define INAUDIBLE 1e-6f

int limef_mixer_input_init(struct limef_mixer_input *input, const struct limef_mixer *mixer,
                           const char *name, float *samples, unsigned n_frames,
                           const struct limef_mixer_input_settings *settings)
{
    int ret = limef_sample_ring_init(&input->ring, samples, n_frames, mixer->settings.n_channels);

    if (ret < 0)
        return ret;
    input->name = name ? name : "input";
    if (settings)
        input->settings = *settings;
    input->rate = mixer->settings.rate;
    if (!input->settings.n_ahead)
        input->settings.n_ahead = input->rate * DEFAULT_AHEAD_MS / 1000;
    if (input->settings.n_ahead > n_frames / 2)
        input->settings.n_ahead = n_frames / 2;
    atomic_store_explicit(&input->n_most, input->settings.n_most, memory_order_relaxed);
    input->gain = 1;
    return 0;
}

/* What was written before a flush is gone. */
static void obey_flush(struct limef_mixer_input *input)
{
    /* acquire: pairs with the release in flush */
    uint64_t until = atomic_load_explicit(&input->flushed_until, memory_order_acquire);

    if (until > input->turns_from) {
        input->turn = (struct limef_mixer_turn){0};
        input->turns_from = until;
    }
    if (limef_sample_ring_tail(&input->ring) >= until)
        return;
    limef_sample_ring_skip_to(&input->ring, until);
    input->state = LIMEF_INPUT_WAITING;
    input->is_dry = false;
    input->n_owed = input->n_late = 0;
}

/* Of what is live: a delay that has grown too long. */
static void catch_up(struct limef_mixer_input *input)
{
    uint32_t n_most = LIMEF_COUNTED(input->n_most);

    if (n_most && limef_sample_ring_fill(&input->ring) > n_most)
        limef_sample_ring_skip(&input->ring, input->settings.n_ahead);
}

/* Of what has a clock: the time that the device stood still, in so far as more waits than should; a
 * source that the machine kept from its turn as well sends it a little later. Less than half a
 * block is how exactly a device knows its time. */
static void keep_time(struct limef_mixer_input *input, unsigned n_stalled, unsigned n_frames)
{
    unsigned n_wanted = FFMAX(input->settings.n_ahead, n_frames), n_skipped, fill;

    if (!input->settings.keeps_time)
        return;
    if (n_stalled > n_frames / 2 && input->n_owed) {
        input->n_owed += n_stalled;
    } else if (n_stalled > n_frames / 2 && input->state == LIMEF_INPUT_SOUNDING) {
        input->n_late += n_stalled;
        input->n_late_for = input->rate * MOST_OWED_MS / 1000;
    }
    fill = limef_sample_ring_fill(&input->ring);
    n_skipped = FFMIN(input->n_late, fill > n_wanted ? fill - n_wanted : 0);
    if (n_skipped) /* so many, whatever is written meanwhile */
        limef_sample_ring_skip_to(&input->ring, limef_sample_ring_tail(&input->ring) + n_skipped);
    input->n_late_for -= FFMIN(n_frames, input->n_late_for);
    input->n_late = input->n_late_for ? input->n_late - n_skipped : 0;
}

/* Goes over what would have been heard while it was silent, once that is there and the block behind
 * it. Returns whether it goes on. */
static bool is_in_time_again(struct limef_mixer_input *input, unsigned n_frames)
{
    if (input->n_owed > input->rate * MOST_OWED_MS / 1000)
        input->n_owed = 0;
    if (!input->n_owed)
        return false;
    if (limef_sample_ring_fill(&input->ring) < input->n_owed + n_frames) {
        input->n_owed += n_frames;
        return false;
    }
    limef_sample_ring_skip_to(&input->ring, limef_sample_ring_tail(&input->ring) + input->n_owed);
    input->n_owed = 0;
    return true;
}

/*
 * The frame of the block with which there is something to be heard; n_frames: nothing is. An input
 * begins in the middle of a block where it takes that to begin exactly n_ahead frames behind what
 * was written last, whatever pieces that comes in: a wait for full blocks would be up to a block
 * longer, and for good.
 */
static unsigned begin(struct limef_mixer_input *input, unsigned n_frames)
{
    /* acquire: what was written before it ended */
    bool ended = atomic_load_explicit(&input->ended, memory_order_acquire);
    unsigned fill = limef_sample_ring_fill(&input->ring), n_missing = 0;
    unsigned n_ahead = FFMAX(input->settings.n_ahead, n_frames); /* the next block takes as many */

    if (input->paused && (input->silenced || input->state != LIMEF_INPUT_SOUNDING)) {
        input->state = LIMEF_INPUT_PAUSED;
        return n_frames;
    }
    if (input->state == LIMEF_INPUT_SOUNDING)
        return 0;
    input->state = ended && !fill ? LIMEF_INPUT_ENDED : LIMEF_INPUT_WAITING;
    if (input->state == LIMEF_INPUT_ENDED) {
        LIMEF_COUNT(input->n_ended_dry, input->is_dry);
        input->is_dry = false;
    }
    if (!ended && input->settings.keeps_time && is_in_time_again(input, n_frames))
        fill = n_ahead;
    else if (!ended && (fill < n_ahead || input->n_owed))
        n_missing = input->n_owed ? n_frames : n_ahead - fill;
    if (!fill || n_missing >= n_frames || LIMEF_COUNTED(input->held))
        return n_frames;
    /* what came at once before it began would be a delay for good */
    if (!ended && input->settings.keeps_time && fill > n_ahead)
        limef_sample_ring_skip_to(&input->ring,
                                  limef_sample_ring_tail(&input->ring) + fill - n_ahead);
    for (unsigned i = 0; i < LIMEF_MIXER_MAX_CHANNELS; i++)
        input->now[i] = 0;
    input->state = LIMEF_INPUT_SOUNDING;
    input->is_dry = false;
    return n_missing;
}

/* The gain of each channel that it goes to, or comes as near as a part of a block permits; a pause
 * is a gain of 0 first. */
static struct mixer_fade find_fade(struct limef_mixer_input *input, unsigned n_channels,
                                   unsigned n_frames, float part)
{
    float gain = input->muted || input->paused ? 0 : input->gain * part, target[2] = {gain, gain};

    if (n_channels == 2) {
        target[0] *= input->balance > 0 ? 1 - input->balance : 1;
        target[1] *= input->balance < 0 ? 1 + input->balance : 1;
    }
    input->silenced = input->paused;
    return mixer_fade_to(input->now, target, n_channels, n_frames);
}

/* Whether media time jumps at a mark, or runs at another rate from there on. */
static bool turns_at(const struct limef_mixer_input *input, const struct limef_mixer_mark *mark)
{
    int64_t expected_us = mixer_media_of(&input->mark, mark->position, input->rate);

    return input->marked && input->mark.position >= input->turns_from &&
           (mark->rate != input->mark.rate || FFABS(mark->media_us - expected_us) > TURN_US);
}

/* Finds the mark that holds for a position. */
static void find_mark(struct limef_mixer_input *input, uint64_t position)
{
    uint32_t n = LIMEF_COUNTED(input->n_passed);
    /* acquire: the marks; pairs with the writer's release */
    uint32_t n_marked = atomic_load_explicit(&input->n_marked, memory_order_acquire);

    while (n != n_marked) {
        const struct limef_mixer_mark *mark = &input->marks[n % LIMEF_MIXER_N_MARKS];

        if (mark->position > position)
            break;
        if (turns_at(input, mark)) {
            input->before = input->mark;
            input->turns_at = mark->position;
            input->turned = true;
        }
        input->mark = *mark;
        input->marked = true;
        n++;
    }
    /* release: they are read; pairs with the writer's acquire */
    atomic_store_explicit(&input->n_passed, n, memory_order_release);
}

static int64_t media_at(const struct limef_mixer_input *input, uint64_t position)
{
    return input->marked ? mixer_media_of(&input->mark, position, input->rate) : LIMEF_NO_TIME;
}

/* When that is heard, once what is read from `position` on is heard at heard_us. */
static void find_turn(struct limef_mixer_input *input, int64_t heard_us)
{
    int64_t since = (int64_t)(input->position - input->turns_at);

    if (!input->turned)
        return;
    input->turned = false;
    input->turn = (struct limef_mixer_turn){
        .at_us = heard_us - since * 1000000 / input->rate,
        .media_us = mixer_media_of(&input->before, input->turns_at, input->rate),
        .rate = input->before.rate};
}

static void tell(struct limef_mixer_input *input, int64_t media_us, int64_t heard_us)
{
    struct limef_mixer_heard heard = {.media_us = media_us,
                                      .at_us = heard_us,
                                      .rate = input->mark.rate,
                                      .state = (uint32_t)input->state,
                                      .position = input->position,
                                      .turn = input->turn};

    limef_snapshot_write(&input->heard_now, &heard, sizeof(heard));
}

void mixer_input_hush(struct limef_mixer_input *input)
{
    struct limef_mixer_heard heard;

    limef_snapshot_read(&input->heard_now, &heard, sizeof(heard));
    if (heard.state == LIMEF_INPUT_SOUNDING)
        heard.state = LIMEF_INPUT_WAITING;
    heard.media_us = LIMEF_NO_TIME;
    limef_snapshot_write(&input->heard_now, &heard, sizeof(heard));
}

static bool is_short(const struct limef_mixer_input *input, unsigned n_frames)
{
    const struct limef_sample_ring *ring = &input->ring;

    /* acquire: all that was written before it ended, and what a flush leaves; pairs with both */
    return input->state == LIMEF_INPUT_SOUNDING &&
           !atomic_load_explicit(&input->ended, memory_order_acquire) &&
           limef_sample_ring_tail(ring) >=
               atomic_load_explicit(&input->flushed_until, memory_order_acquire) &&
           limef_sample_ring_fill(ring) < n_frames;
}

bool mixer_is_short(const struct limef_mixer *mixer, unsigned n_frames)
{
    for (unsigned i = 0; i < mixer->n_inputs; i++)
        if (is_short(mixer->inputs[i], n_frames))
            return true;
    return false;
}

/* Fewer frames than the block. */
static void run_out(struct limef_mixer_input *input, unsigned n_missing)
{
    /* acquire: what was written before it ended; pairs with the release in end */
    if (atomic_load_explicit(&input->ended, memory_order_acquire)) {
        input->state =
            limef_sample_ring_fill(&input->ring) ? LIMEF_INPUT_SOUNDING : LIMEF_INPUT_ENDED;
    } else {
        limef_sample_ring_count_silence(&input->ring, n_missing);
        input->state = LIMEF_INPUT_WAITING;
        input->is_dry = true;
        input->n_owed = input->settings.keeps_time ? n_missing : 0;
    }
}

/* How many of so many frames come before the part that is left out; goes over that if it is here.
 */
static unsigned until_cut(struct limef_mixer_input *input, unsigned n_frames)
{
    /* acquire: cut_from; pairs with the release in limef_mixer_input_cut() */
    uint64_t to = atomic_load_explicit(&input->cut_to, memory_order_acquire);
    uint64_t from = LIMEF_COUNTED(input->cut_from), tail = limef_sample_ring_tail(&input->ring);

    if (tail >= to)
        return n_frames;
    if (tail < from)
        return (unsigned)FFMIN(n_frames, from - tail);
    input->jumps |= tail > from; /* too late: `to` follows what is before `from` */
    limef_sample_ring_skip_to(&input->ring, to);
    return n_frames;
}

/* What frame `at` of those that the fade is for becomes of this sample: as mix_add_one(). */
static void find_frame(const struct mixer_fade *fade, unsigned at, const float *sample,
                       unsigned n_channels, float *frame)
{
    for (unsigned i = 0; i < n_channels; i++) {
        float y = sample[i] * (fade->from[i] + fade->step[i] * (float)(at + 1));

        frame[i] = fabsf(y) < MIX_MOST ? y : 0;
    }
}

/* Before what is in the slices is mixed: the last of it, and whether it follows what was before. */
static void note_frames(struct limef_mixer *mixer, struct limef_mixer_input *input,
                        const struct limef_sample_slices *slices, const struct mixer_fade *fade,
                        unsigned at)
{
    unsigned n = slices->n_first + slices->n_second, n_channels = mixer->settings.n_channels;
    const float *last = slices->n_second ? slices->second + (slices->n_second - 1) * n_channels
                                         : slices->first + (slices->n_first - 1) * n_channels;
    float next[LIMEF_MIXER_MAX_CHANNELS];

    if (!n)
        return;
    if (input->jumps) {
        find_frame(fade, at, slices->first, n_channels, next);
        mixer_remains_begin(mixer, &input->remains, input->last, next);
    }
    input->jumps = false;
    find_frame(fade, at + n - 1, last, n_channels, input->last);
}

/* So many frames, the first of which was at input->next when that was looked at, from frame `at` of
 * those that the fade is for; how many there were. */
static unsigned add_slices(struct limef_mixer *mixer, struct limef_mixer_input *input, float *out,
                           unsigned n_frames, const struct mixer_fade *fade, unsigned at,
                           struct mix_levels *seen)
{
    unsigned n_channels = mixer->settings.n_channels, n;
    struct mix_gain gain = mixer_gain_at(fade, n_channels, at);
    struct limef_sample_slices slices;
    uint64_t tail;

    n = limef_sample_ring_read_begin(&input->ring, n_frames, &slices);
    /* from here on the writer drops nothing */
    tail = limef_sample_ring_tail(&input->ring);
    input->jumps |= tail != input->next;
    input->next = tail + n;
    if (!at)
        input->position = tail;
    note_frames(mixer, input, &slices, fade, at);
    out += (size_t)at * n_channels;
    mixer->ops->add(out, slices.first, (size_t)slices.n_first * n_channels, &gain, seen);
    if (slices.n_second) {
        gain = mixer_gain_at(fade, n_channels, at + slices.n_first);
        mixer->ops->add(out + (size_t)slices.n_first * n_channels, slices.second,
                        (size_t)slices.n_second * n_channels, &gain, seen);
    }
    limef_sample_ring_read_end(&input->ring, n);
    return n;
}

/* From this frame of the block on there is silence. */
static void break_off(struct limef_mixer *mixer, struct limef_mixer_input *input, float *block,
                      unsigned from)
{
    static const float silence[LIMEF_MIXER_MAX_CHANNELS];

    mixer_remains_add(mixer, &input->remains, block, from);
    mixer_remains_begin(mixer, &input->remains, input->last, silence);
    memset(input->last, 0, sizeof(input->last));
    input->jumps = false;
}

static bool is_heard(const struct limef_mixer_input *input)
{
    return fabsf(input->last[0]) > INAUDIBLE || fabsf(input->last[1]) > INAUDIBLE;
}

/* From frame `from` of the block on. How many frames of it are mixed then. */
static unsigned add_block(struct limef_mixer *mixer, struct limef_mixer_input *input, float *block,
                          unsigned n_in_block, unsigned from, struct mix_levels *seen)
{
    unsigned n_channels = mixer->settings.n_channels, n_frames = n_in_block - from, at = 0, n;
    struct mixer_fade fade =
        find_fade(input, n_channels, n_frames, (float)n_frames / (float)n_in_block);
    unsigned n_most = until_cut(input, n_frames);

    for (;;) {
        input->next = limef_sample_ring_tail(&input->ring);
        n = add_slices(mixer, input, block + (size_t)from * n_channels, n_most, &fade, at, seen);
        at += n;
        if (n < n_most || at == n_frames)
            break;
        n_most = until_cut(input, n_frames - at);
    }
    find_mark(input, input->position);
    if (at < n_frames)
        run_out(input, n_frames - at);
    return from + at;
}

void mixer_input_add(struct limef_mixer *mixer, struct limef_mixer_input *input, float *out,
                     unsigned n_frames, int64_t heard_us)
{
    struct mix_levels seen = {{0}};
    bool is_sound = true, begins;
    unsigned from, until = 0;

    obey_flush(input);
    catch_up(input);
    keep_time(input, mixer->n_stalled, n_frames);
    begins = input->state != LIMEF_INPUT_SOUNDING;
    from = begin(input, n_frames);
    if ((begins || from == n_frames) && is_heard(input))
        break_off(mixer, input, out, 0);
    input->jumps = !begins && input->next != limef_sample_ring_tail(&input->ring);
    if (from < n_frames) {
        until = add_block(mixer, input, out, n_frames, from, &seen);
        heard_us += (int64_t)from * 1000000 / input->rate;
        find_turn(input, heard_us);
        tell(input, media_at(input, input->position), heard_us);
    } else {
        find_mark(input, limef_sample_ring_tail(&input->ring)); /* else they would be in the way */
        tell(input, LIMEF_NO_TIME, heard_us);
    }
    if (until < n_frames && is_heard(input))
        break_off(mixer, input, out, until);
    else
        until = 0;
    mixer_remains_add(mixer, &input->remains, out + (size_t)until * mixer->settings.n_channels,
                      n_frames - until);
    for (unsigned i = 0; i < MIX_LANES; i++)
        is_sound &= seen.over[i] == 0;
    LIMEF_COUNT(mixer->n_cleaned, !is_sound);
    mixer_follow(mixer, &seen, n_frames, &input->levels, input->square);
    limef_snapshot_write(&input->levels_now, &input->levels, sizeof(input->levels));
}
