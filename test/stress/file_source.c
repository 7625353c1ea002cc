/* SPDX-License-Identifier: MIT */
/*
 * Stops a source's thread wherever it may hang: in a pipe that nobody writes,
 * in a server that does not answer, in the middle of playing through a
 * boundary into a decoder's thread, in a boundary that nobody reads. Each stop
 * has a deadline, and the same objects start again.
 */
#include <limef/filter/decode.h>
#include <limef/filter/file_source.h>
#include <limef/filter/input.h>
#include <limef/thread/consumer.h>

#include "support/make_media.h"
#include "support/play.h"
#include "support/silence.h"

#include <limef/base/log.h>

#include <libavutil/log.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STOP_US 5000000 /* a machine under load; the source itself looks every 0.1 s */
#define N_ROUNDS 30
#define N_FRAMES 16

static unsigned n_wrong;

static void expect(bool is_right, const char *what)
{
    if (is_right)
        return;
    printf("wrong: %s\n", what);
    n_wrong++;
}

static void pass_time(long us)
{
    nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

/* Starts and stops a source that can only wait. */
static void stop_what_hangs(const char *what, const char *url, const char *options)
{
    struct limef_file_source file = {0};
    struct limef_producer producer = {0};

    limef_file_source_init(&file, what,
                           &(struct limef_file_source_settings){
                               .url = url, .options = options, .timeout_us = 3600000000});
    limef_producer_init(&producer, &file.source, NULL);
    for (int i = 0; i < 3; i++) {
        expect(limef_thread_start(&producer.thread) == 0, what);
        pass_time(i * 30000);
        expect(limef_thread_stop(&producer.thread, STOP_US) == 0, what);
    }
    limef_producer_clear(&producer);
    limef_filter_clear(&file.source.filter);
}

/* A server that takes connections and says nothing. @return its port */
static int listen_silently(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(*fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(*fd, 8) != 0 ||
        getsockname(*fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    return ntohs(address.sin_port);
}

struct counting_filter {
    struct limef_filter filter;
    _Atomic(unsigned) n_pictures;
};

static int counting_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct counting_filter *counting = LIMEF_CONTAINER_OF(filter, struct counting_filter, filter);

    counting->n_pictures += in->frame_class == LIMEF_FRAME_DECODED;
    return 0;
}

static const struct limef_filter_ops counting_ops = {.kind = "counting", .go = counting_go};

/* Source, boundary, decoder; started and stopped in changing order at changing moments. */
static void stop_while_playing(const char *url)
{
    static struct limef_stack_frame frames[N_FRAMES];
    struct limef_file_source file = {0};
    struct limef_producer producer = {0};
    struct limef_consumer consumer = {0};
    struct limef_input_filter input = {0};
    struct limef_decode_filter decode = {0};
    struct counting_filter counting = {0};

    limef_filter_init(&counting.filter, &counting_ops, NULL);
    limef_decode_filter_init(&decode, NULL, &(struct limef_decode_settings){.n_threads = 2});
    limef_connect(&decode.filter, &counting.filter);
    limef_consumer_init(&consumer, &decode.filter, NULL);
    limef_input_filter_init(&input, NULL, &consumer.fifo, frames, N_FRAMES, NULL);
    limef_file_source_init(&file, NULL,
                           &(struct limef_file_source_settings){.url = url,
                                                                .pace = LIMEF_PACE_FASTEST,
                                                                .n_loops = LIMEF_LOOP_FOREVER});
    limef_connect(&file.source.filter, &input.filter);
    limef_producer_init(&producer, &file.source, NULL);
    for (int i = 0; i < N_ROUNDS; i++) {
        struct limef_thread *first = i % 2 ? &producer.thread : &consumer.thread;
        struct limef_thread *second = i % 2 ? &consumer.thread : &producer.thread;
        struct limef_signal_frame seek;

        expect(limef_thread_start(first) == 0, "start");
        expect(limef_thread_start(second) == 0, "start the other");
        limef_signal_frame_set(&seek, LIMEF_SIGNAL_SEEK, 0, NULL);
        seek.value = i * 40000;
        seek.code = i % 2;
        limef_thread_send(&producer.thread, &seek);
        pass_time(i % 7 * 1000);
        expect(limef_thread_stop(i % 3 ? first : second, STOP_US) == 0, "stop");
        expect(limef_thread_stop(i % 3 ? second : first, STOP_US) == 0, "stop the other");
    }
    /* on a machine under load no round was long enough, perhaps */
    expect(limef_thread_start(&consumer.thread) == 0, "start once more");
    expect(limef_thread_start(&producer.thread) == 0, "start the other once more");
    for (int i = 0; i < 20000 && !counting.n_pictures; i++)
        pass_time(1000);
    expect(counting.n_pictures > 0, "nothing was decoded");
    expect(limef_thread_stop(&producer.thread, STOP_US) == 0, "stop the last time");
    expect(limef_thread_stop(&consumer.thread, STOP_US) == 0, "stop the other the last time");
    limef_producer_clear(&producer);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&input.filter);
    limef_consumer_clear(&consumer);
    limef_filter_clear(&decode.filter);
}

int main(void)
{
    char url[128];
    int server;

    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(log_to_nobody, NULL);
    if (mkfifo(media_path("fifo"), 0600) != 0)
        return 77;
    stop_what_hangs("a pipe that nobody writes", media_path("fifo"), NULL);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/x", listen_silently(&server));
    stop_what_hangs("a web server that does not answer", url, NULL);
    close(server);
    snprintf(url, sizeof(url), "rtsp://127.0.0.1:%d/x", listen_silently(&server));
    stop_what_hangs("a camera that does not answer", url, "rtsp_transport=tcp");
    close(server);
    stop_while_playing(
        media_make("a.mp4", &(struct media){.n_pictures = 50, .b_frames = 2, .audio = true}));
    media_remove();
    printf("%u wrong\n", n_wrong);
    return n_wrong > 0;
}
