/* SPDX-License-Identifier: MIT */
/*
 * Pictures of frames contexts that were made outside of the library, each mapped for the first time
 * by several threads at once. The driver is the tests' own.
 */
#include <limef/frame/hardware.h>

#include "stress.h"

#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/log.h>

#define N_THREADS 3
#define N_ROUNDS 200

static struct round {
    pthread_barrier_t begin, end;
    AVFrame *pictures[N_THREADS]; /* references to the same one */
    uint64_t inodes[N_THREADS];
    int fds[N_THREADS];
    bool is_last;
} shared;

static AVFrame *make_picture(AVBufferRef *device)
{
    AVBufferRef *made = av_hwframe_ctx_alloc(device);
    AVFrame *picture = av_frame_alloc();
    AVHWFramesContext *frames;

    CHECK(made && picture);
    frames = (AVHWFramesContext *)(void *)made->data;
    frames->format = AV_PIX_FMT_VAAPI;
    frames->sw_format = AV_PIX_FMT_NV12;
    frames->width = frames->height = 64;
    CHECK(av_hwframe_ctx_init(made) == 0);
    CHECK(av_hwframe_get_buffer(made, picture, 0) == 0);
    av_buffer_unref(&made);
    return picture;
}

static void map(unsigned n)
{
    struct limef_hardware_frame hardware;

    CHECK(limef_hardware_frame_map(&hardware, shared.pictures[n]) == 0);
    shared.inodes[n] = hardware.planes[0].inode;
    shared.fds[n] = hardware.planes[0].fd;
}

static void *run_reader(void *context)
{
    unsigned n = *(unsigned *)context;

    for (;;) {
        pthread_barrier_wait(&shared.begin);
        if (shared.is_last)
            return NULL;
        map(n);
        pthread_barrier_wait(&shared.end);
    }
}

static void run_round(AVBufferRef *device)
{
    AVFrame *picture = make_picture(device);

    for (unsigned i = 0; i < N_THREADS; i++)
        CHECK((shared.pictures[i] = av_frame_clone(picture)));
    av_frame_free(&picture);
    pthread_barrier_wait(&shared.begin);
    map(0);
    pthread_barrier_wait(&shared.end);
    for (unsigned i = 0; i < N_THREADS; i++) {
        CHECK(shared.fds[i] == shared.fds[0] && shared.inodes[i] == shared.inodes[0]);
        av_frame_free(&shared.pictures[i]);
    }
}

int main(void)
{
    pthread_t threads[N_THREADS - 1];
    unsigned numbers[N_THREADS - 1];
    struct AVBufferRef *device;

    setenv("LIBVA_DRIVERS_PATH", LIMEF_TEST_VA_FOLDER, 1);
    setenv("LIBVA_DRIVER_NAME", "limef", 1);
    setenv("LIMEF_TEST_VA_MEMORY", "memfd", 1);
    av_log_set_level(AV_LOG_QUIET);
    CHECK(limef_hardware_device_open(&device, "/dev/null") == 0);
    pthread_barrier_init(&shared.begin, NULL, N_THREADS);
    pthread_barrier_init(&shared.end, NULL, N_THREADS);
    for (unsigned i = 0; i + 1 < N_THREADS; i++) {
        numbers[i] = i + 1;
        CHECK(pthread_create(&threads[i], NULL, run_reader, &numbers[i]) == 0);
    }
    for (unsigned i = 0; i < N_ROUNDS; i++)
        run_round(device);
    shared.is_last = true;
    pthread_barrier_wait(&shared.begin);
    for (unsigned i = 0; i + 1 < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&shared.begin);
    pthread_barrier_destroy(&shared.end);
    av_buffer_unref(&device);
    printf("%u pictures, each mapped first by %u threads at once\n", N_ROUNDS, N_THREADS);
    return 0;
}
