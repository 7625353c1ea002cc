#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds what ffmpeg decodes through the tests' VA-API driver to what it decodes in software.

decode.py FOLDER-OF-THE-MODULES, with LIMEF_TEST_MEDIA for more clips: one of each kind, all with
LIMEF_TEST_ALL_CLIPS=1. One thread for software: with more, libavcodec conceals the losses of damaged clips
in other ways. Many clips at a time: it is the start of ffmpeg that takes long."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

MODULES = pathlib.Path(sys.argv[1])
MEDIA = os.environ.get("LIMEF_TEST_MEDIA")
ALL_CLIPS = os.environ.get("LIMEF_TEST_ALL_CLIPS")
DEADLINE_S = 120
MAX_FRAMES = 30
MAX_CLIPS = 12  # at a time
TEMP = tempfile.TemporaryDirectory(prefix="limef-")
FOLDER = pathlib.Path(TEMP.name)
REPORT = FOLDER / "report"
OBJECTS = ("configs", "surfaces", "contexts", "buffers", "images")
SOFTWARE = {k: v for k, v in os.environ.items() if not k.startswith(("LIMEF_TEST_VA", "LD_PRELOAD"))}
HARDWARE = SOFTWARE | {"LIBVA_DRIVERS_PATH": str(MODULES), "LIBVA_DRIVER_NAME": "limef",
                       "LIBVA_MESSAGING_LEVEL": "0", "LD_PRELOAD": str(MODULES / "limef_any_node.so"),
                       "LIMEF_TEST_VA_MEMORY": "memfd", "LIMEF_TEST_VA_REPORT": str(REPORT)}

# What each clip is there for -> the arguments that make it.
X264 = "-c:v libx264 -x264-params log=-1:"
X265 = "-c:v libx265 -x265-params log-level=0:"
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 "
CLIPS = {
    "h264_baseline": "-profile:v baseline " + X264 + "slices=3",
    "h264_weighted_prediction": "-vf fade=in:0:25 -profile:v main " + X264 + "weightp=2:bframes=3",
    "h264_implicit_weights": X264 + "weightb=1:bframes=4:b-pyramid=normal:ref=6:direct=temporal",
    "h264_scaling_lists": X264 + "cqm=jvt",
    "h264_uneven_scaling_lists": X264 + "cqm4i=" + ",".join(str(20 + i) for i in range(16)) +
                                 ":cqm8p=" + ",".join(str(9 + i) for i in range(64)),
    "h264_mbaff": X264 + "interlaced=1:bframes=3",
    "h264_mbaff_slices_cavlc": X264 + "interlaced=1:cabac=0:slices=3",
    "h264_many_slices": X264 + "slice-max-size=300",
    "h264_intra_refresh": X264 + "intra-refresh=1:keyint=10",
    "h264_odd_size": "-vf crop=350:286 " + X264 + "bframes=2",
    "h264_no_8x8": X264 + "8x8dct=0:chroma-qp-offset=5:deblock=2,-2",
    "hevc_wavefronts": X265 + "wpp=1",
    "hevc_slices": X265 + "slices=4",
    "hevc_scaling_lists": X265 + "scaling-list=default",
    "hevc_weighted_prediction": "-vf fade=in:0:25 " + X265 + "weightp=1:weightb=1",
    "hevc_lossless": X265 + "lossless=1",
    "hevc_transform_skip": X265 + "cu-lossless=1:tskip=1:amp=1:rect=1",
    "hevc_references": X265 + "ref=5:bframes=8:b-adapt=2",
    "hevc_open_gop": X265 + "open-gop=1:keyint=10:min-keyint=10:bframes=4",
    "hevc_layers": X265 + "temporal-layers=3",
    "hevc_chroma_offsets": X265 + "cbqpoffs=3:crqpoffs=-4:deblock=-2,3:sao=0",
    "hevc_small_blocks": X265 + "ctu=16:min-cu-size=8:aq-mode=3",
    "hevc_odd_size": "-vf crop=350:286 " + X265 + "bframes=2",
    "hevc_10_bits": "-pix_fmt yuv420p10le " + X265 + "scaling-list=default:weightb=1",
    "vp9_hidden_frames": "-c:v libvpx-vp9 -deadline good -cpu-used 5 -auto-alt-ref 1 -lag-in-frames 16",
    "vp9_tiles": "-vf scale=1024:576 " + VP9 + "-tile-columns 2",
    "vp9_odd_size": "-vf scale=161:121 " + VP9 + "-aq-mode 3 -g 10",
    "vp9_lossless": VP9 + "-lossless 1",
    "vp9_10_bits": "-pix_fmt yuv420p10le -profile:v 2 " + VP9,
}


