/* SPDX-License-Identifier: MIT */
/*
 * Filters change their threads at random while numbered frames flow through a fork and a join:
 * every number arrives at every end, once, in order. Chains come and go meanwhile.
 *
 * Arguments: how many changes, the seed.
 */
#include "stress.h"

#include "thread/graph_private.h"

#include <limef/filter/split.h>
#include <limef/filter/tap.h>

#define N_TAPS 3
#define N_STREAMS 2

/* source -> tap -> split -> (tap -> sink, tap -> sink); the sources' other branch is joined */
struct stream {
    struct number_source source;
    struct limef_tap_filter taps[N_TAPS];
    unsigned n_looks[N_TAPS];
    struct limef_split_filter split;
    struct number_sink sinks[2];
};

/* Counts by slot, as frames of several streams come. */
struct join {
    struct limef_filter filter;
    int64_t expected[N_STREAMS];
    LIMEF_ATOMIC(int64_t) n_out_of_order;
    LIMEF_ATOMIC(int64_t) n_packets;
};

static int64_t last_number; /* no more than this; far away */

static struct limef_graph graph;
static struct limef_filter *somebody[2]; /* of the first stream, which always stays */

/* Not atomic: whoever runs a tap on a thread that is not its own is found out. Now and then it
 * sends something to somebody, whose thread may be changed at that moment. */
static int look(void *context, const struct limef_frame *frame)
{
    unsigned *n_frames = context;
    struct limef_signal_frame signal;

    if (frame->frame_class == LIMEF_FRAME_SIGNAL || ++*n_frames % 256)
        return 0;
    limef_signal_frame_set(&signal, LIMEF_SIGNAL_USER, 0, NULL);
    limef_graph_send(&graph, somebody[*n_frames / 256 % 2], &signal);
    return 0;
}

static int join_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct join *join = LIMEF_CONTAINER_OF(filter, struct join, filter);
    const struct limef_packet_frame *packet = limef_packet_frame_from(in);

    if (!packet)
        return 0;
    if (packet->dts_us != join->expected[in->slot])
        atomic_fetch_add(&join->n_out_of_order, 1);
    join->expected[in->slot] = packet->dts_us + 1;
    atomic_fetch_add(&join->n_packets, 1);
    return 0;
}

static const struct limef_filter_ops join_ops = {.kind = "join", .go = join_go};

/* Gives its frames a slot: the context. */
static int step_in_slot(struct limef_source *base, int64_t *due_us)
{
    struct number_source *source = LIMEF_CONTAINER_OF(base, struct number_source, source);
    int64_t number = atomic_load(&source->n_passed);
    struct limef_packet_frame packet = packet_frame(number, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);
    int ret;

    (void)due_us;
    if (number == source->n_frames)
        return AVERROR_EOF;
    packet.frame.slot = base->filter.name[0] - '0';
    ret = limef_pass(&base->filter, &packet.frame);
    CHECK(ret == 0 || ret == AVERROR_EXIT);
    if (!ret)
        atomic_store(&source->n_passed, number + 1);
    return ret;
}

static void stream_init(struct stream *stream, struct join *join, const char *name)
{
    memset(stream, 0, sizeof(*stream));
    number_source_init(&stream->source, last_number);
    stream->source.source.filter.name = name;
    stream->source.source.step = step_in_slot;
    limef_split_filter_init(&stream->split, "split");
    for (int i = 0; i < N_TAPS; i++)
        limef_tap_filter_init(&stream->taps[i], "tap", look, &stream->n_looks[i]);
    for (int i = 0; i < 2; i++)
        number_sink_init(&stream->sinks[i]);
    limef_connect(&stream->source.source.filter, &stream->taps[0].filter);
    limef_connect(&stream->taps[0].filter, &stream->split.filter);
    limef_connect(&stream->split.filter, &stream->taps[1].filter);
    limef_connect(&stream->taps[1].filter, &stream->sinks[0].filter);
    limef_split_connect(&stream->split, &stream->taps[2].filter, LIMEF_SPLIT_FROM_NOW);
    limef_connect(&stream->taps[2].filter, &stream->sinks[1].filter);
    if (join)
        limef_split_connect(&stream->split, &join->filter, LIMEF_SPLIT_FROM_NOW);
}

static void check_stream(struct stream *stream)
{
    for (int i = 0; i < 2; i++) {
        CHECK(atomic_load(&stream->sinks[i].n_out_of_order) == 0);
        CHECK(atomic_load(&stream->sinks[i].n_packets) == atomic_load(&stream->source.n_passed));
    }
}

static struct graph_node *random_node(struct limef_graph_inside *inside, uint32_t *random)
{
    struct graph_node *node;
    unsigned n = 0;

    for (node = inside->nodes; node; node = node->next)
        n++;
    n = next_random(random) % n;
    for (node = inside->nodes; n--;)
        node = node->next;
    return node;
}

