/* SPDX-License-Identifier: MIT */
/* Which of libavcodec's wrappers around the decoders of V4L2 and MPP there are, and work. */
#include "frame/hardware_private.h"
#include "frame/hardware_probe.h"

#include <limef/base/log.h>

#include <glob.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *nodes; /* without one of these there is no device */
} wrappers[] = {{"rkmpp", "/dev/mpp_service"}, {"v4l2m2m", "/dev/video[0-9]*"}};

const AVCodec *hardware_wrapper(const char *wrapper, int codec_id)
{
    const char *codec = avcodec_get_name((enum AVCodecID)codec_id);
    bool is_mpeg = codec_id == AV_CODEC_ID_MPEG1VIDEO || codec_id == AV_CODEC_ID_MPEG2VIDEO;
    char name[64];

    /* h264_v4l2m2m, but mpeg2_v4l2m2m for mpeg2video */
    snprintf(name, sizeof(name), "%.*s_%s", (int)(strlen(codec) - (is_mpeg ? strlen("video") : 0)),
             codec, wrapper);
    return avcodec_find_decoder_by_name(name);
}

static bool has_node(const char *nodes)
{
    glob_t found;
    bool has = glob(nodes, 0, NULL, &found) == 0;

    if (has)
        globfree(&found);
    return has;
}

static bool works(const char *wrapper)
{
    const AVCodec *decoder = hardware_wrapper(wrapper, AV_CODEC_ID_H264);
    int ret = decoder ? hardware_probe_decoder(decoder) : AVERROR_DECODER_NOT_FOUND;
    char why[AV_ERROR_MAX_STRING_SIZE];

    av_strerror(ret, why, sizeof(why));
    if (ret < 0)
        limef_log(LIMEF_LOG_INFO, HARDWARE_NAME, "%s does not decode: %s", wrapper, why);
    return ret >= 0;
}

const char *limef_hardware_wrapper_find(const char *wanted)
{
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
        bool is_wanted = wanted ? !strcmp(wanted, wrappers[i].name) : has_node(wrappers[i].nodes);

        if (is_wanted && works(wrappers[i].name))
            return wrappers[i].name;
    }
    return NULL;
}
