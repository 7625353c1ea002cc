#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays cameras that are good, slow, wrong, broken and hostile with limef_rtsp_source.

rtsp.py RTSP-CLIENT CLIP"""
import hashlib
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import unittest

import together
from camera import Camera
from changing_camera import ChangingCamera
from player import datagrams_thrown_away, sums_of, times_of

CLIENT, SOURCE = sys.argv[1:3]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-rtsp-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.h264"
SECRET = "s3cr3t"
GOP = 25
STOP_US = 2000000


def sums_of_clip(path):
    sums = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "framemd5", "-"], check=True,
                          capture_output=True, text=True).stdout
    return [line.split(",")[-1].strip() for line in sums.splitlines() if not line.startswith("#")]


def make_clip():
    subprocess.run(["ffmpeg", "-v", "error", "-i", SOURCE, "-an", "-frames:v", "100",
                    "-vf", "scale=320:-2", "-c:v", "libx264", "-preset", "ultrafast", "-g", str(GOP),
                    "-bf", "0", "-qp", "18", "-bsf:v", "h264_metadata=aud=insert", "-f", "h264",
                    CLIP], check=True)
    return sums_of_clip(CLIP)


class Result:
    def __init__(self, output, errors):
        self.output, self.errors = output, errors
        self.states = [line.split(" ", 1)[1] for line in output.splitlines()
                       if line.startswith("state ")]
        self.counters = {key: int(value) for line in output.splitlines()
                         if line.startswith("counters ")
                         for key, value in (word.split("=") for word in line.split()[1:])}
        self.stopped_us = int(output.split("stopped ")[1])

    def has(self, name):
        return any(state.startswith(name + " ") for state in self.states)


def play(url, *arguments):
    done = subprocess.run([CLIENT, url, *arguments], capture_output=True, text=True,
                          errors="replace", timeout=DEADLINE_S)
    assert done.returncode == 0, done
    return Result(done.stdout, done.stderr)


class Rtsp(unittest.TestCase):
    def setUp(self):
        self.camera = Camera(CLIP.read_bytes())
        self.camera.speed = 4
        self.sums = pathlib.Path(tempfile.mkdtemp(dir=FOLDER)) / "sums"

    def tearDown(self):
        self.camera.close()

    def play_once(self, url, *arguments):
        """Again where the system itself threw datagrams away: nobody read them in time. What is shown, and more."""
        for _ in range(5):
            n_thrown_away = datagrams_thrown_away()
            result = play(url, "once=1", f"md5={self.sums}", *arguments)
            if datagrams_thrown_away() == n_thrown_away:
                break
        return sums_of(self.sums), result

    def assert_every_frame(self, url, *arguments):
        shown, result = self.play_once(url, *arguments)
        self.assertEqual(shown, SUMS, result.output)
        return result

    def test_every_frame_comes_by_tcp(self):
        result = self.assert_every_frame(self.camera.url(), "transport=tcp")
        self.assertEqual(result.counters["lost"], 0)

    def test_every_frame_comes_by_udp(self):
        self.assert_every_frame(self.camera.url(), "transport=udp")

    def test_every_frame_comes_out_of_order_and_twice(self):
        self.camera.reorder, self.camera.duplicates = 0.1, 0.1
        result = self.assert_every_frame(self.camera.url(), "transport=udp")
        self.assertGreater(result.counters["duplicates"], 10)

    def test_every_frame_comes_that_was_sent_in_another_order_than_it_is_decoded_in(self):
        self.camera.interleaved = True
        for transport in ("tcp", "udp"):
            with self.subTest(transport):
                self.assert_every_frame(self.camera.url(), f"transport={transport}")

    def test_every_frame_comes_of_a_camera_that_speaks_rtsp_2_alone(self):
        self.camera.version = 2
        self.camera.password, self.camera.algorithm = ("admin", SECRET), "SHA-256"
        for transport in ("tcp", "udp"):
            with self.subTest(transport):
                result = self.assert_every_frame(self.camera.url(f"admin:{SECRET}@"),
                                                 f"transport={transport}")
                self.assertIn("it ended its streams", result.output)
                self.assertEqual(result.counters["connects"], 2)

    def test_every_frame_comes_of_a_camera_that_changes_its_payload_type(self):
        other = FOLDER / "clip.h265"
        made = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", CLIP, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
             "keyint=25:min-keyint=25:scenecut=0:open-gop=0:bframes=0:aud=1:repeat-headers=1:log-level=none",
             "-f", "hevc", other], capture_output=True)
        if made.returncode:
            self.skipTest("no encoder of H.265")
        sums = sums_of_clip(other)
        self.camera.close()
        self.camera = ChangingCamera(CLIP.read_bytes(), other.read_bytes(), GOP)
        self.camera.speed = 2
        for transport in ("tcp", "udp"):
            with self.subTest(transport):
                shown, result = self.play_once(self.camera.url(), f"transport={transport}")
                self.assertEqual(shown, [(SUMS, sums)[i // GOP % 2][i] for i in range(len(SUMS))], result.output)
                self.assertEqual(result.counters["formats"], 3)
                times = times_of(self.sums)
                self.assertEqual(times, sorted(times))

    def test_no_damaged_frame_is_shown_after_a_loss(self):
        self.assert_no_damage()

    def test_no_damaged_frame_is_shown_after_a_loss_of_what_is_out_of_order(self):
        self.camera.interleaved = True
        self.assert_no_damage()

    def assert_no_damage(self):
        self.camera.loss = 0.01
        shown, result = self.play_once(self.camera.url(), "transport=udp")
        self.assertGreater(result.counters["lost"], 0)
        self.assertGreater(len(shown), 10)
        self.assertEqual([s for s in shown if s not in SUMS], [])

    def test_damage_is_shown_after_a_loss_if_that_is_asked_for(self):
        self.camera.loss = 0.01
        shown, result = self.play_once(self.camera.url(), "transport=udp", "damage=1")
        self.assertGreater(result.counters["lost"], 0)
        self.assertGreater(len([s for s in shown if s not in SUMS]), 0)
        self.assertGreater(len(shown), 80)

    def test_a_consumer_that_stalled_goes_on_at_a_key_frame_in_time(self):
        self.camera.speed, self.camera.loops = 1, True
        result = play(self.camera.url(), "transport=tcp", "latency_ms=300", "stall_at=20",
                      "stall_ms=1500", "seconds=5", f"md5={self.sums}")
        counters = dict(re.findall(r"(\w+)=(\d+)", result.output.split("latency ")[1]))
        self.assertGreater(int(counters["dropped"]), 10, result.output)
        self.assertIn("ms late: dropped", result.errors)
        shown = sums_of(self.sums)
        self.assertGreater(len(shown), 21)
        self.assertEqual([s for s in shown if s not in SUMS], [])

    def test_passwords_are_sent_in_every_way(self):
        self.camera.password = ("admin", SECRET)
        for algorithm in (None, "MD5", "SHA-256"):
            self.camera.algorithm = algorithm
            with self.subTest(algorithm=algorithm):
                result = play(self.camera.url(f"admin:{SECRET}@"), "until=playing")
                self.assertTrue(result.has("playing"), result.output)
                self.assertNotIn(SECRET, result.output + result.errors)

    def test_takes_a_login_apart_from_the_url(self):
        password = SECRET + "/@ %"
        self.camera.password = ("admin", password)
        for url, *arguments in ((self.camera.url(), "user=admin", f"password={password}"),
                                (self.camera.url("admin@"), f"password={password}"),
                                (self.camera.url("other:wrong@"), "user=admin",
                                 f"password={password}")):
            with self.subTest(url):
                result = play(url, *arguments, "until=playing")
                self.assertTrue(result.has("playing"))
                self.assertNotIn(SECRET, result.output + result.errors)

    def test_a_wrong_password_is_said_and_not_tried_again(self):
        self.camera.password, self.camera.algorithm = ("admin", "other"), "MD5"
        result = play(self.camera.url(f"admin:{SECRET}@"), "seconds=3")
        self.assertTrue(result.has("refused"), result.output)
        self.assertEqual(result.counters["connects"], 1)
        self.assertNotIn(SECRET, result.output + result.errors)
        self.assertNotIn(SECRET, "".join(self.camera.requests))

    def test_folded_headers_and_data_before_answers_do_no_harm(self):
        self.camera.fold = True
        self.camera.before = b"$\2\0\3abc\r\n$\5\0\0"
        self.assert_every_frame(self.camera.url(), "transport=tcp")

    def test_a_refused_transport_is_changed(self):
        self.camera.refused = ("tcp",)
        result = self.assert_every_frame(self.camera.url())
        self.assertEqual(result.counters["udp"], 1)

    def test_a_redirection_is_followed_and_a_circle_is_not(self):
        other = Camera(CLIP.read_bytes())
        other.answers["DESCRIBE"] = (f"RTSP/1.0 302 Found\r\nCSeq: 1\r\nLocation: "
                                     f"{self.camera.url()}\r\n\r\n").encode()
        self.assertTrue(play(other.url(), "until=playing").has("playing"))
        other.answers["DESCRIBE"] = (f"RTSP/1.0 302 Found\r\nLocation: {other.url()}\r\n\r\n"
                                     ).encode()
        self.assertTrue(play(other.url(), "until=not supported").has("not supported"))
        other.close()

    def test_says_what_is_wrong(self):
        for answer, state in ((b"RTSP/1.0 404 Not Found\r\n\r\n", "not found"),
                              (b"RTSP/1.0 403 Forbidden\r\n\r\n", "refused"),
                              (b"RTSP/1.0 501 No\r\n\r\n", "not supported"),
                              (b"RTSP/1.0 503 Busy\r\n\r\n", "waiting"),
                              (b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                               "not supported")):
            with self.subTest(answer=answer):
                self.camera.answers["DESCRIBE"] = answer
                result = play(self.camera.url(), f"until={state}", "seconds=10")
                self.assertTrue(result.has(state), result.output)

    def test_nothing_that_can_be_used_is_said(self):
        self.camera.sdp = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 NEW/90000\r\n"
        self.assertTrue(play(self.camera.url(), "until=not supported").has("not supported"))

    def test_silence_is_noticed_in_every_phase(self):
        for method in ("DESCRIBE", "SETUP", "PLAY"):
            with self.subTest(method=method):
                self.camera.mute = (method,)
                result = play(self.camera.url(), "timeout_ms=500", "until=lost")
                self.assertTrue(result.has("lost"), result.output)
                self.assertIn("no answer", result.output)

    def test_a_frozen_camera_is_stalled_and_then_lost(self):
        self.camera.freeze_at = 20
        result = play(self.camera.url(), "timeout_ms=1000", "until=waiting")
        order = " ".join(state.rsplit(" ")[0] for state in result.states)
        # where the machine does not get to the camera it seems to stand still before, too
        self.assertRegex(order, "^connecting playing (stalled playing )*stalled lost waiting$")

    def test_a_closed_connection_is_opened_again_and_time_goes_on(self):
        self.camera.kick_at = 30
        result = play(self.camera.url(), "playing=3", f"md5={self.sums}")
        self.assertEqual(result.counters["reconnects"], 2, result.output)
        times = times_of(self.sums)
        self.assertEqual(times, sorted(times))
        self.assertEqual([s for s in sums_of(self.sums) if s not in SUMS], [])

    def test_a_clock_that_jumps_is_repaired(self):
        self.camera.jumps = {20: 60, 50: -3600}
        result = self.assert_every_frame(self.camera.url(), "transport=tcp")
        self.assertEqual(result.counters["jumps"], 2)
        times = times_of(self.sums)
        self.assertEqual(times, sorted(times))
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 1500000)

    def test_hostile_servers_are_survived(self):
        huge = b"RTSP/1.0 200 OK\r\n" + b"X: " + b"a" * 70000
        for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01\x02\x00" * 100,
                       huge, b"RTSP/1.0 200 OK\r\nContent-Length: 4294967295\r\n\r\n",
                       b"RTSP/1.0 200 OK\r\nContent-Length: 30000\r\n\r\nv=0",
                       b"$\0\xff\xff" + b"$" * 100000, b"RTSP/1.0 200 OK\r\n" * 1000,
                       b"\0" * 200000):
            with self.subTest(answer=answer[:40]):
                self.camera.answers["DESCRIBE"] = answer
                result = play(self.camera.url(), "timeout_ms=500", "until=waiting", "seconds=10")
                self.assertTrue(result.has("lost") or result.has("not supported"), result.output)

    def test_stops_at_once_in_every_state(self):
        for mute, until in ((("DESCRIBE",), "connecting"), ((), "playing")):
            with self.subTest(until=until):
                self.camera.mute = mute
                result = play(self.camera.url(), f"until={until}")
                self.assertLess(result.stopped_us, STOP_US)
        result = play("rtsp://127.0.0.1:1/nobody", "until=waiting")
        self.assertLess(result.stopped_us, STOP_US)

    def test_takes_leave_of_the_camera(self):
        play(self.camera.url(), "until=playing")
        self.assertTrue(self.camera.was_asked("TEARDOWN"))

    def test_tls_is_verified_unless_told_otherwise(self):
        key, certificate = FOLDER / "key.pem", FOLDER / "certificate.pem"
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                               key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1",
                               "-addext", "subjectAltName=IP:127.0.0.1"], capture_output=True)
        if made.returncode:
            self.skipTest("no openssl")
        self.camera.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.camera.tls.load_cert_chain(certificate, key)
        der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
        right = hashlib.sha256(der).hexdigest()
        for argument, state in ((None, "refused"), (f"ca={certificate}", "playing"),
                                (f"fingerprint={right}", "playing"),
                                (f"fingerprint={'0' * 64}", "refused"),
                                ("unverified=1", "playing")):
            with self.subTest(argument=argument):
                result = play(self.camera.url(), *([argument] if argument else []),
                              f"until={state}", "seconds=10")
                self.assertTrue(result.has(state), result.output + result.errors)
        self.assert_every_frame(self.camera.url(), f"ca={certificate}")


if __name__ == "__main__":
    SUMS = make_clip()
    sys.exit(not together.main([]))
