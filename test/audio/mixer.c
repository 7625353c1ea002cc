/* SPDX-License-Identifier: MIT */
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>

#define N_RING 1024
#define BLOCK 128
#define MS_OF_BLOCK_US (BLOCK * 1000000LL / 48000)

static struct limef_mixer mixer;
static struct limef_mixer_input inputs[3];
static float memory[3][N_RING * 2];
static float out[N_RING * 2];

static void open_mixer(void)
{
    struct limef_mixer_input_settings settings = {.n_ahead = BLOCK};

    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    for (int i = 0; i < 3; i++)
        cr_assert(zero(
            int, limef_mixer_input_init(&inputs[i], &mixer, NULL, memory[i], N_RING, &settings)));
}

/* Frames of one value in each channel. */
static unsigned write_level(struct limef_mixer_input *input, float left, float right, unsigned n,
                            int64_t media_us)
{
    float samples[N_RING * 2];

    for (unsigned i = 0; i < n; i++) {
        samples[2 * i] = left;
        samples[2 * i + 1] = right;
    }
    return limef_mixer_input_write(input, samples, n, media_us, 1000);
}

static void mix_block(int64_t heard_us)
{
    limef_mixer_mix(&mixer, out, BLOCK, heard_us);
}

/* The last frame of a block: all fades are over. */
static void expect_last(float left, float right)
{
    cr_assert(epsilon_eq(flt, out[2 * BLOCK - 2], left, 1e-6f));
    cr_assert(epsilon_eq(flt, out[2 * BLOCK - 1], right, 1e-6f));
}

static struct limef_sample_ring_counters counters(const struct limef_mixer_input *input)
{
    struct limef_sample_ring_counters counters;

    limef_sample_ring_get_counters(&input->ring, &counters);
    return counters;
}

static enum limef_mixer_input_state state(const struct limef_mixer_input *input)
{
    struct limef_mixer_heard heard;

    limef_mixer_input_get_heard(input, &heard);
    return (enum limef_mixer_input_state)heard.state;
}

TestSuite(mixer, .init = open_mixer, .timeout = 30);

Test(mixer, refuses_settings_that_it_cannot_mix)
{
    struct limef_mixer other = {0};
    struct limef_mixer_settings settings = {.n_channels = 3};

    limef_log_set_level(LIMEF_LOG_ERROR);
    cr_assert(eq(int, limef_mixer_init(&other, NULL, &settings), AVERROR(EINVAL)));
    settings = (struct limef_mixer_settings){.rate = 10};
    cr_assert(eq(int, limef_mixer_init(&other, NULL, &settings), AVERROR(EINVAL)));
}

Test(mixer, gives_silence_without_inputs)
{
    memset(out, 0x55, sizeof(out));
    mix_block(0);
    for (int i = 0; i < 2 * BLOCK; i++)
        cr_assert(zero(flt, out[i]));
}

Test(mixer, adds_its_inputs)
{
    for (int i = 0; i < 3; i++) {
        cr_assert(zero(int, limef_mixer_connect(&mixer, &inputs[i])));
        write_level(&inputs[i], 0.1f, -0.2f, 512, 0);
    }
    mix_block(0);
    expect_last(0.3f, -0.6f);
    cr_assert(eq(int, limef_mixer_connect(&mixer, &inputs[0]), AVERROR(EEXIST)));
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &inputs[1], TOO_LONG_US)));
    mix_block(0);
    expect_last(0.2f, -0.4f);
}

Test(mixer, obeys_gain_balance_and_mute_of_an_input_and_of_all)
{
    limef_mixer_connect(&mixer, &inputs[0]);
    write_level(&inputs[0], 0.4f, 0.4f, 1000, 0);
    mix_block(0);
    expect_last(0.4f, 0.4f);
    cr_assert(zero(int, limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_GAIN, 0.5f)));
    cr_assert(zero(int, limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_BALANCE, 0.5f)));
    mix_block(0);
    expect_last(0.1f, 0.2f);
    limef_mixer_set(&mixer, NULL, LIMEF_MIXER_GAIN, 2);
    mix_block(0);
    expect_last(0.2f, 0.4f);
    limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_MUTE, 1);
    mix_block(0);
    expect_last(0, 0);
    limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_MUTE, 0);
    mix_block(0);
    limef_mixer_set(&mixer, NULL, LIMEF_MIXER_MUTE, 1);
    mix_block(0);
    expect_last(0, 0);
}

