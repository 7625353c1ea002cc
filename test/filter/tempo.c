/* SPDX-License-Identifier: MIT */
#include "support/chain.h"
#include "support/failing.h"
#include "support/sound.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define N_KEPT 800000
#define N_BLOCKS 3000
#define RATE 48000
#define HZ 1000
#define BLOCK 1024
/* Where it ends atempo is off by about half of its window, which is RATE / 24 at least. */
#define SLACK 1200
#define SLACK_US 25000
/* What a block says is where the middle of it comes from. */
#define APART_US 15000

static struct limef_tempo_filter tempo;
static struct sound_keeper keeper;
static float kept[N_KEPT];

/* Looks at what each block says, on its way to the keeper. */
struct watcher {
    struct limef_filter filter;
    int32_t rate;    /* of the last block */
    int64_t said;    /* value of the last RATE */
    int64_t next_us; /* where the last block ends */
    int64_t worst_gap_us;
    size_t said_at; /* samples that came before it */
    unsigned n_blocks;
    struct {
        size_t begins;
        int64_t pts_us;
    } blocks[N_BLOCKS];
};

static struct watcher watcher;

static int watcher_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_decoded_frame *block = limef_decoded_frame_from(in);
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(in);

    if (signal_frame && signal_frame->signal == LIMEF_SIGNAL_RATE) {
        watcher.said = signal_frame->value;
        watcher.said_at = keeper.n;
    }
    if (block) {
        if (watcher.n_blocks < N_BLOCKS) {
            watcher.blocks[watcher.n_blocks].begins = keeper.n;
            watcher.blocks[watcher.n_blocks++].pts_us = in->pts_us;
        }
        watcher.rate = block->rate;
        if (watcher.next_us != LIMEF_NO_TIME &&
            llabs(in->pts_us - watcher.next_us) > watcher.worst_gap_us)
            watcher.worst_gap_us = llabs(in->pts_us - watcher.next_us);
        watcher.next_us = in->pts_us + in->duration_us;
    }
    return limef_pass(filter, in);
}

static const struct limef_filter_ops watcher_ops = {.kind = "watcher", .go = watcher_go};

static void open_filter(void)
{
    cr_assert(zero(int, limef_tempo_filter_init(&tempo, NULL)));
    sound_keeper_init(&keeper, kept, N_KEPT);
    watcher = (struct watcher){.next_us = LIMEF_NO_TIME};
    limef_filter_init(&watcher.filter, &watcher_ops, NULL);
    limef_connect(&tempo.filter, &watcher.filter);
    limef_connect(&watcher.filter, &keeper.filter);
}

static void close_filter(void)
{
    limef_filter_clear(&tempo.filter);
}

static struct limef_tempo_counters counters(void)
{
    struct limef_tempo_counters counters;

    limef_tempo_get_counters(&tempo, &counters);
    return counters;
}

static void send(uint32_t signal, int64_t value)
{
    struct limef_signal_frame frame;

    limef_signal_frame_set(&frame, signal, 0, NULL);
    frame.value = value;
    cr_assert(zero(int, limef_go(&tempo.filter, &frame.frame)));
}

/* Sends n blocks of a tone whose media time is that of their samples, from block `from` on. */
static void send_tone(enum AVSampleFormat format, int from, int n, uint32_t flags)
{
    struct sound_block block;

    sound_block_make(&block, RATE, 2, BLOCK, format);
    block.frame.frame.flags = flags;
    for (int i = from; i < from + n; i++) {
        sound_block_tone(&block, HZ, (int64_t)i * BLOCK);
        block.frame.frame.pts_us = (int64_t)i * BLOCK * 1000000 / RATE;
        block.frame.frame.duration_us = BLOCK * 1000000 / RATE;
        cr_assert(zero(int, limef_go(&tempo.filter, &block.frame.frame)));
    }
    sound_block_free(&block);
}

static unsigned n_lines;

static void drop_line(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)level;
    (void)name;
    (void)line;
    n_lines++;
}

/* Whatever comes of it. */
static void offer_tone(int n)
{
    struct sound_block block;

    sound_block_make(&block, RATE, 2, BLOCK, AV_SAMPLE_FMT_FLT);
    for (int i = 0; i < n; i++) {
        block.frame.frame.pts_us = (int64_t)i * BLOCK * 1000000 / RATE;
        limef_go(&tempo.filter, &block.frame.frame);
    }
    sound_block_free(&block);
}

/* Of the samples from `from` on, by how often they pass zero upwards. */
static double pitch(size_t from, size_t n)
{
    size_t n_passed = 0;

    for (size_t i = from; i + 1 < from + n; i++)
        n_passed += kept[i] < 0 && kept[i + 1] >= 0;
    return (double)n_passed * RATE / (double)n;
}

static void need_stretching(void)
{
    if (!HAS_TEMPO)
        cr_skip_test("this build has no libavfilter");
}

TestSuite(tempo, .init = open_filter, .fini = close_filter, .timeout = 60);

