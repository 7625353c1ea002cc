#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks limef-play where it is, by SIGUSR1.

dump.py LIMEF-PLAY"""
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PLAY = sys.argv[1]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-dump-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.mp4"


class Dump(unittest.TestCase):
    def start(self, *arguments):
        self.process = subprocess.Popen(
            [PLAY, "--vo=none", "--ao=none", "--loop", *arguments, CLIP], text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(self.end)
        deadline = time.monotonic() + DEADLINE_S
        while not self.waits_for_the_signal():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return self.process

    def waits_for_the_signal(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        blocked = int(re.search("SigBlk:\t([0-9a-f]+)", status)[1], 16)
        return blocked >> (signal.SIGUSR1 - 1) & 1

    def end(self):
        self.process.kill()
        self.process.communicate()

    def ask(self, path):
        """Until it tells of a graph that runs."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            self.process.send_signal(signal.SIGUSR1)
            time.sleep(0.05)
            text = path.read_text() if path.exists() else ""
            if text.endswith("}\n") and (" -> f" in text or '"boundary": true' in text):
                return text
        raise AssertionError(f"no dump: {path}")

    def test_says_on_standard_error_where_it_is(self):
        process = self.start()
        said = ""
        process.send_signal(signal.SIGUSR1)
        for line in process.stderr:
            said += line
            if line.startswith("  filter ") and "presenter" in line:
                break
        self.assertRegex(said, r"graph 'graph' at [0-9.]+ s")
        self.assertRegex(said, r"thread 'screen' \([0-9]+, |thread 'screen': does not run")
        self.assertIn("boundary 'slot 0' (limit) -> 'screen' (presenter): ", said)

    def test_writes_json(self):
        path = FOLDER / "dump.json"
        self.start(f"--dump-file={path}")
        dump = json.loads(self.ask(path))
        self.assertFalse(dump["changing"])
        kinds = {one["kind"] for one in dump["filters"]}
        self.assertTrue({"file source", "decode", "presenter"} <= kinds, kinds)
        for edge in dump["edges"]:
            self.assertLess(max(edge["from"], edge["to"]), len(dump["filters"]))
        self.assertTrue(any(edge["boundary"] for edge in dump["edges"]))

    def test_writes_dot(self):
        path = FOLDER / "dump.dot"
        self.start(f"--dump-file={path}")
        text = self.ask(path)
        self.assertTrue(text.startswith("digraph"))
        self.assertEqual(text.count("{"), text.count("}"))


if __name__ == "__main__":
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
                    "-frames:v", "50", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset",
                    "ultrafast", CLIP], check=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
