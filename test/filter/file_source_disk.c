/* SPDX-License-Identifier: MIT */
/* Files on a disk that stops reading. */
#include "support/disk.h"
#include "support/make_media.h"
#include "support/play.h"
#include "support/silence.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>
#include <limef/thread/producer.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>
#include <libavutil/log.h>
#include <stdlib.h>
#include <unistd.h>

#define SHORT_US 300000
#define LONG_US 3600000000
#define N_PICTURES 300

static struct play play;

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(log_to_nobody, NULL);
}

TestSuite(file_source_disk, .init = set_up, .fini = media_remove, .timeout = 60);

static size_t size;

/* A clip of some blocks, on the disk that stops. */
static struct limef_file_source_settings slow_clip(int64_t timeout_us)
{
    struct media media = {.codec = "mjpeg", .width = 640, .height = 480, .n_pictures = N_PICTURES};
    unsigned char *bytes = media_read(media_make("a.mkv", &media), &size);
    const char *path = media_write("a.slow", bytes, size);

    free(bytes);
    return (struct limef_file_source_settings){
        .url = path, .pace = LIMEF_PACE_FASTEST, .timeout_us = timeout_us};
}

static void expect_end(int code)
{
    const struct play_note *end = play_signal_note(&play, LIMEF_SIGNAL_END);

    cr_assert(eq(u32, end->signal, LIMEF_SIGNAL_END));
    cr_assert(eq(int, end->code, code));
    if (code < 0)
        cr_assert(eq(str, (char *)end->text, "the disk does not answer"));
}

Test(file_source_disk, that_never_reads_ends_by_deadline)
{
    struct limef_file_source_settings settings = slow_clip(SHORT_US);

    disk_stop_after(0);
    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    expect_end(AVERROR(ETIMEDOUT));
    play_clear(&play);
    cr_assert(eq(uint, disk_n_waiting(), 1)); /* it was left behind */
    disk_go_on();
}

Test(file_source_disk, that_stops_in_the_middle_ends_by_deadline_with_what_was_read)
{
    struct limef_file_source_settings settings = slow_clip(SHORT_US);

    disk_stop_after(size * 3 / 4);
    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    expect_end(AVERROR(ETIMEDOUT));
    cr_assert(gt(uint, play_count(&play, LIMEF_FRAME_PACKET), 10));
    cr_assert(lt(uint, play_count(&play, LIMEF_FRAME_PACKET), N_PICTURES));
    play_clear(&play);
    disk_go_on();
}

Test(file_source_disk, that_goes_on_is_played_when_asked_again)
{
    struct limef_file_source_settings settings = slow_clip(SHORT_US);
    disk_stop_after(0);
    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    disk_go_on();
    play_signal(&play, LIMEF_SIGNAL_START, 0, 0, 0);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), N_PICTURES));
    play_clear(&play);
}

Test(file_source_disk, that_stops_does_not_keep_its_thread_from_stopping)
{
    struct limef_file_source_settings settings = slow_clip(LONG_US);
    struct limef_producer producer = {0};

    disk_stop_after(0);
    play_init(&play, &settings, NULL);
    limef_producer_init(&producer, &play.file.source, NULL);
    cr_assert(eq(int, limef_thread_start(&producer.thread), 0));
    cr_assert(disk_wait(limef_deadline_us(10000000)));
    cr_assert(eq(int, limef_thread_stop(&producer.thread, 10000000), 0));
    limef_producer_clear(&producer);
    play_clear(&play);
    disk_go_on();
}

Test(file_source_disk, is_asked_seldom_for_a_film_that_is_read_in_order)
{
    struct limef_file_source_settings settings = slow_clip(LONG_US);

    play_init(&play, &settings, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    expect_end(0);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), N_PICTURES));
    play_clear(&play);
    cr_assert(gt(u64, size, 300000));
    cr_assert(lt(u64, disk_n_reads(), 10 + size / 65536));
}
