/* SPDX-License-Identifier: MIT */
#include <limef/filter/file_source.h>

#include "support/make_media.h"
#include "support/play.h"
#include "support/silence.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <string.h>
#include <unistd.h>

#define FRAME_US 40000

static struct play play;
static const struct limef_decode_settings one_thread = {.n_threads = 1};

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

TestSuite(file_source_seek, .init = set_up, .fini = media_remove, .timeout = 30);

static struct limef_file_source_settings fastest(const char *url)
{
    return (struct limef_file_source_settings){.url = url, .pace = LIMEF_PACE_FASTEST};
}

static const struct play_note *picture(unsigned n)
{
    return play_nth(&play, LIMEF_FRAME_DECODED, n);
}

/* Seeks in each kind of container, and looks at the first picture that comes. */
static void seek_and_expect(const char *name, int b_frames, int code, int to, int number)
{
    struct limef_file_source_settings settings =
        fastest(media_make(name, &(struct media){.n_pictures = 60, .b_frames = b_frames}));
    int64_t first_us;

    play_init(&play, &settings, &one_thread);
    play_until(&play, 30);
    first_us = picture(0)->frame.pts_us;
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_SEEK, code, first_us + to * FRAME_US, 99);
    play_run(&play);
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->signal, LIMEF_SIGNAL_FLUSH));
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->serial, 99));
    cr_assert(eq(int, picture(0)->number, number % 32), "%s", name);
    cr_assert(eq(i64, picture(0)->frame.pts_us, first_us + number * FRAME_US), "%s", name);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), (unsigned)(60 - number)), "%s",
              name);
    play_clear(&play);
}

Test(file_source_seek, to_a_key_frame_goes_to_the_one_before)
{
    seek_and_expect("a.mp4", 0, 0, 27, 20);
    seek_and_expect("a.mkv", 0, 0, 27, 20);
    seek_and_expect("b.mp4", 2, 0, 27, 20);
    seek_and_expect("b.mkv", 2, 0, 27, 20);
}

Test(file_source_seek, without_an_index_it_goes_to_some_key_frame_before)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.ts", &(struct media){.n_pictures = 60, .b_frames = 2}));

    play_init(&play, &settings, &one_thread);
    play_until(&play, 5);
    for (int to = 59; to >= 0; to -= 7) {
        play_forget(&play);
        play_signal(&play, LIMEF_SIGNAL_SEEK, 0,
                    limef_file_source_start_us(&play.file) + to * FRAME_US, 0);
        play_run(&play);
        cr_assert(le(int, picture(0)->number, to), "to %d", to);
        cr_assert(eq(int, (60 - (int)play_count(&play, LIMEF_FRAME_DECODED)) % 10, 0), "to %d", to);
    }
    play_clear(&play);
}

Test(file_source_seek, exactly_goes_to_the_picture)
{
    seek_and_expect("a.mp4", 0, 1, 27, 27);
    seek_and_expect("a.mkv", 0, 1, 27, 27);
    seek_and_expect("a.ts", 0, 1, 27, 27);
    seek_and_expect("b.mp4", 2, 1, 27, 27);
    seek_and_expect("b.mkv", 2, 1, 27, 27);
    seek_and_expect("b.ts", 2, 1, 27, 27);
    seek_and_expect("b.mp4", 2, 1, 40, 40);
    seek_and_expect("b.mp4", 2, 1, 0, 0);
    seek_and_expect("b.ts", 2, 1, 59, 59);
}

Test(file_source_seek, backward_works_as_forward)
{
    seek_and_expect("a.mp4", 0, 1, 3, 3);
    seek_and_expect("b.ts", 2, 1, 3, 3);
}

/* Whether a packet of sound came that is heard at a time. */
static bool has_sound_of(int64_t us)
{
    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++) {
        const struct limef_frame *frame = &play_nth(&play, LIMEF_FRAME_PACKET, i)->frame;

        /* Matroska's times are whole milliseconds */
        if (frame->media == LIMEF_MEDIA_AUDIO && frame->pts_us <= us &&
            frame->pts_us + frame->duration_us + 1000 > us)
            return true;
    }
    return false;
}

