/* SPDX-License-Identifier: MIT */
#include <limef/filter/file_source.h>

#include "support/failing.h"
#include "support/kept_log.h"
#include "support/make_media.h"
#include "support/play.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_US 40000

static struct play play;
static struct kept_log logged = {.level = LIMEF_LOG_ERROR};

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(keep_log, &logged);
}

static void tear_down(void)
{
    limef_log_set_sink(NULL, NULL);
    media_remove();
}

TestSuite(file_source, .init = set_up, .fini = tear_down, .timeout = 30);

static struct limef_file_source_settings fastest(const char *url)
{
    return (struct limef_file_source_settings){.url = url, .slot = 7, .pace = LIMEF_PACE_FASTEST};
}

static const struct play_note *packet(unsigned n)
{
    return play_nth(&play, LIMEF_FRAME_PACKET, n);
}

/* Plays what cannot be played, and expects one line, one END, and the code. */
static void expect_failure(struct limef_file_source_settings settings, int code)
{
    const struct play_note *end;

    logged.n = 0;
    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    end = play_signal_note(&play, LIMEF_SIGNAL_END);
    cr_assert(eq(u32, end->signal, LIMEF_SIGNAL_END));
    cr_assert(eq(int, end->code, code));
    cr_assert(ne(int, end->text[0], 0));
    cr_assert(eq(uint, logged.n, 1));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 0));
    /* and it stays so */
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, logged.n, 1));
    play_clear(&play);
}

Test(file_source, passes_start_then_codecs_then_packets_then_end)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.audio = true}));
    struct limef_file_source_counters counters;
    bool described[2] = {false, false};

    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(u32, play.end.notes[0].signal, LIMEF_SIGNAL_START));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_CODEC), 2));
    for (unsigned i = 0; i < play.end.n_notes; i++) {
        const struct play_note *note = &play.end.notes[i];

        cr_assert(eq(u32, note->frame.slot, 7));
        if (note->frame_class == LIMEF_FRAME_CODEC)
            described[note->frame.track] = true;
        if (note->frame_class == LIMEF_FRAME_PACKET)
            cr_assert(described[note->frame.track]);
    }
    cr_assert(eq(u32, play.end.notes[play.end.n_notes - 1].signal, LIMEF_SIGNAL_END));
    cr_assert(eq(int, play.end.notes[play.end.n_notes - 1].code, 0));
    cr_assert(eq(str, play.end.notes[play.end.n_notes - 1].text, "end of file"));
    limef_file_source_get_counters(&play.file, &counters);
    cr_assert(eq(u64, counters.n_video, 25));
    cr_assert(gt(u64, counters.n_packets, 25));
    play_clear(&play);
}

Test(file_source, packets_carry_times_kind_and_key)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.gop = 10, .n_pictures = 25}));
    struct limef_file_source_counters counters;

    play_init(&play, &settings, NULL);
    play_run(&play);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 25));
    for (unsigned i = 0; i < 25; i++) {
        const struct limef_frame *frame = &packet(i)->frame;

        cr_assert(eq(i64, frame->pts_us, i * FRAME_US));
        cr_assert(eq(i64, frame->duration_us, FRAME_US));
        cr_assert(gt(i64, frame->entered_us, 0));
        cr_assert(eq(u16, frame->media, LIMEF_MEDIA_VIDEO));
        cr_assert(eq(int, !!(frame->flags & LIMEF_FRAME_KEY), i % 10 == 0));
        cr_assert(eq(u32, frame->flags & (LIMEF_FRAME_LIVE | LIMEF_FRAME_DISCONTINUITY), 0));
        cr_assert(ne(ptr, frame->payload, NULL));
    }
    limef_file_source_get_counters(&play.file, &counters);
    cr_assert(eq(u64, counters.n_packets, 25));
    cr_assert(gt(u64, counters.n_bytes, 0));
    cr_assert(eq(i64, limef_file_source_duration_us(&play.file), 25 * FRAME_US));
    cr_assert(eq(i64, limef_file_source_position_us(&play.file), 24 * FRAME_US));
    play_clear(&play);
}

