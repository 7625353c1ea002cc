/* SPDX-License-Identifier: MIT */
#include <limef/filter/snapshot.h>

#include "support/failing.h"
#include "support/make_media.h"

#include <limef/base/log.h>
#include <limef/frame/any.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct limef_snapshot_filter snapshot;
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

TestSuite(snapshot, .init = set_up, .fini = media_remove, .timeout = 20);

/* White, with a black quarter at the top left. */
static AVFrame *make_marked(int width, int height)
{
    AVFrame *picture = av_frame_alloc();

    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = width;
    picture->height = height;
    cr_assert(eq(int, av_frame_get_buffer(picture, 0), 0));
    for (int y = 0; y < height; y++) {
        memset(picture->data[0] + y * picture->linesize[0], 235, (size_t)width);
        if (y < height / 2)
            memset(picture->data[0] + y * picture->linesize[0], 16, (size_t)(width / 2));
    }
    for (int i = 1; i < 3; i++)
        memset(picture->data[i], 128, (size_t)picture->linesize[i] * (size_t)((height + 1) / 2));
    return picture;
}

static int give(int rotation_degrees, int mirrored)
{
    AVFrame *picture = make_marked(64, 48);
    struct limef_decoded_frame decoded = {
        .frame = {.frame_class = LIMEF_FRAME_DECODED,
                  .slot = 5,
                  .media = LIMEF_MEDIA_VIDEO,
                  .pts_us = 77},
        .av = picture,
        .rotation_degrees = (int16_t)rotation_degrees,
        .mirrored = (int16_t)mirrored,
    };
    int ret = limef_go(&snapshot.filter, &decoded.frame);

    av_frame_free(&picture);
    return ret;
}

static void ask(void)
{
    struct limef_signal_frame signal;

    limef_signal_frame_set(&signal, LIMEF_SIGNAL_SNAPSHOT, 5, NULL);
    limef_go(&snapshot.filter, &signal.frame);
}

static void init(const char *path, enum limef_snapshot_when when)
{
    memset(&snapshot, 0, sizeof(snapshot));
    n_logged = 0;
    limef_snapshot_filter_init(&snapshot, NULL,
                               &(struct limef_snapshot_settings){.path = path, .when = when});
}

/* Decodes an image file. */
static AVFrame *read_image(const char *path, enum AVCodecID codec)
{
    AVCodecContext *context = avcodec_alloc_context3(avcodec_find_decoder(codec));
    AVPacket *packet = av_packet_alloc();
    AVFrame *picture = av_frame_alloc();
    size_t size;
    unsigned char *bytes = media_read(path, &size);

    cr_assert(eq(int, avcodec_open2(context, NULL, NULL), 0));
    cr_assert(eq(int, av_new_packet(packet, (int)size), 0));
    memcpy(packet->data, bytes, size);
    cr_assert(eq(int, avcodec_send_packet(context, packet), 0));
    avcodec_send_packet(context, NULL);
    cr_assert(eq(int, avcodec_receive_frame(context, picture), 0));
    avcodec_free_context(&context);
    av_packet_free(&packet);
    free(bytes);
    return picture;
}

/* Brightness (of green in RGB) in the middle of a quarter: 0 top left, 1 top right, 2, 3 below. */
static int quarter(const AVFrame *picture, int n)
{
    int step = picture->format == AV_PIX_FMT_RGB24 ? 3 : 1;
    int x = picture->width * (n % 2 ? 3 : 1) / 4, y = picture->height * (n / 2 ? 3 : 1) / 4;

    return picture->data[0][y * picture->linesize[0] + x * step];
}

static void expect_dark_quarter(const char *path, enum AVCodecID codec, int dark)
{
    AVFrame *picture = read_image(path, codec);

    for (int n = 0; n < 4; n++)
        cr_assert(eq(int, quarter(picture, n) < 40, n == dark), "%s: quarter %d", path, n);
    for (int n = 0; n < 4; n++)
        cr_assert(n == dark || quarter(picture, n) > 245, "%s: quarter %d is not white", path, n);
    av_frame_free(&picture);
}

