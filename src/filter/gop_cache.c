/* SPDX-License-Identifier: MIT */
#include <limef/filter/gop_cache.h>

#include "base/memory_private.h"
#include "frame/group.h"

#include <limef/base/log.h>
#include <limef/filter/split.h>

#include <libavutil/error.h>
#include <string.h>

/* Ten seconds at 53 Mbit/s. */
#define DEFAULT_MAX_BYTES ((size_t)64 << 20)
#define DEFAULT_MAX_US 30000000
#define FIRST_PACKETS 64
#define MOST_PACKETS 8192

static struct limef_gop_cache_filter *cache_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_gop_cache_filter, filter);
}

static void publish(struct limef_gop_cache_filter *cache)
{
    /* relaxed: others only look at it */
    atomic_store_explicit(&cache->n_kept, cache->n_packets, memory_order_relaxed);
    atomic_store_explicit(&cache->kept_bytes, cache->bytes, memory_order_relaxed);
}

/* Whether a packet that is kept goes when `of` is forgotten: it is of that track, or it is no
 * picture and of that slot. */
static bool belongs(const struct limef_frame *kept, const struct limef_frame *of)
{
    return kept->slot == of->slot && (kept->media != LIMEF_MEDIA_VIDEO ||
                                      kept->track == of->track || of->media != LIMEF_MEDIA_VIDEO);
}

static bool is_of_track(const struct limef_frame *kept, const struct limef_frame *of)
{
    return kept->slot == of->slot && kept->media == of->media && kept->track == of->track;
}

static void drop(struct limef_gop_cache_filter *cache, struct limef_packet_frame *packet)
{
    if (packet->frame.media == LIMEF_MEDIA_VIDEO) /* what is left of its group has no key */
        cache->open &= ~(UINT32_C(1) << limef_tracks_find(&cache->tracks, &packet->frame));
    cache->bytes -= packet->size_bytes;
    limef_payload_unref(packet->frame.payload);
}

static void forget_which(struct limef_gop_cache_filter *cache, const struct limef_frame *of,
                         bool (*goes)(const struct limef_frame *kept, const struct limef_frame *of))
{
    unsigned n = 0;

    for (unsigned i = 0; i < cache->n_packets; i++)
        if (goes(&cache->packets[i].frame, of))
            drop(cache, &cache->packets[i]);
        else
            cache->packets[n++] = cache->packets[i];
    cache->n_packets = n;
    publish(cache);
}

static void forget(struct limef_gop_cache_filter *cache, const struct limef_frame *of)
{
    forget_which(cache, of, belongs);
}

/* A signal is about its whole slot, or all of them. */
static void forget_slot(struct limef_gop_cache_filter *cache, uint32_t slot)
{
    struct limef_frame of = {.media = LIMEF_MEDIA_NONE};

    if (slot == UINT32_MAX)
        cache->open = 0;
    for (unsigned i = 0; i < cache->codecs.tracks.n; i++) {
        const struct limef_frame *codec = &cache->codecs.frames[i].frame;
        int track = limef_tracks_find(&cache->tracks, codec);

        of.slot = codec->slot;
        if (slot != UINT32_MAX && slot != of.slot)
            continue;
        if (track >= 0)
            cache->open &= ~(UINT32_C(1) << track);
        forget(cache, &of);
    }
    of.slot = slot;
    forget(cache, &of);
}

static bool grow(struct limef_gop_cache_filter *cache)
{
    unsigned max = cache->max_packets ? cache->max_packets * 2 : FIRST_PACKETS;
    struct limef_packet_frame *packets;

    if (max > MOST_PACKETS)
        return false;
    packets = memory_allocate(max * sizeof(*packets));
    if (!packets)
        return false;
    if (cache->n_packets)
        memcpy(packets, cache->packets, cache->n_packets * sizeof(*packets));
    memory_release(cache->packets);
    cache->packets = packets;
    cache->max_packets = max;
    return true;
}

static size_t max_bytes_of(const struct limef_gop_cache_filter *cache)
{
    return cache->settings.max_bytes ? cache->settings.max_bytes : DEFAULT_MAX_BYTES;
}

static int64_t max_us_of(const struct limef_gop_cache_filter *cache)
{
    return cache->settings.max_us ? cache->settings.max_us : DEFAULT_MAX_US;
}

static bool is_too_long(const struct limef_gop_cache_filter *cache, const struct limef_frame *in)
{
    int64_t max_us = max_us_of(cache);

    for (unsigned i = 0; i < cache->n_packets; i++) {
        const struct limef_frame *first = &cache->packets[i].frame;

        if (first->slot != in->slot || first->media != in->media || first->track != in->track)
            continue;
        return in->pts_us != LIMEF_NO_TIME && first->pts_us != LIMEF_NO_TIME &&
               in->pts_us - first->pts_us > max_us;
    }
    return false;
}

