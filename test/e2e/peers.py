#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays what another server sends, gst-rtsp-server, as a camera: every picture and all sound, and what
comes of it when it freezes, leaves out, jumps, loses, closes and dies.

peers.py RTSP-CLIENT SERVER

SERVER is limef_rtspd. Exit status 77: it is not there, or what it needs is not installed."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import together
from player import Player, datagrams_thrown_away, times_of
from rtspd import NotInstalled, Server, make_certificate

CLIENT, SERVER = sys.argv[1:3]
TEMP = tempfile.TemporaryDirectory(prefix="limef-peers-")
FOLDER = pathlib.Path(TEMP.name)
LOGIN = "user:pa55word"
ACCESS = ("user=user", "password=pa55word")
N_PICTURES = 50
# A server that ends a stream before its first report says no goodbye: the end is silence then.
PATIENCE = "timeout_ms=6000"
# What is sent: pictures and sound, and how ffmpeg makes them. Pictures of two come out of order.
CLIPS = {
    "h264_aac": ("-c:v libx264 -preset veryfast -bf 2 -g 25", "-c:a aac -ar 48000"),
    "h265_opus": ("-c:v libx265 -preset veryfast -x265-params log-level=error:keyint=25:bframes=2",
                  "-c:a libopus -ar 48000"),
    "mjpeg_pcmu": ("-c:v mjpeg -huffman default -q:v 4", "-c:a pcm_mulaw -ar 8000"),
    "h264_pcma": ("-c:v libx264 -preset veryfast -bf 0 -g 25", "-c:a pcm_alaw -ar 8000"),
}


class Clip:
    def __init__(self, name, pictures, sound):
        self.path = FOLDER / f"{name}.mkv"
        self.ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=25:duration={N_PICTURES / 25}",
                    "-f", "lavfi", "-i", f"sine=frequency=440:duration={N_PICTURES / 25}",
                    *pictures.split(), *sound.split(), self.path)
        lines = self.ffmpeg("-i", self.path, "-an", "-vsync", "passthrough", "-f", "framemd5", "-")
        self.sums = [line.split(",")[-1].strip() for line in lines.decode().splitlines()
                     if not line.startswith("#")]
        self.sound = self.ffmpeg("-i", self.path, "-map", "0:a", "-c", "copy", "-f", "data", "-")

    @staticmethod
    def ffmpeg(*arguments):
        return subprocess.run(["ffmpeg", "-v", "error", *arguments], check=True,
                              capture_output=True).stdout


def serve(*arguments):
    return Server(SERVER, *arguments, *(f"/{name}={clip.path}" for name, clip in MADE.items()))


def play(server, name, *arguments, scheme="rtsp", login=LOGIN):
    folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDER))
    player = Player(CLIENT, f"{scheme}://{login}@127.0.0.1:{server.port}/{name}", folder / "sums",
                    f"sound={folder / 'sound'}", *arguments)
    player.sound = folder / "sound"
    return player


def play_once(server, name, *arguments, **more):
    """The player and its sums; again where the system threw datagrams away that nobody read in time."""
    for _ in range(5):
        n_thrown_away = datagrams_thrown_away()
        player = play(server, name, "once=1", *arguments, **more)
        sums = player.finish()
        if datagrams_thrown_away() == n_thrown_away:
            break
    return player, sums


class EveryPicture(unittest.TestCase):
    def play_all(self, server, *arguments, n_connects=1, **more):
        def play_one(name):
            player, sums = play_once(server, name, PATIENCE, *arguments, **more)
            return name, player, sums, player.sound.read_bytes()

        with concurrent.futures.ThreadPoolExecutor(len(MADE)) as pool:
            for name, player, sums, sound in pool.map(play_one, MADE):
                with self.subTest(name):
                    self.assertEqual(sums, MADE[name].sums, player.lines)
                    self.assertEqual(sound, MADE[name].sound, player.lines)
                    self.assertEqual(player.numbers("sound")["backward"], 0)
                    self.assertEqual(player.counters["connects"], n_connects)
                    self.assertEqual(player.counters["malformed"], 0)

    def serve_once(self, *arguments):
        server = serve("passes=1", "apart=1", "speed=2", *ACCESS, *arguments)
        self.addCleanup(server.kill)
        return server

    def test_comes_by_tcp_and_so_does_all_sound(self):
        self.play_all(self.serve_once(), "transport=tcp")

    def test_comes_by_udp_and_so_does_all_sound(self):
        self.play_all(self.serve_once(), "transport=udp")

    def test_comes_in_rtsp_2_and_so_does_all_sound(self):
        for transport in ("tcp", "udp"):
            self.play_all(self.serve_once("version=2"), f"transport={transport}", n_connects=2)

    def test_comes_by_tls_and_so_does_all_sound(self):
        try:
            key, certificate = make_certificate(FOLDER)
        except FileNotFoundError:
            self.skipTest("no openssl")
        server = self.serve_once(f"certificate={certificate}", f"key={key}")
        stranger = play(server, "h264_aac", "once=1", scheme="rtsps")
        stranger.finish()
        if any(state.startswith("not supported") for state in stranger.states()):
            self.skipTest("built without TLS")
        self.assertTrue(any(state.startswith("refused") for state in stranger.states()),
                        stranger.lines)
        self.play_all(server, f"ca={certificate}", scheme="rtsps")

    def test_comes_by_the_transport_that_is_not_refused(self):
        for transport, is_udp in (("udp", 1), ("tcp", 0)):
            with self.subTest(transport):
                server = self.serve_once(f"transport={transport}")
                player, sums = play_once(server, "h264_aac")
                self.assertEqual(sums, MADE["h264_aac"].sums, player.lines)
                self.assertEqual(player.counters["udp"], is_udp)


