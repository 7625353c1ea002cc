#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays what VLC sends as a camera: by UDP alone, with a password by Basic, pictures and sound in any
order, and without a word where its file begins again, which is another stream then.

vlc.py RTSP-CLIENT

Exit status 77: there is no VLC."""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

from needed import need
from player import Player, times_of

CLIENT = sys.argv[1]
TEMP = tempfile.TemporaryDirectory(prefix="limef-vlc-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.mkv"
LOGIN = "user:pa55word"
NOBODY = "65534"
STOP_US = 2000000


def ffmpeg(*arguments):
    return subprocess.run(["ffmpeg", "-v", "error", *arguments], check=True,
                          capture_output=True).stdout.decode()


def make_clip():
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=5", "-f", "lavfi", "-i",
           "sine=frequency=440:duration=5", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2",
           "-g", "25", "-c:a", "aac", CLIP)
    FOLDER.chmod(0o755)  # VLC reads it as somebody else
    lines = ffmpeg("-i", CLIP, "-an", "-vsync", "passthrough", "-f", "framemd5", "-").splitlines()
    return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]


def start_vlc():
    """Returns its process and its port. It is not there at once; who plays it tries again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user, _, password = LOGIN.partition(":")
    is_root = os.geteuid() == 0  # as which it refuses to run
    return subprocess.Popen(
        [*(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if is_root else []),
         "vlc", "-I", "dummy", "--quiet", CLIP, "--loop", "--sout-keep",
         "--sout", f"#rtp{{sdp=rtsp://127.0.0.1:{port}/x}}",
         f"--sout-rtsp-user={user}", f"--sout-rtsp-pwd={password}"],
        env={**os.environ, "HOME": "/nonexistent"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), port


class Vlc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vlc, cls.port = start_vlc()

    @classmethod
    def tearDownClass(cls):
        cls.vlc.kill()
        cls.vlc.wait()

    def play(self, *arguments, login=LOGIN):
        player = Player(CLIENT, f"rtsp://{login}@127.0.0.1:{self.port}/x", FOLDER / "sums",
                        f"sound={FOLDER / 'sound'}", "timeout_ms=1200", *arguments)
        self.addCleanup(player.process.kill)
        return player

    def check(self, player):
        """What was shown was sent, and in this order."""
        shown, times = player.finish(), times_of(player.sums)
        self.assertEqual([one for one in shown if one not in SUMS], [])
        self.assertEqual(times, sorted(times))
        self.assertEqual(player.counters["udp"], 1, player.lines)
        self.assertEqual(player.counters["malformed"], 0, player.lines)
        self.assertEqual(player.numbers("sound")["backward"], 0)
        self.assertLess(player.stopped_us(), STOP_US)
        self.assertNotIn("pa55word", player.errors + "".join(player.lines))

    def test_is_found_again_each_time_its_file_begins_anew(self):
        player = self.play("tell=10")
        for state in ("playing", *("lost", "playing") * 2):
            self.assertTrue(player.wait_for(state), player.lines)
        self.assertTrue(player.wait_for_line("pictures "), player.lines)
        player.stop()
        self.check(player)
        self.assertGreaterEqual(player.counters["reconnects"], 2)
        # that it refuses TCP is not learned each time anew
        n_tries = sum(state.startswith("connecting") for state in player.states())
        self.assertLess(player.counters["connects"], 2 * n_tries, player.lines)

    def test_sends_pictures_and_sound_again_to_who_left(self):
        for _ in range(2):
            player = self.play("tell=10", "transport=udp")
            self.assertTrue(player.wait_for_line("pictures "), player.lines)
            player.stop()
            self.check(player)
            self.assertGreater(player.numbers("sound")["units"], 0)

    def test_a_wrong_password_is_refused(self):
        player = self.play("until=refused", login="user:other")
        player.finish()
        self.assertTrue(any(state.startswith("refused") for state in player.states()), player.lines)


if __name__ == "__main__":
    need("vlc")
    SUMS = make_clip()
    unittest.main(argv=sys.argv[:1])
