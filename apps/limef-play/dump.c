/* SPDX-License-Identifier: MIT */
#include "dump.h"

#include "player.h"

#include <limef/thread/dump.h>
#include <limef/thread/plan_print.h>

#include <errno.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

static enum limef_dump_format format_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot && !strcmp(dot, ".dot")    ? LIMEF_DUMP_DOT
           : dot && !strcmp(dot, ".json") ? LIMEF_DUMP_JSON
                                          : LIMEF_DUMP_TEXT;
}

void player_dump(struct player *player)
{
    const char *path = player->options->dump_file;
    FILE *file;
    int ret;

    if (!path) {
        limef_graph_dump(&player->graph, LIMEF_DUMP_TEXT, stderr);
        /* the plan's reasons wait for who changes the plan */
        if (limef_graph_look(&player->graph, NULL, NULL, NULL, NULL) == 0)
            limef_graph_print(&player->graph, limef_plan_print_text, stderr);
        return;
    }
    file = fopen(path, "w");
    if (!file) {
        limef_fail(AVERROR(errno), "limef-play", "cannot write %s", path);
        return;
    }
    ret = limef_graph_dump(&player->graph, format_of(path), file);
    if (fclose(file) || ret == AVERROR(EIO))
        limef_fail(AVERROR(EIO), "limef-play", "cannot write %s", path);
}
