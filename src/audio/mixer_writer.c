/* SPDX-License-Identifier: MIT */
/* What the writer of an input does with it. */
#include "audio/mixer_private.h"

#include <libavutil/common.h>
#include <libavutil/error.h>

/* Time that is off by less goes on from the mark before where many wait. */
#define NEAR_US 20000

static uint32_t n_waiting(const struct limef_mixer_input *input)
{
    /* acquire: the mixer is done with those before; pairs with its release */
    return LIMEF_COUNTED(input->n_marked) -
           atomic_load_explicit(&input->n_passed, memory_order_acquire);
}

static void write_unmarked(struct limef_mixer_input *input)
{
    uint32_t n = LIMEF_COUNTED(input->n_marked);

    if (!input->has_unmarked || n_waiting(input) == LIMEF_MIXER_N_MARKS)
        return;
    input->marks[n % LIMEF_MIXER_N_MARKS] = input->unmarked;
    input->has_unmarked = false;
    /* release: the mark; pairs with the mixer's acquire */
    atomic_store_explicit(&input->n_marked, n + 1, memory_order_release);
}

static bool goes_on(const struct limef_mixer_input *input, const struct limef_mixer_mark *mark)
{
    uint32_t n = LIMEF_COUNTED(input->n_marked);
    const struct limef_mixer_mark *last = &input->marks[(n - 1) % LIMEF_MIXER_N_MARKS];

    return n && !input->has_unmarked && mark->rate == last->rate &&
           last->position >= LIMEF_COUNTED(input->flushed_until) &&
           FFABS(mixer_media_of(last, mark->position, input->rate) - mark->media_us) < NEAR_US;
}

static void write_mark(struct limef_mixer_input *input, int64_t media_us, int32_t rate)
{
    struct limef_mixer_mark mark = {
        .position = limef_sample_ring_head(&input->ring), .media_us = media_us, .rate = rate};

    write_unmarked(input);
    if (n_waiting(input) >= LIMEF_MIXER_N_MARKS / 2 && goes_on(input, &mark))
        return;
    LIMEF_COUNT(input->n_unmarked, input->has_unmarked);
    input->unmarked = mark;
    input->has_unmarked = true;
    write_unmarked(input);
}

unsigned limef_mixer_input_write(struct limef_mixer_input *input, const float *samples,
                                 unsigned n_frames, int64_t media_us, int32_t rate)
{
    if (LIMEF_COUNTED(input->ended))
        atomic_store_explicit(&input->ended, false, memory_order_relaxed);
    if (media_us != LIMEF_NO_TIME)
        write_mark(input, media_us, rate);
    return limef_sample_ring_write(&input->ring, samples, n_frames);
}

void limef_mixer_input_keep(struct limef_mixer_input *input, unsigned n_frames)
{
    uint64_t head = limef_sample_ring_head(&input->ring);
    uint64_t until = head > n_frames ? head - n_frames : 0;

    /* release: pairs with the acquire in obey_flush(). What an earlier flush took stays taken */
    atomic_store_explicit(&input->flushed_until, FFMAX(until, LIMEF_COUNTED(input->flushed_until)),
                          memory_order_release);
}

void limef_mixer_input_flush(struct limef_mixer_input *input)
{
    limef_mixer_input_keep(input, 0);
}

void limef_mixer_input_end(struct limef_mixer_input *input, bool ended)
{
    /* release: what was written before; pairs with the acquire in run_out() */
    atomic_store_explicit(&input->ended, ended, memory_order_release);
}

void limef_mixer_input_set_most(struct limef_mixer_input *input, uint32_t n_most)
{
    atomic_store_explicit(&input->n_most, n_most, memory_order_relaxed);
}

void limef_mixer_input_hold(struct limef_mixer_input *input, bool held)
{
    /* relaxed: a flush behind it has a release of its own, so that what follows is held */
    atomic_store_explicit(&input->held, held, memory_order_relaxed);
}

bool limef_mixer_input_is_cut(const struct limef_mixer_input *input)
{
    /* acquire: the mixer has read cut_from; pairs with the release of its position */
    return atomic_load_explicit(&input->ring.tail, memory_order_acquire) >> 1 <
           LIMEF_COUNTED(input->cut_to);
}

int limef_mixer_input_cut(struct limef_mixer_input *input, uint64_t from, uint64_t to)
{
    if (limef_mixer_input_is_cut(input))
        return AVERROR(EAGAIN);
    atomic_store_explicit(&input->cut_from, from, memory_order_relaxed);
    /* release: cut_from; pairs with the acquire in until_cut() */
    atomic_store_explicit(&input->cut_to, to, memory_order_release);
    return 0;
}

int64_t limef_mixer_input_media_us(const struct limef_mixer_input *input, uint64_t position)
{
    uint32_t n = LIMEF_COUNTED(input->n_marked);

    if (input->has_unmarked && input->unmarked.position <= position)
        return mixer_media_of(&input->unmarked, position, input->rate);
    for (uint32_t i = 0; i < LIMEF_MIXER_N_MARKS && i < n; i++) {
        const struct limef_mixer_mark *mark = &input->marks[(n - 1 - i) % LIMEF_MIXER_N_MARKS];

        if (mark->position <= position)
            return mixer_media_of(mark, position, input->rate);
    }
    return LIMEF_NO_TIME;
}

unsigned limef_mixer_input_room(struct limef_mixer_input *input)
{
    write_unmarked(input); /* who waits for room asks for it now and then */
    return limef_sample_ring_room(&input->ring);
}
