/* SPDX-License-Identifier: MIT */
/*
 * What the files of the decoder share.
 */
#ifndef LIMEF_SRC_FILTER_DECODE_PRIVATE_H
#define LIMEF_SRC_FILTER_DECODE_PRIVATE_H

#include <limef/filter/decode.h>

struct AVCodec;
struct AVFrame;

/*
 * Opens decode->context for what a codec frame describes. Returns 0, or a negative AVERROR code
 * (not logged) with a context that is the caller's to free, if any.
 */
int decode_open(struct limef_decode_filter *decode, const struct limef_codec_frame *codec);

/* Copies what a stream is to decode->parameters, before decode_open(). Returns 0, or
 * AVERROR(ENOMEM). */
int decode_remember(struct limef_decode_filter *decode, const struct AVCodecParameters *parameters);

/* Before decode->context is opened: lets it write into decode->settings.buffers, if it can. */
void decode_use_buffers(struct limef_decode_filter *decode, const struct AVCodec *decoder);

/*
 * decode.c, for decode_ladder.c: gives one packet to libavcodec and passes on what comes of it;
 * passes on what is inside, and forgets the rest. Return as limef_filter_ops.go.
 */
int decode_packet(struct limef_decode_filter *decode, const struct limef_packet_frame *packet);
int decode_drain(struct limef_decode_filter *decode);

/* Says that a stream cannot be decoded. Returns code, or AVERROR_EXIT. */
int decode_cannot_open(struct limef_decode_filter *decode, const struct limef_codec_frame *codec,
                       int code);

/* Before another codec is opened: what hardware failed at is forgotten. */
void decode_hardware_reset(struct limef_decode_filter *decode);

/* Forgets what is kept. */
void decode_hardware_clear(struct limef_decode_filter *decode);

/* decode_burst.c: before the first packet of a burst; opens a decoder on several cores where that
 * helps. Returns 0, or as decode_cannot_open(). */
int decode_begin_burst(struct limef_decode_filter *decode);

/* Whether pictures stay in the decoder until they are pushed out. */
bool decode_is_parallel(const struct limef_decode_filter *decode);

/* Pushes one picture out. Returns as avcodec_send_packet(). */
int decode_push(struct limef_decode_filter *decode);

/* Takes the picture in decode->out instead of passing it on. Returns 0. */
int decode_hold_burst(struct limef_decode_filter *decode);

/* A packet behind the burst was decoded, which returned ret; n_passed: n_decoded before. Passes on
 * what was held, unless that packet gave a picture. Returns ret, or an error of what is behind. */
int decode_end_burst(struct limef_decode_filter *decode, int ret, uint64_t n_passed);

/* Drops what is held. */
void decode_forget_burst(struct limef_decode_filter *decode);

/* decode_cut.c: bytes of the length in front of each unit of H.264 or H.265; 0: they have start
 * codes. */
unsigned decode_length_bytes(const struct AVCodecParameters *stream);

/* Whether a GAP is of the stream that is decoded: up to its next key nothing can be. */
bool decode_is_cut_by(const struct limef_decode_filter *decode, const struct limef_frame *gap);

/* Before a key behind a hole is decoded: passes on what is inside, and forgets it. Returns as
 * limef_filter_ops.go. */
int decode_cut(struct limef_decode_filter *decode, const struct limef_packet_frame *key);

/* Whether a packet behind that key refers past it. */
bool decode_is_leading(struct limef_decode_filter *decode, const struct limef_packet_frame *packet);

/* Before a picture is passed on: the time of a live one never goes back. Where a camera's clock
 * jumps among pictures that are reordered, nobody knows how the old and the new times lie between
 * each other before the decoder says in which order they are shown. */
void decode_go_forward(struct limef_decode_filter *decode);

/* What a picture's packet had; NULL: nobody knows. */
const struct limef_decode_carried *decode_carried_of(const struct limef_decode_filter *decode,
                                                     const struct AVFrame *picture);

/* Has the context forget what is inside. */
void decode_flush(struct limef_decode_filter *decode);

/* decode_counters.c: as limef_filter_ops.counts */
unsigned decode_counts(const struct limef_filter *filter, struct limef_filter_count *counts);

/* Whether a wrapper decodes now. */
bool decode_is_wrapper(const struct limef_decode_filter *decode);

/* Whether it was given hardware, or a wrapper, for what it decodes. */
bool decode_has_hardware(const struct limef_decode_filter *decode);

/* What it was given: the enum AVPixelFormat of a device's pictures, the kind for programs, the name
 * for people. */
int decode_hardware_format(const struct limef_decode_filter *decode);
const char *decode_hardware_kind(const struct limef_decode_filter *decode);
const char *decode_hardware_name(const struct limef_decode_filter *decode);

/* A context for a wrapper, before it is opened. */
void decode_wrapper_set_up(struct limef_decode_filter *decode, unsigned n_held);

/* A wrapper could not be opened: software is. Returns as decode_open(). */
int decode_hardware_refused(struct limef_decode_filter *decode, int code);

/* The decoder that uses decode->settings.hardware, or .wrapper; NULL: none, or it is given up. */
const struct AVCodec *decode_hardware_find(const struct limef_decode_filter *decode, int codec_id);

/* Tells of a step, and counts it; code: what failed. Returns 0, or AVERROR_EXIT. */
int decode_hardware_tell(struct limef_decode_filter *decode, enum limef_decode_step step, int code);

/* Before decode->context is opened with such a decoder. Returns 0, or AVERROR(ENOMEM). */
int decode_hardware_set_up(struct limef_decode_filter *decode);

/* After a decoder was opened. Returns 0, or AVERROR_EXIT. */
int decode_hardware_opened(struct limef_decode_filter *decode);

/* Around each call of libavcodec: whether hardware failed in it, which is then remembered. */
void decode_hardware_begin(struct limef_decode_filter *decode);
bool decode_hardware_failed(struct limef_decode_filter *decode, int code);

/* Whether pictures are inside that cannot be decoded again, unlike those of packets that are kept.
 */
bool decode_hardware_has_last(const struct limef_decode_filter *decode);

/* Behind a drain: counts what came no more because hardware had failed, and cannot come again. */
void decode_hardware_count_lost(struct limef_decode_filter *decode);

/* Whether a picture is fit to be passed on; it may be exchanged for a copy. */
bool decode_hardware_admit(struct limef_decode_filter *decode, struct AVFrame *picture);

/* Whether a picture of hardware is what it should be, as far as that can be told. */
bool decode_is_true(struct limef_decode_filter *decode, const struct AVFrame *picture);

/* Decodes a packet in hardware, or down the ladder. Returns as limef_filter_ops.go. */
int decode_hardware_take(struct limef_decode_filter *decode,
                         const struct limef_packet_frame *packet);

/* Hands out what is inside at an end, likewise. */
int decode_hardware_end(struct limef_decode_filter *decode);

/* Whether a decoder for the one decodes the other. */
bool decode_is_same_stream(const struct AVCodecParameters *a, const struct AVCodecParameters *b);

#endif
