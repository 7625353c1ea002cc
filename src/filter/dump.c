/* SPDX-License-Identifier: MIT */
#include <limef/filter/dump.h>

#include <limef/base/log.h>

#include <inttypes.h>
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <stdarg.h>

#define LINE_BYTES 256

/* A line that grows and is cut to what fits. */
struct text {
    char *at;
    size_t room;
};

LIMEF_PRINTF(2, 3) static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text->at, text->room, format, arguments);
    va_end(arguments);
    if (n < 0)
        return;
    if ((size_t)n >= text->room)
        n = (int)text->room - 1;
    text->at += n;
    text->room -= (size_t)n;
}

static void add_time(struct text *text, const char *what, int64_t us)
{
    uint64_t size_us = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;

    if (us == LIMEF_NO_TIME)
        add(text, " %s none", what);
    else
        add(text, " %s %s%" PRIu64 ".%06" PRIu64, what, us < 0 ? "-" : "", size_us / 1000000,
            size_us % 1000000);
}

static void add_flags(struct text *text, uint32_t flags)
{
    static const char *const names[] = {"key", "corrupt", "discontinuity", "live", "burst"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (flags & 1u << i)
            add(text, " %s", names[i]);
    }
}

static void add_codec(struct text *text, const struct limef_codec_frame *codec)
{
    const AVCodecParameters *parameters = codec->parameters;

    add(text, " %s", avcodec_get_name(parameters->codec_id));
    if (parameters->codec_type == AVMEDIA_TYPE_VIDEO)
        add(text, " %dx%d", parameters->width, parameters->height);
    if (parameters->codec_type == AVMEDIA_TYPE_AUDIO)
        add(text, " %d Hz %d channels", parameters->sample_rate, parameters->ch_layout.nb_channels);
    if (codec->frame_rate_num)
        add(text, " %d/%d fps", codec->frame_rate_num, codec->frame_rate_den);
}

static void add_decoded(struct text *text, const AVFrame *av)
{
    const char *format;

    if (av->nb_samples > 0) {
        format = av_get_sample_fmt_name(av->format);
        add(text, " %d samples %d Hz %s", av->nb_samples, av->sample_rate, format ? format : "?");
    } else {
        format = av_get_pix_fmt_name(av->format);
        add(text, " %dx%d %s", av->width, av->height, format ? format : "?");
    }
}

static void add_signal(struct text *text, const struct limef_signal_frame *signal)
{
    add(text, " %s value %" PRId64 " code %d", limef_signal_name(signal->signal), signal->value,
        (int)signal->code);
    if (signal->text[0])
        add(text, " \"%s\"", signal->text);
}

void limef_frame_describe(const struct limef_frame *frame, char *line, size_t n_bytes)
{
    static const char *const media[] = {"", " video", " audio", " other"};
    struct text text = {line, n_bytes};

    add(&text, "%s slot %u", limef_frame_class_name(frame->frame_class), (unsigned)frame->slot);
    if (frame->frame_class == LIMEF_FRAME_SIGNAL) {
        add_signal(&text, limef_signal_frame_from(frame));
        return;
    }
    add(&text, "%s track %u", frame->media <= LIMEF_MEDIA_OTHER ? media[frame->media] : " unknown",
        (unsigned)frame->track);
    if (frame->frame_class == LIMEF_FRAME_CODEC) {
        add_codec(&text, limef_codec_frame_from(frame));
        return;
    }
    add_time(&text, "pts", frame->pts_us);
    if (frame->frame_class == LIMEF_FRAME_PACKET)
        add_time(&text, "dts", limef_packet_frame_from(frame)->dts_us);
    add_flags(&text, frame->flags);
    if (frame->frame_class == LIMEF_FRAME_PACKET)
        add(&text, " %zu bytes", limef_packet_frame_from(frame)->size_bytes);
    else if (frame->frame_class == LIMEF_FRAME_DECODED)
        add_decoded(&text, limef_decoded_frame_from(frame)->av);
}

static int dump_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_dump_filter *dump = LIMEF_CONTAINER_OF(filter, struct limef_dump_filter, filter);
    char line[LINE_BYTES];

    limef_frame_describe(in, line, sizeof(line));
    if (dump->sink)
        dump->sink(dump->context, filter->name, line);
    else if (dump->file)
        fprintf(dump->file, "%s: %s\n", filter->name, line);
    else
        limef_log(LIMEF_LOG_INFO, filter->name, "%s", line);
    return limef_pass(filter, in);
}

static void dump_clear(struct limef_filter *filter)
{
    *LIMEF_CONTAINER_OF(filter, struct limef_dump_filter, filter) = (struct limef_dump_filter){0};
}

const struct limef_filter_ops limef_dump_ops = {.kind = "dump", .go = dump_go, .clear = dump_clear};

void limef_dump_filter_init(struct limef_dump_filter *dump, const char *name, limef_dump_fn *sink,
                            void *context, FILE *file)
{
    limef_filter_init(&dump->filter, &limef_dump_ops, name);
    dump->sink = sink;
    dump->context = context;
    dump->file = file;
}
