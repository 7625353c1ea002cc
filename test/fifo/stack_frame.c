/* SPDX-License-Identifier: MIT */
#include "support/boundary.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavcodec/avcodec.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <stdlib.h>

static struct boundary boundary;
static struct limef_lane *const lane = &boundary.lane;
static struct limef_fifo *const fifo = &boundary.fifo;

static void open_lane(void)
{
    cr_assert(zero(int, boundary_open(&boundary, 4, NULL)));
}

static void close_lane(void)
{
    boundary_clear(&boundary);
}

TestSuite(copy, .init = open_lane, .fini = close_lane, .timeout = 30);

static uint8_t bytes[1000];

static int write_bytes(size_t size_bytes, int fill)
{
    struct limef_packet_frame packet = packet_frame(0, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);

    memset(bytes, fill, sizeof(bytes));
    packet.frame.payload = NULL;
    packet.data = bytes;
    packet.size_bytes = size_bytes;
    return limef_lane_write(lane, &packet.frame);
}

static struct limef_stack_frame *read_one(void)
{
    struct limef_stack_frame *stack = NULL;

    cr_assert(zero(int, limef_fifo_read(fifo, &stack, 0)));
    return stack;
}

Test(copy, of_a_packet_is_padded_and_counted)
{
    struct limef_stack_frame *stack;

    cr_assert(zero(int, write_bytes(100, 7)));
    memset(bytes, 1, sizeof(bytes));
    stack = read_one();
    cr_assert(ne(ptr, (void *)stack->any.packet.data, (void *)bytes));
    cr_assert(zero(ptr, (void *)stack->any.packet.av));
    cr_assert(eq(sz, stack->any.packet.size_bytes, 100));
    for (int i = 0; i < 100; i++)
        cr_assert(eq(u8, stack->any.packet.data[i], 7));
    for (int i = 0; i < AV_INPUT_BUFFER_PADDING_SIZE; i++)
        cr_assert(zero(u8, stack->any.packet.data[100 + i]));
    limef_fifo_recycle(fifo, stack);
    cr_assert(eq(u64, counters_of(lane).copied_bytes, 100));
    cr_assert(eq(u64, counters_of(lane).n_allocations, 1));
}

Test(copy, of_an_empty_packet)
{
    cr_assert(zero(int, write_bytes(0, 7)));
    limef_fifo_recycle(fifo, read_one());
    cr_assert(zero(u64, counters_of(lane).copied_bytes));
}

Test(copy, memory_is_kept_and_grows_once)
{
    uint64_t n_before;

    for (int i = 0; i < 4; i++) {
        write_bytes(100, i);
        limef_fifo_recycle(fifo, read_one());
    }
    n_before = limef_memory_n_allocations();
    for (int i = 0; i < 100; i++) {
        cr_assert(zero(int, write_bytes((size_t)(100 - i), i)));
        limef_fifo_recycle(fifo, read_one());
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), n_before));
    for (int i = 0; i < 8; i++) {
        write_bytes(1000, i);
        limef_fifo_recycle(fifo, read_one());
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), n_before + 4));
    cr_assert(eq(u64, counters_of(lane).n_allocations, 8));
}

Test(copy, of_a_picture_that_nobody_counts)
{
    uint8_t planes[3][64 * 32];
    AVFrame picture = {.data = {planes[0], planes[1], planes[2]},
                       .linesize = {64, 64, 64},
                       .width = 48,
                       .height = 16,
                       .format = AV_PIX_FMT_YUV420P,
                       .colorspace = AVCOL_SPC_BT709};
    struct limef_decoded_frame decoded = {.frame = {LIMEF_FRAME_DECODED}, .av = &picture};
    struct limef_stack_frame *stack;

    picture.extended_data = picture.data;
    for (int i = 0; i < 3; i++)
        memset(planes[i], 10 + i, sizeof(planes[i]));
    cr_assert(zero(int, limef_lane_write(lane, &decoded.frame)));
    memset(planes, 0, sizeof(planes));
    stack = read_one();
    for (int i = 0; i < 3; i++) {
        const AVFrame *av = stack->any.decoded.av;
        int last_row = (i ? 8 : 16) - 1, last = (i ? 24 : 48) - 1;

        cr_assert(eq(u8, av->data[i][0], 10 + i));
        cr_assert(eq(u8, av->data[i][last_row * av->linesize[i] + last], 10 + i));
    }
    cr_assert(eq(int, stack->any.decoded.av->colorspace, AVCOL_SPC_BT709));
    cr_assert(eq(int, stack->any.decoded.av->width, 48));
    limef_fifo_recycle(fifo, stack);
    cr_assert(eq(u64, counters_of(lane).copied_bytes, 48 * 16 * 3 / 2));
}

