#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays in windows of display servers of its own, presses keys and takes the servers away.

window.py LIMEF-PLAY CLIP; what Xvfb, xdotool or weston is missing for is skipped."""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

import together
from camera import Camera

PLAY, CLIP = map(os.path.abspath, sys.argv[1:3])
DEADLINE_S = 120  # of a machine that does much else
TEMP = tempfile.TemporaryDirectory(prefix="limef-e2e-")
FOLDER = pathlib.Path(TEMP.name)
SCREEN = 1280, 720
SIZE = 640, 360
NO_DISPLAY = {k: v for k, v in os.environ.items()
              if k not in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "SDL_VIDEODRIVER")}
# What SDL, D-Bus and Mesa leave behind lies in libraries that are unloaded by then: its stacks have no
# names, so it cannot be told from anything else. limef's own leaks are looked for offscreen.
# SDL asks D-Bus about screen savers and input methods: without a bus libdbus forks to launch one.
NO_DISPLAY["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={FOLDER}/no-bus"
NO_DISPLAY["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Polls; gives what the condition gave."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.02)
    return value


def end(process):
    """With what it has started: it leads a group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def xvfb():
    """Gives the server's process and the environment of its clients."""
    read_fd, write_fd = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write_fd), "-nolisten", "tcp", "-screen",
                               "0", "{}x{}x24".format(*SCREEN)], pass_fds=[write_fd], start_new_session=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write_fd)
    try:
        with os.fdopen(read_fd) as said:
            number = said.readline().strip()  # written when it is ready; empty if it failed
        if not number:
            raise unittest.SkipTest("Xvfb does not start here")
        yield server, NO_DISPLAY | {"DISPLAY": f":{number}", "SDL_VIDEODRIVER": "x11"}
    finally:
        end(server)


@contextlib.contextmanager
def weston():
    """As xvfb(); without a seat, as nobody sits there."""
    with tempfile.TemporaryDirectory(prefix="limef-e2e-") as folder:
        env = NO_DISPLAY | {"XDG_RUNTIME_DIR": folder, "WAYLAND_DISPLAY": "limef-e2e"}
        listens = pathlib.Path(folder, "limef-e2e")
        server = subprocess.Popen(["weston", "--backend=headless-backend.so", "--use-gl",
                                   f"--socket={listens.name}", "--idle-time=0", "--no-config"],
                                  env=env, start_new_session=True, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: listens.exists() or server.poll() is not None, "weston starts")
            if server.poll() is not None:
                raise unittest.SkipTest("weston does not start here")
            yield server, env
        finally:
            end(server)


