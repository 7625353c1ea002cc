/* SPDX-License-Identifier: MIT */
#include <limef/filter/latency.h>

#include <limef/base/log.h>
#include <limef/thread/producer.h>
#include <limef/thread/report.h>

#include <inttypes.h>
#include <libavutil/common.h>
#include <string.h>

#define DEFAULT_BUDGET_US 500000
/* How fast what is natural may grow by itself. Crystals of cameras are off by less than the one;
 * the clocks of some by less than the other, granted to frames that did not wait here. */
#define MAX_DRIFT_PPM 200
#define MAX_SLOW_PPM 10000
/* Of the budget: who took at most that much longer from entering the process to here than who took
 * least did not wait. */
#define PROMPT_PART 8

static struct limef_latency_filter *latency_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_latency_filter, filter);
}

static int64_t budget_us(const struct limef_latency_filter *latency)
{
    return latency->budget_us > 0 ? latency->budget_us : DEFAULT_BUDGET_US;
}

static void begin_anew(struct limef_latency_track *track, int64_t base_us, int64_t now_us)
{
    track->is_known = true;
    track->base_us = base_us;
    track->based_at_us = now_us;
}

/* Whether the source that drives this thread has had nothing to give since the last frame, so that
 * none can have waited before it: in the kernel, nobody sees when a frame came. Of others that is
 * not known. */
static bool ran_dry(struct limef_latency_track *track)
{
    const struct limef_thread *thread = limef_thread_current();
    const struct limef_source *source = thread ? thread->stepped : NULL;
    uint64_t n_waited = source ? LIMEF_COUNTED(source->n_waited) : 0;
    bool did = n_waited != track->n_waited;

    track->n_waited = n_waited;
    return did || !source || source->filter.ops->flags & LIMEF_FILTER_BLOCKING;
}

/* Grows what is natural by what a slow clock may have added since the last frame. */
static void follow_clock(const struct limef_latency_filter *latency,
                         struct limef_latency_track *track, const struct limef_frame *in,
                         int64_t now_us)
{
    int64_t waited_us = in->entered_us ? now_us - in->entered_us : INT64_MAX, ppm, grown_us;
    bool is_drained = ran_dry(track);

    /* what is held back for another stream on purpose, each frame is */
    track->least_wait_us = FFMIN(track->least_wait_us, waited_us);
    ppm = is_drained && in->entered_us &&
                  waited_us - track->least_wait_us <= budget_us(latency) / PROMPT_PART
              ? MAX_SLOW_PPM
              : MAX_DRIFT_PPM;
    grown_us = (now_us - track->based_at_us) * ppm / 1000000;

    if (grown_us == 0)
        return; /* the next frame has this time as well */
    track->base_us += grown_us;
    track->based_at_us = now_us;
}

/* How late a frame is, and what is learnt from it. */
static int64_t measure(struct limef_latency_filter *latency, struct limef_latency_track *track,
                       const struct limef_frame *in, int64_t now_us)
{
    int64_t base_us = now_us - in->pts_us, late_us;

    /* a hole in the stream makes what is behind it no less late; a jump forward is seen below */
    if (!track->is_known ||
        (in->flags & LIMEF_FRAME_DISCONTINUITY && in->pts_us < track->highest_pts_us)) {
        begin_anew(track, base_us, now_us);
        track->least_wait_us = INT64_MAX;
        track->highest_pts_us = in->pts_us;
    }
    track->highest_pts_us = FFMAX(track->highest_pts_us, in->pts_us);
    follow_clock(latency, track, in, now_us);
    late_us = base_us - track->base_us;
    if (late_us <= 0) {
        begin_anew(track, base_us, now_us);
        late_us = 0;
    }
    atomic_store_explicit(&latency->late_us, late_us, memory_order_relaxed);
    if (late_us > LIMEF_COUNTED(latency->max_late_us))
        atomic_store_explicit(&latency->max_late_us, late_us, memory_order_relaxed);
    return late_us;
}

static void say(struct limef_latency_filter *latency, const struct limef_latency_track *track,
                const struct limef_frame *in)
{
    struct limef_signal_frame late;

    limef_log(LIMEF_LOG_WARNING, latency->filter.name,
              "was %" PRId64 " ms late: dropped %" PRIu64 " frames of media %u",
              track->begun_late_us / 1000, track->n_dropped, (unsigned)in->media);
    limef_signal_frame_set(&late, LIMEF_SIGNAL_LATE, in->slot, latency->filter.name);
    late.frame.media = in->media;
    late.value = track->begun_late_us;
    late.serial = (uint32_t)track->n_dropped;
    limef_report(&late);
}

static bool can_start(const struct limef_frame *in)
{
    return in->frame_class != LIMEF_FRAME_PACKET || in->media != LIMEF_MEDIA_VIDEO ||
           in->flags & LIMEF_FRAME_KEY;
}

