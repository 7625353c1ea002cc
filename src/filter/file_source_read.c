/* SPDX-License-Identifier: MIT */
/*
 * Reading packets, and putting them in their place in time.
 */
#include "filter/file_source_private.h"

#include "base/libavformat.h"
#include "frame/sane_time.h"

#include <limef/frame/pool.h>

/* libavformat's clock to the frames' one. */
static int64_t to_us(struct limef_file_source *file, int64_t time, const AVStream *stream)
{
    int64_t time_us;

    if (time == AV_NOPTS_VALUE)
        return LIMEF_NO_TIME;
    time_us = sane_time(av_rescale_q(time, stream->time_base, AV_TIME_BASE_Q));
    if (time_us == LIMEF_NO_TIME)
        LIMEF_COUNT(file->n_bad_times, 1);
    return time_us;
}

/* Whether somebody cut the file since it was opened; many demuxers take that for its end. */
static bool is_shorter(const struct limef_file_source *file)
{
    int64_t size_bytes;

    if (file->size_bytes <= 0 || !file->format->pb)
        return false;
    size_bytes = libavformat.avio_size(file->format->pb);
    return size_bytes >= 0 && size_bytes < file->size_bytes;
}

static int at_end(struct limef_file_source *file, int code)
{
    code = file_source_why(file, code);
    if (code == AVERROR_EXIT)
        return code;
    if (file_source_seek_again(file))
        return 0;
    if (file->n_ahead) { /* these come first; then it is asked again */
        file->ends = true;
        return 0;
    }
    if (code == AVERROR_EOF && file->format->pb && file->format->pb->error < 0)
        code = file->format->pb->error;
    if (code == AVERROR_EOF && is_shorter(file))
        return file_source_fail(file, AVERROR(EIO), ": it became shorter while it was read");
    if (code == AVERROR_EOF)
        return file_source_loop(file);
    return file_source_fail(file, code, ": reading stopped");
}

/* What the packet's times and flags are in the frames' terms. */
static void fill_packet(struct limef_file_source *file, const AVStream *stream)
{
    struct limef_packet_frame *packet = &file->packet;
    struct limef_frame *frame = &packet->frame;
    int64_t wall_us = file->format->start_time_realtime;

    frame->slot = file->settings.slot;
    frame->media = packet->av->stream_index == file->video ? LIMEF_MEDIA_VIDEO : LIMEF_MEDIA_AUDIO;
    frame->track = (uint16_t)packet->av->stream_index;
    frame->pts_us = to_us(file, packet->av->pts, stream);
    frame->duration_us =
        sane_duration(av_rescale_q(packet->av->duration, stream->time_base, AV_TIME_BASE_Q));
    packet->dts_us = to_us(file, packet->av->dts, stream);
    if (file->live) {
        frame->flags |= LIMEF_FRAME_LIVE;
        if (sane_time(wall_us) != LIMEF_NO_TIME && wall_us != 0 && frame->pts_us != LIMEF_NO_TIME)
            frame->wall_us = wall_us + frame->pts_us;
    }
}

/* Puts a repetition behind what was played before, and keeps book for the next one. */
static void place_packet(struct limef_file_source *file, AVPacket *av)
{
    struct limef_packet_frame *packet = &file->packet;
    struct limef_frame *frame = &packet->frame;
    bool is_reference = frame->track == file->video || file->video < 0;

    if (frame->pts_us == LIMEF_NO_TIME)
        return;
    if (file->settings.start_us > 0) {
        if (LIMEF_COUNTED(file->n_loops) > 0 && frame->pts_us < file->loop_us)
            av->flags |= AV_PKT_FLAG_DISCARD; /* decoded for the sake of later ones, not shown */
    } else if (is_reference && !(av->flags & AV_PKT_FLAG_DISCARD) &&
               (file->loop_us == LIMEF_NO_TIME || frame->pts_us < file->loop_us)) {
        file->loop_us = frame->pts_us;
    }
    if (limef_file_source_start_us(file) == LIMEF_NO_TIME)
        atomic_store_explicit(&file->start_us, frame->pts_us, memory_order_relaxed);
    frame->pts_us += file->offset_us;
    if (packet->dts_us != LIMEF_NO_TIME)
        packet->dts_us += file->offset_us;
    if (file->end_us == LIMEF_NO_TIME || frame->pts_us + frame->duration_us > file->end_us)
        file->end_us = frame->pts_us + frame->duration_us;
}

static void take_over(struct limef_payload **spare, struct limef_payload *payload)
{
    if (*spare)
        limef_payload_unref(payload);
    else
        *spare = payload;
}

/* Reads a packet. Returns 0, also if it is none to pass on; AVERROR_EOF; a negative AVERROR code.
 */
int file_source_read(struct limef_file_source *file)
{
    struct limef_payload *payload;
    AVPacket *av;
    int ret;

    limef_payload_unref(file->packet.frame.payload);
    file->packet = (struct limef_packet_frame){0};
    payload = file->spare ? file->spare : limef_pool_get(file->packets);
    file->spare = NULL;
    if (!payload)
        return file_source_fail(file, AVERROR(ENOMEM), "");
    av = limef_payload_packet(payload);
    file_source_may_block(file);
    ret = libavformat.av_read_frame(file->format, av);
    if (ret < 0) {
        take_over(&file->spare, payload);
        return ret == AVERROR(EAGAIN) ? ret : at_end(file, ret);
    }
    file->read_to = av->pos >= 0 ? av->pos + av->size : -1;
    if (av->stream_index >= LIMEF_FILE_MAX_TRACKS || !file->tracks[av->stream_index].chosen) {
        av_packet_unref(av);
        take_over(&file->spare, payload);
        return 0;
    }
    limef_packet_frame_set(&file->packet, payload);
    fill_packet(file, file->format->streams[av->stream_index]);
    if (!file_source_seek_accepts(file)) {
        LIMEF_COUNT(file->n_skipped, 1);
        return 0;
    }
    place_packet(file, av);
    file->waiting = true;
    return 0;
}
