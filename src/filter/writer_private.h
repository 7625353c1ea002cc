/* SPDX-License-Identifier: MIT */
/*
 * What the files of the writer share.
 */
#ifndef LIMEF_SRC_FILTER_WRITER_PRIVATE_H
#define LIMEF_SRC_FILTER_WRITER_PRIVATE_H

#include <limef/filter/writer.h>

/* Counts a failure, and says the first one of a file. Returns code. */
int writer_fail(struct limef_writer_filter *writer, int code, const char *what);

/* The container that the settings mean; NULL: there is none. */
const struct AVOutputFormat *writer_container(const struct limef_writer_settings *settings);

/* Begins a file with the tracks that writer->codecs knows, at a packet. Returns 0, or a negative
 * AVERROR code, noted; then no file is open. */
int writer_begin(struct limef_writer_filter *writer, const struct limef_packet_frame *first);

/* Writes a packet of a track of the file. Returns 0, or a negative AVERROR code, noted. */
int writer_write(struct limef_writer_filter *writer, int track,
                 const struct limef_packet_frame *packet);

/* Finishes the file, if one is open. Returns 0, or a negative AVERROR code, noted. */
int writer_finish(struct limef_writer_filter *writer);

#endif
