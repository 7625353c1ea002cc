/* SPDX-License-Identifier: MIT */
#include "export.h"

#include "support/failing.h"

#include <errno.h>
#include <fcntl.h>
#include <libavutil/pixdesc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(export, .fini = close_export, .timeout = 60);

Test(export, passes_everything_on)
{
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    cr_assert(eq(int, open_export((struct limef_export_settings){0}), 0));
    give(1);
    cr_assert(eq(int, limef_go(&exporter.filter, &end.frame), 0));
    cr_assert(eq(uint, sink.n_frames, 2));
    sink.answer = AVERROR_EXIT;
    cr_assert(eq(int, limef_go(&exporter.filter, &end.frame), AVERROR_EXIT));
}

Test(export, a_reader_of_the_queue_gets_every_picture_as_it_was)
{
    static const int formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12,  AV_PIX_FMT_YUV444P10LE,
                                  AV_PIX_FMT_GRAY8,   AV_PIX_FMT_RGB24, AV_PIX_FMT_GBRP};
    struct connection reader;

    open_export((struct limef_export_settings){0});
    reader = join(LIMEF_EXPORT_QUEUED, 0);
    for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct picture picture;

        give_picture(formats[i], 61 + (int)i, 47, i);
        picture = must_read(&reader);
        cr_assert(eq(u64, picture.frame.n_missed, 0));
        cr_assert(eq(u64, picture.frame.sequence, i + 1));
        cr_assert(eq(i64, picture.frame.pts_us, (int64_t)i * 40000));
        cr_assert(eq(uint, picture.frame.slot, 7));
        cr_assert(eq(uint, picture.frame.width, 61 + i));
        cr_assert(eq(str, picture.frame.format, (char *)av_get_pix_fmt_name(formats[i])));
        cr_assert(is_picture(&reader, &picture, formats[i], i), "%s", picture.frame.format);
        connection_release(&reader, &picture);
    }
    cr_assert(gt(u64, counters().copied_bytes, 0));
    cr_assert(eq(str, (char *)counters().copied_why, "ordinary memory has no descriptor"));
    connection_close(&reader);
}

Test(export, a_reader_of_the_latest_gets_the_newest_and_learns_what_it_missed)
{
    struct connection reader;
    struct picture picture;

    open_export((struct limef_export_settings){0});
    reader = join(LIMEF_EXPORT_LATEST, 1);
    for (unsigned n = 1; n <= 3; n++) {
        give(n);
        ASSERT_COMES(counters().n_pictures - counters().n_missed == 1);
    }
    connection_ask(&reader);
    picture = must_read(&reader);
    cr_assert(eq(u64, picture.frame.sequence, 3));
    cr_assert(eq(u64, picture.frame.n_missed, 2));
    cr_assert(is_picture(&reader, &picture, AV_PIX_FMT_YUV420P, 3));
    connection_release(&reader, &picture);
    /* what it has seen is not sent again: the next one is */
    connection_ask(&reader);
    give(4);
    picture = must_read(&reader);
    cr_assert(eq(u64, picture.frame.sequence, 4));
    cr_assert(eq(u64, picture.frame.n_missed, 0));
    /* it is not copied what nobody takes */
    cr_assert(eq(u64, counters().copied_bytes, 2 * (64 * 48 * 3 / 2)));
    connection_close(&reader);
}

Test(export, a_reader_that_sleeps_has_its_pictures_untouched_and_stalls_nobody)
{
    struct limef_export_reader_state state;
    struct connection sleeper, reader;
    struct picture held[2], picture;

    open_export((struct limef_export_settings){0});
    sleeper = join(LIMEF_EXPORT_QUEUED, 2);
    reader = join(LIMEF_EXPORT_QUEUED, 1);
    for (unsigned n = 1; n <= 40; n++) {
        give(n);
        picture = must_read(&reader);
        cr_assert(eq(u64, picture.frame.sequence, n));
        cr_assert(is_picture(&reader, &picture, AV_PIX_FMT_YUV420P, n));
        give_back(&reader, &picture, 1);
    }
    held[0] = must_read(&sleeper);
    held[1] = must_read(&sleeper);
    cr_assert(is_picture(&sleeper, &held[0], AV_PIX_FMT_YUV420P, 1));
    cr_assert(is_picture(&sleeper, &held[1], AV_PIX_FMT_YUV420P, 2));
    cr_assert(eq(int, limef_export_get_reader(&exporter, 0, &state), 0));
    cr_assert(eq(u64, state.n_sent, 2));
    cr_assert(eq(u64, state.n_missed, 38));
    cr_assert(eq(int, state.pid, getpid()));
    /* one given back: the next picture comes, and says how many did not */
    cr_assert(eq(uint, counters().n_lent, 2));
    give_back(&sleeper, &held[0], 0);
    give(41);
    picture = must_read(&sleeper);
    cr_assert(eq(u64, picture.frame.sequence, 41));
    cr_assert(eq(u64, picture.frame.n_missed, 38));
    cr_assert(is_picture(&sleeper, &held[1], AV_PIX_FMT_YUV420P, 2));
    connection_close(&sleeper);
    connection_close(&reader);
    ASSERT_COMES(counters().n_lent == 0 && counters().n_readers == 0);
    cr_assert(eq(int, limef_export_get_reader(&exporter, 0, &state), AVERROR(ENOENT)));
}

