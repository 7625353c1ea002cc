/* SPDX-License-Identifier: MIT */
#include "make_media.h"

#include <ftw.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512
#define N_PATHS 8
#define SAMPLE_RATE 48000
#define RAW_SAMPLES 1024 /* in a packet, as of AAC */

static char folder[PATH_BYTES];

static void check(bool is_right, const char *what)
{
    if (is_right)
        return;
    fprintf(stderr, "make_media: %s failed\n", what);
    abort();
}

const char *media_folder(void)
{
    if (!folder[0]) {
        snprintf(folder, sizeof(folder), "%s/limef_XXXXXX",
                 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        check(mkdtemp(folder), "mkdtemp");
    }
    return folder;
}

const char *media_path(const char *name)
{
    static char paths[N_PATHS][2 * PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % N_PATHS];

    snprintf(path, sizeof(paths[0]), "%s/%s", media_folder(), name);
    return path;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

void media_remove(void)
{
    if (folder[0])
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    folder[0] = '\0';
}

int media_luma(int n)
{
    return 48 + n % 32 * 5;
}

int media_number(int luma)
{
    return (luma - 48 + 2) / 5;
}

unsigned char *media_read(const char *path, size_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes;
    long size;

    check(file, path);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    bytes = malloc((size_t)size + 1);
    check(bytes && fread(bytes, 1, (size_t)size, file) == (size_t)size, "read");
    fclose(file);
    *size_bytes = (size_t)size;
    return bytes;
}

const char *media_write(const char *name, const void *bytes, size_t size_bytes)
{
    const char *path = media_path(name);
    FILE *file = fopen(path, "wb");

    check(file && fwrite(bytes, 1, size_bytes, file) == size_bytes, "write");
    fclose(file);
    return path;
}

/* Packets that are put in an order of their own. */
struct shuffle {
    AVPacket *packets[4096];
    int64_t at_us[4096];
    int n;
};

struct track {
    AVCodecContext *encoder;
    AVStream *stream;
    AVFrame *frame;
    int64_t begins_at; /* in the stream's clock */
    int64_t behind_us;
    struct shuffle *shuffle; /* NULL: the muxer orders them */
};

/* The format that an encoder likes best. */
static enum AVPixelFormat first_format(const AVCodec *codec)
{
    const enum AVPixelFormat *formats = NULL;

#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
    avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0,
                                 (const void **)&formats, NULL);
#else
    formats = codec->pix_fmts;
#endif
    return formats ? formats[0] : AV_PIX_FMT_YUV420P;
}

/* The pictures from n on. */
static void open_video(struct track *track, const struct media *media, int n, int flags)
{
    int smaller = media->change_at > 0 && n >= media->change_at;
    bool is_deep = media->deep_at > 0 && n >= media->deep_at;
    const AVCodec *codec = media->codec ? avcodec_find_encoder_by_name(media->codec)
                                        : avcodec_find_encoder_by_name("libx264");
    AVCodecContext *encoder;
    char x264[80];

    snprintf(x264, sizeof(x264), "keyint_min=1:scenecut=0:qp=12:crop-rect=%d,0,0,0",
             media->crop_left);
    if (!codec)
        codec = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    check(codec, "find an encoder");
    encoder = track->encoder = avcodec_alloc_context3(codec);
    encoder->width = media->width >> smaller;
    encoder->height = media->height >> smaller;
    encoder->pix_fmt = is_deep ? AV_PIX_FMT_YUV420P10 : first_format(codec);
    encoder->color_range = AVCOL_RANGE_MPEG;
    encoder->time_base = (AVRational){1, media->fps};
    encoder->framerate = (AVRational){media->fps, 1};
    encoder->gop_size = media->gop;
    encoder->max_b_frames = media->b_frames;
    encoder->thread_count = 1;
    encoder->flags |= flags | AV_CODEC_FLAG_QSCALE;
    encoder->global_quality = 3 * FF_QP2LAMBDA;
    encoder->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    av_opt_set(encoder->priv_data, "preset", "veryfast", 0);
    av_opt_set(encoder->priv_data, "sc_threshold", "0", 0);
    av_opt_set(encoder->priv_data, "x264-params", x264, 0);
    av_opt_set(encoder->priv_data, "x265-params", "log-level=none:pools=none:frame-threads=1", 0);
    check(avcodec_open2(encoder, codec, NULL) >= 0, "open the encoder");
    track->frame = av_frame_alloc();
    track->frame->width = encoder->width;
    track->frame->height = encoder->height;
    track->frame->format = encoder->pix_fmt;
    check(av_frame_get_buffer(track->frame, 0) >= 0, "picture");
}

static void open_audio(struct track *track, bool is_raw, int flags)
{
    AVCodecContext *encoder;

    track->encoder = encoder = avcodec_alloc_context3(
        avcodec_find_encoder(is_raw ? AV_CODEC_ID_PCM_F32LE : AV_CODEC_ID_AAC));
    encoder->sample_rate = SAMPLE_RATE;
    encoder->sample_fmt = is_raw ? AV_SAMPLE_FMT_FLT : AV_SAMPLE_FMT_FLTP;
    av_channel_layout_default(&encoder->ch_layout, 1);
    encoder->time_base = (AVRational){1, SAMPLE_RATE};
    encoder->flags |= flags;
    check(avcodec_open2(encoder, encoder->codec, NULL) >= 0, "open the audio encoder");
    track->frame = av_frame_alloc();
    track->frame->nb_samples = is_raw ? RAW_SAMPLES : encoder->frame_size;
    track->frame->format = encoder->sample_fmt;
    track->frame->sample_rate = SAMPLE_RATE;
    av_channel_layout_copy(&track->frame->ch_layout, &encoder->ch_layout);
    check(av_frame_get_buffer(track->frame, 0) >= 0, "samples");
}

static void close_track(struct track *track)
{
    avcodec_free_context(&track->encoder);
    av_frame_free(&track->frame);
}

static void add_stream(struct track *track, AVFormatContext *format)
{
    track->stream = avformat_new_stream(format, NULL);
    check(track->stream &&
              avcodec_parameters_from_context(track->stream->codecpar, track->encoder) >= 0,
          "add a stream");
    track->stream->time_base = track->encoder->time_base;
    track->stream->avg_frame_rate = track->encoder->framerate;
}

static void turn(AVStream *stream, int degrees)
{
    int32_t *matrix;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    AVPacketSideData *side = av_packet_side_data_new(
        &stream->codecpar->coded_side_data, &stream->codecpar->nb_coded_side_data,
        AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t), 0);

    matrix = side ? (int32_t *)(void *)side->data : NULL;
#else
    matrix = (int32_t *)(void *)av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX,
                                                        9 * sizeof(int32_t));
