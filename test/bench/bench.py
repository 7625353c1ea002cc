#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks that run.sh built; see doc/benchmarks.md."""
import argparse
import os

import boundary
import clips
import gl
import hop
import plan
import playback
import report

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BENCHES = {"hop": hop.bench, "boundary": boundary.saturated, "paced": boundary.paced,
           "plan": plan.bench, "playback": playback.bench, "gl": gl.bench}


BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write_markdown(path, text):
    """Between the two marks if the file has them; else the text is all there is in it."""
    try:
        with open(path) as file:
            before, _, rest = file.read().partition(BEGIN)
            _, _, after = rest.partition(END)
    except FileNotFoundError:
        before, rest, after = "", "", "\n"
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}" if rest else text + "\n")


class Setup:
    """Where things are, and how often they run."""

    def __init__(self, options):
        self.rounds = options.rounds
        self.programs = os.path.join(options.build, "bench")
        self.clips = os.path.join(options.build, "clips")
        self.media = options.media
        self.limef_play = options.limef_play or os.path.join(options.build, "apps", "limef-play")
        if not os.access(self.limef_play, os.X_OK):
            print(f"no {self.limef_play}: its rows are left out")
            self.limef_play = None

    def program(self, name):
        return os.path.join(self.programs, f"bench_{name}")

    def has(self, name):
        return os.access(self.program(name), os.X_OK)

    def clip(self, seconds):
        return clips.clip(self.clips, self.media, seconds)


def main():
    parser = argparse.ArgumentParser(description="limef beside its peers: medians of interleaved runs")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each row (default 3)")
    parser.add_argument("--only", default=",".join(BENCHES), metavar="A,B",
                        help="of " + ",".join(BENCHES))
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "bench"), metavar="DIR")
    parser.add_argument("--limef-play", metavar="PATH", help="default: of the build")
    parser.add_argument("--media", default=os.path.join(ROOT, "..", "shared", "media"), metavar="DIR",
                        help="where the camera's clip may lie; without it one is synthesised")
    parser.add_argument("--markdown", metavar="FILE",
                        help="write the tables there as well; into doc/benchmarks.md between its marks")
    options = parser.parse_args()
    chosen = options.only.split(",")
    unknown = [name for name in chosen if name not in BENCHES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]}; there are {', '.join(BENCHES)}")
    setup, out = Setup(options), report.Report()
    for name in chosen:
        BENCHES[name](setup, out)
    text = out.finish()
    if options.markdown:
        write_markdown(options.markdown, text)


if __name__ == "__main__":
    main()
