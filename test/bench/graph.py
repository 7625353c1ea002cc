# SPDX-License-Identifier: MIT
"""Graphs of real filters on real threads, under the plan and under each naive mapping."""
import os
import statistics
import tempfile

import measure

NAIVE = ["fused", "per-filter", "per-stream", "whitelist"]
MODES = ["auto", *NAIVE]
SECONDS = 4
FPS = {"encode": 85, "resize": 140}  # so that one core is too little
SCENARIOS = {
    "light": "64 light chains",
    "decode4": "4 decodes",
    "decode8": "8 decodes",
    "encode": "decode + scale + encode beyond one core",
    "resize": "decode + scale beyond one core",
    "mix": "a mix at 90 %",
}
NOTES = {
    "light": "Live sources at 25 a second, ten light filters each.",
    "decode4": "Files of 1280x720 at 25 a second.",
    "decode8": "Files of 1280x720 at 25 a second.",
    "encode": f"1080p at {FPS['encode']} a second, to 1280x720, to MJPEG.",
    "resize": f"1080p at {FPS['resize']} a second, to 1280x720, bicubic.",
    "mix": "32 light chains; 12 decodes; 4 decodes with a fork, one branch scales and encodes; "
           "1080p at 25 a second scaled and encoded.",
}
AGAIN = "fused, again"  # the same mapping once more: what two runs of one differ by
PREDICTED = "Graph: the simulator beside the machine"
SAME = 0.03  # what is not worse than the best by more
ON_TIME_SAME = 0.005  # of shares of frames, what is the same
P99_SAME_MS = 1  # of latencies, below which nobody waits


def jobs_of(setup, scenario):
    def job(mode):
        return lambda: measure.run_json([setup.program("graph"), scenario, mode, SECONDS,
                                         setup.small_clip(20), setup.clip(20), FPS.get(scenario, 25)])

    jobs = {mode: job(mode) for mode in MODES}
    if scenario == "light":
        jobs[AGAIN] = job("fused")
    return jobs


def missed(runs, mode):
    return 1 - runs.median(mode, "on_time")


def tell_targets(runs, report, title):
    """Beside the best naive mapping: of misses the fewest; of CPU the least among those that miss
    as few."""
    naive = [mode for mode in NAIVE if mode in runs]
    if "auto" not in runs or not naive:
        return
    fewest = min(missed(runs, mode) for mode in naive)
    report.target(f"{title}: frames missed, more than the best mapping", missed(runs, "auto") - fewest,
                  "<=", SAME)
    good = [mode for mode in naive if missed(runs, mode) <= fewest + SAME]
    best = runs.best(good, "cpu_ms_1000")
    ratio, *span = runs.paired("auto", best, "cpu_ms_1000")
    report.target(f"{title}: CPU / best mapping ({best})", ratio, "<=", 1 + SAME, span)
    most = max(runs.median(mode, "on_time") for mode in naive)
    report.target(f"{title}: on time % (best mapping {100 * most:.1f})", 100 * runs.median("auto", "on_time"),
                  ">=", 100 * (most - ON_TIME_SAME))
    tell_latency(runs, report, title, naive)


def tell_latency(runs, report, title, naive):
    """p99 beside that of the mapping whose is lowest of those that are on time as often as the plan: a mapping
    that loses frames waits for few."""
    good = [mode for mode in naive if runs.median(mode, "on_time") >= runs.median("auto", "on_time") - ON_TIME_SAME]
    best = runs.best(good, "p99_ms")
    if not best:
        return
    ratio, *span = runs.paired("auto", best, "p99_ms")
    if runs.median("auto", "p99_ms") - runs.median(best, "p99_ms") <= P99_SAME_MS:
        ratio, span = min(ratio, 1), None
    report.target(f"{title}: p99 / best mapping ({best})", ratio, "<=", 1 + SAME, span)


def tell_noise(runs, report):
    """How far two runs of one mapping are apart, beside how far the plan is from it."""
    if AGAIN not in runs or "fused" not in runs:
        return
    rows = []
    for mode in MODES + [AGAIN]:
        if mode in runs and mode != "fused":
            ratio, *span = runs.paired(mode, "fused", "cpu_ms_1000")
            rows.append([mode, runs.median(mode, "switches_frame"), ratio, *span])
    report.table(["CPU / fused, round by round", "switches/frame", "median", "from", "to"], rows)


def beats(runs, mode):
    """Whether auto is better: fewer misses, or as few for less CPU, by more than what is the same."""
    fewer = missed(runs, mode) - missed(runs, "auto")
    less = runs.median("auto", "cpu_ms_1000") / runs.median(mode, "cpu_ms_1000")
    return fewer > SAME or (fewer > -0.005 and less < 1 - SAME)


