/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "json.h"
#include "player.h"

#include <limef/base/version.h>

#include <libavcodec/avcodec.h>
#include <sys/resource.h>

/* What is known of one stream when it is over. */
struct stream_facts {
    const struct play_stream *stream;
    struct limef_presenter_slot_counters slot;
    struct limef_decode_counters decode;
    struct limef_file_source_counters source;
    struct limef_lane_counters to_decoder, to_screen;
};

static void collect(const struct player *player, uint32_t slot, struct stream_facts *facts)
{
    const struct play_stream *stream = &player->streams[slot];

    facts->stream = stream;
    limef_presenter_get_counters(&player->presenter, slot, &facts->slot);
    limef_decode_get_counters(&stream->decode, &facts->decode);
    limef_file_source_get_counters(&stream->source, &facts->source);
    limef_lane_get_counters(&stream->to_decoder.lane, &facts->to_decoder);
    limef_lane_get_counters(&stream->to_screen.lane, &facts->to_screen);
}

static const char *state_of(const struct stream_facts *facts)
{
    if (facts->stream->ended && !facts->slot.n_shown)
        return "failed";
    if (facts->stream->ended)
        return facts->stream->live && !facts->stream->limit.reached ? "lost" : "ended";
    return facts->slot.n_shown ? "playing" : "waiting";
}

static void put_drops(struct json *json, const struct stream_facts *facts)
{
    json_open(json, "frames_dropped", '{');
    json_integer(json, "late", (int64_t)facts->slot.n_dropped_late);
    json_integer(json, "seek",
                 (int64_t)(facts->slot.n_dropped_flush + facts->decode.n_dropped_seek +
                           facts->to_decoder.n_dropped_flush + facts->to_screen.n_dropped_flush));
    json_integer(json, "overflow",
                 (int64_t)(facts->to_decoder.n_dropped_oldest + facts->to_decoder.n_dropped_to_key +
                           facts->to_screen.n_dropped_oldest));
    json_integer(json, "corrupt", (int64_t)facts->decode.n_corrupt);
    json_integer(json, "failed", (int64_t)facts->slot.n_failed);
    json_close(json, '}');
}

static void put_percentiles(struct json *json, const char *key,
                            const struct limef_histogram *histogram, double unit_us)
{
    json_open(json, key, '{');
    json_decimal(json, "p50", (double)limef_histogram_percentile_us(histogram, 0.5) / unit_us);
    json_decimal(json, "p99", (double)limef_histogram_percentile_us(histogram, 0.99) / unit_us);
    json_close(json, '}');
}

static void put_stream(struct json *json, const struct stream_facts *facts)
{
    const struct play_stream *stream = facts->stream;
    const AVCodecParameters *parameters = stream->decode.parameters;

    json_open(json, NULL, '{');
    json_integer(json, "slot", stream->slot);
    json_string(json, "url", stream->url);
    json_string(json, "state", state_of(facts));
    json_string(json, "codec", parameters ? avcodec_get_name(parameters->codec_id) : "");
    json_integer(json, "width", facts->slot.width);
    json_integer(json, "height", facts->slot.height);
    json_integer(json, "frames_in", (int64_t)facts->source.n_packets);
    json_integer(json, "frames_decoded", (int64_t)facts->decode.n_frames);
    json_integer(json, "frames_shown", (int64_t)facts->slot.n_shown);
    put_drops(json, facts);
    json_integer(json, "reconnects", 0);
    json_string(json, "last_error", stream->end_code < 0 ? stream->end_text : "");
    json_integer(json, "uploaded_bytes", (int64_t)facts->slot.uploaded_bytes);
    json_integer(json, "direct_bytes", (int64_t)facts->slot.direct_bytes);
    put_percentiles(json, "latency_ms", &facts->slot.latency, 1000);
    json_close(json, '}');
}

static void put_copy(struct json *json, const char *at, uint64_t bytes, const char *why)
{
    if (!bytes)
        return;
    json_open(json, NULL, '{');
    json_string(json, "at", at);
    json_integer(json, "bytes", (int64_t)bytes);
    json_string(json, "why", why);
    json_close(json, '}');
}

