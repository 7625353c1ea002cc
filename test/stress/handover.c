/* SPDX-License-Identifier: MIT */
/*
 * A presenter's thread writes pictures and texts, another one reads the newest: in order, whole,
 * the last one in the end, and every reference comes back.
 */
#include "stress.h"

#include "filter/handover.h"

#include <libavutil/frame.h>
#include <limef/frame/pool.h>
#include <sched.h>
#include <stdio.h>

#define N_PICTURES 20000
#define N_TILES 2

static struct handover *handover;
static LIMEF_ATOMIC(bool) done;
static uint64_t n_fresh[N_TILES];
static int64_t last[N_TILES];

static void *run_reader(void *unused)
{
    bool over, fresh;

    do {
        over = atomic_load(&done);
        for (unsigned tile = 0; tile < N_TILES; tile++) {
            const struct limef_decoded_frame *picture =
                handover_read_picture(handover, tile, &fresh);
            const char *text = handover_read_text(handover, tile);
            long long number = -1;

            n_fresh[tile] += fresh;
            if (!picture)
                continue;
            CHECK(picture->frame.pts_us >= last[tile]);
            CHECK(!fresh || picture->frame.pts_us > last[tile]);
            CHECK(picture->av->width == 16 && picture->av->pts == picture->frame.pts_us);
            last[tile] = picture->frame.pts_us;
            CHECK(!*text || sscanf(text, "picture %lld of the film", &number) == 1);
        }
    } while (!over);
    return unused;
}

int main(void)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    uint64_t n_skipped[N_TILES] = {0};
    unsigned n_made;
    pthread_t reader;

    handover = handover_create(N_TILES);
    CHECK(handover && pool);
    CHECK(pthread_create(&reader, NULL, run_reader, NULL) == 0);
    for (int64_t n = 1; n <= N_PICTURES; n++)
        for (unsigned tile = 0; tile < N_TILES; tile++) {
            struct limef_payload *payload = limef_pool_get(pool);
            struct AVFrame *av = limef_payload_picture(payload);
            struct limef_decoded_frame decoded;
            uint64_t copied_bytes;
            char text[64];
            bool skipped;

            av->width = av->height = 16;
            av->pts = n;
            limef_decoded_frame_set(&decoded, payload);
            decoded.frame.pts_us = n;
            snprintf(text, sizeof(text), "picture %lld of the film", (long long)n);
            handover_write_text(handover, tile, text);
            CHECK(handover_write_picture(handover, tile, &decoded, &copied_bytes, &skipped) == 0);
            CHECK(copied_bytes == 0);
            n_skipped[tile] += skipped;
            limef_payload_unref(payload);
            if (n % 64 == 0)
                sched_yield();
        }
    atomic_store(&done, true);
    must_join(reader);
    n_made = limef_pool_n_made(pool);
    for (unsigned tile = 0; tile < N_TILES; tile++) {
        CHECK(last[tile] == N_PICTURES);
        CHECK(n_fresh[tile] + n_skipped[tile] == N_PICTURES);
    }
    handover_release(handover);
    limef_pool_release(pool);
    printf("%d pictures, %llu read, %llu skipped, %u payloads\n", N_PICTURES * N_TILES,
           (unsigned long long)(n_fresh[0] + n_fresh[1]),
           (unsigned long long)(n_skipped[0] + n_skipped[1]), n_made);
    return n_made > 32;
}