#endif
    check(matrix, "display matrix");
    av_display_rotation_set(matrix, degrees);
}

static void shuffle_in(struct track *track, const AVPacket *packet)
{
    struct shuffle *shuffle = track->shuffle;
    int64_t at_us =
        av_rescale_q(packet->dts, track->stream->time_base, AV_TIME_BASE_Q) + track->behind_us;
    int i = shuffle->n++;

    check(i < 4096, "room for packets");
    for (; i > 0 && shuffle->at_us[i - 1] > at_us; i--) {
        shuffle->packets[i] = shuffle->packets[i - 1];
        shuffle->at_us[i] = shuffle->at_us[i - 1];
    }
    shuffle->packets[i] = av_packet_clone(packet);
    shuffle->at_us[i] = at_us;
    check(shuffle->packets[i], "packet");
}

static void write_shuffled(struct shuffle *shuffle, AVFormatContext *format)
{
    for (int i = 0; i < shuffle->n; i++) {
        check(av_write_frame(format, shuffle->packets[i]) >= 0, "write a packet");
        av_packet_free(&shuffle->packets[i]);
    }
}

static void write_out(struct track *track, AVFormatContext *format, const AVFrame *frame)
{
    AVPacket *packet = av_packet_alloc();

    check(avcodec_send_frame(track->encoder, frame) >= 0, "encode");
    while (avcodec_receive_packet(track->encoder, packet) >= 0) {
        if (packet->duration == 0 && track->encoder->codec_type == AVMEDIA_TYPE_VIDEO)
            packet->duration = 1;
        av_packet_rescale_ts(packet, track->encoder->time_base, track->stream->time_base);
        packet->pts += track->begins_at;
        packet->dts += track->begins_at;
        packet->stream_index = track->stream->index;
        if (track->shuffle) {
            shuffle_in(track, packet);
            continue;
        }
        check(av_interleaved_write_frame(format, packet) >= 0, "write a packet");
    }
    av_packet_free(&packet);
}

/* Likewise, in 10 bits; the lowest two are not all the same. */
static void paint_deep(AVFrame *picture, int n)
{
    check(av_frame_make_writable(picture) >= 0, "writable");
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i ? (picture->height + 1) / 2 : picture->height); y++) {
            uint16_t *row =
                (uint16_t *)(void *)(picture->data[i] + (ptrdiff_t)y * picture->linesize[i]);

            for (int x = 0; x < (i ? (picture->width + 1) / 2 : picture->width); x++) {
                bool is_corner = x < picture->width / 4 && y < picture->height / 4;
                int luma = is_corner ? 20 : media_luma(n);

                row[x] = (uint16_t)((i ? 128 : luma) * 4 + (x / 8 + y / 8) % 4);
            }
        }
    picture->pts = n;
}