Test(mixer, changes_a_gain_without_a_step)
{
    limef_mixer_connect(&mixer, &inputs[0]);
    write_level(&inputs[0], 0.5f, 0.5f, 1000, 0);
    mix_block(0);
    for (int i = 1; i < BLOCK; i++) /* it fades in, too */
        cr_assert(lt(flt, fabsf(out[2 * i] - out[2 * i - 2]), 0.5f / BLOCK * 1.01f));
    limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_GAIN, 0);
    mix_block(0);
    for (int i = 1; i < BLOCK; i++)
        cr_assert(lt(flt, fabsf(out[2 * i] - out[2 * i - 2]), 0.5f / BLOCK * 1.01f));
}

static struct limef_mixer_input *open_ahead(unsigned n_ahead)
{
    static struct limef_mixer_input input;
    struct limef_mixer_input_settings settings = {.n_ahead = n_ahead};

    input = (struct limef_mixer_input){0};
    limef_mixer_input_init(&input, &mixer, NULL, memory[0], N_RING, &settings);
    limef_mixer_connect(&mixer, &input);
    return &input;
}

Test(mixer, waits_for_enough_and_gives_silence_after_an_underrun)
{
    struct limef_mixer_input *input = open_ahead(2 * BLOCK);

    write_level(input, 0.5f, 0.5f, BLOCK, 0);
    mix_block(0);
    expect_last(0, 0);
    cr_assert(eq(int, state(input), LIMEF_INPUT_WAITING));
    write_level(input, 0.5f, 0.5f, BLOCK, LIMEF_NO_TIME);
    mix_block(0);
    expect_last(0.5f, 0.5f);
    cr_assert(eq(int, state(input), LIMEF_INPUT_SOUNDING));
    mix_block(0);
    mix_block(0);
    expect_last(0, 0);
    cr_assert(eq(int, state(input), LIMEF_INPUT_WAITING));
    cr_assert(eq(ulong, counters(input).n_underruns, 1));
    cr_assert(eq(ulong, counters(input).n_silent, BLOCK));
}

Test(mixer, begins_in_the_middle_of_a_block_where_that_is_what_was_asked_for)
{
    struct limef_mixer_input *input = open_ahead(BLOCK + 28);

    write_level(input, 0.5f, 0.5f, BLOCK, 7000000);
    mix_block(1000000);
    for (int i = 0; i < 2 * 28; i++)
        cr_assert(zero(flt, out[i]));
    for (int i = 28; i < BLOCK; i++) /* and it fades in as slowly as from the beginning of one */
        cr_assert(out[2 * i] > 0 && out[2 * i] - out[2 * i - 2] < 0.5f / BLOCK * 1.01f);
    cr_assert(eq(uint, limef_sample_ring_fill(&input->ring), 28));
    cr_assert(eq(long, limef_mixer_input_heard_us(input, 1000000 + 28 * 1000000 / 48000), 7000000));
    write_level(input, 0.5f, 0.5f, BLOCK, LIMEF_NO_TIME);
    mix_block(0);
    expect_last(0.5f, 0.5f);
    cr_assert(eq(uint, limef_sample_ring_fill(&input->ring), 28));
}

/*
 * A device that records by the clock of the one that plays: pieces of numbered frames come when
 * they are complete, or some frames late, and blocks are mixed. Time is counted in frames. Returns
 * how far the frames that are mixed last are behind the clock.
 */
static int loop_back(struct limef_mixer_input *input, unsigned piece, unsigned max_late)
{
    int64_t n_written = 0, comes = piece, behind = 0;

    for (int64_t now = 0; now < 96000; now++) {
        float samples[2 * BLOCK];

        if (now >= comes) {
            for (unsigned i = 0; i < 2 * piece; i++)
                samples[i] = (float)(n_written + i / 2) / (1 << 20);
            limef_mixer_input_write(input, samples, piece, n_written, 1000);
            n_written += piece;
            comes = n_written + piece + rand() % ((int)max_late + 1);
        }
        if (now % BLOCK)
            continue;
        mix_block(now);
        behind = now - (int64_t)lrintf(out[0] * (1 << 20));
    }
    return (int)behind;
}

/* At 48 kHz and by periods of 128 frames 240 frames are 5 ms. */
Test(mixer, keeps_a_device_s_sound_for_its_n_ahead_frames_and_no_longer)
{
    for (unsigned n_ahead = BLOCK; n_ahead <= 240; n_ahead += 16) {
        struct limef_mixer_input *input = open_ahead(n_ahead);

        cr_assert(eq(int, loop_back(input, BLOCK, 0), (int)n_ahead));
        cr_assert(zero(ulong, counters(input).n_underruns));
        limef_mixer_disconnect(&mixer, input, TOO_LONG_US);
    }
}

