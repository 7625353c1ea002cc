/* SPDX-License-Identifier: MIT */
/* Makes frames for tests. */
#ifndef LIMEF_TEST_SUPPORT_FRAMES_H
#define LIMEF_TEST_SUPPORT_FRAMES_H

#include <limef/frame/any.h>
#include <limef/frame/pool.h>

struct AVFrame;

/* A video packet of a few bytes that nobody counts; dts is pts. */
struct limef_packet_frame make_packet(int64_t pts_us, uint32_t flags);

/* The same of an audio track. */
struct limef_packet_frame make_audio_packet(int64_t pts_us);

/* A video frame that describes a picture (or NULL) that nobody counts. */
struct limef_decoded_frame make_decoded(const struct AVFrame *av, int64_t pts_us);

/* A counted H.264 codec frame of a video track; to be given back with limef_payload_unref(). */
struct limef_codec_frame make_codec(struct limef_pool *pool, int width, int height);

/* A picture in memory filled with a pattern that depends on `seed`, lines padded with other bytes;
 * free with av_frame_free(). */
struct AVFrame *make_picture(int format, int width, int height, unsigned seed);

struct limef_signal_frame make_signal(uint32_t signal, int64_t value);

#endif