/* The first packet with a picture. */
static const struct limef_frame *first_picture(void)
{
    unsigned n = 0;

    while (play_nth(&play, LIMEF_FRAME_PACKET, n)->frame.media == LIMEF_MEDIA_AUDIO)
        n++;
    return &play_nth(&play, LIMEF_FRAME_PACKET, n)->frame;
}

/* code 1: exactly; 0: of the key frame, without an index of an earlier one maybe. */
static void expect_sound_of_each_picture(const char *name, const struct media *media, int code)
{
    struct limef_file_source_settings settings = fastest(media_make(name, media));
    int gop = media->gop ? media->gop : 10;
    int64_t begins_us;

    play_init(&play, &settings, &one_thread);
    play_until(&play, 1);
    begins_us = picture(0)->frame.pts_us;
    play_clear(&play);
    play_init(&play, &settings, NULL);
    for (int to = 0; to < media->n_pictures; to++) {
        int64_t key_us = begins_us + to / gop * gop * FRAME_US;

        play_forget(&play);
        play_signal(&play, LIMEF_SIGNAL_SEEK, code, begins_us + to * FRAME_US, 0);
        cr_assert(eq(int, play_run(&play), AVERROR_EOF));
        cr_assert(first_picture()->flags & LIMEF_FRAME_KEY, "%s: %d", name, to);
        if (!code && strcmp(name, "a.ts") != 0)
            cr_assert(eq(i64, first_picture()->pts_us, key_us), "%s: %d", name, to);
        cr_assert(le(i64, first_picture()->pts_us, key_us), "%s: %d", name, to);
        cr_assert(has_sound_of(code ? begins_us + to * FRAME_US : first_picture()->pts_us),
                  "%s: %d", name, to);
    }
    play_clear(&play);
}

static void expect_sound_in_each_container(int code)
{
    struct media media = {.n_pictures = 40, .raw_audio = true};

    expect_sound_of_each_picture("a.mkv", &media, code);
    expect_sound_of_each_picture("a.mov", &media, code);
    media.gop = 1;
    expect_sound_of_each_picture("b.mkv", &media, code);
    media = (struct media){.n_pictures = 40, .audio = true};
    expect_sound_of_each_picture("a.mp4", &media, code);
    expect_sound_of_each_picture("c.mkv", &media, code);
    expect_sound_of_each_picture("a.ts", &media, code);
}

Test(file_source_seek, exactly_has_the_sound_of_the_picture_as_well)
{
    expect_sound_in_each_container(1);
}

Test(file_source_seek, to_a_key_frame_has_its_sound_as_well)
{
    expect_sound_in_each_container(0);
}

Test(file_source_seek, what_an_exact_seek_drops_is_counted)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.n_pictures = 40}));
    struct limef_decode_counters counters;

    play_init(&play, &settings, &one_thread);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, 25 * FRAME_US, 0);
    play_run(&play);
    limef_decode_get_counters(&play.decode, &counters);
    cr_assert(eq(int, picture(0)->number, 25));
    cr_assert(gt(u64, counters.n_dropped_seek, 0));
    cr_assert(le(u64, counters.n_dropped_seek, 5));
    play_clear(&play);
}

Test(file_source_seek, works_after_the_end)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.audio = true}));

    play_init(&play, &settings, &one_thread);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, 20 * FRAME_US, 1);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 5));
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_END)->signal, LIMEF_SIGNAL_END));
    /* nothing describes the codec again: it did not change */
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.n_codec_changes), 1));
    play_clear(&play);
}

Test(file_source_seek, far_behind_the_end_ends_and_can_come_back)
{
    struct limef_file_source_settings settings = fastest(media_make("a.mp4", &(struct media){0}));

    play_init(&play, &settings, &one_thread);
    play_until(&play, 2);
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, INT64_C(1000000000), 1);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, 0, 2);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    play_clear(&play);
}

