/* SPDX-License-Identifier: MIT */
#include "mains.h"

#define SUB 0
#define MAIN 1

static void send(struct player *player, struct limef_filter *to, uint32_t slot, uint32_t signal,
                 int64_t value)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, signal, slot, NULL);
    signal_frame.value = value;
    limef_graph_send(&player->graph, to, &signal_frame);
}

static void connect_main(struct player *player, struct play_stream *stream, bool connect)
{
    if (stream->main_connected == connect)
        return;
    stream->main_connected = connect;
    send(player, &stream->main.source.filter, play_stream_main_slot(stream),
         connect ? LIMEF_SIGNAL_START : LIMEF_SIGNAL_STOP, 0);
}

/* The switch goes on with what it has until the other one's key frame comes. */
static void want_main(struct player *player, struct play_stream *stream, bool wanted)
{
    if (stream->main_wanted == wanted)
        return;
    stream->main_wanted = wanted;
    if (wanted)
        connect_main(player, stream, true);
    send(player, &stream->choice.filter, stream->slot, LIMEF_SIGNAL_CHOOSE, wanted ? MAIN : SUB);
}

void mains_follow(struct player *player, uint32_t solo)
{
    for (uint32_t i = 0; i < player->n_streams; i++)
        if (player->streams[i].has_main && !player->streams[i].ended)
            want_main(player, &player->streams[i], i == solo);
}

void mains_look(struct player *player)
{
    for (uint32_t i = 0; i < player->n_streams && !player->options->keeps_mains; i++) {
        struct play_stream *stream = &player->streams[i];

        if (stream->has_main && !stream->main_wanted && limef_switch_on_air(&stream->choice) == SUB)
            connect_main(player, stream, false);
    }
}

void mains_end(struct player *player, struct play_stream *stream)
{
    if (stream->has_main)
        connect_main(player, stream, false);
}
