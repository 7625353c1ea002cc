# SPDX-License-Identifier: MIT
"""Sound: rings, the mixer, and time."""
import os
import tempfile

import clips
import measure

RINGS = {"limef": "limef, sample ring", "limef-called": "limef, sample ring called in the library",
         "ck": "Concurrency Kit, ck_ring", "jack": "JACK, jack_ringbuffer",
         "portaudio": "PortAudio, PaUtilRingBuffer",
         "deque": "list behind a mutex"}
FLOORS = {"copy": "no ring, the copying alone", "nothing": "nothing, the clock alone"}
PACED = ("push_p50", "push_p999", "pop_p50", "pop_p999")
BLOCK_US = 128 * 1e6 / 48000
DRIFT_S = 60
PATIENCE_MS = 20
BROADCAST_S = 6
FLASHES_S = 35
FLASHES_PER_S = 2
IN_STEP_MS = 10
DRIFT_TITLE = "Time from a device to the mixer and to a device"
LONG_S = 600
LEAST_PACED_ROUNDS = 5
COPY_LIMIT = 2
READERS_PERCENT = 10


def rings(setup, report):
    program = setup.program("audio_rings")
    runs = measure.Interleaved({"cost": lambda: measure.run_json([program, "cost", *RINGS])}, setup.rounds)
    # 20 blocks make a p99.9 of one run
    runs.rows |= measure.Interleaved({"paced": lambda: measure.run_json([program, "paced", *(RINGS | FLOORS)])},
                                     max(setup.rounds, LEAST_PACED_ROUNDS)).rows
    report.section("Sound through a ring", "Blocks of 64 stereo frames. Cost: one thread writes and reads in "
                   "turn, ns for both; limef beside it: how many times that limef's ring takes, median of 300 rounds "
                   "in which the rings take turns. Otherwise a block every 100 us between two threads that sleep "
                   "meanwhile, into one ring after the other, ns that a write or a read took; what that takes without "
                   f"a ring is below. Of that at least {LEAST_PACED_ROUNDS} rounds; beside the copy: how many times what the "
                   "copying alone took in the same round, the median.")
    cost = {ring: [runs.median("cost", ring), runs.median("cost", f"beside {ring}")]
            for ring in RINGS if "cost" in runs and ring in runs.rows["cost"][0]}
    paced = {ring: [runs.median("paced", f"{ring} {key}") for key in PACED]
             for ring in RINGS | FLOORS if "paced" in runs and f"{ring} push_p50" in runs.rows["paced"][0]}
    beside = {ring: [measure.median_with_range([row[f"{ring} {side}_p999"] / row[f"copy {side}_p999"]
                                                for row in runs.rows["paced"]]) for side in ("push", "pop")]
              for ring in paced}
    report.table(["", "cost", "limef beside it", "push p50", "push p99.9", "pop p50", "pop p99.9",
                  "push p99.9 beside the copy", "pop p99.9", "others"],
                 [[what] + cost.get(ring, ["-", "-"]) + paced[ring] + [ratio for ratio, *_ in beside[ring]] +
                  [runs.median("paced", "others")]
                  for ring, what in (RINGS | FLOORS).items() if ring in paced])
    peers = [cost[ring][1] for ring in ("ck", "jack", "portaudio") if ring in cost]
    if peers:
        report.target("sample ring, cost beside the best peer's", max(peers), "<=", 1.2)
    if "limef" in paced:
        for side, (ratio, *span) in zip(("push", "pop"), beside["limef"]):
            report.target(f"sample ring, {side} p99.9, ns", runs.median("paced", f"limef {side}_p999"), "<=", 2000)
            report.target(f"sample ring, {side} p99.9 beside the bare copy's", ratio, "<=", COPY_LIMIT, span)


def broadcast(setup, report):
    program = setup.program("audio_broadcast")
    places = {"other": "readers on another CPU", "both": "half of them on the writer's"}
    runs = measure.Interleaved({place: lambda place=place: measure.run_json([program, place, BROADCAST_S])
                                for place in places}, setup.rounds)
    report.section("One writer, many readers", "Writing a block of 128 stereo frames into a broadcast ring, ns, while so "
                   "many threads read each block, once in 1.3 ms; they take turns of 100 ms in one process. By the "
                   "clock, and CPU time of the writer's thread. Read: which part of what was written each reader had, in the "
                   "mean. Beside each such block one is written into a ring that nobody reads: what others do to that is "
                   "not the readers' doing.")
    crowds, clocks = (0, 1, 8, 32), {"wall": "by the clock", "cpu": "CPU time"}
    report.table(["", "0", "1", "8", "32 readers", "CPU: 0", "1", "8", "32 readers", "read by 1", "by 8", "by 32",
                  "others"],
                 [[what + whose] + [runs.median(place, f"{ring}{clock}_{n}") for clock in clocks for n in crowds] +
                  ([runs.median(place, f"read_{n}") for n in crowds[1:]] if not ring else ["-"] * len(crowds[1:])) +
                  [runs.median(place, "others")]
                  for ring, whose in (("", ""), ("unread_", ", the ring that nobody reads"))
                  for place, what in places.items() if place in runs])
    for place, what in places.items():
        for clock, by in clocks.items() if place in runs else ():
            # what the machine does to a ring that nobody reads in the same turns is not the readers' doing
            for key, beside in (("ratio", ""), ("beside_unread", ", but for what the ring that nobody reads changed by")):
                ratio = runs.median(place, f"{clock}_{key}")
                report.target(f"broadcast ring, 32 readers beside 1, {what}, {by}, % "
                              f"{'dearer' if ratio > 1 else 'cheaper'}{beside}", 100 * abs(ratio - 1), "<=",
                              READERS_PERCENT)


