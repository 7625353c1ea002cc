/* SPDX-License-Identifier: MIT */
/* A stream that begins with what is older than now, as behind a gop cache. */
#include <limef/filter/decode.h>

#include "support/make_media.h"
#include "support/play.h"
#include "support/silence.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/adler32.h>
#include <libavutil/cpu.h>
#include <libavutil/log.h>

#define N_PICTURES 40
#define N_BURST 30 /* packets that are older than now */

static struct play play;
static unsigned n_packets, n_late;
static int64_t back_us; /* what comes behind the burst is earlier by this */
static AVAdler sum;

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(log_to_nobody, NULL);
}

TestSuite(decode_burst, .init = set_up, .fini = media_remove, .timeout = 60);

/* Between source and decoder: makes the stream live, and its beginning a burst. */
static int splice_go(struct limef_filter *filter, const struct limef_frame *in)
{
    union limef_any_frame out;
    int ret;

    if (in->frame_class == LIMEF_FRAME_SIGNAL)
        return limef_pass(filter, in);
    limef_any_frame_ref(&out, in);
    out.frame.flags |= LIMEF_FRAME_LIVE;
    if (in->frame_class == LIMEF_FRAME_PACKET && n_packets++ < N_BURST) {
        out.frame.flags |= LIMEF_FRAME_BURST;
    } else if (in->frame_class == LIMEF_FRAME_PACKET) {
        out.frame.pts_us -= back_us;
        out.packet.dts_us -= back_us;
    }
    ret = limef_pass(filter, &out.frame);
    if (in->frame_class == LIMEF_FRAME_PACKET && n_packets > N_BURST)
        n_late += play_count(&play, LIMEF_FRAME_DECODED) != n_packets - N_BURST;
    limef_any_frame_clear(&out);
    return ret;
}

static const struct limef_filter_ops splice_ops = {.kind = "splice", .go = splice_go};

/* Between decoder and end: adds all pictures up. */
static int sum_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);

    for (int i = 0; decoded && i < 3; i++)
        for (int y = 0; y < AV_CEIL_RSHIFT(decoded->av->height, i > 0); y++)
            sum = av_adler32_update(sum, decoded->av->data[i] + y * decoded->av->linesize[i],
                                    (size_t)AV_CEIL_RSHIFT(decoded->av->width, i > 0));
    return limef_pass(filter, in);
}

static const struct limef_filter_ops sum_ops = {.kind = "sum", .go = sum_go};

static void play_burst(const char *url, const struct limef_decode_settings *settings)
{
    struct limef_filter splice = LIMEF_FILTER(&splice_ops, "splice", NULL);
    struct limef_filter add = LIMEF_FILTER(&sum_ops, "sum", NULL);

    n_packets = n_late = 0;
    sum = 0;
    play_init(&play, &(struct limef_file_source_settings){.url = url, .pace = LIMEF_PACE_FASTEST},
              settings);
    limef_connect(&play.file.source.filter, &splice);
    limef_connect(&splice, &play.decode.filter);
    limef_connect(&play.decode.filter, &add);
    limef_connect(&add, &play.end.filter);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
}

static void expect_each_behind_the_burst(void)
{
    struct limef_decode_counters counters;

    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), N_PICTURES - N_BURST));
    for (unsigned n = 0; n < N_PICTURES - N_BURST; n++)
        cr_assert(
            eq(int, play_nth(&play, LIMEF_FRAME_DECODED, n)->number, (int)((N_BURST + n) % 32)));
    cr_assert(zero(uint, n_late), "a picture comes with its packet");
    limef_decode_get_counters(&play.decode, &counters);
    cr_assert(eq(u64, counters.n_dropped_burst, N_BURST));
    cr_assert(zero(u64, counters.n_corrupt));
    cr_assert(zero(u64, counters.n_errors));
    cr_assert(eq(u64, counters.n_codec_changes, 1));
}

