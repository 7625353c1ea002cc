/* SPDX-License-Identifier: MIT */
/*
 * limef-demo-clip OUT.mp4 [WIDTHxHEIGHT]
 *
 * Makes the clip that play.sh plays when it is given none: 10 s of a moving test picture, with a
 * beep at each flash. 1280x720, or of another even size up to that.
 */
#include "demo_picture.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libavutil/parseutils.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define SECONDS 10
#define WIDTH 1280
#define HEIGHT 720
#define FRAME_RATE 25
#define SAMPLE_RATE 48000
#define BEEP_HZ 1000

struct track {
    AVCodecContext *encoder;
    AVStream *stream;
    AVFrame *frame;
    int64_t next; /* in the encoder's time base: pictures, samples */
};

struct clip {
    AVFormatContext *file;
    AVPacket *packet;
    int width, height;
    struct track video, audio;
};

static int new_track(struct clip *clip, struct track *track, const AVCodec *codec, int rate)
{
    track->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    track->stream = avformat_new_stream(clip->file, NULL);
    track->frame = av_frame_alloc();
    if (!codec)
        return AVERROR_ENCODER_NOT_FOUND;
    if (!track->encoder || !track->stream || !track->frame)
        return AVERROR(ENOMEM);
    track->encoder->time_base = track->stream->time_base = (AVRational){1, rate};
    if (clip->file->oformat->flags & AVFMT_GLOBALHEADER)
        track->encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    return 0;
}

static int open_encoder(struct track *track)
{
    int ret = avcodec_open2(track->encoder, NULL, NULL);

    if (ret < 0)
        return ret;
    ret = avcodec_parameters_from_context(track->stream->codecpar, track->encoder);
    return ret < 0 ? ret : av_frame_get_buffer(track->frame, 0);
}

static int open_video(struct clip *clip)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    struct track *track = &clip->video;
    AVCodecContext *encoder;
    int ret =
        new_track(clip, track, codec ? codec : avcodec_find_encoder(AV_CODEC_ID_MPEG4), FRAME_RATE);

    if (ret < 0)
        return ret;
    encoder = track->encoder;
    encoder->width = track->frame->width = clip->width;
    encoder->height = track->frame->height = clip->height;
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    track->frame->format = AV_PIX_FMT_YUV420P;
    encoder->framerate = track->stream->avg_frame_rate = (AVRational){FRAME_RATE, 1};
    encoder->gop_size = FRAME_RATE;
    encoder->color_range = AVCOL_RANGE_MPEG;
    encoder->colorspace = AVCOL_SPC_BT709;
    encoder->color_primaries = AVCOL_PRI_BT709;
    encoder->color_trc = AVCOL_TRC_BT709;
    encoder->bit_rate = codec ? 0 : 6000000;
    if (codec) {
        av_opt_set(encoder->priv_data, "preset", "veryfast", 0);
        av_opt_set(encoder->priv_data, "crf", "20", 0);
    }
    return open_encoder(track);
}

static int open_audio(struct clip *clip)
{
    struct track *track = &clip->audio;
    int ret = new_track(clip, track, avcodec_find_encoder(AV_CODEC_ID_AAC), SAMPLE_RATE);

    if (ret < 0)
        return ret;
    track->encoder->sample_rate = track->frame->sample_rate = SAMPLE_RATE;
    track->encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
    track->frame->format = AV_SAMPLE_FMT_FLTP;
    track->encoder->bit_rate = 96000;
    av_channel_layout_default(&track->encoder->ch_layout, 1);
    av_channel_layout_default(&track->frame->ch_layout, 1);
    track->frame->nb_samples = 1024; /* what an AAC frame holds */
    return open_encoder(track);
}

/* frame: NULL says that it was the last one */
static int encode(struct clip *clip, struct track *track, const AVFrame *frame)
{
    int ret = avcodec_send_frame(track->encoder, frame);

    while (ret >= 0) {
        ret = avcodec_receive_packet(track->encoder, clip->packet);
        if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
            return 0;
        if (ret < 0)
            return ret;
        clip->packet->stream_index = track->stream->index;
        av_packet_rescale_ts(clip->packet, track->encoder->time_base, track->stream->time_base);
        ret = av_interleaved_write_frame(clip->file, clip->packet);
    }
    return ret;
}

