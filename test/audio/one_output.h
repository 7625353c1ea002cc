/* SPDX-License-Identifier: MIT */
/* The output of a test that has one. */
#ifndef LIMEF_TEST_AUDIO_ONE_OUTPUT_H
#define LIMEF_TEST_AUDIO_ONE_OUTPUT_H

#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct limef_audio_output output;

static inline struct limef_audio_output_counters counters(void)
{
    struct limef_audio_output_counters counters;

    limef_audio_output_get_counters(&output, &counters);
    return counters;
}

static inline void stop(void)
{
    cr_assert(zero(int, limef_audio_output_stop(&output, TOO_LONG_US)));
}

#endif
