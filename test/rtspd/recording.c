/* SPDX-License-Identifier: MIT */
#include "rtspd/rtspd.h"

#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>

#define NS ((AVRational){1, 1000000000})
/* What has no times, nor says how many pictures a second it has. */
#define USUAL_RATE ((AVRational){25, 1})

static const struct codec {
    enum AVCodecID id;
    const char *caps, *bitstream_filter, *elements;
} codecs[] = {
    {AV_CODEC_ID_H264, "video/x-h264,stream-format=byte-stream,alignment=au", "h264_mp4toannexb",
     "h264parse ! rtph264pay config-interval=-1 aggregate-mode=zero-latency"},
    {AV_CODEC_ID_HEVC, "video/x-h265,stream-format=byte-stream,alignment=au", "hevc_mp4toannexb",
     "h265parse ! rtph265pay config-interval=-1 aggregate-mode=zero-latency"},
    {AV_CODEC_ID_MJPEG, "image/jpeg,framerate=25/1", "null", "jpegparse ! rtpjpegpay pt=26"},
    {AV_CODEC_ID_AAC, "audio/mpeg,mpegversion=4,framed=true", "null", "aacparse ! rtpmp4gpay"},
    {AV_CODEC_ID_OPUS, "audio/x-opus,channel-mapping-family=0", "null", "opusparse ! rtpopuspay"},
    {AV_CODEC_ID_PCM_MULAW, "audio/x-mulaw", "null", "rtppcmupay"},
    {AV_CODEC_ID_PCM_ALAW, "audio/x-alaw", "null", "rtppcmapay"},
};

/* A file while it is read. */
struct reading {
    struct recording *recording;
    AVFormatContext *format;
    AVPacket *packet;
    int streams[MAX_TRACKS]; /* the track's index in the file */
    AVBSFContext *filters[MAX_TRACKS];
    gint64 n_untimed; /* packets */
};

static GstCaps *describe(const struct codec *codec, const AVCodecParameters *parameters)
{
    GstCaps *caps = gst_caps_from_string(codec->caps);

    if (parameters->codec_type == AVMEDIA_TYPE_VIDEO)
        gst_caps_set_simple(caps, "width", G_TYPE_INT, parameters->width, "height", G_TYPE_INT,
                            parameters->height, NULL);
    else
        gst_caps_set_simple(caps, "rate", G_TYPE_INT, parameters->sample_rate, "channels",
                            G_TYPE_INT, parameters->ch_layout.nb_channels, NULL);
    if (parameters->codec_id == AV_CODEC_ID_AAC && parameters->extradata_size > 0) {
        GstBuffer *config =
            gst_buffer_new_memdup(parameters->extradata, (gsize)parameters->extradata_size);

        gst_caps_set_simple(caps, "stream-format", G_TYPE_STRING, "raw", "codec_data",
                            GST_TYPE_BUFFER, config, NULL);
        gst_buffer_unref(config);
    } else if (parameters->codec_id == AV_CODEC_ID_AAC) {
        gst_caps_set_simple(caps, "stream-format", G_TYPE_STRING, "adts", NULL);
    }
    return caps;
}

static bool add_track(struct reading *reading, enum AVMediaType type)
{
    int number = av_find_best_stream(reading->format, type, -1, -1, NULL, 0);
    const AVStream *stream = number < 0 ? NULL : reading->format->streams[number];
    struct recording *recording = reading->recording;
    AVBSFContext **filter = &reading->filters[recording->n_tracks];

    for (size_t i = 0; stream && i < G_N_ELEMENTS(codecs); i++) {
        const struct codec *codec = &codecs[i];

        if (codec->id != stream->codecpar->codec_id)
            continue;
        if (av_bsf_list_parse_str(codec->bitstream_filter, filter) < 0 ||
            avcodec_parameters_copy((*filter)->par_in, stream->codecpar) < 0)
            return false;
        (*filter)->time_base_in = stream->time_base;
        if (av_bsf_init(*filter) < 0)
            return false;
        reading->streams[recording->n_tracks] = number;
        recording->tracks[recording->n_tracks++] =
            (struct recorded_track){.elements = codec->elements,
                                    .caps = describe(codec, stream->codecpar),
                                    .is_video = type == AVMEDIA_TYPE_VIDEO};
    }
    return true;
}

