/* SPDX-License-Identifier: MIT */
#include <limef/audio/commands.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>

static struct limef_audio_commands commands;

static int send(uint32_t number)
{
    struct limef_audio_command command = {.kind = number, .value = (float)number};

    return limef_audio_commands_send(&commands, &command);
}

TestSuite(audio_commands, .timeout = 30);

Test(audio_commands, come_in_their_order_for_many_rounds)
{
    struct limef_audio_command command;

    for (uint32_t n = 0; n < 5 * LIMEF_AUDIO_N_COMMANDS; n += 3) {
        for (uint32_t i = 0; i < 3; i++)
            cr_assert(zero(int, send(n + i)));
        for (uint32_t i = 0; i < 3; i++) {
            cr_assert(limef_audio_commands_take(&commands, &command));
            cr_assert(eq(u32, command.kind, n + i));
            cr_assert(eq(flt, command.value, (float)(n + i)));
        }
    }
    cr_assert(not(limef_audio_commands_take(&commands, &command)));
}

Test(audio_commands, are_refused_when_too_many_wait)
{
    struct limef_audio_command command;

    for (uint32_t n = 0; n < LIMEF_AUDIO_N_COMMANDS; n++)
        cr_assert(zero(int, send(n)));
    cr_assert(eq(int, send(1000), AVERROR(EAGAIN)));
    cr_assert(limef_audio_commands_take(&commands, &command));
    cr_assert(zero(u32, command.kind));
    cr_assert(zero(int, send(1001)));
    cr_assert(eq(int, send(1002), AVERROR(EAGAIN)));
}

Test(audio_commands, wait_behind_one_whose_sender_was_stopped_in_the_middle)
{
    struct limef_audio_command_cell *cell;
    struct limef_audio_command command;

    cr_assert(zero(int, send(1)));
    cell = &commands.cells[atomic_fetch_add(&commands.n_sent, 1)]; /* it has written nothing yet */
    cr_assert(zero(int, send(3)));
    cr_assert(limef_audio_commands_take(&commands, &command));
    cr_assert(eq(u32, command.kind, 1));
    cr_assert(not(limef_audio_commands_take(&commands, &command)));
    cell->command = (struct limef_audio_command){.kind = 2};
    atomic_fetch_add(&cell->turn, 1);
    for (uint32_t i = 2; i < 4; i++) {
        cr_assert(limef_audio_commands_take(&commands, &command));
        cr_assert(eq(u32, command.kind, i));
    }
}
