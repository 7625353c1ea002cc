#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looks for a camera's password in everything that limef-play shows.

secrets.py LIMEF-PLAY"""
import base64
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from camera import Camera
from scrape import scrape

PLAY = sys.argv[1]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-secrets-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.h264"
PASSWORD = "s3cr3t/p@ss"
FORMS = [PASSWORD, "s3cr3t%2Fp%40ss", "s3cr3t%2fp%40ss", "s3cr3t",
         base64.b64encode(f"admin:{PASSWORD}".encode()).decode()]


class Secrets(unittest.TestCase):
    def setUp(self):
        self.camera = Camera(CLIP.read_bytes())
        self.camera.loops = True
        self.camera.password = ("admin", PASSWORD)
        self.addCleanup(self.camera.close)

    def assert_silent(self, text, where):
        for form in FORMS:
            self.assertNotIn(form, text, where)

    def watch(self, *arguments, stdin=None, options=None, lost=False):
        """Plays until the camera is seen to play, or to refuse; looks at all that is shown."""
        path = FOLDER / "metrics"
        process = subprocess.Popen(
            [PLAY, "--vo=none", "--ao=none", "--log-level=debug", "--report=json", "--explain",
             f"--metrics=unix:{path}", *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            **(options or {}))
        self.addCleanup(process.kill)
        process.stdin.write(stdin or "")
        process.stdin.close()
        process.stdin = None
        deadline = time.monotonic() + DEADLINE_S
        wanted = f'limef_camera_state="{"refused" if lost else "playing"}"}} 1'
        text = ""
        while wanted not in text:
            self.assertLess(time.monotonic(), deadline, text[-300:])
            if process.poll() is not None:
                break
            try:
                text = scrape(path)
            except OSError:
                time.sleep(0.02)
        if process.poll() is None:
            command = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
            self.assert_silent(command, "cmdline")
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.2)  # nothing depends on it but how much there is to look at
            process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=DEADLINE_S)
        for name, shown in (("metrics", text), ("output", output), ("errors", errors)):
            self.assert_silent(shown, name)
        return text, output, errors

    def test_of_a_url_is_nowhere(self):
        for transport in ("--rtsp=limef", "--rtsp=limef --rtsp-transport=udp"):
            with self.subTest(transport):
                text, output, _ = self.watch(*transport.split(),
                                             self.camera.url("admin:s3cr3t%2Fp%40ss@"))
                self.assertIn('limef_camera_state="playing"} 1', text)
                self.assertIn('"rtsp://***@127.0.0.1', output)

    def test_of_two_streams_of_a_camera_is_nowhere(self):
        url = self.camera.url("admin:s3cr3t%2Fp%40ss@")
        for sub, main in ((url, url), (self.camera.url(), url)):
            with self.subTest(sub=sub):
                text, _, _ = self.watch("--main=always", f"{sub}|{main}")
                self.assertIn('limef_camera_state="playing"} 1', text)

    def test_that_is_wrong_is_nowhere(self):
        self.camera.password = ("admin", "other")
        self.camera.algorithm = None  # Basic: it is in the header
        self.watch(self.camera.url("admin:s3cr3t%2fp%40ss@"), lost=True)

    def test_comes_from_a_file(self):
        path = FOLDER / "passwords"
        path.write_text(f"127.0.0.1 admin {PASSWORD}\n")
        path.chmod(0o600)
        text, _, errors = self.watch(f"--password-file={path}", self.camera.url())
        self.assertIn('limef_camera_state="playing"} 1', text)
        self.assertNotIn("others may read", errors)

    def test_comes_from_standard_input(self):
        text, _, _ = self.watch("--password-file=-", self.camera.url("admin@"),
                                stdin=PASSWORD + "\n")
        self.assertIn('limef_camera_state="playing"} 1', text)

    def test_comes_from_a_descriptor(self):
        reading, writing = os.pipe()
        os.write(writing, f"1 admin {PASSWORD}\n".encode())
        os.close(writing)
        text, _, _ = self.watch(f"--password-fd={reading}", self.camera.url(),
                                options={"pass_fds": (reading,)})
        os.close(reading)
        self.assertIn('limef_camera_state="playing"} 1', text)

    def test_of_a_url_from_standard_input_is_nowhere(self):
        text, _, _ = self.watch("-", stdin=self.camera.url("admin:s3cr3t%2Fp%40ss@") + "\n")
        self.assertIn('limef_camera_state="playing"} 1', text)

    def test_is_nowhere_when_libavformat_plays(self):
        process = subprocess.run(
            [PLAY, "--vo=none", "--ao=none", "--log-level=debug", "--rtsp=libavformat",
             "--frames=5", "--report=json", self.camera.url("admin:s3cr3t%2Fp%40ss@")],
            capture_output=True, text=True, errors="replace", timeout=DEADLINE_S)
        self.assertIn("libav", process.stderr)
        self.assert_silent(process.stdout + process.stderr, "libavformat")


if __name__ == "__main__":
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
                    "-frames:v", "100", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset",
                    "ultrafast", "-g", "25", "-bf", "0", "-bsf:v", "h264_metadata=aud=insert", "-f",
                    "h264", CLIP], check=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
