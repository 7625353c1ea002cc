/* SPDX-License-Identifier: MIT */
/*
 * What an export costs a chain while nobody reads: no system call, which a seccomp filter would end
 * the process for, no allocation, no reference that stays, no copied byte.
 */
#include <limef/filter/export.h>

#include "support/check.h"
#include "support/counted_calls.h"
#include "support/frames.h"

#include <libavutil/frame.h>
#include <limef/base/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define N_PICTURES 10000

static struct limef_export_filter exporter;

static void run(const void *context)
{
    const struct limef_decoded_frame *decoded = context;

    for (unsigned n = 0; n < N_PICTURES; n++)
        if (limef_go(&exporter.filter, &decoded->frame) != 0)
            _exit(1);
}

int main(void)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_payload *payload = limef_pool_get(pool);
    struct AVFrame *made = make_picture(AV_PIX_FMT_YUV420P, 64, 48, 1);
    struct limef_export_counters counters;
    struct limef_decoded_frame decoded;
    uint64_t before;
    char path[64];

    snprintf(path, sizeof(path), "idle-export-%d.sock", (int)getpid());
    CHECK(limef_export_filter_init(&exporter, "export",
                                   &(struct limef_export_settings){.path = path}) == 0);
    av_frame_move_ref(limef_payload_picture(payload), made);
    av_frame_free(&made);
    limef_decoded_frame_set(&decoded, payload);
    before = limef_memory_n_allocations();
    run(&decoded);
    limef_export_get_counters(&exporter, &counters);
    CHECK(limef_memory_n_allocations() == before);
    CHECK(counters.n_unread == N_PICTURES && counters.copied_bytes == 0);
    CHECK(LIMEF_COUNTED(payload->n_refs) == 1);
    CHECK(makes_no_system_calls(run, &decoded, -1));
    limef_filter_clear(&exporter.filter);
    limef_payload_unref(payload);
    limef_pool_release(pool);
    printf("%u pictures, nobody read\n", N_PICTURES);
    return 0;
}
