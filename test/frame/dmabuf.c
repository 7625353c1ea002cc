/* SPDX-License-Identifier: MIT */
/* Memory with a descriptor, from all the places that this machine has. */
#include "frame/dmabuf.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_BYTES 10000

/* What is written is what another one reads who has the descriptor. */
static void expect_to_be_shared(const struct dmabuf_source *source)
{
    const char *name = dmabuf_kind_name(source->kind);
    struct dmabuf dmabuf;
    struct stat about;
    uint8_t *other;

    cr_assert(eq(int, dmabuf_make(source, &dmabuf, N_BYTES), 0), "%s", name);
    cr_assert(ge(sz, dmabuf.bytes, N_BYTES));
    fstat(dmabuf.fd, &about);
    cr_assert(eq(u64, dmabuf.inode, about.st_ino));
    dmabuf_begin_cpu(&dmabuf);
    memset(dmabuf.data, 0x5a, N_BYTES);
    dmabuf_end_cpu(&dmabuf);
    other = mmap(NULL, dmabuf.bytes, PROT_READ, MAP_SHARED, dmabuf.fd, 0);
    cr_assert(ne(ptr, other, MAP_FAILED), "%s", name);
    cr_assert(eq(int, other[N_BYTES - 1], 0x5a), "%s", name);
    munmap(other, dmabuf.bytes);
    dmabuf_clear(&dmabuf);
    cr_assert(eq(sz, dmabuf.bytes, 0));
    dmabuf_clear(&dmabuf);
}

Test(dmabuf, every_kind_that_is_here_is_shared)
{
    for (enum dmabuf_kind kind = 0; kind < DMABUF_N_KINDS; kind++) {
        struct dmabuf_source source;
        int ret = dmabuf_source_open(&source, kind, NULL);

        cr_assert(ret == 0 || ret == AVERROR(ENODEV));
        cr_assert(kind != DMABUF_MEMFD || ret == 0);
        if (ret == 0)
            expect_to_be_shared(&source);
        dmabuf_source_close(&source);
    }
}

Test(dmabuf, who_has_the_descriptor_cannot_make_a_memfd_smaller)
{
    struct dmabuf_source source;
    struct dmabuf dmabuf;

    cr_assert(eq(int, dmabuf_source_open(&source, DMABUF_MEMFD, NULL), 0));
    cr_assert(eq(int, dmabuf_make(&source, &dmabuf, N_BYTES), 0));
    cr_assert(eq(int, ftruncate(dmabuf.fd, 0), -1));
    dmabuf.data[N_BYTES - 1] = 1; /* SIGBUS otherwise */
    dmabuf_clear(&dmabuf);
    dmabuf_source_close(&source);
}

Test(dmabuf, who_has_the_descriptor_to_read_a_memfd_cannot_write_it)
{
    struct dmabuf_source source;
    struct dmabuf dmabuf;
    struct stat about;
    uint8_t *read;

    cr_assert(eq(int, dmabuf_source_open(&source, DMABUF_MEMFD, NULL), 0));
    cr_assert(eq(int, dmabuf_make(&source, &dmabuf, N_BYTES), 0));
    cr_assert(eq(int, (int)pwrite(dmabuf.reading_fd, "x", 1, 0), -1));
    cr_assert(eq(ptr, mmap(NULL, N_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf.reading_fd, 0),
                 MAP_FAILED));
    read = mmap(NULL, N_BYTES, PROT_READ, MAP_SHARED, dmabuf.reading_fd, 0);
    cr_assert(ne(ptr, read, MAP_FAILED));
    cr_assert(eq(int, mprotect(read, N_BYTES, PROT_READ | PROT_WRITE), -1));
    dmabuf.data[7] = 0x5a;
    cr_assert(eq(int, read[7], 0x5a), "it is the same memory");
    munmap(read, N_BYTES);
    cr_assert(eq(int, fstat(dmabuf.reading_fd, &about), 0));
    cr_assert(eq(u64, about.st_ino, dmabuf.inode));
    cr_assert(zero(uint, about.st_mode & (S_IWUSR | S_IRWXG | S_IRWXO)),
              "nobody else opens it anew");
    dmabuf_clear(&dmabuf);
    dmabuf_source_close(&source);
}

Test(dmabuf, a_device_that_is_none_gives_nothing)
{
    struct dmabuf_source source;
    struct dmabuf dmabuf;

    cr_assert(eq(int, dmabuf_source_open(&source, DMABUF_UDMABUF, "/nowhere"), AVERROR(ENODEV)));
    for (enum dmabuf_kind kind = 0; kind < DMABUF_MEMFD; kind++) {
        cr_assert(eq(int, dmabuf_source_open(&source, kind, "/dev/null"), 0));
        cr_assert(lt(int, dmabuf_make(&source, &dmabuf, N_BYTES), 0));
        dmabuf_source_close(&source);
    }
}

Test(dmabuf, dumb_buffers_of_a_card_that_is_lent_outlive_the_loan)
{
    int card_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct dmabuf_source source;

    cr_assert(eq(int, dmabuf_source_open_card(&source, card_fd), 0));
    close(card_fd);
    cr_assert(ge(int, fcntl(source.device_fd, F_GETFD), 0), "it has a descriptor of its own");
    dmabuf_source_close(&source);
    cr_assert(eq(int, dmabuf_source_open_card(&source, card_fd), AVERROR(ENODEV)));
}