class Faults(unittest.TestCase):
    def begin(self, names, *arguments, server=()):
        """Plays some of the clips, again and again, all from one server."""
        self.server = serve(*ACCESS, *server)
        self.addCleanup(self.server.kill)
        self.players = {name: play(self.server, name, "tell=10", *arguments) for name in names}
        for player in self.players.values():
            self.addCleanup(player.process.kill)
        self.wait_for("playing")

    def wait_for_line(self, begin):
        for player in self.players.values():
            self.assertTrue(player.wait_for_line(begin), player.lines)

    def wait_for(self, *states):
        for state in states:
            self.wait_for_line(f"state {state} ")

    def wait_for_pictures(self, n=20):
        """For so many more; a line comes every ten of them."""
        for _ in range(n // 10):
            self.wait_for_line("pictures ")

    def end(self, **counters):
        """Nothing damaged was shown, no time goes back, and so much was counted. Returns, for each
        clip, how far apart pictures are at most, in us."""
        apart = []
        for name, player in self.players.items():
            player.stop()
            shown = player.finish()
            times = times_of(player.sums)
            with self.subTest(name):
                self.assertEqual([one for one in shown if one not in MADE[name].sums], [])
                self.assertEqual(times, sorted(times))
                self.assertEqual(player.numbers("sound")["backward"], 0)
                for counter, value in counters.items():
                    self.assertEqual(player.counters[counter], value, player.lines)
            apart.append(max(b - a for a, b in zip(times, times[1:])))
        return apart

    def test_one_that_freezes_is_stalled_and_goes_on_in_the_same_connection(self):
        self.begin(CLIPS, "timeout_ms=4000")
        self.server.do("freeze 2600")
        self.wait_for("stalled", "playing")
        self.wait_for_pictures()
        self.end(connects=1)

    def test_one_that_freezes_for_long_is_lost_and_comes_back(self):
        self.begin(CLIPS, "timeout_ms=1000")
        self.server.do("freeze 2000")
        self.wait_for("stalled", "lost", "waiting", "playing")
        self.wait_for_pictures()
        self.end()

    def test_pictures_that_are_left_out_damage_none(self):
        self.begin(CLIPS, "transport=tcp")
        for n in (1, 3, 10):
            self.server.do(f"drop {n}")
            self.wait_for_pictures(30)
        self.end(connects=1, lost=0)

    def test_a_clock_that_jumps_leaves_no_hole(self):
        self.begin(CLIPS, "transport=tcp")
        for jump_ms in (60000, -60000, -120000):
            self.server.do(f"jump {jump_ms}")
            self.wait_for_pictures()
        # of pictures and of sound
        self.assertLess(max(self.end(connects=1, jumps=6, lost=0)), 2000000)
        for player in self.players.values():
            self.assertLess(player.numbers("sound")["longest_step_us"], 2000000)

    def test_packets_that_are_lost_damage_no_picture(self):
        self.begin(CLIPS, "transport=udp")
        self.server.do("loss 5")
        self.wait_for_pictures(30)
        self.server.do("loss 0")
        self.wait_for_pictures()
        self.end(connects=1)
        self.assertGreater(sum(one.counters["lost"] for one in self.players.values()), 0)

    def test_a_closed_connection_is_lost_and_opened_again(self):
        for transport in ("tcp", "udp"):
            with self.subTest(transport):
                self.begin(CLIPS, f"transport={transport}")
                self.server.do("kick")
                self.wait_for("lost", "waiting", "playing")
                self.wait_for_pictures()
                self.end(reconnects=1)

    def test_one_that_dies_is_lost_and_found_when_it_is_back(self):
        self.begin(CLIPS)
        self.server.kill()
        self.wait_for("lost", "waiting", "connecting", "lost", "waiting")
        self.server = serve(*ACCESS, f"port={self.server.port}")
        self.addCleanup(self.server.kill)
        self.wait_for("playing")
        self.wait_for_pictures()
        self.end(reconnects=1)

    def test_what_worked_is_remembered_where_a_transport_is_refused(self):
        self.begin(CLIPS, server=("transport=udp",))
        self.server.do("kick")
        self.wait_for("lost", "playing")
        self.end(connects=3, udp=1)  # TCP, UDP; UDP


class Passwords(unittest.TestCase):
    def test_a_right_one_is_taken_and_a_wrong_one_refused(self):
        for auth in ("digest", "basic"):
            server = serve(*ACCESS, f"auth={auth}")
            self.addCleanup(server.kill)
            for login, state in ((LOGIN, "playing"), ("user:other", "refused"),
                                 ("other:pa55word", "refused")):
                with self.subTest(auth=auth, login=login):
                    player = play(server, "h264_aac", f"until={state}", login=login)
                    player.finish()
                    self.assertIn(state, " ".join(player.states()))
                    self.assertEqual(player.counters["connects"], 1)
                    self.assertNotIn("pa55word", player.errors + "".join(player.lines))


if __name__ == "__main__":
    if not os.path.exists(SERVER):
        print("built without gst-rtsp-server: skipped")
        sys.exit(77)
    MADE = {name: Clip(name, *how) for name, how in CLIPS.items()}
    try:
        serve().kill()
    except NotInstalled as error:
        print(f"{error}: skipped")
        sys.exit(77)
    sys.exit(not together.main([]))
