# SPDX-License-Identifier: MIT
"""What planning a graph costs, and finding its plan in the cache."""
import measure

N_ROUNDS = 2000
GRAPHS = {"10": "10", "100": "100", "500": "500", "500_cut": "500, heavy"}


def bench(setup, report):
    runs = measure.Interleaved(
        {"limef": lambda: measure.run_json([setup.program("plan"), N_ROUNDS])}, setup.rounds)
    if "limef" not in runs:
        return
    report.section("Planning", "Chains of ten filters, of the heavy ones four of five more than a core can do; the "
                   "best of 2000 rounds, one thread. Found: a lookup in the cache, the hash of the whole graph "
                   "included.")
    report.table(["filters", "boundaries", "planned, us", "found, us", "ratio"],
                 [[words, *(runs.median("limef", key) for key in (f"cuts_{name}", f"plan_{name}_us",
                                                                  f"find_{name}_us", f"ratio_{name}"))]
                  for name, words in GRAPHS.items()])
    small = measure.Interleaved(
        {"limef": lambda: measure.run_json([setup.program("replan")])}, setup.rounds)
    if "limef" in small:
        report.section("Planning what is tried", "1000 random graphs of up to 24 filters, each once, one "
                       "thread: from nothing, and while it runs, as in each window that is judged.")
        report.table(["", "mean, us", "p50, us", "p99, us", "most, us"],
                     [[words] + [small.median("limef", f"{what}_{figure}_us")
                                 for figure in ("mean", "p50", "p99", "max")]
                      for words, what in (("from nothing", "fresh"), ("while it runs", "live"))])
        report.target("plan of a small graph that runs, p99, us", small.median("limef", "live_p99_us"),
                      "<=", 5000)
    for name, words in (("500", "500 filters"), ("500_cut", "500 filters, heavy")):
        report.target(f"plan of {words}, us", runs.median("limef", f"plan_{name}_us"), "<=", 1000)
        report.target(f"plan of {words}, found against made, times", runs.median("limef", f"ratio_{name}"), ">=", 10)
    report.target("plan of 500 filters, heavy: boundaries", runs.median("limef", "cuts_500_cut"), ">=", 40)