Test(mixer, stands_pieces_that_come_late_by_what_is_ahead_beyond_a_block)
{
    struct limef_mixer_input *input = open_ahead(BLOCK + BLOCK / 2);

    srand(3);
    /* what came late when it began stays as late */
    cr_assert(le(int, loop_back(input, BLOCK / 2, BLOCK / 2 - 1), BLOCK + BLOCK / 2 + BLOCK / 2));
    cr_assert(zero(ulong, counters(input).n_underruns));
    limef_mixer_disconnect(&mixer, input, TOO_LONG_US);
    input = open_ahead(BLOCK);
    loop_back(input, BLOCK / 2, BLOCK / 2 - 1);
    cr_assert(gt(ulong, counters(input).n_underruns, 0));
}

Test(mixer, tells_nothing_of_what_was_flushed_before_it_is_mixed_again)
{
    limef_mixer_connect(&mixer, &inputs[0]);
    write_level(&inputs[0], 0.5f, 0.5f, 500, 0);
    mix_block(0);
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 0), 0));
    limef_mixer_input_flush(&inputs[0]);
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 0), LIMEF_NO_TIME));
}

Test(mixer, plays_what_is_left_of_an_input_that_ended_and_counts_no_underrun)
{
    limef_mixer_connect(&mixer, &inputs[0]);
    write_level(&inputs[0], 0.5f, 0.5f, 40, 0);
    limef_mixer_input_end(&inputs[0], true);
    mix_block(0);
    cr_assert(gt(flt, out[2 * 39], 0.1f));
    cr_assert(eq(int, state(&inputs[0]), LIMEF_INPUT_ENDED));
    mix_block(0);
    expect_last(0, 0);
    cr_assert(zero(ulong, counters(&inputs[0]).n_underruns));
}

/* Whoever has its pictures in front of its end says that later than all of it was heard. */
Test(mixer, knows_an_underrun_from_an_end_that_is_said_later)
{
    limef_mixer_connect(&mixer, &inputs[0]);
    for (unsigned i = 0; i < 2; i++) {
        write_level(&inputs[0], 0.5f, 0.5f, 500, 0);
        for (unsigned n = 0; n < 500 / BLOCK + 2; n++)
            mix_block(0);
        cr_assert(eq(ulong, counters(&inputs[0]).n_underruns, i + 1));
        cr_assert(zero(ulong, LIMEF_COUNTED(inputs[0].n_ended_dry)));
    }
    limef_mixer_input_end(&inputs[0], true);
    mix_block(0);
    mix_block(0);
    cr_assert(eq(int, state(&inputs[0]), LIMEF_INPUT_ENDED));
    cr_assert(eq(ulong, LIMEF_COUNTED(inputs[0].n_ended_dry), 1));
}

Test(mixer, tells_which_media_time_is_heard)
{
    limef_mixer_connect(&mixer, &inputs[0]);
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 0), LIMEF_NO_TIME));
    write_level(&inputs[0], 0, 0, 480, 7000000);
    write_level(&inputs[0], 0, 0, 480, 9000000); /* a jump */
    mix_block(1000000);
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 1000000), 7000000));
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 1001234), 7001234));
    for (int i = 1; i < 5; i++)
        mix_block(1000000 + i * MS_OF_BLOCK_US);
    /* 4 * 128 = 512 frames are before it: 32 of them behind the jump */
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 1000000 + 4 * MS_OF_BLOCK_US),
                 9000000 + 32 * 1000000 / 48000));
}

Test(mixer, stands_still_while_paused)
{
    limef_mixer_connect(&mixer, &inputs[0]);
    write_level(&inputs[0], 0.5f, 0.5f, 1000, 0);
    mix_block(0);
    limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_PAUSE, 1);
    mix_block(0); /* it fades out */
    expect_last(0, 0);
    for (int i = 0; i < 10; i++)
        mix_block(0);
    cr_assert(eq(int, state(&inputs[0]), LIMEF_INPUT_PAUSED));
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 0), LIMEF_NO_TIME));
    cr_assert(eq(uint, limef_sample_ring_fill(&inputs[0].ring), 1000 - 2 * BLOCK));
    limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_PAUSE, 0);
    mix_block(0);
    expect_last(0.5f, 0.5f);
    cr_assert(zero(ulong, counters(&inputs[0]).n_underruns));
}

