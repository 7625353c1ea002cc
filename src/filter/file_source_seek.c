/* SPDX-License-Identifier: MIT */
/*
 * Seeking and looping. Demuxers seek by decoding time, by byte or by an index
 * that may be wrong; so what comes after a seek is looked at, and a key frame
 * behind the target means another, earlier try.
 */
#include "filter/file_source_private.h"

#include "base/libavformat.h"
#include "frame/sane_time.h"

#include <limef/base/log.h>
#include <limef/thread/report.h>

#define MAX_TRIES 8
#define FIRST_STEP_BACK_US 500000 /* twice as far at each further try */
#define MAX_SKIPPED 2000          /* packets without a key frame; then anything is taken */
#define SOUND_LEAD_US 250000      /* as long are the packets of sound that libavformat leaves out */

/* As far back as there is anything. */
static int64_t beginning_us(const struct limef_file_source *file)
{
    int64_t start_us = limef_file_source_start_us(file);

    return start_us != LIMEF_NO_TIME ? start_us : 0;
}

/* Where to look for what is seen and heard at a time: libavformat may go to a key frame, and leave
 * out the packet of sound that began before it. */
static int64_t with_sound_us(const struct limef_file_source *file, int64_t us)
{
    if (file->video < 0 || file->audio < 0)
        return us;
    return FFMIN(us, FFMAX(us - SOUND_LEAD_US, beginning_us(file)));
}

static int seek_format(struct limef_file_source *file, int64_t us)
{
    AVFormatContext *format = file->format;
    int track = file->video >= 0 ? file->video : file->audio;
    int64_t time = av_rescale_q(us, AV_TIME_BASE_Q, format->streams[track]->time_base);
    int ret;

    file->timed_out = false;
    file_source_may_block(file);
    /* MPEG's streams have no index, and a search by time misses their first key frame */
    if (us <= beginning_us(file) && format->iformat->flags & AVFMT_TS_DISCONT)
        ret = libavformat.av_seek_frame(format, -1, 0, AVSEEK_FLAG_BYTE);
    else
        ret = libavformat.avformat_seek_file(format, track, INT64_MIN, time, time, 0);
    return ret < 0 ? file_source_why(file, ret) : 0;
}

/* To behind the packet that was read last. An elementary stream may have no times at all, and
 * libavformat has made an index up to the end of the file in search of one, and stays there. */
static void go_back(struct limef_file_source *file)
{
    if (file->format->iformat->flags & AVFMT_GENERIC_INDEX && file->read_to >= 0)
        libavformat.av_seek_frame(file->format, -1, file->read_to, AVSEEK_FLAG_BYTE);
}

/* It goes on where it is. Who waits for the FLUSH learns from START that none comes. */
static int seek_failed(struct limef_file_source *file, int code)
{
    struct limef_signal_frame report;

    limef_fail(code, file->source.filter.name, "cannot seek to %.3f s",
               (double)file->seek_us / 1e6);
    limef_signal_frame_set(&report, LIMEF_SIGNAL_ERROR, file->settings.slot, "cannot seek");
    report.code = code;
    limef_report(&report);
    return file_source_begin(file, LIMEF_NO_TIME);
}

static void mark_discontinuous(struct limef_file_source *file)
{
    for (unsigned i = 0; i < LIMEF_FILE_MAX_TRACKS; i++)
        file->tracks[i].discontinuous = true;
}

/* What comes after a seek to seek_us is looked at. */
static void look_for_key(struct limef_file_source *file, bool is_exact)
{
    file->sound_from_us = LIMEF_NO_TIME;
    if (is_exact || file->seek_us <= beginning_us(file))
        file->sound_from_us = file->seek_us;
    file->sound_last_us = LIMEF_NO_TIME;
    file->sought_us = file->seek_us;
    file->seek_tries = 1;
    file->seek_skipped = 0;
    file->seek_to_key = file->video >= 0;
    file->seek_known_key = false;
}

/* Whether its times come of counting from the beginning: an index knows where libavformat read, not
 * where a picture begins. */
static bool is_counted(const struct limef_file_source *file)
{
    return file->format->iformat->flags & AVFMT_NOTIMESTAMPS &&
           limef_file_source_start_us(file) != LIMEF_NO_TIME;
}

static int reopen(struct limef_file_source *file)
{
    int ret;

    file_source_close(file);
    ret = file_source_open(file);
    file->opened = ret >= 0;
    return ret;
}

