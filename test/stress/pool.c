/* SPDX-License-Identifier: MIT */
/*
 * A pool's payloads cross to several consumers and are released there: none
 * is handed out while somebody refers to it, and few are ever made.
 */
#include "stress.h"

#include <libavcodec/packet.h>

#define N_FRAMES 30000
#define N_READERS 3

static struct boundary boundaries[N_READERS];

static void *read_to_the_end(void *context)
{
    struct boundary *boundary = context;
    int64_t expected = 0;

    for (;;) {
        struct limef_stack_frame *frame;

        CHECK(limef_fifo_read(&boundary->fifo, &frame, LIMEF_FOREVER) == 0);
        if (limef_signal_frame_from(&frame->any.frame))
            break;
        /* the payload itself, which nobody may have taken anew */
        CHECK(frame->any.packet.av->pts == expected);
        expected++;
        limef_fifo_recycle(&boundary->fifo, frame);
    }
    return (void *)(intptr_t)expected;
}

int main(void)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_PACKET);
    pthread_t readers[N_READERS];
    unsigned n_made;

    CHECK(pool);
    for (int i = 0; i < N_READERS; i++) {
        CHECK(boundary_open(&boundaries[i], 16, NULL) == 0);
        CHECK(!pthread_create(&readers[i], NULL, read_to_the_end, &boundaries[i]));
    }
    for (int64_t n = 0; n < N_FRAMES; n++) {
        struct limef_payload *payload = limef_pool_get(pool);
        struct limef_packet_frame packet;

        CHECK(payload);
        limef_payload_packet(payload)->pts = n;
        limef_packet_frame_set(&packet, payload);
        for (int i = 0; i < N_READERS; i++)
            CHECK(limef_lane_write(&boundaries[i].lane, &packet.frame) == 0);
        limef_payload_unref(payload);
    }
    n_made = limef_pool_n_made(pool);
    for (int i = 0; i < N_READERS; i++)
        CHECK(write_signal(&boundaries[i].lane, LIMEF_SIGNAL_END, 0) == 0);
    limef_pool_release(pool); /* before its last payloads are home */
    for (int i = 0; i < N_READERS; i++)
        CHECK((intptr_t)must_join(readers[i]) == N_FRAMES);
    for (int i = 0; i < N_READERS; i++)
        boundary_clear(&boundaries[i]);
    CHECK(n_made <= 16 * N_READERS + 16);
    printf("%d payloads crossed to %d readers and came home, %u were made\n", N_FRAMES, N_READERS,
           n_made);
    return 0;
}
