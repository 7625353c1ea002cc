/* SPDX-License-Identifier: MIT */
/* What hardware a decoder was given, and which of libavcodec's decoders uses it. */
#include "filter/decode_private.h"

#include "frame/hardware_private.h"

#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>

bool decode_has_hardware(const struct limef_decode_filter *decode)
{
    return decode->settings.media == LIMEF_MEDIA_VIDEO &&
           (decode->settings.hardware || decode->settings.wrapper);
}

static enum AVHWDeviceType device_type(const struct limef_decode_filter *decode)
{
    return ((const AVHWDeviceContext *)(const void *)decode->settings.hardware->data)->type;
}

int decode_hardware_format(const struct limef_decode_filter *decode)
{
    return device_type(decode) == AV_HWDEVICE_TYPE_VAAPI ? AV_PIX_FMT_VAAPI : AV_PIX_FMT_DRM_PRIME;
}

const char *decode_hardware_kind(const struct limef_decode_filter *decode)
{
    return decode->settings.hardware ? av_hwdevice_get_type_name(device_type(decode))
                                     : decode->settings.wrapper;
}

const char *decode_hardware_name(const struct limef_decode_filter *decode)
{
    return decode->settings.hardware ? limef_hardware_device_name(decode->settings.hardware)
                                     : decode->settings.wrapper;
}

static bool can_use(const AVCodec *decoder, int format)
{
    const AVCodecHWConfig *config;

    for (int i = 0; (config = avcodec_get_hw_config(decoder, i)); i++)
        if ((int)config->pix_fmt == format)
            return true;
    return false;
}

const AVCodec *decode_hardware_find(const struct limef_decode_filter *decode, int codec_id)
{
    const AVCodec *decoder;
    void *at = NULL;

    if (!decode_has_hardware(decode) || decode->hardware.is_given_up)
        return NULL;
    if (!decode->settings.hardware)
        return hardware_wrapper(decode->settings.wrapper, codec_id);
    while ((decoder = av_codec_iterate(&at)))
        if ((int)decoder->id == codec_id && av_codec_is_decoder(decoder) &&
            can_use(decoder, decode_hardware_format(decode)))
            return decoder;
    return NULL;
}
