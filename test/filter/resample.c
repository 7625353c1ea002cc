/* SPDX-License-Identifier: MIT */
#include "support/chain.h"
#include "support/failing.h"
#include "support/kept_log.h"
#include "support/sound.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <libswresample/swresample.h>

#define N_KEPT 200000
#define HZ 1000

static struct limef_resample_filter resample;
static struct sound_keeper keeper;
static float kept[N_KEPT];

static void open_filter(const struct limef_resample_settings *settings)
{
    cr_assert(zero(int, limef_resample_filter_init(&resample, NULL, settings)));
    sound_keeper_init(&keeper, kept, N_KEPT);
    limef_connect(&resample.filter, &keeper.filter);
}

static void close_filter(void)
{
    limef_filter_clear(&resample.filter);
}

static struct limef_resample_counters counters(void)
{
    struct limef_resample_counters counters;

    limef_resample_get_counters(&resample, &counters);
    return counters;
}

static void send(uint32_t signal)
{
    struct limef_signal_frame frame;

    limef_signal_frame_set(&frame, signal, 0, NULL);
    cr_assert(zero(int, limef_go(&resample.filter, &frame.frame)));
}

/* Sends n blocks of a tone, 10 ms each, from media time from_us on. */
static void send_tone(int rate, int n_channels, enum AVSampleFormat format, int n, int64_t from_us)
{
    struct sound_block block;
    int n_frames = rate / 100;

    sound_block_make(&block, rate, n_channels, n_frames, format);
    for (int i = 0; i < n; i++) {
        sound_block_tone(&block, HZ, (int64_t)i * n_frames);
        block.frame.frame.pts_us = from_us + i * 10000;
        cr_assert(zero(int, limef_go(&resample.filter, &block.frame.frame)));
    }
    sound_block_free(&block);
}

static bool refuses_speeds;

/* Stands before libswresample's. */
__attribute__((visibility("default"))) int swr_set_compensation(struct SwrContext *swr, int ppm,
                                                                int lasts)
{
    int (*next)(struct SwrContext *, int, int);

    *(void **)&next = dlsym(RTLD_NEXT, "swr_set_compensation");
    return refuses_speeds ? AVERROR(EINVAL) : next(swr, ppm, lasts);
}

static struct kept_log lines = {.level = LIMEF_LOG_DEBUG};

TestSuite(resample, .fini = close_filter, .timeout = 30);

Test(resample, makes_any_rate_layout_and_format_the_mixers)
{
    open_filter(NULL);
    send_tone(44100, 6, AV_SAMPLE_FMT_FLTP, 100, 0);
    send(LIMEF_SIGNAL_END);
    cr_assert(eq(int, keeper.rate, 48000));
    cr_assert(eq(int, keeper.n_channels, 2));
    cr_assert(eq(int, keeper.format, AV_SAMPLE_FMT_FLT));
    cr_assert(le(int, abs((int)keeper.n - 48000), 2));
    cr_assert(lt(dbl, sound_roughness(kept + 480, 47000, HZ, 48000), 1e-3));
    cr_assert(eq(uint, keeper.n_signals, 1));
}

Test(resample, keeps_the_samples_of_what_is_right_already)
{
    open_filter(NULL);
    send_tone(48000, 2, AV_SAMPLE_FMT_FLT, 10, 5000000);
    cr_assert(eq(sz, keeper.n, 4800));
    for (int i = 0; i < 4800; i++)
        cr_assert(eq(flt, kept[i], (float)(0.5 * sin(2 * M_PI * HZ * i / 48000.0))));
    cr_assert(eq(long, keeper.last.pts_us, 5090000));
    cr_assert(eq(long, keeper.last.duration_us, 10000));
}

Test(resample, tells_the_time_of_what_it_passes_on_and_not_of_what_came)
{
    open_filter(NULL);
    send_tone(8000, 1, AV_SAMPLE_FMT_FLTP, 50, 1000000);
    send(LIMEF_SIGNAL_END);
    /* all that was passed on, at the output's rate, ends where the input ends */
    cr_assert(le(long, labs(keeper.first.pts_us - 1000000), 30));
    cr_assert(le(long, labs(keeper.last.pts_us + keeper.last.duration_us - 1500000), 100));
    cr_assert(le(int, abs((int)keeper.n - 24000), 4));
}

