/* SPDX-License-Identifier: MIT */
/* What is drawn, pixel by pixel, offscreen. */
#include "rendering.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <limef/base/log.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct limef_tile tiles[4];
static struct limef_presenter presenter;

static void open_presenter(unsigned n_tiles, struct limef_presenter_settings settings)
{
    if (!rendering_open(&presenter, tiles, n_tiles, settings)) {
        limef_filter_clear(&presenter.filter);
        RENDERING_SKIP("no surfaceless EGL here");
    }
}

static void close_presenter(void)
{
    limef_filter_clear(&presenter.filter);
}

/* Shows a picture pixel for pixel in an output of its own size and compares every pixel. */
static void expect_picture(AVFrame *av, struct limef_presenter_settings settings, double tolerance)
{
    double worst = 0, rgb[3];
    int width = 0, height = 0, at_x = 0, at_y = 0;
    uint8_t *rgba;

    open_presenter(1, settings);
    cr_assert(eq(int, rendering_show(&presenter, 0, av, 0, false), 0));
    rgba = rendering_read(&presenter, &width, &height);
    cr_assert(eq(int, width, av->width));
    cr_assert(eq(int, height, av->height));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double off;

            rendering_expected(av, x, y, rgb);
            off = rendering_off_by(rgba + 4 * (y * width + x), rgb);
            if (off > worst) {
                worst = off;
                at_x = x;
                at_y = y;
            }
        }
    cr_expect(worst <= tolerance, "%s: off by %.1f at %d,%d", av_get_pix_fmt_name(av->format),
              worst, at_x, at_y);
    free(rgba);
    close_presenter();
}

static void expect_format(int pix_fmt, struct limef_presenter_settings settings, double tolerance)
{
    AVFrame *even = rendering_waves(pix_fmt, 64, 48), *odd = rendering_waves(pix_fmt, 161, 121);

    expect_picture(even, settings, tolerance);
    expect_picture(odd, settings, tolerance);
    av_frame_free(&even);
    av_frame_free(&odd);
}

static const int formats_8[] = {
    AV_PIX_FMT_YUV420P,  AV_PIX_FMT_YUV422P,  AV_PIX_FMT_YUV444P,  AV_PIX_FMT_YUV411P,
    AV_PIX_FMT_YUV440P,  AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P,
    AV_PIX_FMT_YUVA420P, AV_PIX_FMT_NV12,     AV_PIX_FMT_NV21,     AV_PIX_FMT_NV16,
    AV_PIX_FMT_GRAY8,    AV_PIX_FMT_RGB24,    AV_PIX_FMT_BGR24,    AV_PIX_FMT_RGBA,
    AV_PIX_FMT_BGRA,     AV_PIX_FMT_ARGB,     AV_PIX_FMT_ABGR,     AV_PIX_FMT_0RGB,
    AV_PIX_FMT_GBRP,
};
static const int formats_deep[] = {
    AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV444P10, AV_PIX_FMT_YUV420P12,
    AV_PIX_FMT_YUV420P16, AV_PIX_FMT_P010,      AV_PIX_FMT_GRAY10,    AV_PIX_FMT_GRAY16,
    AV_PIX_FMT_GBRP10,    AV_PIX_FMT_RGB48,
};
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

Test(compositor, every_8_bit_format_has_its_colours)
{
    for (unsigned i = 0; i < N_OF(formats_8); i++)
        expect_format(formats_8[i], (struct limef_presenter_settings){0}, RENDERING_TOLERANCE);
}

Test(compositor, every_deeper_format_has_its_colours)
{
    for (unsigned i = 0; i < N_OF(formats_deep); i++)
        expect_format(formats_deep[i], (struct limef_presenter_settings){0}, RENDERING_TOLERANCE);
}

Test(compositor, plain_gles2_has_the_same_colours)
{
    struct limef_presenter_settings settings = {.plain = LIMEF_PRESENTER_GLES2};

    for (unsigned i = 0; i < N_OF(formats_8); i++)
        expect_format(formats_8[i], settings, RENDERING_TOLERANCE);
    /* made 8 bits deep, with dither, by swscale */
    expect_format(AV_PIX_FMT_YUV420P10, settings, RENDERING_TOLERANCE + 2);
    expect_format(AV_PIX_FMT_P010, settings, RENDERING_TOLERANCE + 2);
}

