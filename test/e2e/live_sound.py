#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays a camera with sound, whose clock is not the sound card's, with limef-play into a WAV file, and listens
to that.

live_sound.py LIMEF-PLAY [TEST...]; with LIMEF_LIVE_SOUND_S=120 in the environment each run lasts so long, and how
well the clock is followed is measured: 500 ppm are found within a minute (ctest -L '^long$')."""
import array
import contextlib
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from needed import need
from sounding_camera import PACKET, RATE, SoundingCamera, SoundingSession

PLAY = sys.argv[1]
TEMP = tempfile.TemporaryDirectory(prefix="limef-live-sound-")
FOLDER = pathlib.Path(TEMP.name)
LONG_S = float(os.environ.get("LIMEF_LIVE_SOUND_S", 0))
SECONDS = LONG_S or 3
DEADLINE_S = 60 + 2 * SECONDS
HZ = 1000
LATE_S = 0.25  # a camera that the machine kept from its clock for longer is not judged
QUIET = {k: v for k, v in os.environ.items()
         if k not in ("DISPLAY", "WAYLAND_DISPLAY", "PULSE_SERVER", "XDG_RUNTIME_DIR")}


class _TalkingSession(SoundingSession):
    def stream(self):
        sound = threading.Thread(target=self.talk, daemon=True)
        sound.start()
        try:
            self.send_units()  # until the player has gone
        except OSError:
            pass
        self.connection.close()

    def talk(self):
        with contextlib.suppress(OSError):  # a camera's clock does not wait for what else a machine does
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        period = RATE // HZ
        wave = [round(16000 * math.sin(2 * math.pi * i / period)) for i in range(period)]
        payload = struct.pack(f">{PACKET}h", *(wave * (PACKET // period)))
        begun_s, n = time.monotonic(), 0
        silent = self.camera.silent_s or (0, 0)
        try:
            while not self.over.is_set():
                if not silent[0] <= n * PACKET / RATE < silent[1]:
                    self.send_packet(struct.pack(">BBHII", 0x80, 97, n % 65536, n * PACKET, 9) + payload, 2)
                n += 1
                left_s = begun_s + n * PACKET / RATE / self.camera.speed - time.monotonic()
                self.camera.late_s = max(self.camera.late_s, -left_s)
                self.over.wait(max(0, left_s))
        except OSError:
            pass


class TalkingCamera(SoundingCamera):
    """Sounds a tone; its clock is ppm too fast, for pictures and sound."""
    Session = _TalkingSession

    def __init__(self, stream, ppm):
        super().__init__(stream)
        self.loops = True
        self.speed = 1 + ppm * 1e-6
        self.silent_s = None  # from, to: sound that is not sent, and whose time goes by
        self.late_s = 0.0  # how far it was behind its own clock, at most


def play(ppm, **settings):
    """Plays a camera; the report, with how late the camera was, and the left channel between the first sound and
    the last."""
    path = FOLDER / "out.wav"
    source = TalkingCamera(CLIP.read_bytes(), ppm)
    for name, value in settings.items():
        setattr(source, name, value)
    try:
        done = subprocess.run([PLAY, "--vo=none", f"--ao=wav:{path}", "--report=json", "--reconnect=no",
                               f"--duration={SECONDS}", source.url()],
                              capture_output=True, text=True, timeout=DEADLINE_S, env=QUIET)
    finally:
        source.close()
    samples = array.array("f")
    samples.frombytes(path.read_bytes()[94:])
    left = samples[::2]
    heard = [i for i in range(0, len(left), 48) if any(abs(s) > 0.01 for s in left[i:i + 48])]
    report = json.loads(done.stdout.splitlines()[-1]) | {"camera_late_s": source.late_s}
    return done, report, left[heard[0]:heard[-1]] if heard else left[:0]


def breaks(samples):
    """Where a tone is not one: each sample follows from the two before it."""
    twice = 2 * math.cos(2 * math.pi * HZ / RATE)
    return [i for i in range(2, len(samples)) if abs(samples[i] - twice * samples[i - 1] + samples[i - 2]) > 0.01]


def pitch(samples):
    """Between the first upward passage through zero and the last, exactly."""
    passages = [i + a / (a - b) for i, (a, b) in enumerate(zip(samples, samples[1:])) if a < 0 <= b]
    return (len(passages) - 1) * RATE / (passages[-1] - passages[0])


class LiveSound(unittest.TestCase):
    def follow(self, ppm):
        """A camera that comes and is heard without a gap; again where the machine did not keep up."""
        for _ in range(3):
            done, report, samples = play(ppm)
            self.assertEqual(done.returncode, 0, done.stderr)
            stream = report["streams"][0]
            self.assertEqual(stream["sound"]["codec"], "pcm_s16be")
            self.assertGreater(stream["frames_decoded"], 10)
            middle = samples[RATE // 2:-RATE // 2]
            if LONG_S:
                print(f"{ppm} ppm: the camera was {report['camera_late_s'] * 1e3:.0f} ms late at most", file=sys.stderr)
            if stream["sound"]["heard_s"] > SECONDS * (0.95 if LONG_S else 0.6) and (
                    report["camera_late_s"] < LATE_S if LONG_S else
                    stream["sound"]["lost"] == 0 and not breaks(middle)):
                return stream["sound"], middle
        if os.getloadavg()[0] <= os.cpu_count():
            self.fail(f"{len(breaks(middle))} breaks: {stream}")
        self.skipTest("the machine does too much else")

    def test_a_camera_s_sound_is_heard_without_a_jump_whatever_its_clock(self):
        self.follow(500)

    @unittest.skipUnless(LONG_S, "takes two minutes: LIMEF_LIVE_SOUND_S=120")
    def test_a_clock_that_is_500_ppm_slow_is_found(self):
        self.judge(-500, *self.follow(-500))

    @unittest.skipUnless(LONG_S, "takes two minutes: LIMEF_LIVE_SOUND_S=120")
    def test_a_clock_that_is_500_ppm_fast_is_found(self):
        self.judge(500, *self.follow(500))

    def judge(self, ppm, sound, samples):
        """How well the clock was found, in the last quarter; and what the machine spoilt on the way."""
        last = samples[-int(RATE * LONG_S / 4):]
        seconds = sorted(pitch(last[i:i + RATE]) for i in range(0, len(last) - RATE, RATE))
        found = (seconds[len(seconds) // 2] / HZ - 1) * 1e6
        print(f"{ppm} ppm: report {sound['drift_ppm']}, pitch {found:+.0f}, {len(breaks(samples))} breaks, "
              f"{sound['underruns']} underruns, {sound['lost']} lost", file=sys.stderr)
        # what breaks the tone was counted
        self.assertTrue(not breaks(samples) or sound["underruns"] or sound["lost"] or sound["skipped"], sound)
        self.assertAlmostEqual(found, ppm, delta=150)
        self.assertAlmostEqual(sound["drift_ppm"], ppm, delta=250)

    def test_a_gap_is_silence_and_the_picture_goes_on(self):
        done, report, samples = play(0, silent_s=(SECONDS / 3, SECONDS / 2))
        self.assertEqual(done.returncode, 0, done.stderr)
        stream = report["streams"][0]
        self.assertGreaterEqual(stream["sound"]["underruns"], 1)
        self.assertTrue(breaks(samples))  # what the other test must not find
        # what is heard is the tone or nothing: no noise, no piece of it twice
        loud = [abs(s) for s in samples]
        self.assertLess(max(loud), 0.55)
        self.assertGreater(sum(1 for i in range(0, len(samples) - 480, 480) if max(loud[i:i + 480]) < 1e-3), 5)
        self.assertGreater(stream["frames_decoded"], 20 * SECONDS * 0.6)


if __name__ == "__main__":
    need("ffmpeg")
    CLIP = FOLDER / "clip.h264"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=160x120:r=25:d=2", "-c:v", "libx264",
                    "-preset", "ultrafast", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p", "-bsf:v",
                    "h264_metadata=aud=insert", "-f", "h264", CLIP], check=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
