/* SPDX-License-Identifier: MIT */
#include <limef/filter/writer.h>

#include "support/failing.h"
#include "support/frames.h"
#include "support/make_media.h"
#include "support/play.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct play play;
static struct limef_writer_filter writer;
static unsigned n_logged;

static void note_log(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)name;
    (void)line;
    n_logged += level == LIMEF_LOG_ERROR;
}

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(note_log, NULL);
}

static void tear_down(void)
{
    limef_filter_clear(&writer.filter);
    media_remove();
}

TestSuite(writer, .init = set_up, .fini = tear_down, .timeout = 30);

static void init(const struct limef_writer_settings *settings)
{
    cr_assert(eq(int, limef_writer_filter_init(&writer, NULL, settings), 0));
}

/* Copies the packets of a clip. */
static void copy(const char *from, const struct limef_writer_settings *settings)
{
    init(settings);
    play_init(&play, &(struct limef_file_source_settings){.url = from, .pace = LIMEF_PACE_FASTEST},
              NULL);
    limef_connect(&play.file.source.filter, &writer.filter);
    limef_connect(&writer.filter, &play.end.filter);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
}

/* Plays a file whole. Returns the number of its pictures, which must be 0, 1, 2, ... at 25 fps. */
static unsigned count_pictures(const char *path)
{
    unsigned n;

    play_init(&play, &(struct limef_file_source_settings){.url = path, .pace = LIMEF_PACE_FASTEST},
              &(struct limef_decode_settings){.n_threads = 1});
    cr_assert(eq(int, play_run(&play), AVERROR_EOF), "%s", path);
    n = play_count(&play, LIMEF_FRAME_DECODED);
    for (unsigned i = 0; i < n; i++) {
        const struct play_note *note = play_nth(&play, LIMEF_FRAME_DECODED, i);
        const struct play_note *first = play_nth(&play, LIMEF_FRAME_DECODED, 0);

        cr_assert(eq(int, note->number, (int)(i % 32)));
        cr_assert(
            le(i64, llabs(note->frame.pts_us - first->frame.pts_us - (int64_t)i * 40000), 1000));
    }
    play_clear(&play);
    return n;
}

Test(writer, a_copy_plays_in_every_container)
{
    static const char *const names[] = {"out.mp4", "out.mkv", "out.ts", "out.flv", "out.mov"};
    const struct media clips[] = {{.b_frames = 0}, {.b_frames = 2}};

    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            struct limef_writer_counters counters;
            const char *from = media_make("from.mkv", &clips[c]);

            copy(from, &(struct limef_writer_settings){.path = media_path(names[i])});
            limef_writer_get_counters(&writer, &counters);
            cr_assert(eq(u64, counters.n_packets, 25));
            cr_assert(eq(u64, counters.n_files, 1));
            cr_assert(eq(u64, counters.n_errors, 0));
            cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 25));
            play_clear(&play);
            limef_filter_clear(&writer.filter);
            cr_assert(eq(uint, count_pictures(media_path(names[i])), 25), "%s", names[i]);
        }
    }
}

Test(writer, video_and_audio_are_tracks_of_one_file)
{
    const char *path = media_path("out.mkv");

    copy(media_make("from.mp4", &(struct media){.audio = true, .rotation_degrees = 90}),
         &(struct limef_writer_settings){.path = path, .n_tracks = 2});
    play_clear(&play);
    play_init(&play, &(struct limef_file_source_settings){.url = path, .pace = LIMEF_PACE_FASTEST},
              NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_CODEC), 2));
    cr_assert(gt(uint, play_count(&play, LIMEF_FRAME_PACKET), 60));
    play_clear(&play);
}

Test(writer, a_turned_picture_stays_turned)
{
    const char *path = media_path("out.mp4");

    copy(media_make("from.mp4", &(struct media){.rotation_degrees = 90}),
         &(struct limef_writer_settings){.path = path});
    play_clear(&play);
    play_init(&play, &(struct limef_file_source_settings){.url = path, .pace = LIMEF_PACE_FASTEST},
              &(struct limef_decode_settings){.n_threads = 1});
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(int, play_nth(&play, LIMEF_FRAME_DECODED, 0)->rotation_degrees, 90));
    play_clear(&play);
}

/* Frames by hand: a codec frame and packets whose bytes mean nothing. */
static struct limef_pool *codecs;

