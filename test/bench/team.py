# SPDX-License-Identifier: MIT
"""What sharing the work of one frame costs."""
import json

import measure

COLUMNS = {"loop": "loop", "team": "team_busy", "spawned": "spawn_busy", "team, idle before": "team_idle",
           "spawned, idle before": "spawn_idle"}
MOST_US = 5  # beyond half the work, where sharing pays


def run(setup):
    """run(), with a key for each figure of each line: "8.0 loop"."""
    row = measure.run([setup.program("team")])
    if row["code"] == 0:
        for line in map(json.loads, row["out"].splitlines()):
            row |= {f"{line['work_us']} {key}": value for key, value in line.items()}
    return row


def bench(setup, report):
    runs = measure.Interleaved({"limef": lambda: run(setup)}, setup.rounds)
    if "limef" not in runs:
        return
    sizes = [key.split()[0] for key in runs.rows["limef"][0] if key.endswith(" work_us")]
    report.section("A team", "Eight batches that spin for a given time, two threads; microseconds, median. "
                   f"Others {runs.median('limef', 'others'):.2f}.")
    report.table(["work us", "half of it", *COLUMNS],
                 [[size, float(size) / 2] + [runs.median("limef", f"{size} {key}")
                                             for key in COLUMNS.values()] for size in sizes])
    for when, key in (("", "team_busy"), (", idle before", "team_idle")):
        for size in sizes:
            if float(size) > 4 * MOST_US:
                beyond = runs.median("limef", f"{size} {key}") - float(size) / 2
                report.target(f"team, {float(size):.0f} us of work{when}: beyond half of it, us", beyond, "<=", MOST_US)
