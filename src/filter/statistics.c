/* SPDX-License-Identifier: MIT */
#include <limef/filter/statistics.h>

#include <libavutil/error.h>
#include <sched.h>

#define SECOND_US 1000000
#define N_TRIES 1000

/* Members behind the sequence. Release and acquire, so that neither moves across the sequence
 * without a fence: a reader that sees one new value sees the odd sequence as well. */
#define PUT(member, value) atomic_store_explicit(&(member), (value), memory_order_release)
#define GET(member) atomic_load_explicit(&(member), memory_order_acquire)
/* Their only writer reads them as plain values. */
#define OWN(member) atomic_load_explicit(&(member), memory_order_relaxed)

static struct limef_statistics_filter *statistics_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_statistics_filter, filter);
}

static void note_rates(struct limef_statistics_track *track, uint64_t n_bytes, int64_t now_us)
{
    int64_t elapsed_us = now_us - track->second_began_us;

    if (!OWN(track->n_frames)) { /* the first frame begins the second, it is not in it */
        track->second_began_us = now_us;
        return;
    }
    track->second_frames++;
    track->second_bytes += n_bytes;
    if (elapsed_us < SECOND_US)
        return;
    PUT(track->milli_fps, track->second_frames * 1000 * SECOND_US / (uint64_t)elapsed_us);
    PUT(track->bits_per_s, track->second_bytes * 8 * SECOND_US / (uint64_t)elapsed_us);
    track->second_began_us = now_us;
    track->second_frames = track->second_bytes = 0;
}

static void note_key(struct limef_statistics_track *track, const struct limef_frame *in)
{
    uint64_t n_frames = OWN(track->n_frames);

    if (OWN(track->n_key)) {
        PUT(track->key_interval_frames, n_frames - track->key_at_frame);
        if (in->pts_us != LIMEF_NO_TIME && track->key_at_pts_us != LIMEF_NO_TIME)
            PUT(track->key_interval_us, in->pts_us - track->key_at_pts_us);
    }
    PUT(track->n_key, OWN(track->n_key) + 1);
    track->key_at_frame = n_frames;
    track->key_at_pts_us = in->pts_us;
}

static void note_ages(struct limef_statistics_track *track, const struct limef_frame *in,
                      int64_t now_us)
{
    if (in->entered_us)
        limef_histogram_add(&track->age, now_us - in->entered_us);
    if (in->wall_us)
        limef_histogram_add(&track->wall_age, limef_wall_us() - in->wall_us);
}

static void note(struct limef_statistics_track *track, const struct limef_frame *in)
{
    const struct limef_packet_frame *packet = limef_packet_frame_from(in);
    uint64_t n_bytes = packet ? packet->size_bytes : 0;
    uint64_t sequence = OWN(track->sequence);
    int64_t now_us = limef_now_us();

    note_ages(track, in, now_us);
    atomic_store_explicit(&track->sequence, sequence + 1, memory_order_relaxed);
    PUT(track->key, (uint64_t)in->slot << 32 | (uint32_t)in->media << 16 | in->track);
    note_rates(track, n_bytes, now_us);
    if (in->flags & LIMEF_FRAME_KEY)
        note_key(track, in);
    if (in->flags & LIMEF_FRAME_CORRUPT)
        PUT(track->n_corrupt, OWN(track->n_corrupt) + 1);
    PUT(track->n_frames, OWN(track->n_frames) + 1);
    PUT(track->n_bytes, OWN(track->n_bytes) + n_bytes);
    PUT(track->last_bytes, n_bytes);
    if (n_bytes > OWN(track->max_bytes))
        PUT(track->max_bytes, n_bytes);
    PUT(track->pts_us, in->pts_us);
    PUT(track->seen_us, now_us);
    /* release: pairs with the acquire in limef_statistics_get() */
    atomic_store_explicit(&track->sequence, sequence + 2, memory_order_release);
}

static int statistics_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_statistics_filter *statistics = statistics_of(filter);

    if (in->frame_class == LIMEF_FRAME_PACKET || in->frame_class == LIMEF_FRAME_DECODED) {
        int i = limef_tracks_find(&statistics->tracks, in);

        if (i >= 0)
            note(&statistics->states[i], in);
    }
    return limef_pass(filter, in);
}

static void statistics_clear(struct limef_filter *filter)
{
    *statistics_of(filter) = (struct limef_statistics_filter){0};
}

const struct limef_filter_ops limef_statistics_ops = {
    .kind = "statistics", .go = statistics_go, .clear = statistics_clear};

void limef_statistics_filter_init(struct limef_statistics_filter *filter, const char *name)
{
    limef_filter_init(&filter->filter, &limef_statistics_ops, name);
}

static void read_guarded(const struct limef_statistics_track *track, struct limef_statistics *out)
{
    uint64_t key = GET(track->key);

    *out = (struct limef_statistics){
        .slot = (uint32_t)(key >> 32),
        .media = (uint16_t)(key >> 16),
        .track = (uint16_t)key,
        .n_frames = GET(track->n_frames),
        .n_bytes = GET(track->n_bytes),
        .n_key = GET(track->n_key),
        .n_corrupt = GET(track->n_corrupt),
        .fps = (double)GET(track->milli_fps) / 1000,
        .bits_per_s = (double)GET(track->bits_per_s),
        .last_bytes = GET(track->last_bytes),
        .max_bytes = GET(track->max_bytes),
        .key_interval_frames = GET(track->key_interval_frames),
        .key_interval_us = GET(track->key_interval_us),
        .pts_us = GET(track->pts_us),
        .seen_us = GET(track->seen_us),
    };
}

static int read_consistent(const struct limef_statistics_track *track, struct limef_statistics *out)
{
    for (unsigned i = 0; i < N_TRIES; i++) {
        uint64_t before = GET(track->sequence);

        if (!before)
            return AVERROR(ENOENT);
        read_guarded(track, out);
        if (!(before & 1) && atomic_load_explicit(&track->sequence, memory_order_relaxed) == before)
            return 0;
        if (i >= N_TRIES / 2)
            sched_yield();
    }
    return AVERROR(EAGAIN);
}

int limef_statistics_get(const struct limef_statistics_filter *filter, unsigned n,
                         struct limef_statistics *statistics)
{
    const struct limef_statistics_track *track;
    int ret;

    if (n >= LIMEF_MAX_TRACKS)
        return AVERROR(ENOENT);
    track = &filter->states[n];
    ret = read_consistent(track, statistics);
    if (ret < 0)
        return ret;
    if (limef_now_us() - statistics->seen_us > 2 * SECOND_US)
        statistics->fps = statistics->bits_per_s = 0;
    statistics->age_p50_us = limef_histogram_percentile_us(&track->age, 0.5);
    statistics->age_p99_us = limef_histogram_percentile_us(&track->age, 0.99);
    statistics->wall_age_p50_us = limef_histogram_percentile_us(&track->wall_age, 0.5);
    statistics->wall_age_p99_us = limef_histogram_percentile_us(&track->wall_age, 0.99);
    return 0;
}
