/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "json.h"
#include "plan.h"
#include "player.h"
#include "process.h"

#include <limef/base/version.h>

#include <libavutil/common.h>
#include <sys/resource.h>

/* What is known of one stream when it is over. */
struct stream_facts {
    const struct play_stream *stream;
    bool heard; /* it gave some sound */
    struct limef_presenter_slot_counters slot;
    struct limef_decode_counters decode;
    struct limef_decode_hardware_counters hardware;
    struct limef_file_source_counters source; /* of a file; all-zero: it is a camera */
    struct limef_rtsp_source_counters camera; /* of a camera; likewise */
    struct limef_latency_counters latency;    /* of what is live; likewise */
    struct limef_lane_counters boundaries;    /* the sum of those in its chain */
};

/* The boundaries at the end, and those that a change of the plan took away. */
struct boundaries {
    struct limef_graph_boundary_look looks[PLAY_MAX_BOUNDARIES];
    size_t n;
};

static bool is_of(const struct limef_filter *filter, const struct play_stream *stream)
{
    return filter == &stream->from->filter || filter == &stream->decode.filter ||
           filter == &stream->limit.filter || filter == &stream->latency.filter ||
           filter == &stream->main.source.filter || filter == &stream->choice.filter;
}

static void sum_up(const struct boundaries *boundaries, struct stream_facts *facts)
{
    struct limef_lane_counters *sum = &facts->boundaries;

    *sum = (struct limef_lane_counters){0};
    for (size_t i = 0; i < boundaries->n; i++) {
        const struct limef_lane_counters *counters = &boundaries->looks[i].counters;

        if (!is_of(boundaries->looks[i].from, facts->stream))
            continue;
        sum->n_dropped_flush += counters->n_dropped_flush;
        sum->n_dropped_oldest += counters->n_dropped_oldest;
        sum->n_dropped_to_key += counters->n_dropped_to_key;
        sum->n_dropped_timeout += counters->n_dropped_timeout;
        sum->n_dropped_stale += counters->n_dropped_stale;
        sum->copied_bytes += counters->copied_bytes;
    }
}

static void collect(const struct player *player, const struct boundaries *boundaries, uint32_t slot,
                    struct stream_facts *facts)
{
    const struct play_stream *stream = &player->streams[slot];

    facts->stream = stream;
    facts->heard = play_sound_is_heard(&player->sound, slot);
    limef_presenter_get_counters(&player->presenter, slot, &facts->slot);
    limef_decode_get_counters(&stream->decode, &facts->decode);
    limef_decode_get_hardware_counters(&stream->decode, &facts->hardware);
    if (play_stream_is_camera(stream))
        limef_rtsp_source_get_counters(&stream->camera, &facts->camera);
    else
        limef_file_source_get_counters(&stream->source, &facts->source);
    limef_latency_get_counters(&stream->latency, &facts->latency);
    sum_up(boundaries, facts);
}

static const char *state_of(const struct stream_facts *facts)
{
    if (facts->stream->ended && !facts->slot.n_shown && !facts->heard)
        return "failed";
    if (play_stream_was_lost(facts->stream))
        return "lost";
    if (play_stream_broke_off(facts->stream))
        return "broken off";
    if (facts->stream->ended)
        return "ended";
    if (play_stream_is_camera(facts->stream))
        return limef_rtsp_state_name(facts->camera.state);
    return facts->slot.n_shown ? "playing" : "waiting";
}

static void put_drops(struct json *json, const struct stream_facts *facts)
{
    json_open(json, "frames_dropped", '{');
    json_integer(json, "late", (int64_t)facts->slot.n_dropped_late);
    json_integer(json, "seek",
                 (int64_t)(facts->slot.n_dropped_flush + facts->decode.n_dropped_seek +
                           facts->boundaries.n_dropped_flush));
    json_integer(json, "overflow",
                 (int64_t)(facts->boundaries.n_dropped_oldest + facts->boundaries.n_dropped_to_key +
                           facts->boundaries.n_dropped_timeout +
                           facts->boundaries.n_dropped_stale));
    json_integer(json, "latency", (int64_t)facts->latency.n_dropped);
    json_integer(json, "corrupt", (int64_t)facts->decode.n_corrupt);
    json_integer(json, "failed", (int64_t)facts->slot.n_failed);
    json_close(json, '}');
}

