/* SPDX-License-Identifier: MIT */
/*
 * Chains come, run and go, and filters change their threads, while others dump the graph, print its
 * metrics and look who is stuck.
 *
 * Arguments: how many times a chain comes.
 */
#include "stress.h"

#include <limef/metrics/metrics.h>
#include <limef/thread/dump.h>

#define TEXT_BYTES (1 << 18)
#define N_PACKETS 20

struct chain_of_four {
    struct number_source source;
    struct number_sink a, b, c;
};

static struct limef_graph graph;
static LIMEF_ATOMIC(int) over;
static LIMEF_ATOMIC(uint64_t) n_looks;

/* Each format in turn; what it says is somewhat of a graph. */
static void *look(void *context)
{
    char *text = malloc(TEXT_BYTES);
    unsigned n = 0;

    (void)context;
    while (!atomic_load(&over)) {
        enum limef_dump_format format = (enum limef_dump_format)(n++ % 3);
        FILE *file = fmemopen(text, TEXT_BYTES, "w");
        size_t used;
        int ret;

        CHECK(limef_graph_dump(&graph, format, file) == 0);
        fclose(file);
        CHECK(strstr(text, format == LIMEF_DUMP_DOT ? "digraph" : "graph") != NULL);
        ret = limef_metrics_print(&graph, text, TEXT_BYTES, &used);
        if (ret < 0)
            fprintf(stderr, "metrics: %d\n", ret);
        CHECK(ret == 0);
        CHECK(memcmp(text + used - 6, "# EOF\n", 6) == 0);
        atomic_fetch_add(&n_looks, 1);
    }
    free(text);
    return NULL;
}

static void chain_of_four_init(struct chain_of_four *chain)
{
    number_source_init(&chain->source, INT64_MAX);
    number_sink_init(&chain->a);
    number_sink_init(&chain->b);
    number_sink_init(&chain->c);
    limef_connect(&chain->source.source.filter, &chain->a.filter);
    limef_connect(&chain->a.filter, &chain->b.filter);
    limef_connect(&chain->b.filter, &chain->c.filter);
}

/* Where dozens of threads want each core it may take longer than the graph is patient. */
static int add(struct chain_of_four *chain)
{
    int64_t deadline_us = limef_deadline_us(TOO_LONG_US);
    int ret;

    do
        ret = limef_graph_add(&graph, &chain->source.source);
    while ((ret == AVERROR(ETIMEDOUT) || ret == AVERROR(EBUSY)) && limef_now_us() < deadline_us);
    return ret;
}

int main(int argc, char **argv)
{
    static _Alignas(64) char memory[LIMEF_GRAPH_BYTES(32)];
    static struct chain_of_four stays, comes;
    unsigned n_times = argc > 1 ? (unsigned)atoi(argv[1]) : 15;
    struct limef_graph_settings settings = {
        .mode = LIMEF_PLAN_AUTO, .window_us = 10000, .stuck_us = 10000};
    pthread_t threads[2];

    limef_log_set_level(LIMEF_LOG_ERROR); /* the watchdog speaks all the time */
    chain_of_four_init(&stays);
    CHECK(limef_graph_init(&graph, memory, sizeof(memory), &settings) == 0);
    CHECK(limef_graph_add(&graph, &stays.source.source) == 0);
    CHECK(limef_graph_start(&graph) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, look, NULL) == 0);
    for (unsigned i = 0; i < n_times; i++) {
        uint64_t n_before = atomic_load(&n_looks);

        chain_of_four_init(&comes);
        CHECK(add(&comes) == 0);
        CHECK(WAIT_FOR(atomic_load(&comes.c.n_packets) >= N_PACKETS));
        CHECK(WAIT_FOR(atomic_load(&n_looks) > n_before));
        CHECK(limef_graph_remove(&graph, &comes.source.source, TOO_LONG_US) == 0);
    }
    atomic_store(&over, 1);
    for (int i = 0; i < 2; i++)
        must_join(threads[i]);
    CHECK(limef_graph_stop(&graph, TOO_LONG_US) == 0);
    limef_graph_clear(&graph);
    printf("dump: %u chains came and went, %llu looks\n", n_times,
           (unsigned long long)atomic_load(&n_looks));
    return 0;
}
