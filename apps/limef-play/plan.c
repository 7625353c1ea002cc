/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "player.h"

#include <limef/thread/plan_print.h>

#include <errno.h>
#include <inttypes.h>
#include <libavutil/error.h>

/* What was printed is out, or a line says that it is not. Failures of the graph are logged. */
static int check_written(FILE *file, const char *what, int ret)
{
    return fflush(file) || ferror(file)
               ? limef_fail(AVERROR(EIO), "limef-play", "cannot write %s", what)
               : ret;
}

static int write_text(struct player *player, const char *when)
{
    int ret;

    printf("plan, %s:\n", when);
    ret = limef_graph_print(&player->graph, limef_plan_print_text, stdout);
    return check_written(stdout, "the plan", ret);
}

static int write_dot(struct player *player)
{
    const char *path = player->options->dot;
    FILE *file = fopen(path, "w");
    int ret;

    if (!file)
        return limef_fail(AVERROR(errno), "limef-play", "cannot write %s", path);
    ret = limef_graph_print(&player->graph, limef_plan_print_dot, file);
    ret = check_written(file, path, ret);
    if (fclose(file) < 0 && ret >= 0)
        ret = limef_fail(AVERROR(errno), "limef-play", "cannot write %s", path);
    return ret;
}

int plan_print(struct player *player, const char *when)
{
    int ret = 0;

    if (player->plan_lost)
        return 0;
    if (player->options->explain)
        ret = write_text(player, when);
    if (ret >= 0 && player->options->dot)
        ret = write_dot(player);
    player->plan_lost = ret < 0;
    return ret;
}

void plan_dump(struct player *player, FILE *file)
{
    struct limef_graph_boundary_look boundaries[PLAY_MAX_BOUNDARIES];
    size_t n = PLAY_MAX_BOUNDARIES;

    limef_graph_print(&player->graph, limef_plan_print_text, file);
    if (limef_graph_look(&player->graph, NULL, NULL, boundaries, &n) < 0)
        return;
    for (size_t i = 0; i < n && i < PLAY_MAX_BOUNDARIES; i++) {
        const struct limef_graph_boundary_look *boundary = &boundaries[i];
        const struct limef_lane_counters *counters = &boundary->counters;

        if (!boundary->is_cut)
            continue;
        fprintf(file,
                "  %s of %s to %s: %u of %u wait, %u at most; written %" PRIu64 ", dropped %" PRIu64
                ", waited %" PRId64 " us (p50)\n",
                boundary->from->ops->kind, boundary->from->name, boundary->to->ops->kind,
                boundary->n_waiting, counters->depth, counters->max_used, counters->n_written,
                counters->n_dropped_oldest + counters->n_dropped_to_key +
                    counters->n_dropped_flush + counters->n_dropped_timeout,
                boundary->wait_p50_us);
    }
}
