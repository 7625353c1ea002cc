# SPDX-License-Identifier: MIT
"""Decoding a file as fast as it goes, and getting to its first picture."""
import json

import measure


def limef_play(setup, clip, n_threads, *more):
    row = measure.run([setup.limef_play, "--vo=none", "--untimed", "--report=json",
                       f"--decode-threads={n_threads}", *more, clip])
    if row["code"] == 0:
        row["report"] = json.loads(row["out"].strip().splitlines()[-1])
    return row


def ffmpeg(clip, n_threads, *more):
    return measure.run(["ffmpeg", "-v", "error", "-nostdin", "-threads", n_threads, "-i", clip, "-an",
                        *more, "-fps_mode", "passthrough", "-f", "null", "-"])


def bare(setup, clip, n_threads, *more):
    return measure.run([setup.program("bare_decode"), clip, n_threads, *more])


def jobs_for(setup, clip, n_threads, one_picture):
    jobs = {"ffmpeg": lambda: ffmpeg(clip, n_threads, *(["-frames:v", 1] if one_picture else [])),
            "bare": lambda: bare(setup, clip, n_threads, *([1] if one_picture else []))}
    if setup.limef_play:
        jobs["limef-play"] = lambda: limef_play(setup, clip, n_threads,
                                                *(["--frames=1"] if one_picture else []))
    return jobs


def over_ffmpeg(key):
    return lambda runs, name: (runs.median(name, key) / runs.median("ffmpeg", key)
                               if "ffmpeg" in runs else None)


def bench(setup, report):
    clip = setup.clip(60)
    for n_threads in (1, 2):
        runs = measure.Interleaved(jobs_for(setup, clip, n_threads, False), setup.rounds)
        report.section(f"Decoding 60 s of 1080p H.264, {n_threads} thread{'s' * (n_threads > 1)}",
                       "`limef-play --vo=none --untimed` beside `ffmpeg -f null` and a bare libavcodec "
                       "loop; the right half is relative to ffmpeg.")
        columns = {"wall s": "wall_s", "cpu s": "cpu_s", "peak MB": "rss_mb",
                   "wall": over_ffmpeg("wall_s"), "cpu": over_ffmpeg("cpu_s"),
                   "memory": over_ffmpeg("rss_mb"), "others": "others"}
        report.table_of(runs, columns)
        for key, what, limit in (("wall_s", "wall", 1.0), ("cpu_s", "CPU", 1.0),
                                 ("rss_mb", "peak memory", 0.9)):
            if "limef-play" in runs and "ffmpeg" in runs:
                ratio, *span = runs.paired("limef-play", "ffmpeg", key)
                report.target(f"decode, {n_threads} threads: {what} / ffmpeg", ratio, "<=", limit, span)
        note_zero_copy(runs, report, n_threads)
        first_picture(setup, report, clip, n_threads)


def note_zero_copy(runs, report, n_threads):
    if "limef-play" not in runs:
        return
    last = runs.rows["limef-play"][-1]["report"]
    report.target(f"decode, {n_threads} threads: copied bytes", last["copied_bytes"], "<=", 0)
    report.target(f"decode, {n_threads} threads: allocations a frame", last["allocations_per_frame"],
                  "<=", 0)


def first_picture(setup, report, clip, n_threads):
    runs = measure.Interleaved(jobs_for(setup, clip, n_threads, True), 3 * setup.rounds)
    report.section(f"Start to first picture, {n_threads} thread{'s' * (n_threads > 1)}",
                   "The whole process, from exec to exit, for one picture of the same file.")
    report.table_of(runs, {"wall ms": lambda of, name: of.median(name, "wall_s") * 1e3,
                           "cpu ms": lambda of, name: of.median(name, "cpu_s") * 1e3,
                           "wall": over_ffmpeg("wall_s"), "others": "others"})
    report.ratio(f"first picture, {n_threads} threads: wall / ffmpeg", runs, "limef-play", "ffmpeg",
                 "wall_s", "<=", 0.75)
