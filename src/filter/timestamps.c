/* SPDX-License-Identifier: MIT */
#include <limef/filter/timestamps.h>

#include "filter/filter_counts.h"
#include "frame/sane_time.h"

#include <libavcodec/avcodec.h>
#include <string.h>

/* 2^33 and 2^32 ticks of the 90 kHz clock: ISO/IEC 13818-1, 2.4.3.7 (MPEG-TS); RFC 3550, 5.1, and
 * RFC 6184, 5.1 (RTP video). */
#define MPEG_TS_WRAP_US 95443717689
#define RTP_VIDEO_WRAP_US 47721858844

#define DEFAULT_MAX_GAP_US 10000000
/* Further back than this, time was reset; less far back is a glitch, unless it stays. */
#define MAX_GLITCH_US 500000
/* Right behind another frame: a millisecond, so that containers that count those can tell. */
#define BEHIND_US 1000
#define MAX_STEP_US 3600000000

struct repair {
    struct limef_timestamps_filter *filter;
    struct limef_timestamps_slot *slot;
    struct limef_timestamps_track *track;
    bool jumped; /* flag the frame */
};

static struct limef_timestamps_filter *timestamps_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_timestamps_filter, filter);
}

static int64_t max_gap_us(const struct limef_timestamps_filter *filter)
{
    return filter->max_gap_us > 0 ? filter->max_gap_us : DEFAULT_MAX_GAP_US;
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static void forget_order(struct limef_timestamps_track *track)
{
    for (unsigned i = 0; i <= LIMEF_TIMESTAMPS_MAX_REORDER; i++)
        track->sorted_us[i] = LIMEF_NO_TIME;
}

/* Puts a time among the latest, in place of the smallest. @return how many are larger. */
static unsigned sort_in(int64_t *sorted_us, int64_t time_us)
{
    unsigned i;

    for (i = 0; i < LIMEF_TIMESTAMPS_MAX_REORDER && sorted_us[i + 1] < time_us; i++)
        sorted_us[i] = sorted_us[i + 1];
    sorted_us[i] = time_us;
    return LIMEF_TIMESTAMPS_MAX_REORDER - i;
}

/*
 * A decoding time for a packet that has only a presentation time: the smallest of the n_reorder + 1
 * largest so far, as libavformat does it. More reordering than the codec announced is learned.
 */
static int64_t derive_dts(struct repair *r, int64_t pts_us)
{
    struct limef_timestamps_track *track = r->track;
    int64_t *sorted_us = track->sorted_us, dts_us;
    int64_t latest_us = sorted_us[LIMEF_TIMESTAMPS_MAX_REORDER];
    unsigned n_larger;

    track->is_derived = true;
    if (!track->started || latest_us == LIMEF_NO_TIME ||
        distance(latest_us, pts_us) > max_gap_us(r->filter))
        forget_order(track);
    n_larger = sort_in(sorted_us, pts_us);
    if (n_larger > track->n_reorder)
        track->n_reorder = (uint8_t)n_larger;
    dts_us = sorted_us[LIMEF_TIMESTAMPS_MAX_REORDER - track->n_reorder];
    if (dts_us != LIMEF_NO_TIME)
        return dts_us;
    return track->started ? track->in_us - track->wrap_us + track->step_us
                          : pts_us - track->n_reorder * track->step_us;
}

/* Whether a time is one period before where it is expected; then it gets the period back. */
static bool unwrap_by(struct repair *r, int64_t *time_us, int64_t period_us)
{
    int64_t expected_us = r->track->in_us + r->track->step_us;

    if (!period_us || distance(*time_us + period_us, expected_us) > max_gap_us(r->filter))
        return false;
    r->track->wrap_us += period_us;
    *time_us += period_us;
    LIMEF_COUNT(r->filter->n_wraps, 1);
    return true;
}

static void unwrap(struct repair *r, int64_t *time_us)
{
    *time_us += r->track->wrap_us;
    if (*time_us >= r->track->in_us || unwrap_by(r, time_us, MPEG_TS_WRAP_US) ||
        unwrap_by(r, time_us, RTP_VIDEO_WRAP_US))
        return;
    unwrap_by(r, time_us, r->track->wraps_at_us);
}

/* From decoding to presentation time, also where one of them wrapped already. */
static int64_t presentation_delay(const struct repair *r, int64_t pts_us, int64_t dts_us)
{
    const int64_t periods_us[] = {MPEG_TS_WRAP_US, RTP_VIDEO_WRAP_US, r->track->wraps_at_us};
    int64_t delay_us = pts_us - dts_us;

    for (unsigned i = 0; i < 3; i++) {
        if (periods_us[i] && distance(delay_us, -periods_us[i]) < max_gap_us(r->filter))
            return delay_us + periods_us[i];
    }
    return delay_us;
}

static int64_t go_on_us(const struct limef_timestamps_track *track)
{
    return track->out_us + track->step_us;
}

/* Takes the slot's offset, if another track changed it and it explains this time better. */
static bool follow(struct repair *r, int64_t time_us)
{
    struct limef_timestamps_track *track = r->track;
    int64_t own = distance(time_us + track->offset_us, go_on_us(track));
    int64_t common = distance(time_us + r->slot->offset_us, go_on_us(track));

    if (track->generation == r->slot->generation) {
        track->offset_us = r->slot->offset_us;
        return false;
    }
    if (common >= own || common > max_gap_us(r->filter))
        return false;
    track->generation = r->slot->generation;
    track->offset_us = r->slot->offset_us;
    LIMEF_COUNT(r->filter->n_followed, 1);
    return true;
}

/* Gives the slot the offset with which this time comes at out_us. */
static int64_t move_slot(struct repair *r, int64_t time_us, int64_t out_us)
{
    r->slot->offset_us = r->track->offset_us = out_us - time_us;
    r->jumped = true;
    return out_us;
}

static int64_t jump(struct repair *r, int64_t time_us)
{
    r->track->generation = ++r->slot->generation;
    r->track->n_backward = 0;
    LIMEF_COUNT(r->filter->n_jumps, 1);
    return move_slot(r, time_us, go_on_us(r->track));
}

static bool is_pause(const struct repair *r, int64_t out_us)
{
    return out_us - go_on_us(r->track) <= max_gap_us(r->filter) ||
           distance(out_us, r->slot->out_us) <= max_gap_us(r->filter);
}

static int64_t behind_last_us(const struct limef_timestamps_track *track)
{
    int64_t half_us = track->step_us / 2;

    return track->out_us + (half_us < 1 ? 1 : half_us < BEHIND_US ? half_us : BEHIND_US);
}

/* The repaired time of a known, unwrapped one. */
static int64_t repaired(struct repair *r, int64_t time_us)
{
    struct limef_timestamps_track *track = r->track;
    bool followed = follow(r, time_us);
    int64_t out_us = time_us + track->offset_us;
    /* reordering that is still being learned looks like going back */
    unsigned patience = track->is_derived ? LIMEF_TIMESTAMPS_MAX_REORDER : 1;

    r->jumped = followed;
    if (out_us > track->out_us) {
        track->n_backward = 0;
        return is_pause(r, out_us) ? out_us : jump(r, time_us);
    }
    if (followed) /* it overlaps what it had passed on: all tracks of the slot move on */
        return move_slot(r, time_us, go_on_us(track));
    if (track->out_us - out_us > MAX_GLITCH_US || track->n_backward >= patience)
        return jump(r, time_us);
    track->n_backward++;
    LIMEF_COUNT(r->filter->n_backward, 1);
    return behind_last_us(track);
}

static int64_t first(struct repair *r, int64_t time_us)
{
    r->track->started = true;
    r->track->generation = r->slot->generation;
    r->track->offset_us = r->slot->offset_us;
    return time_us + r->track->offset_us;
}

static int64_t filled(struct repair *r)
{
    LIMEF_COUNT(r->filter->n_missing, 1);
    r->track->in_us += r->track->step_us;
    if (r->track->started)
        return go_on_us(r->track);
    r->track->in_us = (r->slot->started ? r->slot->out_us : 0) - r->slot->offset_us;
    return first(r, r->track->in_us);
}

static void learn_step(struct limef_timestamps_track *track, const struct limef_frame *in,
                       int64_t moved_us)
{
    if (in->duration_us > 0 && in->duration_us <= MAX_STEP_US)
        track->step_us = in->duration_us;
    else if (track->codec_step_us)
        track->step_us = track->codec_step_us;
    else if (moved_us > 0 && moved_us < DEFAULT_MAX_GAP_US)
        track->step_us = moved_us;
}

/* The time by which the track goes, repaired. */
static int64_t repair(struct repair *r, const struct limef_frame *in, int64_t time_us)
{
    struct limef_timestamps_track *track = r->track;
    int64_t out_us, moved_us = 0;

    if (time_us == LIMEF_NO_TIME) {
        out_us = filled(r);
    } else if (!track->started) {
        out_us = first(r, time_us);
        track->in_us = time_us;
    } else {
        unwrap(r, &time_us);
        moved_us = time_us - track->in_us;
        out_us = repaired(r, time_us);
        track->in_us = time_us;
    }
    learn_step(track, in, moved_us);
    track->out_us = out_us;
    if (!r->slot->started || out_us > r->slot->out_us)
        r->slot->out_us = out_us;
    r->slot->started = true;
    return out_us;
}

/* A packet's presentation time, once its decoding time is repaired. */
static int64_t presentation_us(struct repair *r, int64_t delay_us, int64_t dts_us)
{
    /* where a glitch was mended the decoding time alone moved */
    int64_t pts_us = r->track->in_us + r->track->offset_us + delay_us;

    if (r->track->is_derived) /* too early while reordering is learned, but in order */
        return pts_us;
    if (delay_us >= 0 && delay_us <= max_gap_us(r->filter))
        return pts_us > dts_us ? pts_us : dts_us;
    LIMEF_COUNT(r->filter->n_order, 1);
    return dts_us;
}

static void repair_packet(struct repair *r, struct limef_packet_frame *packet)
{
    int64_t pts_us = sane_time(packet->frame.pts_us), dts_us = sane_time(packet->dts_us);
    bool has_pts = pts_us != LIMEF_NO_TIME, has_dts = dts_us != LIMEF_NO_TIME;
    int64_t delay_us;

    r->track->is_derived = false;
    if (has_pts && !has_dts)
        dts_us = derive_dts(r, pts_us);
    delay_us = has_pts ? presentation_delay(r, pts_us, dts_us) : 0;
    packet->dts_us = repair(r, &packet->frame, dts_us);
    if (has_pts)
        packet->frame.pts_us = presentation_us(r, delay_us, packet->dts_us);
    else /* the decoder can tell, where pictures are reordered */
        packet->frame.pts_us = r->track->n_reorder ? LIMEF_NO_TIME : packet->dts_us;
    if (has_pts != has_dts && packet->frame.pts_us != LIMEF_NO_TIME)
        LIMEF_COUNT(r->filter->n_derived, 1);
}

static int64_t shifted(int64_t time_us, int64_t offset_us)
{
    return sane_time(time_us) == LIMEF_NO_TIME ? LIMEF_NO_TIME : time_us + offset_us;
}

/* Subtitles and data, sparse as they are, just go along with their slot. */
static void shift_along(const struct repair *r, union limef_any_frame *frame)
{
    frame->frame.pts_us = shifted(frame->frame.pts_us, r->slot->offset_us);
    if (frame->frame.frame_class == LIMEF_FRAME_PACKET)
        frame->packet.dts_us = shifted(frame->packet.dts_us, r->slot->offset_us);
}

static void read_codec(struct limef_timestamps_track *track, const struct limef_codec_frame *codec)
{
    const AVCodecParameters *parameters = codec->parameters;
    int64_t num = codec->frame_rate_num, den = codec->frame_rate_den;
    int delay = parameters->video_delay;

    track->codec_step_us = num > 0 && den > 0 ? den * 1000000 / num : 0;
    if (track->codec_step_us)
        track->step_us = track->codec_step_us;
    if (parameters->sample_rate > 0)
        track->wraps_at_us = ((int64_t)1 << 32) * 1000000 / parameters->sample_rate;
    track->n_reorder =
        (uint8_t)(delay < 0                               ? 0
                  : delay <= LIMEF_TIMESTAMPS_MAX_REORDER ? delay
                                                          : LIMEF_TIMESTAMPS_MAX_REORDER);
    forget_order(track);
}

static void start_anew(struct limef_timestamps_filter *filter, uint32_t slot_number)
{
    int i = limef_tracks_find(&filter->slots, &(struct limef_frame){.slot = slot_number});

    if (i >= 0)
        filter->slot_states[i] = (struct limef_timestamps_slot){0};
    for (unsigned n = 0; n < filter->tracks.n; n++) {
        struct limef_timestamps_track *track = &filter->track_states[n];

        if (filter->tracks.keys[n] >> 32 != slot_number)
            continue;
        track->started = false;
        track->n_backward = 0;
        track->wrap_us = 0;
    }
}

/* Finds what is known of a frame's track and slot; whether there was room. */
static bool find(struct repair *r, const struct limef_frame *in)
{
    int slot = limef_tracks_find(&r->filter->slots, &(struct limef_frame){.slot = in->slot});
    int track = limef_tracks_find(&r->filter->tracks, in);

    if (slot < 0 || track < 0)
        return false;
    r->slot = &r->filter->slot_states[slot];
    r->track = &r->filter->track_states[track];
    if (!r->track->step_us)
        r->track->step_us = in->media == LIMEF_MEDIA_AUDIO ? 20000 : 40000;
    return true;
}

static int timestamps_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct repair r = {.filter = timestamps_of(filter)};
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);
    union limef_any_frame out;

    if (signal && signal->signal == LIMEF_SIGNAL_FLUSH)
        start_anew(r.filter, in->slot);
    if (signal || in->frame_class == LIMEF_FRAME_EMPTY)
        return limef_pass(filter, in);
    if (!find(&r, in)) {
        LIMEF_COUNT(r.filter->n_untracked, 1);
        return limef_pass(filter, in);
    }
    if (in->frame_class == LIMEF_FRAME_CODEC) {
        read_codec(r.track, limef_codec_frame_from(in));
        return limef_pass(filter, in);
    }
    memcpy(&out, in, limef_frame_size_bytes(in->frame_class));
    if (in->media != LIMEF_MEDIA_VIDEO && in->media != LIMEF_MEDIA_AUDIO)
        shift_along(&r, &out);
    else if (in->frame_class == LIMEF_FRAME_PACKET)
        repair_packet(&r, &out.packet);
    else
        out.frame.pts_us = repair(&r, in, sane_time(in->pts_us));
    if (r.jumped)
        out.frame.flags |= LIMEF_FRAME_DISCONTINUITY;
    return limef_pass(filter, &out.frame);
}

