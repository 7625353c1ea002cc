#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Presses keys at the terminal that limef-play was started from, where it has no window.

terminal.py LIMEF-PLAY CLIP"""
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest

PLAY, CLIP = sys.argv[1:3]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-e2e-")
SNAPSHOT = pathlib.Path(TEMP.name) / "now.png"
NO_DISPLAY = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}


class Terminal(unittest.TestCase):
    """A terminal of its own for each test, with limef-play in front."""

    def play(self, *arguments):
        self.master, slave = pty.openpty()
        self.slave_path = os.ttyname(slave)
        self.before = termios.tcgetattr(slave)
        self.output = b""

        def take_terminal():
            os.setsid()
            os.close(os.open(self.slave_path, os.O_RDWR))  # becomes the controlling one

        # the screen tells nobody when it shows something: the status line does
        self.player = subprocess.Popen([PLAY, "--vo=offscreen", "--log-level=info", *arguments, CLIP],
                                       stdin=slave, stdout=subprocess.DEVNULL, stderr=slave,
                                       env=NO_DISPLAY, preexec_fn=take_terminal)
        os.close(slave)
        self.wait_for(b"shown [1-9]")

    def tearDown(self):
        self.player.kill()
        self.player.wait()
        os.close(self.master)

    def wait_for(self, words):
        deadline = time.monotonic() + DEADLINE_S
        while not (found := re.search(words, self.output)):
            self.assertLess(time.monotonic(), deadline, self.output)
            if select.select([self.master], [], [], 1)[0]:
                self.output += os.read(self.master, 4096)
        self.output = self.output[found.end():]

    def press(self, keys):
        os.write(self.master, keys)

    def assert_ends(self, status):
        deadline = time.monotonic() + DEADLINE_S
        while self.player.poll() is None:
            self.assertLess(time.monotonic(), deadline)
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    os.read(self.master, 4096)
                except OSError:  # nobody has the other side any more
                    self.player.wait(DEADLINE_S)
        self.assertEqual(self.player.returncode, status)

    def assert_as_before(self):
        slave = os.open(self.slave_path, os.O_RDWR | os.O_NOCTTY)
        now = termios.tcgetattr(slave)
        os.close(slave)
        self.assertEqual(now, self.before)

    def test_q_and_escape_end_it_and_leave_the_terminal_as_it_was(self):
        for key in (b"q", b"\x1b"):
            with self.subTest(key=key):
                self.play("--loop")
                self.press(key)
                self.assert_ends(0)
                self.assert_as_before()

    def test_keys_are_not_shown_and_arrows_are_no_escape(self):
        self.play("--loop", f"--snapshot={SNAPSHOT}")
        self.press(b"\x1b[D\x1b[24~\x1bOC  s")
        self.wait_for(b"wrote ")
        self.assertTrue(SNAPSHOT.exists())
        self.press(b" ")
        self.wait_for(b"paused")
        self.press(b"q")
        self.assert_ends(0)

    def test_a_signal_leaves_the_terminal_as_it_was(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                self.play("--loop")
                self.player.send_signal(number)
                self.assert_ends(4)
                self.assert_as_before()

    def test_interrupt_is_still_a_signal(self):
        self.play("--loop")
        self.press(b"\x03")
        self.assert_ends(4)
        self.assert_as_before()

    def test_suspended_it_leaves_the_terminal_as_it_was_and_goes_on(self):
        self.play("--loop")
        self.press(b"\x1a")
        _, status = os.waitpid(self.player.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        self.assert_as_before()
        self.player.send_signal(signal.SIGCONT)
        self.output = b""
        self.wait_for(b"shown [1-9]")
        self.press(b"q")
        self.assert_ends(0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
