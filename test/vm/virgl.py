#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows pictures on a GPU in a virtual machine: virtio-gpu with virgl, whose commands the host's OpenGL
draws. virgl.c has a GPU draw pictures that are shown while it does, limef-play plays by --vo=kms. By hand.

virgl.py VM-DIR LIMEF-PLAY VM-VIRGL; skipped where vm.py --virgl is, or where there is no ffmpeg."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
VM, PLAY, TESTS = sys.argv[1:4]
SKIPPED = 77
WIDTH, HEIGHT, STRIPE, N_PICTURES = 320, 240, 16, 12  # of virgl.c
CURSOR = 16  # rows of the picture that the X server's may cover
TEMP = tempfile.TemporaryDirectory(prefix="limef-virgl-")
FOLDER = pathlib.Path(TEMP.name)


def read_ppm(path):
    _, width, _, _, pixels = path.read_bytes().split(maxsplit=4)
    return int(width), pixels


def row_of(step):
    """As paint() of virgl.c draws it."""
    return b"".join(bytes([40 + (x // STRIPE * 23 + step * 11) % 160] * 3) for x in range(WIDTH))


class Virgl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size={WIDTH}x{HEIGHT}:rate=30",
                        "-frames:v", "60", "-c:v", "mpeg4", "-pix_fmt", "yuv420p", FOLDER / "moving.mkv"], check=True)
        status = subprocess.run([HERE / "vm.py", f"--out={FOLDER}/out", "--limit=600", "--virgl", VM, "sh",
                                 HERE / "guest-virgl", os.path.abspath(PLAY), os.path.abspath(TESTS), FOLDER],
                                check=False).returncode
        if status == SKIPPED:
            sys.exit(SKIPPED)
        if status:
            raise AssertionError(f"the guest left with {status}")

    def report(self, name):
        out = FOLDER / "out"
        self.assertEqual((out / f"{name}.status").read_text().strip(), "0", (out / f"{name}.log").read_text())
        return json.loads((out / f"{name}.json").read_text().splitlines()[-1])

    def test_pictures_that_a_gpu_draws_are_waited_for_by_no_cpu(self):
        out = FOLDER / "out"
        self.assertEqual((out / "painted.status").read_text().strip(), "0", (out / "painted.log").read_text())

    def test_window_shows_the_picture_that_was_put_on_a_plane(self):
        if not (FOLDER / "out" / "painted.ppm").exists():
            self.fail("nobody looked at the window")
        # qemu draws its window when it has time: it may be a picture before the last
        width, pixels = read_ppm(FOLDER / "out" / "painted.ppm")
        rows = [pixels[at:at + width * 3] for at in range(0, len(pixels), width * 3)]
        seen = max(sum(row_of(step) in row for row in rows) for step in range(N_PICTURES))
        self.assertIn(seen, range(HEIGHT - CURSOR, HEIGHT + 1))

    def test_what_is_drawn_is_waited_for_by_the_display(self):
        for name in ("film", "grid"):
            report = self.report(name)
            fences = report["output"]["fences"]
            print(f"\n{name}: {report['output']}")
            self.assertGreaterEqual(fences["display"], report["output"]["composed"] - 1)
            self.assertEqual(fences["cpu"], 0)
            self.assertIn("fences are waited for by: the display", (FOLDER / "out" / f"{name}.json").read_text())
            self.assertEqual(report["copied_bytes"], 0)


if __name__ == "__main__":
    if not shutil.which("ffmpeg"):
        print("skipped: there is no ffmpeg")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1], verbosity=2)
