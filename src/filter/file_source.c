/* SPDX-License-Identifier: MIT */
#include <limef/filter/file_source.h>

#include "base/secret.h"
#include "filter/file_source_private.h"
#include "filter/filter_counts.h"
#include "filter/fingerprint.h"

#include "base/libavformat.h"
#include "base/memory_private.h"

#include <limef/base/log.h>
#include <limef/base/url.h>
#include <limef/frame/pool.h>

#include <stdio.h>
#include <string.h>

#define TIMEOUT_US 10000000
#define AGAIN_US 5000 /* how soon to ask a demuxer again that has nothing right now */
#define NATURAL_RATE 1000
#define DISK_HANGS "the disk does not answer"

static struct limef_file_source *file_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_file_source, source.filter);
}

void file_source_may_block(struct limef_file_source *file)
{
    int64_t timeout_us = file->settings.timeout_us;

    file->deadline_us = limef_deadline_us(timeout_us > 0 ? timeout_us : TIMEOUT_US);
}

int file_source_is_interrupted(void *context)
{
    struct limef_file_source *file = context;

    if (limef_thread_stopping(limef_thread_current())) {
        file->interrupted = true;
        return 1;
    }
    if (limef_now_us() > file->deadline_us)
        file->timed_out = true;
    return file->timed_out;
}

int file_source_why(const struct limef_file_source *file, int error)
{
    if (limef_thread_stopping(limef_thread_current()))
        return AVERROR_EXIT;
    /* libavformat keeps saying EXIT of what was interrupted once */
    return file->timed_out || error == AVERROR_EXIT ? AVERROR(ETIMEDOUT) : error;
}

/* What a person does about it, behind the system's words. */
static const char *advice(int error)
{
    static const struct {
        int error;
        const char *text;
    } all[] = {
        {AVERROR(ENOENT), "; check the name"},
        {AVERROR(EISDIR), "; name a file in it"},
        {AVERROR(EACCES), "; let this user read it"},
        {AVERROR(ECONNREFUSED), "; nothing listens there: check host and port"},
        {AVERROR_INVALIDDATA, "; it is no format that libavformat knows, or damaged"},
        {AVERROR_PROTOCOL_NOT_FOUND, "; check what is before the colon"},
        {AVERROR_HTTP_UNAUTHORIZED, "; give the user and password that it wants"},
        {AVERROR_HTTP_NOT_FOUND, "; check the path"},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (all[i].error == error)
            return all[i].text;
    return "";
}

int file_source_fail(struct limef_file_source *file, int error, const char *what)
{
    char masked[LIMEF_URL_BYTES], reason[AV_ERROR_MAX_STRING_SIZE];

    error = file_source_why(file, error);
    if (error == AVERROR_EXIT)
        return error;
    if (file->disk_hangs)
        what = ": " DISK_HANGS;
    av_strerror(error, reason, sizeof(reason));
    limef_log(LIMEF_LOG_ERROR, file->source.filter.name, "%s%s: %s%s",
              limef_url_mask(masked, sizeof(masked), file->settings.url), what, reason,
              *what ? "" : advice(error)); /* else it is said already */
    return error;
}

/* What nobody heard, as what is behind was stopped, is said again before anything else. */
static int say(struct limef_file_source *file)
{
    int ret = limef_pass(&file->source.filter, &file->signal.frame);

    file->is_unsaid = ret == AVERROR_EXIT;
    return ret;
}

int file_source_signal(struct limef_file_source *file, uint32_t signal, int code, int64_t value,
                       const char *text)
{
    limef_signal_frame_set(&file->signal, signal, file->settings.slot, text);
    file->signal.code = code;
    file->signal.value = value;
    file->signal.serial = file->seek_serial;
    return say(file);
}

int file_source_begin(struct limef_file_source *file, int64_t begins_us)
{
    int media = (file->video >= 0 ? 1 << LIMEF_MEDIA_VIDEO : 0) |
                (file->audio >= 0 ? 1 << LIMEF_MEDIA_AUDIO : 0);

    return file_source_signal(file, LIMEF_SIGNAL_START, media, begins_us, NULL);
}

/* Ends the stream: nothing more until a signal comes. */
static int end(struct limef_file_source *file, int code)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "end of file";
    int said;

    if (code == AVERROR_EXIT)
        return code;
    file->ended = true;
    if (code == AVERROR_EOF)
        code = 0;
    if (code < 0) {
        av_strerror(code, text, sizeof(text));
        if (file->disk_hangs)
            snprintf(text, sizeof(text), DISK_HANGS);
        file_source_close(file);
        file->opened = false;
        /* it may be another file when it is tried again */
        file->loop_us = file->resume_us = LIMEF_NO_TIME;
    }
    said = file_source_signal(file, LIMEF_SIGNAL_END, code, 0, text);
    if (code < 0) {
        struct limef_signal_frame report = file->signal;

        report.signal = LIMEF_SIGNAL_ERROR;
        limef_report(&report);
    }
    return said == AVERROR_EXIT ? said : AVERROR_EOF;
}

