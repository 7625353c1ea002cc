/* SPDX-License-Identifier: MIT */
/* Pictures that software decoded into memory with a descriptor, handed out where they lie. */
#include "export.h"

#include "frame/buffer_keeper.h"

#include <sys/mman.h>
#include <unistd.h>

TestSuite(export_lent, .fini = close_export, .timeout = 60);

static const struct dmabuf_source memfds = {.kind = DMABUF_MEMFD, .device_fd = -1, .opened = true};

static int make_memfd(struct buffer_keeper *keeper, struct buffer *buffer, size_t bytes)
{
    int ret = dmabuf_make(&memfds, &buffer->dmabuf, bytes);

    (void)keeper;
    buffer->data = buffer->dmabuf.data;
    return ret;
}

/* Lends memory to a decoder, as a presenter does whose GL renders by the CPU. */
static struct AVBufferRef *lend(struct buffer_keeper *keeper, size_t bytes)
{
    struct limef_buffer_source *source = &keeper->pool->source;
    const char *why;

    return source->get(source, bytes, &why);
}

/* A picture in that memory. */
static void give_lent(struct AVBufferRef *lent)
{
    struct limef_payload *payload = limef_pool_get(pictures);
    struct AVFrame *av = limef_payload_picture(payload);
    struct limef_decoded_frame decoded;

    cr_assert(ne(ptr, lent, NULL));
    av->format = AV_PIX_FMT_GRAY8;
    av->width = av->linesize[0] = 64;
    av->height = 48;
    av->buf[0] = lent;
    av->data[0] = lent->data;
    memset(av->data[0], 77, 64 * 48);
    limef_decoded_frame_set(&decoded, payload);
    cr_assert(eq(int, limef_go(&exporter.filter, &decoded.frame), 0));
    limef_payload_unref(payload);
}

Test(export_lent, a_reader_cannot_write_the_memfd_that_a_decoder_writes)
{
    struct buffer_pool *pool = buffer_pool_create();
    struct buffer_keeper keeper = {.make = make_memfd};
    const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
    struct connection reader;
    struct picture picture;

    open_export((struct limef_export_settings){0});
    reader = join_as(
        (struct limef_export_subscribe){.mode = LIMEF_EXPORT_QUEUED, .takes = LIMEF_EXPORT_DMABUF});
    buffer_keeper_open(&keeper, pool, true, "test");
    buffer_pool_refuse(pool, NULL);
    give_lent(lend(&keeper, 64 * 64));
    picture = must_read(&reader);
    cr_assert(eq(uint, picture.frame.kind, LIMEF_EXPORT_DMABUF));
    cr_assert(eq(u64, counters().copied_bytes, 0));
    cr_assert(eq(int, (int)pwrite(picture.fds[0], "x", 1, 0), -1));
    cr_assert(
        eq(ptr, mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, picture.fds[0], 0), MAP_FAILED));
    cr_assert(eq(int, connection_map(&reader, &picture, planes), 0));
    cr_assert(eq(int, planes[0][0], 77));
    connection_release(&reader, &picture);
    ASSERT_COMES(counters().n_lent == 0);
    connection_close(&reader);
    limef_filter_clear(&exporter.filter);
    buffer_keeper_close(&keeper);
    buffer_pool_unref(pool);
}
