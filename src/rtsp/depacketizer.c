/* SPDX-License-Identifier: MIT */
#include "rtsp/depacketizer.h"

#include "rtsp/interleaving.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>

#include <libavcodec/codec_par.h>
#include <libavutil/error.h>
#include <strings.h>

static const struct depacketizer_ops *const all_ops[] = {
    &depacketizer_nal_ops,
    &depacketizer_jpeg_ops,
    &depacketizer_aac_ops,
    &depacketizer_latm_ops,
};

static const struct depacketizer_ops *ops_of(enum sdp_kind kind, const char *encoding)
{
    for (size_t i = 0; i < sizeof(all_ops) / sizeof(all_ops[0]); i++)
        for (const char *const *name = all_ops[i]->encodings; *name; name++)
            if (!strcasecmp(*name, encoding))
                return all_ops[i];
    if (kind == SDP_APPLICATION)
        return &depacketizer_data_ops;
    return kind == SDP_AUDIO && depacketizer_knows_sound(encoding) ? &depacketizer_sound_ops : NULL;
}

bool depacketizer_knows(enum sdp_kind kind, const char *encoding)
{
    return ops_of(kind, encoding) != NULL;
}

int depacketizer_open(struct depacketizer *depacketizer, const struct sdp_media *media,
                      depacketizer_unit_fn *sink, void *context)
{
    const struct depacketizer_ops *ops = ops_of(media->kind, media->encoding);
    int ret;

    if (!ops)
        return AVERROR(ENOSYS);
    *depacketizer = (struct depacketizer){
        .ops = ops, .clock_hz = media->clock_hz, .sink = sink, .context = context};
    depacketizer->parameters = memory_new_codec_parameters();
    ret = depacketizer->parameters ? ops->open(depacketizer, media) : AVERROR(ENOMEM);
    if (ret < 0)
        depacketizer_clear(depacketizer);
    return ret;
}

int depacketizer_hand_out(struct depacketizer *depacketizer)
{
    struct rtsp_unit *unit = &depacketizer->unit;
    int ret;

    if (unit->bytes == 0)
        return 0;
    if (!depacketizer->has_head)
        unit->is_damaged = true;
    if (depacketizer->ops->finish)
        depacketizer->ops->finish(depacketizer);
    ret = depacketizer->sink(depacketizer->context, unit);
    rtsp_unit_restart(unit);
    return ret;
}

/* The unit that is put together is over. If its beginning was lost, and nothing is left of it, that
 * damages no other one. */
static int end_unit(struct depacketizer *depacketizer)
{
    int ret = depacketizer_hand_out(depacketizer);

    if (depacketizer->unit.bytes == 0 && depacketizer->unit.is_damaged) {
        depacketizer->unit.is_damaged = false;
        depacketizer->lost_before = true;
    }
    return ret;
}

/* A marker ends a unit, but for parameter sets alone: some cameras mark each NAL unit. */
static bool ends_unit(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    const struct rtsp_unit *unit = &depacketizer->unit;

    return packet->marker &&
           (unit->bytes == 0 || unit->is_damaged || !depacketizer->ops->has_picture ||
            depacketizer->ops->has_picture(depacketizer));
}

int depacketizer_push_next(struct depacketizer *depacketizer, const struct rtp_packet *packet,
                           int64_t timestamp, unsigned n_missing)
{
    struct rtsp_unit *unit = &depacketizer->unit;
    int handed = 0, taken;

    depacketizer->after_gap = n_missing > 0;
    if (n_missing > 0 && unit->bytes > 0 && depacketizer->is_open_ended)
        unit->is_damaged = true;
    if (unit->timestamp != timestamp)
        handed = end_unit(depacketizer); /* the last packet of it had no marker */
    if (n_missing > 0 && unit->bytes == 0)
        depacketizer->lost_before = true;
    if (unit->bytes == 0) {
        unit->timestamp = timestamp;
        unit->follows_loss |=
            depacketizer->lost_before; /* a packet of no use may have come since */
        depacketizer->has_head = !unit->follows_loss;
        depacketizer->lost_before = false;
    }
    taken = depacketizer->ops->take(depacketizer, packet);
    if (taken < 0 && taken != AVERROR_EXIT) {
        depacketizer->n_malformed += taken != AVERROR(ENOMEM);
        unit->is_damaged = true;
        depacketizer->lost_before |= unit->bytes == 0;
    }
    depacketizer->is_open_ended = !ends_unit(depacketizer, packet);
    if (!depacketizer->is_open_ended && handed >= 0)
        handed = end_unit(depacketizer);
    return handed < 0 ? handed : taken;
}

int depacketizer_push(struct depacketizer *depacketizer, const struct rtp_packet *packet,
                      int64_t timestamp, unsigned n_missing)
{
    return depacketizer->interleaving
               ? interleaving_take(depacketizer, packet, timestamp, n_missing)
               : depacketizer_push_next(depacketizer, packet, timestamp, n_missing);
}

int64_t depacketizer_due_us(const struct depacketizer *depacketizer)
{
    return depacketizer->interleaving ? interleaving_due_us(depacketizer->interleaving)
                                      : LIMEF_FOREVER;
}

int depacketizer_tick(struct depacketizer *depacketizer)
{
    return depacketizer->interleaving ? interleaving_tick(depacketizer) : 0;
}

int depacketizer_flush(struct depacketizer *depacketizer)
{
    int ret = depacketizer->interleaving ? interleaving_flush(depacketizer) : 0;

    if (ret == AVERROR_EXIT)
        return ret;
    /* a picture without its last packet, as far as anybody can tell */
    if (depacketizer->is_open_ended && depacketizer->parameters->codec_type == AVMEDIA_TYPE_VIDEO)
        depacketizer->unit.is_damaged = true;
    return depacketizer_hand_out(depacketizer);
}

void depacketizer_restart(struct depacketizer *depacketizer)
{
    if (depacketizer->interleaving)
        interleaving_restart(depacketizer->interleaving);
    rtsp_unit_restart(&depacketizer->unit);
    depacketizer->is_open_ended = false;
    depacketizer->after_gap = true;
    depacketizer->lost_before = true;
}

void depacketizer_clear(struct depacketizer *depacketizer)
{
    avcodec_parameters_free(&depacketizer->parameters);
    interleaving_close(depacketizer);
    rtsp_unit_clear(&depacketizer->unit);
    *depacketizer = (struct depacketizer){.ops = NULL};
}
