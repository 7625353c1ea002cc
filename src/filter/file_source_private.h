/* SPDX-License-Identifier: MIT */
/*
 * What the files of the file source share.
 */
#ifndef LIMEF_SRC_FILTER_FILE_SOURCE_PRIVATE_H
#define LIMEF_SRC_FILTER_FILE_SOURCE_PRIVATE_H

#include <limef/filter/file_source.h>

struct AVIOContext;
struct AVStream;

/* Marks the start of a call that may block. */
void file_source_may_block(struct limef_file_source *file);

/* AVIOInterruptCB: whether what blocks shall give up. */
int file_source_is_interrupted(void *file);

/* What an error of a blocking call really was: AVERROR_EXIT, AVERROR(ETIMEDOUT), or itself. */
int file_source_why(const struct limef_file_source *file, int error);

/* Passes a signal of the source's own. Returns as limef_pass(). */
int file_source_signal(struct limef_file_source *file, uint32_t signal, int code, int64_t value,
                       const char *text);

/* Passes START, which says what media follow and where they begin. */
int file_source_begin(struct limef_file_source *file, int64_t begins_us);

/* Logs a failure with the masked URL, unless it is a stop. Returns what the error really was. */
int file_source_fail(struct limef_file_source *file, int error, const char *what);

/* open: returns 0, or a negative AVERROR code (logged) with nothing open. */
int file_source_open(struct limef_file_source *file);
void file_source_close(struct limef_file_source *file);
/* Reads another audio track from now on: the wanted-th, from 1; 0: the one after the present one.
 */
void file_source_change_audio(struct limef_file_source *file, int wanted);
/* Whether the scheme alone says that what it gives does not wait. */
bool file_source_is_live_url(const char *url);
/* Passes the codec frame of a track. Returns as limef_pass(), or AVERROR(ENOMEM). */
int file_source_describe(struct limef_file_source *file, const struct AVStream *stream);

/* io: a context for what libavformat would block in for ever; *io is NULL where it would not. */
int file_source_io_open(struct limef_file_source *file, struct AVIOContext **io);
void file_source_io_close(struct limef_file_source *file, struct AVIOContext **io);

/* resolve: waits until the name of the URL's host is known to the system, or known not to be.
 * Returns 0, or a negative AVERROR code. */
int file_source_resolve(struct limef_file_source *file);

/*
 * read: reads a packet into file->packet; file->waiting says whether it is one to pass on.
 * Returns 0, AVERROR_EOF, AVERROR(EAGAIN), or another negative AVERROR code (logged).
 */
int file_source_read(struct limef_file_source *file);

/*
 * ahead: as read, but pictures and sound come in the order of their times.
 */
int file_source_next(struct limef_file_source *file);
/* By how much a packet is passed on ahead of a picture of the same time. */
int64_t file_source_lead_us(const struct limef_file_source *file, enum limef_media media);
/* Once tracks are chosen. Returns 0, or AVERROR(ENOMEM) (logged). */
int file_source_ahead_open(struct limef_file_source *file);
/* Drops what was read and not passed on; of a track; -1: of all. */
void file_source_ahead_forget(struct limef_file_source *file, int track);
void file_source_ahead_clear(struct limef_file_source *file);

/* seek: does what SEEK asked for. Returns as limef_pass(); with nothing open: a negative AVERROR
 * code (logged). */
int file_source_seek(struct limef_file_source *file);
/* Whether the packet that was read is one to pass on, as far as seeking goes. */
bool file_source_seek_accepts(struct limef_file_source *file);
/* At the end of the file, while a key frame is looked for: whether there is another try. */
bool file_source_seek_again(struct limef_file_source *file);
/* Begins again. Returns 0; AVERROR_EOF: it was the last time; or a negative AVERROR code (logged).
 */
int file_source_loop(struct limef_file_source *file);
/* Notes where the packet that was passed on lies, but for one on the way to an exact target. */
void file_source_note_place(struct limef_file_source *file);
/* After a stop in the middle of a call: libavformat fails from then on, so it is closed, and seeks
 * to where it was once it is opened anew; where it cannot seek it goes on with what comes. */
void file_source_go_on(struct limef_file_source *file);

/* pace: when the packet that was read is due, on limef_now_us()'s clock; 0: at once. */
int64_t file_source_due_us(struct limef_file_source *file);

#endif
