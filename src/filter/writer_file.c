/* SPDX-License-Identifier: MIT */
/*
 * The file: begun with the tracks that are known, and finished so that it can be played.
 */
#include "filter/writer_private.h"

#include "base/libavformat.h"
#include "base/memory_private.h"
#include "frame/av_compat.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <libavutil/display.h>
#include <libavutil/mathematics.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define MAX_BLOCK_US 30000000 /* one call; then a server is taken for dead */

static int is_overdue(void *writer)
{
    return limef_now_us() > ((struct limef_writer_filter *)writer)->deadline_us;
}

const AVOutputFormat *writer_container(const struct limef_writer_settings *settings)
{
    return libavformat.av_guess_format(settings->format, settings->format ? NULL : settings->path,
                                       NULL);
}

/* Writes the path with the file's number. Returns 0; AVERROR(ENAMETOOLONG); AVERROR(EEXIST): the
 * path names one file, and that was written already. */
static int make_path(const struct limef_writer_filter *writer, char *path, size_t path_bytes)
{
    const char *pattern = writer->settings.path;
    const char *number = strstr(pattern, "%n");
    uint64_t n_files = LIMEF_COUNTED(writer->n_files);
    int length;

    if (!number && n_files)
        return AVERROR(EEXIST);
    if (number)
        length = snprintf(path, path_bytes, "%.*s%03llu%s", (int)(number - pattern), pattern,
                          (unsigned long long)(n_files + 1), number + 2);
    else
        length = snprintf(path, path_bytes, "%s", pattern);
    return (size_t)length < path_bytes ? 0 : AVERROR(ENAMETOOLONG);
}

static int add_track(struct limef_writer_filter *writer, unsigned i)
{
    const struct limef_codec_frame *codec = &writer->codecs.frames[i];
    AVStream *stream = libavformat.avformat_new_stream(writer->format, NULL);
    AVRational aspect = {codec->aspect_num, codec->aspect_den};

    if (!stream || avcodec_parameters_copy(stream->codecpar, codec->parameters) < 0)
        return AVERROR(ENOMEM);
    stream->id = (int)i;
    stream->time_base = AV_TIME_BASE_Q;
    stream->codecpar->codec_tag = 0; /* each container has its own */
    if (codec->frame_rate_num > 0)
        stream->avg_frame_rate = (AVRational){codec->frame_rate_num, codec->frame_rate_den};
    if (aspect.num > 0)
        stream->sample_aspect_ratio = stream->codecpar->sample_aspect_ratio = aspect;
    if (codec->rotation_degrees || codec->mirrored) {
        int32_t *matrix = compat_new_display_matrix(stream);

        if (!matrix)
            return AVERROR(ENOMEM);
        av_display_rotation_set(matrix, codec->rotation_degrees);
        av_display_matrix_flip(matrix, codec->mirrored, 0);
    }
    writer->tracks[i] = (struct limef_writer_track){.in_file = true};
    return 0;
}

static int add_tracks(struct limef_writer_filter *writer)
{
    memset(writer->tracks, 0, sizeof(writer->tracks));
    for (unsigned i = 0; i < writer->codecs.tracks.n; i++) {
        int ret = writer->codecs.frames[i].parameters ? add_track(writer, i) : 0;

        if (ret < 0)
            return ret;
    }
    return 0;
}

static int write_header(struct limef_writer_filter *writer)
{
    AVDictionary *options = NULL;
    int ret = 0;

    if (writer->settings.options)
        ret = av_dict_parse_string(&options, writer->settings.options, "=", ":", 0);
    if (ret >= 0)
        ret = libavformat.avformat_write_header(writer->format, &options);
    if (ret >= 0 && av_dict_count(options) > 0)
        limef_log(LIMEF_LOG_WARNING, writer->filter.name, "%s has no option %s",
                  writer->format->oformat->name,
                  av_dict_get(options, "", NULL, AV_DICT_IGNORE_SUFFIX)->key);
    av_dict_free(&options);
    return ret;
}

static void release(struct limef_writer_filter *writer)
{
    if (writer->format)
        libavformat.avio_closep(&writer->format->pb);
    libavformat.avformat_free_context(writer->format);
    writer->format = NULL;
}

/* What is 0 in the file: where its first packet begins, without what encoders of sound put before
 * the first sample. Containers know how much that is, and players leave it out. */
static int64_t origin_of(struct limef_writer_filter *writer, const struct limef_packet_frame *first)
{
    int track = limef_tracks_find(&writer->codecs.tracks, &first->frame);
    int64_t origin_us = first->dts_us == LIMEF_NO_TIME ? first->frame.pts_us : first->dts_us;
    const AVCodecParameters *parameters =
        track >= 0 ? writer->codecs.frames[track].parameters : NULL;

    if (origin_us == LIMEF_NO_TIME)
        return 0;
    if (parameters && parameters->codec_type == AVMEDIA_TYPE_AUDIO && parameters->sample_rate > 0)
        origin_us += av_rescale(parameters->initial_padding, 1000000, parameters->sample_rate);
    return origin_us;
}

