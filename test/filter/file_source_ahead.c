/* SPDX-License-Identifier: MIT */
/* Pictures and sound that do not lie side by side in the file. */
#include "support/make_media.h"
#include "support/play.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/base/log.h>

#define N_PICTURES 150 /* of 25 a second: 6 s */
#define N_BLOCKS 282   /* of 1024 samples at 48 kHz */

static struct play play;
static LIMEF_ATOMIC(int) n_warnings;

static void count_warnings(void *context, enum limef_log_level level, const char *name,
                           const char *line)
{
    (void)context;
    (void)name;
    (void)line;
    if (level <= LIMEF_LOG_WARNING)
        atomic_fetch_add(&n_warnings, 1);
}

static void clear(void)
{
    play_clear(&play);
    media_remove();
}

TestSuite(file_source_ahead, .fini = clear, .timeout = 60);

static void begin(const char *name, int audio_behind_ms, uint32_t n_loops)
{
    struct media media = {.codec = "mjpeg",
                          .n_pictures = N_PICTURES,
                          .raw_audio = true,
                          .audio_behind_ms = audio_behind_ms};
    struct limef_file_source_settings settings = {
        .url = media_make(name, &media), .pace = LIMEF_PACE_FASTEST, .n_loops = n_loops};

    limef_log_set_sink(count_warnings, NULL);
    play_init(&play, &settings, NULL);
}

static uint64_t n_late(void)
{
    struct limef_file_source_counters counters;

    limef_file_source_get_counters(&play.file, &counters);
    return counters.n_late;
}

static unsigned count(enum limef_media media)
{
    unsigned n = 0;

    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++)
        n += play_nth(&play, LIMEF_FRAME_PACKET, i)->frame.media == media;
    return n;
}

/* By how much a packet came after one of later time, at most. */
static int64_t most_late_us(void)
{
    int64_t newest_us = INT64_MIN, late_us = 0;

    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++) {
        int64_t pts_us = play_nth(&play, LIMEF_FRAME_PACKET, i)->frame.pts_us;

        if (pts_us > newest_us)
            newest_us = pts_us;
        else if (newest_us - pts_us > late_us)
            late_us = newest_us - pts_us;
    }
    return late_us;
}

static void expect_all_in_order(void)
{
    play_run(&play);
    cr_assert(eq(u32, count(LIMEF_MEDIA_VIDEO), N_PICTURES));
    cr_assert(eq(u32, count(LIMEF_MEDIA_AUDIO), N_BLOCKS));
    cr_assert(zero(i64, most_late_us()));
    cr_assert(zero(u64, n_late()));
}

Test(file_source_ahead, sound_that_lies_behind_its_pictures_comes_in_time)
{
    begin("behind.mkv", 1500, 0);
    expect_all_in_order();
}

Test(file_source_ahead, sound_that_lies_before_its_pictures_comes_in_time)
{
    begin("before.mkv", -1500, 0);
    expect_all_in_order();
}

/* By how much newer the sound is that was passed on before a picture, at least; of pictures that
 * have sound behind that. */
static int64_t least_lead_us(void)
{
    int64_t sound_us = INT64_MIN, least_us = INT64_MAX;

    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++) {
        const struct limef_frame *frame = &play_nth(&play, LIMEF_FRAME_PACKET, i)->frame;

        if (frame->media == LIMEF_MEDIA_AUDIO)
            sound_us = frame->pts_us;
        else if (frame->pts_us < 5500000 && sound_us - frame->pts_us < least_us)
            least_us = sound_us - frame->pts_us;
    }
    return least_us;
}

static void expect_lead(const char *name, int audio_behind_ms)
{
    begin(name, audio_behind_ms, 0);
    limef_file_source_set_sound_lead(&play.file, 300000);
    play_run(&play);
    cr_assert(eq(u32, count(LIMEF_MEDIA_VIDEO), N_PICTURES));
    cr_assert(eq(u32, count(LIMEF_MEDIA_AUDIO), N_BLOCKS));
    cr_assert(ge(i64, least_lead_us(), 270000)); /* but for a block */
    cr_assert(le(i64, most_late_us(), 300000));
    cr_assert(zero(u64, n_late()));
}

Test(file_source_ahead, sound_comes_so_much_earlier_than_its_pictures_as_was_asked_for)
{
    expect_lead("beside.mkv", 40);
}

Test(file_source_ahead, sound_that_lies_behind_its_pictures_comes_earlier_as_well)
{
    expect_lead("behind.mkv", 1500);
}

Test(file_source_ahead, a_position_is_that_of_pictures_where_sound_comes_earlier)
{
    begin("behind.mkv", 1500, 0);
    limef_file_source_set_sound_lead(&play.file, 300000);
    for (unsigned n = 1; n <= 300; n++) {
        const struct limef_frame *frame;
        int64_t expected_us;

        play_until(&play, n);
        frame = &play_nth(&play, LIMEF_FRAME_PACKET, n - 1)->frame;
        expected_us = frame->pts_us - (frame->media == LIMEF_MEDIA_AUDIO ? 300000 : 0);
        cr_assert(
            eq(i64, limef_file_source_position_us(&play.file), expected_us > 0 ? expected_us : 0));
    }
}

