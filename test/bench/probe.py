# SPDX-License-Identifier: MIT
"""What probes cost: a library with them beside one without."""
import os

import measure

N_PACKETS = 5_000_000


def bench(setup, report):
    without = os.path.join(setup.without_probes, "bench_probe")
    if not os.access(without, os.X_OK):
        report.section("Probes", "The library without probes is not built.")
        return
    work = {"ten light filters, as fast as they go": ["light", N_PACKETS],
            "1080p decoded, as fast as it goes": ["decode", setup.clip(10)]}
    jobs = {}
    for what, words in work.items():
        for label, program in (("", setup.program("probe")), (", without", without)):
            jobs[what + label] = lambda program=program, words=words: measure.run_json([program, *words])
    runs = measure.Interleaved(jobs, 2 * setup.rounds + 1)
    report.section("Probes", "Processor time a frame, with probes and in a library without.")
    report.table_of(runs, {"ns": "ns", "measured of all":
                           lambda of, name: of.median(name, "sampled") / of.median(name, "frames"),
                           "others": "others"})
    for what in work:
        if what in runs and what + ", without" in runs:
            ratio, *span = runs.paired(what, what + ", without", "ns")
            report.target(f"probes, {what}: CPU / without", ratio, "<=", 1.01, span)
