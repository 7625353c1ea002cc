/* SPDX-License-Identifier: MIT */
#include "camera/clip.h"

#include <libavcodec/avcodec.h>
#include <libavutil/base64.h>
#include <libavutil/imgutils.h>
#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOISE_SIDE 48

static void check(bool is_right, const char *what)
{
    if (is_right)
        return;
    fprintf(stderr, "clip: %s failed\n", what);
    abort();
}

/* A slope that moves, and a square of noise on it that moves otherwise. */
static void paint(AVFrame *frame, int n)
{
    uint32_t random = (uint32_t)n * 2654435761u + 1;

    for (int plane = 0; plane < 3; plane++) {
        int shift = plane > 0;

        for (int y = 0; y < frame->height >> shift; y++)
            for (int x = 0; x < frame->width >> shift; x++)
                frame->data[plane][y * frame->linesize[plane] + x] =
                    (uint8_t)(64 + ((x * 2 + y + n * 5) & 127) / (1 + shift));
    }
    for (int y = 0; y < NOISE_SIDE; y++)
        for (int x = 0; x < NOISE_SIDE; x++) {
            random = random * 1664525 + 1013904223;
            frame->data[0][((y + n * 3) % frame->height) * frame->linesize[0] +
                           (x + n * 7) % frame->width] = (uint8_t)(random >> 24);
        }
}

static AVCodecContext *open_encoder(const struct clip_settings *settings)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    AVCodecContext *encoder;
    char parameters[128];

    if (!codec)
        return NULL;
    encoder = avcodec_alloc_context3(codec);
    encoder->width = settings->width;
    encoder->height = settings->height;
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder->time_base = (AVRational){1, 25};
    encoder->max_b_frames = 0;
    encoder->thread_count = 1;
    snprintf(parameters, sizeof(parameters),
             "qp=26:scenecut=0:slices=%d:keyint=%d:min-keyint=%d:sliced-threads=0",
             settings->slices, settings->gop, settings->gop);
    av_opt_set(encoder->priv_data, "preset", "veryfast", 0);
    av_opt_set(encoder->priv_data, "tune", "zerolatency", 0);
    av_opt_set(encoder->priv_data, "x264-params", parameters, 0);
    check(avcodec_open2(encoder, codec, NULL) >= 0, "open the encoder");
    return encoder;
}

static size_t find_start_code(const uint8_t *data, size_t bytes, size_t from)
{
    for (; from + 3 <= bytes; from++)
        if (data[from] == 0 && data[from + 1] == 0 && data[from + 2] == 1)
            return from;
    return bytes;
}

static void add_unit(struct clip *clip, const AVPacket *packet)
{
    struct clip_unit *unit = &clip->units[clip->n_units++];
    size_t bytes = (size_t)packet->size, at = find_start_code(packet->data, bytes, 0);

    unit->data = malloc(bytes);
    check(unit->data, "malloc");
    memcpy(unit->data, packet->data, bytes);
    while (at < bytes && unit->n_nals < CLIP_MAX_NALS) {
        size_t next = find_start_code(unit->data, bytes, at + 3), end = next;

        while (end > at + 3 && unit->data[end - 1] == 0)
            end--;
        unit->nals[unit->n_nals++] = (struct clip_nal){at + 3, end - at - 3};
        at = next;
    }
}

static void note_parameter_sets(struct clip *clip)
{
    const struct clip_unit *unit = &clip->units[0];
    size_t length = 0;

    for (unsigned i = 0; i < unit->n_nals; i++) {
        const struct clip_nal *nal = &unit->nals[i];
        unsigned type = unit->data[nal->begin] & 31;

        if (type != 7 && type != 8)
            continue;
        if (length > 0)
            clip->parameter_sets[length++] = ',';
        check(av_base64_encode(clip->parameter_sets + length,
                               (int)(sizeof(clip->parameter_sets) - length),
                               unit->data + nal->begin, (int)nal->bytes) != NULL,
              "base64");
        length = strlen(clip->parameter_sets);
    }
}

static void sum_pictures(struct clip *clip, AVCodecContext *decoder)
{
    AVFrame *frame = av_frame_alloc();

    while (avcodec_receive_frame(decoder, frame) >= 0) {
        int bytes = av_image_get_buffer_size(frame->format, frame->width, frame->height, 1);
        uint8_t *copy = malloc((size_t)bytes), sum[16];

        av_image_copy_to_buffer(copy, bytes, (const uint8_t *const *)frame->data, frame->linesize,
                                frame->format, frame->width, frame->height, 1);
        av_md5_sum(sum, copy, (size_t)bytes);
        for (int i = 0; i < 16; i++)
            snprintf(clip->sums[clip->n_sums] + 2 * i, 3, "%02x", sum[i]);
        clip->n_sums++;
        free(copy);
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void take_packets(struct clip *clip, AVCodecContext *encoder, AVCodecContext *decoder)
{
    AVPacket *packet = av_packet_alloc();

    while (avcodec_receive_packet(encoder, packet) >= 0) {
        add_unit(clip, packet);
        check(avcodec_send_packet(decoder, packet) >= 0, "decode");
        sum_pictures(clip, decoder);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

bool clip_make(struct clip *clip, const struct clip_settings *settings)
{
    AVCodecContext *encoder = open_encoder(settings), *decoder;
    AVFrame *frame;

    if (!encoder)
        return false;
    decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
    decoder->thread_count = 1;
    check(avcodec_open2(decoder, NULL, NULL) >= 0, "open the decoder");
    clip->units = calloc((size_t)settings->n_pictures, sizeof(*clip->units));
    clip->sums = calloc((size_t)settings->n_pictures, sizeof(*clip->sums));
    frame = av_frame_alloc();
    frame->width = settings->width;
    frame->height = settings->height;
    frame->format = AV_PIX_FMT_YUV420P;
    check(clip->units && clip->sums && av_frame_get_buffer(frame, 0) >= 0, "memory");
    for (int n = 0; n < settings->n_pictures; n++) {
        check(av_frame_make_writable(frame) >= 0, "picture");
        paint(frame, n);
        frame->pts = n;
        check(avcodec_send_frame(encoder, frame) >= 0, "encode");
        take_packets(clip, encoder, decoder);
    }
    avcodec_send_frame(encoder, NULL);
    take_packets(clip, encoder, decoder);
    avcodec_send_packet(decoder, NULL);
    sum_pictures(clip, decoder);
    note_parameter_sets(clip);
    qsort(clip->sums, clip->n_sums, sizeof(*clip->sums), compare);
    check((int)clip->n_sums == settings->n_pictures, "as many pictures as were made");
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
    avcodec_free_context(&decoder);
    return true;
}

bool clip_has(const struct clip *clip, const char *sum)
{
    return bsearch(sum, clip->sums, clip->n_sums, sizeof(*clip->sums), compare) != NULL;
}

void clip_clear(struct clip *clip)
{
    for (unsigned i = 0; i < clip->n_units; i++)
        free(clip->units[i].data);
    free(clip->units);
    free(clip->sums);
    *clip = (struct clip){.n_units = 0};
}
