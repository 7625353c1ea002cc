/* SPDX-License-Identifier: MIT */
/*
 * Hardware frames inside the library: hardware.c is for all kinds, hardware_vaapi*.c knows VA-API,
 * or hardware_stub.c says that there is none.
 */
#ifndef LIMEF_SRC_FRAME_HARDWARE_PRIVATE_H
#define LIMEF_SRC_FRAME_HARDWARE_PRIVATE_H

#include <limef/frame/hardware.h>

struct AVCodec;
struct AVDRMFrameDescriptor;

/* Who speaks in the log. */
#define HARDWARE_NAME "hardware"

/*
 * Fills in what a descriptor says: fourcc, modifier, planes.
 *
 * whole  DRM_FORMAT_... of all layers together, if somebody else knows: layers of one plane each do
 *        not say how large chroma is. 0: nobody does.
 * Returns 0; AVERROR(EINVAL): layers that make no such picture, or another layout that cannot be
 * described; another negative AVERROR code. Not logged.
 */
int hardware_map_drm(struct limef_hardware_frame *hardware, const struct AVDRMFrameDescriptor *drm,
                     uint32_t whole);

/* Likewise of a VA-API picture, exporting its surface if that was not done yet, and waiting for it
 * to be decoded. Returns as limef_hardware_frame_map(). */
int hardware_vaapi_map(struct limef_hardware_frame *hardware, const struct AVFrame *picture);

/* As limef_hardware_frame_map(), with planes that begin where the buffer's picture does, before the
 * first pixel that is shown. */
int hardware_map_whole(struct limef_hardware_frame *hardware, const struct AVFrame *picture);

/*
 * Makes room for what will be exported of a frames context, before that is initialised. Pictures of
 * such a context are waited for once, after hardware_note_new(). Of any format; does nothing for
 * those that need no room. Returns 0, or AVERROR(ENOMEM).
 */
int hardware_frames_prepare(struct AVBufferRef *frames);

/* A decoder passes a picture on: it was not waited for yet. */
void hardware_note_new(const struct AVFrame *picture);

/* How many calls into drivers failed on this thread, if they are watched: libavcodec does not tell
 * of all. */
unsigned hardware_n_failed_calls(void);

/* Whether its surfaces must be known before a decoder is opened, so that their number is fixed. */
bool hardware_has_fixed_pool(const struct AVBufferRef *device);

/* Whether a device was seen to decode pictures of a kind rightly, by the decoder's number for it, not
 * 0; of one that was not opened here that is taken for granted. Any thread. */
bool hardware_is_trusted(const struct AVBufferRef *device, uint64_t kind);
void hardware_trust(const struct AVBufferRef *device, uint64_t kind);

/* Opens one node. Returns as limef_hardware_device_open(), nothing is logged. */
int hardware_vaapi_open(struct AVBufferRef **device, const char *node);

/* libavcodec's decoder of a wrapper for a codec (enum AVCodecID); NULL: it has none. */
const struct AVCodec *hardware_wrapper(const char *wrapper, int codec_id);

/* NULL: not opened here. */
const char *hardware_vaapi_name(const struct AVBufferRef *device);

/* drm_device_number() of a device of VA-API; 0: not opened here. */
uint64_t hardware_vaapi_number(const struct AVBufferRef *device);

#endif
