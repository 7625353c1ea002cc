#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Has each_picture compare every pixel of every picture that comes onto the screen, by VA-API and EGL and
by software's own buffers and EGL, with software's that are uploaded.

each_picture.py EACH-PICTURE FOLDER-OF-THE-DRIVER; LIMEF_TEST_PICTURES: so many of each clip, larger where it is
alone"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from needed import NO_IMPORT, need, skip_without_import

EACH_PICTURE, DRIVER = sys.argv[1:3]
LONG = "LIMEF_TEST_PICTURES" in os.environ
N_PICTURES = int(os.environ.get("LIMEF_TEST_PICTURES", "16"))
ALONE = "320x180" if LONG else "160x90"
SLICES = {"h264": ["-bf", "0", "-slices", "4"],
          "hevc": ["-bf", "0", "-x265-params", "log-level=none:wpp=1"], "vp9": []}
DEADLINE_S = 600
TEMP = tempfile.TemporaryDirectory(prefix="limef-each-")
FOLDER = pathlib.Path(TEMP.name)
SKIPPED = 77
ENV = {**os.environ, "LIBVA_DRIVERS_PATH": DRIVER, "LIBVA_DRIVER_NAME": "limef",
       "LIMEF_VAAPI_DEVICE": "/dev/null", "LIMEF_TEST_VA_MEMORY": "memfd",
       "LD_PRELOAD": f"{DRIVER}/limef_any_node.so",
       "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
ENCODERS = {"h264": ["-c:v", "libx264", "-bf", "2"],
            "hevc": ["-c:v", "libx265", "-x265-params", "log-level=none"],
            "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]}


def clip(name, codec, size="320x180", pixel_format="yuv420p", options=()):
    path = FOLDER / name
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25",
                           "-frames:v", str(N_PICTURES), "-pix_fmt", pixel_format, *ENCODERS[codec],
                           *options, str(path)], capture_output=True, text=True, timeout=DEADLINE_S)
    if done.returncode:
        raise unittest.SkipTest(f"no {codec} encoder here")
    return path


def two_sizes(codec):
    """One stream; each size begins with a key frame."""
    parts = [clip(f"{codec}{size}.ts", codec, size).read_bytes() for size in ("160x90", "240x136")]
    path = FOLDER / f"sizes_{codec}.ts"
    path.write_bytes(parts[0] + parts[1] + parts[0])
    return path


def scaled_references():
    """VP9 that becomes smaller without a key frame, from pictures scaled to refer to."""
    raw, path = FOLDER / "noise.y4m", FOLDER / "scaled.ivf"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                    "testsrc2=s=640x480:r=2,noise=alls=40:allf=t:all_seed=1", "-frames:v", str(N_PICTURES),
                    "-pix_fmt", "yuv420p", str(raw)], check=True, timeout=DEADLINE_S)
    subprocess.run(["vpxenc", "--quiet", "--codec=vp9", "--rt", "--cpu-used=8", "--end-usage=cbr",
                    "--target-bitrate=20", "--resize-allowed=1", "--kf-max-dist=9999", "--lag-in-frames=0",
                    "--ivf", "-o", str(path), str(raw)], check=True, timeout=DEADLINE_S)
    return path


def sizes_of(path):
    """Of its pictures, each with whether it is a key frame."""
    done = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "frame=key_frame,width,height", "-of",
                           "csv=p=0", str(path)], check=True, capture_output=True, text=True, timeout=DEADLINE_S)
    return [tuple(map(int, line.split(",")[:3])) for line in done.stdout.splitlines()]


class EachPicture(unittest.TestCase):
    def check(self, screen, *clips):
        done = subprocess.run([EACH_PICTURE, screen, *map(str, clips)], capture_output=True, text=True,
                              timeout=DEADLINE_S, env=ENV)
        print(f"\n{done.stdout}", end="")
        if done.returncode == SKIPPED:
            skip_without_import(self, NO_IMPORT if "all pixels are right" in done.stdout else "no surfaceless EGL here")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def alone(self, *arguments, **keywords):
        self.check(ALONE, clip(*arguments, size=ALONE, **keywords))

    def test_h264(self):
        self.alone("a.mp4", "h264")

    def test_h265(self):
        self.alone("a265.mp4", "hevc")

    def test_h265_of_10_bits(self):
        self.alone("deep.mp4", "hevc", pixel_format="yuv420p10le")

    def test_vp9(self):
        self.alone("a.webm", "vp9")

    def test_h265_whose_size_changes(self):
        self.check(ALONE, two_sizes("hevc"))

    @unittest.skipUnless(shutil.which("vpxenc"), "no vpxenc, of the package vpx-tools")
    def test_vp9_whose_size_changes_without_a_key_frame(self):
        path = scaled_references()
        pictures = sizes_of(path)
        self.assertEqual([picture[0] for picture in pictures].count(1), 1)
        self.assertEqual({picture[1:] for picture in pictures}, {(640, 480), (480, 360)})
        self.check("160x120", path)

    def test_decoded_by_threads_that_share_each_picture(self):
        for codec, options in SLICES.items():
            with self.subTest(codec):
                path = clip(f"slices-{codec}.mkv", codec, size=ALONE, options=options)
                self.assertIn("threads of slices", self.check(ALONE, path))

    def test_sixteen_tiles_of_all_codecs_and_sizes_that_change(self):
        sizes = two_sizes("h264")
        clips = [clip(name, codec, "160x90")
                 for name, codec in (("b.mp4", "h264"), ("b265.mp4", "hevc"), ("b.webm", "vp9"))]
        self.check("640x360", *clips * 5, sizes)


if __name__ == "__main__":
    need("ffmpeg")
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