/* Reads all that is before the target once more; the decoder drops it. */
static int count_to_target(struct limef_file_source *file)
{
    file->seek_exact = true;
    return reopen(file);
}

/* Where nothing was read yet it is not known where a pass begins, and so not by how much the times
 * of the next one are later. Returns AVERROR_EXIT, or 0. */
static int find_beginning(struct limef_file_source *file)
{
    int ret = 0;

    if (!file->settings.n_loops || file->live)
        return 0;
    for (int n = 0; ret >= 0 && !file->waiting && file->loop_us == LIMEF_NO_TIME && n < MAX_SKIPPED;
         n++)
        ret = file_source_next(file);
    return ret == AVERROR_EXIT ? ret : 0;
}

static int seek_now(struct limef_file_source *file)
{
    int64_t to_us = file->seek_exact ? with_sound_us(file, file->seek_us) : file->seek_us;

    return is_counted(file) ? count_to_target(file) : seek_format(file, to_us);
}

int file_source_seek(struct limef_file_source *file)
{
    int ret = find_beginning(file);

    file->seek_asked = false;
    if (ret >= 0)
        ret = seek_now(file);
    if (ret == AVERROR_EXIT)
        file->seek_asked = true; /* of who starts it again */
    if (ret == AVERROR_EXIT || !file->opened)
        return ret;
    if (ret < 0) {
        go_back(file);
        return seek_failed(file, ret);
    }
    file->waiting = false;
    file->anchored = false;
    file_source_ahead_forget(file, -1);
    mark_discontinuous(file);
    look_for_key(file, file->seek_exact);
    file->seek_under_way = true;
    file->resume_us = file->seek_us;
    file->offset_us = 0;
    file->end_us = LIMEF_NO_TIME;
    LIMEF_COUNT(file->n_seeks, 1);
    return file_source_signal(file, LIMEF_SIGNAL_FLUSH, 0,
                              file->seek_exact ? file->seek_us : LIMEF_NO_TIME, NULL);
}

bool file_source_seek_again(struct limef_file_source *file)
{
    int64_t step_us;

    if (!file->seek_to_key || file->seek_tries >= MAX_TRIES ||
        file->sought_us <= beginning_us(file))
        return false;
    step_us = FIRST_STEP_BACK_US << (file->seek_tries++ - 1);
    file->sought_us = FFMAX(file->sought_us - step_us, beginning_us(file));
    return seek_format(file, file->sought_us) >= 0;
}

/* Whether a try before this one has passed that packet of sound. */
static bool has_passed(struct limef_file_source *file)
{
    const struct limef_frame *frame = &file->packet.frame;

    if (frame->track != file->audio || file->seek_tries < 2 || frame->pts_us == LIMEF_NO_TIME)
        return false;
    if (frame->pts_us <= file->sound_last_us)
        return true;
    if (!file->seek_to_key)
        file->sound_last_us = LIMEF_NO_TIME;
    return false;
}

/* Whether it is a packet of sound that passes before a key frame is found: a file may have it there
 * and nowhere else. */
static bool is_sound_of_target(struct limef_file_source *file)
{
    const struct limef_frame *frame = &file->packet.frame;

    if (frame->track != file->audio || frame->pts_us == LIMEF_NO_TIME ||
        file->sound_from_us == LIMEF_NO_TIME ||
        frame->pts_us + FFMAX(frame->duration_us, 1) <= file->sound_from_us)
        return false;
    file->sound_last_us = FFMAX(file->sound_last_us, frame->pts_us);
    return true;
}

/* The key frame that was looked for is found, and when it is shown known by that: its sound may lie
 * before it in the file. Whether it is read once more, from there on. */
static bool goes_back_for_sound(struct limef_file_source *file, int64_t key_us)
{
    if (file->audio < 0 || file->sound_from_us != LIMEF_NO_TIME || key_us == LIMEF_NO_TIME ||
        seek_format(file, with_sound_us(file, key_us)) < 0)
        return false;
    file->seek_us = file->sought_us = file->sound_from_us = key_us;
    file->seek_skipped = 0;
    file->seek_known_key = true;
    return true;
}

/* Whether it goes without the sound before that key frame: that lies too far back. */
static bool gives_up_sound(struct limef_file_source *file)
{
    if (!file->seek_known_key || seek_format(file, file->seek_us) < 0)
        return false;
    file->seek_known_key = false;
    file->seek_skipped = 0;
    file->seek_tries = MAX_TRIES;
    return true;
}