Test(mixer, forgets_what_was_flushed)
{
    limef_mixer_connect(&mixer, &inputs[0]);
    write_level(&inputs[0], 0.5f, 0.5f, 500, 0);
    mix_block(0);
    limef_mixer_input_flush(&inputs[0]);
    write_level(&inputs[0], 0.25f, 0.25f, 200, 5000000);
    mix_block(0);
    expect_last(0.25f, 0.25f);
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 0), 5000000));
}

Test(mixer, skips_what_makes_a_live_input_late)
{
    struct limef_mixer_input_settings settings = {.n_ahead = 2 * BLOCK, .n_most = 4 * BLOCK};
    struct limef_mixer_input live = {0};

    limef_mixer_input_init(&live, &mixer, NULL, memory[0], N_RING, &settings);
    limef_mixer_connect(&mixer, &live);
    write_level(&live, 0.5f, 0.5f, 4 * BLOCK + 1, 0);
    mix_block(0);
    cr_assert(eq(uint, limef_sample_ring_fill(&live.ring), BLOCK));
    cr_assert(eq(ulong, counters(&live).n_skipped, 2 * BLOCK + 1));
}

Test(mixer, measures_peak_and_rms)
{
    struct limef_levels levels;

    limef_mixer_connect(&mixer, &inputs[0]);
    limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_GAIN, 0.5f);
    for (int i = 0; i < 1000; i++) { /* 2.7 s */
        write_level(&inputs[0], 0.8f, i == 999 ? 0 : 0.4f, BLOCK, 0);
        mix_block(0);
    }
    limef_mixer_input_get_levels(&inputs[0], &levels);
    cr_assert(epsilon_eq(flt, levels.peak[0], 0.4f, 1e-4f));
    cr_assert(epsilon_eq(flt, levels.rms[0], 0.4f, 1e-3f));
    cr_assert(lt(flt, levels.peak[1], 0.2f));
    cr_assert(gt(flt, levels.peak[1], 0.19f));
    limef_mixer_get_levels(&mixer, &levels);
    cr_assert(epsilon_eq(flt, levels.rms[0], 0.4f, 1e-3f));
}

Test(mixer, is_silent_where_an_input_gives_what_is_no_sound)
{
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f};
    struct limef_mixer_counters counted;
    struct limef_levels levels;

    for (int i = 0; i < 2; i++)
        limef_mixer_connect(&mixer, &inputs[i]);
    for (int i = 0; i < 4; i++) {
        write_level(&inputs[0], bad[i], bad[i], BLOCK, 0);
        write_level(&inputs[1], 0.25f, -0.25f, BLOCK, 0);
        mix_block(0);
        expect_last(0.25f, -0.25f);
    }
    limef_mixer_get_counters(&mixer, &counted);
    cr_assert(eq(ulong, counted.n_cleaned, 4));
    limef_mixer_input_get_levels(&inputs[0], &levels);
    cr_assert(zero(flt, levels.peak[0]));
    cr_assert(zero(flt, levels.rms[0]));
    write_level(&inputs[0], 0.25f, 0.25f, BLOCK, 0);
    mix_block(0);
    limef_mixer_input_get_levels(&inputs[0], &levels);
    cr_assert(gt(flt, levels.rms[0], 0));
}

Test(mixer, limits_the_sum_and_counts_it)
{
    struct limef_mixer_counters counted;

    limef_mixer_connect(&mixer, &inputs[0]);
    limef_mixer_connect(&mixer, &inputs[1]);
    for (int i = 0; i < 2; i++)
        write_level(&inputs[i], 0.9f, -0.9f, 512, 0);
    mix_block(0);
    mix_block(0);
    cr_assert(out[0] > 0.9f && out[0] <= 1 && out[1] == -out[0]);
    limef_mixer_get_counters(&mixer, &counted);
    cr_assert(eq(ulong, counted.n_limited, 2));
    cr_assert(eq(ulong, counted.n_frames, 2 * BLOCK));
}

Test(mixer, takes_no_more_inputs_than_it_has_places)
{
    static struct limef_mixer_input many[LIMEF_MIXER_MAX_INPUTS + 1];
    static float samples[LIMEF_MIXER_MAX_INPUTS + 1][64 * 2];

    for (int i = 0; i <= LIMEF_MIXER_MAX_INPUTS; i++) {
        limef_mixer_input_init(&many[i], &mixer, NULL, samples[i], 64, NULL);
        cr_assert(eq(int, limef_mixer_connect(&mixer, &many[i]),
                     i < LIMEF_MIXER_MAX_INPUTS ? 0 : AVERROR(ENOSPC)));
    }
    for (int i = 0; i < LIMEF_MIXER_MAX_INPUTS; i++)
        write_level(&many[i], 0.01f, 0.01f, 32, 0);
    mix_block(0);
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &many[5], TOO_LONG_US)));
    cr_assert(zero(int, limef_mixer_connect(&mixer, &many[LIMEF_MIXER_MAX_INPUTS])));
}

