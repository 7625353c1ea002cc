/* SPDX-License-Identifier: MIT */
/*
 * What an export makes of any messages, between pictures: each byte below 250 says how long the
 * next message is, 250 and above mean that a picture comes. What the reader is counted to have, it
 * has.
 */
#include "filter/export_private.h"

#include <libavutil/frame.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_DEPTH 3
#define N_PICTURES (N_DEPTH + 2)
#define IS_PICTURE 250

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct export_server server;
static struct export_picture pictures[N_PICTURES];
static struct export_memory memories[N_PICTURES];
static uint8_t pixels[16 * 16];

static void open_server(void)
{
    memset(&server, 0, sizeof(server));
    memset(pictures, 0, sizeof(pictures));
    server.name = "fuzz";
    server.settings.max_readers = 1;
    server.settings.max_depth = N_DEPTH;
    server.pictures = pictures;
    server.memories = memories;
    server.n_pictures = N_PICTURES;
    for (unsigned i = 0; i < N_PICTURES; i++)
        memories[i].fd = -1;
}

static void give(uint64_t sequence)
{
    struct AVFrame av = {
        .format = AV_PIX_FMT_GRAY8, .width = 16, .height = 16, .data = {pixels}, .linesize = {16}};
    struct limef_decoded_frame decoded = {
        .frame = {.frame_class = LIMEF_FRAME_DECODED, .media = LIMEF_MEDIA_VIDEO}, .av = &av};
    struct export_picture *picture = export_picture_take(&server, &decoded, sequence);

    if (!picture)
        abort();
    if (server.readers[0].subscribed)
        export_reader_offer(&server, &server.readers[0], picture);
    if (server.newest)
        export_picture_unref(&server, server.newest, false);
    server.newest = picture;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct export_reader *reader = &server.readers[0];
    uint64_t sequence = 0;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) < 0)
        return 0;
    open_server();
    export_reader_open(&server, reader, ends[0], 0);
    while (size > 0 && reader->fd >= 0) {
        size_t bytes = *data;
        enum limef_export_reason reason;

        data++;
        size--;
        if (bytes >= IS_PICTURE) {
            give(++sequence);
            continue;
        }
        bytes = bytes < size ? bytes : size;
        reason = export_reader_take(&server, reader, data, bytes);
        if (reason != LIMEF_EXPORT_OVER)
            export_reader_close(&server, reader, reason);
        data += bytes;
        size -= bytes;
        if (LIMEF_COUNTED(reader->n_held) > N_DEPTH)
            abort();
    }
    if (reader->fd >= 0)
        export_reader_close(&server, reader, LIMEF_EXPORT_OVER);
    if (server.newest)
        export_picture_unref(&server, server.newest, false);
    for (unsigned i = 0; i < N_PICTURES; i++)
        if (pictures[i].n_users || memories[i].used)
            abort();
    export_memories_trim(&server);
    close(ends[1]);
    return 0;
}
