/* SPDX-License-Identifier: MIT */
/*
 * Opening: what is in the file, which of it is wanted, and what the codec
 * frames say of it.
 */
#include "filter/file_source_private.h"

#include "base/libavformat.h"
#include "base/memory_private.h"
#include "frame/av_compat.h"
#include "frame/orientation.h"
#include "frame/sane_time.h"

#include <limef/base/log.h>
#include <limef/base/url.h>
#include <limef/frame/pool.h>

#include <libavutil/avstring.h>
#include <string.h>

/* What is said of tracks that are not there. */
#define MISSING_BYTES 80

static bool is_wanted_kind(const struct limef_file_source *file, enum AVMediaType type)
{
    enum limef_media media = file->settings.media;

    return (type == AVMEDIA_TYPE_VIDEO && media != LIMEF_MEDIA_AUDIO) ||
           (type == AVMEDIA_TYPE_AUDIO && media != LIMEF_MEDIA_VIDEO);
}

static bool is_still(const AVStream *stream)
{
    return stream->disposition & AV_DISPOSITION_ATTACHED_PIC;
}

/* Of a fragmented file there is only the first fragment's table. */
static bool has_whole_table(AVStream *stream)
{
    int n = libavformat.avformat_index_get_entries_count(stream);

    return n > 0 && stream->duration > 0 &&
           libavformat.avformat_index_get_entry(stream, n - 1)->timestamp -
                   libavformat.avformat_index_get_entry(stream, 0)->timestamp >=
               stream->duration / 2;
}

/*
 * Whether a header said all that decoding and timing need, so that reading
 * ahead (avformat_find_stream_info()) would only cost time and memory.
 *
 * How far pictures are reordered comes from the sample table in MP4 files; in
 * others it is known only for codecs that do not reorder.
 */
static bool is_complete(const AVFormatContext *format, AVStream *stream)
{
    const AVCodecParameters *codec = stream->codecpar;
    bool is_indexed_mp4 = av_match_name("mp4", format->iformat->name) && has_whole_table(stream);

    if (codec->codec_id == AV_CODEC_ID_NONE)
        return false;
    if (codec->codec_type == AVMEDIA_TYPE_AUDIO)
        return is_indexed_mp4 && codec->sample_rate > 0;
    if (codec->width <= 0 || codec->height <= 0)
        return false;
    switch (codec->codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
        return is_indexed_mp4 && codec->extradata_size > 0;
    case AV_CODEC_ID_AV1:
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_MJPEG:
        return is_indexed_mp4;
    default:
        return false;
    }
}

static bool needs_probing(const struct limef_file_source *file, const AVFormatContext *format)
{
    bool has_any = false;

    if (format->ctx_flags & AVFMTCTX_NOHEADER || file->settings.start_us > 0)
        return true;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        AVStream *stream = format->streams[i];

        if (!is_wanted_kind(file, stream->codecpar->codec_type) || is_still(stream))
            continue;
        if (!is_complete(format, stream))
            return true;
        has_any = true;
    }
    return !has_any;
}

static int probe(struct limef_file_source *file, AVFormatContext *format)
{
    if (!needs_probing(file, format))
        return 0;
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (!is_wanted_kind(file, format->streams[i]->codecpar->codec_type))
            format->streams[i]->discard = AVDISCARD_ALL;
    file_source_may_block(file);
    return memory_permits() ? libavformat.avformat_find_stream_info(format, NULL) : AVERROR(ENOMEM);
}

/* The wanted-th track of a kind, from 1; -1 if there is none. */
static int find_nth(const AVFormatContext *format, enum AVMediaType type, int wanted)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];

        if (stream->codecpar->codec_type == type && !is_still(stream) && --wanted == 0)
            return (int)i < LIMEF_FILE_MAX_TRACKS ? (int)i : -1;
    }
    return -1;
}

