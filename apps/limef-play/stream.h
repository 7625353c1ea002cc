/* SPDX-License-Identifier: MIT */
/*
 * One URL on its way to the screen, on threads that a graph places:
 *
 *     file source - split - decode - limit [- export] - screen
 *                        \- decode - limit - resample - sound
 *
 * Without sound there is no split, and nothing behind it. What is live has a latency filter before
 * the decoder of pictures. A camera with a small and a large stream has a switch behind the two.
 */
#ifndef LIMEF_PLAY_STREAM_H
#define LIMEF_PLAY_STREAM_H

#include "limit.h"
#include "options.h"
#include "trust.h"
#include "way.h"

#include <limef/base/url.h>
#include <limef/filter/decode.h>
#include <limef/filter/export.h>
#include <limef/filter/file_source.h>
#include <limef/filter/latency.h>
#include <limef/filter/presenter.h>
#include <limef/filter/resample.h>
#include <limef/filter/rtsp_source.h>
#include <limef/filter/split.h>
#include <limef/filter/switch.h>
#include <limef/thread/graph.h>

/* Filters of a stream. */
#define PLAY_STREAM_FILTERS 10
/* And of one with two streams. */
#define PLAY_MAIN_FILTERS 4

struct play_stream {
    struct limef_buffer_source *buffers; /* where to decode into; NULL: anywhere. Set before init */
    struct AVBufferRef *hardware;        /* what to decode with; NULL: software. Likewise */
    const char *wrapper;
    struct play_sound *sound; /* where its sound goes; NULL: it has none. Likewise */
    uint32_t slot;
    char url[LIMEF_URL_BYTES]; /* masked */
    char name[32];             /* of its filters, for logs */

    struct limef_source *from; /* one of the next two */
    struct limef_file_source source;
    struct limef_rtsp_source camera;
    struct play_trust camera_trust;
    bool has_main; /* the camera is the small stream, this is the large one: */
    char main_name[32];
    struct limef_rtsp_source main;
    struct play_trust main_trust;
    struct limef_switch_input inputs[2];
    struct limef_switch_filter choice;
    struct limef_latency_filter latency; /* all-zero: not live */
    struct limef_decode_filter decode;
    struct play_limit limit;
    struct limef_export_filter export_filter; /* all-zero: not asked for */
    char export_path[108];
    struct limef_split_filter split;
    struct limef_decode_filter sound_decode;
    struct play_limit sound_limit;
    struct limef_resample_filter resample;

    /* the main thread */
    bool main_wanted, main_connected;
    struct way way;
    int64_t seek_target_us, sought_at_us; /* the last one asked for, and when */
    bool ended;                           /* pictures and sound */
    bool pictures_ended, sound_ended;
    int32_t end_code;
    char end_text[64];
};

/*
 * Makes the chain and connects it to the screen; starts nothing.
 *
 * url     borrowed; must outlive the stream.
 * screen  who gets its pictures; borrowed likewise.
 * Returns 0, or a negative AVERROR code.
 */
int play_stream_init(struct play_stream *stream, uint32_t slot, const char *url,
                     const struct play_options *options, struct limef_filter *screen);

/* Releases everything; no thread may run it. */
void play_stream_clear(struct play_stream *stream);

/* Whether the camera source plays it. */
bool play_stream_is_camera(const struct play_stream *stream);

/* The slot that the large stream speaks of itself with. */
uint32_t play_stream_main_slot(const struct play_stream *stream);

/* How long it is, and when it starts; LIMEF_NO_TIME: not known, or a camera. */
int64_t play_stream_duration_us(const struct play_stream *stream);
int64_t play_stream_start_us(const struct play_stream *stream);

/* Whether it does not wait, and is missed when it ends. */
bool play_stream_is_live(const struct play_stream *stream);

/* Of a stream that ended: whether it is live and is missed; whether it failed before its end. */
bool play_stream_was_lost(const struct play_stream *stream);
bool play_stream_broke_off(const struct play_stream *stream);

/* How far into it the picture is that the screen shows; LIMEF_NO_TIME: not known. */
int64_t play_stream_position_us(const struct play_stream *stream,
                                const struct limef_presenter *presenter);

#endif
