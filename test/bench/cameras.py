# SPDX-License-Identifier: MIT
"""Cameras received and counted, not decoded: one thread for all beside a process for each."""
import os
import subprocess
import time

import measure

N_CAMERAS = 32
SECONDS = 20
PORT = 18654


def server(setup):
    """A camera on libgstrtspserver, if its source lies beside the clips; None."""
    source = os.path.join(setup.media, "..", "rtsp", "rtspd.c")
    program = os.path.join(setup.programs, "rtspd")
    clip = os.path.join(setup.clips, "camera_360p15.mp4")
    packages = ["gstreamer-rtsp-server-1.0", "gstreamer-app-1.0", "gio-2.0", "libavformat",
                "libavcodec", "libavutil"]
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True,
                           text=True)
    if not os.path.exists(source) or flags.returncode or subprocess.run(
            ["cc", "-O2", source, "-o", program, *flags.stdout.split()]).returncode:
        return None
    os.makedirs(setup.clips, exist_ok=True)
    if not os.path.exists(clip):
        subprocess.run(["ffmpeg", "-v", "error", "-i", setup.clip(10), "-an", "-r", "15", "-vf",
                        "scale=640:360", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "400k",
                        "-g", "30", "-bf", "0", clip], check=True)
    process = subprocess.Popen([program, "-p", str(PORT), f"/cam={clip}"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("ready"):
            return process
    return None


def bench(setup, report):
    camera = server(setup)
    if camera is None:
        report.section("Cameras", "There is no camera to receive from.")
        return
    url = f"rtsp://127.0.0.1:{PORT}/cam"
    time.sleep(1)

    def limef(*words):
        return lambda: measure.run_json([setup.program("cameras"), url, N_CAMERAS, SECONDS, *words],
                                        helper_pid=camera.pid)

    def shell(each):
        script = f"for i in $(seq {N_CAMERAS}); do {each} >/dev/null 2>&1 & done; wait; exit 0"
        return lambda: measure.run(["sh", "-c", script], helper_pid=camera.pid)

    jobs = {
        "limef, TCP": limef("tcp"),
        "limef, UDP": limef("udp"),
        "ffmpeg -c copy, TCP": shell(f"ffmpeg -v error -nostdin -rtsp_transport tcp -t {SECONDS} -i {url}"
                                     " -c copy -f null -"),
        "GStreamer rtspsrc, TCP": shell(f"timeout -s INT {SECONDS} gst-launch-1.0 -q rtspsrc "
                                        f"location={url} protocols=tcp latency=0 ! fakesink"),
    }
    try:
        runs = measure.Interleaved(jobs, setup.rounds, attempts=1)
    finally:
        camera.stdin.close()
        camera.kill()
        camera.wait()
    minutes = N_CAMERAS * SECONDS / 60
    report.section("Cameras", f"{N_CAMERAS} times 640x360 at 15 pictures a second for {SECONDS} s, "
                   "received and counted. The peers' start is in their figures.")
    report.table_of(runs, {
        "CPU s/stream-minute": lambda of, name: of.median(name, "cpu_s") / minutes,
        "MB in all": lambda of, name: of.median(name, "rss_mb") if name.startswith("limef") else None,
        "units": lambda of, name: of.median(name, "units") if name.startswith("limef") else None,
        "lost": lambda of, name: of.median(name, "lost") if name.startswith("limef") else None,
        "threads": lambda of, name: of.median(name, "threads") if name.startswith("limef") else None,
        "others": "others"})
    if "limef, TCP" in runs:
        report.target("32 cameras: CPU s a stream-minute",
                      runs.median("limef, TCP", "cpu_s") / minutes, "<=", 0.03)
        report.target("32 cameras: MB a camera, the program's own 10 MB left out",
                      (runs.median("limef, TCP", "rss_mb") - 10) / N_CAMERAS, "<=", 0.5)
