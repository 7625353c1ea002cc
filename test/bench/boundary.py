# SPDX-License-Identifier: MIT
"""What handing a frame to another thread costs: saturated, and paced."""
import measure

LOOKS = [400, 1]  # before a peer's thread sleeps, pause instructions between: about 15 us
SELDOM_LOOKS = [12, 32]  # the same time, with looks as far apart as limef's
N_ITEMS = 3_000_000
N_SLOW_ITEMS = 400_000
N_PICTURES = 1500
RINGS = ["moodycamel", "boost", "ck", "plain"]
PACED_S = {30: 3, 750: 1, 1000: 1}
PACED_ROUNDS = 4  # for each one asked for: short runs, many of them


def names_of(setup):
    return set(measure.run([setup.program("boundary"), "list"])["out"].split())


def saturated(setup, report):
    program, there = setup.program("boundary"), names_of(setup)

    def job(name, n_items, looks=LOOKS):
        return lambda: measure.run_json([program, "saturated", name, n_items, *looks])

    rings = [ring for ring in RINGS if ring in there]
    jobs = {"limef": job("limef", N_ITEMS), "limef_batch": job("limef_batch", N_ITEMS)}
    for ring in rings:
        jobs[ring] = job(ring, N_ITEMS)
        jobs[f"{ring}_header"] = job(f"{ring}_header", N_ITEMS)
        jobs[f"{ring}_seldom"] = job(ring, N_ITEMS, SELDOM_LOOKS)
        jobs[f"{ring}_header_seldom"] = job(f"{ring}_header", N_ITEMS, SELDOM_LOOKS)
    if "moodycamel_blocking" in there:
        jobs["moodycamel_blocking"] = job("moodycamel_blocking", N_SLOW_ITEMS)
    jobs["deque"] = job("deque", N_SLOW_ITEMS)
    if setup.has("gst_pads"):
        jobs["gst_queue"] = lambda: measure.run_json([setup.program("gst_pads"), "saturated",
                                                      N_SLOW_ITEMS])
    jobs |= {name: job(name, N_PICTURES) for name in ("deque_copy_1080p", "limef_copy_1080p")}
    runs = measure.Interleaved(jobs, setup.rounds)
    report.section("A boundary, saturated", "Producer and consumer on a CPU each, 64 frames deep (the "
                   "1080p rows 10), an item is a reference to one of 256 counted payloads.")

    def syscalls(of, name):  # those that libpthread makes by itself are not seen
        return None if name.startswith("deque") or name == "moodycamel_blocking" \
            else of.median(name, "syscalls")

    report.table_of(runs, {"ns/item": "ns", "cpu ns/item": "cpu_ns", "switches/item": "switches",
                           "syscalls/item": syscalls, "mallocs/item": "allocations",
                           "others": "others"})
    peers = [ring for ring in rings if ring != "plain"]
    for suffix, what in (("", "best ring"), ("_header", "best ring that copies the header"),
                         ("_header_seldom", "best ring that does both, and looks as seldom"),
                         ("_seldom", "best ring that looks as seldom")):
        best = runs.best([ring + suffix for ring in peers], "ns")
        if best:
            report.ratio(f"boundary / {what} ({best})", runs, "limef", best, "ns", "<=", 1.3)
    report.ratio("boundary / GStreamer queue", runs, "limef", "gst_queue", "ns", "<=", 0.25)
    report.ratio("boundary / mutex and deque", runs, "limef", "deque", "ns", "<=", 0.25)
    report.target("boundary, allocations an item", runs.median("limef", "allocations"), "<=", 0)
    report.target("boundary, system calls an item", runs.median("limef", "syscalls"), "<=", 0.001)


def paced(setup, report):
    program, there = setup.program("boundary"), names_of(setup)
    for rate, seconds in PACED_S.items():
        def job(name):
            return lambda: measure.run_json([program, "paced", name, rate, seconds])

        peers = [name for name in ["moodycamel", "boost", "ck", "moodycamel_blocking", "deque"]
                 if name in there]
        jobs = {name: job(name) for name in ["limef", *peers]}
        if setup.has("gst_pads"):
            peers.append("gst_queue")
            jobs["gst_queue"] = lambda: measure.run_json([setup.program("gst_pads"), "paced", rate,
                                                          seconds])
        runs = measure.Interleaved(jobs, PACED_ROUNDS * setup.rounds)
        report.section(f"A boundary at {rate} frames a second", "One way: from before the write to the "
                       "consumer having it; the peers' consumers sleep at once.")
        report.table_of(runs, {"p50 us": "p50_us", "p99 us": "p99_us", "cpu us/item": "cpu_us",
                               "others": "others"})
        for key, what in (("p50_us", "wake-up p50"), ("p99_us", "wake-up p99"),
                          ("cpu_us", "CPU an item")):
            found = runs.against_best("limef", peers, key)
            if found:
                best, (ratio, *span) = found
                report.target(f"{rate}/s: {what} / best ({best})", ratio, "<=", 1.0, span)
