#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs limef-play on the tests' VA-API driver and compares every picture with software decoding.

hardware.py LIMEF-PLAY FOLDER-OF-THE-DRIVER"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from needed import need, skip_without_import
from watch import without_watch

PLAY, DRIVER = sys.argv[1:3]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-hardware-")
FOLDER = pathlib.Path(TEMP.name)
REPORT = FOLDER / "driver"
NO_DEVICE = {k: v for k, v in os.environ.items()
             if k not in ("DISPLAY", "WAYLAND_DISPLAY", "LIMEF_VAAPI_DEVICE")}
DEVICE = {**NO_DEVICE, "LIBVA_DRIVERS_PATH": DRIVER, "LIBVA_DRIVER_NAME": "limef",
          "LIMEF_VAAPI_DEVICE": "/dev/null", "LIMEF_TEST_VA_MEMORY": "memfd",
          "LIMEF_TEST_VA_REPORT": str(REPORT), "LD_PRELOAD": f"{DRIVER}/limef_any_node.so",
          "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
ENCODERS = {"h264": ["-c:v", "libx264", "-bf", "3", "-g", "25"],
            "hevc": ["-c:v", "libx265", "-x265-params", "log-level=none:keyint=25"],
            "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"],
            "mpeg4": ["-c:v", "mpeg4"]}


def ffmpeg(*arguments):
    return subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)],
                          capture_output=True, text=True, timeout=DEADLINE_S)


def clip(name, codec="h264", size="320x180", frames=60, options=()):
    """A moving test picture; skips the test where that codec cannot be encoded."""
    path = FOLDER / name
    if not path.exists():
        done = ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-frames:v", frames,
                      "-pix_fmt", "yuv420p", *ENCODERS[codec], *options, path)
        if done.returncode:
            raise unittest.SkipTest(f"no {codec} encoder here")
    return path


def sums_of(path, pixel_format):
    """What ffmpeg says in software; those of pictures of all sizes, in the format of hardware."""
    done = ffmpeg("-flags", "unaligned", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-autoscale", "0",
                  "-pix_fmt", pixel_format, "-f", "framemd5", FOLDER / "expected")
    assert done.returncode == 0, done.stderr
    return [line.split()[-1] for line in (FOLDER / "expected").read_text().splitlines()
            if not line.startswith("#")]


class Result:
    def __init__(self, *arguments, env=DEVICE, **faults):
        REPORT.unlink(missing_ok=True)
        sums = FOLDER / "sums"
        sums.unlink(missing_ok=True)
        done = subprocess.run([PLAY, "--untimed", "--report=json", f"--framemd5={sums}",
                               *map(str, arguments)], capture_output=True, text=True,
                              timeout=DEADLINE_S, env={**env, **faults})
        self.status, self.errors = done.returncode, without_watch(done.stderr)
        self.sums = {}
        for line in sums.read_text().splitlines():
            slot, _, _, md5 = line.split(", ")
            self.sums.setdefault(int(slot), []).append(md5)
        self.report = json.loads(done.stdout.splitlines()[-1])
        self.stream = self.report["streams"][0]
        self.steps = self.stream["hwdec_steps"]
        self.driver = REPORT.read_text() if REPORT.exists() else ""


