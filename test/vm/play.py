#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows pictures by KMS in a virtual machine: kms.c holds the output against what its displays show,
limef-play plays films by --vo=kms, and its screen is looked at from outside. All in one boot.

play.py VM-DIR LIMEF-PLAY VM-KMS short|long [EACH-PICTURE FOLDER-OF-THE-DRIVER SESSION-CYCLES]; skipped where there is
no virtual machine or no ffmpeg."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
VM, PLAY, TESTS, LENGTH, *EACH_PICTURE = sys.argv[1:]
SIZE = 320, 240
N_MOVING, RATE = 180, 60
LIMIT_S = 850 if LENGTH == "short" else 3400
N_DECODED = 8
N_ALONE = 25
CODEC_OPTIONS = {"hevc": ("-x265-params", "log-level=error"), "vp9": ("-deadline", "realtime")}
CONTAINERS = {"h264": "mpegts", "hevc": "mpegts", "vp9": "ivf"}
IVF_HEADER_BYTES = 32
SKIPPED = 77
# one clip that fills the screen
ALONE = ("udmabuf_h264", "udmabuf_hevc", "udmabuf_vp9")[:1 if LENGTH == "short" else 3]
TEMP = tempfile.TemporaryDirectory(prefix="limef-vm-")
FOLDER = pathlib.Path(TEMP.name)


def ffmpeg(*arguments):
    return subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True,
                          stdout=subprocess.PIPE).stdout


def make_clips():
    """One of RGB that stands still, so that each of its pictures is known; one that moves."""
    size = "{}x{}".format(*SIZE)
    ffmpeg("-f", "lavfi", "-i", f"testsrc=size={size}:rate=10", "-vf", "loop=20:1:0", "-frames:v", "20",
           "-c:v", "ffv1", "-pix_fmt", "bgr0", FOLDER / "still.mkv")
    ffmpeg("-f", "lavfi", "-i", f"testsrc=size={size}:rate={RATE}", "-frames:v", N_MOVING,
           "-c:v", "mpeg4", "-q:v", "4", "-pix_fmt", "yuv420p", FOLDER / "moving.mkv")
    for name, codec in (("h264", "libx264"), ("hevc", "libx265"), ("vp9", "libvpx-vp9")):
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-frames:v", N_DECODED, "-c:v", codec,
               *CODEC_OPTIONS.get(name, ()), "-pix_fmt", "yuv420p", FOLDER / f"{name}.mkv")
        # without reordering, so that threads can share each picture
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-frames:v", N_ALONE, "-c:v", codec, "-bf", "0",
               *CODEC_OPTIONS.get(name, ()), "-pix_fmt", "yuv420p", FOLDER / f"alone-{name}.mkv")
        # two sizes in one stream
        parts = [ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=320x{height}:rate=25", "-frames:v", 4, "-c:v", codec,
                        *CODEC_OPTIONS.get(name, ()), "-pix_fmt", "yuv420p", "-f", CONTAINERS[name], "-")
                 for height in (240, 180)]
        if name == "vp9":
            parts[1] = parts[1][IVF_HEADER_BYTES:]
        (FOLDER / f"sizes_{name}.{CONTAINERS[name]}").write_bytes(b"".join(parts))


def read_ppm(path):
    kind, width, height, _, pixels = path.read_bytes().split(maxsplit=4)
    assert kind == b"P6"
    return (int(width), int(height)), pixels


