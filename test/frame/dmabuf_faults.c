/* SPDX-License-Identifier: MIT */
/*
 * Each request to the kernel that memory for decoders needs fails: its first call, a later one, all
 * from one on, with each of the errors that make a difference. Decoding goes on, and nothing is
 * left.
 */
#include "frame/buffer_keeper.h"
#include "support/make_media.h"
#include "support/play.h"
#include "support/played_ioctl.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/filter/tap.h>
#include <limef/frame/hardware.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <string.h>

#define N_BYTES 10000
#define N_PICTURES 25

static const int errors[] = {ENOMEM, EIO, ENODEV, EPERM, ENOTTY, EMFILE, EINVAL};
#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

static void set_up(void)
{
    limef_log_set_sink(log_to_nobody, NULL);
    av_log_set_level(AV_LOG_QUIET);
    played_ioctl = (struct played_ioctl){.on = true};
}

TestSuite(dmabuf_faults, .init = set_up, .timeout = 120);

static void fail(const char *request, unsigned first, bool onward, int error)
{
    played_ioctl = (struct played_ioctl){
        .on = true, .failing = request, .first = first, .onward = onward, .error = error};
}

static bool is_request_for_memory(const char *request)
{
    return !strcmp(request, "UDMABUF_CREATE") || !strcmp(request, "DMA_HEAP_IOCTL_ALLOC") ||
           !strcmp(request, "DRM_IOCTL_MODE_CREATE_DUMB") ||
           !strcmp(request, "DRM_IOCTL_PRIME_HANDLE_TO_FD");
}

/* Makes some memory once while a request fails, and once more. */
static void make(const struct dmabuf_source *source, const char *request, int error)
{
    struct dmabuf dmabuf;
    int ret;

    fail(request, 1, false, error);
    ret = dmabuf_make(source, &dmabuf, N_BYTES);
    cr_assert(
        eq(int, ret, played_ioctl.n_failed &&is_request_for_memory(request) ? AVERROR(error) : 0),
        "%s, %s", dmabuf_kind_name(source->kind), request);
    if (ret == 0)
        dmabuf_clear(&dmabuf);
    /* the kernel's, if it does not take one back */
    cr_assert(eq(int, played_ioctl.n_handles,
                 played_ioctl.n_failed && !strcmp(request, "DRM_IOCTL_MODE_DESTROY_DUMB")));
    cr_assert(eq(int, dmabuf_make(source, &dmabuf, N_BYTES), 0));
    cr_assert(ge(sz, dmabuf.bytes, N_BYTES));
    memset(dmabuf.data, 1, N_BYTES);
    dmabuf_clear(&dmabuf);
}

Test(dmabuf_faults, memory_is_refused_with_the_kernels_error_and_nothing_is_left)
{
    for (enum dmabuf_kind kind = 0; kind < DMABUF_MEMFD; kind++) {
        struct dmabuf_source source;
        unsigned n_open, n_failed = 0;

        cr_assert(eq(int, dmabuf_source_open(&source, kind, "/dev/null"), 0));
        n_open = played_n_descriptors();
        for (const char *const *request = played_requests; *request; request++)
            for (size_t i = 0; i < N_ERRORS; i++) {
                make(&source, *request, errors[i]);
                n_failed += played_ioctl.n_failed;
                cr_assert(eq(uint, played_n_descriptors(), n_open), "%s", *request);
            }
        cr_assert(eq(uint, n_failed, (kind == DMABUF_DUMB ? 3 : 1) * N_ERRORS));
        dmabuf_source_close(&source);
    }
}

/* All cards are there. */
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0600;

    if (!strncmp(path, "/dev/dri/card", strlen("/dev/dri/card"))) {
        path = "/dev/null";
        flags = O_RDWR | O_CLOEXEC;
    }
    return __real_open(path, flags, mode);
}

