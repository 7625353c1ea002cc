/* SPDX-License-Identifier: MIT */
/* Plans of graphs, and of chains, that ran before. */
#include "graph.h"

#include <limef/thread/plan_cache.h>

#include "thread/plan_cache_private.h"

#include <stdlib.h>
#include <unistd.h>

static unsigned n_refused;

static void count_refused(void *context, enum limef_log_level level, const char *name,
                          const char *line)
{
    (void)context;
    (void)name;
    n_refused += level == LIMEF_LOG_WARNING && strstr(line, "is not used") != NULL;
}

/* A path in the current folder that nothing is at. */
static void make_path(char *path)
{
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    close(fd);
    unlink(path);
}

static int print_nowhere(struct limef_graph *graph)
{
    FILE *file = fopen("/dev/null", "w");
    int ret = limef_graph_print(graph, limef_plan_print_text, file);

    fclose(file);
    return ret;
}

Test(graph_cache, starts_with_the_plan_that_it_kept)
{
    char path[] = "graph_plans_XXXXXX";

    make_path(path);
    limef_log_set_sink(keep_line, NULL);
    for (int round = 0; round < 2; round++) {
        static struct line line;
        struct limef_graph graph = {0};
        struct limef_graph_settings settings = {.cache_file = path};

        line_init(&line, 1000);
        cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
        cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
        limef_log_set_level(LIMEF_LOG_INFO);
        /* what is printed is what is started */
        for (int starts = 0; starts < 2; starts++) {
            last_line[0] = '\0';
            cr_assert(eq(int, starts ? limef_graph_start(&graph) : print_nowhere(&graph), 0));
            cr_assert(eq(int, strstr(last_line, "kept") != NULL, round == 1), "%s", last_line);
        }
        assert_whole(&line.sink, 1000);
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        limef_graph_clear(&graph);
    }
    limef_log_set_sink(NULL, NULL);
    unlink(path);
}

/* An appliance that loses power was not stopped. */
Test(graph_cache, keeps_its_plan_while_it_runs)
{
    static struct paced_source source;
    static struct number_sink sink;
    char path[] = "graph_plans_XXXXXX";
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.cache_file = path, .window_us = 20000};

    make_path(path);
    paced_source_init(&source);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &sink.filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(!access(path, R_OK));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    /* what was measured meanwhile does not hide it from the next start */
    limef_log_set_sink(keep_line, NULL);
    limef_log_set_level(LIMEF_LOG_INFO);
    memset(&source.n_passed, 0, sizeof(source.n_passed));
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    last_line[0] = '\0';
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(ne(ptr, strstr(last_line, "kept"), NULL), "%s", last_line);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    limef_log_set_sink(NULL, NULL);
    unlink(path);
}

/* source -> a -> b -> sink; a camera, whose address is its name. */
struct camera {
    struct paced_source source;
    struct limef_tap_filter a, b;
    struct number_sink sink;
};

static uint64_t address_of(const struct limef_filter *filter)
{
    return (uint64_t)filter->name[0];
}

static const struct limef_filter_ops camera_ops = {
    .kind = "camera", .flags = LIMEF_FILTER_SOURCE, .go = paced_go, .fingerprint = address_of};

static void camera_init(struct camera *camera, const char *address)
{
    memset(camera, 0, sizeof(*camera));
    paced_source_init(&camera->source);
    limef_filter_init(&camera->source.source.filter, &camera_ops, address);
    limef_tap_filter_init(&camera->a, "a", look, NULL);
    limef_tap_filter_init(&camera->b, "b", look, NULL);
    number_sink_init(&camera->sink);
    limef_connect(&camera->source.source.filter, &camera->a.filter);
    limef_connect(&camera->a.filter, &camera->b.filter);
    limef_connect(&camera->b.filter, &camera->sink.filter);
}

/* Filters of the graph whose costs are known. */
static size_t n_measured(struct limef_graph *graph)
{
    struct limef_graph_filter_look looks[16];
    size_t n = 16, n_known = 0;

    if (limef_graph_look(graph, looks, &n, NULL, NULL) < 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        n_known += looks[i].cost_us >= 0;
    return n_known;
}

/* A service starts with nothing, and cameras come and go. */
Test(graph_cache, plans_a_camera_that_is_added_as_one_of_its_kind)
{
    static struct camera cameras[3];
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = 50000};

    camera_init(&cameras[0], "1");
    camera_init(&cameras[1], "2");
    camera_init(&cameras[2], "3");
    limef_connect(&cameras[2].a.filter, &cameras[2].sink.filter); /* of another kind */
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &cameras[0].source.source), 0));
    cr_assert(eq(u64, limef_graph_n_recalled(&graph), 0));
    ASSERT_COMES(n_measured(&graph) == 4);

    cr_assert(eq(int, limef_graph_add(&graph, &cameras[1].source.source), 0));
    cr_assert(eq(u64, limef_graph_n_recalled(&graph), 1));
    ASSERT_COMES(n_measured(&graph) == 8);
    cr_assert(eq(int, limef_graph_add(&graph, &cameras[2].source.source), 0));
    cr_assert(eq(u64, limef_graph_n_recalled(&graph), 1));

    /* the only one of its kind goes, and comes again */
    ASSERT_COMES(n_measured(&graph) == 11);
    cr_assert(eq(int, limef_graph_remove(&graph, &cameras[2].source.source, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &cameras[2].source.source), 0));
    cr_assert(eq(u64, limef_graph_n_recalled(&graph), 2));
    ASSERT_COMES(atomic_load(&cameras[2].sink.n_packets) > 0);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* The next process starts with nothing, too, and has the file of the last one. */
