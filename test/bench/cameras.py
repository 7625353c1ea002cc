# SPDX-License-Identifier: MIT
"""Cameras received and counted; shown; and how soon the first picture is there."""
import re
import shutil

import camera
import measure

N_CAMERAS = 32
N_MANY = 256
RATE = 15
LEAST_SHARE = 0.99  # of the units that were due: the window has no edges at pictures
SECONDS = 12
WARM_S = 4  # costs are measured and threads joined by then
N_STARTS = 5  # of each program and round
N_SHOWN = 4
LONG_GROUPS = ((640, 360, 15), (1280, 720, 25), (1920, 1080, 25))
MODES = {"decoded": "decoded already", "bare": "libavcodec alone"}
N_ATTACHED = 10  # in each run, from the middle of the group to its end
PERIOD_MS = 40


def gst(url, n, *decode):
    words = ["gst-launch-1.0", "-q"]
    for _ in range(n):
        words += ["rtspsrc", f"location={url}", "protocols=tcp", "latency=0", "!", "rtph264depay",
                  "!", "h264parse", "!", *decode, "fakesink", "sync=false"]
    return words


def no_camera(report, title):
    report.section(title, "There is no camera to receive from.")


def received(setup, report):
    title = "Cameras received"
    ffmpeg = "ffmpeg -v error -nostdin -rtsp_transport tcp -i {url} -c copy -f null -"
    with camera.serve(setup, camera.tiny_clip(setup)) as (url, server):
        if url is None:
            return no_camera(report, title)
        each = f"{ffmpeg.format(url=url)} >/dev/null 2>&1 &"
        commands = {
            "limef, TCP": [setup.program("cameras"), url, N_CAMERAS, "tcp"],
            "limef, UDP": [setup.program("cameras"), url, N_CAMERAS, "udp"],
            "limef, TCP, one camera": [setup.program("cameras"), url, 1, "tcp"],
            "a bare epoll loop, TCP": [setup.program("bare_camera"), url, N_CAMERAS],
            f"{N_CAMERAS} ffmpeg -c copy, TCP": [
                "sh", "-c", f"for i in $(seq {N_CAMERAS}); do {each} done; wait"],
            "GStreamer, TCP": gst(url, N_CAMERAS),
        }
        runs = measure.Interleaved(
            {name: lambda command=command: camera.steady(command, server, WARM_S, SECONDS)
             for name, command in commands.items() if shutil.which(str(command[0]))},
            setup.rounds, attempts=1)
    minutes = SECONDS / 60

    def streams(name):
        return 1 if "one camera" in name else N_CAMERAS

    def ours(key):
        return lambda of, name: of.median(name, key) if name.startswith("limef") else None

    def units(of, name):
        return of.median(name, "units") if "units" in of.rows[name][0] else None

    report.section(title, f"{N_CAMERAS} times 640x360 at {RATE} pictures a second, for {SECONDS} s after "
                   f"{WARM_S} s. The bare loop splits what comes into RTP packets, and does nothing with them.")
    report.table_of(runs, {
        "CPU ms/stream-minute": lambda of, name: of.median(name, "cpu_s") * 1e3 / minutes / streams(name),
        "own MB": "own_mb", "PSS MB": "pss_mb",
        "PSS MB/camera": lambda of, name: of.median(name, "pss_mb") / streams(name),
        "threads": "threads", "of media": ours("media_threads"), "units": units,
        "lost": ours("lost"), "others": "others"})
    for name in ("limef, TCP", "limef, UDP"):
        if name in runs:
            report.target(f"{N_CAMERAS} cameras, {name[7:]}: CPU ms a stream-minute",
                          runs.median(name, "cpu_s") * 1e3 / minutes / N_CAMERAS, "<=", 30)
            report.target(f"{N_CAMERAS} cameras, {name[7:]}: MB a camera, the program and its libraries "
                          "with it", runs.median(name, "pss_mb") / N_CAMERAS, "<=", 0.5)
            report.target(f"{N_CAMERAS} cameras, {name[7:]}: threads of media",
                          runs.median(name, "media_threads"), "<=", 1)


