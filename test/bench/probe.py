# SPDX-License-Identifier: MIT
"""What probes cost: a library with them beside one without."""
import os
import re
import shutil
import subprocess

import measure

N_PACKETS = 5_000_000
N_COUNTED = 100_000     # under valgrind


def percent(ratio):
    return 100 * (ratio - 1)


def instructions(program, what):
    """Of a packet, counted: start and end are the same with more of them. The clock goes on while valgrind
    works, so of the frames that are measured for their rate there is but one a second."""
    counts = []
    for n in (N_COUNTED, 3 * N_COUNTED):
        run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, what, str(n), "1"],
                             check=True, capture_output=True, text=True)
        counts.append(int(re.search(r"refs:\s*([\d,]+)", run.stderr)[1].replace(",", "")))
    return (counts[1] - counts[0]) / (2 * N_COUNTED)


def count(setup, report, without):
    rows = []
    for what, word in (("ten light filters", "light"), ("with their source", "source")):
        counts = [instructions(setup.program("probe"), word), instructions(without, word)]
        rows.append([what, *counts, percent(counts[0] / counts[1])])
        report.target(f"probes, {what}: more instructions than without, %", rows[-1][-1], "<=", 1)
    report.table(["instructions a packet, by callgrind", "with probes", "without", "more, %"], rows)


def bench(setup, report):
    without = os.path.join(setup.without_probes, "bench_probe")
    if not os.access(without, os.X_OK):
        report.section("Probes", "The library without probes is not built.")
        return
    work = {"ten light filters, as fast as they go": ["light", N_PACKETS],
            "the same with their source": ["source", N_PACKETS],
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
            report.target(f"probes, {what}: more CPU than without, %", percent(ratio), "<=", 1,
                          [percent(end) for end in span])
    if shutil.which("valgrind"):
        count(setup, report, without)