int writer_begin(struct limef_writer_filter *writer, const struct limef_packet_frame *first)
{
    char path[PATH_MAX];
    int ret = make_path(writer, path, sizeof(path));

    if (ret < 0)
        return writer_fail(writer, ret,
                           ret == AVERROR(EEXIST) ? "what follows needs another file: use %n"
                                                  : "path");
    ret = memory_permits() ? libavformat.avformat_alloc_output_context2(
                                 &writer->format, writer_container(&writer->settings), NULL, path)
                           : AVERROR(ENOMEM);
    if (ret < 0)
        return writer_fail(writer, ret, "cannot begin");
    ret = add_tracks(writer);
    writer->deadline_us = limef_deadline_us(MAX_BLOCK_US);
    writer->format->interrupt_callback = (AVIOInterruptCB){is_overdue, writer};
    if (ret >= 0 && !(writer->format->oformat->flags & AVFMT_NOFILE))
        ret = libavformat.avio_open2(&writer->format->pb, path, AVIO_FLAG_WRITE,
                                     &writer->format->interrupt_callback, NULL);
    if (ret >= 0)
        ret = write_header(writer);
    if (ret < 0) {
        release(writer);
        return writer_fail(writer, ret, "cannot begin");
    }
    LIMEF_COUNT(writer->n_files, 1);
    writer->anew = false;
    writer->end_us = 0;
    writer->origin_us = origin_of(writer, first);
    return 0;
}

/* The number of a track's stream in the file: those that were not known are left out. */
static int stream_of(const struct limef_writer_filter *writer, int track)
{
    int n = 0;

    for (int i = 0; i < track; i++)
        n += writer->tracks[i].in_file;
    return n;
}

/* When a packet is to be decoded. What does not say so (Matroska's first packets do not) follows
 * the packet before; the first one precedes its picture by as many as are reordered. */
static int64_t dts_of(const struct limef_writer_filter *writer,
                      const struct limef_writer_track *track,
                      const struct limef_packet_frame *packet, int n_reordered)
{
    int64_t pts_us = packet->frame.pts_us;

    if (packet->dts_us != LIMEF_NO_TIME)
        return packet->dts_us;
    if (pts_us == LIMEF_NO_TIME)
        return track->has_dts ? track->next_dts_us : writer->origin_us + writer->end_us;
    if (n_reordered == 0)
        return pts_us;
    return track->has_dts && !writer->anew ? FFMIN(track->next_dts_us, pts_us)
                                           : pts_us - n_reordered * packet->frame.duration_us;
}

/* Times in the file: from about 0 on, and never back. */
static void set_times(struct limef_writer_filter *writer, struct limef_writer_track *track,
                      const struct limef_packet_frame *packet, const AVStream *stream)
{
    AVPacket *shell = writer->shell;
    int64_t dts_us = dts_of(writer, track, packet, stream->codecpar->video_delay);
    int64_t pts_us = packet->frame.pts_us == LIMEF_NO_TIME ? dts_us : packet->frame.pts_us;

    if (writer->anew)
        writer->origin_us = dts_us - writer->end_us;
    writer->anew = false;
    track->next_dts_us = dts_us + packet->frame.duration_us;
    shell->dts = av_rescale_q(dts_us - writer->origin_us, AV_TIME_BASE_Q, stream->time_base);
    shell->pts = av_rescale_q(pts_us - writer->origin_us, AV_TIME_BASE_Q, stream->time_base);
    shell->duration = av_rescale_q(packet->frame.duration_us, AV_TIME_BASE_Q, stream->time_base);
    if (packet->dts_us == LIMEF_NO_TIME || (track->has_dts && shell->dts <= track->last_dts))
        LIMEF_COUNT(writer->n_times_fixed, 1);
    if (track->has_dts && shell->dts <= track->last_dts)
        shell->dts = track->last_dts + 1;
    if (shell->pts < shell->dts)
        shell->pts = shell->dts;
    track->last_dts = shell->dts;
    track->has_dts = true;
    writer->end_us =
        FFMAX(writer->end_us, av_rescale_q(shell->dts, stream->time_base, AV_TIME_BASE_Q) +
                                  packet->frame.duration_us);
}

int writer_write(struct limef_writer_filter *writer, int track,
                 const struct limef_packet_frame *packet)
{
    AVPacket *shell = writer->shell;
    int ret;

    if (packet->size_bytes == 0 || packet->size_bytes > INT32_MAX) {
        LIMEF_COUNT(writer->n_ignored, 1);
        return 0;
    }
    shell->data = (uint8_t *)packet->data;
    shell->size = (int)packet->size_bytes;
    shell->stream_index = stream_of(writer, track);
    shell->flags = packet->frame.flags & LIMEF_FRAME_KEY ? AV_PKT_FLAG_KEY : 0;
    if (packet->av) {
        shell->side_data = packet->av->side_data;
        shell->side_data_elems = packet->av->side_data_elems;
    }
    set_times(writer, &writer->tracks[track], packet, writer->format->streams[shell->stream_index]);
    writer->deadline_us = limef_deadline_us(MAX_BLOCK_US);
    ret = libavformat.av_write_frame(writer->format, shell); /* takes no reference */
    shell->side_data = NULL;
    shell->side_data_elems = 0;
    av_packet_unref(shell);
    if (ret < 0)
        return writer_fail(writer, ret, "cannot write");
    LIMEF_COUNT(writer->n_packets, 1);
    LIMEF_COUNT(writer->n_bytes, packet->size_bytes);
    return 0;
}

int writer_finish(struct limef_writer_filter *writer)
{
    int ret, closed = 0;

    if (!writer->format)
        return 0;
    writer->deadline_us = limef_deadline_us(MAX_BLOCK_US);
    ret = libavformat.av_write_trailer(writer->format);
    if (ret >= 0 && writer->format->pb && writer->format->pb->error < 0)
        ret = writer->format->pb->error;
    if (writer->format->pb && !(writer->format->oformat->flags & AVFMT_NOFILE))
        closed = libavformat.avio_closep(&writer->format->pb);
    release(writer);
    if (ret >= 0)
        ret = closed;
    return ret < 0 ? writer_fail(writer, ret, "cannot finish") : 0;
}