def run(arguments, env=None):
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=DEADLINE_S, env=env or SOFTWARE)


@functools.lru_cache
def has(what, name):
    try:
        return re.search(rf"\b{name}\b", run(["ffmpeg", "-hide_banner", what]).stdout) is not None
    except FileNotFoundError:
        return False


def probe(path):
    """The codec, profile and pixel format of a clip's first picture stream; None: there is none."""
    done = run(["ffprobe", "-v", "error", "-of", "json", "-select_streams", "v:0", "-show_entries",
                "stream=codec_name,profile,pix_fmt,field_order,has_b_frames", str(path)])
    streams = json.loads(done.stdout or "{}").get("streams")
    return streams[0] if streams else None


def frames_of(paths, decoder, filters, env, limit):
    """Of each path the MD5 of its pictures; the status; what ffmpeg said. filters: of each path."""
    # profiles as they come: half of all "Baseline" is Constrained Baseline, and does not say so
    arguments = ["ffmpeg", "-v", "error", "-y"]
    for path in paths:
        arguments += ["-noautorotate", "-hwaccel_flags", "+allow_profile_mismatch", *decoder, "-i", str(path)]
    sums = [FOLDER / f"sums{i}" for i in range(len(paths))]
    for i, to in enumerate(sums):
        to.unlink(missing_ok=True)
        arguments += ["-map", f"{i}:v:0", *filters[i], "-frames:v", str(limit), "-f", "framemd5", str(to)]
    done = run(arguments, env)
    lines = [to.read_text().splitlines() if to.exists() else [] for to in sums]
    return ([[line.split()[-1] for line in of_path if not line.startswith("#")] for of_path in lines],
            done.returncode, done.stderr)


def decode_by_va(paths, pix_fmts, options=(), limit=MAX_FRAMES, **env):
    REPORT.unlink(missing_ok=True)
    filters = [["-vf", f"hwdownload,format={'p010le' if '10' in pix_fmt else 'nv12'},format={pix_fmt}"]
               for pix_fmt in pix_fmts]
    return frames_of(paths, ["-hwaccel", "vaapi", "-hwaccel_device", "/dev/null",
                             "-hwaccel_output_format", "vaapi", *options], filters, HARDWARE | env, limit)


def decode_in_software(paths, options=(), limit=MAX_FRAMES):
    return frames_of(paths, ["-threads", "1", *options], [[]] * len(paths), SOFTWARE, limit)[0]


def reports():
    """Of each display: {"surfaces": (live, made), ..., "pictures": n, "undecoded": n}."""
    lines = [dict(word.split("=") for word in line.split()) for line in REPORT.read_text().splitlines()]
    return [{key: tuple(map(int, value.split("/"))) if "/" in value else int(value)
             for key, value in line.items()} for line in lines]


@unittest.skipUnless(has("-hwaccels", "vaapi"), "no ffmpeg with VA-API")
class Case(unittest.TestCase):
    def assert_nothing_left(self, n_displays=1):
        known = reports()
        self.assertEqual(len(known), n_displays)
        for display in known:
            for name in OBJECTS:
                self.assertEqual(display[name][0], 0, f"{name} in {display}")
                self.assertGreater(display[name][1], 0, f"{name} in {display}")
        # those of displays that are still open count as well
        self.assertEqual(known[-1]["descriptors"], 0)
        return known

    def assert_all_equal_software(self, paths, pix_fmts, options=(), limit=MAX_FRAMES, **env):
        expected = decode_in_software(paths, options, limit)
        frames, status, errors = decode_by_va(paths, pix_fmts, options, limit, **env)
        self.assertEqual(status, 0, errors)
        for path, of_path, expected_of_path in zip(paths, frames, expected):
            with self.subTest(clip=path.name):
                self.assertEqual(of_path, expected_of_path)
                self.assertGreater(len(of_path), 0)
        known = self.assert_nothing_left(len(paths))
        self.assertEqual(sum(display["undecoded"] for display in known), 0)
        self.assertGreaterEqual(sum(display["pictures"] for display in known), sum(map(len, frames)))

    def assert_equals_software(self, path, options=(), limit=MAX_FRAMES, **env):
        self.assert_all_equal_software([path], [pix_fmt_of(path)], options, limit, **env)


