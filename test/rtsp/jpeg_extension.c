/* SPDX-License-Identifier: MIT */
/* What is too large for RFC 2435: headers of JPEG files in extensions of RTP headers. */
#include "units.h"

#include <libavcodec/avcodec.h>
#include <libavutil/common.h>

TestSuite(rtsp_jpeg_extension, .timeout = 30, .fini = clear);

#define WIDTH 2560
#define HEIGHT 32
#define INITIAL 0xffd8
#define OTHER 0xffff

static uint8_t file[4096];
static size_t file_bytes, scan_at; /* of it: where its scan data begin */

/* Width and height 0: too large; Q 255 with tables. */
static const uint8_t head[] = {0, 0, 0, 0, 1, 255, 0, 0};

static AVFrame *make_picture(void)
{
    AVFrame *frame = av_frame_alloc();

    frame->format = AV_PIX_FMT_YUVJ420P;
    frame->width = WIDTH;
    frame->height = HEIGHT;
    cr_assert(zero(int, av_frame_get_buffer(frame, 0)));
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane ? HEIGHT / 2 : HEIGHT); y++)
            for (int x = 0; x < (plane ? WIDTH / 2 : WIDTH); x++)
                frame->data[plane][y * frame->linesize[plane] + x] = (uint8_t)(64 + x / 16);
    return frame;
}

/* A file, as a camera makes it. */
static void make_file(void)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    AVDictionary *options = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame;

    if (!encoder)
        cr_skip_test("no encoder");
    encoder->width = WIDTH;
    encoder->height = HEIGHT;
    encoder->pix_fmt = AV_PIX_FMT_YUVJ420P;
    encoder->time_base = (AVRational){1, 25};
    encoder->flags |= AV_CODEC_FLAG_QSCALE;
    encoder->global_quality = 8 * FF_QP2LAMBDA;
    av_dict_set(&options, "huffman", "default", 0);
    cr_assert(zero(int, avcodec_open2(encoder, codec, &options)));
    frame = make_picture();
    cr_assert(zero(int, avcodec_send_frame(encoder, frame)));
    cr_assert(zero(int, avcodec_receive_packet(encoder, packet)));
    cr_assert(le(sz, (size_t)packet->size, sizeof(file)));
    file_bytes = (size_t)packet->size;
    memcpy(file, packet->data, file_bytes);
    for (scan_at = 2; file[scan_at + 1] != 0xda; scan_at += 2u + AV_RB16(file + scan_at + 2))
        cr_assert(eq(int, file[scan_at], 0xff));
    scan_at += 2u + AV_RB16(file + scan_at + 2);
    av_dict_free(&options);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&encoder);
}

/* With an extension of that, filled up. */
static int push_with(uint16_t id, const uint8_t *extension, size_t extension_bytes, bool marker,
                     const void *payload, size_t bytes)
{
    size_t padding = -extension_bytes % 4, all = 4 + padding + extension_bytes;
    uint8_t *data = malloc(12 + all + bytes), *at = data + 16;
    struct rtp_packet packet;
    int ret;

    packet_write(data, sequence++, 3600, marker, "", 0);
    data[0] |= 0x10;
    AV_WB16(data + 12, id);
    AV_WB16(data + 14, (uint16_t)((extension_bytes + padding) / 4));
    memset(at, 0xff, padding); /* before a marker */
    if (extension_bytes)
        memcpy(at + padding, extension, extension_bytes);
    if (bytes)
        memcpy(data + 12 + all, payload, bytes);
    ret = rtp_packet_read(&packet, data, 12 + all + bytes);
    if (ret >= 0)
        ret = depacketizer_push(&depacketizer, &packet, 3600, n_missing);
    n_missing = 0;
    free(data);
    return ret;
}

/* Without tables, where there is room for them. */
static size_t with_head(uint8_t *payload, uint32_t offset, const uint8_t *data, size_t bytes)
{
    size_t at = sizeof(head) + (offset ? 0 : 4);

    memset(payload, 0, at);
    memcpy(payload, head, sizeof(head));
    AV_WB24(payload + 1, offset);
    if (bytes)
        memcpy(payload + at, data, bytes);
    return at + bytes;
}

static AVFrame *decode(const uint8_t *bytes, size_t n_bytes)
{
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();

    cr_assert(zero(int, av_new_packet(packet, (int)n_bytes)));
    memcpy(packet->data, bytes, n_bytes);
    decoder->err_recognition = AV_EF_EXPLODE;
    cr_assert(zero(int, avcodec_open2(decoder, NULL, NULL)));
    cr_assert(zero(int, avcodec_send_packet(decoder, packet)));
    cr_assert(zero(int, avcodec_receive_frame(decoder, frame)));
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
    return frame;
}

static void assert_is_picture(const struct got *unit)
{
    AVFrame *expected = decode(file, file_bytes), *frame = decode(unit->bytes, unit->n_bytes);

    cr_assert(not(unit->is_damaged));
    cr_assert(eq(int, frame->width, WIDTH));
    cr_assert(eq(int, frame->height, HEIGHT));
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane ? HEIGHT / 2 : HEIGHT); y++)
            cr_assert(zero(int, memcmp(frame->data[plane] + y * frame->linesize[plane],
                                       expected->data[plane] + y * expected->linesize[plane],
                                       plane ? WIDTH / 2 : WIDTH)));
    av_frame_free(&expected);
    av_frame_free(&frame);
    cr_assert(eq(int, depacketizer.parameters->width, WIDTH));
    cr_assert(eq(int, depacketizer.parameters->height, HEIGHT));
}

