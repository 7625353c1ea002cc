/* SPDX-License-Identifier: MIT */
/* A sink with a slot that sounds, one that does not, and a mixer that the test has mix. */
#ifndef LIMEF_TEST_FILTER_AUDIO_SINK_H
#define LIMEF_TEST_FILTER_AUDIO_SINK_H

#include "support/chain.h"
#include "support/sound.h"

#include <limef/filter/audio_sink.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define N_RING 4096
#define PERIOD 240

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static struct limef_audio_slot slots[2];
static struct limef_audio_sink sink;
static struct sound_block block;
static float memory[N_RING * 2], out[PERIOD * 2];
static int64_t heard_us;

static inline void open_sink(void)
{
    limef_log_set_level(LIMEF_LOG_ERROR);
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, N_RING, NULL)));
    limef_mixer_connect(&mixer, &input);
    slots[0].input = &input;
    limef_audio_sink_init(&sink, NULL, slots, 2, &mixer);
    sound_block_make(&block, 48000, 2, 1024, AV_SAMPLE_FMT_FLT);
    sound_block_tone(&block, 1000, 0);
}

static inline void close_sink(void)
{
    sound_block_free(&block);
    limef_filter_clear(&sink.filter);
}

static inline void send(uint32_t signal, int64_t value, uint32_t serial)
{
    struct limef_signal_frame frame;

    limef_signal_frame_set(&frame, signal, 0, NULL);
    frame.value = value;
    frame.serial = serial;
    cr_assert(zero(int, limef_go(&sink.filter, &frame.frame)));
}

static inline void mix_period(void)
{
    limef_mixer_mix(&mixer, out, PERIOD, heard_us);
    heard_us += 5000;
}

static inline unsigned fill(void)
{
    return limef_sample_ring_fill(&input.ring);
}

/* What is heard now, and how fast it runs. */
static inline struct limef_mixer_heard heard(void)
{
    struct limef_mixer_heard now;

    mix_period();
    limef_mixer_input_get_heard(&input, &now);
    return now;
}

#endif
