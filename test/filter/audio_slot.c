/* SPDX-License-Identifier: MIT */
/* Changes of the rate. */
#include "audio_sink.h"

#include <limef/base/memory.h>
#include <limef/frame/pool.h>

static void need_stretching(void)
{
    if (!HAS_TEMPO)
        cr_skip_test("this build has no libavfilter");
}

TestSuite(audio_slot, .init = open_sink, .fini = close_sink, .timeout = 30);

/* As a resampler gives it: counted. */
static struct limef_pool *pool;

static int offer_counted(int64_t pts_us, int64_t at)
{
    struct limef_payload *payload = limef_pool_get(pool);
    struct limef_decoded_frame frame = block.frame;
    int ret;

    sound_block_tone(&block, 1000, at);
    av_frame_unref(limef_payload_picture(payload));
    cr_assert(zero(int, av_frame_ref(limef_payload_picture(payload), block.av)));
    cr_assert(zero(int, av_frame_make_writable(limef_payload_picture(payload))));
    frame.frame.payload = payload;
    frame.av = limef_payload_picture(payload);
    frame.frame.pts_us = pts_us;
    ret = limef_go(&sink.filter, &frame.frame);
    limef_payload_unref(payload);
    return ret;
}

static int64_t n_offered; /* frames */

static void offer_all(void)
{
    while (offer_counted(n_offered * 1000000 / 48000, n_offered) == 0)
        n_offered += block.av->nb_samples;
}

/* A large ring, full of a second of sound, or of as many blocks as are kept. */
static void open_large(int block_frames)
{
    static float large[65536 * 2];

    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, 0)));
    input = (struct limef_mixer_input){0};
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, large, 65536, NULL)));
    limef_mixer_connect(&mixer, &input);
    pool = limef_pool_create(LIMEF_FRAME_DECODED);
    n_offered = 0;
    block.av->nb_samples = block_frames;
    offer_all();
    cr_assert(ge(uint, fill(), block_frames == 1024 ? 47000 : 30000));
    mix_period();
}

/* Mixes until the sound runs at that rate; for how long it does not yet. */
static int64_t runs_after_us(int32_t rate)
{
    for (int64_t us = 0; us < 2000000; us += 5000) {
        struct limef_mixer_heard now = heard();

        if (now.rate == rate)
            return us;
        cr_assert(eq(uint, now.state, LIMEF_INPUT_SOUNDING));
        limef_audio_sink_tick(&sink, 0);
    }
    return 2000000;
}

static void expect_changes_at_once(int block_frames)
{
    static const int32_t rates[] = {2000, 500, 1250, 1000};
    struct limef_mixer_heard before, after;

    need_stretching();
    open_large(block_frames);
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        before = heard();
        send(LIMEF_SIGNAL_RATE, rates[i], 0);
        cr_assert(le(i64, runs_after_us(rates[i]), 50000));
        for (int k = 0; k < 60; k++) { /* it goes on */
            offer_all();
            limef_audio_sink_tick(&sink, 0);
            after = heard();
            cr_assert(eq(uint, after.state, LIMEF_INPUT_SOUNDING));
        }
        /* and where it was, at most 55 ms of it at the old rate */
        cr_assert(ge(i64, after.media_us - before.media_us, 300 * (int64_t)rates[i] - 90000));
        cr_assert(le(i64, after.media_us - before.media_us, 305 * (int64_t)rates[i] + 190000));
    }
    cr_assert(zero(ulong, LIMEF_COUNTED(input.ring.n_underruns)));
    cr_assert(zero(ulong, LIMEF_COUNTED(input.ring.n_dropped)));
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}

Test(audio_slot, changes_the_rate_at_once_however_much_waits)
{
    expect_changes_at_once(1024);
}

Test(audio_slot, changes_the_rate_at_once_however_short_its_blocks_are)
{
    expect_changes_at_once(120); /* 2.5 ms */
}

Test(audio_slot, changes_the_rate_without_a_jump)
{
    double k = 2 * cos(2 * M_PI * 1000 / 48000);
    float last[2] = {0, 0}, worst = 0;

    need_stretching();
    open_large(1024);
    send(LIMEF_SIGNAL_RATE, 1500, 0);
    for (int n = 0; n < 40; n++) {
        mix_period();
        for (int i = 0; i < PERIOD; i++) {
            float expected = (float)(k * last[1] - last[0]);

            if (n > 1)
                worst = fmaxf(worst, fabsf(out[i * 2] - expected));
            last[0] = last[1];
            last[1] = out[i * 2];
        }
    }
    cr_assert(lt(flt, worst, 0.02F));
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}

Test(audio_slot, changes_the_rate_of_what_has_ended_already)
{
    int64_t now_us = limef_now_us();
    int n_periods = 0;

    need_stretching();
    open_large(1024);
    limef_mixer_set_running(&mixer, true);
    send(LIMEF_SIGNAL_END, 0, 0);
    send(LIMEF_SIGNAL_RATE, 2000, 0);
    while (slots[0].ending && n_periods++ < 1000) {
        mix_period();
        limef_audio_sink_tick(&sink, now_us);
    }
    /* half as long as it would have lasted */
    cr_assert(le(long, n_periods * 5000L, n_offered * 1000000 / 48000 / 2 + 80000));
    cr_assert(ge(long, n_periods * 5000L, n_offered * 1000000 / 48000 / 2 - 80000));
    cr_assert(zero(ulong, LIMEF_COUNTED(input.ring.n_underruns)));
    limef_mixer_set_running(&mixer, false);
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}

Test(audio_slot, allocates_nothing_for_each_block_at_another_rate)
{
    uint64_t before;

    need_stretching();
    open_large(1024);
    send(LIMEF_SIGNAL_RATE, 1500, 0);
    for (int i = 0; i < 300; i++) {
        if (i == 200)
            before = limef_memory_n_allocations();
        offer_all();
        mix_period();
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}
