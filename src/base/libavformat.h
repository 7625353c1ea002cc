/* SPDX-License-Identifier: MIT */
/*
 * libavformat, loaded when the first file is opened: it brings forty more
 * libraries with it, which a process that receives cameras would pay for at its
 * start, in time and memory, for nothing. It is not linked: call its functions
 * as libavformat.av_read_frame(), and add those that are missing here.
 */
#ifndef LIMEF_SRC_BASE_LIBAVFORMAT_H
#define LIMEF_SRC_BASE_LIBAVFORMAT_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#define LIBAVFORMAT_FUNCTIONS(X)                                                                   \
    X(av_find_best_stream)                                                                         \
    X(av_find_input_format)                                                                        \
    X(av_guess_format)                                                                             \
    X(av_guess_frame_rate)                                                                         \
    X(av_guess_sample_aspect_ratio)                                                                \
    X(av_read_frame)                                                                               \
    X(av_read_pause)                                                                               \
    X(av_read_play)                                                                                \
    X(av_seek_frame)                                                                               \
    X(av_url_split)                                                                                \
    X(av_write_frame)                                                                              \
    X(av_write_trailer)                                                                            \
    X(avformat_alloc_context)                                                                      \
    X(avformat_alloc_output_context2)                                                              \
    X(avformat_close_input)                                                                        \
    X(avformat_find_stream_info)                                                                   \
    X(avformat_free_context)                                                                       \
    X(avformat_index_get_entries_count)                                                            \
    X(avformat_index_get_entry)                                                                    \
    X(avformat_new_stream)                                                                         \
    X(avformat_open_input)                                                                         \
    X(avformat_seek_file)                                                                          \
    X(avformat_write_header)                                                                       \
    X(avio_alloc_context)                                                                          \
    X(avio_closep)                                                                                 \
    X(avio_context_free)                                                                           \
    X(avio_open2)                                                                                  \
    X(avio_size)

/* Before libavcodec 60.30 a stream's display matrix lies behind functions. */
#if LIBAVCODEC_VERSION_INT < AV_VERSION_INT(60, 30, 100)
#define LIBAVFORMAT_SIDE_DATA_FUNCTIONS(X)                                                         \
    X(av_stream_get_side_data)                                                                     \
    X(av_stream_new_side_data)
#else
#define LIBAVFORMAT_SIDE_DATA_FUNCTIONS(X)
#endif

/* Valid once libavformat_load() has returned 0. */
extern struct libavformat {
#define LIBAVFORMAT_MEMBER(function) __typeof__(function) *function;
    LIBAVFORMAT_FUNCTIONS(LIBAVFORMAT_MEMBER)
    LIBAVFORMAT_SIDE_DATA_FUNCTIONS(LIBAVFORMAT_MEMBER)
} libavformat;

/* Loads the library of the version that this one was built with, once in a process. Returns 0;
 * AVERROR(ENOSYS): it is not installed; logged in the name of who needs it. Thread: any */
int libavformat_load(const char *name);

#endif