static int add_picture(struct clip *clip)
{
    struct track *track = &clip->video;
    double time_s = (double)track->next / FRAME_RATE;
    int ret = av_frame_make_writable(track->frame);

    if (ret < 0)
        return ret;
    demo_picture_draw(track->frame, time_s, time_s / SECONDS);
    track->frame->pts = track->next++;
    return encode(clip, track, track->frame);
}

static int add_samples(struct clip *clip)
{
    struct track *track = &clip->audio;
    float *samples;
    int ret = av_frame_make_writable(track->frame);

    if (ret < 0)
        return ret;
    samples = (float *)track->frame->data[0];
    for (int i = 0; i < track->frame->nb_samples; i++) {
        double in_second = (double)((track->next + i) % SAMPLE_RATE) / SAMPLE_RATE;
        double share =
            in_second / DEMO_FLASH_S; /* of the beep; it rises and falls without a click */

        samples[i] = share < 1
                         ? (float)(0.4 * sin(M_PI * share) * sin(2 * M_PI * BEEP_HZ * in_second))
                         : 0.0F;
    }
    track->frame->pts = track->next;
    track->next += track->frame->nb_samples;
    return encode(clip, track, track->frame);
}

static int write_clip(struct clip *clip)
{
    /* the index in front: plays from a server that cannot seek */
    AVDictionary *options = NULL;
    int ret = av_dict_set(&options, "movflags", "+faststart", 0);

    if (ret >= 0)
        ret = avformat_write_header(clip->file, &options);
    av_dict_free(&options);

    while (ret >= 0 && clip->video.next < SECONDS * FRAME_RATE) {
        ret = add_picture(clip);
        while (ret >= 0 && clip->audio.next * FRAME_RATE < clip->video.next * SAMPLE_RATE)
            ret = add_samples(clip);
    }
    if (ret >= 0)
        ret = encode(clip, &clip->video, NULL);
    if (ret >= 0)
        ret = encode(clip, &clip->audio, NULL);
    return ret < 0 ? ret : av_write_trailer(clip->file);
}

static int make_clip(struct clip *clip, const char *path)
{
    int ret = avformat_alloc_output_context2(&clip->file, NULL, NULL, path);

    if (ret < 0)
        return ret;
    clip->packet = av_packet_alloc();
    if (!clip->packet)
        return AVERROR(ENOMEM);
    ret = open_video(clip);
    if (ret >= 0)
        ret = open_audio(clip);
    if (ret >= 0)
        ret = avio_open(&clip->file->pb, path, AVIO_FLAG_WRITE);
    return ret < 0 ? ret : write_clip(clip);
}

static void close_track(struct track *track)
{
    avcodec_free_context(&track->encoder);
    av_frame_free(&track->frame);
}

static bool read_size(struct clip *clip, const char *size)
{
    return av_parse_video_size(&clip->width, &clip->height, size) >= 0 && clip->width <= WIDTH &&
           clip->height <= HEIGHT && clip->width % 2 == 0 && clip->height % 2 == 0;
}

int main(int argc, char **argv)
{
    struct clip clip = {.width = WIDTH, .height = HEIGHT};
    int ret;

    if (argc < 2 || argc > 3 || (argc == 3 && !read_size(&clip, argv[2]))) {
        fprintf(stderr, "usage: %s OUT.mp4 [WIDTHxHEIGHT]\n", argv[0]);
        return 1;
    }
    av_log_set_level(AV_LOG_ERROR);
    ret = make_clip(&clip, argv[1]);
    if (ret < 0)
        fprintf(stderr, "%s: %s: %s\n", argv[0], argv[1], av_err2str(ret));

    close_track(&clip.video);
    close_track(&clip.audio);
    av_packet_free(&clip.packet);
    if (clip.file)
        avio_closep(&clip.file->pb);
    avformat_free_context(clip.file);
    return ret < 0;
}