def pix_fmt_of(path):
    """Of a clip that was made here."""
    return "yuv420p10le" if "10_bits" in path.name else "yuv420p"


def encoder_of(name):
    arguments = CLIPS[name].split()
    return arguments[arguments.index("-c:v") + 1]


def make_all(names, suffix="mkv"):
    """Those that can be made here."""
    names = [name for name in names if has("-encoders", encoder_of(name))]
    paths = [FOLDER / f"{name}.{suffix}" for name in names]
    arguments = []
    for name, path in zip(names, paths):
        if not path.exists():
            arguments += [*CLIPS[name].split(), str(path)]
    if arguments:
        done = run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=352x288:r=25:d=1.2", *arguments])
        if done.returncode:
            raise RuntimeError(done.stderr)
    return paths


def make(name, suffix="mkv"):
    paths = make_all([name], suffix)
    if not paths:
        raise unittest.SkipTest(f"ffmpeg has no {encoder_of(name)}")
    return paths[0]


def make_change(codec, suffix):
    """A clip of three parts, the second smaller, the third larger."""
    encoders = {"h264": X264 + "bframes=2", "hevc": X265 + "bframes=2", "vp9": VP9}
    encoder = encoders[codec].split()[1]
    if not has("-encoders", encoder):
        raise unittest.SkipTest(f"ffmpeg has no {encoder}")
    parts = []
    for size in "320x240", "176x144", "640x360":
        parts.append(FOLDER / f"{codec}_{size}.{suffix}")
        run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=0.5",
             *encoders[codec].split(), str(parts[-1])]).check_returncode()
    path = FOLDER / f"{codec}_change.{suffix}"
    if suffix != "mkv":
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        return path
    names = FOLDER / "parts.txt"
    names.write_text("".join(f"file '{part}'\n" for part in parts))
    run(["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(names), "-c", "copy",
         str(path)]).check_returncode()
    return path


class Made(Case):
    """Clips made on the spot."""

    def assert_codec_equals_software(self, codec):
        paths = make_all([name for name in CLIPS if name.startswith(codec)])
        if not paths:
            self.skipTest(f"ffmpeg has no encoder of {codec}")
        for i in range(0, len(paths), MAX_CLIPS):
            part = paths[i:i + MAX_CLIPS]
            self.assert_all_equal_software(part, [pix_fmt_of(path) for path in part])

    def test_h264(self):
        self.assert_codec_equals_software("h264")

    def test_hevc(self):
        self.assert_codec_equals_software("hevc")

    def test_vp9(self):
        self.assert_codec_equals_software("vp9")

    def test_decodes_again_after_a_seek(self):
        for name in "h264_implicit_weights", "hevc_references", "hevc_open_gop", "vp9_hidden_frames":
            with self.subTest(clip=name):
                self.assert_equals_software(make(name), ("-stream_loop", "2"), limit=90)

    def test_decodes_again_from_a_picture_that_others_precede(self):
        whole, cut = make("hevc_open_gop", "ts"), FOLDER / "cut.ts"
        packets = run(["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries",
                       "packet=pos,flags", str(whole)]).stdout.split()
        starts = [int(packet.split(",")[0]) for packet in packets if "K" in packet]
        cut.write_bytes(whole.read_bytes()[starts[1]:])
        for n in 1, 2, 20:
            with self.subTest(pictures=n):
                path = FOLDER / f"cut_{n}.mkv"
                run(["ffmpeg", "-v", "error", "-i", str(cut), "-c", "copy", "-frames:v", str(n),
                     str(path)]).check_returncode()
                self.assert_equals_software(path, ("-stream_loop", "3"), limit=100)

    def test_size_changes_in_mid_stream(self):
        for codec, suffix in ("h264", "h264"), ("hevc", "hevc"), ("vp9", "mkv"):
            with self.subTest(codec=codec):
                self.assert_equals_software(make_change(codec, suffix), limit=100)
                self.assertEqual(reports()[0]["contexts"][1], 3)

    @unittest.skipUnless(shutil.which("vpxenc"), "no vpxenc, of the package vpx-tools")
    def test_size_changes_without_a_key_frame(self):
        source, path = FOLDER / "noise.y4m", FOLDER / "resized.webm"
        run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=0.7", "-vf",
             "noise=alls=30:allf=t:all_seed=1", str(source)]).check_returncode()
        run(["vpxenc", "--quiet", "--codec=vp9", "--rt", "--cpu-used=8", "--end-usage=cbr",
             "--target-bitrate=30", "--resize-allowed=1", "--lag-in-frames=0", "--drop-frame=0",
             "--kf-max-dist=9999", "--undershoot-pct=50", "--overshoot-pct=50", "--buf-sz=600",
             "--buf-initial-sz=500", "--buf-optimal-sz=500", "-o", str(path),
             str(source)]).check_returncode()
        source.unlink()
        self.assert_equals_software(path)
        self.assertGreater(reports()[0]["contexts"][1], 1, "the encoder kept the size")

    def test_pixels_come_when_a_surface_is_waited_for(self):
        for name in "h264_mbaff", "hevc_10_bits":
            with self.subTest(clip=name):
                self.assert_equals_software(make(name), LIMEF_TEST_VA_LATE="1")


