/* SPDX-License-Identifier: MIT */
/*
 * Pictures and sound of a file are passed on in the order of their times. Where one lies behind the
 * other in the file, what comes too early is kept until the other has been read as far: who plays
 * both would else wait for sound that nobody can read, since pictures that wait for it are in the
 * way. Who wants to may have sound somewhat earlier still. Where times jump, at the joint of two
 * files, what was kept goes as it came, and an order begins anew.
 */
#include "filter/file_source_private.h"

#include "base/memory_private.h"

#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <string.h>

/* What is kept at most: packets, bytes, and time of a track. Beyond that they go as they come. */
#define MOST_PACKETS 1024
#define MOST_BYTES ((size_t)16 << 20)
#define MOST_US 5000000
/* A track's time that goes back further has jumped; one that goes on further than is kept, too. */
#define BACK_US 500000

/* What is known of the packets of a track that are kept. */
struct kept_track {
    unsigned first; /* its place; MOST_PACKETS: none is kept */
    int64_t first_us, last_us;
};

int file_source_ahead_open(struct limef_file_source *file)
{
    file->video_us = file->audio_us = file->early_us = LIMEF_NO_TIME;
    if (file->ahead || file->live || file->video < 0 || file->audio < 0)
        return 0;
    file->ahead = memory_allocate(MOST_PACKETS * sizeof(*file->ahead));
    return file->ahead ? 0 : file_source_fail(file, AVERROR(ENOMEM), "");
}

static void take_out(struct limef_file_source *file, unsigned i)
{
    file->ahead_bytes -= file->ahead[i].size_bytes;
    file->n_ahead--;
    memmove(&file->ahead[i], &file->ahead[i + 1], (file->n_ahead - i) * sizeof(*file->ahead));
}

void file_source_ahead_forget(struct limef_file_source *file, int track)
{
    for (unsigned i = file->n_ahead; i-- > 0;) {
        if (track >= 0 && file->ahead[i].frame.track != track)
            continue;
        limef_payload_unref(file->ahead[i].frame.payload);
        take_out(file, i);
        LIMEF_COUNT(file->n_skipped, 1);
    }
    file->n_as_they_came = 0;
    file->video_us = file->audio_us = file->early_us = LIMEF_NO_TIME;
    file->ends = false;
}

void file_source_ahead_clear(struct limef_file_source *file)
{
    if (file->ahead)
        file_source_ahead_forget(file, -1);
    memory_release(file->ahead);
    file->ahead = NULL;
}

int64_t file_source_lead_us(const struct limef_file_source *file, enum limef_media media)
{
    return media == LIMEF_MEDIA_AUDIO && file->ahead && file->settings.pace == LIMEF_PACE_FASTEST
               ? file->sound_lead_us
               : 0;
}

static int64_t time_of(const struct limef_packet_frame *packet)
{
    return packet->dts_us != LIMEF_NO_TIME ? packet->dts_us : packet->frame.pts_us;
}

static struct kept_track look_at(const struct limef_file_source *file, int track)
{
    struct kept_track kept = {.first = MOST_PACKETS};

    for (unsigned i = 0; i < file->n_ahead; i++) {
        if (file->ahead[i].frame.track != track)
            continue;
        kept.last_us = time_of(&file->ahead[i]);
        if (kept.first == MOST_PACKETS) {
            kept.first = i;
            kept.first_us = kept.last_us;
        }
    }
    return kept;
}

static bool is_long(const struct kept_track *kept)
{
    int64_t span_us;

    return kept->first != MOST_PACKETS && kept->first_us != LIMEF_NO_TIME &&
           kept->last_us != LIMEF_NO_TIME &&
           (__builtin_sub_overflow(kept->last_us, kept->first_us, &span_us) || span_us > MOST_US);
}

/* The packet that is next; MOST_PACKETS: another one has to be read first. */
static unsigned find_next(struct limef_file_source *file)
{
    struct kept_track video, audio;

    if (file->n_as_they_came)
        return 0;
    video = look_at(file, file->video);
    audio = look_at(file, file->audio);
    if (video.first != MOST_PACKETS && audio.first != MOST_PACKETS) {
        /* without a time it goes as it came */
        if (video.first_us == LIMEF_NO_TIME || audio.first_us == LIMEF_NO_TIME)
            return 0;
        audio.first_us -= file_source_lead_us(file, LIMEF_MEDIA_AUDIO);
        if (video.first_us == audio.first_us)
            return FFMIN(video.first, audio.first);
        return video.first_us < audio.first_us ? video.first : audio.first;
    }
    if (file->n_ahead && file->ends)
        return 0;
    if (file->n_ahead == MOST_PACKETS || file->ahead_bytes > MOST_BYTES || is_long(&video) ||
        is_long(&audio)) {
        file->early_us = time_of(&file->ahead[0]);
        file->early_track = file->ahead[0].frame.track;
        return 0;
    }
    return MOST_PACKETS;
}

/* Notes the time of a packet that was read. Returns whether it has jumped. */
static bool has_jumped(struct limef_file_source *file, const struct limef_packet_frame *packet)
{
    int64_t *last_us = packet->frame.track == file->video ? &file->video_us : &file->audio_us;
    int64_t before_us = *last_us, us = time_of(packet), by_us;

    if (us == LIMEF_NO_TIME)
        return false;
    *last_us = us;
    return before_us != LIMEF_NO_TIME &&
           (__builtin_sub_overflow(us, before_us, &by_us) || by_us < -BACK_US || by_us > MOST_US);
}

/* Whether what belongs behind a packet was passed on already, as it could wait no longer. */
static bool is_late(const struct limef_file_source *file, const struct limef_packet_frame *packet)
{
    int64_t us = time_of(packet);

    return us != LIMEF_NO_TIME && file->early_us != LIMEF_NO_TIME && us < file->early_us &&
           packet->frame.track != file->early_track;
}

static void count_late(struct limef_file_source *file)
{
    if (!LIMEF_COUNTED(file->n_late))
        limef_log(LIMEF_LOG_WARNING, file->source.filter.name,
                  "pictures and sound lie more than 5 s, 16 MiB or 1024 packets apart in the file: "
                  "what comes last of them comes too late");
    LIMEF_COUNT(file->n_late, 1);
}

static void put(struct limef_file_source *file)
{
    if (has_jumped(file, &file->packet)) {
        file->n_as_they_came = file->n_ahead;
        file->early_us = LIMEF_NO_TIME;
    }
    if (is_late(file, &file->packet))
        count_late(file);
    file->ahead[file->n_ahead++] = file->packet;
    file->ahead_bytes += file->packet.size_bytes;
    file->packet = (struct limef_packet_frame){0};
    file->waiting = false;
}

static void pass_on(struct limef_file_source *file, unsigned i)
{
    limef_payload_unref(file->packet.frame.payload);
    file->packet = file->ahead[i];
    file->waiting = true;
    take_out(file, i);
    file->n_as_they_came -= file->n_as_they_came > 0;
    file->ends &= file->n_ahead > 0;
}

int file_source_next(struct limef_file_source *file)
{
    unsigned next = file->n_ahead ? find_next(file) : MOST_PACKETS;
    int ret;

    if (next == MOST_PACKETS) {
        ret = file_source_read(file);
        if (ret < 0 || !file->waiting || !file->ahead)
            return ret;
        put(file);
        next = find_next(file);
    }
    if (next != MOST_PACKETS)
        pass_on(file, next);
    return 0;
}
