/* SPDX-License-Identifier: MIT */
#include <limef/filter/codecs.h>

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <libavcodec/avcodec.h>

/* Replaces parameters that nobody counts by a counted copy. */
static int copy_parameters(struct limef_codecs *codecs, struct limef_filter *owner,
                           struct limef_codec_frame *codec)
{
    struct limef_payload *payload;
    AVCodecParameters *copy;
    int ret;

    if (!codecs->pool && !(codecs->pool = limef_pool_create(LIMEF_FRAME_CODEC)))
        return AVERROR(ENOMEM);
    payload = limef_pool_get(codecs->pool);
    if (!payload)
        return AVERROR(ENOMEM);
    copy = limef_payload_codec(payload);
    ret = avcodec_parameters_copy(copy, codec->parameters);
    if (ret < 0) {
        limef_payload_unref(payload);
        return ret;
    }
    LIMEF_COUNT(owner->copied_bytes, sizeof(*copy) + (size_t)copy->extradata_size);
    codec->parameters = copy;
    codec->frame.payload = payload;
    return 0;
}

int limef_codecs_keep(struct limef_codecs *codecs, struct limef_filter *owner,
                      const struct limef_frame *frame)
{
    const struct limef_codec_frame *from = limef_codec_frame_from(frame);
    struct limef_codec_frame codec;
    int i, ret = 0;

    if (frame->media == LIMEF_MEDIA_VIDEO && frame->frame_class != LIMEF_FRAME_SIGNAL)
        codecs->has_video = true;
    if (!from)
        return 0;
    i = limef_tracks_find(&codecs->tracks, frame);
    if (i < 0)
        return limef_fail(i, owner->name, "cannot keep the codec of slot %u, track %u",
                          (unsigned)frame->slot, (unsigned)frame->track);
    codec = *from;
    if (frame->payload)
        limef_payload_ref(frame->payload);
    else
        ret = copy_parameters(codecs, owner, &codec);
    if (ret < 0)
        return limef_fail(ret, owner->name, "cannot keep the codec of slot %u, track %u",
                          (unsigned)frame->slot, (unsigned)frame->track);
    limef_payload_unref(codecs->frames[i].frame.payload);
    codecs->frames[i] = codec;
    return 0;
}

int limef_codecs_go(const struct limef_codecs *codecs, struct limef_filter *to)
{
    int first_error = 0;

    for (unsigned i = 0; i < codecs->tracks.n; i++) {
        const struct limef_frame *frame = &codecs->frames[i].frame;
        int ret = frame->frame_class == LIMEF_FRAME_CODEC ? limef_go(to, frame) : 0;

        if (ret < 0 && !first_error)
            first_error = ret;
    }
    return first_error;
}

bool limef_codecs_can_start(const struct limef_codecs *codecs, const struct limef_frame *frame)
{
    bool is_packet = frame->frame_class == LIMEF_FRAME_PACKET;

    if (!is_packet && frame->frame_class != LIMEF_FRAME_DECODED)
        return false;
    if (frame->media == LIMEF_MEDIA_VIDEO)
        return !is_packet || (frame->flags & LIMEF_FRAME_KEY);
    return frame->media == LIMEF_MEDIA_AUDIO && !codecs->has_video;
}

void limef_codecs_clear(struct limef_codecs *codecs)
{
    for (unsigned i = 0; i < codecs->tracks.n; i++)
        limef_payload_unref(codecs->frames[i].frame.payload);
    limef_pool_release(codecs->pool);
    *codecs = (struct limef_codecs){0};
}