Test(file_source_seek, that_fails_is_answered_with_start_and_plays_on)
{
    struct limef_file_source_settings settings;
    char url[32];
    size_t size;
    unsigned char *bytes = media_read(media_make("a.ts", &(struct media){.n_pictures = 20}), &size);
    int ends[2];

    cr_assert(eq(int, pipe(ends), 0));
    cr_assert(lt(ulong, size, 60000)); /* a pipe holds 65536 */
    cr_assert(eq(int, (int)write(ends[1], bytes, size), (int)size));
    close(ends[1]);
    snprintf(url, sizeof(url), "pipe:%d", ends[0]);
    settings = fastest(url);
    settings.options = "format=mpegts";
    play_init(&play, &settings, &one_thread);
    play_until(&play, 5);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 5));
    play_forget(&play);
    limef_log_set_sink(log_to_nobody, NULL);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, limef_file_source_start_us(&play.file) + 5 * FRAME_US,
                7);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    limef_log_set_sink(NULL, NULL);
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_START)->serial, 7));
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->signal, LIMEF_SIGNAL_NONE));
    /* libavformat may have gone back in its buffer while it tried */
    cr_assert(ge(uint, play_count(&play, LIMEF_FRAME_DECODED), 15));
    play_clear(&play);
    close(ends[0]);
    free(bytes);
}

Test(file_source_seek, start_is_exact_and_from_the_beginning_of_the_file)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.ts", &(struct media){.n_pictures = 50, .b_frames = 2}));

    settings.start_us = 23 * FRAME_US;
    play_init(&play, &settings, &one_thread);
    play_run(&play);
    cr_assert(eq(int, picture(0)->number, 23));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 27));
    play_clear(&play);
}

/* Plays three times over; every picture must be one step behind the one before. */
static void loop_and_expect(const char *name, const struct media *media, int64_t start_us)
{
    struct limef_file_source_settings settings = fastest(media_make(name, media));
    unsigned first = (unsigned)(start_us / FRAME_US), n_each = 25 - first;

    settings.n_loops = 2;
    settings.start_us = start_us;
    play_init(&play, &settings, &one_thread);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 3 * n_each), "%s", name);
    for (unsigned i = 0; i < 3 * n_each; i++) {
        cr_assert(eq(int, picture(i)->number, (int)(first + i % n_each)), "%s %u", name, i);
        if (i > 0)
            cr_assert(eq(i64, picture(i)->frame.pts_us - picture(i - 1)->frame.pts_us, FRAME_US),
                      "%s %u", name, i);
    }
    /* one END, at the end */
    cr_assert(eq(u32, play.end.notes[play.end.n_notes - 1].signal, LIMEF_SIGNAL_END));
    cr_assert(eq(ptr, (void *)play_signal_note(&play, LIMEF_SIGNAL_END),
                 &play.end.notes[play.end.n_notes - 1]));
    cr_assert(eq(u64, LIMEF_COUNTED(play.file.n_loops), 2));
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.n_codec_changes), 1));
    play_clear(&play);
}

Test(file_source_seek, a_loop_has_no_gap)
{
    loop_and_expect("a.mp4", &(struct media){0}, 0);
    loop_and_expect("b.mp4", &(struct media){.b_frames = 2}, 0);
    loop_and_expect("b.mkv", &(struct media){.b_frames = 2}, 0);
    loop_and_expect("b.ts", &(struct media){.b_frames = 2}, 0);
}

/* Where a pass begins has not been read by then. */
static void seek_first_and_expect_no_gap(const char *name, const struct media *media)
{
    struct limef_file_source_settings settings = fastest(media_make(name, media));

    settings.n_loops = 2;
    play_init(&play, &settings, &one_thread);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, 13 * FRAME_US, 1);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(int, picture(0)->number, 13), "%s", name);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 12 + 2 * 25), "%s", name);
    for (unsigned i = 1; i < 12 + 2 * 25; i++)
        cr_assert(eq(i64, picture(i)->frame.pts_us - picture(i - 1)->frame.pts_us, FRAME_US),
                  "%s %u", name, i);
    play_clear(&play);
}