static void put_hardware(struct json *json, const struct limef_decode_hardware_counters *hardware)
{
    json_string(json, "hwdec", hardware->with ? hardware->with : "no");
    json_open(json, "hwdec_steps", '{');
    json_integer(json, "frames", (int64_t)hardware->n_frames);
    json_integer(json, "failures", (int64_t)hardware->n_failures);
    json_integer(json, "resumed", (int64_t)hardware->n_steps[LIMEF_DECODE_RESUMED]);
    json_integer(json, "new_context", (int64_t)hardware->n_steps[LIMEF_DECODE_NEW_CONTEXT]);
    json_integer(json, "software", (int64_t)hardware->n_steps[LIMEF_DECODE_IN_SOFTWARE]);
    json_integer(json, "skipped_packets", (int64_t)hardware->n_skipped);
    json_integer(json, "unproved_frames", (int64_t)hardware->n_unproved);
    json_integer(json, "copied_frames", (int64_t)hardware->n_copied);
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

/* Neither what still waits, nor what was left out. */
static uint64_t n_heard(const struct limef_sample_ring *ring)
{
    struct limef_sample_ring_counters counters;

    limef_sample_ring_get_counters(ring, &counters);
    return limef_sample_ring_tail(ring) - counters.n_dropped - counters.n_skipped;
}

/* Of a stream that may have sound. */
static void put_sound_of(struct json *json, const struct stream_facts *facts)
{
    const struct play_stream *stream = facts->stream;
    const struct play_sound *sound = stream->sound;
    const struct limef_audio_slot *slot = &sound->slots[stream->slot];
    const struct limef_mixer_input *input = &sound->inputs[stream->slot];
    uint64_t n_ended_dry = LIMEF_COUNTED(input->n_ended_dry); /* before what it is a part of */
    struct limef_sample_ring_counters ring;
    struct limef_resample_counters resample;

    limef_sample_ring_get_counters(&input->ring, &ring);
    limef_resample_get_counters(&stream->resample, &resample);
    json_open(json, "sound", '{');
    json_string(json, "codec", limef_codec_name(stream->sound_decode.parameters));
    json_decimal(json, "heard_s", (double)n_heard(&input->ring) / sound->mixer.settings.rate);
    json_integer(json, "underruns",
                 (int64_t)(ring.n_underruns - FFMIN(n_ended_dry, ring.n_underruns)));
    json_integer(json, "lost", (int64_t)(ring.n_dropped + ring.n_refused));
    json_integer(json, "skipped", (int64_t)ring.n_skipped);
    json_integer(json, "unheard_blocks", (int64_t)LIMEF_COUNTED(slot->n_dropped));
    json_integer(json, "cleaned", (int64_t)resample.n_cleaned);
    json_integer(json, "failed",
                 (int64_t)(resample.n_errors + LIMEF_COUNTED(slot->tempo.n_errors)));
    json_integer(json, "gaps", (int64_t)LIMEF_COUNTED(slot->n_gaps));
    json_integer(json, "steps", (int64_t)LIMEF_COUNTED(slot->drift.n_steps));
    json_integer(json, "drift_ppm", -LIMEF_COUNTED(slot->ppm));
    json_close(json, '}');
    put_percentiles(json, "av_deviation_ms", &facts->slot.deviation, 1000);
}

/* How sound and pictures of a camera are in step. */
static void put_sync(struct json *json, const struct limef_rtsp_source_counters *camera)
{
    json_open(json, "sync", '{');
    json_string(json, "by", limef_rtsp_sync_name(camera->sync));
    json_integer(json, "skew_us", camera->skew_us);
    json_integer(json, "corrections", (int64_t)camera->n_corrections);
    json_integer(json, "corrected_us", (int64_t)camera->corrected_us);
    json_integer(json, "refused", (int64_t)camera->n_refused_reports);
    json_close(json, '}');
}

static void put_stream(struct json *json, const struct stream_facts *facts)
{
    const struct play_stream *stream = facts->stream;
    struct way_copies copies = way_copies_of(&stream->decode);
    char way[WAY_BYTES];

    json_open(json, NULL, '{');
    json_integer(json, "slot", stream->slot);
    json_string(json, "url", stream->url);
    json_string(json, "state", state_of(facts));
    json_string(json, "codec", limef_codec_name(stream->decode.parameters));
    json_integer(json, "width", facts->slot.width);
    json_integer(json, "height", facts->slot.height);
    json_integer(json, "frames_in", (int64_t)(facts->source.n_video + facts->camera.n_pictures));
    json_integer(json, "frames_decoded", (int64_t)facts->decode.n_frames);
    json_integer(json, "frames_shown", (int64_t)facts->slot.n_shown);
    put_hardware(json, &facts->hardware);
    put_drops(json, facts);
    json_integer(json, "reconnects", (int64_t)facts->camera.n_reconnects);
    if (play_stream_is_camera(stream))
        put_sync(json, &facts->camera);
    json_string(json, "last_error", stream->end_code < 0 ? stream->end_text : "");
    json_integer(json, "copied_bytes", (int64_t)way_copied_bytes(&facts->slot, &copies));
    json_integer(json, "uploaded_bytes", (int64_t)facts->slot.uploaded_bytes);
    json_string(json, "uploaded_why", facts->slot.uploaded_why ? facts->slot.uploaded_why : "");
    json_integer(json, "direct_bytes", (int64_t)facts->slot.direct_bytes);
    json_integer(json, "memory_bytes", (int64_t)(facts->slot.memory_bytes + copies.picture_bytes));
    json_integer(json, "imported", (int64_t)facts->slot.n_imported);
    json_integer(json, "images", (int64_t)facts->slot.n_images);
    json_integer(json, "on_planes", (int64_t)facts->slot.n_planes);
    if (way_words(way, NULL, &facts->slot, &copies))
        json_string(json, "to_screen", way);
    else
        json_null(json, "to_screen");
    if (stream->has_main)
        json_string(json, "stream", limef_switch_on_air(&stream->choice) ? "main" : "sub");
    put_percentiles(json, "latency_ms", &facts->slot.latency, 1000);
    if (stream->sound)
        put_sound_of(json, facts);
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

static uint64_t put_copies(struct json *json, const struct player *player,
                           const struct boundaries *boundaries)
{
    uint64_t total = 0;

    json_open(json, "copies", '[');
    for (uint32_t i = 0; i < player->n_streams; i++) {
        struct stream_facts facts;
        struct way_copies decode = way_copies_of(&player->streams[i].decode);

        collect(player, boundaries, i, &facts);
        put_copy(json, "decode", decode.packet_bytes, "packets that nobody counts");
        put_copy(json, "decode", decode.picture_bytes, WAY_TOO_MANY_HELD);
        put_copy(json, "boundaries", facts.boundaries.copied_bytes, "bytes that nobody counts");
        put_copy(json, "presenter", facts.slot.memory_bytes,
                 facts.slot.copied_why ? facts.slot.copied_why : "");
        total += decode.packet_bytes + decode.picture_bytes + facts.boundaries.copied_bytes +
                 facts.slot.memory_bytes;
    }
    put_copy(json, "framemd5", LIMEF_COUNTED(player->framemd5.filter.copied_bytes),
             "the driver shows its pictures in a copy only; not on the way to the screen");
    json_close(json, ']');
    return total;
}

static void put_end(struct json *json, const char *key, const struct limef_filter *filter)
{
    char text[80];

    snprintf(text, sizeof(text), "%s of %s", filter->ops->kind, filter->name);
    json_string(json, key, text);
}

static void put_boundary(struct json *json, const struct limef_graph_boundary_look *look)
{
    const struct limef_lane_counters *counters = &look->counters;

    json_open(json, NULL, '{');
    put_end(json, "from", look->from);
    put_end(json, "to", look->to);
    json_integer(json, "depth", counters->depth);
    json_integer(json, "max_used", counters->max_used);
    json_integer(json, "writes", (int64_t)counters->n_written);
    json_integer(json, "drops", (int64_t)limef_lane_n_dropped(counters));
    json_open(json, "wait_us", '{');
    json_integer(json, "p50", look->wait_p50_us);
    json_integer(json, "p99", look->wait_p99_us);
    json_close(json, '}');
    json_close(json, '}');
}

static void put_boundaries(struct json *json, const struct boundaries *boundaries)
{
    json_open(json, "boundaries", '[');
    for (size_t i = 0; i < boundaries->n; i++)
        put_boundary(json, &boundaries->looks[i]);
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
    json_decimal(json, "cpu_s", process_cpu_s(&usage));
    json_integer(json, "max_rss_bytes", usage.ru_maxrss * 1024);
    json_integer(json, "threads", measures->n_threads);
    if (first_us)
        json_decimal(json, "first_frame_ms", (double)(first_us - measures->begun_us) / 1e3);
    else
        json_null(json, "first_frame_ms");
}

/* How pictures came onto the screen. */
static void put_output(struct json *json, const struct limef_presenter *presenter)
{
    static const char *const kinds[] = {
        [LIMEF_OUTPUT_AUTO] = "none",
        [LIMEF_OUTPUT_WINDOW] = "window",
        [LIMEF_OUTPUT_OFFSCREEN] = "offscreen",
        [LIMEF_OUTPUT_NONE] = "none",
        [LIMEF_OUTPUT_KMS] = "kms",
    };
    const char *why = LIMEF_COUNTED(presenter->planes_why);
    const char *fences_why = LIMEF_COUNTED(presenter->fences_why);

    json_open(json, "output", '{');
    json_string(json, "kind", kinds[LIMEF_COUNTED(presenter->output)]);
    json_integer(json, "composed", (int64_t)LIMEF_COUNTED(presenter->n_composed));
    json_integer(json, "planes", (int64_t)LIMEF_COUNTED(presenter->n_planes));
    json_string(json, "why_composed", why ? why : "");
    json_integer(json, "flips", (int64_t)LIMEF_COUNTED(presenter->n_flips));
    json_integer(json, "missed_flips", (int64_t)LIMEF_COUNTED(presenter->n_missed));
    json_integer(json, "missed_here", (int64_t)LIMEF_COUNTED(presenter->n_missed_here));
    json_open(json, "fences", '{');
    json_integer(json, "gpu", (int64_t)LIMEF_COUNTED(presenter->n_fences_gpu));
    json_integer(json, "display", (int64_t)LIMEF_COUNTED(presenter->n_fences_display));
    json_integer(json, "cpu", (int64_t)LIMEF_COUNTED(presenter->n_fences_cpu));
    json_integer(json, "late", (int64_t)LIMEF_COUNTED(presenter->n_fences_late));
    json_string(json, "why_cpu", fences_why ? fences_why : "");
    json_close(json, '}');
    json_close(json, '}');
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

static void put_encoded(struct json *json, const char *key, const struct play_encoded *encoded)
{
    struct limef_ring_source_counters read;
    struct limef_writer_counters written;
    struct limef_shout_counters sent;

    if (!encoded->on)
        return;
    limef_ring_source_get_counters(&encoded->source, &read);
    limef_writer_get_counters(&encoded->writer, &written);
    limef_shout_get_counters(&encoded->shout, &sent);
    json_open(json, key, '{');
    json_integer(json, "frames", (int64_t)read.n_frames);
    json_integer(json, "missed", (int64_t)read.n_missed);
    json_integer(json, "packets", (int64_t)(written.n_packets + sent.n_packets));
    json_integer(json, "bytes", (int64_t)(written.n_bytes + sent.n_bytes));
    json_integer(json, "errors", (int64_t)(written.n_errors + sent.n_failures));
    json_integer(json, "dropped", (int64_t)sent.n_dropped);
    json_integer(json, "connects", (int64_t)sent.n_connects);
    json_close(json, '}');
}

static void put_sound(struct json *json, const struct play_sound *sound)
{
    const struct limef_audio_output_counters *counters = &sound->counters;
    struct limef_mixer_counters mixer;

    if (!sound->on || !counters->kind)
        return;
    limef_mixer_get_counters(&sound->mixer, &mixer);
    json_open(json, "sound", '{');
    json_string(json, "output", counters->kind);
    json_integer(json, "device_rate", counters->device_rate);
    json_integer(json, "period_frames", counters->period_frames);
    json_integer(json, "periods", (int64_t)counters->n_periods);
    json_integer(json, "underruns", (int64_t)counters->n_underruns);
    json_integer(json, "late", (int64_t)counters->n_late);
    json_integer(json, "delay_us", counters->delay_us);
    json_integer(json, "devices_lost", (int64_t)counters->n_lost);
    json_integer(json, "limited", (int64_t)mixer.n_limited);
    json_integer(json, "cleaned", (int64_t)mixer.n_cleaned);
    json_integer(json, "mix_p50_us", counters->mix_p50_us);
    json_integer(json, "mix_p99_us", counters->mix_p99_us);
    json_integer(json, "unwritten", (int64_t)sound->n_unwritten);
    put_encoded(json, "recorded", &sound->recorded);
    put_encoded(json, "streamed", &sound->streamed);
    json_close(json, '}');
}

void report_print(struct player *player, FILE *file)
{
    struct json json = {.file = file};
    struct boundaries boundaries = {.n = PLAY_MAX_BOUNDARIES};
    uint64_t uploaded_bytes = 0, direct_bytes = 0;

    if (limef_graph_look(&player->graph, NULL, NULL, boundaries.looks, &boundaries.n) < 0)
        boundaries.n = 0;
    boundaries.n = FFMIN(boundaries.n, PLAY_MAX_BOUNDARIES);

    json_open(&json, NULL, '{');
    put_process(&json, player);
    put_output(&json, &player->presenter);
    json_open(&json, "streams", '[');
    for (uint32_t i = 0; i < player->n_streams; i++) {
        struct stream_facts facts;

        collect(player, &boundaries, i, &facts);
        put_stream(&json, &facts);
        uploaded_bytes += facts.slot.uploaded_bytes;
        direct_bytes += facts.slot.direct_bytes;
    }
    json_close(&json, ']');
    json_integer(&json, "copied_bytes", (int64_t)put_copies(&json, player, &boundaries));
    json_integer(&json, "uploaded_bytes", (int64_t)uploaded_bytes);
    json_integer(&json, "direct_bytes", (int64_t)direct_bytes);
    put_allocations(&json, &player->measures);
    put_sound(&json, &player->sound);
    put_boundaries(&json, &boundaries);
    json_integer(&json, "plan_changes", (int64_t)limef_graph_n_plan_changes(&player->graph));
    json_close(&json, '}');
    fputc('\n', file);
    fflush(file);
}