Test(file_source, gives_only_the_media_asked_for)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.audio = true}));

    settings.media = LIMEF_MEDIA_AUDIO;
    play_init(&play, &settings, NULL);
    play_run(&play);
    cr_assert(gt(uint, play_count(&play, LIMEF_FRAME_PACKET), 30));
    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++)
        cr_assert(eq(u16, packet(i)->frame.media, LIMEF_MEDIA_AUDIO));
    play_clear(&play);

    settings.media = LIMEF_MEDIA_VIDEO;
    play_init(&play, &settings, NULL);
    play_run(&play);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 25));
    play_clear(&play);
}

Test(file_source, media_that_is_not_there_is_an_error)
{
    struct limef_file_source_settings settings = fastest(media_make("a.mp4", &(struct media){0}));

    settings.media = LIMEF_MEDIA_AUDIO;
    expect_failure(settings, AVERROR_STREAM_NOT_FOUND);
}

Test(file_source, opens_nothing_before_its_first_step)
{
    struct limef_file_source_settings settings = fastest("/nowhere/at all.mp4");

    play_init(&play, &settings, NULL);
    cr_assert(eq(uint, play.end.n_notes, 0));
    cr_assert(eq(uint, logged.n, 0));
    play_clear(&play);
}

Test(file_source, without_a_url_init_fails)
{
    struct limef_file_source file = {0};

    cr_assert(eq(int, limef_file_source_init(&file, NULL, &(struct limef_file_source_settings){0}),
                 AVERROR(EINVAL)));
    cr_assert(eq(ptr, (void *)file.source.filter.ops, NULL));
    limef_filter_clear(&file.source.filter);
}

Test(file_source, a_missing_file_ends_with_its_code)
{
    expect_failure(fastest(media_path("missing.mp4")), AVERROR(ENOENT));
    cr_assert(ne(ptr, strstr(logged.line, "missing.mp4: No such file or directory; check the name"),
                 NULL));
}

Test(file_source, a_folder_is_said_to_be_one)
{
    expect_failure(fastest(media_folder()), AVERROR(EISDIR));
    cr_assert(ne(ptr, strstr(logged.line, "Is a directory; name a file in it"), NULL));
}

Test(file_source, the_log_hides_user_and_password)
{
    struct limef_file_source_settings settings = fastest("http://me:secret@127.0.0.1:1/x");

    play_init(&play, &settings, NULL);
    play_run(&play);
    cr_assert(eq(uint, logged.n, 1));
    cr_assert(eq(ptr, strstr(logged.line, "secret"), NULL));
    cr_assert(ne(ptr, strstr(logged.line, "***@127.0.0.1"), NULL));
    play_clear(&play);
}

Test(file_source, an_empty_file_is_an_error)
{
    expect_failure(fastest(media_write("empty.mp4", "", 0)), AVERROR_INVALIDDATA);
}

Test(file_source, a_file_that_is_no_video_is_an_error)
{
    expect_failure(fastest(media_write("text.mp4", "this is no video at all\n", 24)),
                   AVERROR_INVALIDDATA);
}

Test(file_source, a_directory_is_an_error)
{
    expect_failure(fastest(media_folder()), AVERROR(EISDIR));
}

Test(file_source, unknown_options_and_formats_are_said)
{
    struct limef_file_source_settings settings = fastest(media_make("a.mp4", &(struct media){0}));

    settings.options = "format=no such thing";
    expect_failure(settings, AVERROR_DEMUXER_NOT_FOUND);
    settings.options = "=:=";
    expect_failure(settings, AVERROR(EINVAL));
}

Test(file_source, a_pipe_that_nobody_writes_ends_by_deadline)
{
    const char *path = media_path("fifo");
    struct limef_file_source_settings settings = fastest(path);
    char url[4096];

    cr_assert(eq(int, mkfifo(path, 0600), 0));
    settings.timeout_us = 100000;
    expect_failure(settings, AVERROR(ETIMEDOUT));
    snprintf(url, sizeof(url), "file:%s", path);
    settings.url = url;
    expect_failure(settings, AVERROR(ETIMEDOUT));
}