Test(export, without_a_reader_nothing_is_copied_or_kept)
{
    struct connection reader;
    unsigned n_made;

    open_export((struct limef_export_settings){0});
    give(1);
    n_made = limef_pool_n_made(pictures);
    for (unsigned n = 2; n <= 20; n++)
        give(n);
    cr_assert(eq(u64, counters().copied_bytes, 0));
    cr_assert(eq(u64, counters().n_unread, 20));
    cr_assert(eq(uint, limef_pool_n_made(pictures), n_made));
    /* those who come later are told that there was something before */
    reader = join(LIMEF_EXPORT_QUEUED, 1);
    give(21);
    cr_assert(eq(u64, must_read(&reader).frame.sequence, 21));
    connection_close(&reader);
}

Test(export, the_same_memory_comes_again_and_another_size_is_other_memory)
{
    struct connection reader;
    uint64_t first[3] = {0}, buffer = 0;

    open_export((struct limef_export_settings){0});
    reader = join(LIMEF_EXPORT_QUEUED, 1);
    for (unsigned n = 0; n < 9; n++) {
        struct picture picture;

        give_picture(AV_PIX_FMT_YUV420P, n / 3 ? 640 : 64, 48, n);
        picture = must_read(&reader);
        buffer = picture.frame.buffer;
        if (n % 3 == 0)
            first[n / 3] = buffer;
        cr_assert(is_picture(&reader, &picture, AV_PIX_FMT_YUV420P, n));
        connection_release(&reader, &picture);
        ASSERT_COMES(counters().n_lent == 0);
    }
    cr_assert(ne(u64, first[0], first[1]));
    cr_assert(eq(u64, first[1], first[2]));
    cr_assert(eq(u64, buffer, first[2]));
    connection_close(&reader);
}

Test(export, a_reader_cannot_change_what_others_read)
{
    struct connection reader;
    struct picture picture;
    struct stat file;

    open_export((struct limef_export_settings){0});
    reader = join(LIMEF_EXPORT_QUEUED, 1);
    give(1);
    picture = must_read(&reader);
    cr_assert(eq(int, fstat(picture.fds[0], &file), 0));
    cr_assert(eq(int, ftruncate(picture.fds[0], 0), -1));
    cr_assert(eq(int, ftruncate(picture.fds[0], 2 * file.st_size), -1));
    cr_assert(eq(int, fcntl(picture.fds[0], F_ADD_SEALS, F_SEAL_WRITE), -1));
    cr_assert(eq(int, (int)pwrite(picture.fds[0], "x", 1, 0), -1));
    cr_assert(
        eq(ptr, mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, picture.fds[0], 0), MAP_FAILED));
    connection_close(&reader);
}

Test(export, a_picture_that_nobody_counts_is_copied_at_once)
{
    struct AVFrame *av = make_picture(AV_PIX_FMT_YUV420P, 64, 48, 5);
    struct AVFrame bare = {.format = av->format, .width = av->width, .height = av->height};
    struct limef_decoded_frame decoded = make_decoded(&bare, 0);
    struct connection reader;
    struct picture picture;

    for (int i = 0; i < 3; i++) {
        bare.data[i] = av->data[i];
        bare.linesize[i] = av->linesize[i];
    }
    open_export((struct limef_export_settings){0});
    reader = join(LIMEF_EXPORT_LATEST, 1);
    connection_ask(&reader);
    limef_go(&exporter.filter, &decoded.frame);
    memset(av->data[0], 0, 64);
    picture = must_read(&reader);
    cr_assert(is_picture(&reader, &picture, AV_PIX_FMT_YUV420P, 5));
    /* on the way to the thread that serves, and there */
    cr_assert(ge(u64, counters().copied_bytes, 2 * (64 * 48 * 3 / 2)));
    cr_assert(eq(str, (char *)counters().copied_why, "nobody counts references to the picture"));
    connection_close(&reader);
    av_frame_free(&av);
}

