/* SPDX-License-Identifier: MIT */
#include "decoder.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Added to the level of what libavcodec says: a test's output is not for it. */
#define QUIET 100

struct decoder {
    const struct codec *codec;
    AVCodecContext *av;
    AVPacket *packet;
    AVFrame *shown;   /* that libavcodec would show next; nobody asks for it */
    AVFrame *picture; /* with the buffer that was asked for last */
    bool has_begun;
    atomic_uint n_references;
    atomic_bool is_claimed;
};

static int get_buffer(AVCodecContext *av, AVFrame *frame, int flags)
{
    struct decoder *decoder = av->opaque;
    int status = avcodec_default_get_buffer2(av, frame, flags);

    if (status < 0 || (decoder->has_begun && decoder->codec->picture_is_first))
        return status;
    decoder->has_begun = true;
    av_frame_unref(decoder->picture);
    return av_frame_ref(decoder->picture, frame);
}

struct decoder *decoder_new(const struct codec *codec)
{
    const AVCodec *av_codec = avcodec_find_decoder(codec->id);
    struct decoder *decoder = calloc(1, sizeof(*decoder));

    if (!decoder)
        return NULL;
    decoder->codec = codec;
    atomic_init(&decoder->n_references, 1);
    atomic_init(&decoder->is_claimed, true);
    decoder->av = avcodec_alloc_context3(av_codec);
    decoder->packet = av_packet_alloc();
    decoder->shown = av_frame_alloc();
    decoder->picture = av_frame_alloc();
    if (av_codec && decoder->av && decoder->packet && decoder->shown && decoder->picture) {
        decoder->av->opaque = decoder;
        decoder->av->get_buffer2 = get_buffer;
        decoder->av->thread_count = 1; /* so that the picture is ready when the call returns */
        decoder->av->log_level_offset = QUIET;
        if (avcodec_open2(decoder->av, av_codec, NULL) == 0)
            return decoder;
    }
    decoder_unref(decoder);
    return NULL;
}

struct decoder *decoder_ref(struct decoder *decoder)
{
    atomic_fetch_add(&decoder->n_references, 1);
    return decoder;
}

void decoder_unref(struct decoder *decoder)
{
    if (!decoder || atomic_fetch_sub(&decoder->n_references, 1) > 1)
        return;
    avcodec_free_context(&decoder->av);
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->shown);
    av_frame_free(&decoder->picture);
    free(decoder);
}

bool decoder_claim(struct decoder *decoder, const struct codec *codec)
{
    return decoder->codec == codec && !atomic_exchange(&decoder->is_claimed, true);
}

void decoder_release(struct decoder *decoder)
{
    atomic_store(&decoder->is_claimed, false);
}

const AVFrame *decoder_decode(struct decoder *decoder, const struct bytes *unit)
{
    decoder->has_begun = false;
    av_packet_unref(decoder->packet);
    if (av_new_packet(decoder->packet, (int)unit->size) < 0)
        return NULL;
    memcpy(decoder->packet->data, unit->data, unit->size);
    avcodec_send_packet(decoder->av, decoder->packet);
    while (avcodec_receive_frame(decoder->av, decoder->shown) == 0)
        av_frame_unref(decoder->shown);
    return decoder->picture->buf[0] ? decoder->picture : NULL;
}

bool decoder_has_begun(const struct decoder *decoder)
{
    return decoder->has_begun;
}
