/* SPDX-License-Identifier: MIT */
/*
 * What an output's files share: the audio thread (output.c), and the thread that closes a lost
 * device and opens it again (output_reopen.c), since a sound server may let either wait for long.
 */
#ifndef LIMEF_SRC_AUDIO_OUTPUT_PRIVATE_H
#define LIMEF_SRC_AUDIO_OUTPUT_PRIVATE_H

#include "audio/device.h"

#include <limef/audio/output.h>

/* Opens a device with the output's settings. Returns 0, and the device; or a negative code. */
int audio_output_open(const struct limef_audio_output *output, const struct audio_device_ops *ops,
                      struct audio_device **device);

/* What plays now, for whoever asks. The thread that has the mixer. */
void audio_output_tell(struct limef_audio_output *output, const struct audio_device *device);

/* Starts the thread that waits for a device to be lost. Returns 0, or a negative code, logged. The
 * controlling thread, ahead of the audio thread. */
int audio_output_reopen_start(struct limef_audio_output *output);

/* Has a device that was lost closed, and opened again as soon as that is possible; it is the other
 * thread's then. The audio thread, which allocates nothing for it and waits for nobody. */
void audio_output_reopen(struct limef_audio_output *output, struct audio_device *broken, int code);

/* The device that was opened, or NULL: none yet. The audio thread. */
struct audio_device *audio_output_take_reopened(struct limef_audio_output *output);

/*
 * Around each call of a device's: one that does not return leaves the mixer to the other thread,
 * which has the stand-in play meanwhile. audio_output_leave() returns whether it is this thread's
 * still; if not it waits until it is again, and the device counts as lost. The audio thread.
 */
void audio_output_enter(struct limef_audio_output *output);
bool audio_output_leave(struct limef_audio_output *output);

/* Ends it; nothing that it has is open afterwards. Returns 0, or AVERROR(ETIMEDOUT): it hangs in
 * the device. The controlling thread, behind the audio thread's end. */
int audio_output_reopen_stop(struct limef_audio_output *output, int64_t timeout_us);

#endif
