/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An audio output: a real-time thread that has a mixer make a period of sound whenever
 * the device has room for it. A device that cannot be opened or goes away is reported,
 * and its place is taken by one with a clock and without a sound, so that pictures go on
 * in time; the lost one is tried again. doc/audio.md
 */
#ifndef LIMEF_AUDIO_OUTPUT_H
#define LIMEF_AUDIO_OUTPUT_H

#include <limef/audio/callback.h>
#include <limef/audio/mixer.h>
#include <limef/base/histogram.h>
#include <limef/thread/thread.h>

LIMEF_BEGIN_DECLS

struct audio_device;
struct audio_device_ops;

/** Frames of a period at most. */
#define LIMEF_AUDIO_MAX_PERIOD 8192

/** Where sound goes. */
enum limef_audio_output_kind {
    LIMEF_AUDIO_AUTO, /**< ALSA as soon as it can be opened, until then nobody */
    LIMEF_AUDIO_ALSA,
    LIMEF_AUDIO_NULL,     /**< to nobody, in time */
    LIMEF_AUDIO_CALLBACK, /**< to a callback of the application's, that takes it from a ring */
};

/** All-zero is sane. */
struct limef_audio_output_settings {
    enum limef_audio_output_kind kind;
    const char *device;     /**< ALSA's name, "hw:0"; borrowed; must outlive the output. NULL:
                                 "default" */
    uint32_t period_frames; /**< wanted; 0: 5 ms */
    int64_t reopen_us;      /**< how long between two tries to open a device that is not there; 0:
                                 2 s */
    int64_t patience_us;    /**< so much more sound waits in the device, and so long a period waits
                                 for an input that is late, before that runs dry: 0 (none) to 1 s;
                                 meanwhile the thread sleeps, and looks every half millisecond */
    struct limef_audio_callback *callback; /**< of LIMEF_AUDIO_CALLBACK; borrowed; must outlive the
                                                output */
};

/** What an output has done so far. */
struct limef_audio_output_counters {
    const char *kind;       /**< what plays at the moment: "alsa", "null", "callback"; lives
                                 forever */
    uint32_t period_frames; /**< that are mixed at a time */
    uint32_t device_rate;   /**< of the device, Hz; what is mixed is resampled if it is not the
                                 mixer's */
    uint64_t n_periods;     /**< mixed and written */
    uint64_t n_underruns;   /**< times a device ran dry, or was suspended */
    uint64_t n_lost;        /**< times a device went away; one whose call hangs counts when that
                                 returns */
    uint64_t n_reopened;    /**< times it came back, or came at all */
    enum limef_scheduled scheduled_as; /**< what the thread got */
    uint64_t n_late;                   /**< periods that waited for an input */
    int64_t delay_us;                  /**< from mixing the latest period until it is heard */
    int64_t mix_p50_us; /**< what a period took to be mixed; a quarter too large at most */
    int64_t mix_p99_us;
};

/** Memory of an output. All-zero and limef_audio_output_start(). */
struct limef_audio_output {
    struct limef_thread thread;
    struct limef_audio_output_settings settings;
    struct limef_mixer *mixer; /**< borrowed */
    const char *name;

    /* the thread; the controlling one while it does not run */
    const struct audio_device_ops *wanted; /**< the kind that was asked for */
    struct audio_device *device;
    struct audio_device *stand_in; /**< for a lost one; NULL: none can be lost */
    int64_t waited_us;             /**< for the device, since it took a period */
    bool is_late;                  /**< the next period waits for an input */
    float block[LIMEF_AUDIO_MAX_PERIOD * LIMEF_MIXER_MAX_CHANNELS];
    uint64_t underruns_before; /**< of devices that are closed */

    /* a thread that closes a lost device and opens it again */
    struct limef_thread reopener;
    bool is_lost;      /**< it tries to open it */
    int64_t reopen_us; /**< when it tries next */
    bool stands_in;    /**< it mixes, since a call of the device's does not return */
    int64_t look_us;   /**< when it looks next whether the device's calls return */
    uint64_t n_seen;   /**< of n_calls, when it last looked */
    unsigned n_still;  /**< looks since that changed */
    float stand_in_block[LIMEF_AUDIO_MAX_PERIOD * LIMEF_MIXER_MAX_CHANNELS];

    /* between these two */
    int lost_by;                                  /**< why broken was lost; before that */
    LIMEF_ATOMIC(struct audio_device *) broken;   /**< seq_cst; the reopener takes it */
    LIMEF_ATOMIC(struct audio_device *) reopened; /**< release; the audio thread takes it */
    LIMEF_ATOMIC(uint32_t) awake;                 /**< what the reopener sleeps on; seq_cst */
    LIMEF_ATOMIC(uint32_t) mixes;   /**< which of them has the mixer; release, pairs with acquire */
    LIMEF_ATOMIC(bool) returned;    /**< the device's call did; release, the reopener takes it */
    LIMEF_ATOMIC(uint64_t) n_calls; /**< of the device's that returned; relaxed */

    /* any reads */
    LIMEF_ATOMIC(const char *) kind;
    LIMEF_ATOMIC(uint32_t) period_frames, device_rate;
    LIMEF_ATOMIC(uint64_t) n_periods, n_underruns, n_lost, n_reopened, n_late;
    LIMEF_ATOMIC(int64_t) delay_us;
    struct limef_histogram mix;
};

/**
 * Opens the device and starts to play.
 *
 * @param output    written; must be all-zero.
 * @param name      of the thread; borrowed. NULL: "audio".
 * @param mixer     what it plays; borrowed; must outlive the output.
 * @param settings  copied; NULL: the defaults.
 * @return 0; AVERROR(ENODEV) or another one: LIMEF_AUDIO_ALSA, and it cannot be opened, or this
 *         build has none; AVERROR(EINVAL): LIMEF_AUDIO_CALLBACK, and there is none, or of another
 *         number of channels; AVERROR(ENOMEM). Logged; all is as before then.
 * Thread: the controlling one
 */
LIMEF_API int limef_audio_output_start(struct limef_audio_output *output, const char *name,
                                       struct limef_mixer *mixer,
                                       const struct limef_audio_output_settings *settings);

/**
 * Stops playing and closes the device; all-zero afterwards.
 *
 * @return 0, also if it does not play; AVERROR(ETIMEDOUT): a thread hangs in the device, nothing
 *         may be freed; call again.
 * Thread: the controlling one
 */
LIMEF_API int limef_audio_output_stop(struct limef_audio_output *output, int64_t timeout_us);

/** Reads the counters. @param counters  written. Thread: any, while the output is started */
LIMEF_API void limef_audio_output_get_counters(const struct limef_audio_output *output,
                                               struct limef_audio_output_counters *counters);

LIMEF_END_DECLS

#endif
