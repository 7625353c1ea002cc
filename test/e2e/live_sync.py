#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays a camera whose flashes and beeps coincide on its own clock, but which sends its pictures or its sound
later, and looks when each flash is seen and its beep is heard.

live_sync.py AV-SYNC [SECONDS [CASE]]; by hand: nobody can tell on a machine that does much else."""
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import time

import camera
from needed import need
from sounding_camera import PACKET, RATE, SoundingCamera, SoundingSession

AV_SYNC = sys.argv[1]
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 12
PICTURES_HZ = 25
FLASH = "color=black:s=160x120:r=25,geq=lum=if(lt(mod(N\\,25)\\,1)\\,235\\,16):cb=128:cr=128"
NTP_OF_1970 = 2208988800
CASES = (("nothing late", {}),
         ("pictures 250 ms late, no reports", {"late_s": (0.25, 0), "reports": False}),
         ("pictures 250 ms late", {"late_s": (0.25, 0)}),
         ("pictures 250 ms late, reports from 2 s on", {"late_s": (0.25, 0), "reports_from_s": 2}),
         ("sound 250 ms late, no reports", {"late_s": (0, 0.25), "reports": False}),
         ("sound 250 ms late", {"late_s": (0, 0.25)}),
         ("sound 250 ms late, reports an hour off", {"late_s": (0, 0.25), "wrong_s": 3600}))


class _Session(SoundingSession):
    def stream(self):
        self.begun_s = time.monotonic() + 0.1
        sound = threading.Thread(target=self.talk, daemon=True)
        sound.start()
        try:
            self.show()
            sound.join()
        except OSError:
            pass
        self.over.set()
        self.connection.close()

    def wait(self, captured_s, which):
        self.over.wait(max(0, self.begun_s + captured_s + self.camera.late_s[which] - time.monotonic()))

    def report(self, captured_s, which, ssrc, timestamp):
        if not self.camera.reports or captured_s < self.camera.reports_from_s:
            return
        wall_s = 1600000000 + captured_s + (self.camera.wrong_s if which else 0)
        self.send_packet(struct.pack(">BBHIIIIII", 0x80, 200, 6, ssrc, int(wall_s) + NTP_OF_1970,
                                     int(wall_s % 1 * 2**32), timestamp, 0, 0), 2 * which + 1)

    def show(self):
        for n in range(SECONDS * PICTURES_HZ):
            self.wait(n / PICTURES_HZ, 0)
            if self.over.is_set():
                return
            timestamp = (4294960000 + n * camera.CLOCK_HZ // PICTURES_HZ) % 2**32
            if n % PICTURES_HZ == 0:
                self.report(n / PICTURES_HZ, 0, 7, timestamp)
            self.send_unit(self.camera.units[n % len(self.camera.units)], timestamp)

    def talk(self):
        beep = struct.pack(f">{PACKET}h", *(round(16000 * math.sin(2 * math.pi * i / 48)) for i in range(PACKET)))
        try:
            for n in range(SECONDS * 100):
                self.wait((n + 1) / 100, 1)  # when the last of its samples was
                if self.over.is_set():
                    return
                timestamp = 77 + n * PACKET
                if n % 100 == 0:
                    self.report(n / 100, 1, 9, timestamp)
                self.send_packet(struct.pack(">BBHII", 0x80, 97, n % 65536, timestamp, 9)
                                 + (beep if n % 100 < 4 else bytes(2 * PACKET)), 2)
        except OSError:
            pass


class Flashing(SoundingCamera):
    """Sounds beeps."""
    Session = _Session

    def __init__(self, stream):
        super().__init__(stream, PICTURES_HZ)
        self.late_s = (0.0, 0.0)  # pictures, sound: sent so much after they were captured
        self.reports = True
        self.reports_from_s = 0   # of play
        self.wrong_s = 0          # the sound's reports


def play(folder, clip, name, settings):
    source = Flashing(clip)
    for key, value in settings.items():
        setattr(source, key, value)
    try:
        done = subprocess.run([AV_SYNC, source.url(), folder / "out.wav"], capture_output=True, text=True,
                              timeout=60 + SECONDS)
    finally:
        source.close()
    found = json.loads(done.stdout)
    late = " ".join(f"{ms:.0f}" for ms in found["late_ms"])
    print(f"{name}: {found['sync']}, skew {found['skew_us'] / 1000:.0f} ms, corrected "
          f"{found['corrected_us'] / 1000:.0f} ms; flashes are later than beeps by {late} ms", flush=True)


def main():
    with tempfile.TemporaryDirectory(prefix="limef-live-sync-") as name:
        folder = pathlib.Path(name)
        clip = folder / "clip.h264"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", FLASH, "-t", "1", "-c:v", "libx264", "-preset",
                        "ultrafast", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p", "-bsf:v",
                        "h264_metadata=aud=insert", "-f", "h264", clip], check=True)
        cases = [CASES[int(sys.argv[3])]] if len(sys.argv) > 3 else CASES
        for case, settings in cases:
            play(folder, clip.read_bytes(), case, settings)


if __name__ == "__main__":
    need("ffmpeg")
    main()
