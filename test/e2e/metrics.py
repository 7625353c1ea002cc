#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scrapes limef-play while it plays a camera, over a unix socket and over TCP.

metrics.py LIMEF-PLAY"""
import http.client
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from camera import Camera

PLAY = sys.argv[1]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-metrics-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.h264"
CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SECRET = "s3cr3t/pass"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*"'
SAMPLE = re.compile(rf"({NAME})(?:{{((?:{LABEL})(?:,(?:{LABEL}))*)}})? (\S+)")
SUFFIXES = {"counter": "_total", "gauge": "", "stateset": "", "info": "_info"}


def parse(text):
    """Strictly; returns {sample name: {sorted labels: value}}."""
    assert text.endswith("# EOF\n") and text.count("# EOF\n") == 1, text[-40:]
    families, samples, family, kind = set(), {}, None, None
    for line in text[:-len("# EOF\n")].splitlines():
        if line.startswith("# "):
            word, name, rest = line[2:].split(" ", 2)
            if word == "TYPE":
                assert name not in families, f"{name} comes twice"
                family, kind = name, rest
                families.add(name)
                assert rest in SUFFIXES, line
            assert name == family and word in ("TYPE", "UNIT", "HELP"), line
            assert word != "UNIT" or name.endswith("_" + rest), line
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        assert name == family + SUFFIXES[kind], line
        labels = tuple(sorted(re.findall(LABEL, labels or "")))
        names = [label.split("=")[0] for label in labels]
        assert len(set(names)) == len(names), line
        assert kind != "stateset" or (family in names and value in ("0", "1")), line
        assert kind != "counter" or float(value) >= 0, line
        float(value)
        of_name = samples.setdefault(name, {})
        assert labels not in of_name, f"twice: {line}"
        of_name[labels] = float(value)
    return samples


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE_S)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(self.path)


class Metrics(unittest.TestCase):
    def setUp(self):
        self.camera = Camera(CLIP.read_bytes())
        self.camera.loops = True
        self.camera.password = ("admin", SECRET)
        self.addCleanup(self.camera.close)

    def start(self, where):
        url = self.camera.url("admin:s3cr3t%2Fpass@")
        self.process = subprocess.Popen(
            [PLAY, "--vo=none", "--ao=none", "--log-level=debug", f"--metrics={where}", url],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        self.addCleanup(self.end)

    def end(self):
        self.process.kill()
        self.process.communicate()

    def get(self, connection):
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.getheader("Content-Type"), CONTENT_TYPE)
            return answer.read().decode()
        finally:
            connection.close()

    def scrape(self, connect, until):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                text = self.get(connect())
            except (ConnectionError, FileNotFoundError):
                self.assertIsNone(self.process.poll())
                time.sleep(0.05)
                continue
            samples = parse(text)
            if until(samples):
                return text, samples
            time.sleep(0.05)
        raise AssertionError("it never came to that")

    def plays(self, samples):
        return sum(samples.get("limef_presenter_shown_total", {}).values()) > 5

    def test_serves_a_camera_on_a_unix_socket(self):
        path = FOLDER / "metrics.sock"
        self.start(f"unix:{path}")
        text, samples = self.scrape(lambda: UnixConnection(path), self.plays)
        camera = ('camera="slot 0"', 'graph="graph"')
        self.assertEqual(samples["limef_camera_state"][
            tuple(sorted(camera + ('limef_camera_state="playing"',)))], 1)
        self.assertEqual(sum(samples["limef_camera_state"].values()), 1)
        self.assertGreater(samples["limef_camera_received_bytes_total"][camera], 1000)
        self.assertGreater(samples["limef_camera_units_total"][camera], 5)
        self.assertLess(samples["limef_camera_unit_age_seconds"][camera], DEADLINE_S)
        for name in ("limef_decoder_frame_age_seconds", "limef_presenter_picture_age_seconds"):
            self.assertEqual(len(samples[name]), 1, name)
        self.assertEqual(samples["limef_camera_packets_dropped_total"][
            tuple(sorted(camera + ('reason="lost"',)))], 0)
        for pool in ("camera", "decoder", "boundary"):
            levels = {"made": 0, "used": 0}
            for labels, value in samples[f"limef_{pool}_pool"].items():
                levels[re.search('state="(made|used)"', ",".join(labels))[1]] += value
            self.assertGreater(levels["made"], 0, pool)
            self.assertLessEqual(levels["used"], levels["made"], pool)
        self.assertEqual(samples["limef_camera_reason"][
            tuple(sorted(camera + ('reason="none"',)))], 1)
        self.assertNotIn("s3cr3t", text)
        parsed = self.parse_by_the_reference(text)
        if parsed is not None:
            self.assertIn("limef_camera_state", parsed)

    def parse_by_the_reference(self, text):
        try:
            from prometheus_client.openmetrics.parser import text_string_to_metric_families
        except ImportError:
            return None
        return {family.name for family in text_string_to_metric_families(text)}

    def test_serves_on_a_port_of_the_loopback_alone(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.start(str(port))
        self.scrape(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S),
                    self.plays)
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            if state == "0A" and address.endswith(f":{port:04X}"):
                self.assertEqual(address.split(":")[0], "0100007F")

    def test_counts_a_reconnect(self):
        path = FOLDER / "reconnect.sock"
        self.camera.kick_at = 20
        self.start(f"unix:{path}")
        self.scrape(lambda: UnixConnection(path), lambda samples: sum(
            samples.get("limef_camera_reconnects_total", {}).values()) >= 1)


if __name__ == "__main__":
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
                    "-frames:v", "100", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset",
                    "ultrafast", "-g", "25", "-bf", "0", "-bsf:v", "h264_metadata=aud=insert", "-f",
                    "h264", CLIP], check=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