Test(compositor, matrix_range_and_siting_are_those_of_the_picture)
{
    static const enum AVColorSpace spaces[] = {AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT709,
                                               AVCOL_SPC_BT2020_NCL};
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 161, 121);

    for (unsigned i = 0; i < N_OF(spaces); i++)
        for (int range = AVCOL_RANGE_MPEG; range <= AVCOL_RANGE_JPEG; range++) {
            av->colorspace = spaces[i];
            av->color_range = range;
            expect_picture(av, (struct limef_presenter_settings){0}, RENDERING_TOLERANCE);
        }
    for (int siting = AVCHROMA_LOC_LEFT; siting <= AVCHROMA_LOC_BOTTOM; siting++) {
        av->chroma_location = siting;
        expect_picture(av, (struct limef_presenter_settings){0}, RENDERING_TOLERANCE);
    }
    av_frame_free(&av);
}

Test(compositor, a_format_without_a_shader_is_converted_and_counted, .fini = close_presenter)
{
    static const int blue[3] = {0, 0, 255};
    AVFrame *av = rendering_plain(AV_PIX_FMT_GBRAP, 32, 32, blue);
    struct limef_presenter_slot_counters counters;
    int width, height;
    uint8_t *rgba;

    av_frame_free(&av);
    av = av_frame_alloc();
    av->format = AV_PIX_FMT_RGB565LE;
    av->width = av->height = 32;
    cr_assert(eq(int, av_frame_get_buffer(av, 0), 0));
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++) {
            av->data[0][y * av->linesize[0] + 2 * x] = 0x1f;
            av->data[0][y * av->linesize[0] + 2 * x + 1] = 0;
        }
    open_presenter(1, (struct limef_presenter_settings){0});
    cr_assert(eq(int, rendering_show(&presenter, 0, av, 0, false), 0));
    rgba = rendering_read(&presenter, &width, &height);
    cr_expect(rendering_off_by(rgba + 4 * (16 * width + 16), (const double[3]){0, 0, 255}) <=
              RENDERING_TOLERANCE);
    limef_presenter_get_counters(&presenter, 0, &counters);
    cr_expect(ge(u64, counters.memory_bytes, 32 * 32 * 4));
    free(rgba);
    av_frame_free(&av);
}

static void expect_turned(const AVFrame *av, int degrees, bool mirrored)
{
    int width, height;
    double worst = 0, rgb[3];
    uint8_t *rgba;

    open_presenter(1, (struct limef_presenter_settings){0});
    rendering_show(&presenter, 0, av, degrees, mirrored);
    rgba = rendering_read(&presenter, &width, &height);
    cr_assert(eq(int, width, degrees % 180 ? 48 : 64));
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 64; x++) {
            /* where a stored pixel goes when the picture is turned clockwise */
            int to_x = degrees == 0 ? x : degrees == 90 ? 47 - y : degrees == 180 ? 63 - x : y;
            int to_y = degrees == 0 ? y : degrees == 90 ? x : degrees == 180 ? 47 - y : 63 - x;

            if (mirrored)
                to_x = width - 1 - to_x;
            rendering_expected(av, x, y, rgb);
            worst = fmax(worst, rendering_off_by(rgba + 4 * (to_y * width + to_x), rgb));
        }
    cr_expect(worst <= RENDERING_TOLERANCE, "%s, %d degrees, mirrored %d: off by %.1f",
              av_get_pix_fmt_name(av->format), degrees, mirrored, worst);
    free(rgba);
    close_presenter();
}

Test(compositor, rotation_and_mirror_turn_every_pixel)
{
    static const int formats[] = {AV_PIX_FMT_RGB24, AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12};

    for (unsigned i = 0; i < N_OF(formats); i++) {
        AVFrame *av = rendering_waves(formats[i], 64, 48);

        for (int turn = 0; turn < 8; turn++)
            expect_turned(av, turn % 4 * 90, turn >= 4);
        av_frame_free(&av);
    }
}

