#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays walls of cameras with limef-play: some that are not there yet, some that nobody vouches for.

wall.py LIMEF-PLAY [CLASS]

Without TLS: Wall alone."""
import hashlib
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import together
from camera import Camera
from rtspd import make_certificate
from scrape import scrape

PLAY = sys.argv[1]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-wall-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.h264"
ARGUMENTS = ("--vo=none", "--ao=none", "--report=json")


def report_of(output):
    return json.loads(output.splitlines()[-1])


def play(*arguments):
    """Returns the status, the report's streams, and what was said."""
    done = subprocess.run([PLAY, *ARGUMENTS, *arguments], capture_output=True, text=True,
                          errors="replace", timeout=DEADLINE_S)
    streams = report_of(done.stdout)["streams"] if done.stdout else []
    return done.returncode, streams, done.stderr


class Empty:
    """A port that nobody listens at, until somebody does."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/stream"


class Test(unittest.TestCase):
    def serve(self, port=0):
        camera = Camera(CLIP.read_bytes(), port=port)
        camera.loops = True
        self.addCleanup(camera.close)
        return camera

    def empty(self):
        empty = Empty()
        self.addCleanup(empty.socket.close)
        return empty


class Wall(Test):
    def begin(self, *urls):
        self.metrics = pathlib.Path(tempfile.mkdtemp(dir=FOLDER)) / "metrics"
        self.process = subprocess.Popen(
            [PLAY, *ARGUMENTS, f"--metrics=unix:{self.metrics}", *urls], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace")
        self.addCleanup(self.process.kill)

    def wait_for(self, what, lines):
        """Lines of metrics that begin so: name, the slot, and perhaps what is behind."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            self.assertIsNone(self.process.poll(), what)
            self.assertLess(time.monotonic(), deadline, what)
            try:
                text = scrape(self.metrics)
            except OSError:
                text = ""
            if all(any(re.fullmatch(line, one) for one in text.splitlines()) for line in lines):
                return
            time.sleep(0.05)

    def wait_until_play(self, *slots):
        # of a new camera: it plays, and more pictures than one are shown
        self.wait_for(f"{slots} do not play", [
            line for slot in slots for line in
            (rf'limef_camera_state{{.*"slot {slot}".*="playing"}} 1',
             rf'limef_presenter_shown_total{{.*slot="{slot}".*}} ([2-9]|\d\d+)')])

    def wait_until_unreachable(self, *slots):
        self.wait_for(f"{slots} are not said to be unreachable", [
            rf'limef_camera_reason{{.*"slot {slot}".*="unreachable".*}} 1' for slot in slots])

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        output, errors = self.process.communicate(timeout=DEADLINE_S)
        self.assertEqual(self.process.returncode, 4, errors)
        return report_of(output)["streams"]

    def test_plays_without_the_camera_that_is_not_there_which_says_why_and_comes(self):
        there, empty, other = self.serve(), self.empty(), self.serve()
        self.begin(there.url(), empty.url, other.url())
        self.wait_until_play(0, 2)
        self.wait_until_unreachable(1)
        self.serve(empty.port)
        self.wait_until_play(0, 1, 2)
        self.assertEqual([stream["state"] for stream in self.end()], ["playing"] * 3)

    def test_says_in_the_report_why_a_camera_did_not_come(self):
        there, empty = self.serve(), self.empty()
        self.begin(there.url(), empty.url)
        self.wait_until_play(0)
        self.wait_until_unreachable(1)
        streams = self.end()
        self.assertEqual(streams[0]["last_error"], "")
        self.assertEqual(streams[1]["last_error"], "Connection refused")

    def test_begins_though_no_camera_is_there(self):
        empty = [self.empty(), self.empty()]
        self.begin(*(one.url for one in empty))
        self.wait_until_unreachable(0, 1)
        self.serve(empty[1].port)
        self.wait_until_play(1)
        self.serve(empty[0].port)
        self.wait_until_play(0, 1)
        self.end()

    def test_ends_with_what_played(self):
        status, streams, errors = play("--frames=30", self.serve().url(), self.empty().url,
                                       self.empty().url)
        self.assertEqual(status, 3, errors)
        self.assertEqual([stream["state"] for stream in streams], ["ended", "failed", "failed"])

    def test_waits_for_a_camera_while_another_is_refused(self):
        refused, empty = self.serve(), self.empty()
        refused.password = ("admin", "secret")
        self.begin(refused.url(), empty.url)
        self.wait_for("it is not refused",
                      [r'limef_camera_state{.*"slot 0".*="refused"} 1'])
        self.wait_until_unreachable(1)
        self.serve(empty.port)
        self.wait_until_play(1)
        self.end()

    def test_ends_where_all_are_refused(self):
        refused, missing = self.serve(), self.serve()
        refused.password = ("admin", "secret")
        missing.answers["DESCRIBE"] = b"RTSP/1.0 404 Not Found\r\n\r\n"
        status, _, errors = play(refused.url(), missing.url())
        self.assertEqual(status, 2, errors)
        self.assertIn("it wants a user and a password", errors)
        self.assertIn("404", errors)

    def test_of_one_camera_that_is_not_there_is_given_up(self):
        status, _, errors = play(self.empty().url)
        self.assertEqual(status, 2, errors)


