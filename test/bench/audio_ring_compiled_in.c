/* SPDX-License-Identifier: MIT */
/* limef's sample ring compiled into the program, as a ring that is a header would be: under other
 * names, beside that of the library. */
#define limef_sample_ring_init compiled_in_init
#define limef_sample_ring_write compiled_in_write
#define limef_sample_ring_write_begin compiled_in_write_begin
#define limef_sample_ring_write_end compiled_in_write_end
#define limef_sample_ring_room compiled_in_room
#define limef_sample_ring_read compiled_in_read
#define limef_sample_ring_read_begin compiled_in_read_begin
#define limef_sample_ring_read_end compiled_in_read_end
#define limef_sample_ring_count_silence compiled_in_count_silence
#define limef_sample_ring_skip compiled_in_skip
#define limef_sample_ring_skip_to compiled_in_skip_to
#define limef_sample_ring_fill compiled_in_fill
#define limef_sample_ring_get_counters compiled_in_get_counters

#include "fifo/sample_ring.c" /* NOLINT(bugprone-suspicious-include) */

#include "audio_peers.h"

void audio_write_compiled_in(void *ring, const float *block)
{
    limef_sample_ring_write(ring, block, AUDIO_BLOCK_FRAMES);
}

bool audio_read_compiled_in(void *ring, float *block)
{
    return limef_sample_ring_read(ring, block, AUDIO_BLOCK_FRAMES) == AUDIO_BLOCK_FRAMES;
}
