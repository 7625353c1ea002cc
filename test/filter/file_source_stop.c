/* SPDX-License-Identifier: MIT */
/* A source that is stopped, or what is behind it is, and that goes on. */
#include "support/boundary.h"
#include "support/disk.h"
#include "support/kept_log.h"
#include "support/make_media.h"
#include "support/play.h"

#include <limef/base/clock.h>
#include <limef/filter/input.h>
#include <limef/thread/producer.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_US 40000
#define LONG_US 3600000000
#define N_PICTURES 300

static struct play play;
static struct kept_log errors = {.level = LIMEF_LOG_ERROR};
static sem_t waits_in_vain; /* posted when nothing came through a pipe for a while */

typedef int poll_fn(struct pollfd *fds, nfds_t n_fds, int timeout_ms);

LIMEF_API int poll(struct pollfd *fds, nfds_t n_fds, int timeout_ms)
{
    struct stat status;
    poll_fn *system;
    int n;

    *(void **)&system = dlsym(RTLD_NEXT, "poll");
    n = system(fds, n_fds, timeout_ms);
    if (n == 0 && n_fds == 1 && fstat(fds->fd, &status) == 0 && S_ISFIFO(status.st_mode))
        sem_post(&waits_in_vain);
    return n;
}

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(keep_log, &errors);
    sem_init(&waits_in_vain, 0, 0);
}

static void tear_down(void)
{
    limef_log_set_sink(NULL, NULL);
    media_remove();
}

TestSuite(file_source_stop, .init = set_up, .fini = tear_down, .timeout = 60);

static struct limef_file_source_settings fastest(const char *url)
{
    return (struct limef_file_source_settings){
        .url = url, .pace = LIMEF_PACE_FASTEST, .timeout_us = LONG_US};
}

/* What came, a letter each: Start, Flush, Codec, Packet, End; other signals have none. */
static const char *story(void)
{
    static char text[PLAY_MAX + 1];
    unsigned n = 0;

    for (unsigned i = 0; i < play.end.n_notes; i++) {
        const struct play_note *note = &play.end.notes[i];

        if (note->frame_class == LIMEF_FRAME_PACKET)
            text[n++] = 'P';
        else if (note->frame_class == LIMEF_FRAME_CODEC)
            text[n++] = 'C';
        else if (note->signal == LIMEF_SIGNAL_START)
            text[n++] = 'S';
        else if (note->signal == LIMEF_SIGNAL_FLUSH)
            text[n++] = 'F';
        else if (note->signal == LIMEF_SIGNAL_END)
            text[n++] = 'E';
    }
    text[n] = '\0';
    return text;
}

/* Nobody takes what comes, however often it is offered. */
static void expect_no_way(void)
{
    unsigned n_notes;

    cr_assert(eq(int, play_run(&play), AVERROR_EXIT));
    n_notes = play.end.n_notes;
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, play_run(&play), AVERROR_EXIT));
    cr_assert(eq(uint, play.end.n_notes, n_notes));
}

static void expect_rest(const char *what)
{
    play.end.is_closed = false;
    play.end.exit_after = 0;
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(str, (char *)story(), (char *)what));
    cr_assert(eq(uint, errors.n, 0));
}

static void set_up_five(void)
{
    static struct limef_file_source_settings settings;

    settings = fastest(media_make("a.mp4", &(struct media){.n_pictures = 5, .gop = 5}));
    play_init(&play, &settings, NULL);
}

Test(file_source_stop, a_start_that_nobody_heard_is_said_again)
{
    set_up_five();
    play.end.is_closed = true;
    expect_no_way();
    expect_rest("SCPPPPPE");
    play_clear(&play);
}

Test(file_source_stop, a_codec_that_nobody_heard_is_said_again_before_its_first_packet)
{
    set_up_five();
    play.end.exit_after = 1;
    expect_no_way();
    expect_rest("SCPPPPPE");
    cr_assert(ne(u32, play_nth(&play, LIMEF_FRAME_PACKET, 0)->frame.flags & LIMEF_FRAME_KEY, 0));
    play_clear(&play);
}

Test(file_source_stop, an_end_that_nobody_heard_is_said_again)
{
    set_up_five();
    play.end.exit_after = 7;
    expect_no_way();
    expect_rest("SCPPPPPE");
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(str, (char *)story(), "SCPPPPPE")); /* once */
    play_clear(&play);
}