Test(copy, of_samples_that_nobody_counts)
{
    float left[100], right[100];
    AVFrame samples = {.data = {(uint8_t *)left, (uint8_t *)right},
                       .linesize = {sizeof(left)},
                       .nb_samples = 100,
                       .format = AV_SAMPLE_FMT_FLTP,
                       .sample_rate = 48000,
                       .ch_layout = AV_CHANNEL_LAYOUT_STEREO};
    struct limef_decoded_frame decoded = {
        .frame = {LIMEF_FRAME_DECODED, .media = LIMEF_MEDIA_AUDIO}, .av = &samples};
    struct limef_stack_frame *stack;

    samples.extended_data = samples.data;
    for (int i = 0; i < 100; i++) {
        left[i] = (float)i;
        right[i] = (float)-i;
    }
    cr_assert(zero(int, limef_lane_write(lane, &decoded.frame)));
    memset(left, 0, sizeof(left));
    memset(right, 0, sizeof(right));
    stack = read_one();
    cr_assert(eq(int, stack->any.decoded.av->sample_rate, 48000));
    cr_assert(eq(int, stack->any.decoded.av->ch_layout.nb_channels, 2));
    for (int i = 0; i < 100; i++) {
        cr_assert(eq(int, (int)((float *)stack->any.decoded.av->data[0])[i], i));
        cr_assert(eq(int, (int)((float *)stack->any.decoded.av->data[1])[i], -i));
    }
    limef_fifo_recycle(fifo, stack);
    cr_assert(eq(u64, counters_of(lane).copied_bytes, 800));
}

Test(copy, samples_that_nobody_counts_are_bounded_in_bytes)
{
    int16_t bytes_of_100[50];
    AVFrame samples = {.data = {(uint8_t *)bytes_of_100},
                       .linesize = {sizeof(bytes_of_100)},
                       .nb_samples = 50,
                       .format = AV_SAMPLE_FMT_S16,
                       .ch_layout = AV_CHANNEL_LAYOUT_MONO};
    struct limef_decoded_frame decoded = {.frame = {LIMEF_FRAME_DECODED}, .av = &samples};

    samples.extended_data = samples.data;
    memset(bytes_of_100, 0, sizeof(bytes_of_100));
    close_lane();
    cr_assert(zero(int, boundary_open(&boundary, 16,
                                      &(struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST,
                                                                    .max_bytes = 350})));
    for (int i = 0; i < 6; i++)
        cr_assert(zero(int, limef_lane_write(lane, &decoded.frame)));
    cr_assert(eq(uint, limef_lane_n_waiting(lane), 3));
}

Test(copy, a_picture_that_libavutil_counts_is_referenced)
{
    AVFrame *picture = av_frame_alloc();
    struct limef_decoded_frame decoded = {.frame = {LIMEF_FRAME_DECODED}, .av = picture};
    struct limef_stack_frame *stack;

    picture->format = AV_PIX_FMT_GRAY8;
    picture->width = picture->height = 16;
    cr_assert(zero(int, av_frame_get_buffer(picture, 0)));
    cr_assert(zero(int, limef_lane_write(lane, &decoded.frame)));
    stack = read_one();
    cr_assert(eq(ptr, stack->any.decoded.av->data[0], picture->data[0]));
    cr_assert(eq(int, av_buffer_get_ref_count(picture->buf[0]), 2));
    limef_fifo_recycle(fifo, stack);
    cr_assert(eq(int, av_buffer_get_ref_count(picture->buf[0]), 1));
    cr_assert(zero(u64, counters_of(lane).copied_bytes));
    av_frame_free(&picture);
}

