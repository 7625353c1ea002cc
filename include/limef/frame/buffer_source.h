/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Who lends memory for decoded pictures: a presenter whose GPU reads what the
 * decoder writes (limef_presenter_get_buffers()), or an application with memory
 * of its own. limef_decode_settings.buffers takes one.
 *
 * It is counted, so that it may go away before or after those who use it; what
 * it lent is counted by itself (AVBufferRef) and stays valid as long.
 */
#ifndef LIMEF_FRAME_BUFFER_SOURCE_H
#define LIMEF_FRAME_BUFFER_SOURCE_H

#include <limef/frame/payload.h>

LIMEF_BEGIN_DECLS

struct AVBufferRef;

/** Alignment of the memory that is lent, and of the rows in it where nobody wants more. */
#define LIMEF_BUFFER_ALIGN_BYTES 64

/** Embed it in what has the memory. */
struct limef_buffer_source {
    struct limef_payload users; /**< limef_payload_ref() to keep the source */
    /**
     * What rows in the memory shall be whole multiples of, bytes: as whoever reads it wants, a GPU.
     * A power of two; LIMEF_BUFFER_ALIGN_BYTES or less, as 0, change nothing. Written by the source,
     * read by any thread; a decoder keeps to what it finds when it lays out its first picture.
     */
    LIMEF_ATOMIC(uint32_t) row_align_bytes;
    /**
     * Lends memory: aligned to LIMEF_BUFFER_ALIGN_BYTES, at least `bytes` long, to be written and
     * read, with what some earlier picture left in it. Never waits for a picture to be let go of;
     * memory may be made meanwhile. Any thread, several at once.
     *
     * @param why  written if there is none: the reason, lives forever.
     * @return a reference, the caller's; NULL: none now, use ordinary memory.
     */
    struct AVBufferRef *(*get)(struct limef_buffer_source *source, size_t bytes, const char **why);
};

LIMEF_END_DECLS

#endif
