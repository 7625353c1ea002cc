/* SPDX-License-Identifier: MIT */
/* How the channels of what comes become those of what goes on. */
#include "filter/resample_private.h"

#include "base/memory_private.h"

#include <libavutil/frame.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <math.h>

/* Channels that libswresample takes. */
#define MAX_IN 64

/* Layouts that say no more than how many channels there are become the usual one of so many. */
static int find_layout(AVChannelLayout *layout, const AVFrame *in)
{
    if (in->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
        av_channel_layout_default(layout, in->ch_layout.nb_channels);
        return 0;
    }
    return av_channel_layout_copy(layout, &in->ch_layout);
}

/*
 * Of channels of which nobody knows where they belong each goes to one side, in turn. Of Ambisonics
 * (AmbiX: all around, left, up, front) the sides are two cardioids that look there.
 */
static int mix_by_number(SwrContext *swr, const AVChannelLayout *from, int n_to)
{
    double matrix[RESAMPLE_MAX_CHANNELS * MAX_IN] = {0};
    bool ambisonic = from->order == AV_CHANNEL_ORDER_AMBISONIC && n_to <= 2;
    int n_from = from->nb_channels;

    if (n_from > MAX_IN)
        return AVERROR(EINVAL);
    for (int i = 0; i < n_from && !ambisonic; i++)
        matrix[i % n_to * n_from + i] = 1 / sqrt((double)((n_from + n_to - 1) / n_to));
    for (int i = 0; i < n_to && ambisonic; i++) {
        matrix[i * n_from] = n_to == 1 ? 1 : 0.5;
        if (n_to == 2 && n_from > 1)
            matrix[i * n_from + 1] = i ? -0.5 : 0.5;
    }
    return swr_set_matrix(swr, matrix, n_from);
}

/* by_number: whatever the layout says. */
static int try_swr(struct limef_resample_filter *resample, const AVFrame *in, AVChannelLayout *from,
                   bool by_number)
{
    const struct limef_resample_settings *settings = &resample->settings;
    AVChannelLayout to = {0};
    int ret;

    av_channel_layout_default(&to, (int)settings->n_channels);
    ret = memory_permits()
              ? swr_alloc_set_opts2(&resample->swr, &to, AV_SAMPLE_FMT_FLT, (int)settings->rate,
                                    from, in->format, in->sample_rate, 0, NULL)
              : AVERROR(ENOMEM);
    if (ret >= 0 && settings->follows)
        ret = av_opt_set_int(resample->swr, "flags", SWR_FLAG_RESAMPLE, 0);
    if (ret >= 0 && by_number)
        ret = mix_by_number(resample->swr, from, to.nb_channels);
    if (ret >= 0)
        ret = swr_init(resample->swr);
    if (ret >= 0 && settings->follows) /* what a first change would have to allocate */
        ret = swr_set_compensation(resample->swr, 1, RESAMPLE_SPEED_LASTS);
    if (ret < 0)
        swr_free(&resample->swr);
    av_channel_layout_uninit(&to);
    return ret;
}

int resample_open(struct limef_resample_filter *resample, const AVFrame *in)
{
    AVChannelLayout from = {0};
    int ret = find_layout(&from, in);
    bool known = from.order == AV_CHANNEL_ORDER_NATIVE || from.order == AV_CHANNEL_ORDER_CUSTOM;

    if (ret >= 0)
        ret = try_swr(resample, in, &from, !known);
    if (ret == AVERROR(EINVAL) && known) /* libswresample has no rule for it */
        ret = try_swr(resample, in, &from, true);
    av_channel_layout_uninit(&from);
    resample->ppm_in_use = 0;
    resample->n_until_again = 0;
    return ret;
}
