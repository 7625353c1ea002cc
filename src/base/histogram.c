/* SPDX-License-Identifier: MIT */
#include <limef/base/histogram.h>

#include "base/hot.h"

/* Bucket 4*o + q holds [2^o * (4+q)/4, 2^o * (5+q)/4) us. */
static unsigned bucket_of(int64_t us)
{
    unsigned octave, quarter;

    if (us < 1)
        return 0;
    octave = 63 - (unsigned)__builtin_clzll((unsigned long long)us);
    quarter = octave >= 2 ? (unsigned)(us >> (octave - 2)) & 3 : (unsigned)(us << (2 - octave)) & 3;
    return octave * 4 + quarter < LIMEF_HISTOGRAM_N_BUCKETS ? octave * 4 + quarter
                                                            : LIMEF_HISTOGRAM_N_BUCKETS - 1;
}

static int64_t upper_edge_us(unsigned bucket)
{
    int64_t scaled = (int64_t)(5 + bucket % 4) << (bucket / 4);

    return (scaled + 3) / 4;
}

HOT void limef_histogram_add(struct limef_histogram *histogram, int64_t us)
{
    LIMEF_COUNT(histogram->n[bucket_of(us)], 1);
}

int64_t limef_histogram_percentile_us(const struct limef_histogram *histogram, double share)
{
    uint64_t total = 0, seen = 0;

    for (unsigned i = 0; i < LIMEF_HISTOGRAM_N_BUCKETS; i++)
        total += LIMEF_COUNTED(histogram->n[i]);
    for (unsigned i = 0; total && i < LIMEF_HISTOGRAM_N_BUCKETS; i++) {
        seen += LIMEF_COUNTED(histogram->n[i]);
        if ((double)seen >= share * (double)total && seen)
            return upper_edge_us(i);
    }
    return 0;
}