Test(graph_cache, finds_chains_that_are_added_in_its_file)
{
    static struct camera camera;
    char path[] = "graph_plans_XXXXXX";
    struct limef_graph_settings settings = {.cache_file = path, .window_us = 50000};

    make_path(path);
    for (unsigned round = 0; round < 2; round++) {
        struct limef_graph graph = {0};

        camera_init(&camera, "1");
        cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
        cr_assert(eq(int, limef_graph_start(&graph), 0));
        cr_assert(eq(int, limef_graph_add(&graph, &camera.source.source), 0));
        cr_assert(eq(u64, limef_graph_n_recalled(&graph), round));
        ASSERT_COMES(n_measured(&graph) == 4);
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        limef_graph_clear(&graph);
    }
    unlink(path);
}

static void fuse_what_is_cut(struct limef_plan *plan)
{
    plan->links[2].is_cut = false;
    plan->links[2].reason = LIMEF_PLAN_FUSED_CHEAP;
}

static void part_an_island(struct limef_plan *plan)
{
    plan->links[1].is_cut = true;
    plan->links[1].reason = LIMEF_PLAN_CUT_LOAD;
    plan->links[1].depth = 4;
}

static void take_a_thread_that_is_not_there(struct limef_plan *plan)
{
    plan->islands[0].thread = 7;
    plan->islands[0].worker = LIMEF_PLAN_NONE;
}

static void share_with_one_that_waits(struct limef_plan *plan)
{
    plan->islands[0].worker = plan->islands[1].worker;
}

static void take_no_fifo(struct limef_plan *plan)
{
    plan->links[2].depth = 1;
}

/* Writes the file again, with its plans changed. */
static void forge(const char *path, void (*change)(struct limef_plan *plan))
{
    static _Alignas(64) char plans[1 << 18];
    struct limef_plan_cache cache;

    limef_plan_cache_init(&cache, plans, sizeof(plans));
    cr_assert(eq(int, limef_plan_cache_load(&cache, path), 0));
    cr_assert(ge(u32, cache.n_entries, 1));
    for (uint32_t i = 0; i < cache.n_entries; i++) {
        struct limef_plan_cached cached;

        plan_cache_open(&cache, &cache.entries[i], &cached);
        change(&cached.plan);
    }
    cr_assert(eq(int, limef_plan_cache_save(&cache, path), 0));
}

static const struct limef_filter_ops waiting_ops = {
    .kind = "waiting", .flags = LIMEF_FILTER_BLOCKING, .go = number_sink_go};

/* Runs a line whose sink gets a thread of its own; a shorter one has no filters between. No plan
 * is to be found. */
static void run_line(const char *path, bool is_short, unsigned n_to_refuse)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.cache_file = path, .n_cpus = 2};

    line_init(&line, 1000);
    line.sink.filter.ops = &waiting_ops;
    if (is_short)
        limef_connect(&line.source.source.filter, &line.sink.filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    n_refused = 0;
    limef_log_set_sink(count_refused, NULL);
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    limef_log_set_sink(NULL, NULL);
    cr_assert(eq(uint, n_refused, n_to_refuse));
    cr_assert(eq(u64, limef_graph_n_recalled(&graph), 0));
    assert_whole(&line.sink, 1000);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* What is not a plan of the graph does not run, whatever its hash says, and is replaced. */
Test(graph_cache, does_not_run_what_was_forged)
{
    static void (*const changes[])(struct limef_plan *) = {fuse_what_is_cut, part_an_island,
                                                           take_a_thread_that_is_not_there,
                                                           share_with_one_that_waits, take_no_fifo};

    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        char path[] = "graph_plans_XXXXXX";

        make_path(path);
        run_line(path, false, 0);
        forge(path, changes[i]);
        run_line(path, false, 1);
        unlink(path);
    }
}

static uint64_t key_in(const char *path, struct limef_plan_cache *cache)
{
    static _Alignas(64) char plans[1 << 18];

    limef_plan_cache_init(cache, plans, sizeof(plans));
    cr_assert(eq(int, limef_plan_cache_load(cache, path), 0));
    cr_assert(eq(u32, cache->n_entries, 1));
    return cache->entries[0].key;
}

/* The plan of a smaller graph under a larger one's key. */
Test(graph_cache, does_not_run_what_has_another_size)
{
    char path[] = "graph_plans_XXXXXX";
    struct limef_plan_cache cache;
    uint64_t key;

    make_path(path);
    run_line(path, false, 0);
    key = key_in(path, &cache);
    unlink(path);
    run_line(path, true, 0);
    key_in(path, &cache);
    cache.entries[0].key = cache.keys[0] = key;
    cr_assert(eq(int, limef_plan_cache_save(&cache, path), 0));
    run_line(path, false, 0);
    unlink(path);
}
