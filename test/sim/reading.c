/* SPDX-License-Identifier: MIT */
/* What cameras send is read, and written, before pictures are worked on: also where the machine is
 * nearly full. */
#include "sim/scenarios.h"

#include <limef/thread/plan_print.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* More filters than are tried in the planner's own model: the rules decide. */
enum { N_CAMERAS = 6, RATE_HZ = 25 };

static struct sim_graph graph;

static void end(void)
{
    sim_clear_graph(&graph);
}

TestSuite(reading, .fini = end, .timeout = 60);

/* Packets are recorded, and decoded and scaled; one frame takes so long. */
static void add_camera(double decode_us, double scale_us)
{
    uint32_t source = sim_add_source(&graph, RATE_HZ, 30), demux, decode;

    graph.filters[source].late_us = 5000;
    demux = sim_add_behind(&graph, source, "demux", 3);
    sim_add_behind(&graph, demux, "writer", 80);
    decode = sim_add_behind(&graph, demux, "decode", decode_us);
    graph.filters[decode].jitter = 0.15;
    sim_add_behind(&graph, decode, "scale", scale_us);
    for (uint32_t i = 0; i < graph.n_edges; i++)
        graph.edges[i].is_encoded = graph.edges[i].to <= decode;
}

/* How old packets are, on average, when they are written. */
static double written_after_us(enum limef_plan_mode mode, double *missed)
{
    struct sim_machine machine = {.n_cpus = 2};
    struct sim_settings settings = {.seconds = 20, .seed = 5};
    struct sim_result result;
    struct sim_problem it;
    double age_us = 0, n = 0;

    sim_open_problem(&it, &graph, &machine);
    sim_tell_costs(&it, &graph);
    it.problem.mode = mode;
    cr_assert(zero(int, limef_plan_make(&it.plan, &it.problem, it.scratch)));
    sim_run(&result, &graph, &it.plan, &machine, &settings);
    for (uint32_t i = 0; i < graph.n_filters; i++)
        if (graph.filters[i].flags & LIMEF_FILTER_RECORDS) {
            age_us += result.filters[i].age_us;
            n += (double)result.filters[i].n_frames;
        }
    *missed = sim_missed_share(&result);
    cr_log_info("%s: written after %.0f us, missed %.4f, p99 %.1f ms, cpu %.2f",
                limef_plan_mode_name(mode), age_us / n, *missed, result.p99_us / 1e3,
                sim_cpu_per_1000(&result));
    sim_clear_result(&result);
    sim_clear_problem(&it);
    cr_assert(gt(dbl, n, 0.99 * N_CAMERAS * RATE_HZ * settings.seconds));
    return age_us / n;
}

Test(reading, packets_are_written_at_once_where_the_machine_is_nearly_full)
{
    double missed, missed_fused, written_us;

    for (unsigned i = 0; i < N_CAMERAS; i++)
        add_camera(10900, 1700);
    written_us = written_after_us(LIMEF_PLAN_AUTO, &missed); /* 1.9 of 2 cores */
    cr_assert(gt(dbl, written_after_us(LIMEF_PLAN_FUSED, &missed_fused), 10 * written_us));
    cr_assert(lt(dbl, written_us, 1000));
    cr_assert(le(dbl, missed, missed_fused + 0.005));
}
