/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Writes what a mixer plays into a WAV file: a reader of its broadcast ring on a thread
 * of its own, so that a slow disk disturbs nobody. What it missed is silence in the file,
 * and counted, so that the file stays as long as the sound was. 32 bit floats, as they were
 * mixed. The sizes in its header are written once a second, so that it can be read if the
 * process is killed; a file beyond 4 GiB, three hours of stereo, becomes RF64. (RFC 2361;
 * Microsoft, Multiple Channel Audio Data and WAVE Files; EBU Tech 3306.)
 */
#ifndef LIMEF_AUDIO_RECORDER_H
#define LIMEF_AUDIO_RECORDER_H

#include <limef/fifo/broadcast_ring.h>
#include <limef/thread/thread.h>

#include <stdio.h>

LIMEF_BEGIN_DECLS

/** Memory of a recorder. All-zero and limef_audio_recorder_start(). */
struct limef_audio_recorder {
    struct limef_thread thread;

    /* the thread; the controlling one while it does not run */
    struct limef_broadcast_reader reader;
    FILE *file;
    const char *path; /**< borrowed */
    uint32_t rate;
    bool failed;                     /**< nothing more is written; said once */
    uint64_t n_told;                 /**< frames that the header speaks of */
    uint64_t n_missed;               /**< of the reader's, as far as silence was written for it;
                                          stays when it is stopped */
    LIMEF_ATOMIC(uint64_t) n_frames; /**< in the file; any reads */
};

/**
 * Begins a file with what is written into the ring from now on.
 *
 * @param recorder  written; must be all-zero, or stopped.
 * @param path      borrowed; must outlive the recorder. What is there is overwritten.
 * @param ring      borrowed likewise.
 * @param rate      frames a second.
 * @return 0, or what the system said (logged); all-zero then.
 * Thread: the controlling one
 */
LIMEF_API int limef_audio_recorder_start(struct limef_audio_recorder *recorder, const char *path,
                                         const struct limef_broadcast_ring *ring, uint32_t rate);

/**
 * Writes what is in the ring, and completes the file; all-zero afterwards but for n_missed.
 *
 * @return 0, also if it was not started; AVERROR(EIO): something could not be written (logged when
 *         it happened); AVERROR(ETIMEDOUT): the disk hangs, nothing may be freed; call again.
 * Thread: the controlling one
 */
LIMEF_API int limef_audio_recorder_stop(struct limef_audio_recorder *recorder, int64_t timeout_us);

LIMEF_END_DECLS

#endif
