/* SPDX-License-Identifier: MIT */
/* Of a burst, which is older than now on purpose, the newest picture alone is passed on. */
#include "filter/decode_private.h"

void decode_forget_burst(struct limef_decode_filter *decode)
{
    LIMEF_COUNT(decode->n_dropped_burst, decode->burst.av != NULL);
    limef_payload_unref(decode->burst.frame.payload);
    decode->burst = (struct limef_decoded_frame){.av = NULL};
}

int decode_hold_burst(struct limef_decode_filter *decode)
{
    if (decode->out.frame.media != LIMEF_MEDIA_VIDEO) {
        LIMEF_COUNT(decode->n_dropped_burst, 1);
        return 0;
    }
    decode_forget_burst(decode);
    decode->burst = decode->out;
    decode->out.frame.payload = NULL;
    return 0;
}

/* What a decoder that reorders or delays still has of the burst comes later. */
int decode_end_burst(struct limef_decode_filter *decode, int ret, uint64_t n_passed)
{
    int ended;

    if (LIMEF_COUNTED(decode->n_decoded) != n_passed) { /* a newer one was */
        decode_forget_burst(decode);
        return ret;
    }
    limef_payload_unref(decode->out.frame.payload);
    decode->out = decode->burst;
    decode->out.frame.flags &= ~(uint32_t)LIMEF_FRAME_BURST;
    decode->burst = (struct limef_decoded_frame){.av = NULL};
    LIMEF_COUNT(decode->n_decoded, 1);
    atomic_store_explicit(&decode->last_frame_us, limef_now_us(), memory_order_relaxed);
    ended = limef_pass(&decode->filter, &decode->out.frame);
    return ended < 0 ? ended : ret;
}
