/* SPDX-License-Identifier: MIT */
/*
 * Field pictures of H.264 (PAFF), which no encoder at hand makes: a stream of
 * uncompressed and skipped macroblocks (ITU-T H.264, 7.3), decoded by libavcodec
 * in software and through the tests' VA-API driver.
 */
#include "../bits.h"
#include "display.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>

#define N_COLUMNS 4    /* macroblocks */
#define N_FIELD_ROWS 3 /* of a field */
#define N_MACROBLOCKS (N_COLUMNS * N_FIELD_ROWS)
#define WIDTH (16 * N_COLUMNS)
#define HEIGHT (2 * 16 * N_FIELD_ROWS)
#define MACROBLOCK_BYTES 384
#define N_FRAMES 6
#define PICTURE_BYTES (WIDTH * HEIGHT * 3 / 2)
#define SLICE_P 5 /* and all of the picture's others, too */
#define SLICE_I 7
#define IN_I_PCM 25
#define IN_P_PCM 30

TestSuite(va_fields, .init = display_prepare, .timeout = 60);

struct field {
    unsigned frame;
    bool is_bottom, is_intra;
};

static void append(struct bytes *stream, uint8_t header, struct bit_writer *writer)
{
    struct bytes unit = {0};

    put_alignment(writer);
    bytes_append(&unit, &header, 1);
    bytes_append(&unit, writer->bytes.data, writer->bytes.size);
    append_nal(stream, unit.data, unit.size);
    bytes_clear(&unit);
    bytes_clear(&writer->bytes);
}

static void append_headers(struct bytes *stream)
{
    struct bit_writer writer = {0};

    put_bits(&writer, 24, 77 << 16 | 30); /* Main, level 3 */
    put_ue(&writer, 0);
    put_ue(&writer, 0); /* frame_num has 4 bits */
    put_ue(&writer, 0); /* pic_order_cnt_type */
    put_ue(&writer, 4); /* the order count has 8 */
    put_ue(&writer, 2); /* references */
    put_flag(&writer, false);
    put_ue(&writer, N_COLUMNS - 1);
    put_ue(&writer, N_FIELD_ROWS - 1);
    put_flag(&writer, false); /* frame_mbs_only_flag */
    put_flag(&writer, false); /* mb_adaptive_frame_field_flag */
    put_flag(&writer, true);  /* direct_8x8_inference_flag */
    put_bits(&writer, 2, 0);  /* no cropping, no VUI */
    append(stream, 0x67, &writer);

    put_ue(&writer, 0);
    put_ue(&writer, 0);
    put_bits(&writer, 2, 0); /* CAVLC, no order count of the bottom field */
    put_ue(&writer, 0);
    put_ue(&writer, 1); /* two references of a P field */
    put_ue(&writer, 0);
    put_bits(&writer, 3, 0);
    put_se(&writer, 0);
    put_se(&writer, 0);
    put_se(&writer, 0);
    put_bits(&writer, 3, 0);
    append(stream, 0x68, &writer);
}

/* 7.3.3 */
static void put_header(struct bit_writer *writer, const struct field *field, bool is_idr)
{
    put_ue(writer, 0); /* first_mb_in_slice */
    put_ue(writer, field->is_intra ? SLICE_I : SLICE_P);
    put_ue(writer, 0);
    put_bits(writer, 4, field->frame);
    put_flag(writer, true); /* field_pic_flag */
    put_flag(writer, field->is_bottom);
    if (is_idr)
        put_ue(writer, 0);
    put_bits(writer, 8, 2 * field->frame + field->is_bottom);
    if (!field->is_intra) {
        put_flag(writer, field->frame == 0); /* num_ref_idx_active_override_flag */
        if (field->frame == 0)
            put_ue(writer, 0);   /* the first field alone */
        put_flag(writer, false); /* ref_pic_list_modification_flag_l0 */
    }
    put_bits(writer, is_idr ? 2 : 1, 0);
    put_se(writer, 0); /* slice_qp_delta */
}

/* Every third macroblock of a P field is new; of an I field each. */
static void append_field(struct bytes *stream, const struct field *field)
{
    bool is_idr = field->frame == 0 && !field->is_bottom;
    struct bit_writer writer = {0};
    unsigned n_skipped = 0;

    put_header(&writer, field, is_idr);
    for (unsigned i = 0; i < N_MACROBLOCKS; i++) {
        if (!field->is_intra) {
            if ((i + field->frame + field->is_bottom) % 3) {
                n_skipped++;
                continue;
            }
            put_ue(&writer, n_skipped);
            n_skipped = 0;
        }
        put_ue(&writer, field->is_intra ? IN_I_PCM : IN_P_PCM);
        if (writer.n_used)
            put_bits(&writer, 8 - writer.n_used, 0);
        for (unsigned at = 0; at < MACROBLOCK_BYTES; at++)
            put_bits(&writer, 8, (at + 37 * i + 11 * field->frame + 90 * field->is_bottom) % 220);
    }
    if (n_skipped)
        put_ue(&writer, n_skipped);
    append(stream, is_idr ? 0x65 : 0x61, &writer);
}