Test(decode_burst, is_decoded_on_several_cores_and_what_follows_comes_at_once)
{
    /* with lengths in front of the units, and with start codes */
    static const char *const names[] = {"a.mp4", "a.h264"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct media media = {.codec = "libx264", .n_pictures = N_PICTURES, .gop = 35};
        AVAdler expected;

        play_burst(media_make(names[i], &media), &(struct limef_decode_settings){.n_threads = 1});
        cr_assert(eq(int, play.decode.context->thread_count, 1));
        expect_each_behind_the_burst();
        play_clear(&play);
        expected = sum;
        play_burst(media_make(names[i], &media), &(struct limef_decode_settings){0});
        cr_assert(
            eq(int, play.decode.context->thread_count, av_cpu_count() < 4 ? av_cpu_count() : 4));
        expect_each_behind_the_burst();
        cr_assert(eq(ulong, sum, expected), "each pixel is the same as on one core");
        play_clear(&play);
    }
}

Test(decode_burst, another_codec_is_decoded_as_ever)
{
    struct media media = {.codec = "mpeg4", .n_pictures = N_PICTURES, .gop = 35};

    play_burst(media_make("a.mp4", &media), &(struct limef_decode_settings){0});
    cr_assert(eq(int, play.decode.context->thread_count, 1));
    expect_each_behind_the_burst();
    play_clear(&play);
}

/* A clock that was set behind the burst. Where pictures come out of order, that of the burst goes
 * out by itself: the first packet behind it has no picture yet. */
Test(decode_burst, no_time_goes_back_behind_its_one_picture)
{
    struct media media = {
        .codec = "libx264", .n_pictures = N_PICTURES, .gop = 35, .b_frames = 2, .fps = 25};
    struct limef_decode_counters counters;
    unsigned n;

    back_us = 500000;
    play_burst(media_make("a.mp4", &media), &(struct limef_decode_settings){.n_threads = 1});
    n = play_count(&play, LIMEF_FRAME_DECODED);
    cr_assert(gt(uint, n, 2));
    for (unsigned i = 1; i < n; i++)
        cr_assert(gt(i64, play_nth(&play, LIMEF_FRAME_DECODED, i)->frame.pts_us,
                     play_nth(&play, LIMEF_FRAME_DECODED, i - 1)->frame.pts_us));
    limef_decode_get_counters(&play.decode, &counters);
    cr_assert(gt(u64, counters.n_backward, 0));
    play_clear(&play);
}

/* The burst's last picture that has come out is shown at once. Those that are shown behind it are
 * in the decoder still, and come one by one, each with a packet, as all that follow: none is left
 * out, and none comes twice. */
Test(decode_burst, of_reordered_pictures_those_inside_follow_in_order)
{
    struct media media = {
        .codec = "libx264", .n_pictures = N_PICTURES, .gop = 35, .b_frames = 2, .fps = 25};

    for (unsigned n_threads = 0; n_threads < 2; n_threads++) {
        int64_t first_us;
        unsigned n;

        play_burst(media_make("a.mp4", &media),
                   &(struct limef_decode_settings){.n_threads = n_threads});
        n = play_count(&play, LIMEF_FRAME_DECODED);
        first_us = play_nth(&play, LIMEF_FRAME_DECODED, 0)->frame.pts_us;
        cr_assert(eq(i64, first_us, 40000 * (int64_t)(N_PICTURES - n)),
                  "up to the end of the clip");
        cr_assert(ge(uint, n, N_PICTURES - N_BURST + 1));
        cr_assert(le(uint, n, N_PICTURES - N_BURST + 1 + (unsigned)media.b_frames));
        for (unsigned i = 0; i < n; i++)
            cr_assert(eq(i64, play_nth(&play, LIMEF_FRAME_DECODED, i)->frame.pts_us,
                         first_us + 40000 * (int64_t)i));
        play_clear(&play);
    }
}