Test(tempo, leaves_sound_as_it_is_at_the_natural_rate)
{
    send_tone(AV_SAMPLE_FMT_FLT, 0, 10, 0);
    cr_assert(eq(sz, keeper.n, 10 * BLOCK));
    for (int i = 0; i < 10 * BLOCK; i++)
        cr_assert(eq(flt, kept[i], (float)(0.5 * sin(2 * M_PI * HZ * i / (double)RATE))));
    cr_assert(zero(int, watcher.rate));
    cr_assert(zero(ulong, counters().n_stretched));
    cr_assert(zero(u64, LIMEF_COUNTED(tempo.filter.copied_bytes)));
}

Test(tempo, keeps_the_pitch_and_the_stream_s_time_at_other_rates)
{
    static const int rates[] = {500, 750, 1500, 2000};

    need_stretching();
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        enum AVSampleFormat format = i % 2 ? AV_SAMPLE_FMT_FLT : AV_SAMPLE_FMT_FLTP;
        int n_expected = 100 * BLOCK * 1000 / rates[i];

        limef_tempo_set_rate(&tempo, rates[i]);
        send_tone(format, 0, 100, 0);
        send(LIMEF_SIGNAL_END, 0);
        cr_assert(eq(i64, watcher.said, rates[i]));
        cr_assert(eq(int, watcher.rate, rates[i]));
        cr_assert(le(int, abs((int)keeper.n - n_expected), SLACK));
        cr_assert(le(dbl, fabs(pitch(4800, keeper.n - 9600) - HZ), 2.0));
        /* its times are the stream's: it begins and ends where the input does, without a gap */
        cr_assert(le(i64, llabs(keeper.first.pts_us), APART_US));
        cr_assert(le(i64, llabs(watcher.next_us - 100 * BLOCK * 1000000LL / RATE), SLACK_US));
        cr_assert(le(i64, watcher.worst_gap_us, APART_US));
        close_filter();
        open_filter();
    }
}

/* Six seconds, with a beep out of silence at the beginning of each. */
static void send_beeps(void)
{
    struct sound_block block;

    sound_block_make(&block, RATE, 2, 512, AV_SAMPLE_FMT_FLT);
    for (int64_t at = 0; at < 6 * RATE; at += 512) {
        sound_block_tone(&block, HZ, at);
        for (int i = 0; i < 512; i++)
            for (int c = 0; c < 2 && (at + i) % RATE >= RATE / 25; c++)
                sound_block_set(&block, c, i, 0);
        block.frame.frame.pts_us = at * 1000000 / RATE;
        cr_assert(zero(int, limef_go(&tempo.filter, &block.frame.frame)));
    }
    sound_block_free(&block);
}

/* How far the beeps but the first begin from where their blocks say at most; how many there are. */
static unsigned find_beeps(int32_t rate, int64_t *worst_us)
{
    unsigned n_beeps = 0, b = 0;
    size_t last = 0;

    *worst_us = 0;
    for (size_t i = 0; i < keeper.n; i++) {
        if (fabsf(kept[i]) < 0.05F)
            continue;
        if (i - last > RATE / 5) {
            int64_t us;

            while (b + 1 < watcher.n_blocks && watcher.blocks[b + 1].begins <= i)
                b++;
            us = watcher.blocks[b].pts_us +
                 (int64_t)(i - watcher.blocks[b].begins) * 1000000 / RATE * rate / 1000;
            us = llabs(us - (us + 500000) / 1000000 * 1000000);
            *worst_us = us > *worst_us ? us : *worst_us;
            n_beeps++;
        }
        last = i;
    }
    return n_beeps;
}

Test(tempo, says_when_a_beep_out_of_silence_begins)
{
    static const int rates[] = {500, 750, 1500, 2000};

    need_stretching();
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        int64_t worst_us;

        limef_tempo_set_rate(&tempo, rates[i]);
        send_beeps();
        cr_assert(eq(uint, find_beeps(rates[i], &worst_us), 5));
        cr_assert(le(i64, worst_us, 8000), "rate %d", rates[i]);
        close_filter();
        open_filter();
    }
}

Test(tempo, follows_rate_in_band_and_loses_nothing_at_a_change)
{
    need_stretching();
    send_tone(AV_SAMPLE_FMT_FLT, 0, 50, 0);
    send(LIMEF_SIGNAL_RATE, 2000);
    cr_assert(eq(sz, watcher.said_at, 50 * BLOCK));
    send_tone(AV_SAMPLE_FMT_FLT, 50, 50, 0);
    send(LIMEF_SIGNAL_RATE, 500);
    cr_assert(le(int, abs((int)watcher.said_at - 75 * BLOCK), SLACK));
    send_tone(AV_SAMPLE_FMT_FLT, 100, 50, 0);
    limef_tempo_set_rate(&tempo, 1000);
    send_tone(AV_SAMPLE_FMT_FLT, 150, 50, 0);
    cr_assert(eq(i64, watcher.said, 1000));
    cr_assert(le(int, abs((int)keeper.n - (75 + 100 + 50) * BLOCK), 2 * SLACK));
    cr_assert(le(i64, watcher.worst_gap_us, SLACK_US));
    cr_assert(eq(ulong, counters().n_changes, 3));
    cr_assert(eq(ulong, counters().n_stretched, 100));
    cr_assert(zero(ulong, counters().n_errors));
}