Test(rtsp_jpeg_extension, holds_the_header_of_a_picture_wider_than_2040)
{
    uint8_t payload[4096];
    size_t half;

    make_file();
    half = (file_bytes - scan_at) / 2;
    open_as(SDP_VIDEO, "JPEG", 90000, "");
    cr_assert(zero(int, push_with(INITIAL, file + 2, scan_at - 2, false, payload,
                                  with_head(payload, 0, file + scan_at, half))));
    cr_assert(zero(int, push_with(OTHER, NULL, 0, true, payload,
                                  with_head(payload, (uint32_t)half, file + scan_at + half,
                                            file_bytes - scan_at - half))));
    cr_assert(eq(u32, n_got, 1));
    assert_is_picture(&got[0]);
    cr_assert(got[0].has_new_codec && got[0].is_key);
}

Test(rtsp_jpeg_extension, may_be_in_several_packets_before_the_scan)
{
    uint8_t payload[4096];
    size_t middle = 2;

    make_file();
    while (middle < scan_at / 2)
        middle += 2u + AV_RB16(file + middle + 2);
    open_as(SDP_VIDEO, "JPEG", 90000, "");
    cr_assert(zero(int, push_with(INITIAL, file + 2, middle - 2, false, payload,
                                  with_head(payload, 0, NULL, 0))));
    /* without a header of RTP/JPEG */
    cr_assert(zero(int, push_with(OTHER, file + middle, scan_at - middle, false, "", 0)));
    cr_assert(zero(int, push_with(OTHER, NULL, 0, true, payload,
                                  with_head(payload, 0, file + scan_at, file_bytes - scan_at))));
    cr_assert(eq(u32, n_got, 1));
    assert_is_picture(&got[0]);
}

/* The size alone, say. */
Test(rtsp_jpeg_extension, may_leave_out_what_rfc_2435_tells)
{
    uint8_t payload[4096];
    size_t frame = 2;

    make_file();
    open_as(SDP_VIDEO, "JPEG", 90000, "");
    while (file[frame + 1] != 0xc0)
        frame += 2u + AV_RB16(file + frame + 2);
    with_head(payload, 0, NULL, 0);
    for (size_t at = 2, n = 0; at < scan_at; at += 2u + AV_RB16(file + at + 2))
        if (file[at + 1] == 0xdb) /* tables where they usually are, the same for both */
            for (; n < 2; n++)
                memcpy(payload + 12 + 64 * n, file + at + 5, 64);
    AV_WB16(payload + 10, 128);
    memcpy(payload + 12 + 128, file + scan_at, file_bytes - scan_at);
    cr_assert(zero(int, push_with(INITIAL, file + frame, 2u + AV_RB16(file + frame + 2), true,
                                  payload, 12 + 128 + file_bytes - scan_at)));
    assert_is_picture(&got[0]);
}

Test(rtsp_jpeg_extension, is_not_believed)
{
    static const struct {
        const char *extension;
        size_t bytes;
    } lies[] = {{"\xff\xdb\xff\xff", 4},
                {"\xff\xdb\0\1", 4},
                {"\xff\xc0\0\4\0\0\0\0", 8},
                {"abcd", 4},
                {"\xff\xc0\0\x0a\x08\0\0\0\0\0\0\0", 12},
                {"\xff\xff\xff\xdb", 4}};

    open_as(SDP_VIDEO, "JPEG", 90000, "");
    for (size_t i = 0; i < FF_ARRAY_ELEMS(lies); i++) {
        uint8_t payload[16];
        size_t bytes = with_head(payload, 0, (const uint8_t *)"ab", 2);
        unsigned before = n_got;

        cr_assert(eq(int,
                     push_with(INITIAL, (const uint8_t *)lies[i].extension, lies[i].bytes, true,
                               payload, bytes),
                     AVERROR_INVALIDDATA),
                  "%zu", i);
        for (unsigned n = before; n < n_got; n++)
            cr_assert(got[n % MAX_UNITS].is_damaged, "%zu", i);
    }
}

Test(rtsp_jpeg_extension, alone_is_a_damaged_picture)
{
    uint8_t payload[16];

    open_as(SDP_VIDEO, "JPEG", 90000, "");
    push_with(INITIAL, (const uint8_t *)"\xff\xfe\0\2", 4, true, payload,
              with_head(payload, 0, NULL, 0));
    cr_assert(eq(u32, n_got, 1));
    cr_assert(got[0].is_damaged);
}

Test(rtsp_jpeg_extension, of_another_kind_is_nothing_to_it)
{
    uint8_t first[8 + 4] = {0, 0, 0, 0, 1, 50, 8, 6, 'a', 'b', 'c', 'd'};

    open_as(SDP_VIDEO, "JPEG", 90000, "");
    cr_assert(zero(
        int, push_with(0xabac, (const uint8_t *)"replayed at ", 12, true, first, sizeof(first))));
    cr_assert(not(got[0].is_damaged));
    cr_assert(zero(int, memcmp(got[0].bytes + got[0].n_bytes - 6, "abcd\xff\xd9", 6)));
    cr_assert(eq(int, depacketizer.parameters->width, 64));
}
