/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A pool of payloads that libavcodec fills: AVPacket, AVFrame or
 * AVCodecParameters. A released payload comes back to its pool, emptied, and
 * is handed out again: in steady state nothing is allocated.
 *
 * The pool outlives its owner: after limef_pool_release() it goes when its last
 * payload is home, so that a picture on screen may outlive its decoder.
 */
#ifndef LIMEF_FRAME_POOL_H
#define LIMEF_FRAME_POOL_H

#include <limef/frame/frame.h>

LIMEF_BEGIN_DECLS

struct AVCodecParameters;
struct AVFrame;
struct AVPacket;
struct limef_pool;

/**
 * Makes an empty pool.
 *
 * @param frame_class  what its payloads hold: LIMEF_FRAME_PACKET an AVPacket,
 *                     LIMEF_FRAME_DECODED an AVFrame, LIMEF_FRAME_CODEC an
 *                     AVCodecParameters.
 * @return the pool, owned by the caller until limef_pool_release(); NULL when
 *         there is no memory (not logged).
 * Thread: any
 */
LIMEF_API struct limef_pool *limef_pool_create(enum limef_frame_class frame_class);

/**
 * Lets go of the pool.
 *
 * @param pool  NULL does nothing.
 * Thread: the pool's owner
 */
LIMEF_API void limef_pool_release(struct limef_pool *pool);

/**
 * Takes an empty payload out of the pool, or a new one if none is home.
 *
 * @return a payload with one reference, the caller's; NULL when there is no memory (not logged).
 * Thread: the pool's owner
 */
LIMEF_API struct limef_payload *limef_pool_get(struct limef_pool *pool);

/**
 * How many payloads the pool has made so far.
 *
 * Thread: any
 */
LIMEF_API unsigned limef_pool_n_made(const struct limef_pool *pool);

/**
 * How many payloads are out at this moment.
 *
 * Thread: any
 */
LIMEF_API unsigned limef_pool_n_out(const struct limef_pool *pool);

/**
 * What a payload of a pool holds. To be written only by the one who took it
 * from the pool, before the first other reference to it is made.
 *
 * @return borrowed from the payload.
 * Thread: any
 */
LIMEF_API struct AVPacket *limef_payload_packet(struct limef_payload *payload);
/** @copydoc limef_payload_packet */
LIMEF_API struct AVFrame *limef_payload_picture(struct limef_payload *payload);
/** @copydoc limef_payload_packet */
LIMEF_API struct AVCodecParameters *limef_payload_codec(struct limef_payload *payload);

LIMEF_END_DECLS

#endif