def mixer(setup, report):
    program = setup.program("audio_mixer")
    alone = {"scalar": "one sample at a time", "vector": "vectors, SSE2", "best": "vectors, the processor's best"}
    teams = {"team": "the same, a team of two threads that decides what it hands out",
             "shared": "the same, a team of two threads that hands out each block"}
    runs = measure.Interleaved({(how, loops): lambda how=how, loops=loops: measure.run_json([program, how, loops, 64])
                                for how, whose in (("mix", alone), ("loud", alone), ("loops", alone | teams))
                                for loops in whose},
                               setup.rounds)

    def rows(how, names, *keys):
        return [[what, us, 100 * us / BLOCK_US, runs.median((how, "scalar"), "us") / us] +
                [runs.median((how, loops), key) for key in keys]
                for loops, what in names.items() if (how, loops) in runs and (how, "scalar") in runs
                for us in [runs.median((how, loops), "us")]]

    report.section("64 inputs mixed", "48 kHz, stereo, blocks of 128 frames, medians of 30 rounds of 100: rings, gains, "
                   "meters, limiter. Each input has another tone. Quiet: below 1 together, gains stand still. Loud: far "
                   "beyond, the limiter is at work in each block, and so is a command for each input's gain. The inner "
                   "loops alone add 64 inputs that another loop wrote just before; in a team each thread adds half of "
                   "them, and the two sums are added. Its blocks come one after the other, so that its second thread "
                   "is awake, the best case for it; share and speed-up are the clock's, while two cores are in use.")
    for how, what in (("mix", "quiet"), ("loud", "loud")):
        report.table([what, "us a block", "% of a core", "speed-up", "% limited", "others"],
                     rows(how, alone, "limited", "others"))
    report.table(["the inner loops alone", "us a block", "% of a core", "speed-up", "threads", "% handed out", "others"],
                 rows("loops", alone | teams, "threads", "handed_out", "others"))