def many(setup, report):
    """By a program of the tests, whose cameras cost less than the server's."""
    program = setup.program("hold")
    names = {name: [program, f"cameras={N_MANY}", f"seconds={SECONDS}", f"rate={RATE}", f"transport={name.lower()}"]
             for name in ("TCP", "UDP")}
    runs = measure.Interleaved({name: lambda command=command: held(measure.run(command))
                                for name, command in names.items()}, setup.rounds, attempts=1)
    report.section(f"{N_MANY} cameras on a machine of {measure.N_CPUS} cores",
                   f"640x360 at {RATE} pictures a second, for {SECONDS} s, with the cameras on the same machine. Due are the "
                   "units that the clock allows.")
    report.table_of(runs, {"CPU ms/stream-minute": "cpu_ms", "kB/camera": "kb", "threads": "threads", "units": "units",
                           "% of those due": "share", "packets lost": "lost", "stopped in ms": "stop_ms",
                           "others": "others"})
    for name in runs:
        report.target(f"{N_MANY} cameras, {name}: % of the units that were due", runs.median(name, "share"), ">=",
                      100 * LEAST_SHARE)
        report.target(f"{N_MANY} cameras, {name}: packets lost", runs.median(name, "lost"), "<=", 0)


def held(row):
    """With what test_camera_hold printed."""
    patterns = {"units": r"(\d+) units", "share": r"\(([\d.]+) %\)", "lost": r"lost (\d+) packets",
                "cpu_ms": r"\(([\d.]+) s a camera and minute", "kb": r"(\d+) kB a camera", "threads": r"(\d+) threads",
                "stop_ms": r"stopped in (\d+) ms"}
    for key, pattern in patterns.items() if row["code"] == 0 else []:
        row[key] = float(re.search(pattern, row["out"]).group(1)) * (1e3 if key == "cpu_ms" else 1)
    return row


def started(setup, report):
    title = "A camera's first picture"
    with camera.serve(setup, setup.small_clip(10), "apart=1") as (url, server):
        if url is None:
            return no_camera(report, title)
        commands = {
            "a bare client with libavcodec": [setup.program("bare_camera"), url, "first"],
            "GStreamer rtspsrc latency=0": gst(url, 1, "avdec_h264", "!") + ["num-buffers=1"],
            "mpv, low latency": ["mpv", "--no-config", "--no-audio", "--really-quiet",
                                 "--no-terminal", "--vo=null", "--frames=1",
                                 "--profile=low-latency", "--rtsp-transport=tcp", url],
            "ffmpeg": ["ffmpeg", "-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", url,
                       "-an", "-frames:v", "1", "-f", "null", "-"],
        }
        if setup.limef_play:
            commands = {"limef-play": [setup.limef_play, "--vo=none", "--ao=none", "--untimed",
                                       "--frames=1", "--rtsp-transport=tcp", url], **commands}
        runs = measure.Interleaved(
            {name: lambda command=command: measure.run(command, helper_pid=server.pid)
             for name, command in commands.items() if shutil.which(command[0])},
            setup.rounds * N_STARTS, attempts=1)
    report.section(title, "1280x720, beginning with a key frame, over TCP; from exec to exit behind one "
                   "decoded picture.")
    report.table_of(runs, {"ms": lambda of, name: of.median(name, "wall_s") * 1e3,
                           "CPU ms": lambda of, name: of.median(name, "cpu_s") * 1e3,
                           "peak MB": "rss_mb", "others": "others"})
    report.ratio("first picture of a camera / GStreamer", runs, "limef-play",
                 "GStreamer rtspsrc latency=0", "wall_s", "<=", 0.5)


