#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks that run.sh built; see doc/benchmarks.md."""
import argparse
import os
import re

import audio
import boundary
import cameras
import clips
import gl
import graph
import hop
import plan
import playback
import probe
import report
import team

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Each group has a table of targets and a pair of marks in doc/benchmarks.md.
GROUPS = {
    "measured": {"hop": hop.bench, "boundary": boundary.saturated, "paced": boundary.paced,
                 "playback": playback.bench, "gl": gl.bench},
    "graph": {"graph": graph.bench, "classes": graph.classes, "plan": plan.bench, "probe": probe.bench,
              "team": team.bench},
    "audio": {"audio": audio.bench, "audio-step": audio.in_step, "audio-drift": audio.drift,
              "audio-long": audio.long_drift},
    "cameras": {"cameras": cameras.received, "camera-many": cameras.many, "camera-start": cameras.started,
                "camera-attach": cameras.attached, "camera-wall": cameras.shown},
}
BENCHES = [name for group in GROUPS.values() for name in group]


def sections_of(text):
    """{title: lines} of Markdown that consists of "### title" sections."""
    sections = {}
    for section in re.split(r"^### ", text, flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        sections[title] = body.strip().splitlines()
    return sections


def merge_tables(old, new):
    """The rows of both; of the same ones the new. What is in brackets may differ."""
    def key(line):
        return re.sub(r" \(.*?\)", "", line.split("|")[1]).strip()

    at = next(i for i, line in enumerate(new) if line.startswith("|")) + 2
    rows = {key(line): line for line in old[at:]} | {key(line): line for line in new[at:]}
    return new[:at] + list(rows.values())


def merge(old, new):
    """Sections that ran anew in the place of what they were, new ones behind; the rest stays."""
    before, now = sections_of(old), sections_of(new)
    for title in ("Targets", graph.PREDICTED):
        if title in before and title in now:
            now[title] = merge_tables(before[title], now[title])
    return "\n\n".join("\n".join([f"### {title}", "", *lines])
                       for title, lines in (before | now).items())


def write_markdown(path, texts):
    """texts: {group: Markdown}. Between the group's marks, where the file has them, it replaces the
    sections of the same titles; a file without any marks becomes the texts."""
    try:
        with open(path) as file:
            whole = file.read()
    except FileNotFoundError:
        whole = ""
    found = False
    for group, text in texts.items():
        begin, end = f"<!-- {group}: begin -->", f"<!-- {group}: end -->"
        if begin in whole and end in whole:
            found = True
            before, _, rest = whole.partition(begin)
            old, _, after = rest.partition(end)
            whole = f"{before}{begin}\n{merge(old, text)}\n{end}{after}"
    with open(path, "w") as file:
        file.write(whole if found else "\n".join(texts.values()) + "\n")


class Setup:
    """Where things are, and how often they run."""

    def __init__(self, options):
        self.rounds = options.rounds
        self.seconds = options.seconds
        self.scenarios = options.scenarios.split(",") if options.scenarios else None
        self.programs = os.path.join(options.build, "bench")
        self.without_probes = os.path.join(options.build + "-without-probes", "bench")
        self.clips = os.path.join(options.build, "clips")
        self.rtspd = os.path.join(options.build, "test", "rtspd", "limef_rtspd")
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

    def small_clip(self, seconds):
        return clips.small_clip(self.clips, self.media, seconds)


def main():
    parser = argparse.ArgumentParser(description="limef beside its peers: medians of interleaved runs")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each row (default 3)")
    parser.add_argument("--only", metavar="A,B",
                        default=",".join(name for name in BENCHES if name != "audio-long"),
                        help="of " + ",".join(BENCHES) + "; all but audio-long, which takes half an hour")
    parser.add_argument("--seconds", type=int, metavar="S", help="how long the runs of audio-long last; "
                        "default 600")
    parser.add_argument("--scenarios", metavar="A,B", help="of graph: of " + ",".join(graph.SCENARIOS))
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "bench"), metavar="DIR")
    parser.add_argument("--limef-play", metavar="PATH", help="default: of the build")
    parser.add_argument("--media", default=os.path.join(ROOT, "..", "shared", "media"), metavar="DIR",
                        help="where the camera's clip may lie; without it one is synthesised")
    parser.add_argument("--markdown", metavar="FILE",
                        help="write the tables there as well; in doc/benchmarks.md those that "
                        "ran replace what they were")
    options = parser.parse_args()
    chosen = options.only.split(",")
    unknown = [name for name in chosen if name not in BENCHES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]}; there are {', '.join(BENCHES)}")
    if options.scenarios and set(options.scenarios.split(",")) - set(graph.SCENARIOS):
        parser.error(f"scenarios are {', '.join(graph.SCENARIOS)}")
    setup, texts = Setup(options), {}
    for group, benches in GROUPS.items():
        out = report.Report()
        for name in benches:
            if name in chosen:
                benches[name](setup, out)
        if set(benches) & set(chosen):
            texts[group] = out.finish()
    if options.markdown:
        write_markdown(options.markdown, texts)


if __name__ == "__main__":
    main()
