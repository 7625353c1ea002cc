#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays a film at the rate of a display in a virtual machine whose time does not depend on what the host does besides, from
the guest's own memory: each picture has a flip, and none is missed.

film.py VM-DIR LIMEF-PLAY VM-KMS; skipped where there is no virtual machine or no ffmpeg."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import needs

HERE = pathlib.Path(__file__).resolve().parent
VM, PLAY, TESTS = sys.argv[1:4]
N_PICTURES, RATE = 180, 60
LIMIT_S = 850
SKIPPED = 77
TEMP = tempfile.TemporaryDirectory(prefix="limef-film-")
FOLDER = pathlib.Path(TEMP.name)
FILM = FOLDER / "moving.mkv"


def boot():
    programs = [os.path.abspath(PLAY), os.path.abspath(TESTS)]
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size=320x240:rate={RATE}", "-frames:v",
                    str(N_PICTURES), "-c:v", "mpeg4", "-q:v", "4", "-pix_fmt", "yuv420p", FILM], check=True)
    (FOLDER / "files").write_text("".join(f"{file}\n" for file in [*needs.files_of(*programs), FILM]))
    return subprocess.run([HERE / "vm.py", "--counted", f"--out={FOLDER}/out", f"--limit={LIMIT_S}", VM, "sh",
                           HERE / "guest-film", FOLDER / "files", FILM, *programs], check=False).returncode


class Film(unittest.TestCase):
    def test_film_has_one_flip_for_each_picture_and_misses_none(self):
        out = FOLDER / "out"
        log = (out / "rate.log").read_text()
        report = json.loads((out / "rate.json").read_text().splitlines()[-1])
        bare = json.loads((out / "bare.json").read_text())
        output, stream = report["output"], report["streams"][0]
        print(f"\nrate: {output}, {stream['frames_shown']} shown, {stream['frames_dropped']}; bare: {bare}")
        self.assertEqual((out / "rate.status").read_text().strip(), "0", log)
        self.assertEqual(bare["missed_flips"], 0, "a program that only flips misses some")
        self.assertEqual(stream["frames_shown"], N_PICTURES)
        self.assertEqual(sum(stream["frames_dropped"].values()), 0)
        # each is given to a plane once, and none is drawn
        self.assertEqual(stream["on_planes"], N_PICTURES)
        self.assertEqual(output["planes"], N_PICTURES)
        # what is drawn is that the display waits
        self.assertEqual(output["flips"], N_PICTURES + output["composed"])
        self.assertEqual(output["missed_flips"], 0)


if __name__ == "__main__":
    if not shutil.which("ffmpeg"):
        print("skipped: there is no ffmpeg")
        sys.exit(SKIPPED)
    booted = boot()
    if booted == SKIPPED:
        sys.exit(SKIPPED)
    if booted:
        sys.exit(f"guest-film left with {booted}")
    unittest.main(argv=sys.argv[:1], verbosity=2)
