#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs limef-play with an OpenGL that imports what software decodes into: nothing is copied, and
the screen shows what it shows after an upload. With one that imports nothing the screen alone is looked at.

zero_copy.py LIMEF-PLAY CLIP"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from needed import NO_IMPORT

PLAY, CLIP = sys.argv[1:3]
TEMP = tempfile.TemporaryDirectory(prefix="limef-zero-copy-")
FOLDER = pathlib.Path(TEMP.name)


def play(*arguments):
    """Plays offscreen; returns the report and all output."""
    done = subprocess.run([PLAY, "--vo=offscreen", "--untimed", "--report=json",
                           *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout


class ZeroCopy(unittest.TestCase):
    def screen(self, *arguments):
        picture = FOLDER / "screen.png"
        report, _ = play(f"--snapshot={picture}", *arguments)
        return report, picture.read_bytes()

    def check(self, report):
        if not any(stream["imported"] for stream in report["streams"]):
            self.skipTest(NO_IMPORT)
        self.assertEqual([report[f"{how}_bytes"] for how in ("copied", "uploaded", "direct")], [0, 0, 0])
        self.assertEqual(report["copies"], [])
        # each buffer once, for all streams together
        self.assertLessEqual(sum(stream["images"] for stream in report["streams"]), 3 * 256)
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

    def test_says_so(self):
        report, output = play("--explain", "--frames=100", CLIP)
        self.check(report)
        self.assertIn("zero-copy (the decoder's buffers are the textures); 0 bytes copied so far", output)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
