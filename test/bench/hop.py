# SPDX-License-Identifier: MIT
"""What passing a frame from one filter to the next costs."""
import measure

N_HOPS = 100_000_000
N_GST_BUFFERS = 200_000


def bench(setup, report):
    jobs = {"limef": lambda: measure.run_json([setup.program("hop"), N_HOPS])}
    if setup.has("gst_pads"):
        jobs["gst"] = lambda: measure.run_json([setup.program("gst_pads"), "hop", N_GST_BUFFERS])
    runs = measure.Interleaved(jobs, setup.rounds)
    report.section("A filter hop", "One thread; slope between a chain of 1 and of 32 filters "
                   "(GStreamer: of none and of 10 elements), so that the loop around it is not counted.")
    rows = [["direct call of a function", "limef", "direct"],
            ["limef filter: look at the timestamp, keep it, pass", "limef", "slope"],
            ["the same in a chain of 10", "limef", "slope10"],
            ["the same, each filter reads the clock", "limef", "clock_slope"],
            ["GStreamer identity", "gst", "identity"],
            ["GStreamer identity, no handoff signal", "gst", "identity_no_signal"]]
    report.table(["", "ns a hop", "others"],
                 [[what, runs.median(job, key), runs.median(job, "others")]
                  for what, job, key in rows if job in runs])
    if "limef" in runs:
        report.target("hop, ns", runs.median("limef", "slope"), "<=", 5)