/* So much of the stream was dropped that it would be on time if it had only piled up. */
static bool is_in_vain(const struct limef_latency_filter *latency,
                       const struct limef_latency_track *track, const struct limef_frame *in,
                       int64_t late_us)
{
    int64_t dropped_us = in->pts_us - track->begun_pts_us;

    return dropped_us >= budget_us(latency) && late_us > track->begun_late_us - dropped_us / 2;
}

/* Whether the frame goes, while the stream is over its budget. */
static bool drops(struct limef_latency_filter *latency, struct limef_latency_track *track,
                  const struct limef_frame *in, int64_t late_us)
{
    int64_t now_us;

    if (!can_start(in))
        return true;
    if (late_us > budget_us(latency)) {
        if (!is_in_vain(latency, track, in, late_us))
            return true;
        now_us = limef_now_us();
        begin_anew(track, now_us - in->pts_us, now_us);
        LIMEF_COUNT(latency->n_slower, 1);
    }
    track->is_dropping = false;
    track->was_cut = true;
    say(latency, track, in);
    return false;
}

static bool is_too_late(struct limef_latency_filter *latency, struct limef_latency_track *track,
                        const struct limef_frame *in)
{
    int64_t late_us = measure(latency, track, in, limef_now_us());

    if (!track->is_dropping && late_us > budget_us(latency)) {
        track->is_dropping = true;
        track->begun_pts_us = in->pts_us;
        track->begun_late_us = late_us;
        track->n_dropped = 0;
        LIMEF_COUNT(latency->n_late, 1);
    }
    if (!track->is_dropping || !drops(latency, track, in, late_us))
        return false;
    track->n_dropped++;
    LIMEF_COUNT(latency->n_dropped, 1);
    return true;
}

static int pass(struct limef_latency_filter *latency, struct limef_latency_track *track,
                const struct limef_frame *in)
{
    union limef_any_frame out;

    if (!track->was_cut)
        return limef_pass(&latency->filter, in);
    track->was_cut = false;
    memcpy(&out, in, limef_frame_size_bytes(in->frame_class));
    out.frame.flags |= LIMEF_FRAME_DISCONTINUITY;
    return limef_pass(&latency->filter, &out.frame);
}

/* What is dropped up to a key frame is nevertheless, unless the stream begins anew behind this. */
static void forget(struct limef_latency_filter *latency, uint32_t slot, bool begins_anew)
{
    for (unsigned i = 0; i < latency->tracks.n; i++)
        if (slot == UINT32_MAX || latency->states[i].slot == slot) {
            latency->states[i].is_known = false;
            latency->states[i].is_dropping &= !begins_anew;
        }
}

static void act(struct limef_latency_filter *latency, const struct limef_signal_frame *signal)
{
    switch (signal->signal) {
    case LIMEF_SIGNAL_START:
    case LIMEF_SIGNAL_FLUSH:
    case LIMEF_SIGNAL_LOST:
        forget(latency, signal->frame.slot, signal->signal == LIMEF_SIGNAL_FLUSH);
        break;
    default:
        break;
    }
}

static int latency_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_latency_filter *latency = latency_of(filter);
    bool is_media = in->frame_class == LIMEF_FRAME_PACKET || in->frame_class == LIMEF_FRAME_DECODED;
    struct limef_latency_track *track;
    int number;

    if (in->frame_class == LIMEF_FRAME_SIGNAL)
        act(latency, limef_signal_frame_from(in));
    if (!is_media || !(in->flags & LIMEF_FRAME_LIVE) || in->flags & LIMEF_FRAME_BURST ||
        in->pts_us == LIMEF_NO_TIME)
        return limef_pass(filter, in);
    number = limef_tracks_find(&latency->tracks, in);
    if (number < 0)
        return limef_pass(filter, in);
    track = &latency->states[number];
    track->slot = in->slot;
    return is_too_late(latency, track, in) ? 0 : pass(latency, track, in);
}

static void latency_clear(struct limef_filter *filter)
{
    *latency_of(filter) = (struct limef_latency_filter){.budget_us = 0};
}

const struct limef_filter_ops limef_latency_ops = {
    .kind = "latency", .flags = LIMEF_FILTER_GLUED, .go = latency_go, .clear = latency_clear};

void limef_latency_filter_init(struct limef_latency_filter *latency, const char *name,
                               int64_t budget)
{
    limef_filter_init(&latency->filter, &limef_latency_ops, name);
    latency->budget_us = budget;
}

void limef_latency_get_counters(const struct limef_latency_filter *latency,
                                struct limef_latency_counters *counters)
{
    *counters = (struct limef_latency_counters){
        .n_late = LIMEF_COUNTED(latency->n_late),
        .n_dropped = LIMEF_COUNTED(latency->n_dropped),
        .n_slower = LIMEF_COUNTED(latency->n_slower),
        .late_us = LIMEF_COUNTED(latency->late_us),
        .max_late_us = LIMEF_COUNTED(latency->max_late_us),
        .budget_us = budget_us(latency),
    };
}