def predict(setup, runs):
    """{mode: on time, CPU, p99, switches}, from what the middle run of auto measured."""
    rows = sorted(runs.rows["auto"], key=lambda row: row["cpu_ms_1000"])
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(rows[len(rows) // 2]["predict"])
        file.flush()
        row = measure.run([os.path.join(setup.programs, "sim_predict"), file.name, 20])
    if row["code"]:
        print(f"  sim_predict: exit status {row['code']}: {row['error'].strip()[-160:]}")
        return {}
    return {words[0]: [float(word) for word in words[1:5]]
            for words in map(str.split, row["out"].splitlines())}


def rows_of_prediction(setup, runs, title):
    if "auto" not in runs:
        return []
    predicted, rows = predict(setup, runs), []
    for mode in MODES:
        if mode in runs and mode in predicted:
            on_time, cpu, p99, switches = predicted[mode]
            real = runs.median(mode, "cpu_ms_1000")
            rows.append([f"{title}, {mode}", 100 * on_time, 100 * runs.median(mode, "on_time"), cpu, real,
                         f"{100 * (cpu / real - 1):+.0f} %", p99, runs.median(mode, "p99_ms"), switches,
                         runs.median(mode, "switches_frame")])
    return rows


def bench(setup, report):
    predictions, scenarios = [], {}
    for scenario in setup.scenarios or SCENARIOS:
        title = SCENARIOS[scenario]
        runs = scenarios[scenario] = measure.Interleaved(jobs_of(setup, scenario), setup.rounds,
                                                           attempts=1)
        load = runs.median("auto", "cores") / measure.N_CPUS if "auto" in runs else 0
        report.section(f"Graph: {title}", f"{NOTES[scenario]} {100 * load:.0f} % of the machine.")
        report.table_of(runs, {
            "on time %": lambda of, name: 100 * of.median(name, "on_time"),
            "CPU ms/1000": "cpu_ms_1000", "p50 ms": "p50_ms", "p99 ms": "p99_ms", "threads": "threads",
            "switches/frame": "switches_frame", "peak MB": "peak_mb", "plan changes": "plan_changes",
            "while counted": "late_changes", "others": "others"})
        tell_noise(runs, report)
        tell_targets(runs, report, title)
        predictions += rows_of_prediction(setup, runs, title)
    for mode in NAIVE if not setup.scenarios else []:
        better = [name for name, runs in scenarios.items()
                  if "auto" in runs and mode in runs and beats(runs, mode)]
        report.target(f"scenarios in which the plan beats {mode} ({', '.join(better) or 'none'})",
                      len(better), ">=", 1)
    if predictions:
        report.section(PREDICTED,
                       "`sim_predict` (doc/simulator.md) given the costs that auto measured: predicted, "
                       "then real.", is_dated=False)
        report.table(["", "on time %", "real", "CPU ms/1000", "real", "off", "p99 ms", "real",
                      "switches/frame", "real"], predictions)
        off = [abs(float(row[5].split()[0])) for row in predictions]
        report.target("prediction of CPU, off by (median), %", statistics.median(off), "<=", 20)


def classes(setup, report):
    runs = measure.Interleaved({"limef": lambda: measure.run_json([setup.program("classes"), 10, 0.8])},
                               setup.rounds)
    if "limef" not in runs:
        return
    rows, as_what = [], ["as the process", "nice", "SCHED_RR", "SCHED_FIFO"]
    first = runs.rows["limef"][0]
    for name, bound_ms in (("audio", 5), ("display", 16.7), ("processing", 33)):
        def worst(key):
            return max(row[f"{name}_{key}"] for row in runs.rows["limef"])

        total = sum(row[f"{name}_n"] for row in runs.rows["limef"])
        n_missed = sum(row[f"{name}_missed"] for row in runs.rows["limef"])
        excused = sum(row[f"{name}_excused"] for row in runs.rows["limef"])
        rows.append([name, f"{first[f'{name}_class']}, {as_what[first[f'{name}_scheduled_as']]}", bound_ms,
                     runs.median("limef", f"{name}_late_p99_ms"), worst("late_max_ms"),
                     runs.median("limef", f"{name}_done_p99_ms"), worst("done_max_ms"), str(total),
                     n_missed, excused])
        report.target(f"{name} at 80 % load: done after at most, ms", worst("done_max_ms"), "<=", bound_ms)
        report.target(f"{name} at 80 % load: frames missed that the machine does not excuse (of {total})",
                      n_missed - excused, "<=", 0)
    bare = runs.rows["limef"]
    rows.append(["bare thread on each core", "SCHED_FIFO", 5, runs.median("limef", "bare_late_p99_ms"),
                 max(row["bare_late_max_ms"] for row in bare), "", "", str(sum(row["bare_n"] for row in bare)),
                 sum(row["bare_missed"] for row in bare), ""])
    load, others = runs.median("limef", "load"), runs.median("limef", "others")
    report.section("Classes of threads at 80 % load",
                   f"One graph: both cores at {100 * load:.0f} %, {first['loads']} chains of files among it; others "
                   f"{others:.2f}. Late: from when a frame was due at its source until its work began; done: until "
                   "the work (0.3, 2, 6 ms) was. Largest of all runs. Machine's: of what was missed, how often a bare "
                   "thread with the same timer was late by half of that at the same time.")
    report.table(["", "scheduled as", "bound ms", "late p99", "late max", "done p99", "done max", "n",
                  "missed", "machine's"], rows)