Test(resample, follows_a_change_in_mid_stream_without_losing_a_sample)
{
    open_filter(NULL);
    send_tone(44100, 2, AV_SAMPLE_FMT_FLTP, 50, 0);
    send_tone(32000, 1, AV_SAMPLE_FMT_FLT, 50, 500000);
    send_tone(48000, 2, AV_SAMPLE_FMT_FLT, 50, 1000000);
    send(LIMEF_SIGNAL_END);
    cr_assert(le(int, abs((int)keeper.n - 72000), 6));
    cr_assert(eq(ulong, counters().n_changes, 2));
    cr_assert(zero(ulong, counters().n_errors));
    cr_assert(le(long, labs(keeper.last.pts_us - 1490000), 100));
}

Test(resample, gives_all_of_a_sound_that_is_shorter_than_its_filter)
{
    const int rates[] = {8000, 44100, 96000, 192000, 768000};

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        for (int n = 4; n < 80; n += 5) {
            int n_wanted = (int)(n * 48000LL / rates[i]);
            struct sound_block block;

            open_filter(NULL);
            sound_block_make(&block, rates[i], 2, n, AV_SAMPLE_FMT_FLT);
            for (int k = 0; k < n; k++)
                sound_block_set(&block, 0, k, 0.5f);
            block.frame.frame.pts_us = 1000000;
            cr_assert(zero(int, limef_go(&resample.filter, &block.frame.frame)));
            send(LIMEF_SIGNAL_END);
            cr_assert(le(int, abs((int)keeper.n - n_wanted), 6), "%d of %d Hz: %zu", n, rates[i],
                      keeper.n);
            if (keeper.n > 20)
                cr_assert(gt(flt, kept[keeper.n / 4 * 2], 0.3f));
            /* and what comes behind the end is complete as well */
            sound_keeper_init(&keeper, kept, N_KEPT);
            send_tone(rates[i], 2, AV_SAMPLE_FMT_FLTP, 10, 2000000);
            send(LIMEF_SIGNAL_END);
            cr_assert(le(int, abs((int)keeper.n - 4800), 6), "%d Hz: %zu", rates[i], keeper.n);
            sound_block_free(&block);
            close_filter();
        }
    open_filter(NULL);
}

Test(resample, takes_out_what_is_no_number_and_counts_it)
{
    struct sound_block block;

    open_filter(NULL);
    sound_block_make(&block, 44100, 2, 441, AV_SAMPLE_FMT_FLTP);
    for (int i = 0; i < 10; i++) {
        sound_block_tone(&block, HZ, i * 441);
        sound_block_set(&block, 0, 100, NAN);
        sound_block_set(&block, 0, 101, INFINITY);
        sound_block_set(&block, 1, 102, -INFINITY);
        sound_block_set(&block, 1, 103, 1e-40f);
        sound_block_set(&block, 1, 104, 1e30f);
        cr_assert(zero(int, limef_go(&resample.filter, &block.frame.frame)));
        cr_assert(isnan(((float *)(void *)block.av->extended_data[0])[100]), "it was borrowed");
    }
    for (size_t i = 0; i < keeper.n; i++)
        cr_assert(lt(flt, fabsf(kept[i]), 2.0f));
    cr_assert(eq(ulong, counters().n_cleaned, 50));
    sound_block_free(&block);
}

Test(resample, makes_silence_and_no_noise_of_what_is_infinite_or_absurdly_large)
{
    static const float bad[] = {INFINITY, -INFINITY, 32768, -32768, 900};
    struct sound_block block;

    open_filter(NULL);
    sound_block_make(&block, 44100, 2, 441, AV_SAMPLE_FMT_FLTP);
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 441; k++)
            for (int channel = 0; channel < 2; channel++)
                sound_block_set(&block, channel, k, bad[(i + k) % 5]);
        cr_assert(zero(int, limef_go(&resample.filter, &block.frame.frame)));
    }
    cr_assert(gt(sz, keeper.n, 1000));
    for (size_t i = 0; i < keeper.n; i++)
        cr_assert(zero(flt, kept[i]));
    cr_assert(eq(ulong, counters().n_cleaned, 10 * 441 * 2));
    sound_block_free(&block);
}

