/* SPDX-License-Identifier: MIT */
#include <limef/filter/export.h>

#include "filter/export_private.h"
#include "filter/filter_counts.h"

#include <libavutil/error.h>

static struct limef_export_filter *export_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_export_filter, filter);
}

/* Gives a picture to the thread that serves, if anybody wants it. */
static void hand_over(struct limef_export_filter *export_filter, const struct limef_frame *in)
{
    struct export_server *server = export_filter->server;

    LIMEF_COUNT(export_filter->n_pictures, 1);
    if (LIMEF_COUNTED(server->n_subscribed) == 0 || limef_lane_write(&server->lane, in) < 0)
        LIMEF_COUNT(server->n_unread, 1);
    else
        atomic_store_explicit(&export_filter->filter.copied_bytes,
                              LIMEF_COUNTED(server->copied_bytes) +
                                  LIMEF_COUNTED(server->lane.copied_bytes),
                              memory_order_relaxed);
}

static int export_go(struct limef_filter *filter, const struct limef_frame *in)
{
    if (in->frame_class == LIMEF_FRAME_DECODED && in->media == LIMEF_MEDIA_VIDEO)
        hand_over(export_of(filter), in);
    return limef_pass(filter, in);
}

static void export_clear(struct limef_filter *filter)
{
    struct limef_export_filter *export_filter = export_of(filter);

    export_server_close(&export_filter->server);
    *export_filter = (struct limef_export_filter){0};
}

static unsigned export_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct export_server *server =
        LIMEF_CONTAINER_OF(filter, const struct limef_export_filter, filter)->server;
    const struct limef_filter_count now[] = {
        {"unread", LIMEF_COUNTED(server->n_unread)},
        {"late", LIMEF_COUNTED(server->lane.n_dropped_oldest)},
        {"missed", LIMEF_COUNTED(server->n_missed)},
        {"failed", LIMEF_COUNTED(server->n_failed)},
        {"refused", LIMEF_COUNTED(server->n_refused)},
        {"expelled", LIMEF_COUNTED(server->n_expelled)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops export_ops = {.kind = "export",
                                                   .flags = LIMEF_FILTER_SELF_THREADED,
                                                   .go = export_go,
                                                   .clear = export_clear,
                                                   .counts = export_counts};

int limef_export_filter_init(struct limef_export_filter *export_filter, const char *name,
                             const struct limef_export_settings *settings)
{
    int ret = export_server_open(&export_filter->server, name ? name : export_ops.kind, settings);

    if (ret < 0)
        return ret;
    limef_filter_init(&export_filter->filter, &export_ops, name);
    export_filter->filter.n_kept = limef_export_max_pictures(settings);
    return 0;
}

void limef_export_get_counters(const struct limef_export_filter *export_filter,
                               struct limef_export_counters *counters)
{
    const struct export_server *server = export_filter->server;

    *counters = (struct limef_export_counters){
        .n_pictures = LIMEF_COUNTED(export_filter->n_pictures),
        .n_unread = LIMEF_COUNTED(server->n_unread),
        .n_late = LIMEF_COUNTED(server->lane.n_dropped_oldest),
        .n_sent = LIMEF_COUNTED(server->n_sent),
        .n_missed = LIMEF_COUNTED(server->n_missed),
        .n_direct = LIMEF_COUNTED(server->n_direct),
        .n_failed = LIMEF_COUNTED(server->n_failed),
        .copied_bytes =
            LIMEF_COUNTED(server->copied_bytes) + LIMEF_COUNTED(server->lane.copied_bytes),
        .copied_why = LIMEF_COUNTED(server->copied_why),
        .n_connected = LIMEF_COUNTED(server->n_connected),
        .n_refused = LIMEF_COUNTED(server->n_refused),
        .n_expelled = LIMEF_COUNTED(server->n_expelled),
        .n_readers = LIMEF_COUNTED(server->n_subscribed),
        .n_lent = LIMEF_COUNTED(server->n_lent),
    };
}

int limef_export_get_reader(const struct limef_export_filter *export_filter, unsigned n,
                            struct limef_export_reader_state *state)
{
    const struct export_reader *reader;

    if (n >= export_filter->server->settings.max_readers)
        return AVERROR(ENOENT);
    reader = &export_filter->server->readers[n];
    *state = (struct limef_export_reader_state){
        .pid = LIMEF_COUNTED(reader->pid),
        .mode = (enum limef_export_mode)LIMEF_COUNTED(reader->mode),
        .depth = LIMEF_COUNTED(reader->depth),
        .n_held = LIMEF_COUNTED(reader->n_held),
        .n_sent = LIMEF_COUNTED(reader->n_sent),
        .n_missed = LIMEF_COUNTED(reader->n_missed),
    };
    return state->mode ? 0 : AVERROR(ENOENT);
}