Test(file_source, a_pipe_that_stops_in_the_middle_ends_by_deadline)
{
    struct limef_file_source_settings settings;
    char url[32];
    size_t size;
    unsigned char *bytes = media_read(media_make("a.ts", &(struct media){.n_pictures = 50}), &size);
    int ends[2];

    cr_assert(eq(int, pipe(ends), 0));
    size = size > 60000 ? 60000 : size; /* a pipe holds 65536 */
    cr_assert(eq(int, (int)write(ends[1], bytes, size), (int)size));
    snprintf(url, sizeof(url), "pipe:%d", ends[0]);
    settings = fastest(url);
    settings.timeout_us = 1000000; /* enough to open it */
    settings.options = "format=mpegts:analyzeduration=100000:probesize=20000";
    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(int, play_signal_note(&play, LIMEF_SIGNAL_END)->code, AVERROR(ETIMEDOUT)));
    cr_assert(gt(uint, play_count(&play, LIMEF_FRAME_PACKET), 0));
    play_clear(&play);
    close(ends[0]);
    close(ends[1]);
    free(bytes);
}

Test(file_source, start_tries_again_after_a_failure)
{
    const char *path = media_path("late.mp4");
    struct limef_file_source_settings settings = fastest(path);

    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    media_make("late.mp4", &(struct media){0});
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_START, 0, 0, 0);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 25));
    play_clear(&play);
}

Test(file_source, what_is_behind_stops_it)
{
    struct limef_file_source_settings settings = fastest(media_make("a.mp4", &(struct media){0}));

    play_init(&play, &settings, NULL);
    play.end.exit_after = 10;
    cr_assert(eq(int, play_run(&play), AVERROR_EXIT));
    cr_assert(eq(uint, play.end.n_notes, 10));
    play_clear(&play);
}

Test(file_source, a_refused_packet_is_counted_and_the_next_one_comes)
{
    struct limef_file_source_settings settings = fastest(media_make("a.mp4", &(struct media){0}));
    struct limef_file_source_counters counters;

    play_init(&play, &settings, NULL);
    play.end.answer = AVERROR(EINVAL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    limef_file_source_get_counters(&play.file, &counters);
    cr_assert(eq(u64, counters.n_packets, 25));
    cr_assert(eq(u64, counters.n_refused, 25));
    play_clear(&play);
}

Test(file_source, natural_pace_lets_nothing_enter_early)
{
    struct limef_file_source_settings settings = {
        .url = media_make("a.mp4", &(struct media){.n_pictures = 10, .fps = 100})};
    int64_t began_us = limef_now_us();

    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(ge(i64, limef_now_us() - began_us, 9 * 10000));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 10));
    for (unsigned i = 0; i < 10; i++) /* what is read ahead enters when it is due */
        cr_assert(ge(i64, play_nth(&play, LIMEF_FRAME_PACKET, i)->frame.entered_us,
                     began_us + i * 10000));
    play_clear(&play);
}

Test(file_source, rate_and_n_fps_move_the_due_time)
{
    struct limef_file_source_settings settings = {.url = media_make("a.mp4", &(struct media){0}),
                                                  .pace = 1000}; /* one a second */
    int64_t due_us = 0, now_us = limef_now_us();

    play_init(&play, &settings, NULL);
    play_until(&play, 1);
    cr_assert(eq(int, play.file.source.step(&play.file.source, &due_us), AVERROR(EAGAIN)));
    cr_assert(gt(i64, due_us, now_us + 900000));
    play_clear(&play);

    settings.pace = LIMEF_PACE_NATURAL;
    play_init(&play, &settings, NULL);
    play_signal(&play, LIMEF_SIGNAL_RATE, 0, 10, 0); /* a hundredth */
    play_until(&play, 1);
    cr_assert(eq(int, play.file.source.step(&play.file.source, &due_us), AVERROR(EAGAIN)));
    cr_assert(gt(i64, due_us, now_us + 3000000));
    play_clear(&play);
}

Test(file_source, pause_holds_until_play)
{
    struct limef_file_source_settings settings = fastest(media_make("a.mp4", &(struct media){0}));

    play_init(&play, &settings, NULL);
    play_until(&play, 5);
    play_signal(&play, LIMEF_SIGNAL_PAUSE, 0, 0, 0);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 5));
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_PAUSE)->signal, LIMEF_SIGNAL_PAUSE));
    play_signal(&play, LIMEF_SIGNAL_PLAY, 0, 0, 0);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 25));
    play_clear(&play);
}