Test(export, the_socket_has_its_permissions_and_goes_with_the_export)
{
    struct stat file;

    open_export((struct limef_export_settings){0});
    cr_assert(eq(int, lstat(socket_path(), &file), 0));
    cr_assert(eq(uint, file.st_mode & 0777, 0600));
    limef_filter_clear(&exporter.filter);
    cr_assert(eq(int, lstat(socket_path(), &file), -1));
    open_export((struct limef_export_settings){.permissions = 0666});
    cr_assert(eq(int, lstat(socket_path(), &file), 0));
    cr_assert(eq(uint, file.st_mode & 0777, 0666));
}

Test(export, takes_over_a_dead_socket_but_no_live_one_and_no_file)
{
    struct limef_export_filter second = {0};
    struct limef_export_settings settings = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int dead = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    char path[108];

    snprintf(path, sizeof(path), "%s", socket_path());
    memcpy(address.sun_path, path, sizeof(path));
    cr_assert(eq(int, bind(dead, (const struct sockaddr *)&address, sizeof(address)), 0));
    close(dead);
    cr_assert(eq(int, open_export((struct limef_export_settings){0}), 0));
    settings.path = path;
    cr_assert(eq(int, limef_export_filter_init(&second, "second", &settings), AVERROR(EADDRINUSE)));
    limef_filter_clear(&second.filter);
    settings.path = media_write("file", "x", 1);
    cr_assert(eq(int, limef_export_filter_init(&second, "second", &settings), AVERROR(EADDRINUSE)));
    cr_assert(eq(int, access(settings.path, F_OK), 0));
}

Test(export, says_what_is_wrong_with_its_settings)
{
    char long_path[200];

    memset(long_path, 'a', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    limef_log_set_sink(note_log, NULL);
    cr_assert(eq(int, limef_export_filter_init(&exporter, NULL, &(struct limef_export_settings){0}),
                 AVERROR(EINVAL)));
    cr_assert(eq(int,
                 limef_export_filter_init(&exporter, NULL,
                                          &(struct limef_export_settings){.path = long_path}),
                 AVERROR(ENAMETOOLONG)));
    cr_assert(
        eq(int, open_export((struct limef_export_settings){.max_readers = 65}), AVERROR(EINVAL)));
    cr_assert(
        eq(int, open_export((struct limef_export_settings){.max_depth = 65}), AVERROR(EINVAL)));
    cr_assert(eq(uint, n_errors_logged, 4));
    cr_assert(eq(uint, limef_export_max_pictures(&(struct limef_export_settings){0}) >= 8 * 4, 1));
}

Test(export, each_failing_allocation_of_init_is_said_and_leaks_nothing)
{
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        int ret;

        n_errors_logged = 0;
        media_folder();
        if (!pictures)
            pictures = limef_pool_create(LIMEF_FRAME_DECODED);
        failing_install(n);
        ret = open_export((struct limef_export_settings){0});
        failed = failing_failed();
        cr_assert(eq(int, ret < 0, failed));
        cr_assert(eq(uint, n_errors_logged, failed));
        limef_filter_clear(&exporter.filter);
        cr_assert(eq(int, failing_n_out(), 0));
        failing_remove();
    }
}

Test(export, a_picture_for_which_there_is_no_memory_is_missed)
{
    struct connection reader;

    open_export((struct limef_export_settings){0});
    give(0); /* the pool has pictures now */
    reader = join(LIMEF_EXPORT_QUEUED, 1);
    for (unsigned n = 1; n <= 3; n++) { /* memfd, AVFrame, its buffer */
        failing_install(n);
        give_picture(AV_PIX_FMT_GRAY8, 64, 48, n);
        ASSERT_COMES(counters().n_failed + counters().n_sent == n);
        failing_remove();
    }
    cr_assert(gt(u64, counters().n_failed, 0));
    give(4);
    cr_assert(eq(u64, must_read(&reader).frame.n_missed, counters().n_failed));
    connection_close(&reader);
}
