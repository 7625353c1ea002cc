/* SPDX-License-Identifier: MIT */
/* 0_play URL: shows a file or a stream until it ends or a key is pressed. */
#include <limef/limef.h>

static _Alignas(64) char memory[LIMEF_GRAPH_BYTES(3)];
static struct limef_graph graph;
static struct limef_reports reports;
static struct limef_file_source file;
static struct limef_decode_filter decode;
static struct limef_presenter screen;
static struct limef_tile tile;

int main(int argc, char **argv)
{
    struct limef_file_source_settings what = {.url = argc == 2 ? argv[1] : NULL,
                                              .pace = LIMEF_PACE_FASTEST};
    struct limef_signal_frame report = {.code = 1};

    if (limef_reports_init(&reports) < 0 || limef_file_source_init(&file, "file", &what) < 0 ||
        limef_decode_filter_init(&decode, "decode", NULL) < 0 ||
        limef_presenter_init(&screen, "screen", &tile, 1, NULL) < 0 ||
        limef_graph_init(&graph, memory, sizeof(memory),
                         &(struct limef_graph_settings){.reports = &reports}) < 0)
        return 1;
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &screen.filter);
    if (limef_graph_add(&graph, &file.source) == 0 && limef_graph_start(&graph) == 0)
        while (limef_reports_read(&reports, &report, LIMEF_FOREVER) == 0 &&
               report.signal == LIMEF_SIGNAL_PLAN) /* until the end, an error, a key */
            continue;
    limef_graph_stop(&graph, 2000000);
    return report.code != 0; /* the process ends: no need to clear */
}
