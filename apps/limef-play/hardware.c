/* SPDX-License-Identifier: MIT */
/* What streams are decoded with beside the CPU. */
#include "player.h"

#include <limef/base/log.h>
#include <limef/frame/hardware.h>

#include <libavutil/error.h>

void player_open_hardware(struct player *player)
{
    static const char *const wanted[] = {
        [PLAY_HWDEC_V4L2M2M] = "v4l2m2m", [PLAY_HWDEC_RKMPP] = "rkmpp", [PLAY_HWDEC_NO] = NULL};
    const struct play_options *options = player->options;
    bool is_auto = options->hwdec == PLAY_HWDEC_AUTO;
    int ret = AVERROR(ENODEV);

    if (options->hwdec == PLAY_HWDEC_NO)
        return;
    if (is_auto || options->hwdec == PLAY_HWDEC_VAAPI)
        ret = limef_hardware_device_open(&player->hardware, options->vaapi_device);
    if (ret < 0 && options->hwdec != PLAY_HWDEC_VAAPI)
        player->wrapper = limef_hardware_wrapper_find(wanted[options->hwdec]);
    if (ret >= 0 || player->wrapper)
        limef_log(LIMEF_LOG_INFO, "limef-play", "decoding with %s",
                  ret >= 0 ? limef_hardware_device_name(player->hardware) : player->wrapper);
    else if (options->hwdec == PLAY_HWDEC_VAAPI)
        limef_log(LIMEF_LOG_WARNING, "limef-play",
                  "--hwdec=vaapi: no VA-API device works here, decoding in software");
    else if (!is_auto)
        limef_log(
            LIMEF_LOG_WARNING, "limef-play",
            "--hwdec=%s: libavcodec has no such decoder that works here, decoding in software",
            wanted[options->hwdec]);
    else
        limef_log(LIMEF_LOG_INFO, "limef-play",
                  "no VA-API device, no decoder of V4L2 or MPP, decoding in software");
}