Test(snapshot, writes_the_next_picture_after_a_signal_and_no_other)
{
    init(media_path("a%s-%n-%t%%.png"), LIMEF_SNAPSHOT_ASKED);
    give(0, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(snapshot.n_written), 0));
    ask();
    give(0, 0);
    give(0, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(snapshot.n_written), 1));
    expect_dark_quarter(media_path("a5-000001-77%.png"), AV_CODEC_ID_PNG, 0);
}

Test(snapshot, first_and_every_need_no_signal)
{
    init(media_path("first-%n.png"), LIMEF_SNAPSHOT_FIRST);
    give(0, 0);
    give(0, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(snapshot.n_written), 1));
    init(media_path("every-%n.png"), LIMEF_SNAPSHOT_EVERY);
    for (int i = 0; i < 3; i++)
        give(0, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(snapshot.n_written), 3));
    expect_dark_quarter(media_path("every-000003.png"), AV_CODEC_ID_PNG, 0);
}

Test(snapshot, jpeg_by_suffix)
{
    init(media_path("a.jpg"), LIMEF_SNAPSHOT_FIRST);
    give(0, 0);
    expect_dark_quarter(media_path("a.jpg"), AV_CODEC_ID_MJPEG, 0);
}

Test(snapshot, is_upright)
{
    /* clockwise the top left goes to the top right, then to the bottom right, ... */
    static const struct {
        int degrees, mirrored, dark;
    } cases[] = {{90, 0, 1}, {180, 0, 3}, {270, 0, 2}, {0, 1, 1}, {90, 1, 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AVFrame *picture;

        init(media_path("turned.png"), LIMEF_SNAPSHOT_EVERY);
        give(cases[i].degrees, cases[i].mirrored);
        expect_dark_quarter(media_path("turned.png"), AV_CODEC_ID_PNG, cases[i].dark);
        picture = read_image(media_path("turned.png"), AV_CODEC_ID_PNG);
        cr_assert(eq(int, picture->width, cases[i].degrees % 180 ? 48 : 64));
        av_frame_free(&picture);
        init(media_path("turned.jpg"), LIMEF_SNAPSHOT_EVERY);
        give(cases[i].degrees, cases[i].mirrored);
        expect_dark_quarter(media_path("turned.jpg"), AV_CODEC_ID_MJPEG, cases[i].dark);
    }
}

Test(snapshot, a_failure_is_said_and_counted_and_playing_goes_on)
{
    init("/nowhere at all/a.png", LIMEF_SNAPSHOT_EVERY);
    cr_assert(eq(int, give(0, 0), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(snapshot.n_failed), 1));
    cr_assert(eq(uint, n_logged, 1));
    init(media_path("a.gif"), LIMEF_SNAPSHOT_EVERY);
    give(0, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(snapshot.n_failed), 1));
}

Test(snapshot, a_file_that_could_not_be_finished_does_not_appear)
{
    char part[64];

    snprintf(part, sizeof(part), "b.png.%ld.part", (long)getpid());
    cr_assert(eq(int, symlink("/dev/full", media_path(part)), 0));
    init(media_path("b.png"), LIMEF_SNAPSHOT_EVERY);
    give(0, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(snapshot.n_failed), 1));
    cr_assert(ne(int, access(media_path("b.png"), F_OK), 0));
    cr_assert(ne(int, access(media_path(part), F_OK), 0));
}

Test(snapshot, each_failing_allocation_is_said_and_leaks_nothing)
{
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        init(media_path("c.png"), LIMEF_SNAPSHOT_EVERY);
        failing_install(n);
        cr_assert(eq(int, give(90, 0), 0));
        failed = failing_failed();
        cr_assert(eq(int, failing_n_out(), 0));
        cr_assert(eq(u64, LIMEF_COUNTED(snapshot.n_failed), failed));
        failing_remove();
    }
}