def ask_to_close(display, window):
    """As a window manager does it; not every xdotool can."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    at = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    protocols, delete = (x11.XInternAtom(at, name, 0) for name in (b"WM_PROTOCOLS",
                                                                   b"WM_DELETE_WINDOW"))
    # an XClientMessageEvent, type 33, of pieces of 32 bits, filled up to an XEvent
    event = struct.pack("@iLiPLLi5l", 33, 0, 1, 0, window, protocols, 32, delete, 0, 0, 0, 0)
    x11.XSendEvent(at, ctypes.c_ulong(window), 0, ctypes.c_long(0), event.ljust(192, b"\0"))
    x11.XCloseDisplay(at)


class Player:
    """limef-play in a folder of its own, whose lines are read while it plays."""

    def __init__(self, env, *arguments):
        self.env = env
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDER))
        self.errors = ""
        self.n_snapshots = 0
        self.process = subprocess.Popen([PLAY, "--log-level=info", "--report=json",
                                         *map(str, arguments)], cwd=self.folder, env=env, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def _read(self):
        for line in self.process.stderr:
            self.errors += line

    def wait_for(self, pattern, begin=0):
        def seen():
            if self.process.poll() is not None:
                self.reader.join()
                if not re.search(pattern, self.errors[begin:]):
                    raise AssertionError(f"ended with {self.process.returncode}: {self.errors}")
            return re.search(pattern, self.errors[begin:])
        return wait_until(seen, f"{pattern} in {self.errors}")

    def wait_for_pictures(self):
        self.wait_for("in a window")
        self.wait_for(r"shown [1-9]")

    def keys(self, *names):
        """Of the window that has the focus: there is no window manager that would give it."""
        found = wait_until(lambda: self.windows(), "the window")
        subprocess.run(["xdotool", "windowfocus", "--sync", found, "key", "--delay", "50", *names],
                       env=self.env, check=True, timeout=DEADLINE_S, capture_output=True)

    def windows(self):
        done = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "^limef-play$"],
                              env=self.env, timeout=DEADLINE_S, capture_output=True, text=True)
        return done.stdout.split()[0] if done.stdout.split() else None

    def signal_waits(self, number):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        pending = re.findall(r"(?:SigPnd|ShdPnd):\s*(\w+)", status)
        return any(int(mask, 16) & 1 << number - 1 for mask in pending)

    def snapshot(self):
        """The file that the key s leaves in the working directory."""
        self.n_snapshots += 1
        name = f"limef-play-{self.n_snapshots:04}.png"
        self.keys("s")
        self.wait_for(f"wrote {name}")
        return (self.folder / name).read_bytes()

    def finish(self, deadline_s=DEADLINE_S):
        """Status and report of the player that ends by itself."""
        output = self.process.stdout.read() if self.process.wait(deadline_s) is not None else ""
        self.reader.join()
        return self.process.returncode, json.loads(output.splitlines()[-1])


def size_of(png):
    return struct.unpack(">II", png[16:24]) if png[:8] == b"\x89PNG\r\n\x1a\n" else None


def n_values(png):
    """How many different bytes its rows have: a few, if it shows one colour."""
    at, rows = 8, b""
    while at < len(png):
        n_bytes, kind = struct.unpack(">I4s", png[at:at + 8])
        if kind == b"IDAT":
            rows += png[at + 8:at + 8 + n_bytes]
        at += 12 + n_bytes
    return len(set(zlib.decompress(rows)))


class Case(unittest.TestCase):
    def assert_picture(self, png, size):
        self.assertEqual(size_of(png), size)
        self.assertGreater(n_values(png), 32)

    def assert_says_lost_once(self, player):
        status, report = player.finish()
        self.assertEqual(status, 7, player.errors)
        self.assertEqual(player.errors.count("the display server is gone"), 1, player.errors)
        self.assertNotRegex(player.errors, "(?i)XIO|fatal IO|broken pipe")
        self.assertGreater(report["streams"][0]["frames_shown"], 0)


@unittest.skipUnless(shutil.which("Xvfb") and shutil.which("xdotool"), "no Xvfb or no xdotool")
class X11(Case):
    def setUp(self):
        self.servers = contextlib.ExitStack()
        self.addCleanup(self.servers.close)
        self.server, self.env = self.servers.enter_context(xvfb())

    def play(self, *arguments):
        player = Player(self.env, "--vo=window", "--size={}x{}".format(*SIZE), *arguments)
        self.addCleanup(player.__exit__)
        player.wait_for_pictures()
        return player

    def changed(self, player, picture):
        """Presses s until the snapshot is another one than that."""
        def other():
            now = player.snapshot()
            return now if now != picture else None
        return wait_until(other, "another picture")

    def pause(self, player):
        """Gives the picture that stands."""
        player.keys("space")
        player.wait_for("paused", len(player.errors))
        return player.snapshot()

    def test_ends_by_q_and_by_escape(self):
        for key in ("q", "Escape"):
            player = self.play("--loop", CLIP)
            player.keys(key)
            self.assertEqual(player.finish()[0], 0, key)

    def test_ends_when_its_window_is_closed(self):
        player = self.play("--loop", CLIP)
        ask_to_close(self.env["DISPLAY"], int(wait_until(player.windows, "the window")))
        self.assertEqual(player.finish()[0], 0)

    def test_writes_a_snapshot_of_the_window(self):
        player = self.play("--loop", CLIP)
        earlier = player.folder / "limef-play-0001.png"  # of another run
        earlier.write_text("mine")
        player.n_snapshots = 1
        self.assert_picture(player.snapshot(), SIZE)
        self.assertEqual(earlier.read_text(), "mine")
        player.keys("q")
        self.assertEqual(player.finish()[0], 0)

    def test_pauses_steps_and_seeks_while_paused(self):
        player = self.play("--loop", CLIP)
        stands = self.pause(player)
        self.assertEqual(player.snapshot(), stands)
        player.keys("period")
        stepped = self.changed(player, stands)
        self.assertEqual(player.snapshot(), stepped)
        player.keys("Right")
        sought = self.changed(player, stepped)
        self.assert_picture(sought, SIZE)
        self.assertEqual(player.snapshot(), sought)
        player.keys("space")
        self.changed(player, sought)
        player.keys("q")
        self.assertEqual(player.finish()[0], 0)

    def test_plays_to_the_end_at_another_speed(self):
        player = self.play(CLIP)
        player.keys("bracketright", "bracketright", "bracketright", "bracketright")
        status, report = player.finish()
        self.assertEqual(status, 0)
        self.assertEqual(report["streams"][0]["state"], "ended")

    def test_shows_one_of_several_and_all_again(self):
        # whole, so that nothing is drawn otherwise after it was shown larger
        player = self.play("--upload=plain", "--loop", CLIP, CLIP)
        grid = self.pause(player)
        player.keys("2")
        one = player.snapshot()
        self.assertNotEqual(one, grid)
        player.keys("g")
        self.assertEqual(player.snapshot(), grid)
        player.keys("q")
        self.assertEqual(player.finish()[0], 0)

    def test_goes_on_when_the_full_screen_is_asked_for_and_left(self):
        player = self.play("--loop", CLIP)
        for _ in range(2):
            player.keys("f")
            # without a window manager it is SDL's matter how large the window gets
            self.assertIn(size_of(player.snapshot()), (SCREEN, SIZE))
        player.keys("q")
        self.assertEqual(player.finish()[0], 0)

    def test_fills_the_screen_from_the_start(self):
        player = self.play("--loop", "--fullscreen", CLIP)
        wait_until(lambda: size_of(player.snapshot()) == SCREEN, f"a window of {SCREEN}")
        self.assert_picture(player.snapshot(), SCREEN)
        player.keys("q")
        self.assertEqual(player.finish()[0], 0)

    def test_lays_statistics_over_the_picture(self):
        player = self.play("--loop", CLIP)
        plain = self.pause(player)
        player.keys("i")
        self.assertNotEqual(player.snapshot(), plain)
        player.keys("i")
        self.assertEqual(player.snapshot(), plain)
        player.keys("q")
        self.assertEqual(player.finish()[0], 0)

    def test_survives_the_death_of_the_server(self):
        for option in ("--hwdec=no", "--untimed"):
            with self.subTest(option=option), xvfb() as (server, self.env):
                player = self.play("--loop", option, CLIP)
                server.kill()
                self.assert_says_lost_once(player)

    def test_ends_by_signal_while_the_server_stands_still(self):
        player = self.play("--loop", CLIP)
        self.server.send_signal(signal.SIGSTOP)
        player.process.send_signal(signal.SIGTERM)
        self.assertEqual(player.process.wait(DEADLINE_S), 4)

    def press_for_a_server_that_stands_still(self, *keys, play=()):
        """Gives the player that has found them when its server answered nothing any more."""
        player = self.play("--loop", *play, CLIP)
        player.keys("space")  # else it is a picture that it hangs with
        player.wait_for("paused", len(player.errors))
        begin = len(player.errors)
        player.process.send_signal(signal.SIGSTOP)
        player.keys("d", *keys)  # d says when they are seen
        self.server.send_signal(signal.SIGSTOP)
        player.process.send_signal(signal.SIGCONT)
        player.wait_for("boundary .* when full", begin)
        return player

    def test_ends_by_signal_while_a_key_hangs_in_the_server(self):
        player = self.press_for_a_server_that_stands_still("f", "i", "s")
        player.process.send_signal(signal.SIGINT)
        self.assertEqual(player.process.wait(DEADLINE_S), 4)

    def test_says_once_that_the_server_stands_still(self):
        player = self.play("--loop", CLIP)
        self.server.send_signal(signal.SIGSTOP)
        player.wait_for("the display has not answered")
        player.process.send_signal(signal.SIGINT)
        self.assertEqual(player.process.wait(DEADLINE_S), 4)
        player.reader.join()
        self.assertEqual(player.errors.count("the display has not answered"), 1, player.errors)

    def test_fails_without_its_snapshot_when_the_server_stands_still(self):
        player = self.press_for_a_server_that_stands_still("f", "q", play=[
            "--snapshot=last.png", "--framemd5=md5.txt"])
        self.assertEqual(player.finish()[0], 1)
        self.assertEqual(player.errors.count("cannot write last.png: the display"), 1, player.errors)
        self.assertFalse((player.folder / "last.png").exists())
        self.assertTrue((player.folder / "md5.txt").read_text().endswith("\n"))

    def test_ends_at_once_by_a_second_signal(self):
        player = self.press_for_a_server_that_stands_still("f")
        player.process.send_signal(signal.SIGINT)
        wait_until(lambda: not player.signal_waits(signal.SIGINT), "the player sees the signal")
        player.process.send_signal(signal.SIGINT)
        self.assertEqual(player.process.wait(DEADLINE_S), 4)
        self.assertNotIn("does not come back", player.errors)


class Silent(Case):
    """Display servers that listen and do not answer."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="limef-e2e-")
        self.addCleanup(self.folder.cleanup)

    def listen(self, address):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(address)
        listener.listen()

    def x11(self):
        for number in range(2000, 3000):
            with contextlib.suppress(OSError):
                self.listen(f"\0/tmp/.X11-unix/X{number}")
                return NO_DISPLAY | {"DISPLAY": f":{number}"}
        raise AssertionError("no number is free")

    def wayland(self):
        self.listen(os.path.join(self.folder.name, "silent"))
        return NO_DISPLAY | {"XDG_RUNTIME_DIR": self.folder.name, "WAYLAND_DISPLAY": "silent"}

    def assert_says_silent_once(self, player, status):
        self.assertEqual(player.finish()[0], status, player.errors)
        self.assertEqual(player.errors.count("does not answer"), 1, player.errors)

    def test_auto_goes_offscreen(self):
        for env in (self.x11(), self.wayland()):
            with Player(env, "--vo=auto", "--untimed", "--frames=5", CLIP) as player:
                self.assert_says_silent_once(player, 0)
                self.assertIn("offscreen", player.errors)

    def test_window_is_not_available(self):
        for env in (self.x11(), self.wayland()):
            with Player(env, "--vo=window", "--untimed", "--frames=5", CLIP) as player:
                self.assert_says_silent_once(player, 7)

    @unittest.skipUnless(shutil.which("Xvfb"), "no Xvfb")
    def test_a_server_that_answers_is_taken(self):
        with xvfb() as (_, env), Player(env | self.wayland() | {"SDL_VIDEODRIVER": "wayland"},
                                        "--vo=auto", "--untimed", "--frames=5", CLIP) as player:
            self.assertEqual(player.finish()[0], 0, player.errors)
            self.assertIn("in a window", player.errors)

    @unittest.skipUnless(shutil.which("Xvfb"), "no Xvfb")
    def test_a_server_that_stands_still_is_not_taken(self):
        with xvfb() as (server, env):
            server.send_signal(signal.SIGSTOP)
            with Player(env, "--vo=auto", "--untimed", "--frames=5", CLIP) as player:
                self.assert_says_silent_once(player, 0)