Test(copy, of_codec_parameters)
{
    uint8_t extradata[4 + AV_INPUT_BUFFER_PADDING_SIZE] = {1, 2, 3, 4};
    AVCodecParameters parameters = {.codec_type = AVMEDIA_TYPE_VIDEO,
                                    .codec_id = AV_CODEC_ID_H264,
                                    .extradata = extradata,
                                    .extradata_size = 4,
                                    .width = 320};
    struct limef_codec_frame codec = {
        .frame = {LIMEF_FRAME_CODEC}, .parameters = &parameters, .rotation_degrees = 90};
    uint64_t n_before;

    for (int i = 0; i < 10; i++) {
        struct limef_stack_frame *stack;

        cr_assert(zero(int, limef_lane_write(lane, &codec.frame)));
        stack = read_one();
        cr_assert(ne(ptr, (void *)stack->any.codec.parameters, (void *)&parameters));
        cr_assert(eq(int, stack->any.codec.parameters->width, 320));
        cr_assert(eq(int, stack->any.codec.parameters->extradata[3], 4));
        cr_assert(eq(int, stack->any.codec.rotation_degrees, 90));
        limef_fifo_recycle(fifo, stack);
        if (i == 0)
            n_before = limef_memory_n_allocations();
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), n_before));
}

Test(copy, of_nothing_is_refused)
{
    struct limef_decoded_frame decoded = {.frame = {LIMEF_FRAME_DECODED}};
    struct limef_codec_frame codec = {.frame = {LIMEF_FRAME_CODEC}};
    AVFrame no_format = {.format = -1};

    limef_log_set_level(LIMEF_LOG_ERROR);
    cr_assert(eq(int, limef_lane_write(lane, &decoded.frame), AVERROR(EINVAL)));
    decoded.av = &no_format;
    cr_assert(lt(int, limef_lane_write(lane, &decoded.frame), 0));
    cr_assert(eq(int, limef_lane_write(lane, &codec.frame), AVERROR(EINVAL)));
    for (int i = 0; i < 8; i++) {
        cr_assert(zero(int, write_video(lane, i)));
        cr_assert(eq(int, atoi(read_all_names(fifo)), i));
    }
    cr_assert(eq(u64, counters_of(lane).n_written, 8));
}

static unsigned fails_in;

static void *allocate_a_few(void *context, size_t size_bytes)
{
    (void)context;
    return fails_in && !--fails_in ? NULL : aligned_alloc(64, (size_bytes + 63) / 64 * 64);
}

static void release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static int write_each_kind(void)
{
    uint8_t plane[16 * 16] = {0};
    AVFrame picture = {
        .data = {plane}, .linesize = {16}, .width = 16, .height = 16, .format = AV_PIX_FMT_GRAY8};
    AVCodecParameters parameters = {.codec_type = AVMEDIA_TYPE_VIDEO};
    struct limef_decoded_frame decoded = {.frame = {LIMEF_FRAME_DECODED}, .av = &picture};
    struct limef_codec_frame codec = {.frame = {LIMEF_FRAME_CODEC}, .parameters = &parameters};
    int ret = write_bytes(10, 0);

    picture.extended_data = picture.data;
    if (!ret)
        ret = limef_lane_write(lane, &decoded.frame);
    if (!ret)
        ret = limef_lane_write(lane, &codec.frame);
    return ret;
}

Test(copy, each_failing_allocation_is_an_error_and_no_leak)
{
    struct limef_allocator allocator = {allocate_a_few, release, NULL};
    int ret = AVERROR(ENOMEM);
    unsigned n = 0;

    close_lane();
    limef_log_set_level(LIMEF_LOG_ERROR);
    limef_memory_set_allocator(&allocator);
    while (ret < 0 && n < 50) {
        open_lane();
        fails_in = ++n;
        ret = write_each_kind();
        cr_assert(ret == 0 || ret == AVERROR(ENOMEM));
        close_lane();
    }
    fails_in = 0;
    limef_memory_set_allocator(NULL);
    cr_assert(zero(int, ret));
    cr_assert(gt(uint, n, 5));
}
