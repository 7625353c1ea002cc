#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Leads limef-graph to a camera: its element for the library's own RTSP.

graph_rtsp.py LIMEF-GRAPH"""
import hashlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

from camera import Camera
from needed import need
from rtspd import make_certificate
from watch import without_watch

GRAPH = sys.argv[1]
DEADLINE_S = 60
TEMP = tempfile.TemporaryDirectory(prefix="limef-graph-rtsp-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.h264"
N_FRAMES = 50
PASSWORD = "s3cr3t/p@ss"


def make_clip():
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-frames:v",
                    str(N_FRAMES), "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "0",
                    "-pix_fmt", "yuv420p", "-bsf:v", "h264_metadata=aud=insert", "-f", "h264", CLIP], check=True)


def graph(*arguments, stdin="", pass_fds=()):
    done = subprocess.run([GRAPH, *arguments], input=stdin, capture_output=True, text=True, errors="replace",
                          timeout=DEADLINE_S, pass_fds=pass_fds)
    return done.returncode, done.stdout, without_watch(done.stderr)


class Rtsp(unittest.TestCase):
    def setUp(self):
        self.camera = Camera(CLIP.read_bytes())
        self.camera.speed = 4
        self.addCleanup(self.camera.close)

    def play(self, arguments="", status=3, url=None, options=(), **given):
        """A camera's stream until it left, which is a failure of a camera; how many frames arrived."""
        returned, output, errors = graph("--report=json", *options,
                                         f"{url or self.camera.url()} reconnect=no {arguments} ! decode ! null",
                                         **given)
        self.assertNotIn(PASSWORD, output + errors)
        self.assertEqual(returned, status, errors)
        return json.loads(output.splitlines()[-1])["frames"]

    def transports(self):
        return [line for head in self.camera.requests for line in head.splitlines()
                if line.lower().startswith("transport:")]

    def test_each_picture_of_a_camera_arrives(self):
        self.assertEqual(self.play(), N_FRAMES)

    def test_transport_is_the_one_that_was_asked_for(self):
        for transport, word in (("tcp", "TCP"), ("udp", "client_port")):
            with self.subTest(transport):
                self.camera.requests.clear()
                self.assertGreater(self.play(f"transport={transport}"), 0)
                self.assertTrue(self.transports())
                for line in self.transports():
                    self.assertIn(word, line)

    def test_a_camera_by_tls_is_verified_by_what_was_given(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl")
        key, certificate = make_certificate(FOLDER)
        self.camera.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.camera.tls.load_cert_chain(certificate, key)
        right = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
        for arguments in (f"ca={certificate}", f"fingerprint={right}", "verify=no"):
            with self.subTest(arguments):
                self.assertEqual(self.play(arguments), N_FRAMES)
        for arguments in ("", f"fingerprint={'0' * 64}"):
            with self.subTest(arguments):
                self.assertEqual(self.play(arguments, status=2), 0)

    def test_a_password_comes_from_a_file_a_descriptor_or_standard_input(self):
        self.camera.password, self.camera.algorithm = ("admin", PASSWORD), "SHA-256"
        self.assertEqual(self.play(status=2), 0)
        path = FOLDER / "passwords"
        path.write_text(f"2 admin other\n127.0.0.1 admin {PASSWORD}\n")
        path.chmod(0o600)
        self.assertEqual(self.play(options=[f"--password-file={path}"]), N_FRAMES)
        self.assertEqual(self.play(options=["--password-file=-"], stdin=PASSWORD + "\n",
                                   url=self.camera.url("admin@")), N_FRAMES)
        reading, writing = os.pipe()
        os.write(writing, f"1 admin {PASSWORD}\n".encode())
        os.close(writing)
        self.assertEqual(self.play(options=[f"--password-fd={reading}"], pass_fds=[reading]), N_FRAMES)
        os.close(reading)

    def test_a_password_is_not_shown_where_a_description_is_wrong(self):
        status, output, errors = graph(f"rtsp://admin:{PASSWORD}@127.0.0.1/ transport=sctp ! null")
        self.assertEqual(status, 1)
        self.assertNotIn(PASSWORD, output + errors)
        self.assertIn("@127.0.0.1/", errors)

    def test_a_camera_that_is_not_there_gave_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = nobody.getsockname()[1]
        self.assertEqual(self.play(status=2, url=f"rtsp://127.0.0.1:{port}/stream"), 0)

    def test_a_url_is_a_camera_and_as_a_file_it_is_not(self):
        for url, source in (("rtsp://127.0.0.1/a", "rtsp source"), ("RTSPS://127.0.0.1/a", "rtsp source"),
                            ("rtsp url=rtsp://127.0.0.1/a", "rtsp source"),
                            ("file:rtsp://127.0.0.1/a", "file source")):
            status, output, errors = graph("--explain", f"{url} ! null")
            self.assertEqual(status, 0, errors)
            self.assertIn(source, output)

    def test_what_is_wrong_is_shown_at_its_character(self):
        for words, wrong, what in (("rtsp://a/b transport=sctp", "sctp", "auto, tcp, udp"),
                                   ("rtsp://a/b pace=25", "pace", "rtsp has no pace="),
                                   ("rtsp://a/b verify=perhaps", "perhaps", "no, yes"),
                                   ("rtsp://a/b timeout=0", "0", "timeout"),
                                   ("rtsp://:0:0/", "rtsp", "cannot be set up"),
                                   ("rtsp", "rtsp", "needs a url")):
            with self.subTest(words):
                status, output, errors = graph(f"{words} ! null")
                lines = errors.splitlines()
                at = next(i for i, line in enumerate(lines) if line.strip().startswith("^"))
                self.assertEqual(status, 1)
                self.assertEqual(output, "")
                self.assertEqual(lines[at].index("^"), words.index(wrong))
                self.assertIn(what, lines[at])


if __name__ == "__main__":
    need("ffmpeg")
    make_clip()
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
