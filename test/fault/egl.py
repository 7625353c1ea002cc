#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lets each call of EGL fail in turn while limef-play renders offscreen: the picture goes on, or one
clear error ends it.

egl.py LIMEF-PLAY LIMEF-DEMO-CLIP FOLDER-OF-THE-STAND-IN"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PLAY, DEMO_CLIP, STAND_IN = sys.argv[1:4]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-fault-")
CLIP = pathlib.Path(TEMP.name) / "clip.mp4"
N_FRAMES = 10
FUNCTIONS = sorted(set(re.findall(r"^    X\(.*?, (egl\w+),", pathlib.Path(
    __file__).with_name("failing_egl.c").read_text(), re.M))) + ["eglGetProcAddress"]


def play(fail):
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    env["LD_LIBRARY_PATH"] = STAND_IN + ":" + env.get("LD_LIBRARY_PATH", "")
    env["LIMEF_TEST_EGL_FAIL"] = fail
    done = subprocess.run([PLAY, "--vo=offscreen", "--untimed", f"--frames={N_FRAMES}",
                           "--report=json", CLIP], capture_output=True, text=True,
                          errors="replace", timeout=DEADLINE_S, env=env)
    return done.returncode, done.stdout, done.stderr


class EveryCall(unittest.TestCase):
    def assert_goes_on_or_says_why(self, fail):
        status, output, errors = play(fail)
        lines = [line for line in errors.splitlines() if not line.startswith("fault: ")]
        if "fault: " not in errors:
            return False
        if status == 0:
            self.assertIn(f'"frames_shown":{N_FRAMES}', output, errors)
        else:
            self.assertEqual(status, 7, errors)
            self.assertTrue(any("error:" in line for line in lines), errors)
        return True

    def test_the_picture_goes_on_or_an_error_says_why(self):
        n_failed = 0
        for function in FUNCTIONS:
            for when in ("1", "2", "3", "1+"):
                with self.subTest(function=function, call=when):
                    if self.assert_goes_on_or_says_why(f"{function}={when}"):
                        n_failed += 1
                    elif when != "1+":
                        break  # it is not called so often
        self.assertGreater(n_failed, 8)

    def test_without_a_failure_the_stand_in_changes_nothing(self):
        status, output, errors = play("")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn(f'"frames_shown":{N_FRAMES}', output)


if __name__ == "__main__":
    subprocess.run([DEMO_CLIP, CLIP], check=True, stdout=subprocess.DEVNULL)
    unittest.main(argv=sys.argv[:1])