static int find_best(const AVFormatContext *format, enum AVMediaType type)
{
    int best = libavformat.av_find_best_stream((AVFormatContext *)format, type, -1, -1, NULL, 0);

    if (best < 0 || best >= LIMEF_FILE_MAX_TRACKS || is_still(format->streams[best]) ||
        format->streams[best]->codecpar->codec_id == AV_CODEC_ID_NONE)
        return -1;
    return best;
}

/* The track of a kind to play, -1 if there is none. A wanted one that is not there is noted. */
static int choose(const struct limef_file_source *file, const AVFormatContext *format,
                  enum AVMediaType type, int wanted, char missing[MISSING_BYTES])
{
    int found;

    if (!is_wanted_kind(file, type))
        return -1;
    if (wanted <= 0)
        return find_best(format, type);
    found = find_nth(format, type, wanted);
    if (found < 0)
        av_strlcatf(missing, MISSING_BYTES, "%s no %s track %d", *missing ? "," : ":",
                    av_get_media_type_string(type), wanted);
    return found;
}

static const char *nothing_in_it(const struct limef_file_source *file)
{
    switch (file->settings.media) {
    case LIMEF_MEDIA_VIDEO:
        return ": there is no video in it";
    case LIMEF_MEDIA_AUDIO:
        return ": there is no sound in it";
    default:
        return ": there is neither video nor sound in it";
    }
}

/* Returns 0, or AVERROR_STREAM_NOT_FOUND (logged). */
static int choose_tracks(struct limef_file_source *file, AVFormatContext *format)
{
    char missing[MISSING_BYTES] = "", masked[LIMEF_URL_BYTES];

    file->video = choose(file, format, AVMEDIA_TYPE_VIDEO, file->video_wanted, missing);
    file->audio = choose(file, format, AVMEDIA_TYPE_AUDIO, file->audio_wanted, missing);
    memset(file->tracks, 0, sizeof(file->tracks));
    for (unsigned i = 0; i < format->nb_streams; i++) {
        bool chosen = (int)i == file->video || (int)i == file->audio;

        format->streams[i]->discard = chosen ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
        if (chosen)
            file->tracks[i].chosen = true;
    }
    if (file->video < 0 && file->audio < 0)
        return file_source_fail(file, AVERROR_STREAM_NOT_FOUND,
                                *missing ? missing : nothing_in_it(file));
    if (*missing)
        limef_log(LIMEF_LOG_WARNING, file->source.filter.name, "%s%s",
                  limef_url_mask(masked, sizeof(masked), file->settings.url), missing);
    return 0;
}

/* Which of its kind a track is, from 1. */
static int number_of(const AVFormatContext *format, int track)
{
    enum AVMediaType type = format->streams[track]->codecpar->codec_type;
    int n = 1;

    while (find_nth(format, type, n) != track)
        n++;
    return n;
}

void file_source_change_audio(struct limef_file_source *file, int wanted)
{
    AVFormatContext *format = file->format;
    int audio = -1;

    if (!file->opened || file->audio < 0)
        return;
    if (wanted == 0)
        audio = find_nth(format, AVMEDIA_TYPE_AUDIO, number_of(format, file->audio) + 1);
    if (audio < 0)
        audio = find_nth(format, AVMEDIA_TYPE_AUDIO, wanted ? wanted : 1);
    if (audio < 0 || audio == file->audio)
        return;
    file_source_ahead_forget(file, file->audio);
    format->streams[file->audio]->discard = AVDISCARD_ALL;
    format->streams[audio]->discard = AVDISCARD_DEFAULT;
    file->tracks[file->audio].chosen = false;
    file->tracks[audio] = (struct limef_file_track){.chosen = true, .discontinuous = true};
    file->audio = audio;
    file->audio_wanted = number_of(format, audio); /* also when it is opened again */
}

