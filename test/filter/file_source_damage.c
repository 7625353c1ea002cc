/* SPDX-License-Identifier: MIT */
/* Files that are cut or changed, before they play or meanwhile. */
#include "support/make_media.h"
#include "support/play.h"
#include "support/silence.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>
#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct play play;

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(log_to_nobody, NULL);
}

TestSuite(file_source_damage, .init = set_up, .fini = media_remove, .timeout = 120);

static struct limef_file_source_settings fastest(const char *url)
{
    return (struct limef_file_source_settings){.url = url, .pace = LIMEF_PACE_FASTEST};
}

Test(file_source_damage, a_truncated_file_plays_what_is_left)
{
    size_t size;
    unsigned char *bytes = media_read(media_make("a.ts", &(struct media){.n_pictures = 50}), &size);
    struct limef_file_source_settings settings = fastest(media_write("cut.ts", bytes, size / 2));

    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(gt(uint, play_count(&play, LIMEF_FRAME_PACKET), 10));
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_END)->signal, LIMEF_SIGNAL_END));
    play_clear(&play);
    free(bytes);
}

Test(file_source_damage, a_file_that_is_cut_while_it_plays_is_an_error)
{
    const char *path = media_make("a.ts", &(struct media){.n_pictures = 200});
    struct limef_file_source_settings settings = fastest(path);
    const struct play_note *end;
    struct stat status;

    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_until(&play, 5), 0));
    cr_assert(eq(int, stat(path, &status), 0));
    cr_assert(eq(int, truncate(path, status.st_size / 2), 0));
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    end = play_signal_note(&play, LIMEF_SIGNAL_END);
    cr_assert(eq(u32, end->signal, LIMEF_SIGNAL_END));
    cr_assert(eq(int, end->code, AVERROR(EIO)));
    cr_assert(lt(uint, play_count(&play, LIMEF_FRAME_PACKET), 200));
    play_clear(&play);
}

/* Near the end of 64 bits, where a duration more is too much. */
Test(file_source_damage, times_that_no_clock_means_are_unknown)
{
    static const struct limef_decode_settings decode = {.media = LIMEF_MEDIA_VIDEO};
    struct limef_file_source_settings settings = fastest(media_make(
        "late.mkv", &(struct media){.codec = "mpeg4", .begins_ms = INT64_MAX / 1000 - 500}));
    struct limef_file_source_counters counters;

    settings.n_loops = 2;
    play_init(&play, &settings, &decode);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 75));
    cr_assert(eq(i64, play_nth(&play, LIMEF_FRAME_DECODED, 24)->frame.pts_us, LIMEF_NO_TIME));
    limef_file_source_get_counters(&play.file, &counters);
    cr_assert(ge(u64, counters.n_bad_times, 75));
    play_clear(&play);
}

Test(file_source_damage, damage_anywhere_never_crashes_or_hangs)
{
    size_t size;
    unsigned char *bytes =
        media_read(media_make("a.mp4", &(struct media){.n_pictures = 12, .audio = true}), &size);

    for (size_t at = 0; at < size; at += size / 97 + 1) {
        unsigned char *damaged = malloc(size);
        struct limef_file_source_settings settings;

        memcpy(damaged, bytes, size);
        for (size_t i = at; i < size && i < at + 24; i++)
            damaged[i] ^= (unsigned char)(0x5a + i);
        settings = fastest(media_write("damaged.mp4", damaged, size));
        free(damaged);
        play_init(&play, &settings, &(struct limef_decode_settings){.n_threads = 1});
        cr_assert(eq(int, play_run(&play), AVERROR_EOF));
        play_clear(&play);
    }
    free(bytes);
}
