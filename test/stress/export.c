/* SPDX-License-Identifier: MIT */
/*
 * Pictures of one byte each flow while readers of all kinds come and go: of the latest, of the
 * queue, sleepers, and some that talk nonsense. A picture whose bytes differ was written while
 * somebody read it. In the end all pictures are back.
 */
#include "stress.h"

#include "connection.h"

#include <limef/filter/export.h>

#include <libavutil/frame.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define N_PICTURES 3000
#define N_READERS 6
#define WIDTH 320
#define HEIGHT 240

static struct limef_export_filter exporter;
static struct limef_pool *pool;
static char path[64];
static LIMEF_ATOMIC(bool) done;
static LIMEF_ATOMIC(uint64_t) n_read, n_gone, n_expelled;

static void give(unsigned n)
{
    struct limef_payload *payload = limef_pool_get(pool);
    struct AVFrame *av = limef_payload_picture(payload);
    struct limef_decoded_frame decoded;

    av->format = AV_PIX_FMT_GRAY8;
    av->width = n % 500 < 400 ? WIDTH : 2 * WIDTH;
    av->height = HEIGHT;
    CHECK(av_frame_get_buffer(av, 0) == 0);
    memset(av->data[0], (int)(n & 0xff), (size_t)av->linesize[0] * HEIGHT);
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.pts_us = n;
    CHECK(limef_go(&exporter.filter, &decoded.frame) == 0);
    limef_payload_unref(payload);
}

static void check_picture(struct connection *connection, struct picture *picture)
{
    const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
    const struct limef_export_plane *plane = &picture->frame.planes[0];

    CHECK(connection_map(connection, picture, planes) == 0);
    for (uint32_t y = 0; y < plane->rows; y++)
        for (uint32_t x = 0; x < plane->row_bytes; x++)
            CHECK(planes[0][(size_t)y * plane->pitch_bytes + x] == (uint8_t)picture->frame.pts_us);
    atomic_fetch_add(&n_read, 1);
}

/* A visit of some pictures. Returns whether it broke the protocol. */
static bool visit(struct connection *connection, enum limef_export_mode mode, uint32_t *state)
{
    unsigned n = next_random(state) % 50;
    uint64_t last = 0;
    uint32_t reason;

    for (unsigned i = 0; i < n; i++) {
        struct picture picture;

        if (mode == LIMEF_EXPORT_LATEST)
            connection_ask(connection);
        if (connection_read(connection, &picture, &reason) <= 0)
            return false;
        CHECK(picture.frame.sequence > last);
        CHECK(!last || picture.frame.n_missed == picture.frame.sequence - last - 1);
        last = picture.frame.sequence;
        check_picture(connection, &picture);
        if (next_random(state) % 16 == 0)
            for (uint32_t turns = next_random(state) % 1000; turns > 0; turns--)
                sched_yield();
        check_picture(connection, &picture);
        if (next_random(state) % 64 == 0) { /* what it does not have */
            picture.frame.sequence += 1000;
            connection_release(connection, &picture);
            return true;
        }
        connection_release(connection, &picture);
    }
    return false;
}

static void *run_reader(void *argument)
{
    uint32_t state = 77u + (uint32_t)(uintptr_t)argument;

    while (!atomic_load(&done)) {
        struct limef_export_subscribe wanted = {
            .mode = next_random(&state) % 2 ? LIMEF_EXPORT_LATEST : LIMEF_EXPORT_QUEUED,
            .depth = 1 + next_random(&state) % 4};
        static _Thread_local struct connection connection;

        if (connection_open(&connection, path, &wanted) == 0) {
            setsockopt(connection.socket, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 1},
                       sizeof(struct timeval));
            if (visit(&connection, wanted.mode, &state))
                atomic_fetch_add(&n_expelled, 1);
            atomic_fetch_add(&n_gone, 1);
        }
        connection_close(&connection);
    }
    return NULL;
}

int main(void)
{
    struct limef_export_settings settings = {.path = path, .max_readers = N_READERS - 1};
    struct limef_export_counters counters;
    pthread_t readers[N_READERS];

    snprintf(path, sizeof(path), "stress-export-%d.sock", (int)getpid());
    limef_log_set_level(LIMEF_LOG_ERROR);
    pool = limef_pool_create(LIMEF_FRAME_DECODED);
    CHECK(limef_export_filter_init(&exporter, "export", &settings) == 0);
    for (uintptr_t i = 0; i < N_READERS; i++)
        CHECK(pthread_create(&readers[i], NULL, run_reader, (void *)i) == 0);
    /* until enough came, and readers have come and gone */
    for (unsigned n = 1; n <= N_PICTURES || atomic_load(&n_gone) <= N_READERS; n++) {
        give(n);
        sched_yield();
        limef_export_get_counters(&exporter, &counters);
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i < N_READERS; i++)
        must_join(readers[i]);
    CHECK(WAIT_FOR((limef_export_get_counters(&exporter, &counters), counters.n_readers == 0)));
    CHECK(counters.n_lent == 0);
    CHECK(counters.n_failed == 0);
    CHECK(atomic_load(&n_read) > 0 && atomic_load(&n_gone) > N_READERS);
    limef_filter_clear(&exporter.filter);
    limef_pool_release(pool);
    printf("%u pictures, %llu looked at, %llu sent, %llu missed, %llu visits, %llu broke the "
           "protocol, %llu bytes copied\n",
           N_PICTURES, (unsigned long long)n_read, (unsigned long long)counters.n_sent,
           (unsigned long long)counters.n_missed, (unsigned long long)n_gone,
           (unsigned long long)n_expelled, (unsigned long long)counters.copied_bytes);
    return 0;
}
