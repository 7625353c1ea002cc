#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a bad network does to limef_rtsp_source: pulled cables, loss, too little room, delay.

cable.py RTSP-CLIENT CLIP

Runs in a network namespace of its own, in which the loopback interface is the cable; skipped where
there can be none (it wants root, ip, and for some tests tc and nft or iptables)."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from camera import Camera
from player import Player

INSIDE = "LIMEF_TEST_INSIDE_NAMESPACE"


def is_possible(*command):
    return shutil.which(command[0]) and subprocess.run(command, capture_output=True).returncode == 0


def enter_namespace():
    """Begins again inside of one; exit status 77 if that cannot be."""
    if os.environ.get(INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    if not is_possible("unshare", "-n", "ip", "link", "set", "lo", "up"):
        print("no network namespace can be made here: skipped")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])


enter_namespace()
CLIENT, SOURCE = sys.argv[1:3]
TEMP = tempfile.TemporaryDirectory(prefix="limef-cable-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.h264"


def make_clip(clip, width=320, options=("-bf", "0", "-qp", "24")):
    subprocess.run(["ffmpeg", "-v", "error", "-i", SOURCE, "-an", "-frames:v", "100",
                    "-vf", f"scale={width}:-2", "-c:v", "libx264", "-preset", "ultrafast", "-g",
                    "25", *options, "-bsf:v", "h264_metadata=aud=insert", "-f", "h264", clip],
                   check=True)
    sums = subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-f", "framemd5", "-"], check=True,
                          capture_output=True, text=True).stdout
    return [line.split(",")[-1].strip() for line in sums.splitlines() if not line.startswith("#")]


def run(*command):
    subprocess.run(command, check=True)


def cable(state):
    run("ip", "link", "set", "lo", state)


class Delay:
    """Passes a connection on to a port, each byte so much later."""

    def __init__(self, port, delay_s):
        self.delay_s, self.to = delay_s, port
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.socket.accept()
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", self.to))
            for source, sink in ((one, other), (other, one)):
                threading.Thread(target=self.pass_on, args=(source, sink), daemon=True).start()

    def pass_on(self, source, sink):
        waiting, more = [], threading.Condition()

        def send():
            while True:
                with more:
                    more.wait_for(lambda: waiting)
                    due_s, data = waiting.pop(0)
                time.sleep(max(0, due_s - time.monotonic()))
                try:
                    sink.sendall(data)
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                except OSError:
                    return

        threading.Thread(target=send, daemon=True).start()
        data = b"x"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            with more:
                waiting.append((time.monotonic() + self.delay_s, data))
                more.notify()


def play(url, *arguments):
    return Player(CLIENT, url, FOLDER / "sums", *arguments)


class Cable(unittest.TestCase):
    def setUp(self):
        self.camera = Camera(CLIP.read_bytes())

    def tearDown(self):
        self.camera.close()
        cable("up")

    def test_a_cable_that_is_pulled_for_a_moment_costs_nothing_by_tcp(self):
        self.camera.speed = 2
        player = play(self.camera.url(), "once=1", "transport=tcp", "timeout_ms=20000")
        self.assertTrue(player.wait_for("playing"))
        cable("down")
        time.sleep(0.7)     # how long it is pulled
        cable("up")
        self.assertEqual(player.finish(), SUMS)
        self.assertEqual(player.counters["connects"], 1)

    def test_a_cable_that_is_pulled_for_long_is_noticed_and_comes_back(self):
        for transport in ("tcp", "udp"):
            with self.subTest(transport=transport):
                self.camera.loops = True
                player = play(self.camera.url(), f"transport={transport}", "timeout_ms=1000",
                                "playing=2")
                self.assertTrue(player.wait_for("playing"))
                cable("down")
                self.assertTrue(player.wait_for("lost"))
                self.assertTrue(player.wait_for("waiting"))
                cable("up")
                shown = player.finish()
                self.assertEqual(player.counters["reconnects"], 1)
                self.assertEqual([one for one in shown if one not in SUMS], [])

    def test_packets_that_the_network_loses_damage_no_picture(self):
        if is_possible("nft", "add", "table", "inet", "cable"):
            run("nft", "add chain inet cable in { type filter hook input priority 0 ; }")
            run("nft", "add rule inet cable in meta l4proto udp numgen random mod 100 < 3 drop")
            self.addCleanup(run, "nft", "delete", "table", "inet", "cable")
        elif is_possible("iptables", "-A", "INPUT", "-p", "udp", "-m", "statistic", "--mode",
                         "random", "--probability", "0.03", "-j", "DROP"):
            self.addCleanup(run, "iptables", "-F", "INPUT")
        else:
            self.skipTest("neither nft nor iptables")
        self.camera.speed = 4
        player = play(self.camera.url(), "once=1", "transport=udp", "timeout_ms=20000")
        shown = player.finish()
        self.assertGreater(player.counters["lost"], 0)
        self.assertGreater(len(shown), 10)
        self.assertEqual([one for one in shown if one not in SUMS], [])

    def test_every_frame_of_any_clip_comes_out_of_order_and_twice(self):
        for name, width, options in (
                ("large pictures", 1280, ("-bf", "0", "-qp", "12")),
                ("pictures out of order", 640, ("-bf", "3", "-b-pyramid", "normal", "-qp", "20")),
                ("slices", 640, ("-bf", "0", "-slices", "8", "-qp", "20")),
                ("a refresh without key pictures", 640,
                 ("-bf", "0", "-x264-params", "intra-refresh=1", "-qp", "20"))):
            with self.subTest(name):
                clip = FOLDER / f"{name}.h264"
                sums = make_clip(clip, width, options)
                camera = Camera(clip.read_bytes())
                self.addCleanup(camera.close)
                camera.shuffled = True
                player = play(camera.url(), "once=1", "transport=udp", "timeout_ms=20000")
                shown = player.finish()
                self.assertEqual(shown, sums, player.story([name]))
                self.assertGreater(player.counters["duplicates"], 10)
                self.assertEqual(player.counters["lost"], 0)

    def test_every_frame_comes_through_a_narrow_cable_by_tcp(self):
        if not is_possible("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "3mbit",
                           "burst", "64kb", "latency", "200ms"):
            self.skipTest("no tc, or no tbf in this kernel")
        self.addCleanup(run, "tc", "qdisc", "del", "dev", "lo", "root")
        self.camera.speed = 8
        player = play(self.camera.url(), "once=1", "transport=tcp", "timeout_ms=20000")
        self.assertEqual(player.finish(), SUMS)

    def test_every_frame_comes_from_far_away(self):
        self.camera.speed = 4
        far = Delay(self.camera.port, 0.3)
        self.addCleanup(far.socket.close)
        player = play(f"rtsp://127.0.0.1:{far.port}/stream", "once=1", "transport=tcp",
                        "timeout_ms=20000")
        self.assertEqual(player.finish(), SUMS)


if __name__ == "__main__":
    SUMS = make_clip(CLIP)
    unittest.main(argv=sys.argv[:1])
