/* SPDX-License-Identifier: MIT */
/* An export under test, the pictures it gets, and readers of it. */
#ifndef LIMEF_TEST_FILTER_EXPORT_H
#define LIMEF_TEST_FILTER_EXPORT_H

#include <limef/filter/export.h>

#include "connection.h"
#include "support/chain.h"
#include "support/frames.h"
#include "support/make_media.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <sys/socket.h>
#include <sys/time.h>

static struct limef_export_filter exporter;
static struct limef_pool *pictures;
static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL), .counts_only = true};
static unsigned n_errors_logged;

static void note_log(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)name;
    (void)line;
    n_errors_logged += level == LIMEF_LOG_ERROR;
}

static const char *socket_path(void)
{
    return media_path("export.sock");
}

static int open_export(struct limef_export_settings settings)
{
    static char path[108];
    int ret;

    limef_log_set_sink(note_log, NULL);
    snprintf(path, sizeof(path), "%s", socket_path());
    settings.path = path;
    if (!pictures)
        pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    ret = limef_export_filter_init(&exporter, "export", &settings);
    if (ret == 0)
        limef_connect(&exporter.filter, &sink.filter);
    return ret;
}

static void close_export(void)
{
    limef_filter_clear(&exporter.filter);
    limef_pool_release(pictures);
    pictures = NULL;
    media_remove();
}

/* Gives a counted picture of bytes that depend on n. */
static void give_picture(int format, int width, int height, unsigned n)
{
    struct limef_payload *payload = limef_pool_get(pictures);
    struct AVFrame *made = make_picture(format, width, height, n);
    struct limef_decoded_frame decoded;

    av_frame_move_ref(limef_payload_picture(payload), made);
    av_frame_free(&made);
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.pts_us = (int64_t)n * 40000;
    decoded.frame.slot = 7;
    cr_assert(eq(int, limef_go(&exporter.filter, &decoded.frame), 0));
    limef_payload_unref(payload);
}

static inline void give(unsigned n)
{
    give_picture(AV_PIX_FMT_YUV420P, 64, 48, n);
}

static struct limef_export_counters counters(void)
{
    struct limef_export_counters now;

    limef_export_get_counters(&exporter, &now);
    return now;
}

/* Connects; the export knows it then. */
static struct connection join_as(struct limef_export_subscribe wanted)
{
    uint64_t n_connected = counters().n_connected;
    struct connection connection;

    cr_assert(eq(
        int, connection_open(&connection, exporter.filter.ops ? socket_path() : "", &wanted), 0));
    setsockopt(connection.socket, SOL_SOCKET, SO_RCVTIMEO,
               &(struct timeval){.tv_sec = TOO_LONG_US / 1000000}, sizeof(struct timeval));
    ASSERT_COMES(counters().n_connected > n_connected);
    return connection;
}

static inline struct connection join(enum limef_export_mode mode, uint32_t depth)
{
    return join_as((struct limef_export_subscribe){.mode = mode, .depth = depth});
}

/* Whether a picture's memory holds what give_picture(..., n) gave. */
static inline bool is_picture(struct connection *connection, struct picture *picture, int format,
                              unsigned n)
{
    const struct limef_export_frame *frame = &picture->frame;
    struct AVFrame *expected = make_picture(format, (int)frame->width, (int)frame->height, n);
    const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
    bool same = connection_map(connection, picture, planes) == 0;

    for (unsigned i = 0; same && i < frame->n_planes; i++)
        for (uint32_t y = 0; same && y < frame->planes[i].rows; y++)
            same = memcmp(planes[i] + (size_t)y * frame->planes[i].pitch_bytes,
                          expected->data[i] + (ptrdiff_t)y * expected->linesize[i],
                          frame->planes[i].row_bytes) == 0;
    av_frame_free(&expected);
    return same;
}

/* Gives a picture back; the export knows it then. */
static inline void give_back(struct connection *connection, struct picture *picture, unsigned n)
{
    struct limef_export_reader_state before, after;

    cr_assert(eq(int, limef_export_get_reader(&exporter, n, &before), 0));
    connection_release(connection, picture);
    ASSERT_COMES(limef_export_get_reader(&exporter, n, &after) == 0 &&
                 after.n_held < before.n_held);
}

static inline struct picture must_read(struct connection *connection)
{
    struct picture picture;
    uint32_t reason;

    cr_assert(eq(int, connection_read(connection, &picture, &reason), 1));
    return picture;
}

#endif
