#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs limef-play as a person or a script would, and holds it to what its manual promises.

play.py LIMEF-PLAY FOLDER [CLASS...], FOLDER of clip.mp4 and clip.mkv, with LIMEF_TEST_MEDIA for more clips."""
import gzip
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from watch import without_watch

PLAY, CLIPS = sys.argv[1], pathlib.Path(sys.argv[2])
MEDIA = os.environ.get("LIMEF_TEST_MEDIA")
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-e2e-")
FOLDER = pathlib.Path(TEMP.name)
CLIP, STREAMED = CLIPS / "clip.mp4", CLIPS / "clip.mkv"
CLIP_FRAMES = 250
NO_DISPLAY = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}


def play(*arguments, stdin=None, env=None):
    """Runs to the end; returns status, output and errors."""
    done = subprocess.run([PLAY, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          errors="replace", timeout=DEADLINE_S, env=env or NO_DISPLAY)
    return done.returncode, done.stdout, without_watch(done.stderr)


def report_of(output):
    return json.loads(output.splitlines()[-1])


class Command(unittest.TestCase):
    def assert_one_line(self, errors):
        self.assertEqual(len(errors.strip().splitlines()), 1, errors)

    def test_plays_every_frame_and_reports_what_it_did(self):
        status, output, _ = play("--vo=none", "--untimed", "--report=json", CLIP)
        self.assertEqual(status, 0)
        report = report_of(output)
        for key in ("version", "wall_s", "cpu_s", "max_rss_bytes", "threads", "first_frame_ms",
                    "streams", "copied_bytes", "copies", "allocations_per_frame", "boundaries",
                    "plan_changes"):
            self.assertIn(key, report)
        stream = report["streams"][0]
        for key in ("slot", "url", "state", "codec", "width", "height", "frames_in",
                    "frames_decoded", "frames_shown", "frames_dropped", "reconnects", "last_error",
                    "latency_ms"):
            self.assertIn(key, stream)
        self.assertEqual(stream["frames_shown"], CLIP_FRAMES)
        self.assertEqual(stream["state"], "ended")
        self.assertEqual(sum(stream["frames_dropped"].values()), 0)
        for boundary in report["boundaries"]:
            for key in ("from", "to", "depth", "max_used", "writes", "drops", "wait_us"):
                self.assertIn(key, boundary)
            self.assertEqual(boundary["drops"], 0)

    def test_copies_nothing_between_demuxer_and_presenter(self):
        _, output, _ = play("--vo=none", "--untimed", "--report=json", CLIP)
        report = report_of(output)
        self.assertEqual(report["copied_bytes"], 0)
        self.assertEqual(report["copies"], [])

    def test_a_picture_that_takes_long_to_draw_is_no_failure(self):
        status, _, errors = play("--vo=offscreen", "--untimed", "--frames=1", "--size=8192x8192",
                                 CLIP)
        if status == 7:
            self.skipTest("no EGL, or not so large")
        self.assertEqual((status, errors), (0, ""))

    def test_explains_how_pictures_get_to_the_screen(self):
        _, output, _ = play("--vo=none", "--untimed", "--explain", "--report=json", CLIP)
        self.assertIn("slot 0, from the decoder to the screen: nothing is moved", output)
        _, output, _ = play("--vo=offscreen", "--untimed", "--explain", "--upload=plain", CLIP)
        if "from the decoder" in output:  # there may be no EGL
            said = re.search(r"copied by upload \(nobody asked for memory that the GPU reads\); "
                             r"([0-9]+) bytes copied so far", output)
            self.assertTrue(said, output)
            self.assertGreater(int(said[1]), 0)
            self.assertEqual(int(said[1]) % (640 * 360 * 3 // 2), 0)  # whole pictures

    def allocations_in_steady_state(self, n_threads):
        """Per frame, of some runs the least: where the machine has other work a boundary may be
        made deeper, or be fuller than ever, after the first frames, and a pool grow with it."""
        seen = []
        while len(seen) < 10 and 0 not in seen:
            _, output, _ = play("--vo=none", "--untimed", "--loop=3", "--report=json",
                                f"--decode-threads={n_threads}", CLIP)
            seen.append(report_of(output)["allocations_per_frame"])
        return min(seen)

    def test_allocates_nothing_per_frame_in_steady_state(self):
        for n_threads in (1, 2):
            self.assertEqual(self.allocations_in_steady_state(n_threads), 0, n_threads)

    def test_pictures_in_memory_of_the_gpu_cost_a_reference_each(self):
        """libavcodec frees the reference that it is given to a buffer, so each picture has its
        own; there is no other allocation, and it is not hidden."""
        _, output, _ = play("--vo=offscreen", "--untimed", "--upload=direct", "--loop=3",
                            "--report=json", "--decode-threads=1", CLIP)
        report = report_of(output)
        if not report["streams"][0]["direct_bytes"]:
            self.skipTest("no memory that the GPU reads")
        self.assertGreater(report["allocations_per_frame"], 0.5)
        self.assertLess(report["allocations_per_frame"], 1.1)

    def test_every_plan_shows_the_same_frames(self):
        sums, boundaries = [], []
        for plan in ("auto", "fused", "per-filter"):
            path = FOLDER / f"md5-{plan}"
            status, _, _ = play("--vo=none", "--untimed", f"--plan={plan}", f"--framemd5={path}",
                                CLIP)
            self.assertEqual(status, 0)
            sums.append(path.read_text())
            _, output, _ = play("--vo=none", "--untimed", f"--plan={plan}", "--frames=1",
                                "--report=json", CLIP)
            boundaries.append(len(report_of(output)["boundaries"]))
        self.assertEqual(boundaries, [2, 1, 3])
        self.assertEqual(len(sums[0].splitlines()), CLIP_FRAMES)
        self.assertEqual(sums[0], sums[1])
        self.assertEqual(sums[0], sums[2])

    def test_reports_behind_the_sums_in_the_same_output(self):
        status, output, _ = play("--vo=none", "--untimed", "--report=json", "--frames=30",
                                 "--framemd5=/dev/stdout", CLIP)
        self.assertEqual(status, 0)
        self.assertEqual(len(output.splitlines()), 31)
        self.assertEqual(report_of(output)["streams"][0]["frames_shown"], 30)

    def test_plays_the_part_that_was_asked_for(self):
        for options, n_frames in ((["--frames=10"], 10), (["--duration=2"], 50),
                                  (["--start=9"], 25), (["--loop=1"], 2 * CLIP_FRAMES)):
            status, output, _ = play("--vo=none", "--untimed", "--report=json", *options, CLIP)
            self.assertEqual(status, 0, options)
            self.assertEqual(report_of(output)["streams"][0]["frames_shown"], n_frames, options)

    def test_plays_in_time_unless_told_otherwise(self):
        _, output, _ = play("--vo=none", "--duration=1", "--report=json", CLIP)
        self.assertGreaterEqual(report_of(output)["wall_s"], 0.95)

    def test_says_at_the_end_how_far_the_screen_came(self):
        status, _, errors = play("--vo=none", "--start=2", "--duration=3", "--log-level=info", CLIP)
        self.assertEqual(status, 0, errors)
        lines = [line for line in errors.splitlines() if " shown " in line]
        self.assertRegex(lines[-1], "^00:04 / 00:10  shown [0-9]+ ")

    def test_says_as_soon_as_there_is_a_picture(self):
        # in less time than is between two lines
        status, _, errors = play("--vo=offscreen", "--duration=1", "--log-level=info", CLIP)
        if status == 7:
            self.skipTest("no EGL here")
        shown = [int(n) for n in re.findall(" shown ([0-9]+) ", errors)]
        self.assertGreater(sum(n > 0 for n in shown), 1, errors)

    def test_renders_offscreen_and_leaves_a_picture(self):
        path = FOLDER / "snapshot.png"
        status, output, errors = play("--untimed", "--frames=5", "--size=320x180", "--report=json",
                                      f"--snapshot={path}", CLIP)
        if status == 7:
            self.skipTest("no EGL here")
        self.assertEqual(status, 0, errors)
        self.assertIn("offscreen", errors)
        header = path.read_bytes()[:24]
        self.assertEqual(header[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", header[16:]), (320, 180))
        report = report_of(output)
        # the clip is larger: where the CPU renders it may make it smaller, and counts that
        self.assertIn([(copy["at"], copy["why"]) for copy in report["copies"]],
                      ([], [("presenter", "made as small as it is shown by the CPU")]))
        self.assertEqual(report["copied_bytes"], sum(copy["bytes"] for copy in report["copies"]))
        self.assertEqual("copied" in report["streams"][0]["to_screen"], bool(report["copies"]))

    def test_decodes_into_memory_that_the_gpu_reads_without_a_difference(self):
        bytes_of, seen = {}, {}
        for upload in ("plain", "direct"):
            picture, sums = FOLDER / f"{upload}.png", FOLDER / f"{upload}.md5"
            status, output, errors = play("--vo=offscreen", "--untimed", "--frames=50",
                                          f"--upload={upload}", f"--snapshot={picture}",
                                          f"--framemd5={sums}", "--report=json", CLIP)
            if status == 7:
                self.skipTest("no EGL here")
            self.assertEqual(status, 0, errors)
            self.assertNotIn("still in use", errors)
            report = report_of(output)
            stream = report["streams"][0]
            self.assertEqual(report["copied_bytes"], 0)
            bytes_of[upload] = stream["uploaded_bytes"], stream["direct_bytes"]
            # both are moved by a library that limef calls: neither is zero-copy
            self.assertEqual(stream["copied_bytes"], sum(bytes_of[upload]) + stream["memory_bytes"])
            self.assertGreaterEqual(stream["copied_bytes"], 50 * 640 * 360 * 3 // 2)
            self.assertNotIn("zero-copy", stream["to_screen"])
            seen[upload] = picture.read_bytes(), sums.read_text()
        self.assertEqual(seen["direct"], seen["plain"])
        self.assertEqual(bytes_of["plain"][1], 0)
        self.assertEqual(sum(bytes_of["direct"]), bytes_of["plain"][0])

    def test_plays_several_side_by_side(self):
        status, output, _ = play("--vo=none", "--untimed", "--frames=20", "--report=json", CLIP,
                                 CLIP, CLIP)
        self.assertEqual(status, 0)
        self.assertEqual([s["frames_shown"] for s in report_of(output)["streams"]], [20, 20, 20])

    def test_says_in_one_line_what_cannot_be_played(self):
        empty, text, cut = FOLDER / "empty.mp4", FOLDER / "text.mp4", FOLDER / "cut.mp4"
        empty.touch()
        text.write_text("this is not a video\n" * 100)
        cut.write_bytes(CLIP.read_bytes()[: 3000])
        for path in (FOLDER / "missing.mp4", empty, text, cut, FOLDER):
            status, output, errors = play("--vo=none", "--untimed", "--report=json", path)
            self.assertEqual(status, 2, path)
            self.assert_one_line(errors)
            self.assertIn(str(path), errors)
            self.assertEqual(report_of(output)["streams"][0]["state"], "failed")

    def test_says_why_nothing_was_shown(self):
        index, cut, data = FOLDER / "index.mp4", FOLDER / "first_bytes.mp4", CLIP.read_bytes()
        media = data.index(b"mdat") + 4
        index.write_bytes(data[:media])
        for arguments in ([index], ["--start=500", CLIP]):
            status, output, errors = play("--vo=none", "--untimed", "--report=json", *arguments)
            self.assertEqual(status, 2, arguments)
            self.assert_one_line(errors)
            self.assertNotEqual(report_of(output)["streams"][0]["last_error"], "")
        cut.write_bytes(data[:media + 3000])  # a part of the first picture, which may be told, too
        status, _, errors = play("--vo=none", "--untimed", cut)
        self.assertEqual(status, 2)
        self.assertEqual(len(re.findall("error: .*no picture could be decoded", errors)), 1, errors)

    def test_fails_when_it_cannot_write_what_was_asked_for(self):
        for option in ("--framemd5=/dev/full", f"--framemd5={FOLDER}/no/md5",
                       f"--dot={FOLDER}/no/plan.dot", f"--snapshot={FOLDER}/no/picture.png"):
            status, _, errors = play("--vo=none" if "snapshot" not in option else "--vo=offscreen",
                                     "--untimed", "--frames=30", option, CLIP)
            self.assertEqual(status, 1, option)
            self.assertIn("cannot write", errors)
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PLAY, "--vo=none", "--untimed", "--frames=3", "--report=json",
                                   str(CLIP)], stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assert_one_line(done.stderr)

    def test_says_that_nobody_reads_its_output(self):
        read_end, nobody = os.pipe()
        os.close(read_end)
        with open("/dev/full", "w", encoding="ascii") as full, open(nobody, "w") as pipe:
            for options in (["--help"], ["--version"], ["--explain", "--vo=none", str(CLIP)]):
                for stdout, closed in ((full, False), (pipe, False), (None, True)):
                    done = subprocess.run([PLAY, *options], stdout=stdout, stderr=subprocess.PIPE,
                                          preexec_fn=(lambda: os.close(1)) if closed else None,
                                          text=True, timeout=DEADLINE_S, check=False)
                    self.assertEqual(done.returncode, 1, (options, stdout))
                    self.assert_one_line(done.stderr)
                    self.assertIn("cannot write", done.stderr)

    def test_masks_passwords_that_a_playlist_names(self):
        playlist = FOLDER / "list.m3u8"
        playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
                            "http://user:sesame@127.0.0.1:9/seg.ts?password=hunter2\n"
                            "#EXT-X-ENDLIST\n")
        _, output, errors = play("--vo=none", "--timeout=2", "--log-level=debug", playlist)
        self.assertNotIn("sesame", output + errors)
        self.assertNotIn("hunter2", output + errors)

    def test_plays_the_others_when_one_fails(self):
        status, output, errors = play("--vo=none", "--untimed", "--report=json", "--frames=5",
                                      FOLDER / "missing.mp4", CLIP)
        self.assertEqual(status, 3)
        self.assert_one_line(errors)
        self.assertEqual(report_of(output)["streams"][1]["frames_shown"], 5)

    def test_ends_when_more_inputs_end_at_once_than_its_queue_holds(self):
        status, _, errors = play("--vo=none", *[FOLDER / f"missing{i}" for i in range(256)])
        self.assertEqual(status, 2)
        self.assertEqual(sum("No such file" in line for line in errors.splitlines()), 256)

    def test_plays_what_remains_of_a_damaged_file(self):
        data = bytearray(CLIP.read_bytes())
        for i in range(len(data) // 3, len(data) * 2 // 3, 997):
            data[i] ^= 0x5a
        damaged = FOLDER / "damaged.mp4"
        damaged.write_bytes(data)
        status, output, _ = play("--vo=none", "--untimed", "--report=json", damaged)
        self.assertIn(status, (0, 2, 3))
        report_of(output)

    def test_does_not_repeat_for_ever_what_gives_no_picture(self):
        damaged, data = FOLDER / "no_picture.mp4", bytearray(CLIP.read_bytes())
        media = data.index(b"mdat")
        size = struct.unpack(">I", data[media - 4: media])[0] - 8
        data[media + 4: media + 4 + size] = b"\xff" * size
        damaged.write_bytes(data)
        clips = [damaged]
        if MEDIA and pathlib.Path(MEDIA, "bad_invalid_bitstream.webm").exists():
            clips.append(pathlib.Path(MEDIA, "bad_invalid_bitstream.webm"))
        for clip in clips:
            status, output, errors = play("--vo=none", "--loop", "--report=json", clip)
            self.assertEqual(status, 2, errors)
            self.assertEqual(report_of(output)["streams"][0]["state"], "failed")
            self.assertIn("no picture could be decoded", errors)

    def test_refuses_wrong_usage(self):
        for arguments in ([], ["--nonsense", CLIP], ["--vo=paper", CLIP], ["--frames=-3", CLIP]):
            status, output, errors = play(*arguments)
            self.assertEqual(status, 1)
            self.assertEqual(output, "")
            self.assert_one_line(errors)

    def test_says_that_an_output_is_not_available(self):
        for option in ("--vo=window", "--vo=kms", "--ao=alsa"):
            status, _, errors = play(option, CLIP)
            self.assertEqual(status, 7, option)
            self.assert_one_line(errors)

    def test_help_and_version(self):
        self.assertEqual(play("--version")[0], 0)
        status, output, _ = play("--help")
        self.assertEqual(status, 0)
        self.assertLessEqual(len(output.splitlines()), 40)

    def test_reads_urls_from_standard_input(self):
        status, output, _ = play("--vo=none", "--untimed", "--frames=3", "--report=json", "-",
                                 stdin=f"# list\n{CLIP}\n\n{CLIP}\n")
        self.assertEqual(status, 0)
        self.assertEqual(len(report_of(output)["streams"]), 2)

    def test_explains_its_plan(self):
        dot = FOLDER / "plan.dot"
        status, output, _ = play("--vo=none", "--untimed", "--frames=1", "--explain", f"--dot={dot}",
                                 CLIP)
        self.assertEqual(status, 0)
        self.assertIn("file source slot 0 -> decode slot 0: cut: ", output)
        self.assertIn("decode slot 0 -> limit slot 0: fused: ", output)
        self.assertTrue(dot.read_text().startswith("digraph"))

    def test_a_signal_ends_a_set_up_that_hangs(self):
        path = FOLDER / "nobody-reads"
        os.mkfifo(path)
        for option in ("--framemd5", "--password-file"):
            process = subprocess.Popen([PLAY, "--vo=none", f"{option}={path}", str(CLIP)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            try:
                self.wait_asleep(process)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(DEADLINE_S), 4)
            finally:
                process.kill()

    def wait_asleep(self, process):
        """Until it waits for something, with its handlers in place."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
            status = dict(line.split(":", 1) for line in lines)
            handles = int(status["SigCgt"], 16) >> (signal.SIGALRM - 1) & 1
            if handles and status["State"].split()[0] == "S":
                return
            self.assertLess(time.monotonic(), deadline)

    def test_ends_by_signal_at_once(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen([PLAY, "--vo=none", "--loop", "--explain", "--report=json",
                                   str(CLIP)], text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                process.stdout.readline()
                process.send_signal(number)
                output, _ = process.communicate(timeout=DEADLINE_S)
                self.assertEqual(process.returncode, 4)
                self.assertEqual(len(report_of(output)["streams"]), 1)

    def test_never_shows_a_password(self):
        url = "rtsp://user:sesame@127.0.0.1:9/stream"
        status, output, errors = play("--vo=none", "--report=json", "--explain", "--timeout=2",
                                      "--log-level=info", url)
        self.assertEqual(status, 2)
        self.assertNotIn("sesame", output + errors)
        self.assertNotIn("user", output + errors)

    def test_gives_up_on_a_server_that_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"rtsp://127.0.0.1:{server.getsockname()[1]}/silent"
            status, _, errors = play("--vo=none", "--timeout=1", "--log-level=error", url)
        self.assertEqual(status, 2)
        self.assert_one_line(errors)

    def test_is_interrupted_while_a_server_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"rtsp://127.0.0.1:{server.getsockname()[1]}/silent"
            with subprocess.Popen([PLAY, "--vo=none", "--timeout=1000", url], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                connection, _ = server.accept()
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=DEADLINE_S)
                connection.close()
                self.assertEqual(process.returncode, 4)

    def test_gives_up_on_a_pipe_that_gives_nothing(self):
        pipe = FOLDER / "pipe"
        os.mkfifo(pipe)
        holder = os.open(pipe, os.O_RDWR)
        try:
            status, _, errors = play("--vo=none", "--timeout=1", pipe)
        finally:
            os.close(holder)
        self.assertEqual(status, 2)
        self.assert_one_line(errors)

    def test_plays_over_http(self):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=CLIPS)

            def log_message(self, *arguments):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            url = f"http://127.0.0.1:{server.server_address[1]}/{CLIP.name}"
            status, output, _ = play("--vo=none", "--untimed", "--report=json", url)
            server.shutdown()
            thread.join()
        self.assertEqual(status, 0)
        self.assertEqual(report_of(output)["streams"][0]["frames_shown"], CLIP_FRAMES)


    def test_a_file_that_is_only_half_there_is_said(self):
        half, data = FOLDER / "half.mkv", STREAMED.read_bytes()
        half.write_bytes(data[:len(data) // 2])
        status, _, errors = play("--vo=none", "--untimed", half)
        self.assertEqual(status, 0, errors)
        self.assertRegex(errors, r"half.mkv: .*ends \d.\d s too early")
        status, _, errors = play("--vo=none", "--untimed", STREAMED)
        self.assertEqual((status, errors), (0, ""))

    def test_a_dot_file_that_cannot_be_written_again_is_a_failure(self):
        path, shown = FOLDER / "again.dot", ["--vo=none", "--report=json", CLIP]
        with subprocess.Popen([PLAY, f"--dot={path}", *map(str, shown)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=NO_DISPLAY) as player:
            deadline = time.monotonic() + DEADLINE_S
            while not path.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            path.unlink()
            path.mkdir()
            output, errors = player.communicate(timeout=DEADLINE_S)
        if not report_of(output)["plan_changes"]:
            self.skipTest("the plan did not change")
        self.assertEqual(player.returncode, 1, errors)
        self.assertIn(f"cannot write {path}", errors)

    def assert_broke_off(self, status, output, errors):
        self.assertEqual(status, 3, errors)
        stream = report_of(output)["streams"][0]
        self.assertEqual(stream["state"], "broken off")
        self.assertNotEqual(stream["last_error"], "")
        self.assertGreater(stream["frames_shown"], 0)
        self.assertLess(stream["frames_shown"], CLIP_FRAMES)
        self.assertIn("error", errors)

    def serve_a_part(self, data, end):
        """Plays what a server sends that promises all and ends in the middle; end(connection)."""
        def serve(server):
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/x-matroska\r\n"
                                   b"Connection: close\r\n"
                                   b"Content-Length: %d\r\n\r\n" % len(data))
                connection.sendall(data[: len(data) * 2 // 3])
                end(connection)

        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=serve, args=(server,))
            thread.start()
            done = play("--vo=none", "--untimed", "--timeout=1", "--report=json",
                        f"http://127.0.0.1:{server.getsockname()[1]}/clip.mkv")
            self.done.set()
            thread.join()
        return done

    def test_tells_an_input_that_breaks_off_from_a_whole_one(self):
        data = STREAMED.read_bytes()
        self.done = threading.Event()
        linger = struct.pack("ii", 1, 0)
        for end in (lambda connection: None,
                    lambda connection: connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                             linger),
                    lambda connection: self.done.wait(DEADLINE_S)):
            self.done.clear()
            self.assert_broke_off(*self.serve_a_part(data, end))

    def test_tells_a_pipe_that_falls_silent_from_one_that_ends(self):
        data, pipe = STREAMED.read_bytes(), FOLDER / "broken_pipe"
        os.mkfifo(pipe)
        holder = os.open(pipe, os.O_RDWR)
        writer = threading.Thread(target=os.write, args=(holder, data[: len(data) * 2 // 3]))
        writer.start()
        done = play("--vo=none", "--untimed", "--timeout=1", "--report=json", pipe)
        writer.join()
        os.close(holder)
        self.assert_broke_off(*done)


def expected_sums(path):
    """md5 of the first video stream's frames, in order, of an ffmpeg -f framemd5 file."""
    sums, video = [], None
    with gzip.open(path, "rt") as file:
        for line in file:
            words = line.replace("#", "").split()
            if line.startswith("#media_type") and words[2] == "video" and video is None:
                video = words[1].rstrip(":")
            if not line.startswith("#"):
                fields = [field.strip() for field in line.split(",")]
                if fields[0] == video:
                    sums.append(fields[-1])
    return sums


@unittest.skipUnless(MEDIA and os.path.isdir(MEDIA), "no folder of clips")
class Clips(unittest.TestCase):
    """Real clips: every decoded frame as ffmpeg decodes it, behind all boundaries."""

    def assert_sums(self, clip, *options):
        sums = pathlib.Path(MEDIA, "framemd5", clip.name + ".framemd5.gz")
        expected = expected_sums(sums) if sums.exists() and clip.exists() else None
        if not expected:
            return False
        with self.subTest(clip=clip.name):
            path = FOLDER / "clip.md5"
            play("--untimed", "--vid=1", f"--framemd5={path}", *options, clip)
            got = [line.split(", ")[-1] for line in path.read_text().splitlines()]
            self.assertEqual(got, expected)
        return True

    def test_frames_are_those_of_ffmpeg(self):
        clips = [pathlib.Path(MEDIA, sums.name.removesuffix(".framemd5.gz"))
                 for sums in sorted(pathlib.Path(MEDIA, "framemd5").glob("*.framemd5.gz"))]
        n_clips = sum(self.assert_sums(clip, "--vo=none", "--decode-threads=1") for clip in clips)
        self.assertGreater(n_clips, 0)

    def test_frames_in_memory_that_the_gpu_reads_are_those_of_ffmpeg(self):
        if play("--vo=offscreen", "--untimed", "--frames=1", CLIP)[0] == 7:
            self.skipTest("no EGL here")
        # another size in the middle, 10 bits, odd sizes, pictures that are changed in place
        for name in ("test_res_change.h264", "h264_10bits.mp4", "test_hevc10.mkv",
                     "bear-vp9-odd-dimensions.webm", "cam_traffic_mjpeg_g711u.avi"):
            self.assert_sums(pathlib.Path(MEDIA, name), "--vo=offscreen", "--size=64x36",
                             "--upload=direct", "--decode-threads=2")

    def test_a_stream_without_times_ends_after_its_duration(self):
        clip, path = pathlib.Path(MEDIA, "BA_MW_D.264"), FOLDER / "part.md5"
        if not clip.exists():
            self.skipTest("no elementary stream")
        play("--vo=none", "--untimed", "--duration=1", f"--framemd5={path}", clip)
        self.assertEqual(len(path.read_text().splitlines()), 25)

    def test_clips_without_sums_end_without_a_crash(self):
        for clip in sorted(pathlib.Path(MEDIA).iterdir()):
            if not clip.is_file() or clip.suffix == ".md" or clip.suffix == ".md5":
                continue
            if pathlib.Path(MEDIA, "framemd5", clip.name + ".framemd5.gz").exists():
                continue
            with self.subTest(clip=clip.name):
                status, output, _ = play("--vo=none", "--untimed", "--report=json", clip)
                self.assertIn(status, (0, 2))
                report_of(output)


if __name__ == "__main__":
    program = unittest.main(argv=sys.argv[:1] + sys.argv[3:], exit=False, verbosity=2)
    TEMP.cleanup()
    sys.exit(not program.result.wasSuccessful())