static void paint(AVFrame *picture, int n)
{
    check(av_frame_make_writable(picture) >= 0, "writable");
    for (int i = 0; i < 3 && picture->data[i]; i++) {
        int height = i ? (picture->height + 1) / 2 : picture->height;

        for (int y = 0; y < height; y++)
            memset(picture->data[i] + (ptrdiff_t)y * picture->linesize[i], i ? 128 : media_luma(n),
                   (size_t)(i ? (picture->width + 1) / 2 : picture->width));
    }
    for (int y = 0; y < picture->height / 4; y++)
        memset(picture->data[0] + (ptrdiff_t)y * picture->linesize[0], 20,
               (size_t)(picture->width / 4));
    picture->pts = n;
}

static void write_tone(struct track *track, AVFormatContext *format, int64_t n_samples)
{
    int64_t at = 0;

    while (at < n_samples) {
        float *samples;

        check(av_frame_make_writable(track->frame) >= 0, "writable");
        samples = (float *)(void *)track->frame->data[0];
        for (int i = 0; i < track->frame->nb_samples; i++)
            samples[i] = 0.3F * sinf((float)(at + i) * 6.2832F * 440 / SAMPLE_RATE);
        track->frame->pts = at;
        write_out(track, format, track->frame);
        at += track->frame->nb_samples;
    }
    write_out(track, format, NULL);
}

static void write_pictures(struct track *track, AVFormatContext *format, const struct media *media)
{
    for (int n = 0; n < media->n_pictures; n++) {
        if (n > 0 && (n == media->change_at || n == media->deep_at)) {
            AVStream *stream = track->stream;

            write_out(track, format, NULL);
            close_track(track);
            open_video(track, media, n, 0);
            track->stream = stream;
        }
        if (track->frame->format == AV_PIX_FMT_YUV420P10)
            paint_deep(track->frame, n);
        else
            paint(track->frame, n);
        write_out(track, format, track->frame);
    }
    write_out(track, format, NULL);
}

static int64_t clock_of(const struct track *track, int64_t ms)
{
    return av_rescale_q(ms, (AVRational){1, 1000}, track->stream->time_base);
}

const char *media_make(const char *name, const struct media *given)
{
    const char *path = media_path(name);
    struct media media = *given;
    struct track video = {0}, audio = {0};
    AVFormatContext *format = NULL;
    bool has_audio = media.audio || media.raw_audio;
    struct shuffle *shuffle = given->audio_behind_ms ? calloc(1, sizeof(*shuffle)) : NULL;
    int flags;

    media.width = media.width ? media.width : 160;
    media.height = media.height ? media.height : 120;
    media.n_pictures = media.n_pictures ? media.n_pictures : 25;
    media.fps = media.fps ? media.fps : 25;
    media.gop = media.gop ? media.gop : 10;
    check(avformat_alloc_output_context2(&format, NULL, media.format, path) >= 0, "muxer");
    flags = format->oformat->flags & AVFMT_GLOBALHEADER ? AV_CODEC_FLAG_GLOBAL_HEADER : 0;
    open_video(&video, &media, 0, flags);
    add_stream(&video, format);
    if (has_audio) {
        open_audio(&audio, media.raw_audio, flags);
        add_stream(&audio, format);
    }
    if (media.rotation_degrees)
        turn(video.stream, media.rotation_degrees);
    check(avio_open(&format->pb, path, AVIO_FLAG_WRITE) >= 0, path);
    check(avformat_write_header(format, NULL) >= 0, "header");
    video.begins_at = clock_of(&video, media.begins_ms);
    if (has_audio)
        audio.begins_at = clock_of(&audio, media.begins_ms);
    audio.behind_us = media.audio_behind_ms * INT64_C(1000);
    audio.shuffle = video.shuffle = shuffle;
    write_pictures(&video, format, &media);
    if (has_audio)
        write_tone(&audio, format,
                   media.audio_ms ? (int64_t)media.audio_ms * SAMPLE_RATE / 1000
                                  : (int64_t)media.n_pictures * SAMPLE_RATE / media.fps);
    if (shuffle)
        write_shuffled(shuffle, format);
    free(shuffle);
    check(av_write_trailer(format) >= 0, "trailer");
    avio_closep(&format->pb);
    avformat_free_context(format);
    close_track(&video);
    close_track(&audio);
    return path;
}