static bool has_room(struct limef_gop_cache_filter *cache, const struct limef_packet_frame *in)
{
    size_t max_bytes = max_bytes_of(cache);

    return in->size_bytes <= max_bytes && cache->bytes <= max_bytes - in->size_bytes &&
           !is_too_long(cache, &in->frame) &&
           (cache->n_packets < cache->max_packets || grow(cache));
}

static void give_up(struct limef_gop_cache_filter *cache, const struct limef_frame *in,
                    uint32_t bit)
{
    cache->open &= ~bit;
    forget(cache, in);
}

/* Once: the next ones are counted. */
static void say_overflow(const struct limef_gop_cache_filter *cache)
{
    limef_log(LIMEF_LOG_WARNING, cache->filter.name,
              "a group of pictures of more than %zu kB, or %.1f s, is not kept: who is attached "
              "waits for the next key frame",
              max_bytes_of(cache) / 1000, (double)max_us_of(cache) / 1e6);
}

static void keep(struct limef_gop_cache_filter *cache, const struct limef_packet_frame *in,
                 uint32_t bit)
{
    if (!in->frame.payload) {
        LIMEF_COUNT(cache->n_uncounted, 1);
        give_up(cache, &in->frame, bit);
        return;
    }
    if (!has_room(cache, in)) {
        if (LIMEF_COUNTED(cache->n_overflows) == 0)
            say_overflow(cache);
        LIMEF_COUNT(cache->n_overflows, 1);
        give_up(cache, &in->frame, bit);
        return;
    }
    cache->packets[cache->n_packets++] = *in;
    limef_payload_ref(in->frame.payload);
    cache->bytes += in->size_bytes;
    publish(cache);
}

static void keep_picture(struct limef_gop_cache_filter *cache, const struct limef_packet_frame *in)
{
    int track = limef_tracks_find(&cache->tracks, &in->frame);
    uint32_t bit;

    if (track < 0)
        return;
    bit = UINT32_C(1) << track;
    if (in->frame.flags & LIMEF_FRAME_KEY) {
        forget(cache, &in->frame);
        cache->open |= bit;
    } else if (in->frame.flags & LIMEF_FRAME_DISCONTINUITY) {
        give_up(cache, &in->frame, bit);
    }
    if (cache->open & bit)
        keep(cache, in, bit);
}

/* Sound alone needs no group to begin with. */
static void keep_other(struct limef_gop_cache_filter *cache, const struct limef_packet_frame *in)
{
    for (unsigned i = 0; i < cache->n_packets; i++)
        if (cache->packets[i].frame.slot == in->frame.slot) {
            keep(cache, in, 0);
            return;
        }
}

static void act(struct limef_gop_cache_filter *cache, const struct limef_signal_frame *signal)
{
    switch (signal->signal) {
    case LIMEF_SIGNAL_FLUSH:
    case LIMEF_SIGNAL_START:
    case LIMEF_SIGNAL_STOP:
    case LIMEF_SIGNAL_END:
    case LIMEF_SIGNAL_LOST:
    case LIMEF_SIGNAL_GAP:
        forget_slot(cache, signal->frame.slot);
        break;
    default:
        break;
    }
}

static struct limef_split_filter *split_behind(struct limef_gop_cache_filter *cache)
{
    struct limef_filter *next = cache->filter.next;

    return next && next->ops == &limef_split_ops
               ? LIMEF_CONTAINER_OF(next, struct limef_split_filter, filter)
               : NULL;
}

/* A branch that joins with this frame gets what came before it, and then this frame. */
static int pass(struct limef_gop_cache_filter *cache, const struct limef_frame *in)
{
    struct limef_split_filter *split = split_behind(cache);
    int ret;

    if (split)
        split->cache = cache;
    ret = limef_pass(&cache->filter, in);
    if (split)
        split->cache = NULL;
    return ret;
}

/* Packets of before are of other parameters. */
static void take_codec(struct limef_gop_cache_filter *cache, const struct limef_frame *codec)
{
    int track = codec->media == LIMEF_MEDIA_VIDEO ? limef_tracks_find(&cache->tracks, codec) : -1;

    if (codec->media != LIMEF_MEDIA_VIDEO)
        forget_which(cache, codec, is_of_track);
    else
        give_up(cache, codec, track >= 0 ? UINT32_C(1) << track : 0);
}

