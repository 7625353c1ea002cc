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

/* Begins to close output->broken and to try again, until there is a device. Does nothing while that
 * goes on. The audio thread. */
void audio_output_reopen(struct limef_audio_output *output);

/* The device that was opened, or NULL: none yet. The audio thread. */
struct audio_device *audio_output_take_reopened(struct limef_audio_output *output);

/* Ends it; nothing is open afterwards. Returns 0, or AVERROR(ETIMEDOUT): it hangs in the device.
 * The controlling thread, behind the audio thread's end. */
int audio_output_reopen_stop(struct limef_audio_output *output, int64_t timeout_us);

#endif
