/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A callback of the application's that has to be given sound when a device wants it: that of
 * PortAudio, JACK or SDL, or the thread of a codec's interrupt. An audio output's thread mixes
 * ahead into a ring, the callback takes from it, and neither waits for the other.
 *
 *     limef_audio_callback_init(&callback, samples, n_frames, NULL);
 *     settings = {.kind = LIMEF_AUDIO_CALLBACK, .callback = &callback};
 *     limef_audio_output_start(&output, NULL, &mixer, &settings);
 *     limef_audio_callback_read(&callback, frames, n, heard_us);    in the callback, each time
 *
 * doc/audio.md
 */
#ifndef LIMEF_AUDIO_CALLBACK_H
#define LIMEF_AUDIO_CALLBACK_H

#include <limef/base/clock.h>
#include <limef/fifo/sample_ring.h>
#include <limef/fifo/snapshot.h>

LIMEF_BEGIN_DECLS

/** All-zero is sane. */
struct limef_audio_callback_settings {
    uint32_t rate;        /**< of what it takes, Hz; what is mixed is resampled if that is not the
                               mixer's. 0: 48000 */
    uint32_t n_channels;  /**< the mixer's; 0: 2 */
    uint32_t call_frames; /**< that a call takes at most; 0: what the largest call took so far */
};

/** What a call of it said: when it wants more, and when that is heard. */
struct limef_audio_call {
    uint64_t position; /**< in the ring, of the frame that is taken next */
    int64_t due_us;    /**< when that is expected to be taken; 0: there was no call yet */
    int64_t heard_us;  /**< when it is heard then */
};

/** Memory of one. All-zero and limef_audio_callback_init(). */
struct limef_audio_callback {
    struct limef_audio_callback_settings settings;
    struct limef_sample_ring ring; /**< the output's thread writes, the callback reads */

    int64_t due_us; /**< the callback's: when it is to come next, by how it came so far */

    /* the callback; the output's thread reads */
    struct limef_snapshot call;         /**< struct limef_audio_call, of the latest one */
    LIMEF_ATOMIC(uint32_t) call_frames; /**< of the largest one; relaxed */

    /* the output's thread; the callback reads, relaxed */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t) n_most; /**< if more frames wait it was away: n_kept of them stay */
    LIMEF_ATOMIC(uint32_t) n_kept;
};

/**
 * Prepares one, and its ring.
 *
 * @param callback  written; must be all-zero.
 * @param samples   n_frames * n_channels floats; borrowed; must outlive it.
 * @param n_frames  a power of two, 512 or more, and four times what a call takes.
 * @param settings  copied; NULL: the defaults.
 * @return 0, or AVERROR(EINVAL) (logged).
 * Thread: the controlling one
 */
LIMEF_API int limef_audio_callback_init(struct limef_audio_callback *callback, float *samples,
                                        unsigned n_frames,
                                        const struct limef_audio_callback_settings *settings);

/**
 * Takes what is to be played next, and silence where there is too little, which counts as an
 * underrun, also of the output. It may be called before the output starts and after it has stopped.
 * Counted are all in limef_sample_ring_get_counters() of its ring: underruns, silence, and what was
 * dropped and skipped since nobody came for it.
 *
 * @param frames    written: n_frames frames, channels interleaved.
 * @param heard_us  when the first of them is heard, on limef_now_us()'s clock; LIMEF_NO_TIME: not
 *                  known, and taken to be once as many frames were played.
 * @return how many of them were mixed.
 * Thread: the callback's. Wait-free: no lock, no allocation, no system call
 */
LIMEF_API unsigned limef_audio_callback_read(struct limef_audio_callback *callback, float *frames,
                                             unsigned n_frames, int64_t heard_us);

LIMEF_END_DECLS

#endif
