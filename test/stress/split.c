/* SPDX-License-Identifier: MIT */
/*
 * Branches come and go from two threads while frames flow on a third. A branch
 * that is disconnected is overwritten at once: a frame that still reached it
 * is a data race (for ThreadSanitizer) or a wrong canary (for everybody). Each
 * gets what a gop cache has kept first: all frames from a key frame on, none twice.
 */
#include <limef/filter/gop_cache.h>
#include <limef/filter/split.h>

#include "support/boundary.h"
#include "support/frames.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define N_FRAMES 200000
#define N_MOVERS 2
#define N_BRANCHES 3 /* of each mover */
#define GOP 20
#define CANARY 0x600dcafeu

struct branch {
    struct limef_filter filter;
    uint32_t canary;
    uint64_t n_got;
    bool had_codec;
    int64_t next; /* number of the frame that has to come; 0: any key frame */
};

static struct limef_gop_cache_filter cache;
static struct limef_split_filter split;
static _Atomic(bool) done;
static _Atomic(unsigned) n_wrong;

static int branch_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct branch *branch = LIMEF_CONTAINER_OF(filter, struct branch, filter);

    if (in->frame_class == LIMEF_FRAME_CODEC)
        branch->had_codec = true;
    if (branch->canary != CANARY || !branch->had_codec)
        n_wrong++;
    if (in->frame_class == LIMEF_FRAME_PACKET) {
        int64_t number = limef_packet_frame_from(in)->dts_us;

        if (branch->next ? number != branch->next : number % GOP != 0)
            n_wrong++;
        branch->next = number + 1;
    }
    branch->n_got++;
    return 0;
}

static const struct limef_filter_ops branch_ops = {.kind = "branch", .go = branch_go};

static void *run_frames(void *unused)
{
    for (int i = 0; i < N_FRAMES; i++) {
        struct limef_packet_frame packet =
            packet_frame(i, LIMEF_MEDIA_VIDEO, i % GOP ? 0 : LIMEF_FRAME_KEY);

        limef_go(&cache.filter, &packet.frame);
        if (i % 64 == 0)
            sched_yield();
    }
    done = true;
    return unused;
}

static void *run_mover(void *total)
{
    struct branch branches[N_BRANCHES];
    uint64_t *n_got = total;

    while (!done) {
        for (int i = 0; i < N_BRANCHES; i++) {
            branches[i] = (struct branch){.filter = LIMEF_FILTER(&branch_ops, "branch", NULL),
                                          .canary = CANARY};
            if (limef_split_connect(&split, &branches[i].filter, LIMEF_SPLIT_BURST_FIRST) < 0)
                n_wrong++;
            sched_yield();
        }
        for (int i = 0; i < N_BRANCHES; i++) {
            if (limef_split_disconnect(&split, &branches[i].filter, LIMEF_FOREVER) < 0)
                n_wrong++;
            *n_got += branches[i].n_got;
            memset(&branches[i], 0, sizeof(branches[i]));
        }
    }
    return NULL;
}

int main(void)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);
    pthread_t frames, movers[N_MOVERS];
    uint64_t n_got[N_MOVERS] = {0}, n_all = 0;

    limef_split_filter_init(&split, "split");
    limef_gop_cache_filter_init(&cache, "cache", NULL);
    limef_connect(&cache.filter, &split.filter);
    limef_go(&cache.filter, &codec.frame);
    for (int i = 0; i < N_MOVERS; i++)
        pthread_create(&movers[i], NULL, run_mover, &n_got[i]);
    pthread_create(&frames, NULL, run_frames, NULL);
    pthread_join(frames, NULL);
    for (int i = 0; i < N_MOVERS; i++) {
        pthread_join(movers[i], NULL);
        n_all += n_got[i];
    }
    limef_filter_clear(&cache.filter);
    limef_filter_clear(&split.filter);
    limef_payload_unref(codec.frame.payload);
    limef_pool_release(pool);
    printf("%u frames, %llu received by branches, %u wrong\n", N_FRAMES, (unsigned long long)n_all,
           n_wrong);
    return n_wrong || !n_all;
}
