#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lets each call of EGL fail in turn while limef-play renders offscreen: the picture goes on, or one
clear error ends it.

egl.py [--vaapi=FOLDER-OF-THE-DRIVER] LIMEF-PLAY LIMEF-DEMO-CLIP FOLDER-OF-THE-STAND-IN [CALLS]: decoded in software, or by
VA-API; calls whose names CALLS, a regular expression, finds; all with LIMEF_TEST_ALL_FAULTS=1"""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from needed import skip_without_import  # noqa: E402

VAAPI = sys.argv.pop(1).removeprefix("--vaapi=") if sys.argv[1].startswith("--vaapi=") else None
PLAY, DEMO_CLIP, STAND_IN, *CALLS = sys.argv[1:]
if os.environ.get("LIMEF_TEST_ALL_FAULTS"):
    CALLS = []
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-fault-")
CLIP = pathlib.Path(TEMP.name) / "clip.mp4"
RIGHT, SEEN = pathlib.Path(TEMP.name) / "right.png", pathlib.Path(TEMP.name) / "seen.png"
N_FRAMES = 10
SIZE = "320x180"  # of the clip and of the screen: what is uploaded then looks as what is imported
N_CALLS = 1, 2, 3, 5
DEVICE = {"LIBVA_DRIVERS_PATH": VAAPI, "LIBVA_DRIVER_NAME": "limef", "LIMEF_VAAPI_DEVICE": "/dev/null",
          "LIMEF_TEST_VA_MEMORY": "memfd", "LD_PRELOAD": f"{VAAPI}/limef_any_node.so",
          "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"} if VAAPI else {}
HWDEC = "vaapi" if VAAPI else "no"


def play(fail, *arguments, **variables):
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    env["LD_LIBRARY_PATH"] = STAND_IN + ":" + env.get("LD_LIBRARY_PATH", "")
    env["LIMEF_TEST_EGL_FAIL"] = fail
    env.update(DEVICE)
    env.update(variables)
    done = subprocess.run([PLAY, "--vo=offscreen", "--untimed", f"--size={SIZE}", f"--hwdec={HWDEC}",
                           f"--frames={N_FRAMES}", "--report=json", *map(str, arguments), CLIP], capture_output=True, text=True,
                          errors="replace", timeout=DEADLINE_S, env=env)
    return done.returncode, done.stdout, done.stderr


class EveryCall(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        status, output, errors = play("", f"--snapshot={RIGHT}")
        assert status == 0, errors
        cls.stream = json.loads(output.splitlines()[-1])["streams"][0]

    def setUp(self):
        if VAAPI and self.stream["codec"] != "h264":
            self.skipTest("no encoder for H.264")
        self.assertEqual(self.stream["hwdec"], HWDEC)

    def test_pictures_are_imported_if_nothing_fails(self):
        if not self.stream["imported"]:
            skip_without_import(self)
        self.assertEqual((self.stream["imported"], self.stream["copied_bytes"]), (N_FRAMES, 0))

    def assert_goes_on_or_says_why(self, fail):
        SEEN.unlink(missing_ok=True)
        status, output, errors = play(fail, f"--snapshot={SEEN}")
        lines = [line for line in errors.splitlines() if not line.startswith("fault: ")]
        if "fault: " not in errors:
            return  # it was not called so often this time
        if status == 0:
            self.assertIn(f'"frames_shown":{N_FRAMES}', output, errors)
            self.assertEqual(SEEN.read_bytes(), RIGHT.read_bytes(), errors)  # each pixel of the last
        else:
            self.assertEqual(status, 7, errors)
            self.assertEqual(sum("error:" in line for line in lines), 1, errors)

    def test_the_picture_goes_on_or_an_error_says_why(self):
        calls = collections.Counter(line.split()[1] for line in play("?")[2].splitlines()
                                    if line.startswith("call: "))
        print(f"\n{dict(calls)}")
        self.assertGreater(len(calls), 8)
        for function, n_calls in sorted(calls.items()):
            if CALLS and not re.search(CALLS[0], function):
                continue
            for when in [str(n) for n in N_CALLS if n <= n_calls] + ["1+"] * (n_calls > 1):
                with self.subTest(function=function, call=when):
                    self.assert_goes_on_or_says_why(f"{function}={when}")

    @unittest.skipIf(VAAPI, "its driver lays them out")
    def test_rows_are_as_the_driver_wants_them(self):
        pictures = [pathlib.Path(TEMP.name) / f"rows{i}.png" for i in range(3)]
        _, output, _ = play("", f"--snapshot={pictures[0]}")
        if json.loads(output.splitlines()[-1])["streams"][0]["imported"] != N_FRAMES:
            skip_without_import(self)
        for picture, pitch in zip(pictures[1:], ("256", "1024")):
            status, output, errors = play("", f"--snapshot={picture}", LIMEF_TEST_EGL_PITCH=pitch)
            self.assertEqual((status, errors), (0, ""))
            stream = json.loads(output.splitlines()[-1])["streams"][0]
            self.assertEqual((stream["imported"], stream["copied_bytes"]), (N_FRAMES, 0), stream["uploaded_why"])
            self.assertEqual(picture.read_bytes(), pictures[0].read_bytes())
        # more than any is known to want: said, and shown all the same
        status, output, _ = play("", f"--snapshot={pictures[1]}", LIMEF_TEST_EGL_PITCH="65536")
        stream = json.loads(output.splitlines()[-1])["streams"][0]
        self.assertEqual((status, stream["imported"]), (0, 0))
        self.assertIn("the driver refuses a buffer of R8", stream["uploaded_why"])

    def test_without_a_failure_the_stand_in_changes_nothing(self):
        status, output, errors = play("")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn(f'"frames_shown":{N_FRAMES}', output)


if __name__ == "__main__":
    subprocess.run([DEMO_CLIP, CLIP, SIZE], check=True, stdout=subprocess.DEVNULL)
    unittest.main(argv=sys.argv[:1], verbosity=2)
