/* SPDX-License-Identifier: MIT */
/*
 * Decoders of several threads each write into memory with a descriptor, which is made on whichever
 * of their threads misses it; their pictures are described, held, and let go of by another
 * decoder's thread, while who lends the memory goes and another one comes: each picture is the
 * right one, and stays it.
 */
#include <limef/filter/decode.h>

#include "frame/buffer_keeper.h"
#include "stress.h"
#include "support/make_media.h"

#include <limef/base/log.h>
#include <limef/filter/file_source.h>
#include <limef/frame/hardware.h>
#include <limef/thread/producer.h>

#include <libavutil/frame.h>
#include <sched.h>

#define N_STREAMS 3
#define N_DECODER_THREADS 4
#define N_ROUNDS 4
#define N_PICTURES 60
#define N_HELD 5
#define N_NUMBERS 32 /* that media_number() tells */

struct held {
    struct limef_payload *payload;
    int number;
};

/* Looks at pictures on its producer's thread. */
struct stream {
    struct limef_file_source source;
    struct limef_decode_filter decode;
    struct limef_filter reader;
    struct limef_producer producer;
    struct held held[N_HELD];
    int n_seen;
    LIMEF_ATOMIC(bool) has_ended;
};

static struct stream streams[N_STREAMS];
static struct buffer_pool *pool;
static struct dmabuf_source memory;
/* from stream to stream */
static _Atomic(struct limef_payload *) passed;
static atomic_uint n_described;

static int number_of(const AVFrame *picture)
{
    return media_number(
        picture->data[0][picture->height / 2 * picture->linesize[0] + picture->width / 2]);
}

static void let_go(struct held *held)
{
    if (!held->payload)
        return;
    CHECK(number_of(limef_payload_picture(held->payload)) == held->number);
    limef_payload_unref(atomic_exchange_explicit(&passed, held->payload, memory_order_acq_rel));
    held->payload = NULL;
}

static void look_at(struct stream *stream, const struct limef_decoded_frame *decoded)
{
    struct held *held = &stream->held[stream->n_seen % N_HELD];
    struct limef_hardware_frame hardware;

    let_go(held);
    held->number = number_of(decoded->av);
    CHECK(held->number == stream->n_seen % N_NUMBERS);
    held->payload = limef_payload_ref(decoded->frame.payload);
    stream->n_seen++;
    if (dmabuf_frame_map(&hardware, decoded->av) == 0)
        atomic_fetch_add_explicit(&n_described, 1, memory_order_relaxed);
}

static int reader_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct stream *stream = LIMEF_CONTAINER_OF(filter, struct stream, reader);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);

    if (decoded)
        look_at(stream, decoded);
    if (signal && signal->signal == LIMEF_SIGNAL_END)
        atomic_store_explicit(&stream->has_ended, true, memory_order_release);
    return 0;
}

static const struct limef_filter_ops reader_ops = {.kind = "reader", .go = reader_go};

static void open_stream(struct stream *stream, const char *url)
{
    struct limef_file_source_settings source = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_decode_settings decode = {.buffers = &pool->source,
                                           .n_threads = N_DECODER_THREADS};

    *stream = (struct stream){.n_seen = 0};
    CHECK(limef_file_source_init(&stream->source, NULL, &source) == 0);
    CHECK(limef_decode_filter_init(&stream->decode, NULL, &decode) == 0);
    limef_filter_init(&stream->reader, &reader_ops, NULL);
    limef_connect(&stream->source.source.filter, &stream->decode.filter);
    limef_connect(&stream->decode.filter, &stream->reader);
    limef_producer_init(&stream->producer, &stream->source.source, NULL);
}

static void close_stream(struct stream *stream)
{
    CHECK(limef_thread_stop(&stream->producer.thread, TOO_LONG_US) == 0);
    limef_producer_clear(&stream->producer);
    limef_filter_clear(&stream->source.source.filter);
    limef_filter_clear(&stream->decode.filter);
    for (unsigned n = 0; n < N_HELD; n++)
        let_go(&stream->held[n]);
    CHECK(stream->n_seen == N_PICTURES);
}

static unsigned n_ended(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < N_STREAMS; i++)
        n += atomic_load_explicit(&streams[i].has_ended, memory_order_acquire);
    return n;
}

static int make(struct buffer_keeper *keeper, struct buffer *buffer, size_t bytes)
{
    int ret = dmabuf_make(&memory, &buffer->dmabuf, bytes);

    (void)keeper;
    if (ret >= 0)
        buffer->data = buffer->dmabuf.data;
    return ret;
}

static void lend(struct buffer_keeper *keeper)
{
    *keeper = (struct buffer_keeper){.make = make};
    buffer_keeper_open(keeper, pool, true, "keeper");
    buffer_pool_refuse(pool, NULL);
}

/* Returns how many lend after the first, one after the other. */
static unsigned exchange_until_all_have_ended(struct buffer_keeper *keeper)
{
    int64_t deadline_us = limef_now_us() + TOO_LONG_US;
    unsigned n_keepers = 0;

    while (n_ended() < N_STREAMS) {
        CHECK(limef_now_us() < deadline_us);
        for (unsigned i = 0; i < 2000 && n_ended() < N_STREAMS; i++)
            sched_yield();
        buffer_keeper_close(keeper); /* what is lent lives on */
        lend(keeper);
        n_keepers++;
    }
    return n_keepers;
}

static unsigned run_round(const char *url)
{
    struct buffer_keeper keeper;
    unsigned n_keepers;

    pool = buffer_pool_create();
    CHECK(pool);
    lend(&keeper);
    for (unsigned i = 0; i < N_STREAMS; i++)
        open_stream(&streams[i], url);
    for (unsigned i = 0; i < N_STREAMS; i++)
        CHECK(limef_thread_start(&streams[i].producer.thread) == 0);
    n_keepers = 1 + exchange_until_all_have_ended(&keeper);
    for (unsigned i = 0; i < N_STREAMS; i++)
        close_stream(&streams[i]);
    limef_payload_unref(atomic_exchange_explicit(&passed, NULL, memory_order_acquire));
    CHECK(buffer_keeper_close(&keeper) == 0);
    buffer_pool_unref(pool);
    return n_keepers;
}

int main(void)
{
    const char *url = media_make("a.mkv", &(struct media){.n_pictures = N_PICTURES, .b_frames = 2});
    unsigned n_keepers = 0;

    limef_log_set_level(LIMEF_LOG_ERROR);
    CHECK(dmabuf_source_open(&memory, DMABUF_MEMFD, NULL) == 0);
    for (unsigned i = 0; i < N_ROUNDS; i++)
        n_keepers += run_round(url);
    dmabuf_source_close(&memory);
    media_remove();
    CHECK(n_described > 0);
    printf("%u pictures of %u decoders, %u in memory that %u keepers lent\n",
           N_ROUNDS * N_STREAMS * N_PICTURES, N_ROUNDS * N_STREAMS, n_described, n_keepers);
    return 0;
}
