/* SPDX-License-Identifier: MIT */
#include <limef/audio/commands.h>

#include <errno.h>
#include <libavutil/error.h>

static struct limef_audio_command_cell *cell_at(struct limef_audio_commands *commands, uint64_t at)
{
    return &commands->cells[at % LIMEF_AUDIO_N_COMMANDS];
}

/* The turn of an empty cell when it is that number's. */
static uint64_t turn_of(uint64_t at)
{
    return at / LIMEF_AUDIO_N_COMMANDS * 2;
}

int limef_audio_commands_send(struct limef_audio_commands *commands,
                              const struct limef_audio_command *command)
{
    uint64_t at = atomic_load_explicit(&commands->n_sent, memory_order_relaxed);

    for (;;) {
        struct limef_audio_command_cell *cell = cell_at(commands, at);
        /* acquire: the receiver is done with it; pairs with its release */
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        int64_t behind = (int64_t)(turn - turn_of(at));

        if (behind < 0)
            return AVERROR(EAGAIN);
        if (behind > 0) { /* another sender had it */
            at = atomic_load_explicit(&commands->n_sent, memory_order_relaxed);
            continue;
        }
        if (!atomic_compare_exchange_weak_explicit(&commands->n_sent, &at, at + 1,
                                                   memory_order_relaxed, memory_order_relaxed))
            continue;
        cell->command = *command;
        /* release: the command; pairs with the acquire in take */
        atomic_store_explicit(&cell->turn, turn + 1, memory_order_release);
        return 0;
    }
}

bool limef_audio_commands_take(struct limef_audio_commands *commands,
                               struct limef_audio_command *command)
{
    struct limef_audio_command_cell *cell = cell_at(commands, commands->n_taken);
    uint64_t full = turn_of(commands->n_taken) + 1;

    /* acquire: the command; pairs with the release in send */
    if (atomic_load_explicit(&cell->turn, memory_order_acquire) != full)
        return false;
    *command = cell->command;
    commands->n_taken++;
    /* release: the cell is free; pairs with the acquire in send */
    atomic_store_explicit(&cell->turn, full + 1, memory_order_release);
    return true;
}
