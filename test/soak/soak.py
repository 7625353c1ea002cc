#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Watches cameras that break now and then, for as long as it is told, and says whether memory grows.

soak.py CAMERA-FAULTS [--minutes N] [--cameras N] [--pause-s N] [--every-s N] [--seed N] [--log FILE]

CAMERA-FAULTS is test_camera_faults of a build without sanitizers, whose own bookkeeping grows. Each
camera breaks in another way PAUSE seconds after it played again; what it shows is compared with
what was sent. At the end: memory in the second half as a slope by least squares (pools grow with the
largest that each camera sends, fewer and fewer times), and what the program counted. Exit status 1: something damaged, lost, late or left open, or memory that grows by
more than --kb-per-hour."""
import argparse
import os
import subprocess
import sys
import time


def slope(points):
    """Bytes a second, by least squares; how far the points lie from that line at most; and by how much, either way, the
    slope may be another one in 19 of 20 cases, if each point is off by chance."""
    n = len(points)
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    rate = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0
    errors = [y - mean_y - rate * (x - mean_x) for x, y in points]
    unsure = 1.96 * (sum(e * e for e in errors) / max(n - 2, 1) / spread) ** 0.5 if spread else 0
    return rate, max(map(abs, errors)), unsure


def read_line(line):
    """"memory 10.0 s 12345 bytes 40 descriptors 17 faults 999 in use" as (s, bytes, descriptors,
    bytes in use)."""
    words = line.split()
    return float(words[1]), int(words[3]), int(words[5]), int(words[9])


def conclude(points, kb_per_hour, memory=(("resident", 1), ("allocated", 3))):
    warm = [point for point in points if point[0] >= points[-1][0] / 2]
    if len(warm) < 3:
        print("too short for a slope")
        return 0
    third = max(len(warm) // 3, 1)
    grows = False
    for name, column in memory:
        rate, off, unsure = slope([(point[0], point[column]) for point in warm])
        least = [min(point[column] for point in part) / 1024
                 for part in (warm[:third], warm[-third:])]
        print(f"{name} in the second half: {rate * 3600 / 1024:+.0f} kB an hour (or {unsure * 3600 / 1024:.0f} more or "
              f"less), {off / 1024:.0f} kB around that line; least of the first third {least[0]:.0f} kB, of the last "
              f"{least[1]:.0f} kB")
        grows |= rate * 3600 / 1024 > kb_per_hour and least[1] > least[0]
    print(f"descriptors {min(p[2] for p in warm)} to {max(p[2] for p in warm)}")
    return int(grows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--pause-s", type=float, default=5)
    parser.add_argument("--every-s", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100000)
    parser.add_argument("--kb-per-hour", type=float, default=512)
    parser.add_argument("--log")
    given = parser.parse_args()
    command = [given.program, f"cameras={given.cameras}", f"seconds={int(given.minutes * 60)}",
               f"pause_ms={int(given.pause_s * 1000)}", f"report_s={given.every_s}",
               f"seed={given.seed}"]
    print(" ".join(command), flush=True)
    log = open(given.log, "w", encoding="utf-8") if given.log else sys.stdout
    points = []
    # what each thread's arena keeps of freed memory would hide a leak for hours
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as program:
        for line in program.stdout:
            log.write(line)
            log.flush()
            if line.startswith("memory "):
                points.append(read_line(line))
    grows = conclude(points, given.kb_per_hour) if points else 1
    print(f"exit status of the program: {program.returncode}")
    return int(program.returncode != 0 or grows)


if __name__ == "__main__":
    sys.exit(main())