class Kms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make_clips()
        status = subprocess.run([HERE / "vm.py", f"--out={FOLDER}/out", f"--limit={LIMIT_S}", VM, "sh",
                                 HERE / "guest-play", os.path.abspath(PLAY), os.path.abspath(TESTS), FOLDER, LENGTH,
                                 *map(os.path.abspath, EACH_PICTURE)], check=False).returncode
        if status == SKIPPED:
            sys.exit(SKIPPED)
        if status:
            raise AssertionError(f"guest-play left with {status}")

    def test_nothing_crashed(self):
        for core in (FOLDER / "out").glob("core.*"):
            program = TESTS if ".vm_kms." in core.name else PLAY
            subprocess.run(["gdb", "-batch", "-ex", "thread apply all bt", program, core], check=False)
            self.fail(core.name)

    def report(self, name):
        out = FOLDER / "out"
        log = (out / f"{name}.log").read_text()
        status = int((out / f"{name}.status").read_text())
        lines = (out / f"{name}.json").read_text().splitlines()
        return status, log, json.loads(lines[-1]) if lines else None

    def long_only(self):
        if LENGTH != "long":
            self.skipTest("the long form only")

    def test_output_shows_what_it_is_given(self):
        log = (FOLDER / "out" / "kms.log").read_text()
        self.assertEqual(int((FOLDER / "out" / "kms.status").read_text()), 0, log)
        self.assertNotIn("skipped", log)

    def test_another_card_shows_what_it_is_given_seen_from_outside(self):
        log = (FOLDER / "out" / "outside.log").read_text()
        self.assertEqual((FOLDER / "out" / "outside.status").read_text().strip(), "0", log)

    def test_each_picture_in_dmabufs_is_drawn_as_if_uploaded(self):
        if not EACH_PICTURE:
            self.skipTest("no EACH-PICTURE")
        for name in (("udmabuf", "heap", "own", "other") if LENGTH == "long" else ("udmabuf",)) + ALONE:
            with self.subTest(name):
                log = (FOLDER / "out" / f"each_{name}.log").read_text()
                print(f"\n{name}: {log}", end="")
                self.assertEqual((FOLDER / "out" / f"each_{name}.status").read_text().strip(), "0", log)
                if name in ALONE:
                    for way in "lent memory:", "lent memory, threads:", "lent memory, threads of slices:":
                        self.assertRegex(log, f"software, {way} {N_ALONE} pictures, .* 0 bytes copied")

    def test_sessions_leave_nothing_behind(self):
        if not EACH_PICTURE:
            self.skipTest("no SESSION-CYCLES")
        log = (FOLDER / "out" / "sessions.log").read_text()
        print("\n" + "".join(line + "\n" for line in log.splitlines() if line.startswith("after")), end="")
        self.assertEqual((FOLDER / "out" / "sessions.status").read_text().strip(), "0", log)

    def test_says_that_there_is_no_card_or_no_display(self):
        for name in ("nowhere", "no_display"):
            status, log, _ = self.report(name)
            self.assertEqual(status, 7, log)
            self.assertIn("no display by KMS: /dev/dri/card", log)
        status, log, _ = self.report("no_connector")
        self.assertEqual(status, 7, log)
        self.assertIn("no display by KMS at HDMI-A-9: /dev/dri/card", log)

    def test_screen_shows_the_picture(self):
        status, log, report = self.report("screen")
        self.assertEqual(status, 4, log)
        self.assertEqual(report["output"]["kind"], "kms")
        expected = ffmpeg("-i", FOLDER / "still.mkv", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt",
                          "rgb24", "-")
        size, pixels = read_ppm(FOLDER / "out" / "screen.ppm")
        self.assertEqual(size, SIZE)
        self.assertEqual(pixels, expected)

    def test_full_screen_film_is_on_a_plane_at_the_rate_of_the_display(self):
        status, log, report = self.report("plane")
        output, stream = report["output"], report["streams"][0]
        print(f"\nplane: {output}, {stream['frames_shown']} shown, {stream['frames_dropped']}")
        self.assertEqual(status, 0, log)
        # what is shown again, after a flip that was late, may not be on the screen when it ends
        self.assertIn(output["planes"] + output["composed"] - output["flips"], (0, 1))
        self.assertEqual(report["copied_bytes"], 0)
        # until there is one the display says that it waits
        self.assertGreater(output["planes"], output["composed"])
        self.assertEqual(stream["copied_bytes"], 0)
        self.assertGreater(stream["on_planes"], 0)
        self.assertRegex(stream["to_screen"], "^zero-copy ")

    def test_auto_takes_a_display_that_nobody_uses(self):
        self.long_only()
        status, log, report = self.report("auto")
        self.assertEqual(status, 0, log)
        self.assertEqual(report["output"]["kind"], "kms")

    def test_grid_is_composed(self):
        self.long_only()
        status, log, report = self.report("grid")
        self.assertEqual(status, 0, log)
        self.assertEqual(report["output"]["planes"], 0)
        self.assertGreaterEqual(report["output"]["composed"], 10)

    def test_what_no_plane_scales_is_composed_and_says_why(self):
        self.long_only()
        status, log, report = self.report("scaled")
        self.assertEqual(status, 0, log)
        self.assertEqual(report["output"]["planes"], 0)
        self.assertEqual(report["output"]["why_composed"], "no plane scales so")


if __name__ == "__main__":
    if not shutil.which("ffmpeg"):
        print("skipped: there is no ffmpeg")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1], verbosity=2)
