#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sound in a program that stands still: audio_stops.py [MS [PROGRAM]]

Stops bench_audio_drift ten times a second for MS (10) milliseconds, for 12 seconds each without and with patience
of the output, and prints what it says. Stops are longer where the machine does much else: the longest is said."""
import os
import signal
import subprocess
import sys
import time

STOP_S = float(sys.argv[1]) / 1000 if len(sys.argv) > 1 else 0.01
PROGRAM = sys.argv[2] if len(sys.argv) > 2 else os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "bench", "bench", "bench_audio_drift")

for patience_ms in (0, 10, 20):
    playing = subprocess.Popen([PROGRAM, "mixer", "12", "0", str(patience_ms)], stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    n, longest_s = 0, 0
    while playing.poll() is None:
        begun_s = time.monotonic()
        playing.send_signal(signal.SIGSTOP)
        time.sleep(STOP_S)
        playing.send_signal(signal.SIGCONT)
        longest_s = max(longest_s, time.monotonic() - begun_s)
        n += 1
        time.sleep(0.1)
    print(f"{patience_ms} ms of patience, {n} stops, {longest_s * 1e3:.1f} ms at most: {playing.stdout.read().strip()}")