Test(dmabuf_faults, a_card_that_does_not_say_what_it_has_is_passed_over)
{
    unsigned n_open = played_n_descriptors();
    struct dmabuf_source source;

    for (size_t i = 0; i < N_ERRORS; i++) {
        fail("DRM_IOCTL_GET_CAP", 1, false, errors[i]);
        cr_assert(eq(int, dmabuf_source_open(&source, DMABUF_DUMB, NULL), 0));
        cr_assert(eq(uint, played_ioctl.n_calls, 2));
        cr_assert(eq(uint, played_n_descriptors(), n_open + 1));
        dmabuf_source_close(&source);
        fail("DRM_IOCTL_GET_CAP", 1, true, errors[i]);
        cr_assert(eq(int, dmabuf_source_open(&source, DMABUF_DUMB, NULL), AVERROR(ENODEV)));
        cr_assert(eq(uint, played_n_descriptors(), n_open));
    }
}

Test(dmabuf_faults, a_request_that_a_signal_interrupts_is_made_again)
{
    struct dmabuf_source source;
    struct dmabuf dmabuf;

    for (enum dmabuf_kind kind = 0; kind < DMABUF_MEMFD; kind++) {
        cr_assert(eq(int, dmabuf_source_open(&source, kind, "/dev/null"), 0));
        played_ioctl.n_interrupted = 5;
        cr_assert(eq(int, dmabuf_make(&source, &dmabuf, N_BYTES), 0));
        cr_assert(eq(uint, played_ioctl.n_interrupted, 0));
        played_ioctl.n_interrupted = 5;
        cr_assert(eq(int, dmabuf_begin_cpu(&dmabuf), 0));
        cr_assert(eq(uint, played_ioctl.n_interrupted, 0));
        dmabuf_clear(&dmabuf);
        dmabuf_source_close(&source);
    }
}

Test(dmabuf_faults, what_a_cpu_reads_of_others_is_refused_where_it_may_be_stale)
{
    fail("DMA_BUF_IOCTL_SYNC", 1, true, EIO);
    cr_assert(eq(int, dmabuf_begin_reading(0), AVERROR(EIO)));
    cr_assert(eq(int, dmabuf_end_reading(0), AVERROR(EIO)));
    fail("DMA_BUF_IOCTL_SYNC", 1, true, ENOTTY);
    cr_assert(eq(int, dmabuf_begin_reading(0), 0), "it is no dma-buf");
    cr_assert(eq(int, dmabuf_end_reading(0), 0));
}

/* A decoder that is lent such memory, and who describes its pictures to a GPU. */
static struct dmabuf_source memory;
static struct play play;
static unsigned n_described;
static uint64_t n_refused; /* buffers that the CPU was */

static int make_lent(struct buffer_keeper *keeper, struct buffer *buffer, size_t bytes)
{
    int ret = dmabuf_make(&memory, &buffer->dmabuf, bytes);

    (void)keeper;
    buffer->data = buffer->dmabuf.data;
    return ret;
}

static int describe(void *unused, const struct limef_frame *frame)
{
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);
    struct limef_hardware_frame hardware;

    (void)unused;
    n_described += decoded && dmabuf_frame_map(&hardware, decoded->av) == 0;
    return 0;
}

/* Every picture comes, whatever it lies in. */
static struct limef_decode_counters decode(const char *url)
{
    struct buffer_keeper keeper = {.make = make_lent};
    struct buffer_pool *pool = buffer_pool_create();
    struct limef_tap_filter tap = {0};
    struct limef_decode_counters counters;

    n_described = 0;
    buffer_keeper_open(&keeper, pool, true, "test");
    play_init(&play, &(struct limef_file_source_settings){.url = url, .pace = LIMEF_PACE_FASTEST},
              &(struct limef_decode_settings){.n_threads = 1, .buffers = &pool->source});
    limef_tap_filter_init(&tap, NULL, describe, NULL);
    limef_disconnect(&play.decode.filter);
    limef_connect(&play.decode.filter, &tap.filter);
    limef_connect(&tap.filter, &play.end.filter);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    limef_decode_get_counters(&play.decode, &counters);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), N_PICTURES));
    for (unsigned n = 0; n < N_PICTURES; n++)
        cr_assert(eq(int, play_nth(&play, LIMEF_FRAME_DECODED, n)->number, (int)n));
    limef_filter_clear(&tap.filter);
    play_clear(&play);
    cr_assert(eq(int, buffer_keeper_close(&keeper), 0));
    n_refused = LIMEF_COUNTED(pool->n_failed);
    buffer_pool_unref(pool);
    return counters;
}

