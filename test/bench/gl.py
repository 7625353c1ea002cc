# SPDX-License-Identifier: MIT
"""Showing a 1080p file through GL on a machine without a GPU, as fast as it goes."""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile

import measure

CLIP_S = 10
N_THREADS = 2
SAMPLINGS = {"linear": "all bilinear", "luma": "luma nearest", "nearest": "all nearest"}
SIZES = [(1920, 1080), (1600, 900)]  # pixel for pixel, and scaled


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


def jobs_for(setup, clip, width, height, env, server):
    """{name: (command, uses the display)}"""
    pixel_for_pixel = (width, height) == SIZES[0]
    jobs = {}
    if setup.limef_play:
        play = [setup.limef_play, "--untimed", f"--size={width}x{height}", "--report=json",
                f"--decode-threads={N_THREADS}"]
        jobs["limef-play offscreen"] = play + ["--vo=offscreen", clip]
        jobs["limef-play window"] = play + ["--vo=window", clip]
    if setup.has("bare_gl"):
        for sampling in ("linear", "luma", "nearest"):
            jobs[f"bare GL, {SAMPLINGS[sampling]}"] = [setup.program("bare_gl"), clip, N_THREADS, width, height,
                                            sampling]
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
    return {name: lambda command=command: measure.run(command, env=env, helper_pid=server.pid)
            for name, command in jobs.items()}


def add_rate(runs):
    """What limef-play did not show does not count; the others do not say what they showed."""
    for rows in runs.rows.values():
        for row in rows:
            shown = CLIP_S * 25
            if '"streams"' in row["out"]:
                report = json.loads(row["out"].strip().splitlines()[-1])
                shown = sum(stream["frames_shown"] for stream in report["streams"])
            row["fps"] = shown / row["wall_s"]


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
    runs = measure.Interleaved(jobs_for(setup, clip, width, height, env, server), setup.rounds)
    add_rate(runs)
    report.section(f"1080p through GL on llvmpipe, shown at {width}x{height}",
                   f"{'Pixel for pixel' if exact else 'Scaled'}, in an Xvfb of 1920x1080; frames a "
                   "second of the whole process, start-up included.")
    report.table_of(runs, {
        "frames/s": "fps", "cpu s": "cpu_s", "X server s": "helper_s", "peak MB": "rss_mb",
        "of mpv": lambda of, name: of.median(name, "fps") / of.median("mpv", "fps")
        if "mpv" in of else None, "others": "others"})
    for ours in ("limef-play offscreen", "limef-play window"):
        for theirs, limit in (("mpv", 2.0 if exact else 1.3), ("ffplay", 1.3), ("glimagesink", 1.6)):
            report.ratio(f"{width}x{height}: {ours} / {theirs}, frames a second", runs, ours, theirs,
                         "fps", ">=", limit)
