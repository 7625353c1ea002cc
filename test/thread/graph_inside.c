/* SPDX-License-Identifier: MIT */
/* What threads within filters use, which a graph did not make. */
#include "graph.h"

#include "thread/graph_private.h"

#include <pthread.h>
#include <time.h>

#define WORK_US 50000

TestSuite(graph_inside, .timeout = 60);

static void *work(void *context)
{
    struct timespec t;

    (void)context;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    while (t.tv_sec * 1000000 + t.tv_nsec / 1000 < WORK_US);
    return NULL;
}

static int go(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

/* What a window of twice the time measures in which a thread that is none of the graph's works;
 * then one in which none does; then one behind which no filter has threads. */
static void measure(unsigned flags, double *busy, double *idle, double *without)
{
    static struct limef_filter_ops ops;
    static struct paced_source source;
    static struct number_sink sink;
    struct limef_graph graph = {0};
    struct limef_filter filter = {0};
    pthread_t thread;

    ops = (struct limef_filter_ops){.kind = "inside", .flags = flags, .go = go};
    limef_filter_init(&filter, &ops, "inside");
    paced_source_init(&source);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &filter);
    limef_connect(&filter, &sink.filter);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&source.n_passed) > 0);
    pthread_mutex_lock(&graph.inside->lock);
    graph_measure(graph.inside, 1000000);
    cr_assert(zero(int, pthread_create(&thread, NULL, work, NULL)));
    pthread_join(thread, NULL);
    graph_measure(graph.inside, 1000000 + 2 * WORK_US);
    *busy = graph.inside->inside_load;
    graph_measure(graph.inside, 1000000000);
    *idle = graph.inside->inside_load;
    ops.flags = 0; /* as if it had been removed */
    graph_measure(graph.inside, 2000000000);
    *without = graph.inside->inside_load;
    pthread_mutex_unlock(&graph.inside->lock);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

Test(graph_inside, threads_that_a_filter_has_are_load_and_go_on_to_be_for_a_while)
{
    double busy, idle, without;

    measure(LIMEF_FILTER_SELF_THREADED, &busy, &idle, &without);
    cr_assert(ge(dbl, busy, 0.45));
    cr_assert(epsilon_eq(dbl, idle, 0.8 * busy, 0.001));
    cr_assert(zero(dbl, without), "nobody is left whose load it is");
}

Test(graph_inside, threads_of_the_application_are_its_own)
{
    double busy, idle, without;

    measure(0, &busy, &idle, &without);
    cr_assert(zero(dbl, busy));
    cr_assert(zero(dbl, idle));
}