/* Raw streams have no times: they are counted. */
static void set_times(struct reading *reading, const AVStream *stream)
{
    AVPacket *packet = reading->packet;
    AVRational rate = stream->avg_frame_rate.num ? stream->avg_frame_rate : USUAL_RATE;

    if (packet->dts == AV_NOPTS_VALUE && packet->pts == AV_NOPTS_VALUE)
        packet->dts = av_rescale_q(reading->n_untimed++, av_inv_q(rate), stream->time_base);
    if (packet->duration == 0 && stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
        packet->duration = av_rescale_q(1, av_inv_q(rate), stream->time_base);
    if (packet->dts == AV_NOPTS_VALUE)
        packet->dts = packet->pts;
    if (packet->pts == AV_NOPTS_VALUE)
        packet->pts = packet->dts;
}

static void keep(struct reading *reading, unsigned track)
{
    struct recording *recording = reading->recording;
    const AVStream *stream = reading->format->streams[reading->streams[track]];
    AVPacket *packet = reading->packet;
    struct recorded_unit unit = {.track = track};

    if (packet->size == 0) /* would be the end */
        return;
    set_times(reading, stream);
    if (av_bsf_send_packet(reading->filters[track], packet) < 0)
        return;
    while (av_bsf_receive_packet(reading->filters[track], packet) == 0) {
        unit.pts = av_rescale_q(packet->pts, stream->time_base, NS);
        unit.dts = av_rescale_q(packet->dts, stream->time_base, NS);
        unit.buffer = gst_buffer_new_memdup(packet->data, (gsize)packet->size);
        GST_BUFFER_DURATION(unit.buffer) =
            (GstClockTime)av_rescale_q(packet->duration, stream->time_base, NS);
        if (recording->tracks[track].is_video && !(packet->flags & AV_PKT_FLAG_KEY))
            GST_BUFFER_FLAG_SET(unit.buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        g_array_append_val(recording->units, unit);
        av_packet_unref(packet);
    }
}

/* Priming and reordered pictures begin before 0. */
static void begin_at_0(struct recording *recording)
{
    gint64 first = G_MAXINT64;

    for (guint i = 0; i < recording->units->len; i++) {
        const struct recorded_unit *unit =
            &g_array_index(recording->units, struct recorded_unit, i);

        first = MIN(first, MIN(unit->dts, unit->pts));
    }
    for (guint i = 0; i < recording->units->len; i++) {
        struct recorded_unit *unit = &g_array_index(recording->units, struct recorded_unit, i);

        unit->pts -= first;
        unit->dts -= first;
        recording->duration =
            MAX(recording->duration, unit->pts + (gint64)GST_BUFFER_DURATION(unit->buffer));
    }
}

bool recording_load(struct recording *recording, const char *path)
{
    struct reading reading = {.recording = recording, .packet = av_packet_alloc()};
    bool is_good = avformat_open_input(&reading.format, path, NULL, NULL) >= 0 &&
                   avformat_find_stream_info(reading.format, NULL) >= 0 &&
                   add_track(&reading, AVMEDIA_TYPE_VIDEO) &&
                   add_track(&reading, AVMEDIA_TYPE_AUDIO);

    recording->units = g_array_new(FALSE, FALSE, sizeof(struct recorded_unit));
    while (is_good && av_read_frame(reading.format, reading.packet) >= 0) {
        for (unsigned i = 0; i < recording->n_tracks; i++)
            if (reading.packet->stream_index == reading.streams[i])
                keep(&reading, i);
        av_packet_unref(reading.packet);
    }
    begin_at_0(recording);
    for (unsigned i = 0; i < MAX_TRACKS; i++)
        av_bsf_free(&reading.filters[i]);
    av_packet_free(&reading.packet);
    avformat_close_input(&reading.format);
    if (recording->units->len == 0)
        fprintf(stderr, "%s: nothing in it that can be sent\n", path);
    return recording->units->len > 0;
}

bool recording_can_be_sent(const struct recording *recording)
{
    bool can_be_sent = true;

    for (unsigned i = 0; i < recording->n_tracks; i++) {
        GError *error = NULL;
        GstElement *bin =
            gst_parse_bin_from_description(recording->tracks[i].elements, FALSE, &error);

        if (error) /* "no element ..." */
            fprintf(stderr, "%s\n", error->message);
        can_be_sent &= !error;
        g_clear_error(&error);
        g_clear_object(&bin);
    }
    return can_be_sent;
}