Test(compositor, a_picture_has_its_colours_wherever_its_tile_lies, .fini = close_presenter)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 64, 48);
    double worst = 0, rgb[3];
    int width, height;
    uint8_t *rgba;

    open_presenter(4, (struct limef_presenter_settings){.width = 128, .height = 96});
    for (uint32_t slot = 0; slot < 4; slot++)
        rendering_show(&presenter, slot, av, 0, false);
    rgba = rendering_read(&presenter, &width, &height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            rendering_expected(av, x % 64, y % 48, rgb);
            worst = fmax(worst, rendering_off_by(rgba + 4 * (y * width + x), rgb));
        }
    cr_expect(worst <= RENDERING_TOLERANCE, "off by %.1f", worst);
    free(rgba);
    av_frame_free(&av);
}

static const int white[3] = {235, 128, 128}, gray[3] = {126, 128, 128};

static int luma_at(const uint8_t *rgba, int width, int x, int y)
{
    return rgba[4 * (y * width + x) + 1];
}

Test(compositor, tiles_lie_side_by_side_with_black_around, .fini = close_presenter)
{
    AVFrame *bright = rendering_plain(AV_PIX_FMT_YUV420P, 64, 64, white);
    AVFrame *dim = rendering_plain(AV_PIX_FMT_YUV420P, 64, 64, gray);
    int width, height;
    uint8_t *rgba;

    open_presenter(2, (struct limef_presenter_settings){.width = 320, .height = 90});
    rendering_show(&presenter, 0, bright, 0, false);
    rendering_show(&presenter, 1, dim, 0, false);
    rgba = rendering_read(&presenter, &width, &height);
    cr_expect(ge(int, luma_at(rgba, width, 80, 45), 253));
    cr_expect(eq(int, luma_at(rgba, width, 10, 45), 0));
    cr_expect(lt(int, abs(luma_at(rgba, width, 240, 45) - 128), 3));
    free(rgba);
    cr_assert(eq(int, limef_presenter_set_layout(&presenter, 1), 0));
    limef_presenter_tick(&presenter, limef_now_us());
    rgba = rendering_read(&presenter, &width, &height);
    cr_expect(lt(int, abs(luma_at(rgba, width, 160, 45) - 128), 3));
    cr_expect(eq(int, luma_at(rgba, width, 80, 45), 0));
    free(rgba);
    av_frame_free(&bright);
    av_frame_free(&dim);
}

Test(compositor, a_stream_may_change_its_size_and_format, .fini = close_presenter)
{
    AVFrame *small = rendering_plain(AV_PIX_FMT_YUV420P, 32, 32, gray);
    AVFrame *large = rendering_plain(AV_PIX_FMT_NV12, 640, 360, white);
    int width, height;
    uint8_t *rgba;

    open_presenter(1, (struct limef_presenter_settings){.width = 160, .height = 90});
    for (int i = 0; i < 3; i++) {
        rendering_show(&presenter, 0, small, 0, false);
        rendering_show(&presenter, 0, large, 0, false);
    }
    rgba = rendering_read(&presenter, &width, &height);
    cr_expect(ge(int, luma_at(rgba, width, 2, 45), 253));
    free(rgba);
    rendering_show(&presenter, 0, small, 0, false);
    rgba = rendering_read(&presenter, &width, &height);
    cr_expect(eq(int, luma_at(rgba, width, 2, 45), 0));
    cr_expect(lt(int, abs(luma_at(rgba, width, 80, 45) - 128), 3));
    free(rgba);
    av_frame_free(&small);
    av_frame_free(&large);
}

static void count_lines(void *context, enum limef_log_level level, const char *name,
                        const char *line)
{
    (void)name;
    (void)line;
    if (level <= LIMEF_LOG_WARNING)
        ++*(int *)context;
}

Test(compositor, pictures_that_are_too_large_are_refused_in_one_line, .fini = close_presenter)
{
    AVFrame *large = rendering_waves(AV_PIX_FMT_GRAY8, 70000, 2);
    struct limef_presenter_slot_counters counters;
    int n_lines = 0;

    open_presenter(1, (struct limef_presenter_settings){.width = 64, .height = 48});
    limef_log_set_sink(count_lines, &n_lines);
    for (int i = 0; i < 3; i++)
        rendering_show(&presenter, 0, large, 0, false);
    limef_log_set_sink(NULL, NULL);
    limef_presenter_get_counters(&presenter, 0, &counters);
    cr_assert(eq(u64, counters.n_failed, 3));
    cr_assert(eq(int, n_lines, 1));
    av_frame_free(&large);
}