@unittest.skipUnless(shutil.which("openssl"), "no openssl")
class Trust(Test):
    def setUp(self):
        self.camera, self.ca, self.hash = self.serve_secure()

    def serve_secure(self):
        camera = self.serve()
        key, certificate = make_certificate(pathlib.Path(tempfile.mkdtemp(dir=FOLDER)))
        camera.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        camera.tls.load_cert_chain(certificate, key)
        der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
        return camera, certificate, hashlib.sha256(der).hexdigest()

    def assert_plays(self, *arguments):
        status, streams, errors = play("--frames=5", *arguments)
        self.assertEqual(status, 0, errors)
        self.assertEqual([stream["frames_shown"] for stream in streams], [5] * len(streams))

    def assert_refused(self, why, *arguments):
        status, _, errors = play("--frames=5", *arguments)
        self.assertEqual(status, 2, errors)
        self.assertRegex(errors, why)

    def test_of_the_system_is_not_for_a_camera_that_signed_its_own_certificate(self):
        self.assert_refused("NOT trusted|no system store", self.camera.url())

    def test_of_a_ca_file_is_asked_for(self):
        self.assert_plays(f"--tls-ca={self.ca}", self.camera.url())
        _, other, _ = self.serve_secure()
        self.assert_refused("NOT trusted", f"--tls-ca={other}", self.camera.url())

    def test_of_one_certificate_is_asked_for(self):
        pairs = ":".join(self.hash[i:i + 2].upper() for i in range(0, 64, 2))
        self.assert_plays(f"--tls-fingerprint={self.hash}", self.camera.url())
        self.assert_plays(f"--tls-fingerprint={pairs}", self.camera.url())
        self.assert_refused("not the one that is pinned", f"--tls-fingerprint={'0' * 64}",
                            self.camera.url())

    def test_is_of_each_url_by_itself(self):
        other, _, other_hash = self.serve_secure()
        third, third_ca, _ = self.serve_secure()
        self.assert_plays(f"--tls-ca={self.ca}", self.camera.url(),
                          f"{other.url()}#tls-fingerprint={other_hash}",
                          f"{third.url()}#tls-ca={urllib.parse.quote(str(third_ca), safe='')}")
        self.assert_refused("not the one that is pinned", f"--tls-ca={self.ca}",
                            f"{self.camera.url()}#tls-fingerprint={other_hash}")

    def test_of_a_small_and_a_large_stream_is_of_each(self):
        other, _, other_hash = self.serve_secure()
        self.assert_plays(f"{self.camera.url()}#tls-ca={self.ca}|"
                          f"{other.url()}#tls-fingerprint={other_hash}", "--main=always")

    def test_that_cannot_be_had_is_said_with_its_option(self):
        for arguments, why in ((("--tls-ca=/nowhere/ca.pem", self.camera.url()),
                                "--tls-ca=/nowhere/ca.pem: No such file"),
                               ((f"{self.camera.url()}#tls-ca=/nowhere/ca.pem",),
                                "#tls-ca=/nowhere/ca.pem: No such file"),
                               (("--tls-fingerprint=12", self.camera.url()),
                                "--tls-fingerprint=12: not a SHA-256"),
                               (("--rtsp=libavformat", f"{self.camera.url()}#tls-ca=/dev/null"),
                                "#tls-ca, #tls-fingerprint: not with --rtsp=libavformat")):
            with self.subTest(why):
                status, _, errors = play(*arguments)
                self.assertEqual(status, 1)
                self.assertIn(why, errors)
                self.assertEqual(errors.count("\n"), 1)


if __name__ == "__main__":
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
                    "-frames:v", "100", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset",
                    "ultrafast", "-g", "25", "-bf", "0", "-bsf:v", "h264_metadata=aud=insert", "-f",
                    "h264", CLIP], check=True)
    sys.exit(not together.main(sys.argv[2:]))
