/* SPDX-License-Identifier: MIT */
#include <limef/filter/decode.h>

#include "filter/decode_private.h"
#include "filter/filter_counts.h"

#include <limef/frame/pool.h>

void limef_decode_get_counters(const struct limef_decode_filter *decode,
                               struct limef_decode_counters *counters)
{
    *counters = (struct limef_decode_counters){
        .n_packets = LIMEF_COUNTED(decode->n_packets),
        .n_frames = LIMEF_COUNTED(decode->n_decoded),
        .n_corrupt = LIMEF_COUNTED(decode->n_corrupt),
        .n_errors = LIMEF_COUNTED(decode->n_errors),
        .n_dropped_seek = LIMEF_COUNTED(decode->n_dropped_seek),
        .n_dropped_burst = LIMEF_COUNTED(decode->n_dropped_burst),
        .n_dropped_leading = LIMEF_COUNTED(decode->n_dropped_leading),
        .n_backward = LIMEF_COUNTED(decode->n_backward),
        .n_cuts = LIMEF_COUNTED(decode->n_cuts),
        .n_codec_changes = LIMEF_COUNTED(decode->n_codec_changes),
        .n_without_threads = LIMEF_COUNTED(decode->n_without_threads),
        .n_lent_buffers = LIMEF_COUNTED(decode->n_lent_buffers),
        .n_ordinary_buffers = LIMEF_COUNTED(decode->n_ordinary_buffers),
        .ordinary_why = LIMEF_COUNTED(decode->ordinary_why),
        .last_frame_us = LIMEF_COUNTED(decode->last_frame_us),
        .n_ignored = LIMEF_COUNTED(decode->n_ignored),
        .n_pool = decode->pictures ? limef_pool_n_made(decode->pictures) : 0,
        .n_pool_used = decode->pictures ? limef_pool_n_out(decode->pictures) : 0,
    };
}

void limef_decode_get_hardware_counters(const struct limef_decode_filter *decode,
                                        struct limef_decode_hardware_counters *counters)
{
    *counters = (struct limef_decode_hardware_counters){
        .with = LIMEF_COUNTED(decode->with),
        .n_frames = LIMEF_COUNTED(decode->n_hardware),
        .n_failures = LIMEF_COUNTED(decode->n_failures),
        .n_skipped = LIMEF_COUNTED(decode->n_skipped),
        .n_unproved = LIMEF_COUNTED(decode->n_unproved),
        .unproved_why = LIMEF_COUNTED(decode->unproved_why),
        .n_copied = LIMEF_COUNTED(decode->n_copied),
        .copied_bytes = LIMEF_COUNTED(decode->out_bytes),
        .last_error = LIMEF_COUNTED(decode->last_error),
    };
    for (int i = 0; i < 4; i++)
        counters->n_steps[i] = LIMEF_COUNTED(decode->n_steps[i]);
}

unsigned decode_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_decode_filter *decode =
        LIMEF_CONTAINER_OF(filter, const struct limef_decode_filter, filter);
    const struct limef_filter_count now[] = {
        {"dropped_seek", LIMEF_COUNTED(decode->n_dropped_seek)},
        {"dropped_burst", LIMEF_COUNTED(decode->n_dropped_burst)},
        {"dropped_leading", LIMEF_COUNTED(decode->n_dropped_leading)},
        {"backward", LIMEF_COUNTED(decode->n_backward)},
        {"cuts", LIMEF_COUNTED(decode->n_cuts)},
        {"codec_changes", LIMEF_COUNTED(decode->n_codec_changes)},
        {"without_threads", LIMEF_COUNTED(decode->n_without_threads)},
        {"hardware_failures", LIMEF_COUNTED(decode->n_failures)},
        {"hardware_skipped", LIMEF_COUNTED(decode->n_skipped)},
        {"hardware_unproved", LIMEF_COUNTED(decode->n_unproved)},
        {"hardware_copied", LIMEF_COUNTED(decode->n_copied)},
    };

    return filter_counts(counts, now, sizeof(now));
}
