#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs limef-graph as a person or a script would, and holds it to what its manual promises.

graph.py LIMEF-GRAPH"""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

from watch import without_watch

GRAPH = sys.argv[1]
DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-e2e-")
FOLDER = pathlib.Path(TEMP.name)
CLIP = FOLDER / "clip.mp4"
CLIP_FRAMES = 100
NO_DISPLAY = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}


def graph(*arguments):
    """Runs to the end; returns status, output and errors."""
    done = subprocess.run([GRAPH, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=DEADLINE_S,
                          env=NO_DISPLAY)
    return done.returncode, done.stdout, without_watch(done.stderr)


def report_of(output):
    return json.loads(output.splitlines()[-1])


def pictures_in(path):
    """How many pictures a file decodes to."""
    status, output, errors = graph("--report=json", f"file:{path} pace=fastest ! decode ! null")
    assert status == 0, errors
    return report_of(output)["frames"]


class Plan(unittest.TestCase):
    def explain(self, *arguments):
        status, output, errors = graph("--explain", *arguments)
        self.assertEqual(status, 0, errors)
        return output

    def link(self, plan, link):
        lines = [line for line in plan.splitlines() if line.startswith(link + ": ")]
        self.assertEqual(len(lines), 1, plan)
        return lines[0]

    def test_what_must_be_cut_is_cut_and_says_why(self):
        plan = self.explain("pattern ! scale 64x64 ! split name=s  s. ! jpeg /nowhere/a.jpg"
                            "  s. ! burn 10 ! screen none")
        self.assertIn("cut", self.link(plan, "split s -> snapshot jpeg"))
        self.assertIn("waits", self.link(plan, "split s -> snapshot jpeg"))
        self.assertIn("cut", self.link(plan, "burn -> presenter screen"))
        self.assertIn("fused", self.link(plan, "split s -> burn"))

    def test_nothing_is_opened_and_nothing_runs(self):
        self.explain("file:missing.mp4 ! decode ! encode mpeg4 ! writer", FOLDER / "never.mkv")
        self.assertFalse((FOLDER / "never.mkv").exists())
        for kind in ("dump", "framemd5"):
            path = FOLDER / f"{kind}.txt"
            path.write_text("of a run before")
            self.explain(f"pattern ! {kind} {path}")
            self.assertEqual(path.read_text(), "of a run before")

    def test_what_was_kept_of_a_run_is_told(self):
        chain, cache = "pattern size=64x64 fps=100 ! burn 500 ! null", FOLDER / "told.plans"
        self.assertIn("load ?", self.explain(f"--cache={cache}", chain))
        status, _, errors = graph(f"--cache={cache}", "--window=0.2", "--duration=1", chain)
        self.assertEqual((status, errors), (0, ""))
        self.assertNotIn("load ?", self.explain(f"--cache={cache}", chain))

    def test_modes_differ(self):
        chain = "pattern ! scale 64x64 ! burn 5 ! burn 6 ! null"
        self.assertIn("fused", self.link(self.explain("--plan=fused", chain), "burn -> burn-2"))
        self.assertIn("cut", self.link(self.explain("--plan=per-filter", chain), "burn -> burn-2"))
        self.assertIn("fused", self.link(self.explain("--plan=per-stream", chain), "scale -> burn"))
        self.assertIn("4.0 cores", self.explain("--cpus=4", chain))

    def test_a_plan_is_told_by_what_another_has_otherwise(self):
        def against(mode, *options):
            status, output, errors = graph(f"--against={mode}", *options,
                                           "pattern ! scale 64x64 ! burn 5 ! null")
            self.assertEqual(status, 0, errors)
            return output

        self.assertEqual(against("fused", "--plan=fused"), "as fused\n")
        lines = against("fused", "--plan=per-filter").splitlines()
        self.assertEqual(sum(": now cut" in line for line in lines), 3, lines)
        self.assertTrue(any(line.startswith("scale -> burn: now cut") for line in lines), lines)
        lines = against("per-filter", "--plan=fused").splitlines()
        self.assertEqual(sum(": now fused" in line for line in lines), 3, lines)

    def test_json_and_dot_have_every_filter(self):
        chain = "pattern ! decode ! encode mjpeg ! dump"
        status, output, _ = graph("--json", chain)
        self.assertEqual(status, 0)
        self.assertEqual(len(json.loads(output)["filters"]), 5)
        status, _, _ = graph(f"--dot={FOLDER}/a.dot", chain)
        self.assertEqual(status, 0)
        dot = (FOLDER / "a.dot").read_text()
        self.assertTrue(dot.startswith("digraph"), dot)
        self.assertIn("encode", dot)


class Run(unittest.TestCase):
    def test_decode_scale_encode_write_makes_a_file_that_plays(self):
        for name in ("small.mp4", "small.mkv"):
            path = FOLDER / name
            status, output, errors = graph(
                "--report=json", f"file:{CLIP} pace=fastest ! decode ! scale 160x90 !"
                f" encode mpeg4 options=bf=2 ! writer {path}")
            self.assertEqual((status, errors), (0, ""))
            report = report_of(output)
            self.assertEqual(report["frames"], CLIP_FRAMES)
            self.assertEqual(pictures_in(path), CLIP_FRAMES)

    def test_the_report_has_what_the_manual_lists(self):
        status, output, _ = graph("--report=json", "--duration=20",
                                  "pattern 64x48 fps=100 n=50 ! scale 32x32 ! null deadline=10")
        report = report_of(output)
        self.assertEqual(status, 0)
        for key in ("version", "wall_s", "cpu_s", "max_rss_bytes", "threads", "switches_voluntary",
                    "switches_involuntary", "plan_changes", "frames", "frames_timed",
                    "frames_on_time", "on_time_share", "age_ms", "filters", "boundaries"):
            self.assertIn(key, report)
        self.assertEqual(report["frames"], 50)
        self.assertEqual(report["frames_on_time"], 50)
        self.assertEqual([f["name"] for f in report["filters"]], ["pattern", "scale", "null"])
        self.assertLess(report["wall_s"], 20)

    def test_changes_of_the_plan_are_told_with_their_reasons(self):
        # a decoder has a thread of its own until it is measured, and this one is light
        process = subprocess.Popen(
            [GRAPH, "--cpus=2", "--window=0.2", "--live", "--period=0.2", "--report=text",
             f"--duration={DEADLINE_S}", f"file:{CLIP} loop=yes pace=100 ! decode ! null"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=NO_DISPLAY)
        change = r"\d\.\d s +1  fused decode; fused: \w+"
        try:
            while not re.search(change, line := process.stdout.readline()):
                self.assertTrue(line, "it ended without a change")
            process.send_signal(signal.SIGTERM)
            output = process.communicate(timeout=DEADLINE_S)[0]
        finally:
            process.kill()
        self.assertIn("file source file -> decode: fused", output)
        self.assertRegex(output, "changes of the plan:\n +" + change)

    def test_a_plan_that_stays_is_told_so(self):
        status, output, errors = graph("--report=text", "pattern 64x48 n=3 pace=fastest ! null")
        self.assertEqual((status, errors), (0, ""))
        self.assertTrue(output.endswith("the plan did not change\n"), output)

    def test_branches_joins_and_a_switch_all_end(self):
        status, output, errors = graph(
            "--report=json", "pattern 64x48 pace=fastest n=20 ! split name=s  s. ! j."
            "  s. ! scale 32x32 ! j.  statistics name=j ! null name=out;"
            "  pattern 64x48 pace=fastest n=30 ! split name=t  t. ! w.  t. ! burn 1 ! w."
            "  switch name=w ! null name=chosen")
        self.assertEqual((status, errors), (0, ""))
        frames = {f["name"]: f["frames"] for f in report_of(output)["filters"]}
        self.assertEqual(frames["out"], 2 * (20 + 2))  # with START and END
        self.assertEqual(frames["chosen"], 30 + 2)

    def test_two_sources_meet_in_one_switch(self):
        sources = "pattern 64x48 pace=fastest n=20 ! w.  pattern 64x48 pace=fastest n=30 ! w."
        pipeline = sources + "  switch name=w ! null name=chosen"
        status, plan, errors = graph("--explain", pipeline)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(plan.count("-> switch w: cut: several threads come together"), 2, plan)
        self.assertIn("    switch w, null chosen: ", plan)  # both inputs, and what is behind them
        status, output, errors = graph("--report=json", pipeline)
        self.assertEqual((status, errors), (0, ""))
        frames = {f["name"]: f["frames"] for f in report_of(output)["filters"]}
        self.assertEqual(frames["chosen"], 20 + 2)  # with START and END

    def test_a_mosaic_is_recorded_until_the_last_source_ends(self):
        path = FOLDER / "mosaic.mkv"
        for n in (25, 100, 400):  # a busy machine leaves out pictures
            status, _, errors = graph(
                f"pattern 64x48 n=5 ! m.; pattern 64x48 n={n} ! m.; mosaic 128x96 fps=25 name=m !"
                f" encode mpeg4 ! split name=s  s. ! writer {path}  s. ! decode ! screen none")
            self.assertEqual((status, errors), (0, ""))
            if pictures_in(path) > 10:
                return
        self.fail("no more pictures than the first source has")

    def test_pictures_become_files(self):
        status, _, errors = graph("pattern 64x48 pace=fastest n=3 ! jpeg", FOLDER / "p-%d.jpg")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(len(list(FOLDER.glob("p-*.jpg"))), 3)

    def test_a_file_with_blanks_in_its_name_is_one_word(self):
        spaced = FOLDER / "my clip.mp4"
        spaced.write_bytes(CLIP.read_bytes())
        status, output, errors = graph("--report=json", f"file:{spaced}", "pace=fastest", "!",
                                       "decode", "!", "null")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(report_of(output)["frames"], CLIP_FRAMES)

    def test_sources_that_fail_decide_the_status(self):
        status, _, errors = graph("file:missing.mp4 ! decode ! null")
        self.assertEqual(status, 2, errors)
        self.assertEqual(len(errors.splitlines()), 1, errors)
        status, _, _ = graph("file:missing.mp4 ! null; pattern n=3 pace=fastest ! null")
        self.assertEqual(status, 3)

    def test_what_could_not_be_written_is_told_and_the_status_is_1(self):
        picture = "pattern 64x48 n=30 pace=fastest"
        for chain in ("dump /dev/full", "framemd5 /dev/full", "jpeg /dev/null/a.jpg",
                      "encode mpeg4 ! writer /dev/full format=matroska",
                      "encode mpeg4 ! writer /dev/null/a.mkv", f"writer {FOLDER}/raw.mkv"):
            with self.subTest(chain=chain):
                status, _, errors = graph(f"{picture} ! {chain}")
                self.assertEqual(status, 1, errors)
                self.assertRegex(errors, "error|an encoder belongs before")
        status, _, errors = graph("--duration=3", "pattern ! encode mpeg4 ! writer /dev/full format=matroska")
        self.assertEqual((status, len(errors.splitlines())), (1, 1), errors)
        with open("/dev/full", "w") as full:
            self.assertEqual(subprocess.run([GRAPH, picture + " ! dump"], stdout=full).returncode, 1)

    def test_without_a_terminal_the_live_view_is_lines(self):
        status, output, _ = graph("--live", "--period=0.2", "--duration=1",
                                  "pattern 64x48 ! burn 100 ! screen none")
        self.assertEqual(status, 0)
        self.assertNotIn("\033", output)
        self.assertGreaterEqual(output.count("FILTER"), 2)
        self.assertIn("burn > screen", output)


class Wrong(unittest.TestCase):
    def assert_points_at(self, description, at, says):
        status, output, errors = graph(description)
        self.assertEqual((status, output), (1, ""))
        lines = errors.splitlines()
        self.assertEqual(lines[-2], description)
        self.assertEqual(lines[-1].index("^"), at, errors)
        self.assertIn(says, lines[-1])

    def test_descriptions_are_shown_where_they_are_wrong(self):
        for description, at, says in (
                ("pattern ! scal 3x3", 10, "not one of"),
                ("pattern ! scale 3x", 16, "not a size"),
                ("pattern ! scale sixe=3x3", 16, "has no sixe="),
                ("pattern ! scale 3x3 fit=maybe", 24, "no, yes"),
                ("pattern ! scale 3x3 4x4", 20, "does not take this"),
                ("pattern ! throttle", 10, "needs a fps"),
                ("pattern ! throttle 0", 19, "not a number"),
                ("pattern fps=x ! null", 12, "not a number"),
                ("pattern ! file:a.mp4", 10, "nothing can lead to it"),
                ("decode ! null", 0, "nothing leads to this"),
                ("pattern name=p ! null p. ! null", 27, "use split"),
                ("pattern ! split name=b ! burn 1 ! b.", 34, "circle"),
                ("pattern ! split name=s; s. ! null; s. ! s.", 40, "circle"),
                ("pattern ! scale 8x8 name=a ! scale 8x8 name=b ! a.", 48, "circle"),
                ("pattern ! encode no-such", 10, "cannot be set up"),
                ("pattern ! encode mpeg4 ! writer x.nope", 25, "cannot be set up"),
                ("pattern ! null !", 16, "expected"),
                ("pattern ! null x.", 15, "leads nowhere"),
                ("pattern ! x.", 10, "nothing is called x")):
            with self.subTest(description=description):
                self.assert_points_at(description, at, says)

    def test_options_are_one_line(self):
        for arguments in (("--plan=best", "pattern"), ("--cpus=0", "pattern"), ("--nope",), (),
                          ("--duration=-1", "pattern"), ("--report=xml", "pattern"),
                          ("--against=best", "pattern")):
            status, output, errors = graph(*arguments)
            self.assertEqual((status, output), (1, ""))
            self.assertEqual(len(errors.splitlines()), 1, errors)

    def test_help_fits_on_a_screen(self):
        status, output, _ = graph("--help")
        self.assertEqual(status, 0)
        self.assertLessEqual(len(output.splitlines()), 36)
        self.assertLessEqual(max(map(len, output.splitlines())), 100)
        self.assertEqual(graph("--version")[0], 0)
        self.assertIn("throttle fps", graph("--elements")[1])


class Team(unittest.TestCase):
    def scaled(self, n_cpus):
        """Sums of large pictures made smaller, and the most threads that there were."""
        sums = FOLDER / f"sums-{n_cpus}"
        status, output, errors = graph(
            "--report=json", "--plan=fused", f"--cpus={n_cpus}",
            f"pattern 1920x1080 n=20 pace=fastest ! scale 1280x720 ! framemd5 {sums}")
        self.assertEqual(status, 0, errors)
        return sums.read_text(), report_of(output)["threads"]

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "one core")
    def test_helpers_make_the_same_pictures(self):
        alone, n_alone = self.scaled(1)
        shared, n_shared = self.scaled(2)
        self.assertEqual(len(alone.splitlines()), 20)
        self.assertEqual(shared, alone)
        self.assertEqual(n_shared, n_alone + 1)


class SetUp(unittest.TestCase):
    def test_a_signal_ends_a_set_up_that_hangs(self):
        path = FOLDER / "nobody-reads"
        os.mkfifo(path)
        process = subprocess.Popen([GRAPH, f"pattern ! dump {path}"], stdin=subprocess.DEVNULL)
        stat = pathlib.Path(f"/proc/{process.pid}/stat")
        deadline = time.monotonic() + DEADLINE_S
        while stat.read_text().rpartition(")")[2].split()[0] != "S":
            self.assertLess(time.monotonic(), deadline)
        process.send_signal(signal.SIGINT)
        try:
            self.assertEqual(process.wait(DEADLINE_S), -signal.SIGINT)
        finally:
            process.kill()


class Terminal:
    """limef-graph in a terminal of its own."""

    def __init__(self, *arguments, rows=24, columns=100):
        self.main, self.side = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.side)
        self.text = ""
        self.process = subprocess.Popen([GRAPH, *arguments], stdin=self.side, stdout=self.side,
                                        stderr=self.side, env=NO_DISPLAY)

    def resize(self, rows, columns):
        fcntl.ioctl(self.side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, text):
        """Forgets what came, and waits for something new."""
        deadline = time.monotonic() + DEADLINE_S
        self.text = ""
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            if select.select([self.main], [], [], 1)[0]:
                self.text += os.read(self.main, 65536).decode(errors="replace")
        return self.text

    def end(self):
        while select.select([self.main], [], [], 0)[0]:
            self.text += os.read(self.main, 65536).decode(errors="replace")
        status = self.process.wait(DEADLINE_S)
        while select.select([self.main], [], [], 0.1)[0]:
            self.text += os.read(self.main, 65536).decode(errors="replace")
        after = termios.tcgetattr(self.side)
        os.close(self.main)
        os.close(self.side)
        return status, after == self.before


class Live(unittest.TestCase):
    CHAIN = "pattern 64x48 ! burn 200 name=z ! split name=a  a. ! null  a. ! encode mpeg4 ! writer {} "

    def test_it_draws_sorts_and_quits(self):
        terminal = Terminal("--live", self.CHAIN.format(FOLDER / "live.mkv"))
        terminal.read_until("q quit")
        self.assertIn("BOUNDARY", terminal.text)
        os.write(terminal.main, b"n")
        text = terminal.read_until("q quit")
        rows = [line.split()[0].replace("\033[K", "") for line in text.splitlines() if " graph-" in line]
        self.assertEqual(rows, sorted(rows))
        terminal.resize(10, 50)
        terminal.process.send_signal(signal.SIGWINCH)
        text = terminal.read_until("\033[10;1H")
        os.write(terminal.main, b"q")
        status, restored = terminal.end()
        self.assertEqual(status, 0)
        self.assertTrue(restored)
        self.assertIn("\033[?1049l", terminal.text)

    def test_it_prints_no_more_lines_than_the_terminal_has(self):
        for rows, columns in ((5, 40), (1, 1)):
            with self.subTest(rows=rows):
                terminal = Terminal("--live", "--period=0.1", "pattern 64x48 ! burn 10 ! screen none",
                                    rows=rows, columns=columns)
                text = terminal.read_until(f"\033[{rows};1H")
                for screen in text.split("\033[H")[1:]:
                    self.assertLess(screen.count("\n"), rows, text)
                os.write(terminal.main, b"q")
                self.assertEqual(terminal.end(), (0, True))

    def test_80_columns_show_costs_threads_depths_ages_and_drops(self):
        terminal = Terminal("--live", "pattern 64x48 ! burn 10 ! screen none", columns=80)
        text = terminal.read_until("q quit")
        for heading in ("COST us", "THREAD", "WAITS/OF", "AGE ms", "DROPS", "P99 ms"):
            self.assertIn(heading, text)
        os.write(terminal.main, b"q")
        self.assertEqual(terminal.end(), (0, True))

    def test_the_log_is_kept_within_the_screen_and_told_afterwards(self):
        # a decoder has a thread of its own until it is measured, and this one is light
        terminal = Terminal("--live", "--period=0.1", "--cpus=2", "--window=0.2", "--log-level=info",
                            f"file:{CLIP} loop=yes pace=100 ! decode ! null", columns=200)
        line = "graph: info: the plan changed: fused decode; "
        drawn = terminal.read_until(line)
        os.write(terminal.main, b"q")
        self.assertEqual(terminal.end(), (0, True))
        drawn, left, after = (drawn + terminal.text).partition("\033[?1049l")
        drawn = drawn.partition("\033[?1049h")[2]
        self.assertTrue(drawn and left)
        for row in drawn.split("\n"):
            if "graph: info: " in row:
                self.assertIn("\033[K", row)
        self.assertRegex(drawn, r"LOG\033\[K\s+graph: info: ")
        self.assertEqual(after.count(line), 1, after)

    def test_a_signal_ends_it_with_4_and_restores_the_terminal(self):
        path = FOLDER / "stopped.mkv"
        terminal = Terminal("--live", "pattern 64x48 ! encode mpeg4 ! writer " + str(path))
        for _ in range(2):
            terminal.read_until("q quit")
        terminal.process.send_signal(signal.SIGINT)
        status, restored = terminal.end()
        self.assertEqual(status, 4)
        self.assertTrue(restored)
        self.assertIn("\033[?25h", terminal.text)
        self.assertGreater(pictures_in(path), 0)

    def test_a_signal_without_a_terminal_ends_it_with_4_too(self):
        process = subprocess.Popen([GRAPH, "--live", "--period=0.1", "pattern ! null"],
                                   stdout=subprocess.PIPE, text=True, env=NO_DISPLAY)
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 4)


if __name__ == "__main__":
    made = graph(f"pattern 320x180 n={CLIP_FRAMES} pace=fastest ! encode mpeg4 ! writer {CLIP}")
    assert made[0] == 0, made
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
