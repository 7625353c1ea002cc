# SPDX-License-Identifier: MIT
"""A camera to receive from, and what programs cost while they receive."""
import contextlib
import json
import os
import signal
import subprocess
import time

import clips
import measure


@contextlib.contextmanager
def serve(setup, clip, *options):
    """Gives a URL and the server's process; (None, None) if there is none, or not what it needs."""
    if not os.access(setup.rtspd, os.X_OK):
        yield None, None
        return
    process = subprocess.Popen([setup.rtspd, *options, f"/cam={clip}"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        ready, _, port = process.stdout.readline().strip().partition(" ")
        yield (f"rtsp://127.0.0.1:{port}/cam", process) if ready == "ready" else (None, None)
    finally:
        process.kill()
        process.communicate()


def tiny_clip(setup):
    """640x360 at 15 pictures a second, a key frame each 2 s."""
    clip = os.path.join(setup.clips, "camera_360p15.mp4")
    if not os.path.exists(clip):
        source, part = setup.clip(10), clip + ".part"
        clips.ffmpeg("-i", source, "-an", "-r", 15, "-vf", "scale=640:360", "-c:v", "libx264",
                     "-preset", "veryfast", "-b:v", "400k", "-g", 30, "-bf", 0, "-f", "mp4", part)
        os.rename(part, clip)
    return clip


def long_group(setup, width, height, rate):
    """10 s as a camera sends them that sends a key frame each 10 s."""
    clip = os.path.join(setup.clips, f"camera_{height}p{rate}_one_group.mp4")
    if not os.path.exists(clip):
        source, part = setup.clip(10), clip + ".part"
        clips.ffmpeg("-i", source, "-an", "-r", rate, "-vf", f"scale={width}:{height}", "-c:v", "libx264",
                     "-preset", "veryfast", "-crf", 26, "-g", 10 * rate, "-sc_threshold", 0, "-bf", 0, "-f", "mp4",
                     part)
        os.rename(part, clip)
    return clip


def session(pid):
    """The processes of a session that still run."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.getsid(int(entry)) == pid:
                found.append(int(entry))
        except ProcessLookupError:
            pass
    return found


def memory_mb(pid):
    """What a process has for itself, and its share of what it has with others."""
    own = share = 0
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                own += int(line.split()[1])
            elif line.startswith("Pss:"):
                share = int(line.split()[1])
    return own / 1024, share / 1024


def add_up(pids, of):
    total = None
    for pid in pids:
        with contextlib.suppress(OSError):
            value = of(pid)
            total = value if total is None else tuple(map(sum, zip(total, value)))
    return total


def count_threads(pid):
    return len(os.listdir(f"/proc/{pid}/task")),


def cpu_s(pids):
    return add_up(pids, lambda pid: (measure.process_cpu_s(pid),))[0]


def steady(command, camera, warm_s, seconds, env=None):
    """Runs a program; its figures are those of `seconds` once it has run for warm_s: cpu_s, and
    own_mb, pss_mb, threads at their end, of all its processes. What it says last as a JSON
    object is there as well."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env={**os.environ, **(env or {})}, start_new_session=True,
                               preexec_fn=measure.raise_priority)
    time.sleep(warm_s)
    pids = session(process.pid)
    row = {"code": 1, "others": 0, "error": "it ended by itself"}
    if process.poll() is None:
        before = cpu_s(pids), measure.process_cpu_s(camera.pid), measure.busy_s()
        time.sleep(seconds)
        used, served, busy = (after - then for after, then in zip(
            (cpu_s(pids), measure.process_cpu_s(camera.pid), measure.busy_s()), before))
        own_mb, pss_mb = add_up(pids, memory_mb)
        row = {"code": 0, "cpu_s": used, "own_mb": own_mb, "pss_mb": pss_mb,
               "threads": add_up(pids, count_threads)[0],
               "others": max(0.0, (busy - used - served) / (seconds * measure.N_CPUS))}
    for pid in session(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    try:
        out = process.communicate(timeout=5)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out = process.communicate()[0]
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if lines:
        row.update(json.loads(lines[-1]), **{key: row[key] for key in ("cpu_s", "threads")
                                            if key in row})
    return row
