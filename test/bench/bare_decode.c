/* SPDX-License-Identifier: MIT */
/*
 * The floor of decoding a file: libavformat and libavcodec in one loop, every
 * picture let go of at once.
 *
 *   bare_decode FILE THREADS [MAX_PICTURES]
 */
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>

struct loop {
    AVFormatContext *format;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *picture;
    int stream;
    long n_pictures, max_pictures;
};

static int open_loop(struct loop *loop, const char *path, int n_threads)
{
    const AVCodec *decoder;
    int ret = avformat_open_input(&loop->format, path, NULL, NULL);

    if (ret >= 0)
        ret = avformat_find_stream_info(loop->format, NULL);
    if (ret >= 0)
        ret = av_find_best_stream(loop->format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (ret < 0)
        return ret;
    loop->stream = ret;
    loop->codec = avcodec_alloc_context3(decoder);
    loop->packet = av_packet_alloc();
    loop->picture = av_frame_alloc();
    if (!loop->codec || !loop->packet || !loop->picture)
        return AVERROR(ENOMEM);
    ret = avcodec_parameters_to_context(loop->codec, loop->format->streams[loop->stream]->codecpar);
    loop->codec->thread_count = n_threads;
    return ret < 0 ? ret : avcodec_open2(loop->codec, decoder, NULL);
}

/* Everything that the decoder has ready. @return AVERROR(EAGAIN): it wants more. */
static int take_pictures(struct loop *loop)
{
    int ret;

    while ((ret = avcodec_receive_frame(loop->codec, loop->picture)) >= 0) {
        av_frame_unref(loop->picture);
        if (++loop->n_pictures == loop->max_pictures)
            return AVERROR_EOF;
    }
    return ret;
}

static int decode_all(struct loop *loop)
{
    int ret;

    while (av_read_frame(loop->format, loop->packet) >= 0) {
        ret = loop->packet->stream_index == loop->stream
                  ? avcodec_send_packet(loop->codec, loop->packet)
                  : 0;
        av_packet_unref(loop->packet);
        if (ret >= 0)
            ret = take_pictures(loop);
        if (ret == AVERROR_EOF)
            return 0;
    }
    avcodec_send_packet(loop->codec, NULL);
    ret = take_pictures(loop);
    return ret == AVERROR_EOF ? 0 : ret;
}

int main(int n_arguments, char **arguments)
{
    struct loop loop = {.max_pictures = n_arguments > 3 ? atol(arguments[3]) : -1};

    if (n_arguments < 3)
        return fputs("bare_decode FILE THREADS [MAX_PICTURES]\n", stderr), 1;
    if (open_loop(&loop, arguments[1], atoi(arguments[2])) < 0 || decode_all(&loop) < 0)
        return 1;
    printf("{\"frames\": %ld}\n", loop.n_pictures);
    av_frame_free(&loop.picture);
    av_packet_free(&loop.packet);
    avcodec_free_context(&loop.codec);
    avformat_close_input(&loop.format);
    return 0;
}
