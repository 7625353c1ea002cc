/* SPDX-License-Identifier: MIT */
#include <limef/filter/writer.h>

#include "filter/decode_private.h"
#include "filter/filter_counts.h"
#include "filter/writer_private.h"

#include "base/libavformat.h"
#include "base/memory_private.h"

#include <limef/base/log.h>

static struct limef_writer_filter *writer_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_writer_filter, filter);
}

int writer_fail(struct limef_writer_filter *writer, int code, const char *what)
{
    LIMEF_COUNT(writer->n_errors, 1);
    if (writer->failed)
        return code;
    writer->failed = true;
    return limef_fail(code, writer->filter.name, "%s: %s", writer->settings.path, what);
}

static int take_codec(struct limef_writer_filter *writer, const struct limef_codec_frame *codec)
{
    const struct limef_codec_frame *known;
    int track, ret = 0;

    if (!writer->has_slot) {
        writer->has_slot = true;
        writer->slot = codec->frame.slot;
    }
    if (codec->frame.slot != writer->slot)
        return 0;
    track = limef_tracks_find(&writer->codecs.tracks, &codec->frame);
    known = track >= 0 ? &writer->codecs.frames[track] : NULL;
    if (known && known->parameters && writer->tracks[track].in_file &&
        !decode_is_same_stream(known->parameters, codec->parameters)) {
        ret = writer_finish(writer);
        writer->failed = false;
    }
    track = limef_codecs_keep(&writer->codecs, &writer->filter, &codec->frame);
    return track < 0 ? track : ret;
}

static bool can_begin(const struct limef_writer_filter *writer,
                      const struct limef_packet_frame *packet)
{
    unsigned n_known = 0;

    for (unsigned i = 0; i < writer->codecs.tracks.n; i++)
        n_known += writer->codecs.frames[i].parameters != NULL;
    return n_known > 0 && n_known >= writer->settings.n_tracks &&
           limef_codecs_can_start(&writer->codecs, &packet->frame);
}

/* Counts what is not in the file, and says each reason once. */
static void ignore(struct limef_writer_filter *writer, bool *was_said, const char *why)
{
    LIMEF_COUNT(writer->n_ignored, 1);
    if (!*was_said)
        limef_log(LIMEF_LOG_WARNING, writer->filter.name, "%s: %s", writer->settings.path, why);
    *was_said = true;
}

static int take_packet(struct limef_writer_filter *writer, const struct limef_packet_frame *packet)
{
    int track = limef_tracks_find(&writer->codecs.tracks, &packet->frame), ret = 0;

    if (writer->has_slot && packet->frame.slot != writer->slot) {
        ignore(writer, &writer->said_slot, "packets of another slot than the first are not in it");
        return 0;
    }
    if (!writer->failed && !writer->format) {
        if (!can_begin(writer, packet)) {
            LIMEF_COUNT(writer->n_waited, 1);
            return 0;
        }
        ret = writer_begin(writer, packet);
        if (ret < 0)
            return ret;
    }
    if (writer->failed) {
        LIMEF_COUNT(writer->n_errors, 1);
        return 0; /* said already */
    }
    if (track < 0 || !writer->tracks[track].in_file) {
        ignore(writer, &writer->said_late, "a track came after the file began, and is not in it");
        return 0;
    }
    if (packet->frame.flags & LIMEF_FRAME_KEY)
        writer->tracks[track].is_after_gap = false;
    if (writer->tracks[track].is_after_gap) {
        LIMEF_COUNT(writer->n_waited, 1);
        return 0;
    }
    return writer_write(writer, track, packet);
}

static void take_gap(struct limef_writer_filter *writer, const struct limef_frame *gap)
{
    for (unsigned i = 0; i < writer->codecs.tracks.n; i++) {
        const struct limef_frame *codec = &writer->codecs.frames[i].frame;

        if (codec->media == LIMEF_MEDIA_VIDEO &&
            (gap->slot == UINT32_MAX || gap->track == codec->track))
            writer->tracks[i].is_after_gap = true;
    }
}

