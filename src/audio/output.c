/* SPDX-License-Identifier: MIT */
#include "audio/output_private.h"

#include "audio/device_module.h"
#include "audio/flush_denormals.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>

#define DEFAULT_PERIOD_US 5000
#define DEFAULT_REOPEN_US 2000000
/* How long a device may keep the thread waiting before it is asked anew, and a stop is seen. */
#define WAIT_US 100000
/* A device that takes nothing for so long, and for so many periods, does not play any more. */
#define STUCK_US 1000000
#define STUCK_PERIODS 4
/* How soon a thread that cannot be made is tried again. */
#define AGAIN_US 1000000

static struct limef_audio_output *output_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct limef_audio_output, thread);
}

int audio_output_open(const struct limef_audio_output *output, const struct audio_device_ops *ops,
                      struct audio_device **device)
{
    struct audio_device_settings settings = {
        .device = output->settings.device,
        .rate = output->mixer->settings.rate,
        .n_channels = output->mixer->settings.n_channels,
        .period_frames = output->settings.period_frames,
        .name = output->name,
    };

    return ops->open(device, &settings);
}

static void use_device(struct limef_audio_output *output, struct audio_device *device)
{
    output->device = device;
    output->waited_us = 0;
    atomic_store_explicit(&output->kind, device->ops->kind, memory_order_relaxed);
    atomic_store_explicit(&output->period_frames, device->settings.period_frames,
                          memory_order_relaxed);
}

static int open_device(struct limef_audio_output *output, const struct audio_device_ops *ops)
{
    struct audio_device *device;
    int ret = audio_output_open(output, ops, &device);

    if (ret >= 0)
        use_device(output, device);
    return ret;
}

/* Takes its device away; it is the caller's. */
static struct audio_device *leave_device(struct limef_audio_output *output)
{
    struct audio_device *device = output->device;

    if (device)
        output->underruns_before += LIMEF_COUNTED(device->n_underruns);
    output->device = NULL;
    return device;
}

static void close_device(struct limef_audio_output *output)
{
    struct audio_device *device = leave_device(output);

    if (device)
        device->ops->close(device);
}

/* The device is gone: one without sound keeps the time, until it comes back. */
static int lose_device(struct limef_audio_output *output, int code)
{
    limef_fail(code, output->name, "the sound device is lost; it goes on without sound");
    LIMEF_COUNT(output->n_lost, 1);
    output->broken = leave_device(output);
    output->lost = true;
    output->reopen_us = 0;
    return open_device(output, &audio_device_null);
}

/* Of a lost device: whether it came back. */
static void look_for_device(struct limef_audio_output *output, int64_t now_us)
{
    struct audio_device *device = audio_output_take_reopened(output);

    if (device) {
        close_device(output);
        use_device(output, device);
        output->lost = false;
        LIMEF_COUNT(output->n_reopened, 1);
        limef_log(LIMEF_LOG_WARNING, output->name, "the sound device is back");
    } else if (!output->is_reopening && now_us >= output->try_us) {
        output->try_us = now_us + AGAIN_US;
        audio_output_reopen(output);
    }
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

/* Time in which the process itself was stopped is not the device's: a step waits no longer than
 * WAIT_US. */
static bool is_stuck(struct limef_audio_output *output, int64_t begun_us)
{
    const struct audio_device_settings *device = &output->device->settings;
    int64_t period_us = (int64_t)device->period_frames * 1000000 / device->rate;

    output->waited_us += FFMIN(limef_now_us() - begun_us, WAIT_US);
    return output->waited_us > FFMAX(STUCK_US, STUCK_PERIODS * period_us);
}

static int output_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_audio_output *output = output_of(thread);
    int64_t now_us = limef_now_us(), heard_us;
    int ret;

    if (!output->device)
        return AVERROR_EXIT;
    if (output->lost)
        look_for_device(output, now_us);
    ret =
        output->device->ops->wait(output->device, FFMIN(deadline_us, now_us + WAIT_US), &heard_us);
    if (ret >= 0) {
        output->waited_us = 0;
        ret = play_period(output, heard_us);
    } else if (ret == AVERROR(EAGAIN) && is_stuck(output, now_us)) {
        ret = AVERROR(ETIMEDOUT);
    }
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

    if (ret >= 0)
        ret = audio_output_reopen_stop(output, timeout_us);
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
