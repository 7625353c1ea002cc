/* SPDX-License-Identifier: MIT */
/*
 * Pictures of four decoders in hardware cross to two threads, which both map the same ones, hold
 * some for a while, and check that nobody writes to what they hold; meanwhile decoders are closed
 * and opened. The driver is the tests' own.
 */
#include <limef/filter/decode.h>

#include "stress.h"
#include "support/make_media.h"

#include <limef/base/log.h>
#include <limef/filter/file_source.h>
#include <limef/filter/split.h>
#include <limef/frame/hardware.h>
#include <limef/thread/consumer.h>
#include <limef/thread/producer.h>

#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <sys/mman.h>

#define N_STREAMS 4
#define N_READERS 2
#define N_ROUNDS 6
#define N_PICTURES 40
#define N_HELD 3
#define N_INPUT_FRAMES 8

/* A filter that looks at pictures. */
struct reader {
    struct limef_filter filter;
    struct limef_consumer consumer;
    struct {
        struct limef_payload *payload;
        int luma;
    } held[N_HELD];
    uint32_t random;
    LIMEF_ATOMIC(unsigned) n_seen, n_ends;
};

struct stream {
    struct limef_file_source source;
    struct limef_decode_filter decode;
    struct limef_split_filter split;
    struct limef_input_filter inputs[N_READERS];
    struct limef_stack_frame frames[N_READERS][N_INPUT_FRAMES];
    struct limef_producer producer;
};

static struct stream streams[N_STREAMS];
static struct reader readers[N_READERS];

/* The brightness in the middle, read where the picture lies. */
static int luma_of(const AVFrame *picture)
{
    struct limef_hardware_frame hardware;
    size_t at, bytes;
    uint8_t *rows;
    int luma;

    CHECK(limef_hardware_frame_map(&hardware, picture) == 0);
    at = hardware.planes[0].offset_bytes +
         (size_t)hardware.planes[0].pitch_bytes * (size_t)(hardware.height / 2) +
         (size_t)(hardware.width / 2);
    bytes = at + 1;
    rows = mmap(NULL, bytes, PROT_READ, MAP_SHARED, hardware.planes[0].fd, 0);
    CHECK(rows != MAP_FAILED);
    luma = rows[at];
    munmap(rows, bytes);
    return luma;
}

static void let_go(struct reader *reader, unsigned n)
{
    if (!reader->held[n].payload)
        return;
    CHECK(luma_of(limef_payload_picture(reader->held[n].payload)) == reader->held[n].luma);
    limef_payload_unref(reader->held[n].payload);
    reader->held[n].payload = NULL;
}

static int reader_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct reader *reader = LIMEF_CONTAINER_OF(filter, struct reader, filter);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);
    unsigned n;

    if (signal && signal->signal == LIMEF_SIGNAL_END)
        atomic_fetch_add(&reader->n_ends, 1);
    if (!decoded)
        return 0;
    CHECK(limef_hardware_is(decoded->av));
    n = next_random(&reader->random) % N_HELD;
    let_go(reader, n);
    reader->held[n].luma = luma_of(decoded->av);
    reader->held[n].payload = limef_payload_ref(in->payload);
    atomic_fetch_add(&reader->n_seen, 1);
    return 0;
}

static const struct limef_filter_ops reader_ops = {.kind = "reader", .go = reader_go};

static void start_reader(struct reader *reader, unsigned n)
{
    limef_filter_init(&reader->filter, &reader_ops, NULL);
    reader->random = n + 1;
    limef_consumer_init(&reader->consumer, &reader->filter, NULL);
}

static void open_stream(struct stream *stream, const char *url, struct AVBufferRef *device)
{
    struct limef_file_source_settings source = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_decode_settings decode = {.hardware = device, .n_held = 64};

    CHECK(limef_file_source_init(&stream->source, NULL, &source) == 0);
    CHECK(limef_decode_filter_init(&stream->decode, NULL, &decode) == 0);
    limef_split_filter_init(&stream->split, NULL);
    for (unsigned i = 0; i < N_READERS; i++) {
        CHECK(limef_input_filter_init(&stream->inputs[i], NULL, &readers[i].consumer.fifo,
                                      stream->frames[i], N_INPUT_FRAMES, NULL) == 0);
        CHECK(limef_split_connect(&stream->split, &stream->inputs[i].filter, 0) == 0);
    }
    limef_connect(&stream->source.source.filter, &stream->decode.filter);
    limef_connect(&stream->decode.filter, &stream->split.filter);
    limef_producer_init(&stream->producer, &stream->source.source, NULL);
}

static void close_stream(struct stream *stream)
{
    CHECK(limef_thread_stop(&stream->producer.thread, TOO_LONG_US) == 0);
    limef_producer_clear(&stream->producer);
    limef_filter_clear(&stream->source.source.filter);
    limef_filter_clear(&stream->decode.filter);
    limef_filter_clear(&stream->split.filter);
}

static void run_round(const char *url, struct AVBufferRef *device)
{
    for (unsigned i = 0; i < N_READERS; i++)
        start_reader(&readers[i], i);
    for (unsigned i = 0; i < N_STREAMS; i++)
        open_stream(&streams[i], url, device);
    for (unsigned i = 0; i < N_READERS; i++)
        CHECK(limef_thread_start(&readers[i].consumer.thread) == 0);
    for (unsigned i = 0; i < N_STREAMS; i++)
        CHECK(limef_thread_start(&streams[i].producer.thread) == 0);
    for (unsigned i = 0; i < N_READERS; i++)
        CHECK(WAIT_FOR(atomic_load(&readers[i].n_ends) == N_STREAMS));
    /* the decoders go first: pictures that are held, or wait, outlive them */
    for (unsigned i = 0; i < N_STREAMS; i++)
        close_stream(&streams[i]);
    for (unsigned i = 0; i < N_READERS; i++) {
        CHECK(limef_thread_stop(&readers[i].consumer.thread, TOO_LONG_US) == 0);
        for (unsigned n = 0; n < N_HELD; n++)
            let_go(&readers[i], n);
        CHECK(atomic_load(&readers[i].n_seen) == N_STREAMS * N_PICTURES);
    }
    for (unsigned i = 0; i < N_STREAMS; i++)
        for (unsigned n = 0; n < N_READERS; n++)
            limef_filter_clear(&streams[i].inputs[n].filter);
    for (unsigned i = 0; i < N_READERS; i++)
        limef_consumer_clear(&readers[i].consumer);
    memset(streams, 0, sizeof(streams));
    memset(readers, 0, sizeof(readers));
}

int main(void)
{
    struct AVBufferRef *device;
    const char *url;

    setenv("LIBVA_DRIVERS_PATH", LIMEF_TEST_VA_FOLDER, 1);
    setenv("LIBVA_DRIVER_NAME", "limef", 1);
    setenv("LIMEF_TEST_VA_MEMORY", "memfd", 1);
    av_log_set_level(AV_LOG_QUIET);
    url = media_make("a.mkv", &(struct media){.n_pictures = N_PICTURES, .b_frames = 2});
    CHECK(limef_hardware_device_open(&device, "/dev/null") == 0);
    for (unsigned i = 0; i < N_ROUNDS; i++)
        run_round(url, device);
    av_buffer_unref(&device);
    media_remove();
    printf("%u pictures of %u decoders, each read by %u threads\n",
           N_ROUNDS * N_STREAMS * N_PICTURES, N_ROUNDS * N_STREAMS, N_READERS);
    return 0;
}