static enum AVPixelFormat choose(AVCodecContext *av, const enum AVPixelFormat *formats)
{
    (void)av;
    while (*formats != AV_PIX_FMT_VAAPI && *formats != AV_PIX_FMT_NONE)
        formats++;
    return *formats;
}

/* Planar, without gaps. */
static void keep(uint8_t *picture, const AVFrame *frame)
{
    for (int row = 0; row < HEIGHT; row++, picture += WIDTH)
        memcpy(picture, frame->data[0] + row * frame->linesize[0], WIDTH);
    for (int plane = 0; plane < 2; plane++) {
        bool is_nv12 = frame->format == AV_PIX_FMT_NV12;
        const uint8_t *from = is_nv12 ? frame->data[1] + plane : frame->data[1 + plane];

        for (int row = 0; row < HEIGHT / 2; row++, picture += WIDTH / 2) {
            for (int i = 0; i < WIDTH / 2; i++)
                picture[i] =
                    from[row * frame->linesize[is_nv12 ? 1 : 1 + plane] + (is_nv12 ? 2 * i : i)];
        }
    }
}

static unsigned receive(AVCodecContext *av, uint8_t (*pictures)[PICTURE_BYTES], unsigned n)
{
    AVFrame *frame = av_frame_alloc(), *copy = av_frame_alloc();

    while (avcodec_receive_frame(av, frame) == 0 && n < N_FRAMES) {
        cr_assert(eq(int, frame->width, WIDTH));
        cr_assert(eq(int, frame->height, HEIGHT));
        if (frame->hw_frames_ctx) {
            cr_assert(eq(int, av_hwframe_transfer_data(copy, frame, 0), 0));
            keep(pictures[n++], copy);
            av_frame_unref(copy);
        } else {
            keep(pictures[n++], frame);
        }
    }
    av_frame_free(&frame);
    av_frame_free(&copy);
    return n;
}

static void decode(uint8_t (*pictures)[PICTURE_BYTES], AVBufferRef *device)
{
    AVCodecContext *av = avcodec_alloc_context3(NULL);
    AVPacket *packet = av_packet_alloc();
    unsigned n = 0;

    av->thread_count = 1;
    if (device) {
        av->hw_device_ctx = av_buffer_ref(device);
        av->get_format = choose;
    }
    cr_assert(eq(int, avcodec_open2(av, avcodec_find_decoder(AV_CODEC_ID_H264), NULL), 0));
    for (unsigned frame = 0; frame < N_FRAMES; frame++) {
        struct bytes unit = {0};

        if (frame == 0)
            append_headers(&unit);
        for (int bottom = 0; bottom < 2; bottom++)
            append_field(&unit, &(struct field){frame, bottom, frame == 0 && !bottom});
        cr_assert(eq(int, av_new_packet(packet, (int)unit.size), 0));
        memcpy(packet->data, unit.data, unit.size);
        bytes_clear(&unit);
        cr_assert(eq(int, avcodec_send_packet(av, packet), 0));
        av_packet_unref(packet);
        n = receive(av, pictures, n);
    }
    avcodec_send_packet(av, NULL);
    n = receive(av, pictures, n);
    cr_assert(eq(uint, n, N_FRAMES));
    av_packet_free(&packet);
    avcodec_free_context(&av);
}

Test(va_fields, field_pictures_equal_software)
{
    static uint8_t software[N_FRAMES][PICTURE_BYTES], hardware[N_FRAMES][PICTURE_BYTES];
    AVBufferRef *device = NULL;

    decode(software, NULL);
    cr_assert(
        eq(int, av_hwdevice_ctx_create(&device, AV_HWDEVICE_TYPE_VAAPI, "/dev/null", NULL, 0), 0));
    decode(hardware, device);
    av_buffer_unref(&device);
    for (unsigned i = 0; i < N_FRAMES; i++) {
        cr_expect(zero(int, memcmp(software[i], hardware[i], PICTURE_BYTES)), "picture %u", i);
        if (i)
            cr_expect(ne(int, memcmp(software[i], software[i - 1], PICTURE_BYTES), 0), "%u", i);
    }
    cr_assert(ne(ptr, strstr(display_report(), "pictures=12 undecoded=0"), NULL));
}
