/* SPDX-License-Identifier: MIT */
/* What clocked_pcm.c was given. */
#ifndef LIMEF_TEST_AUDIO_CLOCKED_PCM_H
#define LIMEF_TEST_AUDIO_CLOCKED_PCM_H

#include <stdatomic.h>

struct limef_test_card {
    atomic_uint n_frames;
    atomic_uint most_waiting; /* frames in it, right after some were written */
    atomic_int loudest;       /* sample of its first two channels, of 32767 */
    atomic_int loudest_of_others;
    atomic_uint n_rises;               /* times that its first channel became positive */
    atomic_uint first_rise, last_rise; /* frames before those */
    atomic_uint n_dry;                 /* times it ran dry */
    atomic_uint n_opened;              /* times that it was tried */
    atomic_uint n_resumed;             /* times that it was asked to go on after it was suspended */
};

#endif