Test(mixer, says_so_when_too_many_commands_wait)
{
    int ret = 0;

    limef_mixer_connect(&mixer, &inputs[0]);
    for (int i = 0; i <= LIMEF_AUDIO_N_COMMANDS && !ret; i++)
        ret = limef_mixer_set(&mixer, NULL, LIMEF_MIXER_GAIN, 1);
    cr_assert(eq(int, ret, AVERROR(EAGAIN)));
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &inputs[0], TOO_LONG_US)));
}

Test(mixer, a_disconnection_does_not_wait_for_a_thread_that_hangs)
{
    limef_mixer_set_running(&mixer, true); /* and nobody mixes */
    limef_mixer_connect(&mixer, &inputs[0]);
    cr_assert(eq(int, limef_mixer_disconnect(&mixer, &inputs[0], 5000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, limef_mixer_disconnect(&mixer, &inputs[0], 5000), AVERROR(ETIMEDOUT)));
    mix_block(0);
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &inputs[0], 5000)));
}

Test(mixer, has_room_again_for_what_left_after_nobody_waited_for_it)
{
    limef_mixer_set_running(&mixer, true);
    for (int i = 0; i <= LIMEF_MIXER_MAX_INPUTS; i++) {
        cr_assert(zero(int, limef_mixer_connect(&mixer, &inputs[0])), "%d", i);
        cr_assert(eq(int, limef_mixer_disconnect(&mixer, &inputs[0], 0), AVERROR(ETIMEDOUT)));
        mix_block(0);
        cr_assert(zero(int, limef_mixer_disconnect(&mixer, &inputs[0], 0)));
        cr_assert(zero(uint, mixer.n_inputs));
    }
}

Test(mixer, takes_what_left_when_nobody_waited_for_it_as_one_that_never_was_there)
{
    limef_mixer_set_running(&mixer, true);
    limef_mixer_connect(&mixer, &inputs[0]);
    limef_mixer_disconnect(&mixer, &inputs[0], 0);
    mix_block(0);
    cr_assert(zero(int, limef_mixer_connect(&mixer, &inputs[0])));
    cr_assert(eq(uint, mixer.n_connected, 1));
    limef_mixer_disconnect(&mixer, &inputs[0], 0);
    mix_block(0);
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &inputs[0], 0)));
}

Test(mixer, has_nothing_heard_when_nobody_mixes_any_more)
{
    limef_mixer_set_running(&mixer, true);
    limef_mixer_connect(&mixer, &inputs[0]);
    write_level(&inputs[0], 0.5f, 0.5f, 500, 7000000);
    mix_block(0);
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 0), 7000000));
    limef_mixer_set_running(&mixer, false);
    cr_assert(eq(long, limef_mixer_input_heard_us(&inputs[0], 60000000), LIMEF_NO_TIME));
    limef_mixer_set_running(&mixer, true); /* it goes on where it was */
    mix_block(0);
    cr_assert(
        eq(long, limef_mixer_input_heard_us(&inputs[0], 0), 7000000 + BLOCK * 1000000LL / 48000));
}

Test(mixer, gives_what_it_mixed_to_the_broadcast_ring)
{
    static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(1024, 2)];
    static struct limef_broadcast_ring ring;
    struct limef_mixer_settings settings = {.ring = &ring};
    struct limef_mixer other = {0};
    struct limef_broadcast_reader reader;
    float heard[2 * BLOCK];

    limef_broadcast_ring_init(&ring, words, 1024, 2);
    limef_broadcast_reader_init(&reader, &ring);
    cr_assert(zero(int, limef_mixer_init(&other, NULL, &settings)));
    limef_mixer_connect(&other, &inputs[0]);
    write_level(&inputs[0], 0.5f, 0.25f, 512, 0);
    limef_mixer_mix(&other, out, BLOCK, 0);
    cr_assert(eq(uint, limef_broadcast_read(&reader, heard, BLOCK), BLOCK));
    cr_assert(zero(int, memcmp(out, heard, sizeof(heard))));
}