class Hardware(unittest.TestCase):
    def assert_nothing_is_left(self, result):
        for what in ("configs", "surfaces", "contexts", "buffers", "images"):
            self.assertRegex(result.driver, rf"\b{what}=0/")
        self.assertIn("descriptors=0", result.driver)

    def assert_same(self, result, path):
        """Whichever of its pictures came from hardware (NV12), and which from software."""
        expected = list(zip(sums_of(path, "nv12"), sums_of(path, "yuv420p")))
        for sums in result.sums.values():
            self.assertEqual(len(sums), len(expected))
            for i, md5 in enumerate(sums):
                self.assertIn(md5, expected[i], i)

    def assert_all_in_hardware(self, result, path):
        self.assertEqual(result.status, 0, result.errors)
        for stream in result.report["streams"]:
            self.assertEqual(stream["hwdec"], "vaapi")
            self.assertEqual(stream["hwdec_steps"]["frames"], stream["frames_decoded"])
            self.assertEqual(stream["hwdec_steps"]["failures"], 0)
        self.assertEqual(result.report["copied_bytes"], 0)
        self.assertEqual(result.report["copies"], [])
        self.assert_same(result, path)
        self.assert_nothing_is_left(result)

    def test_every_pixel_is_that_of_software(self):
        for codec, name in (("h264", "a.mp4"), ("hevc", "a265.mp4"), ("vp9", "a.webm")):
            with self.subTest(codec):
                path = clip(name, codec)
                self.assert_all_in_hardware(Result("--vo=none", path), path)

    def test_allocates_nothing_per_frame_in_steady_state(self):
        path = clip("long.mp4", frames=300, options=["-g", "250"])
        # on one thread: behind a boundary, how many surfaces are in use at once, and are seen for
        # the first time, is a matter of who runs when
        result = Result("--vo=none", "--plan=fused", "--loop=10", path)
        self.assertEqual(result.report["allocations_per_frame"], 0)

    def test_every_plan_shows_the_same(self):
        path = clip("a.mp4")
        for plan in ("fused", "per-filter"):
            self.assert_all_in_hardware(Result("--vo=none", f"--plan={plan}", path), path)

    def test_the_picture_may_change_its_size(self):
        for codec, suffix in (("h264", "ts"), ("hevc", "ts")):
            with self.subTest(codec):
                parts = [clip(f"{codec}{size}.{suffix}", codec, size, 40)
                         for size in ("320x180", "640x360")]
                path = FOLDER / f"sizes-{codec}.{suffix}"
                path.write_bytes(b"".join(part.read_bytes() for part in (*parts, parts[0])))
                result = Result("--vo=none", path)
                self.assertEqual(result.status, 0, result.errors)
                self.assertEqual(result.steps["frames"], 120)
                self.assertEqual(result.report["copied_bytes"], 0)
                self.assertEqual(result.sums[0], sums_of(parts[0], "nv12") +
                                 sums_of(parts[1], "nv12") + sums_of(parts[0], "nv12"))
                self.assert_nothing_is_left(result)

    def cropped(self):
        """A clip of which the left and upper edges are not to be shown."""
        path = FOLDER / "cropped.mp4"
        done = ffmpeg("-i", clip("a.mp4"), "-c", "copy", "-bsf:v",
                      "h264_metadata=crop_left=14:crop_top=6", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def test_what_is_cut_off_is_not_shown(self):
        path = self.cropped()
        self.assert_all_in_hardware(Result("--vo=none", path), path)
        self.assertEqual(Result("--vo=none", "--hwdec=no", path).sums[0], sums_of(path, "yuv420p"))

    def test_sixteen_at_once(self):
        path = clip("a.mp4")
        result = Result("--vo=none", *[path] * 16)
        self.assertEqual(len(result.sums), 16)
        self.assert_all_in_hardware(result, path)

    def test_a_profile_that_hardware_does_not_know_is_decoded_in_software(self):
        path = clip("b.ts", options=["-pix_fmt", "yuv422p"])
        both = FOLDER / "profiles.ts"
        both.write_bytes(clip("a.ts").read_bytes() + path.read_bytes())
        result = Result("--vo=none", both)
        self.assertEqual(result.status, 0, result.errors)
        self.assertEqual(result.stream["frames_shown"], 120)
        self.assertEqual(result.stream["hwdec"], "no")
        self.assertEqual(result.steps["software"], 1)
        self.assertIn("in software", result.errors)
        self.assertEqual(result.sums[0][60:], sums_of(path, "yuv422p"))

    def test_a_codec_that_hardware_does_not_know_is_decoded_in_software(self):
        result = Result("--vo=none", clip("a.avi", "mpeg4"))
        self.assertEqual(result.status, 0)
        self.assertEqual(result.stream["frames_shown"], 60)
        self.assertEqual((result.stream["hwdec"], result.steps["software"]), ("no", 1))
        self.assertIn("in software", result.errors)

    def test_each_call_that_fails_is_told_and_loses_no_picture(self):
        path = clip("a.mp4")
        expected = list(zip(sums_of(path, "nv12"), sums_of(path, "yuv420p")))
        for call, at in (("vaBeginPicture", 30), ("vaRenderPicture", 61), ("vaEndPicture", 59),
                         ("vaCreateBuffer", 100), ("vaCreateSurfaces2", 8),
                         ("vaCreateContext", 2)):
            for onward in ("", "+"):
                command = f"{call}={at}{onward}"
                with self.subTest(command):
                    result = Result("--vo=none", path, LIMEF_TEST_VA_FAIL=command)
                    self.assertEqual(result.status, 0, result.errors)
                    if call != "vaCreateSurfaces2" or onward: # or it was one that is not missed
                        self.assertGreater(result.steps["failures"], 0)
                        self.assertIn("hardware failed", result.errors)
                    self.assertEqual(result.stream["hwdec"], "no" if onward else "vaapi")
                    self.assertEqual(len(result.sums[0]), 60)
                    for i, md5 in enumerate(result.sums[0]):
                        self.assertIn(md5, expected[i], i)
                    self.assert_nothing_is_left(result)

    def test_a_driver_that_fails_its_proof_is_not_used(self):
        path = clip("a.mp4")
        result = Result("--vo=none", path, LIMEF_TEST_VA_FAIL="vaEndPicture=1")
        self.assertEqual((result.status, result.stream["hwdec"]), (0, "no"))
        self.assertIn("decodes wrongly", result.errors)
        self.assert_same(result, path)

    def test_plays_a_part(self):
        path = clip("a.mp4")
        expected = sums_of(path, "nv12")
        for options, part in ((["--start=1"], expected[25:]), (["--frames=7"], expected[:7]),
                              (["--loop=1"], expected * 2)):
            self.assertEqual(Result("--vo=none", *options, path).sums[0], part, options)

    def test_software_where_that_is_asked(self):
        result = Result("--vo=none", "--hwdec=no", clip("a.mp4"))
        self.assertEqual((result.status, result.stream["hwdec"], result.errors), (0, "no", ""))
        self.assertEqual(result.driver, "")

    def test_without_a_device_auto_is_silent_and_vaapi_is_not(self):
        path = clip("a.mp4")
        result = Result("--vo=none", "--hwdec=auto", path, env=NO_DEVICE)
        self.assertEqual((result.status, result.stream["hwdec"]), (0, "no"))
        if not pathlib.Path("/dev/dri").exists():
            self.assertEqual(result.errors, "")
        result = Result("--vo=none", "--hwdec=vaapi", "--vaapi-device=/nothing/here", path,
                        env=NO_DEVICE)
        self.assertEqual((result.status, result.stream["hwdec"]), (0, "no"))
        self.assertRegex(result.errors, r"--hwdec=vaapi: .*in software")

    def test_a_decoder_of_the_system_that_is_not_there_is_told(self):
        path = clip("a.mp4")
        if list(pathlib.Path("/dev").glob("video*")) or pathlib.Path("/dev/mpp_service").exists():
            self.skipTest("there may be one")
        for name in ("v4l2m2m", "rkmpp"):
            result = Result("--vo=none", f"--hwdec={name}", path, env=NO_DEVICE)
            self.assertEqual((result.status, result.stream["hwdec"]), (0, "no"))
            self.assertRegex(result.errors, rf"^.*--hwdec={name}: .*in software\n$")
            self.assertEqual(result.sums[0], sums_of(path, "yuv420p"))

    def test_says_which_device_it_took(self):
        result = Result("--vo=none", "--log-level=info", clip("a.mp4"))
        self.assertRegex(result.errors, r"decoding with VA-API on /dev/null \(limef test driver")

    def test_a_snapshot_of_the_screen_is_that_of_software(self):
        for path in (clip("a.mp4"), self.cropped()):
            pictures = []
            for hwdec in ("vaapi", "no"):
                picture = FOLDER / f"{hwdec}.png"
                result = Result("--vo=offscreen", "--size=320x180", f"--hwdec={hwdec}",
                                f"--snapshot={picture}", path)
                if result.status == 7:
                    skip_without_import(self, "no EGL here")
                self.assertEqual(result.status, 0, result.errors)
                pictures.append(picture.read_bytes())
            self.assertEqual(pictures[0], pictures[1])

    def test_pictures_that_cannot_be_read_for_the_screen_end_in_software(self):
        path = clip("long.mp4", frames=300, options=["-g", "250"])
        result = Result("--vo=offscreen", "--size=320x180", path,
                        LIMEF_TEST_VA_MODIFIER="0x100000000000001",
                        LIMEF_TEST_VA_FAIL="vaGetImage=12+")
        if result.status == 7:
            skip_without_import(self, "no EGL here")
        self.assertEqual((result.status, result.stream["hwdec"]), (0, "no"), result.errors)
        self.assertIn("hardware failed", result.errors)
        # those that were on their way are lost
        self.assertGreater(result.stream["frames_shown"], 150)
        self.assert_nothing_is_left(result)

    def test_what_was_decoded_before_the_device_went_is_shown(self):
        path = clip("a.mp4")
        for command in ("*=500+", "*=700+", "vaSyncSurface=20+"):
            result = Result("--vo=offscreen", "--size=320x180", path, LIMEF_TEST_VA_FAIL=command)
            if result.status == 7:
                skip_without_import(self, "no EGL here")
            self.assertEqual((result.status, result.stream["hwdec"]), (0, "no"), result.errors)
            self.assertEqual((result.stream["frames_shown"], result.stream["frames_dropped"]["failed"]),
                             (60, 0), result.errors)
            self.assertGreater(result.steps["frames"], 0)
            self.assert_same(result, path)

    def test_pictures_get_to_the_screen_without_a_copy(self):
        first = clip("a.mp4")
        sizes = FOLDER / "sizes.ts"
        sizes.write_bytes(clip("a.ts").read_bytes() +
                          clip("large.ts", size="640x360").read_bytes())
        imports = False
        for paths in ([first], [clip("a265.mp4", "hevc")], [clip("a.webm", "vp9")], [sizes],
                      [first] * 16, [self.cropped()]):
            pictures = []
            for hwdec in ("vaapi", "no"):
                picture = FOLDER / f"{hwdec}.png"
                result = Result("--vo=offscreen", "--size=320x180", "--upload=plain",
                                f"--hwdec={hwdec}", f"--snapshot={picture}", *paths)
                if result.status == 7:
                    skip_without_import(self, "no EGL here")
                pictures.append(picture.read_bytes())
                if hwdec == "no":
                    continue
                streams = result.report["streams"]
                imports |= streams[0]["imported"] > 0
                for stream in streams:
                    self.assertEqual(stream["hwdec"], "vaapi")
                    self.assertEqual(stream["imported"], stream["frames_shown"] if imports else 0)
                    self.assertEqual(stream["copied_bytes"] == 0, imports)
                self.assertEqual((result.report["copied_bytes"], result.report["copies"]) == (0, []), imports)
                self.assert_nothing_is_left(result)
            self.assertEqual(pictures[0], pictures[1])
        if not imports:
            skip_without_import(self)


if __name__ == "__main__":
    need("ffmpeg")
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
