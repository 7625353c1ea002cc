#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays through an audio callback that is not limef's, SDL's, whose device is a file, and listens to that.

callback.py SOUND-SDL"""
import array
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from needed import need

SOUND_SDL = sys.argv[1]
RATE = 48000
DEADLINE_S = 60
FOLDER = tempfile.TemporaryDirectory(prefix="limef-callback-")


class Callback(unittest.TestCase):
    def play(self, *made_by):
        """What SDL's device got, its left channel."""
        clip, heard = (pathlib.Path(FOLDER.name) / name for name in ("clip.wav", "heard.raw"))
        subprocess.run(["ffmpeg", "-y", "-v", "error", "-f", "lavfi", "-i", *made_by, clip], check=True)
        done = subprocess.run([SOUND_SDL, clip], capture_output=True, text=True, timeout=DEADLINE_S,
                              env=os.environ | {"SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(heard)})
        if "no sound device" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        samples = array.array("f")
        samples.frombytes(heard.read_bytes()[:heard.stat().st_size // 8 * 8])
        return samples[::2]

    def test_gets_the_whole_of_a_file(self):
        heard = self.play("aevalsrc=0.1+0.4*t|0.1+0.4*t:s=48000:d=1")
        sound = [s for s in heard if s > 0.05]
        # but for what fades in and out; silence where the machine let it run dry is counted, and not between
        self.assertGreater(len(sound), RATE * 0.98)
        self.assertLess(len(sound), RATE * 1.02)
        rises = sum(1 for before, after in zip(sound[500:-500], sound[501:-500]) if after >= before - 1e-6)
        self.assertGreater(rises, len(sound) - 3000)
        self.assertAlmostEqual(max(sound), 0.5, delta=0.01)


if __name__ == "__main__":
    need("ffmpeg")
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