static int open_once(struct limef_file_source *file)
{
    int ret = file_source_open(file);

    if (ret < 0)
        return ret;
    file->opened = true;
    file->offset_us = 0;
    file->end_us = LIMEF_NO_TIME;
    if (file->settings.start_us > 0 && !file->live) {
        int64_t start_us = limef_file_source_start_us(file);

        file->loop_us = file->settings.start_us + (start_us != LIMEF_NO_TIME ? start_us : 0);
        if (!file->seek_asked) {
            file->seek_us = file->loop_us;
            file->seek_asked = file->seek_exact = true;
        }
    }
    return file_source_begin(file, limef_file_source_start_us(file)) == AVERROR_EXIT ? AVERROR_EXIT
                                                                                     : 0;
}

/* Takes over parameters that changed in the middle. Returns 1 if a codec frame is due, else 0; or
 * AVERROR(ENOMEM). */
static int take_new_parameters(struct limef_file_source *file, AVStream *stream)
{
    size_t size = 0;
    const uint8_t *extradata =
        av_packet_get_side_data(file->packet.av, AV_PKT_DATA_NEW_EXTRADATA, &size);
    AVCodecParameters *codec = stream->codecpar;
    uint8_t *copy;

    if (!extradata || size == 0 || size > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE)
        return 0;
    copy = memory_permits() ? av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE) : NULL;
    if (!copy)
        return AVERROR(ENOMEM);
    memcpy(copy, extradata, size);
    av_free(codec->extradata);
    codec->extradata = copy;
    codec->extradata_size = (int)size;
    return 1;
}

/* A boundary that is closed has not touched the packet; other filters may have. What is live is
 * stale when it opens. */
static bool is_still_ours(const struct limef_file_source *file, int answer)
{
    const struct limef_filter *next = file->source.filter.next;

    return answer == AVERROR_EXIT && !file->live && next &&
           next->ops->flags & LIMEF_FILTER_BOUNDARY;
}

static int send_packet(struct limef_file_source *file)
{
    struct limef_packet_frame *packet = &file->packet;
    AVStream *stream = file->format->streams[packet->frame.track];
    struct limef_file_track *track = &file->tracks[packet->frame.track];
    int ret = take_new_parameters(file, stream);

    if (ret != 0) /* what follows is not for a decoder of what was before */
        track->described = false;
    if (ret >= 0 && !track->described)
        ret = file_source_describe(file, stream);
    if (ret == AVERROR_EXIT) /* it waits for who takes its codec */
        return ret;
    file->waiting = false;
    if (ret < 0 && !track->described)
        return file_source_fail(file, ret, "");
    if (packet->size_bytes == 0) {
        LIMEF_COUNT(file->n_skipped, 1);
        return 0;
    }
    if (track->discontinuous)
        packet->frame.flags |= LIMEF_FRAME_DISCONTINUITY;
    track->discontinuous = false;
    ret = limef_pass(&file->source.filter, &packet->frame);
    file->waiting = is_still_ours(file, ret);
    if (file->waiting)
        return ret;
    LIMEF_COUNT(file->n_packets, 1);
    LIMEF_COUNT(file->n_video, packet->frame.media == LIMEF_MEDIA_VIDEO);
    LIMEF_COUNT(file->n_bytes, packet->size_bytes);
    file_source_note_place(file);
    if (ret < 0 && ret != AVERROR_EXIT)
        LIMEF_COUNT(file->n_refused, 1);
    return ret == AVERROR_EXIT ? ret : 0;
}