Test(file_source_stop, the_flush_of_a_seek_that_nobody_heard_is_said_again)
{
    struct limef_file_source_counters counters;

    set_up_five();
    cr_assert(eq(int, play_until(&play, 3), 0));
    play_forget(&play);
    play.end.is_closed = true;
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, limef_file_source_start_us(&play.file), 99);
    expect_no_way();
    expect_rest("FPPPPPE");
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->serial, 99));
    limef_file_source_get_counters(&play.file, &counters);
    cr_assert(eq(u64, counters.n_seeks, 1));
    play_clear(&play);
}

Test(file_source_stop, a_flush_that_nobody_heard_is_said_again_in_a_pause_too)
{
    set_up_five();
    cr_assert(eq(int, play_until(&play, 3), 0));
    play_signal(&play, LIMEF_SIGNAL_PAUSE, 0, 0, 0);
    play_forget(&play);
    play.end.is_closed = true;
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, limef_file_source_start_us(&play.file), 0);
    expect_no_way();
    expect_rest("F");
    play_clear(&play);
}

Test(file_source_stop, a_failure_that_nobody_heard_is_logged_once_and_said_again)
{
    struct limef_file_source_settings settings = fastest("nothing-of-that-name.mp4");

    play_init(&play, &settings, NULL);
    play.end.is_closed = true;
    expect_no_way();
    cr_assert(eq(uint, errors.n, 1));
    errors.n = 0;
    expect_rest("E");
    cr_assert(eq(int, play_signal_note(&play, LIMEF_SIGNAL_END)->code, AVERROR(ENOENT)));
    play_clear(&play);
}

Test(file_source_stop, a_packet_that_a_closed_boundary_did_not_take_is_offered_again)
{
    static struct limef_stack_frame frames[64];
    struct limef_input_filter input = {0};
    struct limef_fifo fifo = {0};
    struct limef_stack_frame *stack;
    unsigned n_packets = 0;

    set_up_five();
    limef_fifo_init(&fifo, NULL);
    cr_assert(eq(int, limef_input_filter_init(&input, NULL, &fifo, frames, 64, NULL), 0));
    limef_connect(&play.file.source.filter, &input.filter);
    for (int64_t due_us = 0; n_packets < 5;) {
        /* closed before each step, and opened */
        limef_fifo_close(&fifo);
        cr_assert(eq(int, play.file.source.step(&play.file.source, &due_us), AVERROR_EXIT));
        limef_fifo_open(&fifo);
        cr_assert(eq(int, play.file.source.step(&play.file.source, &due_us), 0));
        while (limef_fifo_read(&fifo, &stack, 0) == 0) {
            if (stack->any.frame.frame_class == LIMEF_FRAME_PACKET)
                cr_assert(eq(i64, stack->any.frame.pts_us,
                             limef_file_source_start_us(&play.file) + n_packets++ * FRAME_US));
            limef_fifo_recycle(&fifo, stack);
        }
    }
    play_clear(&play);
    limef_filter_clear(&input.filter);
    limef_fifo_clear(&fifo);
}

static struct limef_producer producer;

static bool is_inside_for(int64_t us)
{
    int64_t inside_us = LIMEF_COUNTED(producer.thread.inside_us);

    return inside_us && limef_now_us() - inside_us > us;
}

/* Plays on a thread until it hangs in a disk that has stopped, and stops the thread. What is read
 * ahead hangs earlier: then it is started once more. */
static void play_until_it_hangs(void)
{
    int64_t deadline_us = limef_deadline_us(TOO_LONG_US);

    limef_producer_init(&producer, &play.file.source, NULL);
    while (!play.file.interrupted) {
        cr_assert(lt(i64, limef_now_us(), deadline_us));
        cr_assert(eq(int, limef_thread_start(&producer.thread), 0));
        cr_assert(disk_wait(deadline_us));
        while (!is_inside_for(100000) && limef_now_us() < deadline_us)
            sched_yield();
        cr_assert(eq(int, limef_thread_stop(&producer.thread, TOO_LONG_US), 0));
    }
    limef_producer_clear(&producer);
    disk_go_on();
}

static int64_t nth_pts_us(unsigned n)
{
    return play_nth(&play, LIMEF_FRAME_PACKET, n)->frame.pts_us;
}

/* Goes on with START, FLUSH to that time, a codec, and all packets from a picture at that time. */
static void expect_all_from(int64_t us)
{
    unsigned n;

    errors.n = 0;
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, errors.n, 0));
    cr_assert(zero(int, strncmp(story(), "SFCP", 4)), "%s", story());
    cr_assert(eq(i64, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->value, us));
    cr_assert(eq(int, play_signal_note(&play, LIMEF_SIGNAL_END)->code, 0));
    n = play_count(&play, LIMEF_FRAME_PACKET);
    cr_assert(le(i64, nth_pts_us(0), us));
    cr_assert(gt(i64, nth_pts_us(0), us - FRAME_US));
    cr_assert(eq(i64, nth_pts_us(n - 1),
                 limef_file_source_start_us(&play.file) + (N_PICTURES - 1) * FRAME_US));
    cr_assert(eq(i64, nth_pts_us(n - 1) - nth_pts_us(0), (int64_t)(n - 1) * FRAME_US));
}