Test(dmabuf_faults, a_buffer_that_the_cpu_is_refused_stops_no_other_and_goes_out_of_use)
{
    struct buffer_keeper keeper = {.make = make_lent};
    struct buffer_pool *pool = buffer_pool_create();
    const uint8_t *refused;
    AVBufferRef *refs[2];
    const char *why;
    unsigned n = 0;

    cr_assert(eq(int, dmabuf_source_open(&memory, DMABUF_HEAP, "/dev/null"), 0));
    buffer_keeper_open(&keeper, pool, true, "test");
    for (unsigned i = 0; i < 2; i++)
        refs[i] = pool->source.get(&pool->source, N_BYTES, &why);
    refused = refs[0]->data; /* which is taken first */
    for (unsigned i = 0; i < 2; i++)
        av_buffer_unref(&refs[i]);
    while (keeper.n_buffers == 2) {
        cr_assert(lt(uint, ++n, 20), "it goes out of use");
        fail("DMA_BUF_IOCTL_SYNC", 1, false, EIO);
        refs[0] = pool->source.get(&pool->source, N_BYTES, &why);
        cr_assert(ne(ptr, refs[0], NULL), "%s", why);
        cr_assert(ne(ptr, refs[0]->data, (uint8_t *)refused));
        cr_assert(eq(u64, LIMEF_COUNTED(pool->n_failed), n));
        av_buffer_unref(&refs[0]);
        buffer_keeper_tend(&keeper, n * INT64_C(1000000));
    }
    cr_assert(gt(uint, n, 5));
    fail("DMA_BUF_IOCTL_SYNC", 1, true, EIO);
    cr_assert(eq(ptr, pool->source.get(&pool->source, N_BYTES, &why), NULL));
    cr_assert(eq(u64, LIMEF_COUNTED(pool->n_failed), n + 2), "it was tried with another one");
    cr_assert(eq(str, (char *)why,
                 "decoded while the kernel gave the CPU no access to a buffer of the GPU"));
    cr_assert(eq(int, buffer_keeper_close(&keeper), 0));
    buffer_pool_unref(pool);
    dmabuf_source_close(&memory);
}

/* Without the memory a picture lies in ordinary one, and the counters say why. */
static void decode_failing(const char *url, const char *request)
{
    static const struct {
        unsigned first;
        bool onward;
    } when[] = {{1, false}, {2, false}, {5, false}, {40, false}, {1, true}, {4, true}};

    for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
        struct limef_decode_counters counters;
        bool is_sync = !strcmp(request, "DMA_BUF_IOCTL_SYNC");

        fail(request, when[i].first, when[i].onward, errors[i % N_ERRORS]);
        counters = decode(url);
        if (!played_ioctl.n_failed) {
            cr_assert(eq(uint, n_described, N_PICTURES));
        } else if (is_sync && n_refused && !when[i].onward) {
            cr_assert(eq(uint, n_described, N_PICTURES), "another buffer was taken");
        } else if (is_sync || is_request_for_memory(request)) {
            cr_assert(lt(uint, n_described, N_PICTURES));
            cr_assert(is_sync || counters.n_ordinary_buffers > 0);
        }
        cr_assert(counters.n_ordinary_buffers == 0 || strstr(counters.ordinary_why, "decoded"));
    }
}

Test(dmabuf_faults, decoding_goes_on_whatever_fails, .fini = media_remove)
{
    const char *url = media_make("a.mkv", &(struct media){.b_frames = 3});

    for (enum dmabuf_kind kind = 0; kind < DMABUF_MEMFD; kind++) {
        unsigned n_open;

        cr_assert(eq(int, dmabuf_source_open(&memory, kind, "/dev/null"), 0));
        fail(NULL, 0, false, 0);
        decode(url);
        cr_assert(eq(uint, n_described, N_PICTURES));
        n_open = played_n_descriptors();
        for (const char *const *request = played_requests; *request; request++) {
            decode_failing(url, *request);
            cr_assert(eq(uint, played_n_descriptors(), n_open), "%s", *request);
        }
        dmabuf_source_close(&memory);
    }
}
