/* SPDX-License-Identifier: MIT */
#include <limef/base/memory.h>

#include "base/memory_private.h"
#include "support/failing.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>

Test(memory, is_zeroed_aligned_and_counted)
{
    uint64_t before = limef_memory_n_allocations();
    unsigned char *memory = memory_allocate(100);

    cr_assert(eq(u64, (uintptr_t)memory % LIMEF_CACHE_LINE_BYTES, 0));
    for (int i = 0; i < 100; i++)
        cr_assert(eq(int, memory[i], 0));
    cr_assert(eq(u64, limef_memory_n_allocations(), before + 1));
    memory_release(memory);
}

Test(memory, comes_from_the_allocator_that_was_set)
{
    void *memory;

    failing_install(0);
    memory = memory_allocate(1);
    cr_assert(eq(int, failing_n_out(), 1));
    memory_release(memory);
    memory_release(NULL);
    cr_assert(eq(int, failing_n_out(), 0));
    failing_remove();
    memory = memory_allocate(1);
    cr_assert(eq(int, failing_n_out(), 0));
    memory_release(memory);
}

Test(memory, what_is_refused_is_not_counted)
{
    uint64_t before = limef_memory_n_allocations();

    failing_install(1);
    cr_assert(eq(ptr, memory_allocate(1), NULL));
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    failing_remove();
}

Test(memory, objects_of_libavcodec_fail_and_count_with_it)
{
    uint64_t before = limef_memory_n_allocations();
    struct AVPacket *packet;
    struct AVFrame *frame;
    struct AVCodecParameters *parameters;

    failing_install(1);
    cr_assert(eq(ptr, memory_new_packet(), NULL));
    failing_install(1);
    cr_assert(eq(ptr, memory_new_av_frame(), NULL));
    failing_install(1);
    cr_assert(eq(ptr, memory_new_codec_parameters(), NULL));
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    packet = memory_new_packet();
    frame = memory_new_av_frame();
    parameters = memory_new_codec_parameters();
    cr_assert(eq(u64, limef_memory_n_allocations(), before + 3));
    cr_assert(eq(int, failing_n_out(), 0));
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_parameters_free(&parameters);
    failing_remove();
}