def attached(setup, report):
    program, jobs = setup.program("gop"), {}
    for width, height, rate in LONG_GROUPS:
        clip, name = camera.long_group(setup, width, height, rate), f"{width}x{height} at {rate}"
        jobs[name] = lambda clip=clip: measure.run_json([program, clip, N_ATTACHED])
        for mode, what in MODES.items():
            jobs[f"{name}, {what}"] = lambda clip=clip, mode=mode: measure.run_json([program, clip, N_ATTACHED, mode])
    runs = measure.Interleaved(jobs, setup.rounds)
    report.section("A branch attached to a camera that sends a key frame each 10 s",
                   f"From attaching it, at {N_ATTACHED} places from the middle of the group to its end, to its first picture "
                   "presented; ms. Behind a GOP cache each picture of the group so far is decoded; behind a decoder that runs "
                   "already the next one is shown, at 25 a second. libavcodec alone has the same packets at once, and as many "
                   "threads as it likes.")
    report.table_of(runs, {"least": "min_ms", "median": "p50_ms", "most": "max_ms", "others": "others"})
    for name in jobs:
        if name in runs and MODES["bare"] not in name:
            report.target(f"attached within a group of 10 s, {name}: most, ms", runs.median(name, "max_ms"), "<=", 150)


def count_drops(row):
    return sum(sum(stream["frames_dropped"].values()) for stream in row["streams"])


def shown(setup, report):
    title = "A wall of cameras"
    with camera.serve(setup, setup.small_clip(10)) as (url, server):
        if url is None or not setup.limef_play:
            return no_camera(report, title)
        play = [setup.limef_play, "--vo=offscreen", "--ao=none", "--report=json",
                "--rtsp-transport=tcp", "--log-level=error"]
        commands = {
            "limef-play, shown in a grid": [*play, *[url] * N_SHOWN],
            "limef-play, decoded": [*play, "--vo=none", *[url] * N_SHOWN],
            "limef-play, one shown": [*play, url],
            "GStreamer, decoded": gst(url, N_SHOWN, "avdec_h264", "!"),
            "GStreamer, decoded, one thread each": gst(url, N_SHOWN, "avdec_h264",
                                                       "max-threads=1", "!"),
        }
        runs = measure.Interleaved(
            {name: lambda command=command: camera.steady(command, server, WARM_S, SECONDS)
             for name, command in commands.items() if shutil.which(command[0])},
            setup.rounds, attempts=1)
    for name, rows in runs.rows.items():
        for row in rows if name.startswith("limef") else []:
            row["dropped"] = count_drops(row)
            row["latency_ms"] = max(stream["latency_ms"]["p99"] for stream in row["streams"])

    def ours(key):
        return lambda of, name: of.median(name, key) if name.startswith("limef") else None

    report.section(title, f"{N_SHOWN} times 1280x720 at 25 pictures a second, over TCP; for {SECONDS} s "
                   f"after {WARM_S} s. Latency is from the last packet of a picture to its being shown, "
                   "p99, of the worst tile.")
    report.table_of(runs, {"CPU s/s": lambda of, name: of.median(name, "cpu_s") / SECONDS,
                           "dropped": ours("dropped"), "latency ms": ours("latency_ms"),
                           "threads": "threads", "PSS MB": "pss_mb", "others": "others"})
    grid = "limef-play, shown in a grid"
    if grid in runs:
        report.target("4 cameras shown: pictures dropped", runs.median(grid, "dropped"), "<=", 0)
        report.target("4 cameras shown: latency p99, ms", runs.median(grid, "latency_ms"), "<=",
                      PERIOD_MS)
    if "limef-play, one shown" in runs:
        report.target("1 camera shown: latency p99, ms", runs.median("limef-play, one shown", "latency_ms"), "<=",
                      PERIOD_MS)
    report.ratio("4 cameras shown: CPU / GStreamer decoding", runs, grid, "GStreamer, decoded",
                 "cpu_s", "<=", 1.05)