static int gop_cache_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_gop_cache_filter *cache = cache_of(filter);
    const struct limef_packet_frame *packet = limef_packet_frame_from(in);
    int ret, kept;

    if (in->frame_class == LIMEF_FRAME_SIGNAL)
        act(cache, limef_signal_frame_from(in));
    else if (in->frame_class == LIMEF_FRAME_CODEC)
        take_codec(cache, in);
    ret = pass(cache, in);
    kept = limef_codecs_keep(&cache->codecs, filter, in);
    if (packet && in->media == LIMEF_MEDIA_VIDEO)
        keep_picture(cache, packet);
    else if (packet)
        keep_other(cache, packet);
    return ret < 0 ? ret : kept;
}

/* Marks the first of each track, where a branch that had some of it goes on, and all but the last.
 */
static void mark(struct frame_group *group)
{
    struct limef_tracks begun = {.n = 0}, seen = {.n = 0};

    for (unsigned i = 0; i < group->n; i++) {
        unsigned n_before = begun.n;

        if (limef_tracks_find(&begun, &group->packets[i].frame) >= 0 && begun.n > n_before)
            group->packets[i].frame.flags |= LIMEF_FRAME_DISCONTINUITY;
    }

    for (unsigned i = group->n; i-- > 0;) {
        unsigned n_before = seen.n;

        if (limef_tracks_find(&seen, &group->packets[i].frame) >= 0 && seen.n > n_before)
            continue;
        group->packets[i].frame.flags |= LIMEF_FRAME_BURST;
    }
}

static struct frame_group *make_group(const struct limef_gop_cache_filter *cache)
{
    struct frame_group *group = frame_group_create(cache->n_packets);

    if (!group)
        return NULL;
    group->n = cache->n_packets;
    for (unsigned i = 0; i < group->n; i++) {
        group->packets[i] = cache->packets[i];
        limef_payload_ref(cache->packets[i].frame.payload);
    }
    mark(group);
    return group;
}

int limef_gop_cache_go(struct limef_gop_cache_filter *cache, struct limef_filter *to)
{
    int first_error = limef_codecs_go(&cache->codecs, to), ret = 0;
    struct frame_group *group;
    struct limef_frame frame;

    if (first_error == AVERROR_EXIT || !cache->n_packets)
        return first_error;
    group = make_group(cache);
    if (!group) {
        LIMEF_COUNT(cache->n_failed, 1);
        return limef_fail(AVERROR(ENOMEM), cache->filter.name, "no burst for %s", to->name);
    }
    LIMEF_COUNT(cache->n_bursts, 1);
    frame = frame_group_frame(group);
    if (to->ops->flags & LIMEF_FILTER_BOUNDARY)
        ret = limef_go(to, &frame);
    for (unsigned i = 0; i < group->n && !(to->ops->flags & LIMEF_FILTER_BOUNDARY); i++) {
        int answer = limef_go(to, &group->packets[i].frame);

        ret = ret < 0 ? ret : answer;
    }
    limef_payload_unref(&group->payload);
    return first_error < 0 ? first_error : ret;
}

int limef_gop_cache_serve(void *context)
{
    struct limef_gop_cache_filter *cache = context;
    struct limef_split_filter *split = split_behind(cache);

    if (!split)
        return limef_fail(AVERROR(EINVAL), cache->filter.name, "no split is behind it");
    split->cache = cache;
    limef_split_serve(split);
    split->cache = NULL;
    return 0;
}

static void gop_cache_clear(struct limef_filter *filter)
{
    struct limef_gop_cache_filter *cache = cache_of(filter);

    for (unsigned i = 0; i < cache->n_packets; i++)
        limef_payload_unref(cache->packets[i].frame.payload);
    memory_release(cache->packets);
    limef_codecs_clear(&cache->codecs);
    *cache = (struct limef_gop_cache_filter){.open = 0};
}

const struct limef_filter_ops limef_gop_cache_ops = {
    .kind = "gop cache", .flags = LIMEF_FILTER_GLUED, .go = gop_cache_go, .clear = gop_cache_clear};

void limef_gop_cache_filter_init(struct limef_gop_cache_filter *cache, const char *name,
                                 const struct limef_gop_cache_settings *settings)
{
    limef_filter_init(&cache->filter, &limef_gop_cache_ops, name);
    if (settings)
        cache->settings = *settings;
}

void limef_gop_cache_get_counters(const struct limef_gop_cache_filter *cache,
                                  struct limef_gop_cache_counters *counters)
{
    *counters = (struct limef_gop_cache_counters){
        .n_packets = LIMEF_COUNTED(cache->n_kept),
        .bytes = LIMEF_COUNTED(cache->kept_bytes),
        .n_bursts = LIMEF_COUNTED(cache->n_bursts),
        .n_overflows = LIMEF_COUNTED(cache->n_overflows),
        .n_uncounted = LIMEF_COUNTED(cache->n_uncounted),
        .n_failed = LIMEF_COUNTED(cache->n_failed),
    };
}