Test(file_source, rotation_is_in_the_codec_frame_and_on_the_picture)
{
    for (int degrees = 90; degrees < 360; degrees += 90) {
        struct limef_file_source_settings settings =
            fastest(media_make("a.mp4", &(struct media){.rotation_degrees = degrees}));

        play_init(&play, &settings, &(struct limef_decode_settings){0});
        play_run(&play);
        cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
        cr_assert(eq(int, play_nth(&play, LIMEF_FRAME_DECODED, 3)->rotation_degrees, degrees));
        play_clear(&play);
    }
}

Test(file_source, in_steady_state_nothing_is_allocated_and_nothing_copied)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.n_pictures = 100, .audio = true}));
    uint64_t before;

    play_init(&play, &settings, &(struct limef_decode_settings){.n_threads = 1});
    play_until(&play, 20);
    before = limef_memory_n_allocations();
    play_until(&play, 90);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    cr_assert(eq(u64, LIMEF_COUNTED(play.file.source.filter.copied_bytes), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.filter.copied_bytes), 0));
    play_clear(&play);
}

Test(file_source, each_failing_allocation_is_enomem_and_leaks_nothing)
{
    const char *path = media_make("a.ts", &(struct media){.n_pictures = 5, .audio = true});
    struct limef_file_source_settings settings = fastest(path);
    unsigned n = 0;
    bool failed;

    settings.options = "format=mpegts";
    limef_log_set_sink(keep_log, &logged);
    do {
        struct limef_file_source file = {0};
        struct limef_decode_filter decode = {0};
        bool said = false;
        int ret;

        failing_install(++n);
        ret = limef_file_source_init(&file, NULL, &settings);
        if (ret >= 0)
            ret = limef_decode_filter_init(&decode, NULL, NULL);
        if (ret >= 0) {
            int64_t due_us;

            memset(&play.end, 0, sizeof(play.end));
            limef_filter_init(&play.end.filter, &play_end_ops, NULL);
            limef_connect(&file.source.filter, &decode.filter);
            limef_connect(&decode.filter, &play.end.filter);
            while (file.source.step(&file.source, &due_us) == 0)
                ;
            for (unsigned i = 0; i < play.end.n_notes; i++)
                said = said || play.end.notes[i].code == AVERROR(ENOMEM);
            said = said || LIMEF_COUNTED(decode.n_errors) > 0 || LIMEF_COUNTED(file.n_refused) > 0;
        } else {
            cr_assert(eq(int, ret, AVERROR(ENOMEM)));
            said = true;
        }
        limef_filter_clear(&file.source.filter);
        limef_filter_clear(&decode.filter);
        failed = failing_failed();
        cr_assert(eq(int, failing_n_out(), 0), "allocation %u", n);
        cr_assert(said || !failed, "allocation %u failed in silence", n);
        failing_remove();
    } while (failed);
    cr_assert(gt(uint, n, 10));
}

Test(file_source, a_track_that_is_not_there_is_said_and_no_other_is_taken)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.audio = true}));

    logged.level = LIMEF_LOG_WARNING;
    play_init(&play, &settings, NULL);
    limef_file_source_choose(&play.file, 2, 1);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(gt(uint, play_count(&play, LIMEF_FRAME_PACKET), 30));
    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++)
        cr_assert(eq(u16, packet(i)->frame.media, LIMEF_MEDIA_AUDIO));
    cr_assert(eq(int, play_signal_note(&play, LIMEF_SIGNAL_END)->code, 0));
    cr_assert(eq(uint, logged.n, 1));
    cr_assert(ne(ptr, strstr(logged.line, "no video track 2"), NULL), "%s", logged.line);
    play_clear(&play);
}

Test(file_source, ends_with_an_error_if_no_chosen_track_is_there)
{
    struct limef_file_source_settings settings =
        fastest(media_make("a.mp4", &(struct media){.audio = true}));

    logged.level = LIMEF_LOG_WARNING;
    play_init(&play, &settings, NULL);
    limef_file_source_choose(&play.file, 3, 4);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(int, play_signal_note(&play, LIMEF_SIGNAL_END)->code, AVERROR_STREAM_NOT_FOUND));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), 0));
    cr_assert(eq(uint, logged.n, 1));
    cr_assert(ne(ptr, strstr(logged.line, "no video track 3, no audio track 4"), NULL), "%s",
              logged.line);
    play_clear(&play);
}
