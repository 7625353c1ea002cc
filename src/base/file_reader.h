/* SPDX-License-Identifier: MIT */
/*
 * Reads a file without waiting for its disk: a thread of its own opens, measures and reads it, one
 * block ahead while what is read follows on. Who waits gives up when it likes, also where the
 * system would not let go of it; the thread is then left with what it holds until it comes back,
 * and releases that itself.
 *
 * Thread: one at a time for each reader
 */
#ifndef LIMEF_SRC_BASE_FILE_READER_H
#define LIMEF_SRC_BASE_FILE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct file_reader;

/* Who waits, asked every 50 ms: whether it gives up. */
struct file_reader_patience {
    int (*gives_up)(void *context);
    void *context; /* borrowed; must outlive the reader */
};

/*
 * Opens a file for reading.
 *
 * reader  written; owned; NULL on failure.
 * path    NULL: fd is open already; it is read from where it stands.
 * fd      taken, also on failure; with a path: -1.
 * Returns 0, whatever kind of file it is; AVERROR_EXIT: given up; AVERROR(ENOMEM); or what the
 * system refused with.
 */
int file_reader_open(struct file_reader **reader, const char *path, int fd,
                     const struct file_reader_patience *patience);

/* What kind of file it is: st_mode. */
mode_t file_reader_mode(const struct file_reader *reader);

/* Closes the reader and hands out its descriptor; before anything is read. */
int file_reader_release(struct file_reader **reader);

/* Bytes in the file now. Returns them; AVERROR_EXIT: given up; or a negative AVERROR code. */
int64_t file_reader_size(struct file_reader *reader);

/* Where the next read begins, from the file's beginning. */
int64_t file_reader_tell(const struct file_reader *reader);
void file_reader_seek(struct file_reader *reader, int64_t at);

/* Returns bytes read, 1 to `bytes`; AVERROR_EOF; AVERROR_EXIT: given up; or a negative AVERROR
 * code. */
int file_reader_read(struct file_reader *reader, uint8_t *buffer, int bytes);

/* Lets go, also of a thread that hangs; NULL does nothing. */
void file_reader_close(struct file_reader **reader);

#endif
