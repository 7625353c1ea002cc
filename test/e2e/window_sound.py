#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Presses the keys for sound in a window, and listens to the WAV file that is written meanwhile.

window_sound.py LIMEF-PLAY CLIP; skipped where Xvfb, xdotool or ffmpeg is missing."""
import array
import math
import subprocess
import sys
import unittest

from needed import need
from window import DEADLINE_S, FOLDER, Player, wait_until, xvfb

RATE = 48000
LISTEN = 4800  # frames, 0.1 s
LOUD = 0.02


def clip_of(name, *tones):
    """Pictures and an audio track for each tone; longer than a slow machine needs for all keys."""
    path = FOLDER / name
    sounds = [a for hz in tones for a in ("-f", "lavfi", "-i", f"sine={hz}:r={RATE}")]
    maps = [a for i in range(len(tones) + 1) for a in ("-map", str(i))]
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=160x120:r=5", *sounds, *maps,
                    "-t", "180", "-c:v", "mpeg4", "-c:a", "pcm_s16le", str(path)], check=True, timeout=DEADLINE_S)
    return path


class Listener:
    """Of what was recorded last."""

    def __init__(self, path):
        self.path = path

    def last(self):
        data = self.path.read_bytes()[94:] if self.path.exists() else b""
        samples = array.array("f")
        samples.frombytes(data[:len(data) // 8 * 8])
        return samples[-2 * LISTEN::2]

    def level(self, hz):
        """The amplitude of a tone; 0 before enough was recorded."""
        samples = self.last()
        if len(samples) < LISTEN:
            return 0
        return 2 * abs(sum(s * complex(math.cos(2 * math.pi * hz * i / RATE), math.sin(2 * math.pi * hz * i / RATE))
                           for i, s in enumerate(samples))) / len(samples)

    def hears(self, *tones):
        """Waits until these of 500, 1500 and 2500 Hz are heard and no others."""
        def right():
            return all((self.level(hz) > LOUD) == (hz in tones) for hz in (500, 1500, 2500))
        wait_until(right, f"{tones} is heard")

    def settled(self, hz):
        """A tone's level, the same in two looks one after the other."""
        before = [-1.0]

        def same():
            now, last = self.level(hz), before[0]
            before[0] = now
            return now > LOUD and abs(now - last) < 1e-3
        wait_until(same, f"{hz} Hz is steady")
        return before[0]


def lit(png):
    """How many pixels of a snapshot are bright: text, where the picture is black."""
    gray = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "gray", "-"], input=png,
                          check=True, capture_output=True, timeout=DEADLINE_S).stdout
    return sum(1 for value in gray if value > 180)


class Keys(unittest.TestCase):
    def test_keys_turn_sound_off_and_on_and_down_and_up_and_take_the_next_track(self):
        with xvfb() as (_, env):
            path = FOLDER / "keys.wav"
            with Player(env, "--vo=window", f"--ao=wav:{path}", clip_of("tracks.mkv", 500, 1500)) as player:
                heard = Listener(path)
                player.wait_for_pictures()
                heard.hears(500)
                natural = heard.settled(500)
                player.keys("m")
                heard.hears()
                player.keys("m")
                heard.hears(500)
                player.keys("9", "9", "9", "9")
                wait_until(lambda: LOUD < heard.level(500) < 0.9 * natural, "quieter")
                player.keys("0", "0", "0", "0", "0", "0", "0", "0")
                wait_until(lambda: heard.level(500) > 1.05 * natural, "louder")
                player.keys("a")
                heard.hears(1500)
                player.keys("a")
                heard.hears(500)
                player.keys("q")
                self.assertEqual(player.finish()[0], 0)

    def test_a_grid_is_mixed_and_a_tile_alone_is_heard_alone(self):
        with xvfb() as (_, env):
            path = FOLDER / "grid.wav"
            clips = [clip_of(f"{hz}.mkv", hz) for hz in (500, 1500, 2500)]
            with Player(env, "--vo=window", f"--ao=wav:{path}", *clips) as player:
                heard = Listener(path)
                player.wait_for_pictures()
                heard.hears(500, 1500, 2500)
                player.keys("2")
                heard.hears(1500)
                player.keys("g")
                heard.hears(500, 1500, 2500)
                player.keys("g")
                heard.hears(500)
                player.keys("q")
                status, report = player.finish()
                self.assertEqual(status, 0)
                self.assertEqual(len(report["streams"]), 3)

    def test_the_statistics_show_how_loud_it_is(self):
        with xvfb() as (_, env):
            path, clip = FOLDER / "meters.wav", FOLDER / "meters.mkv"
            subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:s=640x360:r=5", "-f", "lavfi", "-i",
                            f"anullsrc=r={RATE}:cl=mono", "-f", "lavfi", "-i", f"sine=500:r={RATE}", "-map", "0", "-map",
                            "1", "-map", "2", "-t", "180", "-c:v", "mpeg4", "-c:a", "pcm_s16le", str(clip)], check=True,
                           timeout=DEADLINE_S)
            with Player(env, "--vo=window", f"--ao=wav:{path}", clip) as player:
                player.wait_for_pictures()
                self.assertEqual(lit(player.snapshot()), 0)
                player.keys("i")
                silent = wait_until(lambda: lit(player.snapshot()), "the statistics")
                player.keys("a")
                Listener(path).hears(500)
                # five of eight places for the stream and for all of it; figures that count change less
                wait_until(lambda: lit(player.snapshot()) > 1.2 * silent, f"meters, beside {silent} pixels")
                player.keys("q")
                self.assertEqual(player.finish()[0], 0)


if __name__ == "__main__":
    need("Xvfb", "xdotool", "ffmpeg")
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
