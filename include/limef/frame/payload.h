/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A payload is what a frame refers to and several frames may share: an encoded
 * packet, a picture, a GPU surface, a block of samples. It counts its
 * references; the last one out releases it. Taking a reference allocates
 * nothing and copies nothing.
 */
#ifndef LIMEF_FRAME_PAYLOAD_H
#define LIMEF_FRAME_PAYLOAD_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/**
 * The counted part; embed it in whatever holds the bytes.
 *
 * What a payload holds does not change while more than one reference exists.
 */
struct limef_payload {
    /** Written by any thread; the release of the last reference pairs with every earlier unref. */
    LIMEF_ATOMIC(uint32_t) n_refs;
    /** Called once, when the last reference is gone, on the thread that dropped it. */
    void (*release)(struct limef_payload *payload);
};

/**
 * Starts counting at one reference, the caller's.
 *
 * @param release  frees or recycles the object around the payload. Any thread.
 * Thread: any
 */
LIMEF_API void limef_payload_init(struct limef_payload *payload,
                                  void (*release)(struct limef_payload *payload));

/**
 * Takes one more reference. Wait-free.
 *
 * @param payload  NULL is returned as NULL.
 * @return payload, now also the caller's.
 * Thread: any
 */
LIMEF_API struct limef_payload *limef_payload_ref(struct limef_payload *payload);

/**
 * Gives one reference back, and releases the payload if it was the last.
 *
 * @param payload  NULL does nothing.
 * Thread: any
 */
LIMEF_API void limef_payload_unref(struct limef_payload *payload);

LIMEF_END_DECLS

#endif