Test(resample, forgets_what_is_inside_at_a_flush)
{
    open_filter(NULL);
    send_tone(44100, 2, AV_SAMPLE_FMT_FLTP, 10, 0);
    send(LIMEF_SIGNAL_FLUSH);
    keeper.n = keeper.n_blocks = 0;
    send_tone(44100, 2, AV_SAMPLE_FMT_FLTP, 10, 7000000);
    cr_assert(le(long, labs(keeper.first.pts_us - 7000000), 30));
    cr_assert(le(ulong, counters().n_changes, 1));
}

Test(resample, plays_slower_and_faster_without_a_step)
{
    struct limef_resample_settings settings = {.follows = true};

    for (int ppm = -500; ppm <= 500; ppm += 500) {
        open_filter(&settings);
        send_tone(48000, 2, AV_SAMPLE_FMT_FLTP, 100, 0);
        limef_resample_set_ppm(&resample, ppm);
        send_tone(48000, 2, AV_SAMPLE_FMT_FLTP, 300, 1000000);
        send(LIMEF_SIGNAL_END);
        cr_assert(le(dbl, fabs((double)keeper.n - 192000 - 144000 * ppm * 1e-6), 4));
        cr_assert(lt(dbl, sound_roughness(kept + 480, keeper.n - 960, HZ, 48000), 2e-3));
        close_filter();
    }
    open_filter(NULL);
}

/* How loud one channel of a block alone is in what goes on, left or alone, and right. */
static void hear_one_of(const char *layout, int n_channels, int channel, float *left, float *right)
{
    struct sound_block block;

    open_filter(NULL);
    sound_block_make(&block, 48000, n_channels, 480, AV_SAMPLE_FMT_FLT);
    if (layout) {
        av_channel_layout_uninit(&block.av->ch_layout);
        cr_assert(zero(int, av_channel_layout_from_string(&block.av->ch_layout, layout)));
    }
    for (int i = 0; i < 480; i++)
        for (int c = 0; c < n_channels; c++)
            sound_block_set(&block, c, i, c == channel ? 0.5f : 0);
    cr_assert(zero(int, limef_go(&resample.filter, &block.frame.frame)), "%d of %d", channel,
              n_channels);
    *left = ((const float *)(const void *)resample.out.av->data[0])[400];
    *right = ((const float *)(const void *)resample.out.av->data[0])[401];
    sound_block_free(&block);
    close_filter();
}

Test(resample, has_all_channels_of_layouts_that_nobody_knows)
{
    const int many[] = {9, 11, 13, 17, 64}; /* newer libraries know more even ones */
    float left, right;

    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
        for (int channel = 0; channel < many[i]; channel += 3) {
            hear_one_of(NULL, many[i], channel, &left, &right);
            cr_assert(gt(flt, channel % 2 ? right : left, 0.05f), "%d of %d", channel, many[i]);
            cr_assert(zero(flt, channel % 2 ? left : right));
        }
    hear_one_of("ambisonic 1", 4, 0, &left, &right); /* from all around */
    cr_assert(eq(flt, left, 0.25f));
    cr_assert(eq(flt, right, 0.25f));
    hear_one_of("ambisonic 1", 4, 1, &left, &right); /* more left than right */
    cr_assert(eq(flt, left, 0.25f));
    cr_assert(eq(flt, right, -0.25f));
    open_filter(NULL);
}

Test(resample, says_once_what_it_cannot_convert)
{
    struct sound_block block;

    open_filter(NULL);
    sound_block_make(&block, 48000, 2, 480, AV_SAMPLE_FMT_FLT);
    block.av->sample_rate = 0;
    cr_assert(eq(int, limef_go(&resample.filter, &block.frame.frame), AVERROR_INVALIDDATA));
    cr_assert(lt(int, limef_go(&resample.filter, &block.frame.frame), 0));
    cr_assert(eq(ulong, counters().n_errors, 2));
    sound_block_free(&block);
    send_tone(48000, 2, AV_SAMPLE_FMT_FLT, 1, 0);
    cr_assert(eq(sz, keeper.n, 480));
}