static size_t size;

/* Each picture a key frame, on the disk that stops. */
static void set_up_on_disk(const char *name)
{
    static struct limef_file_source_settings settings;
    struct media media = {.codec = "mjpeg", .width = 640, .height = 480, .n_pictures = N_PICTURES};
    unsigned char *bytes = media_read(media_make(name, &media), &size);

    settings = fastest(media_write("a.slow", bytes, size));
    free(bytes);
    play_init(&play, &settings, NULL);
}

Test(file_source_stop, a_stop_while_the_file_is_read_goes_on_there)
{
    int64_t position_us;

    set_up_on_disk("a.mkv");
    disk_stop_after(size * 3 / 4);
    play_until_it_hangs();
    position_us = limef_file_source_position_us(&play.file);
    cr_assert(gt(i64, position_us, FRAME_US));
    play_forget(&play);
    expect_all_from(position_us);
    play_clear(&play);
}

/* Seeks exactly, and is stopped when the disk does not answer. To where. */
static int64_t seek_until_it_hangs(const char *name)
{
    int64_t target_us;

    set_up_on_disk(name);
    cr_assert(eq(int, play_until(&play, 5), 0));
    disk_stop_after(0);
    target_us = limef_file_source_start_us(&play.file) + 250 * FRAME_US;
    play_signal(&play, LIMEF_SIGNAL_SEEK, 1, target_us, 0);
    play_until_it_hangs();
    return target_us;
}

/* It has no times of its own: a seek opens it once more, and counts. */
Test(file_source_stop, a_stop_in_a_seek_seeks_once_more)
{
    int64_t target_us = seek_until_it_hangs("a.mjpeg");

    cr_assert(eq(uint, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->signal, 0));
    play_forget(&play);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, errors.n, 0));
    cr_assert(zero(int, strncmp(story(), "SFCP", 4)), "%s", story());
    cr_assert(eq(i64, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->value, target_us));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), N_PICTURES));
    play_clear(&play);
}

/* MP4's index is in memory: the seek is done and said, and its first packet is waited for. */
Test(file_source_stop, a_stop_behind_a_seek_goes_on_where_that_went)
{
    int64_t target_us = seek_until_it_hangs("a.mp4");

    cr_assert(eq(uint, play_signal_note(&play, LIMEF_SIGNAL_FLUSH)->signal, LIMEF_SIGNAL_FLUSH));
    play_forget(&play);
    expect_all_from(target_us);
    play_clear(&play);
}

Test(file_source_stop, a_pipe_goes_on_with_what_comes_and_does_not_seek)
{
    unsigned char *bytes =
        media_read(media_make("a.ts", &(struct media){.n_pictures = 200}), &size);
    size_t half = size / 2 / 188 * 188;
    struct limef_file_source_settings settings;
    char url[32];
    int fds[2];

    cr_assert(lt(u64, size, 2 * 65536)); /* a pipe has room for half of it */
    cr_assert(eq(int, pipe(fds), 0));
    snprintf(url, sizeof(url), "pipe:%d", fds[0]);
    settings = fastest(url);
    settings.options = "format=mpegts:analyzeduration=100000:probesize=10000";
    play_init(&play, &settings, NULL);
    limef_producer_init(&producer, &play.file.source, NULL);
    cr_assert(eq(i64, write(fds[1], bytes, half), (ssize_t)half));
    cr_assert(eq(int, limef_thread_start(&producer.thread), 0));
    cr_assert(eq(int, sem_wait(&waits_in_vain), 0));
    cr_assert(eq(int, limef_thread_stop(&producer.thread, TOO_LONG_US), 0));
    cr_assert(gt(uint, play_count(&play, LIMEF_FRAME_PACKET), 0));
    play_forget(&play);
    cr_assert(eq(i64, write(fds[1], bytes + half, size - half), (ssize_t)(size - half)));
    close(fds[1]);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(zero(int, strncmp(story(), "SCPPP", 5)), "%s", story());
    cr_assert(zero(ptr, strchr(story(), 'F')));
    cr_assert(eq(int, play_signal_note(&play, LIMEF_SIGNAL_END)->code, 0));
    cr_assert(eq(uint, errors.n, 0));
    limef_producer_clear(&producer);
    play_clear(&play);
    close(fds[0]);
    free(bytes);
}
