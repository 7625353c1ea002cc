/* SPDX-License-Identifier: MIT */
#include <limef/fifo/snapshot.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

TestSuite(snapshot, .timeout = 30);

Test(snapshot, holds_zeros_before_it_was_written)
{
    static const struct limef_snapshot snapshot;
    uint64_t state[2] = {1, 2};

    limef_snapshot_read(&snapshot, state, sizeof(state));
    cr_assert(zero(ulong, state[0]));
    cr_assert(zero(ulong, state[1]));
}

Test(snapshot, holds_what_was_written_last)
{
    static struct limef_snapshot snapshot;
    uint64_t state[LIMEF_SNAPSHOT_N_WORDS], read[LIMEF_SNAPSHOT_N_WORDS];

    for (uint64_t n = 1; n < 5; n++) {
        for (unsigned i = 0; i < LIMEF_SNAPSHOT_N_WORDS; i++)
            state[i] = n * 100 + i;
        limef_snapshot_write(&snapshot, state, sizeof(state));
    }
    limef_snapshot_read(&snapshot, read, sizeof(read));
    for (unsigned i = 0; i < LIMEF_SNAPSHOT_N_WORDS; i++)
        cr_assert(eq(ulong, read[i], 400 + i));
}

/* A thread of higher priority may read while the writer's was stopped. */
Test(snapshot, is_read_while_the_writer_stands_in_the_middle)
{
    static struct limef_snapshot snapshot;
    uint64_t state[2] = {1, 2};

    for (int n = 0; n < 3; n++) {
        uint32_t sequence = atomic_load(&snapshot.sequence);
        uint64_t read[2];

        limef_snapshot_write(&snapshot, state, sizeof(state));
        atomic_store(&snapshot.words[sequence & 1][0], 99); /* the next one, not yet there */
        limef_snapshot_read(&snapshot, read, sizeof(read));
        cr_assert(eq(ulong, read[0], state[0]));
        cr_assert(eq(ulong, read[1], state[1]));
        state[0]++;
    }
}
