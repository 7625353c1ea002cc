/* SPDX-License-Identifier: MIT */
/*
 * Sound of which a packet is a unit: G.711, L16 (RFC 3551), G.722, G.726 (RFC
 * 3551 4.5.4), Opus (RFC 7587); and metadata, whose units end with the marker.
 */
#include "rtsp/depacketizer.h"

#include <libavcodec/codec_par.h>
#include <libavutil/error.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *encoding;
    enum AVCodecID codec_id;
    int bits_a_sample; /* in the packet; 0: it varies */
} sounds[] = {
    {"PCMU", AV_CODEC_ID_PCM_MULAW, 8},          {"PCMA", AV_CODEC_ID_PCM_ALAW, 8},
    {"L16", AV_CODEC_ID_PCM_S16BE, 16},          {"L8", AV_CODEC_ID_PCM_U8, 8},
    {"G722", AV_CODEC_ID_ADPCM_G722, 8},         {"G726-16", AV_CODEC_ID_ADPCM_G726LE, 2},
    {"G726-24", AV_CODEC_ID_ADPCM_G726LE, 3},    {"G726-32", AV_CODEC_ID_ADPCM_G726LE, 4},
    {"G726-40", AV_CODEC_ID_ADPCM_G726LE, 5},    {"AAL2-G726-16", AV_CODEC_ID_ADPCM_G726, 2},
    {"AAL2-G726-24", AV_CODEC_ID_ADPCM_G726, 3}, {"AAL2-G726-32", AV_CODEC_ID_ADPCM_G726, 4},
    {"AAL2-G726-40", AV_CODEC_ID_ADPCM_G726, 5}, {"OPUS", AV_CODEC_ID_OPUS, 0},
};

/* Units of one packet each. */
struct sound {
    int bits_a_frame; /* of all channels; 0: it varies */
};

static struct sound *sound_of(struct depacketizer *depacketizer)
{
    return (struct sound *)(void *)depacketizer->state;
}

static int sound_take(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    struct rtsp_unit *unit = &depacketizer->unit;
    int bits = sound_of(depacketizer)->bits_a_frame;
    int ret;

    if (packet->payload_bytes == 0)
        return 0;
    /* without markers a packet of the same time is another unit nevertheless */
    ret = depacketizer_hand_out(depacketizer);
    if (ret < 0)
        return ret;
    depacketizer->has_head = true;
    unit->is_key = true;
    unit->duration = bits ? (int64_t)packet->payload_bytes * 8 / bits : 0;
    ret = rtsp_unit_append(unit, packet->payload, packet->payload_bytes);
    return ret < 0 ? ret : depacketizer_hand_out(depacketizer);
}

bool depacketizer_knows_sound(const char *encoding)
{
    bool is_known = false;

    for (size_t i = 0; i < sizeof(sounds) / sizeof(sounds[0]); i++)
        is_known |= !strcasecmp(sounds[i].encoding, encoding);
    return is_known;
}

static int sound_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    AVCodecParameters *parameters = depacketizer->parameters;

    for (size_t i = 0; i < sizeof(sounds) / sizeof(sounds[0]); i++) {
        if (strcasecmp(sounds[i].encoding, media->encoding) != 0)
            continue;
        parameters->codec_type = AVMEDIA_TYPE_AUDIO;
        parameters->codec_id = sounds[i].codec_id;
        parameters->bits_per_coded_sample = sounds[i].bits_a_sample;
        parameters->sample_rate = media->clock_hz;
        /* G.722 has 16 kHz and says 8 for a mistake of the past (RFC 3551 4.5.2) */
        if (parameters->codec_id == AV_CODEC_ID_ADPCM_G722)
            parameters->sample_rate = 16000;
        av_channel_layout_default(&parameters->ch_layout, media->n_channels);
        sound_of(depacketizer)->bits_a_frame = sounds[i].bits_a_sample * media->n_channels;
        return 0;
    }
    return AVERROR(ENOSYS);
}

const struct depacketizer_ops depacketizer_sound_ops = {
    .open = sound_open,
    .take = sound_take,
};

static int data_take(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    depacketizer->unit.is_key = true;
    return rtsp_unit_append(&depacketizer->unit, packet->payload, packet->payload_bytes);
}

static int data_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    (void)media;
    depacketizer->parameters->codec_type = AVMEDIA_TYPE_DATA;
    depacketizer->parameters->codec_id = AV_CODEC_ID_BIN_DATA;
    return 0;
}

const struct depacketizer_ops depacketizer_data_ops = {
    .open = data_open,
    .take = data_take,
};
