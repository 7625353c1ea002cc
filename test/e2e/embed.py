#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A film in a window of SDL's is what limef-play renders offscreen, and around it is what the host drew.

embed.py EMBED_SDL LIMEF-PLAY CLIP; without Xvfb or contexts of GL it is skipped."""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

EMBED, PLAY, CLIP = map(os.path.abspath, sys.argv[1:4])
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-e2e-")
FOLDER = pathlib.Path(TEMP.name)
BORDER, WIDTH, HEIGHT = 32, 640, 360
SIZE = WIDTH - 2 * BORDER, HEIGHT - 2 * BORDER
ENV = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
# what window libraries leave behind is not ours
ENV["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
ENV["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={FOLDER}/no-bus"


def read_png(path):
    """Rows of RGB; PNG, third edition, section 9: filters."""
    data, at, packed = path.read_bytes(), 8, b""
    width, height = struct.unpack(">II", data[16:24])
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + n]
        at += 12 + n
    packed, step, rows = zlib.decompress(packed), 3 * width, []
    above = bytes(step)
    for y in range(height):
        how = packed[y * (step + 1)]
        row = bytearray(packed[y * (step + 1) + 1:(y + 1) * (step + 1)])
        for i in range(step):
            left, up, corner = (row[i - 3] if i > 2 else 0), above[i], (above[i - 3] if i > 2 else 0)
            if how == 1:
                guess = left
            elif how == 2:
                guess = up
            elif how == 3:
                guess = (left + up) // 2
            elif how == 4:
                p = left + up - corner
                guess = min((abs(p - left), 0, left), (abs(p - up), 1, up),
                            (abs(p - corner), 2, corner))[2]
            else:
                guess = 0
            row[i] = (row[i] + guess) & 255
        above = bytes(row)
        rows.append(above)
    return rows


def read_ppm(path):
    head, size, _, pixels = path.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    assert head == b"P6" and len(pixels) == 3 * width * height
    return [pixels[3 * width * y:3 * width * (y + 1)] for y in range(height)]


@unittest.skipUnless(shutil.which("Xvfb"), "no Xvfb")
class Embed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        read_fd, write_fd = os.pipe()
        cls.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write_fd), "-nolisten", "tcp", "-screen", "0", "800x600x24"],
            pass_fds=[write_fd], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write_fd)
        with os.fdopen(read_fd) as said:
            cls.display = said.readline().strip()
        if not cls.display:
            raise unittest.SkipTest("Xvfb does not start here")
        snapshot = FOLDER / "offscreen.png"
        subprocess.run([PLAY, "--vo=offscreen", "--untimed", "--size={}x{}".format(*SIZE),
                        f"--snapshot={snapshot}", "--upload=plain", CLIP], env=ENV, check=True, timeout=DEADLINE_S)
        cls.expected = read_png(snapshot)

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.server.wait()

    def embed(self, *arguments):
        shot = FOLDER / "shot.ppm"
        shot.unlink(missing_ok=True)
        done = subprocess.run([EMBED, *arguments, f"--shot={shot}", CLIP],
                              env=ENV | {"DISPLAY": f":{self.display}", "SDL_VIDEODRIVER": "x11"},
                              capture_output=True, text=True, timeout=DEADLINE_S)
        if done.returncode == 2 and "GL" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = read_ppm(shot)
        self.assertEqual((len(rows), len(rows[0])), (HEIGHT, 3 * WIDTH))
        wrong = 0
        for y, row in enumerate(rows):
            if not BORDER <= y < HEIGHT - BORDER:
                # the host's white square reaches into the film's lower left corner
                self.assertLessEqual(set(row), {64, 255} if y >= HEIGHT - 48 else {64})
                continue
            self.assertEqual(row[:3 * 16], bytes([64]) * 48)
            self.assertEqual(row[-3 * BORDER:], bytes([64]) * 96)
            begin = 16 if y >= HEIGHT - 48 else 0
            shown = row[3 * (BORDER + begin):3 * (WIDTH - BORDER)]
            wrong += sum(abs(a - b) > 1
                         for a, b in zip(shown, self.expected[y - BORDER][3 * begin:]))
        # where a hard edge falls between two pixels, the GL may round to either
        self.assertLess(wrong, 3 * SIZE[0] * SIZE[1] / 10000)

    def test_in_opengl_3_3_core(self):
        self.embed()

    def test_in_opengl_es_3(self):
        self.embed("--es")

    def test_wrong_usage(self):
        for arguments in ([], ["--no-such-thing", CLIP]):
            done = subprocess.run([EMBED, *arguments], env=ENV, capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("usage", done.stderr)


if __name__ == "__main__":
    if shutil.which("ffmpeg"):  # it is played in time: two of its ten seconds do
        SHORT = FOLDER / "short.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-t", "2", "-i", CLIP, "-c", "copy", SHORT], check=True)
        CLIP = SHORT
    unittest.main(argv=sys.argv[:1], verbosity=2)
