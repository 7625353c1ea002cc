/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The way into an audio thread: a bounded queue of small commands. Any thread sends,
 * the audio thread takes; nobody waits, and a full queue says so to the sender.
 * (Vyukov, Bounded MPMC queue, 1024cores.net, with one consumer.)
 */
#ifndef LIMEF_AUDIO_COMMANDS_H
#define LIMEF_AUDIO_COMMANDS_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** Commands that wait at most; a power of two. */
#define LIMEF_AUDIO_N_COMMANDS 256

/** What is to be done; its meaning is the receiver's. */
struct limef_audio_command {
    uint32_t kind;
    float value;
    void *object; /**< borrowed; must outlive the command */
};

/** Memory of a queue. All-zero is empty. */
struct limef_audio_commands {
    struct limef_audio_command_cell {
        /** Twice how often it was used, plus 1 while it is full; release and acquire. */
        LIMEF_ATOMIC(uint64_t) turn;
        struct limef_audio_command command;
    } cells[LIMEF_AUDIO_N_COMMANDS];
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint64_t) n_sent; /**< senders compete for the next one */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    uint64_t n_taken; /**< the receiver's */
};

/**
 * Sends a command.
 *
 * A sender that the system stops in the middle, between two instructions, holds back what others
 * send after it until it goes on: they still return at once, the receiver takes what came before
 * and finds nothing more.
 *
 * @param command  copied.
 * @return 0, or AVERROR(EAGAIN): the queue is full.
 * Thread: any. Never waits
 */
LIMEF_API int limef_audio_commands_send(struct limef_audio_commands *commands,
                                        const struct limef_audio_command *command);

/**
 * Takes the oldest command.
 *
 * @param command  written.
 * @return whether there was one.
 * Thread: the receiver. Wait-free
 */
LIMEF_API bool limef_audio_commands_take(struct limef_audio_commands *commands,
                                         struct limef_audio_command *command);

LIMEF_END_DECLS

#endif
