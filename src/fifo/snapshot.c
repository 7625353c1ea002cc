/* SPDX-License-Identifier: MIT */
#include <limef/fifo/snapshot.h>

#include <assert.h>
#include <string.h>

void limef_snapshot_write(struct limef_snapshot *snapshot, const void *data, size_t bytes)
{
    uint32_t sequence = LIMEF_COUNTED(snapshot->sequence) + 1;

    assert(bytes % 8 == 0 && bytes <= sizeof(snapshot->words[0]));
    /* release: who sees a word of these sees that the state before is the latest one, not the one
     * before that, which was here; pairs with the fence of a reader */
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < bytes / 8; i++) {
        uint64_t word;

        memcpy(&word, (const char *)data + i * 8, 8);
        atomic_store_explicit(&snapshot->words[sequence & 1][i], word, memory_order_relaxed);
    }
    /* release: the words; pairs with the acquire of a reader */
    atomic_store_explicit(&snapshot->sequence, sequence, memory_order_release);
}

void limef_snapshot_read(const struct limef_snapshot *snapshot, void *data, size_t bytes)
{
    uint32_t before, after;

    assert(bytes % 8 == 0 && bytes <= sizeof(snapshot->words[0]));
    do {
        /* acquire: the words; pairs with the release of the writer */
        before = atomic_load_explicit(&snapshot->sequence, memory_order_acquire);
        for (size_t i = 0; i < bytes / 8; i++) {
            uint64_t word =
                atomic_load_explicit(&snapshot->words[before & 1][i], memory_order_relaxed);

            memcpy((char *)data + i * 8, &word, 8);
        }
        /* acquire: if one of the words was newer, the number says so; pairs with the writer's
         * fence */
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&snapshot->sequence, memory_order_relaxed);
    } while (before != after);
}
