#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays sound to a card of a real kernel, snd-dummy in a virtual machine, and has the card vanish meanwhile.

sound.py VM-DIR LIMEF-PLAY; skipped where there is no virtual machine."""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import wave

HERE = pathlib.Path(__file__).resolve().parent
VM, PLAY = (os.path.abspath(path) for path in sys.argv[1:3])
RATE = 48000
CLIP_S = 600
SKIPPED = 77
BY_SIGNAL = 4
TEMP = tempfile.TemporaryDirectory(prefix="limef-vm-sound-")
FOLDER = pathlib.Path(TEMP.name)


def make_clip(path):
    second = b"".join(round(8000 * math.sin(2 * math.pi * 1000 * i / RATE)).to_bytes(2, "little", signed=True)
                      for i in range(RATE))
    with wave.open(str(path), "wb") as clip:
        clip.setparams((1, 2, RATE, 0, "NONE", None))
        clip.writeframes(second * CLIP_S)


def read(name):
    return (FOLDER / "out" / name).read_text()


class Sound(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make_clip(FOLDER / "tone.wav")
        done = subprocess.run([sys.executable, HERE / "vm.py", "--limit=280", f"--out={FOLDER / 'out'}", VM,
                               HERE / "guest-sound", PLAY, FOLDER / "tone.wav"], stdout=subprocess.PIPE, text=True)
        print(done.stdout)
        if done.returncode == SKIPPED:
            raise unittest.SkipTest(done.stdout.strip())

    def report(self, name, status):
        self.assertEqual(read(f"{name}.status").strip(), str(status), read(f"{name}.log"))
        return json.loads(read(f"{name}.json").splitlines()[-1])

    def test_a_card_takes_all_of_the_sound_in_its_own_format(self):
        report = self.report("card", 0)
        self.assertEqual(report["sound"]["output"], "alsa")
        self.assertEqual(report["sound"]["devices_lost"], 0)
        self.assertEqual(report["streams"][0]["sound"]["lost"], 0)
        self.assertAlmostEqual(report["streams"][0]["sound"]["heard_s"], 3, delta=0.2)
        params = dict(line.split(": ", 1) for line in read("card.params").splitlines() if ": " in line)
        self.assertEqual(params["format"], "S16_LE")
        self.assertEqual(params["rate"].split()[0], str(RATE))
        self.assertEqual(report["sound"]["period_frames"], 2 * int(params["period_size"]))

    def test_a_card_of_other_samples_and_channels_gets_what_it_takes(self):
        report = self.report("wide", BY_SIGNAL)
        self.assertEqual(report["sound"]["output"], "alsa")
        params = dict(line.split(": ", 1) for line in read("wide.params").splitlines() if ": " in line)
        self.assertEqual(params["format"], "S32_LE")
        self.assertEqual(params["channels"].split()[0], "10")

    def test_a_card_that_vanishes_is_said_and_taken_again(self):
        report, said = self.report("lost", BY_SIGNAL), read("lost.log")
        self.assertEqual(said.count("the sound device is lost"), 1, said)
        self.assertEqual(said.count("the sound device is back"), 1, said)
        self.assertEqual(report["sound"]["output"], "alsa")
        self.assertEqual(report["sound"]["devices_lost"], 1)
        self.assertEqual(report["streams"][0]["sound"]["lost"], 0)


if __name__ == "__main__":
    program = unittest.main(argv=sys.argv[:1] + sys.argv[3:], exit=False, verbosity=2)
    TEMP.cleanup()
    skipped = len(program.result.skipped)
    sys.exit(SKIPPED if skipped and program.result.wasSuccessful() else not program.result.wasSuccessful())