Test(resample, refuses_settings_that_make_no_sound)
{
    struct limef_resample_settings settings = {.n_channels = 9};

    cr_assert(eq(int, limef_resample_filter_init(&resample, NULL, &settings), AVERROR(EINVAL)));
    settings = (struct limef_resample_settings){.rate = 1};
    cr_assert(eq(int, limef_resample_filter_init(&resample, NULL, &settings), AVERROR(EINVAL)));
    open_filter(NULL);
}

/* Of so little sound nothing comes before its end. */
static void send_little(int rate)
{
    struct sound_block block;

    sound_block_make(&block, rate, 2, 10, AV_SAMPLE_FMT_FLT);
    sound_block_tone(&block, HZ, 0);
    cr_assert(zero(int, limef_go(&resample.filter, &block.frame.frame)));
    sound_block_free(&block);
    cr_assert(zero(sz, keeper.n));
}

Test(resample, says_and_counts_that_what_was_inside_is_lost)
{
    open_filter(NULL);
    limef_log_set_sink(keep_log, &lines);
    send_little(44100);
    failing_install(1);
    send(LIMEF_SIGNAL_END);
    cr_assert(failing_failed());
    failing_remove();
    cr_assert(eq(ulong, counters().n_errors, 1));
    cr_assert(eq(uint, keeper.n_signals, 1));
    send_little(44100);
    failing_install(1);
    send_tone(8000, 2, AV_SAMPLE_FMT_FLTP, 10, 0); /* a change */
    cr_assert(failing_failed());
    failing_remove();
    cr_assert(eq(ulong, counters().n_errors, 2));
    cr_assert(gt(sz, keeper.n, 4000));
    cr_assert(eq(uint, lines.n, 1));
}

Test(resample, says_and_counts_that_it_cannot_go_slower)
{
    struct limef_resample_settings settings = {.follows = true};

    open_filter(&settings);
    limef_log_set_sink(keep_log, &lines);
    send_tone(48000, 2, AV_SAMPLE_FMT_FLT, 10, 0);
    refuses_speeds = true;
    limef_resample_set_ppm(&resample, 100);
    send_tone(48000, 2, AV_SAMPLE_FMT_FLT, 10, 100000);
    cr_assert(eq(ulong, counters().n_errors, 1));
    limef_resample_set_ppm(&resample, 200);
    send_tone(48000, 2, AV_SAMPLE_FMT_FLT, 10, 200000);
    cr_assert(eq(ulong, counters().n_errors, 2));
    cr_assert(eq(uint, lines.n, 1));
}

Test(resample, says_what_it_cannot_do_whatever_else_went_wrong_before)
{
    struct limef_resample_settings settings = {.follows = true};

    open_filter(&settings);
    limef_log_set_sink(keep_log, &lines);
    send_little(44100);
    failing_install(1);
    send(LIMEF_SIGNAL_END);
    cr_assert(failing_failed());
    failing_remove();
    cr_assert(eq(uint, lines.n, 1));
    send_tone(48000, 2, AV_SAMPLE_FMT_FLT, 10, 0);
    refuses_speeds = true;
    limef_resample_set_ppm(&resample, 100);
    send_tone(48000, 2, AV_SAMPLE_FMT_FLT, 10, 100000);
    cr_assert(eq(uint, lines.n, 2));
}

Test(resample, allocates_nothing_in_steady_state)
{
    uint64_t n_allocations;

    open_filter(NULL);
    send_tone(44100, 2, AV_SAMPLE_FMT_FLTP, 50, 0);
    n_allocations = limef_memory_n_allocations();
    send_tone(44100, 2, AV_SAMPLE_FMT_FLTP, 50, 500000);
    cr_assert(eq(ulong, limef_memory_n_allocations(), n_allocations));
}
