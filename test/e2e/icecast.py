#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Streams with limef-play to a real Icecast server on this machine, and listens to that.

icecast.py LIMEF-PLAY; ffmpeg makes the clips and decodes the stream."""
import array
import contextlib
import json
import math
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
import wave

from needed import need

PLAY = sys.argv[1]
DEADLINE_S = 120
RATE = 48000
TONE_RATE = 8000
TONE_S = 1800  # longer than all deadlines together
ANSWER_S = 10  # a listener that is let in and hears nothing tries again
PASSWORD = "a-secret-of-this-test"
TEMP = tempfile.TemporaryDirectory(prefix="limef-e2e-icecast-")
FOLDER = pathlib.Path(TEMP.name)
QUIET = {k: v for k, v in os.environ.items()
         if k not in ("DISPLAY", "WAYLAND_DISPLAY", "PULSE_SERVER", "XDG_RUNTIME_DIR")}
OWNER = """<changeowner><user>nobody</user><group>nogroup</group></changeowner>"""
CONFIG = """<icecast>
<location>here</location><admin>nobody@localhost</admin><hostname>localhost</hostname>
<limits><clients>10</clients><sources>2</sources><queue-size>524288</queue-size>
<client-timeout>30</client-timeout><header-timeout>15</header-timeout>
<source-timeout>10</source-timeout><burst-size>65535</burst-size></limits>
<authentication><source-password>{password}</source-password><admin-user>admin</admin-user>
<admin-password>{password}</admin-password></authentication>
<listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
<fileserve>0</fileserve>
<paths><logdir>{folder}</logdir><webroot>{folder}</webroot><adminroot>{folder}</adminroot></paths>
<logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>3</loglevel>
</logging><security><chroot>0</chroot>{owner}</security></icecast>
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def comes(condition, what, playing=None):
    """Waits for something to be true, as long as limef-play plays."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if playing and playing.process.poll() is not None:
            raise AssertionError(f"{what} did not come, and limef-play ended: {playing.said()}")
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come: {playing.said() if playing else ''}")
        time.sleep(0.02)


class Server:
    """An icecast2 of its own; it refuses to run as root."""

    def __init__(self, port):
        self.port = port
        (FOLDER / "icecast.xml").write_text(CONFIG.format(
            password=PASSWORD, port=port, folder=FOLDER, owner=OWNER if os.getuid() == 0 else ""))
        self.start()

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def start(self):
        self.process = subprocess.Popen(
            ["icecast2", "-c", str(FOLDER / "icecast.xml")], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        comes(lambda: self.answers() or self.process.poll() is not None, "icecast2")
        if self.process.poll() is not None:
            raise unittest.SkipTest("icecast2 does not run here")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def listen(self, n_bytes, playing):
        """The beginning of the stream, once there is one."""
        heard = bytearray()

        def hears():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/live.opus", timeout=ANSWER_S) as stream:
                    heard[:] = stream.read(n_bytes)
            except OSError:
                return False
            return len(heard) == n_bytes

        comes(hears, "the stream", playing)
        return bytes(heard)


class DeafServer:
    """Lets everybody in, and reads nothing of what is streamed then."""

    def __init__(self):
        self.connections, self.listening = [], socket.socket()
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listening.bind(("127.0.0.1", 0))
        self.listening.listen(8)
        threading.Thread(target=self.let_in, daemon=True).start()

    def port(self):
        return self.listening.getsockname()[1]

    def let_in(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.listening.accept()[0]
                self.connections.append(connection)
                threading.Thread(target=self.answer, args=[connection], daemon=True).start()

    def answer(self, connection):
        asked = some = b"?"
        with contextlib.suppress(OSError):
            while some and b"\r\n\r\n" not in asked:
                some = connection.recv(1024)  # nothing: it only asked whether anybody is there
                asked += some
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

    def close(self):
        for opened in (self.listening, *self.connections):
            opened.close()


def pitch(stream):
    """Of the second half of an Ogg stream that holds a tone."""
    path = FOLDER / "received.opus"
    path.write_bytes(stream)
    raw = subprocess.run(["ffmpeg", "-v", "quiet", "-i", str(path), "-f", "f32le", "-ac", "1", "-ar",
                          str(RATE), "-"], capture_output=True, timeout=DEADLINE_S).stdout
    samples = array.array("f")
    samples.frombytes(raw)
    samples = samples[len(samples) // 2:]
    return sum(1 for a, b in zip(samples, samples[1:]) if a < 0 <= b) * RATE / len(samples)


def make_tone(path):
    second = bytes(128 + round(100 * math.sin(2 * math.pi * 1000 * i / TONE_RATE)) for i in range(TONE_RATE))
    with wave.open(str(path), "wb") as clip:
        clip.setparams((1, 1, TONE_RATE, 0, "NONE", None))
        clip.writeframes(second * TONE_S)


class Playing:
    """limef-play that streams a tone until it is told to end."""

    def __init__(self, port, password, *arguments):
        clip = FOLDER / "tone.wav"
        if not clip.exists():
            make_tone(clip)
        self.errors = open(FOLDER / "errors.txt", "w+")
        self.process = subprocess.Popen(
            [PLAY, "--vo=none", f"--ao-stream=icecast://127.0.0.1:{port}/live.opus",
             "--log-level=info", "--report=json", *arguments, str(clip)], stdout=subprocess.PIPE,
            stderr=self.errors, text=True, env={**QUIET, "LIMEF_ICECAST_PASSWORD": password})

    def said(self):
        return (FOLDER / "errors.txt").read_text()

    def end(self):
        """Returns what the report says of the sound, and all that was printed."""
        self.process.send_signal(signal.SIGTERM)
        output = self.process.communicate(timeout=DEADLINE_S)[0]
        self.errors.close()
        return json.loads(output.splitlines()[-1])["sound"], output + self.said()


class Icecast(unittest.TestCase):
    def test_listeners_hear_the_tone_also_when_the_server_has_come_back(self):
        server = Server(free_port())
        self.addCleanup(server.stop)
        playing = Playing(server.port, PASSWORD)
        self.assertAlmostEqual(pitch(server.listen(16000, playing)), 1000, delta=5)
        server.stop()
        comes(lambda: "the server was lost" in playing.said(), "the loss", playing)
        server.start()
        comes(lambda: playing.said().count("connected") == 2, "the second connection", playing)
        self.assertAlmostEqual(pitch(server.listen(16000, playing)), 1000, delta=5)
        sound, printed = playing.end()
        streamed = sound["streamed"]
        self.assertEqual(streamed["connects"], 2)
        self.assertGreaterEqual(streamed["errors"], 1)
        self.assertGreater(streamed["dropped"], 0)
        # nobody waited for the server: all that was mixed was read, but for what came at the end
        self.assertEqual(streamed["missed"], 0)
        self.assertLessEqual(abs(streamed["frames"] -
                                 sound["periods"] * sound["period_frames"]), RATE // 2)
        self.assertNotIn(PASSWORD, printed)

    def test_goes_on_where_the_server_lets_nobody_in(self):
        server = Server(free_port())
        self.addCleanup(server.stop)
        playing = Playing(server.port, "wrong-" + PASSWORD)
        comes(lambda: "Login failed" in playing.said(), "the refusal", playing)
        sound, printed = playing.end()
        self.assertEqual(sound["streamed"]["connects"], 0)
        self.assertGreaterEqual(sound["streamed"]["errors"], 1)
        self.assertIn("Login failed", printed)
        self.assertNotIn(PASSWORD, printed)

    def test_gives_up_a_server_that_reads_nothing_any_more_and_comes_back(self):
        with contextlib.closing(DeafServer()) as server:
            playing = Playing(server.port(), PASSWORD, "--timeout=2")
            # what it does not read would fit into the system's buffer for minutes
            comes(lambda: "the server was lost" in playing.said(), "the loss", playing)
            comes(lambda: playing.said().count(": connected") == 2, "the second connection", playing)
            sound, _ = playing.end()
        streamed = sound["streamed"]
        self.assertGreaterEqual(streamed["connects"], 2)
        self.assertGreaterEqual(streamed["errors"], 1)
        self.assertGreater(streamed["dropped"], 0)
        self.assertEqual(streamed["missed"], 0)

    def test_gives_up_a_server_that_says_nothing(self):
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen(8)
            playing = Playing(mute.getsockname()[1], PASSWORD, "--timeout=0.5")
            comes(lambda: "cannot connect" in playing.said(), "the end of patience", playing)
            sound, printed = playing.end()
        self.assertEqual(sound["streamed"]["missed"], 0)
        self.assertNotIn(PASSWORD, printed)


if __name__ == "__main__":
    need("ffmpeg", "icecast2", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/bin")
    os.chmod(FOLDER, 0o777)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
