/* SPDX-License-Identifier: MIT */
/* Decoding into memory that somebody else lends. */
#include <limef/filter/decode.h>

#include "support/make_media.h"
#include "support/play.h"

#include <limef/base/log.h>
#include <limef/frame/buffer_source.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <stdlib.h>

/* Lends from the heap: just what was asked for, so that a sanitizer sees a byte more. */
struct heap_source {
    struct limef_buffer_source source;
    atomic_uint n_asked, n_out;
    unsigned refuses_each; /* each so many-th request; 0: none */
    atomic_bool released;
};

static struct play play;

static void give_back(void *opaque, uint8_t *data)
{
    struct heap_source *heap = opaque;

    free(data);
    atomic_fetch_sub(&heap->n_out, 1);
}

static AVBufferRef *heap_get(struct limef_buffer_source *source, size_t bytes, const char **why)
{
    struct heap_source *heap = LIMEF_CONTAINER_OF(source, struct heap_source, source);
    unsigned n = atomic_fetch_add(&heap->n_asked, 1) + 1;
    void *data = NULL;

    if (heap->refuses_each && n % heap->refuses_each == 0) {
        *why = "test";
        return NULL;
    }
    if (posix_memalign(&data, LIMEF_BUFFER_ALIGN_BYTES, bytes))
        abort();
    atomic_fetch_add(&heap->n_out, 1);
    return av_buffer_create(data, bytes, give_back, heap, 0);
}

static void heap_released(struct limef_payload *users)
{
    atomic_store(&LIMEF_CONTAINER_OF(users, struct heap_source, source.users)->released, true);
}

static void heap_init(struct heap_source *heap, unsigned refuses_each)
{
    limef_payload_init(&heap->source.users, heap_released);
    heap->source.get = heap_get;
    heap->refuses_each = refuses_each;
}

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

TestSuite(decode_buffers, .init = set_up, .fini = media_remove, .timeout = 30);

static struct limef_decode_counters play_into(const struct media *media, struct heap_source *heap,
                                              unsigned n_threads)
{
    struct limef_decode_settings settings = {.n_threads = n_threads, .buffers = &heap->source};
    struct limef_decode_counters counters;

    play_init(&play,
              &(struct limef_file_source_settings){.url = media_make("a.mkv", media),
                                                   .pace = LIMEF_PACE_FASTEST},
              &settings);
    limef_payload_unref(&heap->source.users); /* the decoder has its own */
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    limef_decode_get_counters(&play.decode, &counters);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    for (unsigned n = 0; n < 25; n++)
        cr_assert(eq(int, play_nth(&play, LIMEF_FRAME_DECODED, n)->number, (int)n));
    return counters;
}

Test(decode_buffers, every_picture_lies_in_memory_that_was_lent)
{
    const struct media clips[] = {{.b_frames = 3},
                                  {.b_frames = 3, .width = 162, .height = 90},
                                  {.codec = "mpeg4", .b_frames = 1},
                                  {.codec = "mjpeg", .width = 66, .height = 50},
                                  {.codec = "ffv1"}};

    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++)
        for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
            struct heap_source heap = {.n_out = 0};
            struct limef_decode_counters counters;

            heap_init(&heap, 0);
            counters = play_into(&clips[i], &heap, n_threads);
            cr_expect(ge(u64, counters.n_lent_buffers, 25));
            cr_expect(eq(u64, counters.n_ordinary_buffers, 0));
            cr_expect(eq(ptr, (void *)counters.ordinary_why, NULL));
            play_clear(&play);
            cr_expect(eq(uint, atomic_load(&heap.n_out), 0));
            cr_expect(atomic_load(&heap.released));
        }
}

Test(decode_buffers, a_picture_without_a_buffer_is_decoded_all_the_same_and_counted)
{
    for (unsigned each = 1; each <= 3; each++) {
        struct heap_source heap = {.n_out = 0};
        struct limef_decode_counters counters;

        heap_init(&heap, each);
        counters = play_into(&(struct media){.b_frames = 3}, &heap, 3);
        cr_assert(eq(u64, counters.n_lent_buffers + counters.n_ordinary_buffers,
                     atomic_load(&heap.n_asked)));
        cr_assert(eq(u64, counters.n_ordinary_buffers, atomic_load(&heap.n_asked) / each));
        cr_assert(eq(str, (char *)counters.ordinary_why, "test"));
        play_clear(&play);
        cr_assert(eq(uint, atomic_load(&heap.n_out), 0));
    }
}

Test(decode_buffers, pictures_may_change_their_size)
{
    struct heap_source heap = {.n_out = 0};
    struct limef_decode_counters counters;

    heap_init(&heap, 0);
    counters = play_into(&(struct media){.codec = "mjpeg", .change_at = 10}, &heap, 1);
    cr_assert(eq(int, play_nth(&play, LIMEF_FRAME_DECODED, 24)->width, 80));
    cr_assert(ge(u64, counters.n_lent_buffers, 25));
    play_clear(&play);
    cr_assert(eq(uint, atomic_load(&heap.n_out), 0));
}