/* A filter with all that is on its thread and behind it, or it alone, to another thread. */
static int change(struct limef_graph_inside *inside, uint32_t *random)
{
    struct graph_node *node = random_node(inside, random);
    struct graph_thread *from = node->thread, *to;
    bool with_all_behind = next_random(random) % 2, found = true;
    int ret = 0;

    if (next_random(random) % 3) {
        to = random_node(inside, random)->thread;
    } else {
        to = graph_take_worker(inside, LIMEF_PRIORITY_PROCESSING, &ret);
        CHECK(to);
    }
    if (to == from)
        return AVERROR(EINVAL);
    node->wanted = to;
    while (found && with_all_behind) {
        found = false;
        for (struct graph_edge *edge = inside->edges; edge; edge = edge->next)
            if (edge->from->wanted && !edge->to->wanted && edge->to->thread == from) {
                edge->to->wanted = to;
                found = true;
            }
    }
    ret = graph_move(inside, from, to, 10000000);
    CHECK(graph_stop_idle(inside, limef_deadline_us(10000000)) == 0);
    return ret;
}

/* Another depth for a boundary, with more stack frames if it has too few. */
static int rebound(struct limef_graph_inside *inside, uint32_t *random)
{
    struct limef_plan_link link = {.is_cut = true, .depth = 2 + next_random(random) % 100};
    unsigned n = 0;

    for (struct graph_edge *edge = inside->edges; edge; edge = edge->next)
        n += graph_is_cut(edge);
    n = n ? 1 + next_random(random) % n : 0;
    for (struct graph_edge *edge = inside->edges; edge; edge = edge->next)
        if (graph_is_cut(edge) && !--n)
            return graph_set_bounds(inside, edge, &link, 10000000);
    return AVERROR(EINVAL);
}

/* EAGAIN: too many signals wait where filters go to */
static void check_code(int ret)
{
    bool is_expected =
        ret == 0 || ret == AVERROR(EINVAL) || ret == AVERROR(EDEADLK) || ret == AVERROR(EAGAIN);

    if (!is_expected)
        fprintf(stderr, "a change of the plan: %s (%d)\n", av_err2str(ret), ret);
    CHECK(is_expected);
}

/* Where dozens of threads want each core it may take longer than the graph is patient. */
static void add(struct limef_source *source)
{
    int64_t deadline_us = limef_deadline_us(TOO_LONG_US);
    int ret;

    do
        ret = limef_graph_add(&graph, source);
    while ((ret == AVERROR(ETIMEDOUT) || ret == AVERROR(EBUSY)) && limef_now_us() < deadline_us);
    check_code(ret);
    CHECK(ret == 0);
}

int main(int argc, char **argv)
{
    static struct stream streams[N_STREAMS], visitor;
    static struct join join;
    int n_changes = argc > 1 ? atoi(argv[1]) : 600, n_done = 0, n_refused = 0, n_visits = 0;
    uint32_t random = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 1;
    size_t bytes = LIMEF_GRAPH_BYTES(1024); /* each boundary can be as deep as a plan makes it */
    void *memory = aligned_alloc(64, bytes);
    bool has_visitor = false;

    last_number = INT64_MAX;
    limef_filter_init(&join.filter, &join_ops, "join");
    stream_init(&streams[0], &join, "0");
    stream_init(&streams[1], &join, "1");
    somebody[0] = &streams[0].taps[1].filter;
    somebody[1] = &streams[0].sinks[1].filter;
    CHECK(limef_graph_init(&graph, memory, bytes,
                           &(struct limef_graph_settings){.window_us = 20000}) == 0);
    for (int i = 0; i < N_STREAMS; i++)
        CHECK(limef_graph_add(&graph, &streams[i].source.source) == 0);
    CHECK(limef_graph_start(&graph) == 0);
    while (n_done < n_changes) {
        int ret;

        pthread_mutex_lock(&graph.inside->lock);
        ret = next_random(&random) % 4 ? change(graph.inside, &random)
                                       : rebound(graph.inside, &random);
        pthread_mutex_unlock(&graph.inside->lock);
        if (ret)
            n_refused++;
        else
            n_done++;
        check_code(ret);
        if (next_random(&random) % 50)
            continue;
        if (!has_visitor) {
            stream_init(&visitor, NULL, "0");
            add(&visitor.source.source);
        } else {
            CHECK(limef_graph_remove(&graph, &visitor.source.source, 10000000) == 0);
            check_stream(&visitor);
            n_visits++;
        }
        has_visitor = !has_visitor;
    }
    if (has_visitor)
        CHECK(limef_graph_remove(&graph, &visitor.source.source, 10000000) == 0);
    for (int i = 0; i < N_STREAMS; i++)
        CHECK(limef_graph_remove(&graph, &streams[i].source.source, 10000000) == 0);
    CHECK(limef_graph_stop(&graph, 10000000) == 0);
    for (int i = 0; i < N_STREAMS; i++)
        check_stream(&streams[i]);
    CHECK(atomic_load(&join.n_out_of_order) == 0);
    CHECK(atomic_load(&join.n_packets) ==
          atomic_load(&streams[0].source.n_passed) + atomic_load(&streams[1].source.n_passed));
    limef_graph_clear(&graph);
    free(memory);
    printf("%d changes of plan, %d refused, %d chains came and went, %lld frames\n", n_done,
           n_refused, n_visits, (long long)atomic_load(&join.n_packets));
    return 0;
}