static int give_codec(int width)
{
    struct limef_codec_frame codec = make_codec(codecs, width, 48);
    int ret;

    ((AVCodecParameters *)codec.parameters)->codec_id = AV_CODEC_ID_MJPEG;
    ret = limef_go(&writer.filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
    return ret;
}

static int give_packet(int64_t us, uint32_t flags)
{
    struct limef_packet_frame packet = make_packet(us, flags);

    packet.frame.duration_us = 40000;
    return limef_go(&writer.filter, &packet.frame);
}

static int give_signal(uint32_t signal)
{
    struct limef_signal_frame frame = make_signal(signal, LIMEF_NO_TIME);

    return limef_go(&writer.filter, &frame.frame);
}

static void begin(const struct limef_writer_settings *settings)
{
    codecs = limef_pool_create(LIMEF_FRAME_CODEC);
    init(settings);
    cr_assert(eq(int, give_codec(64), 0));
}

/* Times of the packets in a file. */
static unsigned read_times(const char *path, int64_t *times_us, unsigned max)
{
    unsigned n;

    play_init(&play, &(struct limef_file_source_settings){.url = path, .pace = LIMEF_PACE_FASTEST},
              NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    n = play_count(&play, LIMEF_FRAME_PACKET);
    for (unsigned i = 0; i < n && i < max; i++)
        times_us[i] = play_nth(&play, LIMEF_FRAME_PACKET, i)->frame.pts_us;
    play_clear(&play);
    return n;
}

Test(writer, it_begins_with_a_key_frame_at_time_0)
{
    struct limef_writer_counters counters;
    const char *path = media_path("out.mkv");
    int64_t times_us[4];

    begin(&(struct limef_writer_settings){.path = path});
    give_packet(5000000, 0);
    give_packet(5040000, LIMEF_FRAME_KEY);
    give_packet(5080000, 0);
    give_signal(LIMEF_SIGNAL_END);
    limef_writer_get_counters(&writer, &counters);
    cr_assert(eq(u64, counters.n_waited, 1));
    cr_assert(eq(u64, counters.n_packets, 2));
    cr_assert(eq(u64, counters.n_bytes, 200));
    cr_assert(eq(uint, read_times(path, times_us, 4), 2));
    cr_assert(eq(i64, times_us[0], 0));
    cr_assert(eq(i64, times_us[1], 40000));
    limef_pool_release(codecs);
}

Test(writer, leaves_out_what_is_behind_a_gap_up_to_a_key_frame)
{
    struct limef_writer_counters counters;
    const char *path = media_path("out.mkv");
    struct limef_signal_frame gap;
    int64_t times_us[8];

    begin(&(struct limef_writer_settings){.path = path});
    give_packet(1000000, LIMEF_FRAME_KEY);
    give_packet(1040000, 0);
    limef_signal_frame_set(&gap, LIMEF_SIGNAL_GAP, 7, NULL); /* another camera's */
    limef_go(&writer.filter, &gap.frame);
    give_packet(1080000, 0);
    give_signal(LIMEF_SIGNAL_GAP);
    give_packet(1160000, 0);
    give_packet(1200000, LIMEF_FRAME_KEY);
    give_packet(1240000, 0);
    give_signal(LIMEF_SIGNAL_END);
    limef_writer_get_counters(&writer, &counters);
    cr_assert(eq(u64, counters.n_waited, 1));
    cr_assert(eq(uint, read_times(path, times_us, 8), 5));
    cr_assert(eq(i64, times_us[2], 80000));
    cr_assert(eq(i64, times_us[3], 200000));
    limef_pool_release(codecs);
}

Test(writer, times_never_go_back_and_flush_goes_on_at_the_end)
{
    struct limef_writer_counters counters;
    const char *path = media_path("out.mkv");
    int64_t times_us[8];

    begin(&(struct limef_writer_settings){.path = path});
    give_packet(1000000, LIMEF_FRAME_KEY);
    give_packet(1040000, 0);
    give_packet(1040000, 0);
    give_packet(LIMEF_NO_TIME, 0);
    give_signal(LIMEF_SIGNAL_FLUSH);
    give_packet(90000000, LIMEF_FRAME_KEY);
    give_packet(90040000, 0);
    give_signal(LIMEF_SIGNAL_STOP);
    limef_writer_get_counters(&writer, &counters);
    cr_assert(eq(u64, counters.n_times_fixed, 2));
    cr_assert(eq(uint, read_times(path, times_us, 8), 6));
    for (int i = 1; i < 6; i++) {
        cr_assert(gt(i64, times_us[i], times_us[i - 1]));
        cr_assert(le(i64, times_us[i] - times_us[i - 1], 81000));
    }
    limef_pool_release(codecs);
}

Test(writer, another_codec_is_another_file)
{
    struct limef_writer_counters counters;
    int64_t times_us[4];

    begin(&(struct limef_writer_settings){.path = media_path("out-%n.mkv")});
    give_packet(0, LIMEF_FRAME_KEY);
    give_codec(64); /* the same again */
    give_packet(40000, LIMEF_FRAME_KEY);
    give_codec(128);
    give_packet(80000, LIMEF_FRAME_KEY);
    limef_filter_clear(&writer.filter);
    cr_assert(eq(uint, read_times(media_path("out-001.mkv"), times_us, 4), 2));
    cr_assert(eq(uint, read_times(media_path("out-002.mkv"), times_us, 4), 1));
    cr_assert(eq(i64, times_us[0], 0));

    n_logged = 0;
    init(&(struct limef_writer_settings){.path = media_path("one.mkv")});
    give_codec(64);
    give_packet(0, LIMEF_FRAME_KEY);
    give_codec(128);
    cr_assert(eq(int, give_packet(40000, LIMEF_FRAME_KEY), AVERROR(EEXIST)));
    cr_assert(eq(int, give_packet(80000, LIMEF_FRAME_KEY), 0));
    cr_assert(eq(uint, n_logged, 1));
    limef_writer_get_counters(&writer, &counters);
    cr_assert(eq(u64, counters.n_errors, 2));
    limef_filter_clear(&writer.filter);
    cr_assert(eq(uint, read_times(media_path("one.mkv"), times_us, 4), 1));
    limef_pool_release(codecs);
}

Test(writer, other_slots_and_late_tracks_are_ignored_and_counted)
{
    struct limef_writer_counters counters;
    struct limef_packet_frame audio = make_audio_packet(0), other = make_packet(0, 1);
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    begin(&(struct limef_writer_settings){.path = media_path("out.mkv")});
    give_packet(0, LIMEF_FRAME_KEY);
    end.frame.slot = other.frame.slot = 7;
    limef_go(&writer.filter, &end.frame); /* another slot's END is not this file's */
    cr_assert(eq(int, limef_go(&writer.filter, &other.frame), 0));
    cr_assert(eq(int, limef_go(&writer.filter, &audio.frame), 0));
    limef_writer_get_counters(&writer, &counters);
    cr_assert(eq(u64, counters.n_ignored, 2));
    give_packet(40000, 0);
    limef_writer_get_counters(&writer, &counters);
    cr_assert(eq(u64, counters.n_packets, 2));
    cr_assert(eq(u64, counters.n_errors, 0));
    limef_pool_release(codecs);
}

Test(writer, a_full_disk_is_said_once_and_counted)
{
    struct limef_writer_counters counters;
    int failed = 0;

    if (access("/dev/full", W_OK) < 0)
        cr_skip_test("no /dev/full");
    begin(&(struct limef_writer_settings){.path = "/dev/full", .format = "matroska"});
    n_logged = 0;
    for (int n = 0; n < 8000; n++)
        failed += give_packet(n * 40000, LIMEF_FRAME_KEY) < 0;
    give_signal(LIMEF_SIGNAL_END);
    limef_writer_get_counters(&writer, &counters);
    cr_assert(eq(int, failed, 1));
    cr_assert(gt(u64, counters.n_errors, 100));
    cr_assert(eq(uint, n_logged, 1));
    limef_pool_release(codecs);
}

Test(writer, what_cannot_be_written_is_refused)
{
    struct limef_writer_filter refused = {0};
    const struct limef_writer_settings cases[] = {
        {.path = NULL},
        {.path = "out.no_such_container"},
        {.path = "out.mkv", .format = "no such"},
        {.path = "out.mkv", .options = "nothing"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(eq(int, limef_writer_filter_init(&refused, NULL, &cases[i]), AVERROR(EINVAL)));
        cr_assert(eq(ptr, (void *)refused.filter.ops, NULL));
    }
    begin(&(struct limef_writer_settings){.path = "/no/such/folder/out.mkv"});
    n_logged = 0;
    cr_assert(eq(int, give_packet(0, LIMEF_FRAME_KEY), AVERROR(ENOENT)));
    cr_assert(eq(int, give_packet(1, LIMEF_FRAME_KEY), 0));
    cr_assert(eq(uint, n_logged, 1));
    limef_pool_release(codecs);
}

Test(writer, in_steady_state_limef_allocates_nothing)
{
    uint64_t before;

    begin(&(struct limef_writer_settings){.path = media_path("out.mkv")});
    for (int n = 0; n < 10; n++)
        give_packet(n * 40000, LIMEF_FRAME_KEY);
    before = limef_memory_n_allocations();
    for (int n = 10; n < 100; n++)
        give_packet(n * 40000, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    limef_pool_release(codecs);
}
