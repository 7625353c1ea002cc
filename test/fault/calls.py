#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds that each call of libva, libdrm, libgbm, EGL and GL that the library and its modules make is one
that a test lets fail: what they import, and the names that they look up.

calls.py READELF LIBRARY [MODULE...]"""
import pathlib
import re
import subprocess
import sys
import unittest

READELF, *FILES = sys.argv[1:]
TEST = pathlib.Path(__file__).resolve().parent.parent
KINDS = r"(?:va|drm|egl|gl)[A-Z]\w*|gbm_\w+"


def listed(path, pattern, prefix=""):
    names = {prefix + name for name in re.findall(pattern, (TEST / path).read_text(), re.M)}
    assert names, path
    return names


# where each that can fail is let fail
FAILING = (
    listed("va/calls.h", r"^    X\((va\w+), ")  # by the tests' driver: decode_faults.c
    | listed("va/failing_libva.h", r"^    X\(.*?, (va\w+), ")  # likewise
    | listed("../src/gpu/kms_calls.h", r"^    X\(.*?, ((?:drm|gbm_)\w+),")  # gpu/kms_faults.c, vm/kms_faults.c
    | listed("fault/failing_egl.c", r"^    X\((?:.*?, )?(e?gl\w+),") | {"eglGetProcAddress"}  # egl.py
    | listed("../src/gpu/gl.h", r"^    X\(.*?, (\w+),", "gl")  # gpu/host_faults.c
    | listed("gpu/failing_gl.h", r"^    X\(.*?, (\w+),", "gl"))


# requests to the kernel, by ioctl(): frame/dmabuf_faults.c, gpu/fence.c
REQUEST = r"\b(?:DRM_IOCTL|DMA_BUF_IOCTL|UDMABUF|DMA_HEAP_IOCTL|SYNC_IOC)_[A-Z_]+\b|\bEXPORT_SYNC_FILE\b"
CALL = rf"\b(?:call|ioctl|sync_cpu)\([^;]*?({REQUEST})"


def readelf(*arguments):
    return subprocess.run([READELF, *arguments], capture_output=True, text=True,
                          errors="replace", check=True).stdout.splitlines()


def imported(path):
    return {line.split()[7].split("@")[0] for line in readelf("-W", "--dyn-syms", path) if " UND " in line + " "
            and len(line.split()) > 7}


def looked_up(path):
    return {line.split()[-1] for line in readelf("-p", ".rodata", path) if line.strip()}


class EachCall(unittest.TestCase):
    def test_is_one_that_a_test_lets_fail(self):
        n = 0
        for path in FILES:
            calls = {name for name in imported(path) | looked_up(path) if re.fullmatch(KINDS, name)}
            n += len(calls)
            with self.subTest(pathlib.Path(path).name):
                self.assertEqual(sorted(calls - FAILING), [])
        print(f"{n} calls")
        self.assertGreater(n, 0)

    def test_to_the_kernel_is_one_too(self):
        played = set(re.findall(r'"(\w+)"', (TEST / "support/played_ioctl.c").read_text()))
        made = {}
        for path in (TEST.parent / "src").rglob("*.c"):
            text = path.read_text()
            if re.search(r"\bioctl\(", text):
                made[path.name] = set(re.findall(CALL, text))
        self.assertEqual(sorted(made), ["dmabuf.c", "fence.c"])
        for name, requests in made.items():
            self.assertGreater(len(requests), 1, name)
            self.assertEqual(sorted(requests - played), [], name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
