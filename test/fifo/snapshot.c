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