Test(tempo, leaves_alone_what_is_live_and_rates_beyond_its_own)
{
    limef_tempo_set_rate(&tempo, 4000);
    send_tone(AV_SAMPLE_FMT_FLT, 0, 5, 0);
    cr_assert(eq(i64, watcher.said, 4000));
    cr_assert(zero(int, watcher.rate)); /* so an audio sink is silent */
    limef_tempo_set_rate(&tempo, 1500);
    send_tone(AV_SAMPLE_FMT_FLT, 5, 5, LIMEF_FRAME_LIVE);
    cr_assert(zero(int, watcher.rate));
    cr_assert(eq(sz, keeper.n, 10 * BLOCK));
    cr_assert(zero(ulong, counters().n_errors));
}

Test(tempo, begins_anew_at_a_flush_a_jump_and_another_format)
{
    need_stretching();
    limef_tempo_set_rate(&tempo, 1500);
    send_tone(AV_SAMPLE_FMT_FLT, 0, 20, 0);
    send(LIMEF_SIGNAL_FLUSH, LIMEF_NO_TIME);
    keeper.n = keeper.n_blocks = 0;
    send_tone(AV_SAMPLE_FMT_FLT, 5000, 20, 0);
    cr_assert(le(i64, llabs(keeper.first.pts_us - 5000LL * BLOCK * 1000000 / RATE), APART_US));
    cr_assert(eq(ulong, counters().n_restarts, 1));
    keeper.n_blocks = 0;
    send_tone(AV_SAMPLE_FMT_FLT, 6000, 20, 0); /* what was inside comes first */
    cr_assert(lt(i64, keeper.first.pts_us, 5020LL * BLOCK * 1000000 / RATE + APART_US));
    cr_assert(eq(ulong, counters().n_restarts, 2));
    send_tone(AV_SAMPLE_FMT_FLTP, 6020, 20, 0);
    send(LIMEF_SIGNAL_END, 0);
    cr_assert(eq(ulong, counters().n_restarts, 3));
    cr_assert(le(i64, llabs(watcher.next_us - 6040LL * BLOCK * 1000000 / RATE), SLACK_US));
    cr_assert(zero(ulong, counters().n_errors));
}

Test(tempo, says_once_what_it_cannot_do_and_passes_it_as_it_is)
{
    struct sound_block block;

    limef_log_set_sink(drop_line, NULL);
    limef_tempo_set_rate(&tempo, 1500);
    sound_block_make(&block, RATE, 2, BLOCK, AV_SAMPLE_FMT_FLT);
    block.av->sample_rate = 0;
    for (int i = 0; i < 5; i++) {
        block.frame.frame.pts_us = i * 1000000;
        cr_assert(zero(int, limef_go(&tempo.filter, &block.frame.frame)));
    }
    sound_block_free(&block);
    cr_assert(eq(uint, n_lines, 1));
    cr_assert(eq(uint, keeper.n_blocks, 5));
    cr_assert(zero(int, watcher.rate));
    cr_assert(eq(ulong, counters().n_errors, 5));
}

Test(tempo, passes_all_signals_and_stops_when_what_is_behind_was_stopped)
{
    struct sound_block block;

    for (uint32_t i = LIMEF_SIGNAL_START; i <= LIMEF_SIGNAL_TRACK; i++)
        send(i, 1000);
    cr_assert(eq(uint, keeper.n_signals, LIMEF_SIGNAL_TRACK - LIMEF_SIGNAL_START + 1));
    keeper.answer = AVERROR_EXIT;
    sound_block_make(&block, RATE, 2, BLOCK, AV_SAMPLE_FMT_FLT);
    cr_assert(eq(int, limef_go(&tempo.filter, &block.frame.frame), AVERROR_EXIT));
    sound_block_free(&block);
}

Test(tempo, allocates_nothing_of_its_own_for_each_block)
{
    uint64_t before;

    need_stretching();
    limef_tempo_set_rate(&tempo, 1500);
    send_tone(AV_SAMPLE_FMT_FLT, 0, 20, 0);
    before = limef_memory_n_allocations();
    send_tone(AV_SAMPLE_FMT_FLT, 20, 100, 0);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
}

Test(tempo, survives_any_allocation_that_fails)
{
    bool failed = true;

    close_filter();
    limef_log_set_sink(drop_line, NULL);
    for (unsigned n = 1; failed; n++) {
        failing_install(n);
        if (limef_tempo_filter_init(&tempo, NULL) == 0) {
            sound_keeper_init(&keeper, kept, N_KEPT);
            limef_connect(&tempo.filter, &keeper.filter);
            limef_tempo_set_rate(&tempo, 1500);
            offer_tone(20);
            limef_filter_clear(&tempo.filter);
        }
        failed = failing_failed();
        failing_remove();
        cr_assert(zero(int, failing_n_out()));
    }
}