def make_stream(size):
    """Of a camera: Annex B with delimiters, a key frame each second."""
    path = pathlib.Path(tempfile.mkdtemp(dir=FOLDER)) / "stream.h264"
    subprocess.run(["ffmpeg", "-v", "error", "-i", CLIP, "-an", "-frames:v", "100", "-vf",
                    "scale={}:{}".format(*size), "-c:v", "libx264", "-preset", "ultrafast", "-g",
                    "25", "-bf", "0", "-bsf:v", "h264_metadata=aud=insert", "-f", "h264", "-y",
                    path], check=True, timeout=DEADLINE_S)
    return path.read_bytes()


@unittest.skipUnless(shutil.which("Xvfb") and shutil.which("xdotool") and shutil.which("ffmpeg"),
                     "no Xvfb, xdotool or ffmpeg")
class TwoStreams(Case):
    """A camera with a small and a large stream, beside another one."""
    SUB, MAIN = (320, 180), (640, 360)

    def setUp(self):
        self.sub, self.main = Camera(make_stream(self.SUB)), Camera(make_stream(self.MAIN))
        self.sub.loops = self.main.loops = True
        for camera in (self.sub, self.main):
            self.addCleanup(camera.close)
        servers = contextlib.ExitStack()
        self.addCleanup(servers.close)
        _, self.env = servers.enter_context(xvfb())

    def play(self, *arguments):
        player = Player(self.env, "--vo=window", "--size=640x360", "--hwdec=no",
                        "--framemd5=sums", *arguments, f"{self.sub.url()}|{self.main.url()}",
                        self.sub.url())
        self.addCleanup(player.__exit__)
        self.wait_for_stream(player, self.SUB)
        return player

    def sizes(self, player):
        """Of the pictures of tile 1, one after the other, without repetitions."""
        sums = player.folder / "sums"
        lines = sums.read_text().splitlines() if sums.exists() else []
        bytes_of = [int(line.split(",")[2]) for line in lines
                    if line.count(",") == 3 and line.split(",")[0].strip() == "0"]
        return [n for i, n in enumerate(bytes_of) if i == 0 or n != bytes_of[i - 1]]

    def wait_for_stream(self, player, size):
        wait_until(lambda: self.sizes(player)[-1:] == [size[0] * size[1] * 3 // 2],
                   f"pictures of {size}")

    def test_solo_shows_the_large_stream_and_the_grid_the_small_one_without_a_gap(self):
        player = self.play()
        self.assertEqual(self.main.n_connections, 0)
        player.keys("1")
        for _ in range(3):
            self.assert_picture(player.snapshot(), SIZE)
        self.wait_for_stream(player, self.MAIN)
        self.assert_picture(player.snapshot(), SIZE)
        player.keys("g")
        for _ in range(3):
            self.assert_picture(player.snapshot(), SIZE)
        self.wait_for_stream(player, self.SUB)
        wait_until(lambda: any("TEARDOWN" in r for r in self.main.requests), "main is left")
        self.assertEqual(len(self.sizes(player)), 3)
        player.keys("q")
        status, report = player.finish()
        self.assertEqual(status, 0, player.errors)
        self.assertEqual(report["streams"][0]["stream"], "sub")

    def test_a_large_stream_that_is_always_connected_stays_so(self):
        player = self.play("--main=always")
        wait_until(lambda: self.main.n_connections == 1, "main is connected")
        player.keys("1")
        self.wait_for_stream(player, self.MAIN)
        player.keys("g")
        self.wait_for_stream(player, self.SUB)
        self.assertEqual(self.main.n_connections, 1)
        player.keys("q")
        self.assertEqual(player.finish()[0], 0)

    def test_a_large_stream_that_cannot_be_had_leaves_the_small_one_on_the_screen(self):
        self.main.answers = {"DESCRIBE": b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n"}
        player = self.play()
        player.keys("1")
        player.wait_for("slot 0 main.*not found")
        n = len((player.folder / "sums").read_text().splitlines())
        wait_until(lambda: len((player.folder / "sums").read_text().splitlines()) > n + 20,
                   "more pictures")
        self.assert_picture(player.snapshot(), SIZE)
        self.assertEqual(len(self.sizes(player)), 1)
        player.keys("q")
        self.assertEqual(player.finish()[0], 0)


@unittest.skipUnless(shutil.which("weston"), "no weston")
class Wayland(Case):
    def test_plays_and_leaves_a_picture(self):
        with weston() as (_, env):
            with Player(env, "--vo=window", "--untimed", "--size={}x{}".format(*SIZE),
                        "--frames=20", "--snapshot=last.png", CLIP) as player:
                status, report = player.finish()
                self.assertEqual(status, 0, player.errors)
                self.assertIn("in a window", player.errors)
                self.assertEqual(report["streams"][0]["frames_shown"], 20)
                self.assert_picture((player.folder / "last.png").read_bytes(), SIZE)

    def test_survives_the_death_of_the_compositor(self):
        for option in ("--hwdec=no", "--untimed"):
            with self.subTest(option=option), weston() as (server, env):
                with Player(env, "--vo=window", "--loop", option, CLIP) as player:
                    player.wait_for_pictures()
                    server.kill()
                    self.assert_says_lost_once(player)


if __name__ == "__main__":
    is_right = together.main(sys.argv[3:])
    TEMP.cleanup()
    sys.exit(not is_right)
