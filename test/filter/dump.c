/* SPDX-License-Identifier: MIT */
#include <limef/filter/dump.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <limef/base/log.h>
#include <limef/base/memory.h>
#include <stdio.h>
#include <string.h>

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static char last_name[64], last_line[512];
static int last_level = -1;

static void keep_line(void *context, const char *name, const char *line)
{
    (void)context;
    snprintf(last_name, sizeof(last_name), "%s", name);
    snprintf(last_line, sizeof(last_line), "%s", line);
}

static void keep_log(void *context, enum limef_log_level level, const char *name, const char *line)
{
    last_level = (int)level;
    keep_line(context, name, line);
}

static const char *described(const struct limef_frame *frame)
{
    limef_frame_describe(frame, last_line, sizeof(last_line));
    return last_line;
}

Test(dump, describes_a_packet)
{
    struct limef_packet_frame packet = make_packet(1240000, LIMEF_FRAME_KEY);

    packet.dts_us = -40001;
    packet.frame.slot = 3;
    cr_assert(eq(str, (char *)described(&packet.frame),
                 "packet slot 3 video track 0 pts 1.240000 dts -0.040001 key 100 bytes"));
}

Test(dump, describes_missing_times)
{
    struct limef_packet_frame packet = make_audio_packet(LIMEF_NO_TIME);

    cr_assert(eq(str, (char *)described(&packet.frame),
                 "packet slot 0 audio track 1 pts none dts none key 100 bytes"));
}

Test(dump, describes_a_picture_a_codec_and_a_signal)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);
    AVFrame *av = make_picture(AV_PIX_FMT_YUV420P, 64, 48, 1);
    struct limef_decoded_frame picture = make_decoded(av, 0);
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 5);

    strcpy(end.text, "it is over");
    cr_assert(eq(str, (char *)described(&picture.frame),
                 "decoded slot 0 video track 0 pts 0.000000 64x48 yuv420p"));
    cr_assert(eq(str, (char *)described(&codec.frame), "codec slot 0 video track 0 h264 320x240"));
    cr_assert(
        eq(str, (char *)described(&end.frame), "signal slot 0 end value 5 code 0 \"it is over\""));
    av_frame_free(&av);
    limef_payload_unref(codec.frame.payload);
    limef_pool_release(pool);
}

Test(dump, cuts_to_what_fits)
{
    struct limef_packet_frame packet = make_packet(0, 0);
    char small[8] = "xxxxxxx";

    limef_frame_describe(&packet.frame, small, sizeof(small));
    cr_assert(eq(str, small, "packet "));
    limef_frame_describe(&packet.frame, small, 1);
    cr_assert(eq(str, small, ""));
}

Test(dump, by_itself_speaks_to_the_log_at_level_info_and_passes_on)
{
    static struct limef_dump_filter dump = {.filter =
                                                LIMEF_FILTER(&limef_dump_ops, "cam", &sink.filter)};
    struct limef_packet_frame packet = make_packet(0, 0);

    limef_log_set_sink(keep_log, NULL);
    limef_log_set_level(LIMEF_LOG_INFO);
    limef_go(&dump.filter, &packet.frame);
    cr_assert(eq(int, last_level, LIMEF_LOG_INFO));
    cr_assert(eq(str, last_name, "cam"));
    cr_assert(eq(u64, sink.n_frames, 1));
}

Test(dump, speaks_to_a_callback)
{
    struct limef_dump_filter dump = {0};
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    limef_dump_filter_init(&dump, "d", keep_line, NULL, NULL);
    limef_connect(&dump.filter, &sink.filter);
    limef_go(&dump.filter, &end.frame);
    cr_assert(eq(str, last_line, "signal slot 0 end value 0 code 0"));
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_SIGNAL), 1));
    limef_filter_clear(&dump.filter);
    limef_filter_clear(&dump.filter);
}

Test(dump, writes_to_a_file)
{
    struct limef_dump_filter dump = {0};
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);
    char *text = NULL;
    size_t n = 0;
    FILE *file = open_memstream(&text, &n);

    limef_dump_filter_init(&dump, "d", NULL, NULL, file);
    limef_go(&dump.filter, &end.frame);
    fclose(file);
    cr_assert(eq(str, text, "d: signal slot 0 end value 0 code 0\n"));
    free(text);
}

Test(dump, allocates_nothing_per_frame)
{
    struct limef_dump_filter dump = {0};
    struct limef_packet_frame packet = make_packet(0, 0);
    uint64_t before = limef_memory_n_allocations();

    limef_dump_filter_init(&dump, "d", keep_line, NULL, NULL);
    for (int i = 0; i < 1000; i++)
        limef_go(&dump.filter, &packet.frame);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
}
