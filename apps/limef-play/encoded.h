/* SPDX-License-Identifier: MIT */
/*
 * What is heard, encoded: into a file, or to an Icecast server. A thread of its own reads it from
 * the mixer's broadcast ring.
 *
 *     ring source - encode - writer or shout
 */
#ifndef LIMEF_PLAY_ENCODED_H
#define LIMEF_PLAY_ENCODED_H

#include "options.h"

#include <limef/filter/encode.h>
#include <limef/filter/ring_source.h>
#include <limef/filter/shout.h>
#include <limef/filter/writer.h>

struct play_encoded {
    bool on; /* else all the rest is empty */
    bool ended;
    int ret; /* of its end */
    struct limef_ring_source source;
    struct limef_encode_filter encode;
    struct limef_writer_filter writer; /* one of these two is all-zero */
    struct limef_shout_filter shout;
    struct limef_producer thread;
};

/*
 * Begins a file, AAC or Opus by the end of its name, with what is written into the ring from now
 * on.
 *
 * path, ring  borrowed; must outlive it.
 * Returns 0, or a negative AVERROR code, logged; play_encoded_clear() then.
 */
int play_encoded_record(struct play_encoded *encoded, const char *path,
                        const struct limef_broadcast_ring *ring, uint32_t rate);

/* Likewise, to the icecast:// of the options. The password may be in the environment:
 * LIMEF_ICECAST_PASSWORD. */
int play_encoded_stream(struct play_encoded *encoded, const struct play_options *options,
                        const struct limef_broadcast_ring *ring, uint32_t rate);

/* Takes what is in the ring, and completes the file. Returns 0, also if it is not on; AVERROR(EIO):
 * not all could be written; AVERROR(ETIMEDOUT): its thread is stuck. */
int play_encoded_stop(struct play_encoded *encoded, int64_t timeout_us);

void play_encoded_clear(struct play_encoded *encoded);

#endif