/* Of a key frame that comes while one is looked for. */
static bool is_key_sought(struct limef_file_source *file, int64_t pts_us)
{
    if (file->seek_known_key && pts_us < file->seek_us)
        return false;
    return (pts_us <= file->seek_us || !file_source_seek_again(file)) &&
           !goes_back_for_sound(file, pts_us);
}

bool file_source_seek_accepts(struct limef_file_source *file)
{
    const struct limef_frame *frame = &file->packet.frame;

    if (has_passed(file))
        return false;
    if (!file->seek_to_key || is_sound_of_target(file))
        return true;
    if (frame->track == file->video && frame->flags & LIMEF_FRAME_KEY)
        file->seek_to_key = !is_key_sought(file, frame->pts_us);
    else if (++file->seek_skipped >= MAX_SKIPPED)
        file->seek_to_key = gives_up_sound(file);
    return !file->seek_to_key;
}

static int begin_again(struct limef_file_source *file)
{
    int64_t to_us =
        file->settings.start_us > 0 ? with_sound_us(file, file->loop_us) : beginning_us(file);

    int ret = AVERROR(ENOSYS);

    file->sound_last_us = LIMEF_NO_TIME;
    /* elementary streams get their times by counting, and a seek ends the count */
    if (!(file->format->iformat->flags & AVFMT_NOTIMESTAMPS))
        ret = seek_format(file, to_us);
    if (ret == AVERROR_EXIT)
        return ret;
    if (ret >= 0) {
        if (file->settings.start_us > 0) {
            file->seek_us = file->loop_us;
            look_for_key(file, true);
        }
        return 0;
    }
    return reopen(file);
}

int file_source_loop(struct limef_file_source *file)
{
    uint64_t n_packets = LIMEF_COUNTED(file->n_packets);
    int ret;

    if (LIMEF_COUNTED(file->n_loops) >= file->settings.n_loops &&
        file->settings.n_loops != LIMEF_LOOP_FOREVER)
        return AVERROR_EOF;
    if (file->live || n_packets == file->n_packets_before)
        return AVERROR_EOF;
    ret = begin_again(file);
    if (ret < 0)
        return ret;
    /* where times go on it is no discontinuity: nothing behind shall set its clock anew */
    if (sane_time(file->end_us) != LIMEF_NO_TIME && file->loop_us != LIMEF_NO_TIME) {
        file->offset_us = file->end_us - file->loop_us;
    } else {
        file->offset_us = 0;
        file->end_us = LIMEF_NO_TIME;
        mark_discontinuous(file);
    }
    file->n_packets_before = n_packets;
    file->waiting = false;
    LIMEF_COUNT(file->n_loops, 1);
    return 0;
}

void file_source_note_place(struct limef_file_source *file)
{
    const struct limef_frame *frame = &file->packet.frame;
    int64_t pts_us = frame->pts_us, dts_us = file->packet.dts_us, container_us;

    if (pts_us == LIMEF_NO_TIME)
        return;
    pts_us =
        FFMAX(pts_us - file_source_lead_us(file, frame->media), limef_file_source_start_us(file));
    atomic_store_explicit(&file->position_us, pts_us, memory_order_relaxed);
    if (frame->media == LIMEF_MEDIA_VIDEO && dts_us != LIMEF_NO_TIME)
        pts_us = FFMIN(pts_us, dts_us); /* pictures that are shown before it may be still to come */
    container_us = pts_us - file->offset_us;
    if (file->seek_under_way && file->seek_exact && container_us < file->resume_us)
        return;
    file->seek_under_way = false;
    /* what was read ahead of the joint of a loop is of before it */
    file->resume_us =
        file->loop_us != LIMEF_NO_TIME ? FFMAX(container_us, file->loop_us) : container_us;
}

void file_source_go_on(struct limef_file_source *file)
{
    const AVIOContext *io = file->format ? file->format->pb : NULL;

    if (file->opened && io && io->seekable & AVIO_SEEKABLE_NORMAL && !file->seek_asked &&
        file->resume_us != LIMEF_NO_TIME) {
        file->seek_asked = true;
        file->seek_exact |= !file->seek_under_way;
        file->seek_us = file->resume_us;
    }
    file_source_close(file);
    file->opened = file->waiting = false;
}
