/* SPDX-License-Identifier: MIT */
#include "base/file_reader.h"

#include "support/disk.h"
#include "support/failing.h"
#include "support/make_media.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_BYTES 700001 /* some blocks, and a part of one */

static int is_patient = 1;
static uint8_t bytes[N_BYTES], taken[N_BYTES];

static int gives_up(void *context)
{
    return !*(int *)context;
}

static const struct file_reader_patience patience = {gives_up, &is_patient};

static void fill(void)
{
    for (unsigned i = 0; i < N_BYTES; i++)
        bytes[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

TestSuite(file_reader, .init = fill, .fini = media_remove, .timeout = 60);

static struct file_reader *open_file(const char *name)
{
    struct file_reader *reader;

    cr_assert(
        eq(int, file_reader_open(&reader, media_write(name, bytes, N_BYTES), -1, &patience), 0));
    cr_assert(eq(int, S_ISREG(file_reader_mode(reader)), 1));
    return reader;
}

/* Reads so many bytes from there on, fewer at the end, and expects them to be the file's. */
static void expect_bytes(struct file_reader *reader, int64_t at, int n_bytes)
{
    int n = 0, ret = 0;

    file_reader_seek(reader, at);
    while (n < n_bytes && (ret = file_reader_read(reader, taken + n, n_bytes - n)) > 0)
        n += ret;
    cr_assert(eq(int, n, (int)FFMIN(n_bytes, FFMAX(N_BYTES - at, 0))));
    cr_assert(zero(int, memcmp(taken, bytes + at, (size_t)n)));
    cr_assert(eq(i64, file_reader_tell(reader), at + n));
    if (n < n_bytes)
        cr_assert(eq(int, ret, AVERROR_EOF));
}

Test(file_reader, reads_in_order_in_jumps_and_behind_the_end)
{
    struct file_reader *reader = open_file("a");

    cr_assert(eq(i64, file_reader_size(reader), N_BYTES));
    expect_bytes(reader, 0, N_BYTES + 1);
    expect_bytes(reader, N_BYTES, 1);
    expect_bytes(reader, N_BYTES + 5, 1);
    srand(1);
    for (unsigned i = 0; i < 500; i++)
        expect_bytes(reader, rand() % N_BYTES, rand() % 100000);
    file_reader_close(&reader);
    cr_assert(eq(ptr, reader, NULL));
}

Test(file_reader, finds_what_was_added_after_its_end)
{
    struct file_reader *reader = open_file("a");
    int fd = open(media_path("a"), O_WRONLY | O_APPEND | O_CLOEXEC);

    expect_bytes(reader, 0, N_BYTES + 1);
    cr_assert(eq(i64, write(fd, "!", 1), 1));
    close(fd);
    cr_assert(eq(i64, file_reader_size(reader), N_BYTES + 1));
    cr_assert(eq(int, file_reader_read(reader, taken, 5), 1));
    cr_assert(eq(int, taken[0], '!'));
    file_reader_close(&reader);
}

Test(file_reader, reads_a_descriptor_from_where_it_stands)
{
    int fd = open(media_write("a", bytes, N_BYTES), O_RDONLY | O_CLOEXEC);
    struct file_reader *reader;

    lseek(fd, 300, SEEK_SET);
    cr_assert(eq(int, file_reader_open(&reader, NULL, fd, &patience), 0));
    cr_assert(eq(i64, file_reader_tell(reader), 300));
    expect_bytes(reader, 300, N_BYTES);
    file_reader_close(&reader);
}

Test(file_reader, says_what_the_system_refused_with)
{
    struct file_reader *reader;

    cr_assert(
        eq(int, file_reader_open(&reader, media_path("none"), -1, &patience), AVERROR(ENOENT)));
    cr_assert(eq(ptr, reader, NULL));
    cr_assert(eq(int, file_reader_open(&reader, media_folder(), -1, &patience), 0));
    cr_assert(eq(int, file_reader_read(reader, taken, 1), AVERROR(EISDIR)));
    file_reader_close(&reader);
}

Test(file_reader, lets_go_of_a_disk_that_does_not_answer)
{
    struct file_reader *reader = open_file("a.slow");

    disk_stop_after(0);
    is_patient = 0;
    cr_assert(eq(int, file_reader_read(reader, taken, 1), AVERROR_EXIT));
    cr_assert(eq(i64, file_reader_size(reader), AVERROR_EXIT));
    file_reader_close(&reader);
    disk_go_on();
}

Test(file_reader, that_runs_out_of_memory_leaves_nothing)
{
    const char *path = media_write("a", bytes, N_BYTES);
    struct file_reader *reader;
    unsigned n = 0;
    int ret;

    do {
        failing_install(++n);
        ret = file_reader_open(&reader, path, -1, &patience);
        if (failing_failed())
            cr_assert(eq(int, ret, AVERROR(ENOMEM)));
        file_reader_close(&reader);
        cr_assert(zero(int, failing_n_out()));
    } while (failing_failed());
    cr_assert(eq(uint, n, 5)); /* it, two blocks, a thread; and then none failed */
    failing_remove();
}