/* Whether the source sends at its own pace, whatever is done here. */
bool file_source_is_live_url(const char *url)
{
    static const char *const schemes[] = {
        "rtsp:", "rtsps:", "rtp:", "srtp:", "udp:", "srt:", "rtmp:", "rtmps:"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (av_stristart(url, schemes[i], NULL))
            return true;
    return false;
}

static bool is_live(const AVFormatContext *format, const char *url)
{
    return file_source_is_live_url(url) || av_match_name(format->iformat->name, "rtsp,rtp,sdp") ||
           format->ctx_flags & AVFMTCTX_UNSEEKABLE;
}

static int parse_options(struct limef_file_source *file, AVDictionary **options,
                         const AVInputFormat **forced)
{
    const char *text = file->settings.options;
    const AVDictionaryEntry *name;
    int ret;

    if (!text || !*text)
        return 0;
    if (!memory_permits())
        return file_source_fail(file, AVERROR(ENOMEM), "");
    ret = av_dict_parse_string(options, text, "=", ":", 0);
    if (ret == AVERROR(ENOMEM))
        return file_source_fail(file, ret, "");
    if (ret < 0)
        return file_source_fail(file, AVERROR(EINVAL), ": its options are not key=value:key=value");
    name = av_dict_get(*options, "format", NULL, 0);
    if (!name)
        return 0;
    *forced = libavformat.av_find_input_format(name->value);
    if (!*forced)
        return file_source_fail(file, AVERROR_DEMUXER_NOT_FOUND, ": the format of its options");
    return av_dict_set(options, "format", NULL, 0);
}

static void complain_of(const struct limef_file_source *file, const AVDictionary *unknown)
{
    const AVDictionaryEntry *entry = NULL;

    while ((entry = av_dict_get(unknown, "", entry, AV_DICT_IGNORE_SUFFIX)))
        limef_log(LIMEF_LOG_WARNING, file->source.filter.name, "option \"%s\" is not known",
                  entry->key);
}

/* What a file names, such as a playlist, is to be no server: so libavformat has it for what it
 * opens itself. */
static int restrict_protocols(struct limef_file_source *file, AVDictionary **options)
{
    int ret = memory_permits() ? av_dict_set(options, "protocol_whitelist", "file,crypto,data",
                                             AV_DICT_DONT_OVERWRITE)
                               : AVERROR(ENOMEM);

    return ret < 0 ? file_source_fail(file, ret, "") : 0;
}

static int open_format(struct limef_file_source *file)
{
    AVFormatContext *format;
    const AVInputFormat *forced = NULL;
    AVDictionary *options = NULL;
    AVIOContext *io = NULL;
    int ret = libavformat_load(file->source.filter.name);

    if (ret < 0)
        return ret;
    format = memory_permits() ? libavformat.avformat_alloc_context() : NULL;
    ret = format ? parse_options(file, &options, &forced)
                 : file_source_fail(file, AVERROR(ENOMEM), "");
    if (ret >= 0) {
        ret = file_source_io_open(file, &io);
        if (ret >= 0)
            ret = file_source_resolve(file);
        if (ret < 0)
            file_source_fail(file, ret, file->timed_out ? ": the name server does not answer" : "");
    }
    if (ret >= 0 && io)
        ret = restrict_protocols(file, &options);
    if (ret >= 0) {
        format->interrupt_callback = (AVIOInterruptCB){file_source_is_interrupted, file};
        format->pb = io;
        file_source_may_block(file);
        /* frees format on failure, and sets it to NULL */
        ret = libavformat.avformat_open_input(&format, file->settings.url, forced, &options);
        if (ret < 0)
            ret = file_source_fail(file, ret, "");
    }
    if (ret < 0) {
        libavformat.avformat_free_context(format);
        file_source_io_close(file, &io);
    } else {
        complain_of(file, options);
        file->format = format;
    }
    av_dict_free(&options);
    return ret;
}

/* The container's, or its longest track's: FFmpeg 7 adds that up only where it looks ahead. */
static int64_t find_duration_us(const AVFormatContext *format)
{
    int64_t longest_us = LIMEF_NO_TIME;

    if (format->duration != AV_NOPTS_VALUE)
        return sane_time(format->duration);
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        int64_t us =
            stream->duration > 0
                ? sane_time(av_rescale_q(stream->duration, stream->time_base, AV_TIME_BASE_Q))
                : LIMEF_NO_TIME;

        if (us != LIMEF_NO_TIME && (longest_us == LIMEF_NO_TIME || us > longest_us))
            longest_us = us;
    }
    return longest_us;
}