static int take_signal(struct limef_writer_filter *writer, const struct limef_signal_frame *signal)
{
    int ret = 0;

    if (signal->signal == LIMEF_SIGNAL_GAP &&
        (signal->frame.slot == UINT32_MAX || signal->frame.slot == writer->slot))
        take_gap(writer, &signal->frame);
    if (writer->has_slot && signal->frame.slot != writer->slot)
        return 0;
    switch (signal->signal) {
    case LIMEF_SIGNAL_END:
    case LIMEF_SIGNAL_STOP:
        ret = writer_finish(writer);
        writer->failed = false;
        break;
    case LIMEF_SIGNAL_FLUSH:
        writer->anew = true;
        break;
    default:
        break;
    }
    return ret;
}

static int writer_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_writer_filter *writer = writer_of(filter);
    int wrote = 0, passed;

    if (in->frame_class == LIMEF_FRAME_PACKET)
        wrote = take_packet(writer, limef_packet_frame_from(in));
    else if (in->frame_class == LIMEF_FRAME_CODEC)
        wrote = take_codec(writer, limef_codec_frame_from(in));
    else if (in->frame_class == LIMEF_FRAME_SIGNAL)
        wrote = take_signal(writer, limef_signal_frame_from(in));
    else if (in->frame_class == LIMEF_FRAME_DECODED)
        ignore(writer, &writer->said_raw,
               "what is not encoded is not written: an encoder belongs before the writer");
    passed = limef_pass(filter, in);
    return passed < 0 ? passed : wrote;
}

static void writer_clear(struct limef_filter *filter)
{
    struct limef_writer_filter *writer = writer_of(filter);

    writer_finish(writer);
    limef_codecs_clear(&writer->codecs);
    av_packet_free(&writer->shell);
    *writer = (struct limef_writer_filter){0};
}

static unsigned writer_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_writer_filter *writer =
        LIMEF_CONTAINER_OF(filter, const struct limef_writer_filter, filter);
    const struct limef_filter_count now[] = {
        {"files", LIMEF_COUNTED(writer->n_files)},
        {"waited", LIMEF_COUNTED(writer->n_waited)},
        {"ignored", LIMEF_COUNTED(writer->n_ignored)},
        {"errors", LIMEF_COUNTED(writer->n_errors)},
        {"times_fixed", LIMEF_COUNTED(writer->n_times_fixed)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops writer_ops = {.kind = "writer",
                                                   .flags =
                                                       LIMEF_FILTER_BLOCKING | LIMEF_FILTER_RECORDS,
                                                   .go = writer_go,
                                                   .clear = writer_clear,
                                                   .counts = writer_counts};

int limef_writer_filter_init(struct limef_writer_filter *writer, const char *name,
                             const struct limef_writer_settings *settings)
{
    AVDictionary *options = NULL;
    int ret = 0;

    name = name ? name : writer_ops.kind;
    if (!settings->path || !*settings->path)
        return limef_fail(AVERROR(EINVAL), name, "no path");
    ret = libavformat_load(name);
    if (ret < 0)
        return ret;
    if (!writer_container(settings))
        return limef_fail(AVERROR(EINVAL), name, "no container for %s",
                          settings->format ? settings->format : settings->path);
    if (settings->options)
        ret = av_dict_parse_string(&options, settings->options, "=", ":", 0);
    av_dict_free(&options);
    if (ret < 0)
        return limef_fail(AVERROR(EINVAL), name, "options %s", settings->options);
    writer->shell = memory_new_packet();
    if (!writer->shell)
        return limef_fail(AVERROR(ENOMEM), name, "init");
    limef_filter_init(&writer->filter, &writer_ops, name);
    writer->settings = *settings;
    return 0;
}

void limef_writer_get_counters(const struct limef_writer_filter *writer,
                               struct limef_writer_counters *counters)
{
    *counters = (struct limef_writer_counters){
        .n_packets = LIMEF_COUNTED(writer->n_packets),
        .n_bytes = LIMEF_COUNTED(writer->n_bytes),
        .n_files = LIMEF_COUNTED(writer->n_files),
        .n_waited = LIMEF_COUNTED(writer->n_waited),
        .n_ignored = LIMEF_COUNTED(writer->n_ignored),
        .n_errors = LIMEF_COUNTED(writer->n_errors),
        .n_times_fixed = LIMEF_COUNTED(writer->n_times_fixed),
    };
}
