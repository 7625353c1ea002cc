#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs limef-play with an OpenGL that imports what software decodes into: nothing is copied, and
the screen shows what it shows after an upload. With one that imports nothing the screen alone is looked at.

zero_copy.py LIMEF-PLAY CLIP"""
import json
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

from needed import skip_without_import

PLAY, CLIP = sys.argv[1:3]
TEMP = tempfile.TemporaryDirectory(prefix="limef-zero-copy-")
FOLDER = pathlib.Path(TEMP.name)


def play(*arguments, limit_s=120):
    """Plays offscreen; returns the report and all output."""
    done = subprocess.run([PLAY, "--vo=offscreen", "--untimed", "--report=json",
                           *map(str, arguments)], capture_output=True, text=True, timeout=limit_s)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout


def available_bytes():
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) * 1024


class ZeroCopy(unittest.TestCase):
    def screen(self, *arguments, **options):
        picture = FOLDER / "screen.png"
        report, _ = play(f"--snapshot={picture}", *arguments, **options)
        return report, picture.read_bytes()

    def check(self, report):
        if not any(stream["imported"] for stream in report["streams"]):
            skip_without_import(self)
        self.assertEqual([report[f"{how}_bytes"] for how in ("copied", "uploaded", "direct")], [0, 0, 0])
        self.assertEqual(report["copies"], [])
        # each buffer once, for all streams together
        self.assertLessEqual(sum(stream["images"] for stream in report["streams"]), 3 * 1024)
        for stream in report["streams"]:
            self.assertEqual(stream["imported"], stream["frames_shown"])
            self.assertEqual(stream["copied_bytes"], 0)
            self.assertNotIn("copied", stream["to_screen"])

    def test_what_is_decoded_is_drawn_where_it_lies(self):
        report, imported = self.screen("--size=640x360", "--frames=100", CLIP)
        plain, uploaded = self.screen("--size=640x360", "--frames=100", "--upload=plain", CLIP)
        self.assertEqual(plain["streams"][0]["imported"], 0)
        # 4:2:0, once each
        self.assertEqual((plain["copied_bytes"], plain["uploaded_bytes"]), (0, 100 * 640 * 360 * 3 // 2))
        self.assertEqual(imported, uploaded)
        self.check(report)

    def test_sixteen_tiles_copy_nothing(self):
        report, imported = self.screen("--size=640x480", "--frames=60", *[CLIP] * 16)
        self.check(report)  # what is not imported is made smaller by the CPU, and looks otherwise
        _, uploaded = self.screen("--size=640x480", "--frames=60", "--upload=plain", *[CLIP] * 16)
        self.assertEqual(imported, uploaded)

    @unittest.skipUnless(shutil.which("ffmpeg"), "no ffmpeg")
    def test_sixteen_tiles_of_1080p_whose_decoders_hold_much_copy_nothing(self):
        if available_bytes() < 4 << 30:
            self.skipTest("it needs 4 GiB of memory")
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2048:
            self.skipTest("it needs 2048 descriptors: a buffer has two, and half of them may be the buffers'")
        film, n_frames = FOLDER / "film.mkv", 24
        done = subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=25",
                               "-frames:v", str(n_frames), "-c:v", "libx264", "-preset", "ultrafast", "-refs", "16",
                               "-pix_fmt", "yuv420p", str(film)], capture_output=True, text=True, timeout=120)
        if done.returncode:
            self.skipTest("no encoder for H.264")
        report, imported = self.screen("--size=1280x720", *[film] * 16, limit_s=240)
        self.check(report)
        self.assertEqual([stream["frames_shown"] for stream in report["streams"]], [n_frames] * 16)
        n_buffers = sum(stream["images"] for stream in report["streams"]) // 3
        print(f"\n{n_buffers} buffers")
        # more than half of what all refer to at once: how far they are at the same time is the scheduler's
        self.assertGreater(n_buffers, 8 * 16)
        _, uploaded = self.screen("--size=1280x720", "--upload=plain", *[film] * 16, limit_s=240)
        self.assertEqual(imported, uploaded)

    def test_says_so(self):
        report, output = play("--explain", "--frames=100", CLIP)
        self.check(report)
        self.assertIn("zero-copy (the decoder's buffers are the textures); 0 bytes copied so far", output)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
