#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Opens whole sessions and closes them, one after the other, by session_cycles.c.

session_cycles.py SESSION-CYCLES FOLDER-OF-THE-DRIVER; LIMEF_TEST_CYCLES: how many, 20 if it does not say"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from needed import need, skip_without_import

CYCLES, DRIVER = sys.argv[1:3]
N_CYCLES = os.environ.get("LIMEF_TEST_CYCLES", "20")
DEADLINE_S = 3000
SKIPPED = 77
TEMP = tempfile.TemporaryDirectory(prefix="limef-sessions-")
FOLDER = pathlib.Path(TEMP.name)
ENV = {**os.environ, "LIBVA_DRIVERS_PATH": DRIVER, "LIBVA_DRIVER_NAME": "limef",
       "LIMEF_VAAPI_DEVICE": "/dev/null", "LIMEF_TEST_VA_MEMORY": "memfd",
       "LD_PRELOAD": f"{DRIVER}/limef_any_node.so",
       "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


class SessionCycles(unittest.TestCase):
    def test_sessions_leave_nothing_behind(self):
        clips = [FOLDER / f"{n}.mp4" for n in range(2)]
        for path in clips:
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25",
                            "-frames:v", "8", "-c:v", "libx264", "-pix_fmt", "yuv420p", str(path)], check=True,
                           timeout=DEADLINE_S)
        done = subprocess.run([CYCLES, N_CYCLES, *map(str, clips)], capture_output=True, text=True,
                              timeout=DEADLINE_S, env=ENV)
        if done.returncode == SKIPPED:
            skip_without_import(self, "no surfaceless EGL here")
        print(f"\n{done.stdout}", end="")
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])


if __name__ == "__main__":
    need("ffmpeg")
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