Test(file_source_ahead, what_lies_too_far_apart_comes_as_it_is_read_and_is_all_there)
{
    begin("far.mkv", 6500, 0);
    play_run(&play);
    cr_assert(eq(u32, count(LIMEF_MEDIA_VIDEO), N_PICTURES));
    cr_assert(eq(u32, count(LIMEF_MEDIA_AUDIO), N_BLOCKS));
    /* it is nearer by what is kept, 5 s */
    cr_assert(gt(i64, most_late_us(), 500000));
    cr_assert(lt(i64, most_late_us(), 1600000));
}

Test(file_source_ahead, what_comes_too_late_is_counted_and_said_once)
{
    begin("far.mkv", 6500, 0);
    play_run(&play);
    /* all 6 s of pictures come first, of which 5 are kept */
    cr_assert(ge(u64, n_late(), N_BLOCKS / 6 - 4));
    cr_assert(le(u64, n_late(), N_BLOCKS / 6 + 1));
    cr_assert(eq(int, atomic_load(&n_warnings), 1));
}

Test(file_source_ahead, nothing_is_late_where_pictures_go_on_without_sound)
{
    struct media media = {.codec = "mjpeg", .n_pictures = 200, .raw_audio = true, .audio_ms = 1000};
    struct limef_file_source_settings settings = {.url = media_make("silent.mkv", &media),
                                                  .pace = LIMEF_PACE_FASTEST};

    limef_log_set_sink(count_warnings, NULL);
    play_init(&play, &settings, NULL);
    play_run(&play);
    cr_assert(eq(u32, count(LIMEF_MEDIA_VIDEO), 200));
    cr_assert(zero(u64, n_late()));
    cr_assert(zero(int, atomic_load(&n_warnings)));
}

Test(file_source_ahead, a_repetition_comes_behind_all_of_what_was_before)
{
    struct media media = {
        .codec = "mjpeg", .n_pictures = 20, .raw_audio = true, .audio_behind_ms = 1500};
    struct limef_file_source_settings settings = {
        .url = media_make("loop.mkv", &media), .pace = LIMEF_PACE_FASTEST, .n_loops = 2};

    play_init(&play, &settings, NULL);
    play_run(&play);
    cr_assert(eq(u32, count(LIMEF_MEDIA_VIDEO), 60));
    cr_assert(zero(i64, most_late_us()));
}

Test(file_source_ahead, nothing_of_before_comes_behind_a_seek)
{
    begin("seek.mkv", 1500, 0);
    play_until(&play, 20);
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, 4500000, 1);
    play_run(&play);
    cr_assert(ge(u32, count(LIMEF_MEDIA_VIDEO), 37));
    cr_assert(ge(u32, count(LIMEF_MEDIA_AUDIO), 70));
    /* up to 2 s was kept; a key frame may be long before the target */
    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++)
        cr_assert(gt(i64, play_nth(&play, LIMEF_FRAME_PACKET, i)->frame.pts_us, 2000000));
    cr_assert(zero(i64, most_late_us()));
}

/* As a recorder leaves them that was restarted: each part has times of its own. */
Test(file_source_ahead, parts_behind_one_another_come_one_behind_the_other)
{
    struct media media = {.codec = "mpeg2video", .n_pictures = 75, .audio = true};
    struct limef_file_source_settings settings = {.pace = LIMEF_PACE_FASTEST};
    unsigned n_in_a_row = 0, most_in_a_row = 0;
    size_t size_bytes;
    unsigned char *part = media_read(media_make("part.ts", &media), &size_bytes), *twice;

    twice = malloc(2 * size_bytes);
    cr_assert(ne(ptr, twice, NULL));
    memcpy(twice, part, size_bytes);
    memcpy(twice + size_bytes, part, size_bytes);
    settings.url = media_write("parts.ts", twice, 2 * size_bytes);
    free(part);
    free(twice);
    play_init(&play, &settings, NULL);
    play_run(&play);
    cr_assert(eq(u32, count(LIMEF_MEDIA_VIDEO), 150));
    cr_assert(gt(u32, count(LIMEF_MEDIA_AUDIO), 250));
    cr_assert(zero(u64, n_late()));
    for (unsigned i = 0; i < play_count(&play, LIMEF_FRAME_PACKET); i++) {
        bool is_picture = play_nth(&play, LIMEF_FRAME_PACKET, i)->frame.media == LIMEF_MEDIA_VIDEO;

        n_in_a_row = is_picture ? n_in_a_row + 1 : 0;
        most_in_a_row = n_in_a_row > most_in_a_row ? n_in_a_row : most_in_a_row;
    }
    cr_assert(lt(u32, most_in_a_row, 25)); /* a second */
}

Test(file_source_ahead, no_more_is_kept_than_has_to_be)
{
    unsigned most = 0;

    begin("beside.mkv", 40, 0);
    for (unsigned n = 1; n <= 400; n++) {
        play_until(&play, n);
        most = play.file.n_ahead > most ? play.file.n_ahead : most;
    }
    cr_assert(le(u32, most, 8));
}
