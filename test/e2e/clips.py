#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serves every clip of a folder in one pass by RTSP, and compares each decoded picture.

clips.py RTSP-CLIENT SERVER MEDIA-FOLDER [--wire WIRE] [--only WORD,...] [--how NAME,...] [--jobs N]

SERVER is limef_rtspd. MEDIA-FOLDER/framemd5/FILE.framemd5.gz has what `ffmpeg -f framemd5` says of each.
WIRE joins two network namespaces by a cable that reorders, delays and duplicates; that wants root.
How: tcp, udp, rtsps, and with WIRE bad (UDP out of order, with jitter, 10 % of packets twice).

Exit status 77: nothing to serve, or nothing to serve it with."""
import argparse
import concurrent.futures
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from rtspd import NotInstalled, Server, make_certificate

CODECS = ("h264", "hevc", "mjpeg")
SPEED = 2
WIRE_SPEED = 1
DEADLINE_S = 240
PATIENCE = "timeout_ms=8000"  # not every end is said
ADDRESSES = {"cam": "10.77.0.1", "nvr": "10.77.0.2"}
# what cannot be sent: tables of its own (RFC 2435 has no room for them)
UNSENDABLE = ("cars_320x240.mjpeg",)
# pictures that come out of order, in streams whose parameter sets do not say so: who does not wait
# for what might come, as with a camera, has shown a later one when the first such picture comes
UNANNOUNCED = {"bt601.mov": 1}


def codec_of(path):
    done = subprocess.run(["ffprobe", "-v", "quiet", "-select_streams", "v:0", "-show_entries",
                           "stream=codec_name", "-of", "csv=p=0", path], capture_output=True,
                          text=True)
    return done.stdout.split("\n", 1)[0].strip().strip(",")


def sums_of(path):
    sums, video = [], "0"
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as lines:
        for line in lines:
            if line.startswith("#media_type"):
                number, kind = line.split(" ", 1)[1].split(": ")
                video = number if kind.strip() == "video" else video
            elif not line.startswith("#") and line.split(",")[0].strip() == video:
                sums.append(line.split(",")[-1].strip())
    return sums


def wait_for_nobody():
    """A cable is no program: others that want the processor do not delay what it carries."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        pass  # not permitted: what it holds up for longer than it is waited for is lost


class Cable:
    """Two namespaces, and what lies between them."""

    def __init__(self, wire):
        self.names = {end: f"limef{os.getpid()}{end}" for end in ADDRESSES}
        for name in self.names.values():
            subprocess.run(["ip", "netns", "add", name], check=True)
        self.process = subprocess.Popen(
            [wire, "-1", "-x", "7", "-d", "20", "-j", "40", "-o", "10", "-u", "10", "-q", "5000",
             *(f"{self.names[end]}={ADDRESSES[end]}/24" for end in ADDRESSES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=wait_for_nobody)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("no cable")

    def at(self, end):
        return ("ip", "netns", "exec", self.names[end])

    def close(self):
        self.process.kill()
        self.process.wait()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False)


def play(client, url, path, arguments, namespace=()):
    done = subprocess.run([*namespace, client, url, "once=1", f"md5={path}",
                           PATIENCE, f"seconds={DEADLINE_S}", *arguments], capture_output=True, text=True,
                          errors="replace")
    counters = {}
    for line in done.stdout.splitlines():
        if line.startswith("counters "):
            counters = dict(word.split("=") for word in line.split()[1:])
    return (sums_of(path) if path.exists() else []), counters, done


def sums_by_ffmpeg(clip, number):
    """Of another video stream than the first; which one is sent the server decides."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-autorotate", "0", "-i", clip, "-map", f"0:v:{number}", "-vsync",
                           "passthrough", "-f", "framemd5", "-"],
                          capture_output=True, text=True)
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines()
            if not line.startswith("#")]


def judge(wanted, got, clip):
    """A word, and whether it is right."""
    if got and not set(got) & set(wanted):
        wanted = sums_by_ffmpeg(clip, 1) or wanted
    if got == wanted:
        return f"all {len(wanted)}", True
    if len(got) == len(wanted) - 1 and got == wanted[:-1]:
        return f"{len(got)} of {len(wanted)}, the last one missing", False
    right = set(wanted)
    return (f"{len(got)} of {len(wanted)}, {sum(sum_ not in right for sum_ in got)} of them wrong",
            False)


def serve_all(given, clips, how, folder):
    """Plays all clips in one way. Yields (name, word, is_right)."""
    cable = Cable(given.wire) if how == "bad" else None
    options, more = [], {"tcp": ["transport=tcp"], "udp": ["transport=udp"],
                         "rtsps": ["transport=tcp"], "bad": ["transport=udp"]}[how]
    if how == "rtsps":
        key, certificate = make_certificate(folder)
        options = [f"certificate={certificate}", f"key={key}"]
        more = more + [f"ca={certificate}"]
    host = ADDRESSES["cam"] if cable else "127.0.0.1"
    speed = WIRE_SPEED if cable else SPEED

    def one(number_and_clip):
        number, clip = number_and_clip
        server = Server(given.server, f"address={host}", "apart=1", "passes=1", f"speed={speed}",
                        *options, f"/x={clip}", namespace=cable.at("cam") if cable else ())
        try:
            got, counters, _ = play(given.client, f"rtsp{'s' if how == 'rtsps' else ''}://{host}:"
                                    f"{server.port}/x", folder / f"{how}{number}", more,
                                    cable.at("nvr") if cable else ())
        finally:
            server.kill()
        word, is_right = judge(given.sums[clip], got, clip)
        missing = [one for one in given.sums[clip] if one not in got]
        if not is_right and len(missing) == UNANNOUNCED.get(clip.name) and \
                got == [one for one in given.sums[clip] if one not in missing]:
            word, is_right = f"{len(got)} of {len(got) + len(missing)}, as it has to be", True
        if how in ("udp", "bad") or not is_right:
            word += " (" + ", ".join(f"{key} {counters.get(key)}" for key in
                                     ("lost", "duplicates", "late", "dropped")) + ")"
        return clip.name, word, is_right

    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        yield from pool.map(one, enumerate(clips))
    if cable:
        cable.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("client")
    parser.add_argument("server")
    parser.add_argument("media", type=pathlib.Path)
    parser.add_argument("--wire")
    parser.add_argument("--only", default="")
    parser.add_argument("--how", default="tcp,udp,rtsps,bad")
    parser.add_argument("--jobs", type=int, default=4)
    given = parser.parse_args()
    clips = [path for path in sorted(given.media.iterdir())
             if path.is_file() and not path.name.startswith("bad_")
             and any(word in path.name for word in given.only.split(","))
             and path.name not in UNSENDABLE and codec_of(path) in CODECS]
    if not clips or not pathlib.Path(given.server).exists():
        return 77
    given.sums = {clip: sums_of(given.media / "framemd5" / f"{clip.name}.framemd5.gz")
                  for clip in clips}
    n_wrong = 0
    with tempfile.TemporaryDirectory(prefix="limef-clips-") as folder:
        for how in given.how.split(","):
            if how == "bad" and not given.wire:
                continue
            begun_s, n_right, n = time.monotonic(), 0, 0
            for name, word, is_right in serve_all(given, clips, how, pathlib.Path(folder)):
                n, n_right = n + 1, n_right + is_right
                print(f"{how:6} {'' if is_right else 'WRONG':6} {name:55} {word}", flush=True)
            n_wrong += n - n_right
            print(f"{how}: {n_right} of {n} clips, {time.monotonic() - begun_s:.0f} s", flush=True)
    return int(n_wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