int file_source_open(struct limef_file_source *file)
{
    int64_t start_us;
    int ret;

    file->timed_out = file->disk_hangs = file->interrupted = false;
    ret = open_format(file);
    if (ret < 0)
        return ret;
    file->live = is_live(file->format, file->settings.url);
    file->read_to = 0;
    ret = probe(file, file->format);
    if (ret < 0)
        ret = file_source_fail(file, ret, ": cannot make out what is in it");
    else
        ret = choose_tracks(file, file->format);
    if (ret >= 0)
        ret = file_source_ahead_open(file);
    if (ret < 0) {
        file_source_close(file);
        return ret;
    }
    file->size_bytes = file->format->pb ? libavformat.avio_size(file->format->pb) : 0;
    atomic_store_explicit(&file->source.is_live, file->live, memory_order_relaxed);
    start_us = sane_time(file->format->start_time);
    /* else the first packet says it, and that of a file that is opened anew has done so */
    if (start_us != LIMEF_NO_TIME || file->loop_us == LIMEF_NO_TIME)
        atomic_store_explicit(&file->start_us, start_us, memory_order_relaxed);
    atomic_store_explicit(&file->duration_us, find_duration_us(file->format), memory_order_relaxed);
    return 0;
}

void file_source_close(struct limef_file_source *file)
{
    bool is_ours = file->has_fd || file->reader;
    AVIOContext *io = file->format && is_ours ? file->format->pb : NULL;

    file_source_ahead_clear(file);
    file_source_may_block(file); /* an RTSP TEARDOWN must not hang */
    if (file->format)
        libavformat.avformat_close_input(&file->format);
    file_source_io_close(file, &io);
}

int file_source_describe(struct limef_file_source *file, const AVStream *stream)
{
    struct limef_codec_frame *codec = &file->codec;
    struct limef_payload *payload = limef_pool_get(file->codecs);
    AVRational rate, aspect;
    int ret;

    if (!payload)
        return AVERROR(ENOMEM);
    if (!memory_permits() ||
        avcodec_parameters_copy(limef_payload_codec(payload), stream->codecpar) < 0) {
        limef_payload_unref(payload);
        return AVERROR(ENOMEM);
    }
    limef_payload_unref(codec->frame.payload);
    limef_codec_frame_set(codec, payload);
    codec->frame.slot = file->settings.slot;
    codec->frame.track = (uint16_t)stream->index;
    codec->frame.flags = file->live ? LIMEF_FRAME_LIVE : 0;
    codec->frame.entered_us = limef_now_us();
    orientation_from_matrix(compat_display_matrix(stream), &codec->rotation_degrees,
                            &codec->mirrored);
    if (codec->frame.media == LIMEF_MEDIA_VIDEO) {
        rate = libavformat.av_guess_frame_rate(file->format, (AVStream *)stream, NULL);
        if (rate.num <= 0) /* not constant */
            rate = stream->avg_frame_rate;
        aspect = libavformat.av_guess_sample_aspect_ratio(file->format, (AVStream *)stream, NULL);
        codec->frame_rate_num = rate.num;
        codec->frame_rate_den = rate.num ? rate.den : 0;
        codec->aspect_num = aspect.num;
        codec->aspect_den = aspect.num ? aspect.den : 0;
    }
    ret = limef_pass(&file->source.filter, &codec->frame);
    file->tracks[stream->index].described = ret != AVERROR_EXIT; /* else nobody heard it */
    return ret;
}