Test(file_source_seek, a_loop_has_no_gap_behind_a_seek_that_came_before_the_first_packet)
{
    seek_first_and_expect_no_gap("a.mp4", &(struct media){0});
    seek_first_and_expect_no_gap("b.mkv", &(struct media){.b_frames = 2});
    seek_first_and_expect_no_gap("a.mjpeg", &(struct media){.codec = "mjpeg"});
}

Test(file_source_seek, a_loop_begins_where_it_was_told_to_start)
{
    loop_and_expect("a.mp4", &(struct media){0}, 13 * FRAME_US);
    loop_and_expect("b.mp4", &(struct media){.b_frames = 2}, 13 * FRAME_US);
    loop_and_expect("b.ts", &(struct media){.b_frames = 2}, 13 * FRAME_US);
    loop_and_expect("a.mjpeg", &(struct media){.codec = "mjpeg"}, 13 * FRAME_US);
}

/* Raw pictures one after another: libavformat's index of them leads into their middle. */
Test(file_source_seek, what_has_times_by_counting_is_counted_again)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mjpeg", &(struct media){.codec = "mjpeg"}));

    play_init(&play, &settings, &one_thread);
    cr_assert(eq(int, play_until(&play, 20), 0));
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 0, 7 * FRAME_US, 1);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 18));
    for (unsigned i = 0; i < 18; i++)
        cr_assert(eq(int, picture(i)->number, (int)(7 + i)));
    play_clear(&play);
}

Test(file_source_seek, a_seek_is_a_discontinuity_and_a_repetition_is_none)
{
    struct limef_file_source_settings settings = fastest(media_make("a.mp4", &(struct media){0}));

    settings.n_loops = 1;
    play_init(&play, &settings, NULL);
    play_run(&play);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 50));
    for (unsigned i = 0; i < 50; i++) {
        const struct limef_frame *frame = &play_nth(&play, LIMEF_FRAME_PACKET, i)->frame;

        cr_assert(eq(u32, frame->flags & LIMEF_FRAME_DISCONTINUITY, 0));
        cr_assert(eq(i64, frame->pts_us, i * FRAME_US));
    }
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 0, 0, 0);
    play_run(&play);
    for (unsigned i = 0; i < 25; i++) {
        const struct limef_frame *frame = &play_nth(&play, LIMEF_FRAME_PACKET, i)->frame;

        cr_assert(eq(int, !!(frame->flags & LIMEF_FRAME_DISCONTINUITY), i == 0));
    }
    play_clear(&play);
}

Test(file_source_seek, with_sound_a_loop_waits_for_the_longest_track)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.audio = true}));
    int64_t last_us[2] = {LIMEF_NO_TIME, LIMEF_NO_TIME};

    settings.n_loops = 2;
    play_init(&play, &settings, NULL);
    play_run(&play);
    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++) {
        const struct limef_frame *frame = &play_nth(&play, LIMEF_FRAME_PACKET, i)->frame;

        cr_assert(gt(i64, frame->pts_us, last_us[frame->track]));
        last_us[frame->track] = frame->pts_us;
    }
    play_clear(&play);
}

Test(file_source_seek, streams_without_times_loop_as_well)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.h264", &(struct media){.format = "h264"}));

    if (!avcodec_find_encoder_by_name("libx264"))
        cr_skip("no H.264 encoder");
    settings.n_loops = 2;
    play_init(&play, &settings, &one_thread);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 75));
    play_clear(&play);
}

Test(file_source_seek, streams_without_times_play_on_where_a_seek_fails)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.h264", &(struct media){.format = "h264"}));

    if (!avcodec_find_encoder_by_name("libx264"))
        cr_skip("no H.264 encoder");
    limef_log_set_sink(log_to_nobody, NULL);
    settings.start_us = 5 * FRAME_US;
    play_init(&play, &settings, &one_thread);
    play_until(&play, 5);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, 20 * FRAME_US, 3);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->signal, LIMEF_SIGNAL_NONE));
    play_clear(&play);
    limef_log_set_sink(NULL, NULL);
}