def judge_step(row):
    """Adds how far apart flashes and beeps were; "unexplained" are those that were too far, and would have been had
    the machine not stood still around them."""
    def percentile(times_ms, p):
        times_ms = sorted(map(abs, times_ms))
        return times_ms[min(len(times_ms) * p // 100, len(times_ms) - 1)] if times_ms else 0

    apart_ms = sorted(map(abs, row["late_ms"]))
    calm_ms = [late for late, stalled in zip(row["late_ms"], row["stalled_ms"]) if not stalled]
    row |= {"p50": percentile(apart_ms, 50), "p99": percentile(apart_ms, 99), "calm": len(calm_ms),
            "calm_p99": percentile(calm_ms, 99), "due_p99": percentile(row["due_ms"], 99)}
    too_far = [abs(late) - stalled for late, stalled in zip(row["late_ms"], row["stalled_ms"]) if abs(late) > IN_STEP_MS]
    row |= {"most": apart_ms[-1], "pairs": len(apart_ms), "composed": max(row["composed_ms"]),
            "too_far": 100 * len(too_far) / len(apart_ms),
            "unexplained": 100 * sum(left > IN_STEP_MS for left in too_far) / len(apart_ms)}


def in_step(setup, report):
    """Flashes of a file against its beeps: offscreen pictures that are read back, and a WAV file."""
    program, clip = setup.program("av_sync"), clips.flashes(setup.clips, FLASHES_PER_S, FLASHES_S)

    def play():
        with tempfile.TemporaryDirectory() as folder:
            row = measure.run_json([program, clip, os.path.join(folder, "heard.wav")])
        if row["code"] == 0:
            judge_step(row)
        return row

    runs = measure.Interleaved({"file": play}, setup.rounds)
    if "file" not in runs:
        return
    keys = ("beeps", "flashes", "pairs", "p50", "p99", "most", "calm", "calm_p99", "due_p99", "too_far", "unexplained",
            "composed", "stalls", "stall_worst_ms", "others")
    report.section("Flashes and their beeps", "A file of 640x360, 24 pictures a second: ms from when a beep is heard, by "
                   "its place in the recorded WAV file, to when its flash is read back from the offscreen output, "
                   "either way. Calm: of those around which no processor of the machine stood still. Due: when the "
                   f"presenter wanted a flash to be seen instead. Unexplained: more than {IN_STEP_MS} ms, also without "
                   "the time for which a processor of the machine stood still in the 100 ms before; a thread of the "
                   "highest priority on each sees that.")
    report.table(["", "beeps", "flashes seen", "both", "p50", "p99", "most", "calm", "their p99", "due p99",
                  f"% over {IN_STEP_MS} ms", "% unexplained", "composed in ms at most", "stalls",
                  "the longest ms", "others"],
                 [["a file", *(runs.median("file", key) for key in keys)]])
    report.target("flashes that were not seen, %",
                  100 - 100 * runs.median("file", "pairs") / runs.median("file", "beeps"), "<=", 2)
    report.target("flashes beside their beeps, p99, ms", runs.median("file", "p99"), "<=", IN_STEP_MS)
    report.target("the same where the machine did not stand still, p99, ms", runs.median("file", "calm_p99"), "<=",
                  IN_STEP_MS)
    report.target("flashes due beside their beeps, p99, ms", runs.median("file", "due_p99"), "<=", IN_STEP_MS)
    report.target(f"flashes over {IN_STEP_MS} ms without a stall of the machine, %", runs.median("file", "unexplained"),
                  "<=", 1)


def drift(setup, report, jobs=None, title=DRIFT_TITLE):
    program = setup.program("audio_drift")
    patient = f", {PATIENCE_MS} ms of patience"
    jobs = jobs or {"10 minutes, simulated": ["simulated"], f"{DRIFT_S} s": ["mixer", DRIFT_S],
            f"{DRIFT_S} s, 80 % load": ["mixer", DRIFT_S, 80],
            f"{DRIFT_S} s{patient}": ["mixer", DRIFT_S, 0, PATIENCE_MS],
            f"{DRIFT_S} s, 80 % load{patient}": ["mixer", DRIFT_S, 80, PATIENCE_MS],
            f"{DRIFT_S} s, nothing but a counter": ["bare", DRIFT_S],
            f"{DRIFT_S} s, 80 % load, nothing but a counter": ["bare", DRIFT_S, 80],
            f"{DRIFT_S} s, list behind a mutex": ["deque", DRIFT_S],
            f"{DRIFT_S} s, list behind a mutex, 80 % load": ["deque", DRIFT_S, 80]}
    runs = measure.Interleaved({what: lambda what=what: measure.run_json([program, *jobs[what]], timeout_s=2 * LONG_S)
                                for what in jobs}, setup.rounds, attempts=1)
    report.section(title, "48 kHz, periods of 128 frames, pieces of 64 from "
                   "a source with a clock, a null device, and another thread hammers with commands; the list has the "
                   "mixer's threads, priorities and device. Nothing but a counter: the same threads "
                   "and clocks, and a count of frames between them; what runs dry then no library could have kept. Drift: how much "
                   "later the same input is heard at the end than at the beginning. Late: periods that waited for the "
                   "source. Load: by threads on every CPU. Unexplained: underruns before which no processor stood "
                   "still for as long as what waits in the device lasts, within 20 ms more; by chance: % of the time in which "
                   "an underrun would have been explained so.")
    report.table(["", "drift us", "underruns", "device underruns", "unexplained", "by chance", "late", "to the mixer us",
                  "heard after us", "stalls", "the longest us", "others"],
                 [[what] + [runs.median(what, key) if key in runs.rows[what][0] else "-"
                            for key in ("drift_us", "underruns", "device_underruns", "unexplained", "by_chance",
                                        "late", "latency_us", "heard_after_us", "stalls", "stall_worst_us", "others")]
                  for what in jobs if what in runs])
    for what in jobs:
        if what in runs and jobs[what][0] not in ("deque", "bare"):
            report.target(f"drift, {what}, us", abs(runs.median(what, "drift_us")), "<=", 100)
            report.target(f"device to mixer, {what}, us", runs.median(what, "latency_us"), "<=", 5000)
            report.target(f"underruns, {what}", sum(runs.median(what, key) for key in ("underruns", "device_underruns")
                                                    if key in runs.rows[what][0]), "<=", 0)
            if "unexplained" in runs.rows[what][0]:
                report.target(f"underruns without a stall of the machine, {what}", runs.median(what, "unexplained"),
                              "<=", 0)


def long_drift(setup, report):
    """Takes half an hour, unless it is told to take less."""
    long_s = setup.seconds or LONG_S
    long = f"{long_s // 60} minutes" if long_s % 60 == 0 and long_s > 60 else f"{long_s} s"
    drift(setup, report, {f"{long}, 80 % load, {PATIENCE_MS} ms of patience": ["mixer", long_s, 80, PATIENCE_MS],
                          f"{long}, 80 % load": ["mixer", long_s, 80],
                          f"{long}, 80 % load, nothing but a counter": ["bare", long_s, 80]}, f"{DRIFT_TITLE}, for {long}")


def bench(setup, report):
    rings(setup, report)
    broadcast(setup, report)
    mixer(setup, report)
