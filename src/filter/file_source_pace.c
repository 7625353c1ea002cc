/* SPDX-License-Identifier: MIT */
/*
 * When packets are due: stream time runs beside the monotonic clock from an
 * anchor, which is set anew after a pause, a seek, a change of rate, and where
 * either clock leaves the other.
 */
#include "filter/file_source_private.h"

#include <libavcodec/packet.h>
#include <libavutil/mathematics.h>

#define LATE_US 1000000  /* so late, it plays on from here instead of catching up in a burst */
#define JUMP_US 10000000 /* so far from its neighbour, a time stamp is a jump and no gap */
#define NATURAL_RATE 1000
#define GUESSED_PICTURE_US 40000

/* The next packet's place on the stream's clock, also where the container does not say. */
static int64_t stream_time_us(struct limef_file_source *file)
{
    const struct limef_packet_frame *packet = &file->packet;
    bool is_picture = packet->frame.media == LIMEF_MEDIA_VIDEO;
    int64_t time_us = packet->dts_us != LIMEF_NO_TIME ? packet->dts_us : packet->frame.pts_us;
    int64_t step_us =
        packet->frame.duration_us > 0 ? packet->frame.duration_us : GUESSED_PICTURE_US;

    if (file->settings.pace > 0) {
        file->n_pictures += is_picture;
        return av_rescale(file->n_pictures, 1000000000, file->settings.pace);
    }
    if (time_us != LIMEF_NO_TIME)
        return time_us;
    if (!file->anchored)
        return 0;
    return file->paced_ts_us + (is_picture || file->video < 0 ? step_us : 0);
}

/* Whether what comes of the packet is never shown: then nobody waits for its time. */
static bool is_decoded_only(const struct limef_file_source *file)
{
    int64_t pts_us = file->packet.frame.pts_us;

    return file->packet.av->flags & AV_PKT_FLAG_DISCARD ||
           (file->seek_exact && pts_us != LIMEF_NO_TIME && pts_us < file->seek_us);
}

int64_t file_source_due_us(struct limef_file_source *file)
{
    int64_t now_us, time_us, due_us = 0, rate = file->rate;
    bool follows;

    if (file->live || file->settings.pace == LIMEF_PACE_FASTEST)
        return 0;
    if (is_decoded_only(file))
        return 0;
    now_us = limef_now_us();
    time_us = stream_time_us(file);
    follows = file->anchored && time_us >= file->paced_ts_us - JUMP_US &&
              time_us <= file->paced_ts_us + JUMP_US;
    if (follows)
        due_us = file->anchor_us + av_rescale(time_us - file->anchor_ts_us, NATURAL_RATE, rate);
    if (!follows || due_us < now_us - LATE_US) {
        file->anchored = true;
        file->anchor_us = due_us = now_us;
        file->anchor_ts_us = time_us;
    }
    file->paced_ts_us = time_us;
    return due_us;
}