def kind_of(stream):
    """None: the driver does not know it."""
    # of H.264 there are no profiles with more than eight bits
    if (stream["codec_name"] not in ("h264", "hevc", "vp9") or
            not re.match("yuvj?420p(10le)?$", stream.get("pix_fmt", "")) or
            (stream["codec_name"] == "h264" and "10" in stream["pix_fmt"])):
        return None
    return tuple(stream.get(key) for key in ("codec_name", "profile", "pix_fmt", "field_order", "has_b_frames"))


@unittest.skipUnless(MEDIA, "no LIMEF_TEST_MEDIA")
class Media(Case):
    def test_clips_equal_software(self):
        clips = {}
        for path in sorted(pathlib.Path(MEDIA).iterdir()):
            stream = probe(path) if path.is_file() else None
            kind = stream and kind_of(stream)
            if kind and (ALL_CLIPS or kind not in clips):
                clips.setdefault(kind, []).append((path, stream["pix_fmt"]))
        clips = [clip for of_kind in clips.values() for clip in of_kind]
        for i in range(0, len(clips), MAX_CLIPS):
            self.assert_all_equal_software(*zip(*clips[i:i + MAX_CLIPS]))
        self.assertGreater(len(clips), 0)


class Errors(Case):
    CLIP = "h264_weighted_prediction"

    def decode(self, commands, **env):
        frames, status, errors = decode_by_va([make(self.CLIP)], ["yuv420p"], LIMEF_TEST_VA_FAIL=commands,
                                              **env)
        return frames[0], status, errors

    def test_a_call_fails_once(self):
        expected = decode_in_software([make(self.CLIP)])[0]
        frames, _, errors = self.decode("vaEndPicture=10:0x17")
        self.assertIn("23 (internal decoding error)", errors)
        self.assertEqual(reports()[0]["pictures"], len(expected) - 1)
        self.assertLess(len(frames), len(expected))
        self.assert_nothing_left()

    def test_each_call_that_fails_is_seen(self):
        calls = {"vaCreateConfig": "1+", "vaCreateSurfaces2": "1+", "vaCreateContext": "1+",
                 "vaQuerySurfaceAttributes": "1+", "vaCreateBuffer": "7", "vaBeginPicture": "7",
                 "vaRenderPicture": "7", "vaEndPicture": "7", "vaSyncSurface": "7", "vaGetImage": "7"}
        for call, when in calls.items():
            with self.subTest(call=call):
                _, _, errors = self.decode(f"{call}={when}")
                self.assertIn("1 (operation failed)", errors)

    def test_a_picture_that_fails_leaves_nothing(self):
        for call in "vaBeginPicture", "vaRenderPicture", "vaEndPicture":
            with self.subTest(call=call):
                self.decode(f"{call}=7")
                self.assert_nothing_left()

    def test_an_unknown_command_fails_the_display(self):
        _, status, errors = self.decode("vaEndpicture=1")
        self.assertNotEqual(status, 0)
        self.assertIn("not a command: vaEndpicture", errors)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