Test(compositor, upload_is_counted_and_the_only_transfer, .fini = close_presenter)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 161, 121);
    struct limef_presenter_slot_counters counters;

    open_presenter(1, (struct limef_presenter_settings){0});
    rendering_show(&presenter, 0, av, 0, false);
    limef_presenter_get_counters(&presenter, 0, &counters);
    cr_expect(eq(u64, counters.uploaded_bytes, 161 * 121 + 2 * 81 * 61));
    av_frame_free(&av);
}

static unsigned n_bright(const uint8_t *rgba, int width, int height)
{
    unsigned n = 0;

    for (int i = 0; i < width * height; i++)
        n += rgba[4 * i] > 200;
    return n;
}

static void expect_text(bool expected, const char *when)
{
    int width, height;
    uint8_t *rgba = rendering_read(&presenter, &width, &height);

    cr_expect(eq(int, n_bright(rgba, width, height) > 20, expected), "%s", when);
    free(rgba);
}

Test(compositor, tiles_without_a_picture_say_why, .fini = close_presenter)
{
    static const int black[3] = {16, 128, 128};
    AVFrame *av = rendering_plain(AV_PIX_FMT_YUV420P, 320, 180, black);
    struct limef_signal_frame end;

    if (!LIMEF_HAVE_TEXT)
        cr_skip_test("built without text");
    open_presenter(1, (struct limef_presenter_settings){0});
    rendering_show(&presenter, 0, av, 0, false);
    expect_text(false, "playing");
    limef_presenter_set_overlay(&presenter, "fps 25\nlate 0");
    expect_text(true, "overlay");
    limef_presenter_set_overlay(&presenter, NULL);
    expect_text(false, "overlay gone");
    limef_signal_frame_set(&end, LIMEF_SIGNAL_END, 0, NULL);
    limef_go(&presenter.filter, &end.frame);
    limef_presenter_tick(&presenter, limef_now_us() + 1000000); /* the picture's time is over */
    expect_text(true, "ended");
    rendering_show(&presenter, 0, av, 0, false);
    expect_text(false, "playing again");
    limef_signal_frame_set(&end, LIMEF_SIGNAL_LOST, 0, "no signal");
    limef_go(&presenter.filter, &end.frame);
    limef_presenter_tick(&presenter, limef_now_us() + 12000000);
    expect_text(true, "lost");
    av_frame_free(&av);
}

static AVFrame *decode_file(const char *path)
{
    AVFormatContext *format = NULL;
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_PNG));
    AVPacket *packet = av_packet_alloc();
    AVFrame *av = av_frame_alloc();

    cr_assert(eq(int, avformat_open_input(&format, path, NULL, NULL), 0));
    cr_assert(eq(int, avcodec_open2(codec, NULL, NULL), 0));
    cr_assert(eq(int, av_read_frame(format, packet), 0));
    cr_assert(eq(int, avcodec_send_packet(codec, packet), 0));
    avcodec_send_packet(codec, NULL);
    cr_assert(eq(int, avcodec_receive_frame(codec, av), 0));
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    avformat_close_input(&format);
    return av;
}

Test(compositor, a_snapshot_has_the_pixels_of_the_screen, .fini = close_presenter)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 161, 121), *read;
    char path[] = "/tmp/limef_snapshot_XXXXXX.png";
    int width, height, n_wrong = 0, fd = mkstemps(path, 4);
    uint8_t *rgba;

    close(fd);
    open_presenter(1, (struct limef_presenter_settings){0});
    rendering_show(&presenter, 0, av, 0, false);
    cr_assert(eq(int, limef_presenter_snapshot(&presenter, path), 0));
    rgba = rendering_read(&presenter, &width, &height);
    read = decode_file(path);
    unlink(path);
    cr_assert(eq(int, read->width, width));
    cr_assert(eq(int, read->format, AV_PIX_FMT_RGB24));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                n_wrong += read->data[0][y * read->linesize[0] + 3 * x + c] !=
                           rgba[4 * (y * width + x) + c];
    cr_expect(eq(int, n_wrong, 0));
    free(rgba);
    av_frame_free(&read);
    av_frame_free(&av);
}
