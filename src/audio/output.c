/* SPDX-License-Identifier: MIT */
#include <limef/audio/output.h>

#include "audio/device.h"
#include "audio/device_module.h"
#include "audio/flush_denormals.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>

#define DEFAULT_PERIOD_US 5000
#define DEFAULT_REOPEN_US 2000000
/* How long a device may keep the thread waiting before it is asked anew, and a stop is seen. */
#define WAIT_US 100000

static struct limef_audio_output *output_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct limef_audio_output, thread);
}

static int open_device(struct limef_audio_output *output, const struct audio_device_ops *ops)
{
    struct audio_device_settings settings = {
        .device = output->settings.device,
        .rate = output->mixer->settings.rate,
        .n_channels = output->mixer->settings.n_channels,
        .period_frames = output->settings.period_frames,
        .name = output->name,
    };
    int ret = ops->open(&output->device, &settings);

    if (ret < 0)
        return ret;
    atomic_store_explicit(&output->kind, ops->kind, memory_order_relaxed);
    atomic_store_explicit(&output->period_frames, output->device->settings.period_frames,
                          memory_order_relaxed);
    return 0;
}

static void close_device(struct limef_audio_output *output)
{
    if (!output->device)
        return;
    output->underruns_before += LIMEF_COUNTED(output->device->n_underruns);
    output->device->ops->close(output->device);
    output->device = NULL;
}

/* The device is gone: one without sound keeps the time, until it comes back. */
static int lose_device(struct limef_audio_output *output, int code)
{
    limef_fail(code, output->name, "the sound device is lost; it goes on without sound");
    LIMEF_COUNT(output->n_lost, 1);
    close_device(output);
    output->lost = true;
    output->reopen_us = limef_now_us() + output->settings.reopen_us;
    return open_device(output, &audio_device_null);
}

static void try_again(struct limef_audio_output *output)
{
    struct audio_device *silent = output->device;

    output->reopen_us = limef_now_us() + output->settings.reopen_us;
    if (open_device(output, output->wanted) < 0)
        return;
    silent->ops->close(silent);
    output->lost = false;
    LIMEF_COUNT(output->n_reopened, 1);
    limef_log(LIMEF_LOG_WARNING, output->name, "the sound device is back");
}

static int play_period(struct limef_audio_output *output, int64_t heard_us)
{
    struct audio_device *device = output->device;
    int64_t begun_us = limef_now_us();

    limef_mixer_mix(output->mixer, output->block, device->settings.period_frames, heard_us);
    limef_histogram_add(&output->mix, limef_now_us() - begun_us);
    LIMEF_COUNT(output->n_periods, 1);
    return device->ops->write(device, output->block);
}

static int output_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_audio_output *output = output_of(thread);
    int64_t now_us = limef_now_us(), heard_us;
    int ret;

    if (!output->device)
        return AVERROR_EXIT;
    if (output->lost && now_us >= output->reopen_us)
        try_again(output);
    if (deadline_us > now_us + WAIT_US)
        deadline_us = now_us + WAIT_US;
    ret = output->device->ops->wait(output->device, deadline_us, &heard_us);
    if (ret >= 0)
        ret = play_period(output, heard_us);
    atomic_store_explicit(&output->n_underruns,
                          output->underruns_before + LIMEF_COUNTED(output->device->n_underruns),
                          memory_order_relaxed);
    if (ret < 0 && ret != AVERROR(EAGAIN))
        ret = lose_device(output, ret);
    return ret;
}

/* On the thread, before the first step. */
static int64_t prepare(void *context, int64_t now_us)
{
    (void)context;
    (void)now_us;
    flush_denormals();
    return LIMEF_FOREVER;
}

static int output_go(struct limef_thread *thread, const struct limef_signal_frame *signal_frame)
{
    (void)thread;
    (void)signal_frame;
    return 0;
}

/* It comes by at every period. */
static void do_nothing(struct limef_thread *thread)
{
    (void)thread;
}

static const struct limef_thread_ops output_ops = {.step = output_step,
                                                   .go = output_go,
                                                   .wake = do_nothing,
                                                   .open = do_nothing,
                                                   .retry = do_nothing};

static int open_wanted(struct limef_audio_output *output)
{
    int ret = 0;

    if (output->settings.kind == LIMEF_AUDIO_NULL)
        output->wanted = &audio_device_null;
    else
        output->wanted = device_module_load("limef-audio-alsa.so", output->name);
    if (!output->wanted)
        ret = AVERROR(ENOSYS);
    if (ret >= 0)
        ret = open_device(output, output->wanted);
    if (ret >= 0)
        return 0;
    if (output->settings.kind != LIMEF_AUDIO_AUTO)
        return limef_fail(ret, output->name, "no sound device %s",
                          output->settings.device ? output->settings.device : "default");
    limef_log(LIMEF_LOG_INFO, output->name, "no sound device: nobody hears it");
    return open_device(output, &audio_device_null);
}

int limef_audio_output_start(struct limef_audio_output *output, const char *name,
                             struct limef_mixer *mixer,
                             const struct limef_audio_output_settings *settings)
{
    struct limef_thread_settings thread = {.name = name ? name : "audio",
                                           .priority = LIMEF_PRIORITY_AUDIO};
    int ret;

    if (settings)
        output->settings = *settings;
    output->name = thread.name;
    output->mixer = mixer;
    if (!output->settings.reopen_us)
        output->settings.reopen_us = DEFAULT_REOPEN_US;
    if (!output->settings.period_frames)
        output->settings.period_frames =
            (uint32_t)((uint64_t)mixer->settings.rate * DEFAULT_PERIOD_US / 1000000);
    if (output->settings.period_frames > LIMEF_AUDIO_MAX_PERIOD)
        output->settings.period_frames = LIMEF_AUDIO_MAX_PERIOD;
    ret = open_wanted(output);
    if (ret >= 0) {
        limef_thread_init(&output->thread, &output_ops, &thread);
        limef_thread_set_task(&output->thread, prepare, NULL);
        limef_mixer_set_running(mixer, true);
        ret = limef_thread_start(&output->thread);
    }
    if (ret < 0) {
        limef_mixer_set_running(mixer, false);
        limef_thread_clear(&output->thread);
        close_device(output);
        *output = (struct limef_audio_output){0};
    }
    return ret;
}

int limef_audio_output_stop(struct limef_audio_output *output, int64_t timeout_us)
{
    int ret = limef_thread_stop(&output->thread, timeout_us);

    if (ret < 0 || !output->mixer)
        return ret;
    limef_mixer_set_running(output->mixer, false);
    limef_thread_clear(&output->thread);
    close_device(output);
    *output = (struct limef_audio_output){0};
    return 0;
}

void limef_audio_output_get_counters(const struct limef_audio_output *output,
                                     struct limef_audio_output_counters *counters)
{
    *counters = (struct limef_audio_output_counters){
        .kind = LIMEF_COUNTED(output->kind),
        .period_frames = LIMEF_COUNTED(output->period_frames),
        .n_periods = LIMEF_COUNTED(output->n_periods),
        .n_underruns = LIMEF_COUNTED(output->n_underruns),
        .n_lost = LIMEF_COUNTED(output->n_lost),
        .n_reopened = LIMEF_COUNTED(output->n_reopened),
        .scheduled_as = (enum limef_scheduled)LIMEF_COUNTED(output->thread.scheduled_as),
        .mix_p50_us = limef_histogram_percentile_us(&output->mix, 0.5),
        .mix_p99_us = limef_histogram_percentile_us(&output->mix, 0.99),
    };
}