static void timestamps_clear(struct limef_filter *filter)
{
    *timestamps_of(filter) = (struct limef_timestamps_filter){0};
}

static unsigned timestamps_counts(const struct limef_filter *filter,
                                  struct limef_filter_count *counts)
{
    const struct limef_timestamps_filter *timestamps =
        LIMEF_CONTAINER_OF(filter, const struct limef_timestamps_filter, filter);
    const struct limef_filter_count now[] = {
        {"missing", LIMEF_COUNTED(timestamps->n_missing)},
        {"derived", LIMEF_COUNTED(timestamps->n_derived)},
        {"backward", LIMEF_COUNTED(timestamps->n_backward)},
        {"jumps", LIMEF_COUNTED(timestamps->n_jumps)},
        {"followed", LIMEF_COUNTED(timestamps->n_followed)},
        {"wraps", LIMEF_COUNTED(timestamps->n_wraps)},
        {"order", LIMEF_COUNTED(timestamps->n_order)},
        {"untracked", LIMEF_COUNTED(timestamps->n_untracked)},
    };

    return filter_counts(counts, now, sizeof(now));
}

const struct limef_filter_ops limef_timestamps_ops = {.kind = "timestamps",
                                                      .go = timestamps_go,
                                                      .clear = timestamps_clear,
                                                      .counts = timestamps_counts};

void limef_timestamps_filter_init(struct limef_timestamps_filter *timestamps, const char *name,
                                  int64_t gap_us)
{
    limef_filter_init(&timestamps->filter, &limef_timestamps_ops, name);
    timestamps->max_gap_us = gap_us;
}

void limef_timestamps_get_counters(const struct limef_timestamps_filter *timestamps,
                                   struct limef_timestamps_counters *counters)
{
    *counters = (struct limef_timestamps_counters){
        .n_missing = LIMEF_COUNTED(timestamps->n_missing),
        .n_derived = LIMEF_COUNTED(timestamps->n_derived),
        .n_backward = LIMEF_COUNTED(timestamps->n_backward),
        .n_jumps = LIMEF_COUNTED(timestamps->n_jumps),
        .n_followed = LIMEF_COUNTED(timestamps->n_followed),
        .n_wraps = LIMEF_COUNTED(timestamps->n_wraps),
        .n_order = LIMEF_COUNTED(timestamps->n_order),
        .n_untracked = LIMEF_COUNTED(timestamps->n_untracked),
    };
}