static uint64_t put_copies(struct json *json, const struct player *player)
{
    uint64_t total = 0;

    json_open(json, "copies", '[');
    for (uint32_t i = 0; i < player->n_streams; i++) {
        struct stream_facts facts;
        uint64_t decode = LIMEF_COUNTED(player->streams[i].decode.filter.copied_bytes);

        collect(player, i, &facts);
        put_copy(json, "decode", decode, "packets that nobody counts");
        put_copy(json, "boundary to decoder", facts.to_decoder.copied_bytes,
                 "packets that nobody counts");
        put_copy(json, "boundary to screen", facts.to_screen.copied_bytes,
                 "pictures that nobody counts");
        put_copy(json, "presenter", facts.slot.copied_bytes,
                 facts.slot.copied_why ? facts.slot.copied_why : "");
        total += decode + facts.to_decoder.copied_bytes + facts.to_screen.copied_bytes +
                 facts.slot.copied_bytes;
    }
    json_close(json, ']');
    return total;
}

static void put_boundary(struct json *json, const char *from, const char *to,
                         const struct limef_lane *lane)
{
    struct limef_lane_counters counters;

    limef_lane_get_counters(lane, &counters);
    json_open(json, NULL, '{');
    json_string(json, "from", from);
    json_string(json, "to", to);
    json_integer(json, "depth", counters.depth);
    json_integer(json, "max_used", counters.max_used);
    json_integer(json, "writes", (int64_t)counters.n_written);
    json_integer(json, "drops",
                 (int64_t)(counters.n_dropped_oldest + counters.n_dropped_to_key +
                           counters.n_dropped_flush + counters.n_dropped_timeout));
    put_percentiles(json, "wait_us", &lane->wait, 1);
    json_close(json, '}');
}

static void put_boundaries(struct json *json, const struct player *player)
{
    json_open(json, "boundaries", '[');
    for (uint32_t i = 0; i < player->n_streams; i++) {
        const struct play_stream *stream = &player->streams[i];
        char read[24], decode[24], limit[24], last[24];

        snprintf(read, sizeof(read), "read %u", (unsigned)i);
        snprintf(decode, sizeof(decode), "decode %u", (unsigned)i);
        snprintf(limit, sizeof(limit), "limit %u", (unsigned)i);
        snprintf(last, sizeof(last), "%s %u", play_stream_last_thread(stream), (unsigned)i);
        if (!play_stream_is_fused(stream))
            put_boundary(json, read, decode, &stream->to_decoder.lane);
        if (play_stream_is_per_filter(stream))
            put_boundary(json, decode, limit, &stream->to_limiter.lane);
        put_boundary(json, last, "screen", &stream->to_screen.lane);
    }
    json_close(json, ']');
}

static void put_process(struct json *json, const struct player *player)
{
    const struct play_measures *measures = &player->measures;
    int64_t first_us = LIMEF_COUNTED(player->presenter.first_shown_us);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    json_string(json, "version", limef_version());
    json_decimal(json, "wall_s", (double)(limef_now_us() - measures->begun_us) / 1e6);
    json_decimal(json, "cpu_s",
                 (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    json_integer(json, "max_rss_bytes", usage.ru_maxrss * 1024);
    json_integer(json, "threads", measures->n_threads);
    if (first_us)
        json_decimal(json, "first_frame_ms", (double)(first_us - measures->begun_us) / 1e3);
    else
        json_null(json, "first_frame_ms");
}

/* Playing that ended before its steady state has no figure. */
static void put_allocations(struct json *json, const struct play_measures *measures)
{
    uint64_t n_frames = measures->frames - measures->steady_frames;

    if (measures->steady && n_frames)
        json_decimal(json, "allocations_per_frame",
                     (double)(measures->allocations - measures->steady_allocations) /
                         (double)n_frames);
    else
        json_null(json, "allocations_per_frame");
}

void report_print(const struct player *player, FILE *file)
{
    struct json json = {.file = file};

    json_open(&json, NULL, '{');
    put_process(&json, player);
    json_open(&json, "streams", '[');
    for (uint32_t i = 0; i < player->n_streams; i++) {
        struct stream_facts facts;

        collect(player, i, &facts);
        put_stream(&json, &facts);
    }
    json_close(&json, ']');
    json_integer(&json, "copied_bytes", (int64_t)put_copies(&json, player));
    put_allocations(&json, &player->measures);
    put_boundaries(&json, player);
    json_integer(&json, "plan_changes", 0);
    json_close(&json, '}');
    fputc('\n', file);
    fflush(file);
}
