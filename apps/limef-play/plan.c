/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "player.h"

#include <limef/thread/plan_print.h>

#include <errno.h>
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
