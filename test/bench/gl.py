# SPDX-License-Identifier: MIT
"""Showing a 1080p file through GL on a machine without a GPU, as fast as it goes."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import measure

CLIP_S = 10
N_THREADS = 2
SAMPLINGS = {"linear": "all bilinear", "luma": "luma nearest", "nearest": "all nearest"}
SIZES = [(1920, 1080), (1600, 900)]  # pixel for pixel, and scaled
# made by scripts/get-mesa.sh: one that imports dma-bufs without a GPU
NEWER_MESA = pathlib.Path(__file__).resolve().parents[2] / "build/mesa/environment"


def newer_mesa():
    """The environment of the newer Mesa; None: it is not here."""
    try:
        return dict(line.split("=", 1) for line in NEWER_MESA.read_text().splitlines() if "=" in line)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def xvfb():
    """A display of our own; gives its number and its process, and ends it."""
    read_fd, write_fd = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write_fd), "-screen", "0", "1920x1080x24",
                               "-nolisten", "tcp"], pass_fds=[write_fd],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write_fd)
    try:
        with os.fdopen(read_fd) as said:
            number = said.readline().strip()  # written when it is ready; empty if it failed
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield f":{number}", server
    finally:
        server.terminate()
        server.wait()


def jobs_for(setup, clip, width, height):
    """{name: (command, what else is in its environment)}"""
    pixel_for_pixel = (width, height) == SIZES[0]
    jobs, newer = {}, newer_mesa()
    if setup.limef_play:
        play = [setup.limef_play, "--untimed", f"--size={width}x{height}", "--report=json",
                f"--decode-threads={N_THREADS}"]
        jobs["limef-play offscreen"] = play + ["--vo=offscreen", clip]
        jobs["limef-play window"] = play + ["--vo=window", clip]
        jobs["limef-play offscreen, mapped buffers"] = play + ["--vo=offscreen", "--upload=direct", clip]
        if newer:
            jobs["limef-play offscreen, imported (newer Mesa)"] = (play + ["--vo=offscreen", clip], newer)
    if setup.has("bare_gl"):
        for sampling in ("linear", "luma", "nearest"):
            bare = [setup.program("bare_gl"), clip, N_THREADS, width, height, sampling]
            jobs[f"bare GL, {SAMPLINGS[sampling]}"] = bare
            if sampling == "linear" or (sampling == "nearest" and pixel_for_pixel):
                jobs[f"bare GL in a window, {SAMPLINGS[sampling]}"] = bare + ["window"]
        if newer:
            jobs["bare GL, all bilinear (newer Mesa)"] = ([setup.program("bare_gl"), clip, N_THREADS, width, height,
                                                         "linear"], newer)
    if shutil.which("mpv"):
        jobs["mpv"] = ["mpv", "--no-config", "--untimed", "--no-audio", "--really-quiet",
                       "--no-terminal", "--no-osc", "--osd-level=0", "--no-border",
                       f"--geometry={width}x{height}+0+0", f"--vd-lavc-threads={N_THREADS}",
                       "--vo=gpu", "--gpu-context=x11egl", "--opengl-swapinterval=0", clip]
    if shutil.which("ffplay"):
        jobs["ffplay"] = ["ffplay", "-v", "error", "-autoexit", "-an", "-noframedrop", "-threads",
                          N_THREADS, "-vf", "setpts=0.02*PTS", "-x", width, "-y", height, clip]
    if shutil.which("gst-launch-1.0") and pixel_for_pixel:  # its window is as large as the picture
        jobs["glimagesink"] = ["gst-launch-1.0", "-q", "filesrc", f"location={clip}", "!", "qtdemux",
                               "!", "h264parse", "!", "avdec_h264", f"max-threads={N_THREADS}", "!",
                               "queue", "!", "glimagesink", "sync=false"]
    return {name: job if isinstance(job, tuple) else (job, {}) for name, job in jobs.items()}


def n_shown(row):
    """What limef-play did not show does not count; the others do not say what they showed."""
    if '"streams"' not in row["out"]:
        return CLIP_S * 25
    report = json.loads(row["out"].strip().splitlines()[-1])
    return sum(stream["frames_shown"] for stream in report["streams"])


def mb_a_frame(setup, command, env):
    """What it hands to OpenGL for a picture, and what OpenGL, drawing by the CPU, hands to the X server for it, counted
    by a stand-in in a run of its own; None: unknown. Memory that is mapped once and kept is in neither."""
    with tempfile.NamedTemporaryFile("r") as counts:
        row = measure.run(command, env={**env, "LD_PRELOAD": setup.program("count_gl") + ".so",
                                        "LIMEF_COUNT_GL": counts.name})
        said = [line.split() for line in counts.read().splitlines()]
    if row["code"] or not said:
        return None, None
    return tuple(sum(int(words[i]) for words in said for i in at) / n_shown(row) / 1e6 for at in ((1, 3, 5), (9,)))


def compare_moved(report, moved):
    """MB a frame beside those of whom it is compared with, to a hundredth."""
    for ours, theirs in (("limef-play offscreen", "bare GL, all bilinear"),
                         ("limef-play offscreen, imported (newer Mesa)", "bare GL, all bilinear (newer Mesa)"),
                         ("limef-play window", "bare GL in a window, all bilinear"),
                         ("limef-play window", "mpv"), ("limef-play window", "ffplay"),
                         ("limef-play window", "glimagesink")):
        for i, what in enumerate(("MB a frame", "MB a frame to the X server")):
            mine, others = moved.get(ours, (None, None))[i], moved.get(theirs, (None, None))[i]
            if mine is not None and others:
                report.target(f"{ours} / {theirs}, {what}", round(mine / others, 2), "<=", 1)


def add_rate(runs):
    for rows in runs.rows.values():
        for row in rows:
            row["fps"] = n_shown(row) / row["wall_s"]


def bench(setup, report):
    if not shutil.which("Xvfb"):
        report.section("Through GL", "Xvfb is not installed.")
        return
    with tempfile.TemporaryDirectory() as runtime, xvfb() as (display, server):
        env = {"DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1", "SDL_VIDEODRIVER": "x11",
               "SDL_RENDER_DRIVER": "opengl", "GST_GL_PLATFORM": "egl", "GST_GL_WINDOW": "x11",
               "vblank_mode": "0", "XDG_RUNTIME_DIR": runtime, "WAYLAND_DISPLAY": ""}
        for width, height in SIZES:
            size(setup, report, width, height, env, server)


def size(setup, report, width, height, env, server):
    exact = (width, height) == SIZES[0]
    clip = setup.clip(CLIP_S)
    jobs = {name: (command, {**env, **more})
            for name, (command, more) in jobs_for(setup, clip, width, height).items()}
    runs = measure.Interleaved({
        name: lambda command=command, own=own: measure.run(command, env=own, helper_pid=server.pid)
        for name, (command, own) in jobs.items()}, setup.rounds)
    moved = {name: mb_a_frame(setup, *job) for name, job in jobs.items()} if exact else {}
    add_rate(runs)
    report.section(f"1080p through GL on llvmpipe, shown at {width}x{height}",
                   f"{'Pixel for pixel' if exact else 'Scaled'}, in an Xvfb of 1920x1080; frames a "
                   "second of the whole process, start-up included.")
    counted = {"MB a frame": lambda _, name: moved[name][0], "MB to X": lambda _, name: moved[name][1]}
    report.table_of(runs, {
        "frames/s": "fps", **(counted if exact else {}), "cpu s": "cpu_s", "X server s": "helper_s", "peak MB": "rss_mb",
        "of mpv": lambda of, name: of.median(name, "fps") / of.median("mpv", "fps")
        if "mpv" in of else None, "others": "others"})
    for ours, bare in (("limef-play offscreen", "bare GL"), ("limef-play window", "bare GL in a window")):
        for sampling in ("linear", "nearest") if exact else ("linear",):  # pixel for pixel ours is nearest
            report.ratio(f"{width}x{height}: {ours} / {bare}, {SAMPLINGS[sampling]}, frames a second", runs,
                         ours, f"{bare}, {SAMPLINGS[sampling]}", "fps", ">=", 0.9)
    report.ratio(f"{width}x{height}: limef-play, imported / bare GL, both newer Mesa, frames a second", runs,
                 "limef-play offscreen, imported (newer Mesa)", "bare GL, all bilinear (newer Mesa)", "fps", ">=", 0.9)
    compare_moved(report, moved)
    for ours in ("limef-play offscreen", "limef-play window"):
        for theirs, limit in (("mpv", 2.0 if exact else 1.3), ("ffplay", 1.3), ("glimagesink", 1.6)):
            report.ratio(f"{width}x{height}: {ours} / {theirs}, frames a second", runs, ours, theirs,
                         "fps", ">=", limit)
