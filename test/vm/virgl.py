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
SKIPPED, ENDED_BY_SIGNAL = 77, 4
WIDTH, HEIGHT, STRIPE, N_PICTURES = 320, 240, 16, 12  # of virgl.c
CURSOR = 16  # rows of the picture that the X server's may cover
N_FIRST, N_SECOND, SECOND_HEIGHT = 5, 2000, 180  # pictures of two sizes in one stream
TEMP = tempfile.TemporaryDirectory(prefix="limef-virgl-")
FOLDER = pathlib.Path(TEMP.name)


def read_rows(path):
    _, width, _, _, pixels = path.read_bytes().split(maxsplit=4)
    return [pixels[at:at + int(width) * 3] for at in range(0, len(pixels), int(width) * 3)]


def row_of(step):
    """As paint() of virgl.c draws it."""
    return b"".join(bytes([40 + (x // STRIPE * 23 + step * 11) % 160] * 3) for x in range(WIDTH))


def ffmpeg(*arguments):
    return subprocess.run(["ffmpeg", "-v", "error", *map(str, arguments)], check=True, stdout=subprocess.PIPE).stdout


def make_clips():
    """One that moves; one of RGB without loss that changes its size, and stands still from then on."""
    ffmpeg("-f", "lavfi", "-i", f"testsrc=size={WIDTH}x{HEIGHT}:rate=30", "-frames:v", "60", "-c:v", "mpeg4",
           "-pix_fmt", "yuv420p", FOLDER / "moving.mkv")
    lossless = "-c:v", "libx264rgb", "-qp", "0", "-pix_fmt", "bgr0", "-f", "mpegts", "-"
    first = ffmpeg("-f", "lavfi", "-i", f"testsrc=size={WIDTH}x{HEIGHT}:rate=30", "-frames:v", N_FIRST, *lossless)
    second = ffmpeg("-f", "lavfi", "-i", f"testsrc=size={WIDTH}x{SECOND_HEIGHT}:rate=30", "-vf",
                    f"loop={N_SECOND}:1:0", "-frames:v", N_SECOND, *lossless)
    (FOLDER / "sizes.ts").write_bytes(first + second)


class Virgl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make_clips()
        status = subprocess.run([HERE / "vm.py", f"--out={FOLDER}/out", "--limit=600", "--virgl", VM, "sh",
                                 HERE / "guest-virgl", os.path.abspath(PLAY), os.path.abspath(TESTS), FOLDER],
                                check=False).returncode
        if status == SKIPPED:
            sys.exit(SKIPPED)
        if status:
            raise AssertionError(f"the guest left with {status}")

    def report(self, name, status=0):
        out = FOLDER / "out"
        self.assertEqual(int((out / f"{name}.status").read_text()), status, (out / f"{name}.log").read_text())
        return json.loads((out / f"{name}.json").read_text().splitlines()[-1])

    def test_pictures_that_a_gpu_draws_are_waited_for_by_no_cpu(self):
        out = FOLDER / "out"
        self.assertEqual((out / "painted.status").read_text().strip(), "0", (out / "painted.log").read_text())

    def test_window_shows_the_picture_that_was_put_on_a_plane(self):
        if not (FOLDER / "out" / "painted.ppm").exists():
            self.fail("nobody looked at the window")
        # qemu draws its window when it has time: it may be a picture before the last
        rows = read_rows(FOLDER / "out" / "painted.ppm")
        seen = max(sum(row_of(step) in row for row in rows) for step in range(N_PICTURES))
        self.assertIn(seen, range(HEIGHT - CURSOR, HEIGHT + 1))

    def test_pictures_that_change_their_size_are_drawn_as_they_are(self):
        report = self.report("sizes", ENDED_BY_SIGNAL)
        stream = report["streams"][0]
        print(f"\nsizes: {report['output']}, {stream['frames_shown']} shown")
        self.assertGreater(stream["frames_shown"], N_FIRST)
        self.assertEqual(sum(stream["frames_dropped"].values()), 0)
        self.assertEqual(report["copied_bytes"], 0)
        picture = ffmpeg("-f", "lavfi", "-i", f"testsrc=size={WIDTH}x{SECOND_HEIGHT}:rate=30", "-frames:v", 1, "-f",
                         "rawvideo", "-pix_fmt", "rgb24", "-")
        rows = read_rows(FOLDER / "out" / "sizes.ppm")
        seen = sum(any(picture[at:at + WIDTH * 3] in row for row in rows)
                   for at in range(0, len(picture), WIDTH * 3))
        self.assertIn(seen, range(SECOND_HEIGHT - CURSOR, SECOND_HEIGHT + 1))

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