static int step(struct limef_file_source *file, int64_t *due_us)
{
    int64_t now_us;
    int ret = 0;

    if (file->interrupted)
        file_source_go_on(file);
    if (!file->opened)
        ret = open_once(file);
    if (ret >= 0 && file->seek_asked) {
        ret = file_source_seek(file);
        if (ret != AVERROR_EXIT && file->opened)
            ret = 0; /* it goes on where it is */
    }
    if (ret >= 0 && file->paused)
        return AVERROR(EAGAIN);
    if (ret >= 0 && !file->waiting) {
        ret = file_source_next(file);
        if (file->waiting)
            file->due_us = file_source_due_us(file);
    }
    if (ret < 0 || !file->waiting)
        return ret;
    now_us = limef_now_us();
    if (file->due_us > now_us) {
        *due_us = file->due_us;
        return AVERROR(EAGAIN);
    }
    file->packet.frame.entered_us = now_us; /* what was read ahead is not old */
    return send_packet(file);
}

static int file_source_step(struct limef_source *source, int64_t *due_us)
{
    struct limef_file_source *file = file_of(&source->filter);
    int ret;

    if (file->is_unsaid && say(file) == AVERROR_EXIT)
        return AVERROR_EXIT;
    if (file->ended || (file->paused && !file->seek_asked))
        return AVERROR_EOF;
    *due_us = 0;
    ret = step(file, due_us);
    if (ret == AVERROR(EAGAIN) && *due_us == 0)
        *due_us = limef_now_us() + AGAIN_US;
    return ret == 0 || ret == AVERROR(EAGAIN) ? ret : end(file, ret);
}

static void set_paused(struct limef_file_source *file, bool paused)
{
    if (file->paused != paused && file->live && file->format) {
        file_source_may_block(file);
        if (paused)
            libavformat.av_read_pause(file->format);
        else
            libavformat.av_read_play(file->format);
    }
    file->paused = paused;
    file->anchored = false;
    file->due_us = 0;
}

static void act_on(struct limef_file_source *file, const struct limef_signal_frame *signal)
{
    switch (signal->signal) {
    case LIMEF_SIGNAL_START:
        if (!file->opened)
            file->ended = false; /* try once more */
        set_paused(file, false);
        break;
    case LIMEF_SIGNAL_PLAY:
        set_paused(file, false);
        break;
    case LIMEF_SIGNAL_STOP:
    case LIMEF_SIGNAL_PAUSE:
        set_paused(file, true);
        break;
    case LIMEF_SIGNAL_RATE:
        if (signal->value > 0)
            file->rate = signal->value;
        file->anchored = false;
        file->due_us = 0;
        break;
    case LIMEF_SIGNAL_SEEK:
        file->seek_asked = true;
        file->seek_exact = signal->code == 1;
        file->seek_us = signal->value;
        file->seek_serial = signal->serial;
        file->ended = false;
        break;
    case LIMEF_SIGNAL_TRACK:
        file_source_change_audio(file, (int)av_clip64(signal->value, 0, LIMEF_FILE_MAX_TRACKS));
        break;
    default:
        break;
    }
}

static int file_source_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);

    if (signal)
        act_on(file_of(filter), signal);
    return limef_pass(filter, in);
}

static void file_source_clear(struct limef_filter *filter)
{
    struct limef_file_source *file = file_of(filter);

    file_source_close(file);
    secret_forget_url(file->settings.url);
    limef_payload_unref(file->packet.frame.payload);
    limef_payload_unref(file->codec.frame.payload);
    limef_payload_unref(file->spare);
    limef_pool_release(file->packets);
    limef_pool_release(file->codecs);
    *file = (struct limef_file_source){0};
}

static uint64_t file_source_fingerprint(const struct limef_filter *filter)
{
    const struct limef_file_source *file =
        LIMEF_CONTAINER_OF(filter, const struct limef_file_source, source.filter);
    const struct limef_file_source_settings *settings = &file->settings;
    uint64_t hash = fingerprint_mix_text(FINGERPRINT_START, settings->url);

    hash = fingerprint_mix_text(hash, settings->options);
    hash = fingerprint_mix(hash, settings->media);
    hash = fingerprint_mix(hash, settings->pace);
    hash = fingerprint_mix(hash, file->video_wanted);
    hash = fingerprint_mix(hash, file->audio_wanted);
    for (unsigned i = 0; file->format && i < file->format->nb_streams; i++) {
        const AVStream *stream = file->format->streams[i];

        hash = fingerprint_mix(hash, stream->codecpar->codec_id);
        hash = fingerprint_mix(hash, stream->codecpar->width);
        hash = fingerprint_mix(hash, stream->codecpar->height);
        hash = fingerprint_mix(hash, stream->codecpar->sample_rate);
        hash = fingerprint_mix(hash, stream->avg_frame_rate.num);
        hash = fingerprint_mix(hash, stream->avg_frame_rate.den);
    }
    return hash;
}

