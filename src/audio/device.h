/* SPDX-License-Identifier: MIT */
/*
 * What an audio output plays on: takes a period of frames whenever there is room, and says when
 * they will be heard. One thread uses a device.
 */
#ifndef LIMEF_SRC_AUDIO_DEVICE_H
#define LIMEF_SRC_AUDIO_DEVICE_H

#include <limef/base/api.h>

/* Of a module: a struct audio_device_ops of this name, and of this shape. */
#define AUDIO_MODULE_SYMBOL "limef_audio_module"
#define AUDIO_ABI 4

struct limef_audio_callback;

struct audio_device_settings {
    const char *device;     /* the kind's own name of it; NULL: the usual one */
    uint32_t rate;          /* changed to what the device has */
    uint32_t n_channels;    /* of what it is given */
    uint32_t period_frames; /* changed to what the device has, at its rate */
    uint32_t spare_frames;  /* so many more than half a period wait in it when one is mixed */
    const char *name;       /* for logs */
    struct limef_audio_callback *callback; /* of an output that is one */
};

/* The base of every device. */
struct audio_device {
    const struct audio_device_ops *ops;
    struct audio_device_settings settings;
    struct audio_device *below; /* what plays what this one makes of its frames; NULL: itself */
    int64_t dry_us; /* its thread's: when it runs dry, of the latest wait that returned 0 */
    LIMEF_ATOMIC(uint64_t)
    n_underruns; /* times it ran dry or was suspended; any reads */
};

struct audio_device_ops {
    const char *kind;
    unsigned abi;
    /* Returns 0, and the device, the caller's until close; or a negative AVERROR code. */
    int (*open)(struct audio_device **device, const struct audio_device_settings *settings);
    /*
     * Waits until a period fits, or until deadline_us.
     *
     * heard_us  written: when the first frame that is written next will be heard.
     * Returns 0; AVERROR(EAGAIN): none fits yet; AVERROR(ENODEV) or another one: the device is
     * lost.
     */
    int (*wait)(struct audio_device *device, int64_t deadline_us, int64_t *heard_us);
    /* Takes settings.period_frames frames at most. Returns 0, or a negative code: it is lost. */
    int (*write)(struct audio_device *device, const float *frames, unsigned n_frames);
    void (*close)(struct audio_device *device);
};

/* Keeps the time, and plays nothing. */
extern const struct audio_device_ops audio_device_null;

/* Is pulled by the application. */
extern const struct audio_device_ops audio_device_callback;

/* Has the time of a null device begin anew, and its counter. Its thread, or before that. */
void audio_device_null_begin(struct audio_device *device);

/*
 * Puts a device of another rate below one that takes frames of this rate and resamples them, most
 * of them at once; that is in its place then. Returns 0; AVERROR(ENOMEM) or another one: it is
 * closed. What resampling takes is allocated here.
 */
int audio_device_resample(struct audio_device **device, uint32_t rate, uint32_t most_frames);

/* Sleeps until a moment on limef_now_us()'s clock. */
void audio_sleep_until(int64_t until_us);

#endif