static unsigned file_source_counts(const struct limef_filter *filter,
                                   struct limef_filter_count *counts)
{
    const struct limef_file_source *file =
        LIMEF_CONTAINER_OF(filter, const struct limef_file_source, source.filter);
    const struct limef_filter_count now[] = {
        {"refused", LIMEF_COUNTED(file->n_refused)},
        {"skipped", LIMEF_COUNTED(file->n_skipped)},
        {"bad_times", LIMEF_COUNTED(file->n_bad_times)},
        {"seeks", LIMEF_COUNTED(file->n_seeks)},
        {"loops", LIMEF_COUNTED(file->n_loops)},
        {"lost_names", LIMEF_COUNTED(file->n_lost_names)},
        {"late", LIMEF_COUNTED(file->n_late)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops file_source_ops = {.kind = "file source",
                                                        .flags = LIMEF_FILTER_SOURCE |
                                                                 LIMEF_FILTER_BLOCKING,
                                                        .go = file_source_go,
                                                        .clear = file_source_clear,
                                                        .fingerprint = file_source_fingerprint,
                                                        .counts = file_source_counts};

int limef_file_source_init(struct limef_file_source *file, const char *name,
                           const struct limef_file_source_settings *settings)
{
    if (!settings->url || !*settings->url)
        return limef_fail(AVERROR(EINVAL), name ? name : file_source_ops.kind, "no URL");
    file->packets = limef_pool_create(LIMEF_FRAME_PACKET);
    file->codecs = limef_pool_create(LIMEF_FRAME_CODEC);
    if (!file->packets || !file->codecs || secret_keep_url(settings->url) < 0) {
        limef_pool_release(file->packets);
        limef_pool_release(file->codecs);
        *file = (struct limef_file_source){0};
        return limef_fail(AVERROR(ENOMEM), name ? name : file_source_ops.kind, "init");
    }
    limef_filter_init(&file->source.filter, &file_source_ops, name);
    file->source.step = file_source_step;
    atomic_store_explicit(&file->source.is_live, file_source_is_live_url(settings->url),
                          memory_order_relaxed);
    file->settings = *settings;
    file->rate = NATURAL_RATE;
    file->video = file->audio = -1;
    file->loop_us = file->resume_us = LIMEF_NO_TIME;
    atomic_store_explicit(&file->start_us, LIMEF_NO_TIME, memory_order_relaxed);
    atomic_store_explicit(&file->duration_us, LIMEF_NO_TIME, memory_order_relaxed);
    atomic_store_explicit(&file->position_us, LIMEF_NO_TIME, memory_order_relaxed);
    return 0;
}

void limef_file_source_get_counters(const struct limef_file_source *file,
                                    struct limef_file_source_counters *counters)
{
    *counters = (struct limef_file_source_counters){
        .n_packets = LIMEF_COUNTED(file->n_packets),
        .n_video = LIMEF_COUNTED(file->n_video),
        .n_bytes = LIMEF_COUNTED(file->n_bytes),
        .n_refused = LIMEF_COUNTED(file->n_refused),
        .n_skipped = LIMEF_COUNTED(file->n_skipped),
        .n_seeks = LIMEF_COUNTED(file->n_seeks),
        .n_loops = LIMEF_COUNTED(file->n_loops),
        .n_bad_times = LIMEF_COUNTED(file->n_bad_times),
        .n_lost_names = LIMEF_COUNTED(file->n_lost_names),
        .n_late = LIMEF_COUNTED(file->n_late),
    };
}

int64_t limef_file_source_start_us(const struct limef_file_source *file)
{
    return LIMEF_COUNTED(file->start_us);
}

int64_t limef_file_source_duration_us(const struct limef_file_source *file)
{
    return LIMEF_COUNTED(file->duration_us);
}

int64_t limef_file_source_position_us(const struct limef_file_source *file)
{
    return LIMEF_COUNTED(file->position_us);
}
