#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What limef-play hands out is what it shows: readers in C and in Python against --framemd5.

export.py LIMEF-PLAY CLIP LIMEF-READ FOLDER-OF-LIMEF_READ.PY LIMEF-GRAPH"""
import hashlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock
import zlib

PLAY, CLIP, READ, MODULE, GRAPH = sys.argv[1:6]
sys.path.insert(0, MODULE)
sys.dont_write_bytecode = True
import limef_read  # noqa: E402

DEADLINE_S = 120
TEMP = tempfile.TemporaryDirectory(prefix="limef-e2e-")
FOLDER = pathlib.Path(TEMP.name)
SOCKET = FOLDER / "export.sock"


def md5_of(picture):
    """As ffmpeg -f framemd5 has it: visible pixels, plane by plane."""
    md5 = hashlib.md5()
    for n, (_, _, pitch, row_bytes, rows, _) in enumerate(picture.planes):
        plane = picture.plane(n)
        for y in range(rows):
            md5.update(plane[y * pitch:y * pitch + row_bytes])
    return md5.hexdigest()


class Export(unittest.TestCase):
    def setUp(self):
        env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        self.md5s = FOLDER / "framemd5"
        self.player = subprocess.Popen(
            [PLAY, "--vo=none", "--loop", f"--framemd5={self.md5s}", f"--export={SOCKET}", CLIP],
            env=env, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE_S
        while not SOCKET.exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def tearDown(self):
        self.player.send_signal(signal.SIGTERM)
        self.assertEqual(self.player.wait(DEADLINE_S), 4)
        self.assertFalse(SOCKET.exists())

    def read(self, *arguments):
        return subprocess.run([READ, *arguments, str(SOCKET)], capture_output=True, text=True,
                              timeout=DEADLINE_S)

    def test_pictures_are_those_that_are_shown(self):
        got = []
        with limef_read.Reader(str(SOCKET), queued=True, timeout=DEADLINE_S) as reader:
            for picture in reader:
                got.append((picture.pts_us, md5_of(picture)))
                self.assertEqual(picture.format, "yuv420p")
                if len(got) == 50:
                    break
        self.assertEqual(len({md5 for _, md5 in got}), 50)
        deadline = time.monotonic() + DEADLINE_S
        shown = set()
        while not shown.issuperset(got) and time.monotonic() < deadline:
            time.sleep(0.1)
            fields = [line.split(",") for line in self.md5s.read_text().splitlines()
                      if line.startswith("0,")]
            shown = {(int(f[1]), f[3].strip()) for f in fields if len(f) == 4}
        self.assertTrue(shown.issuperset(got))

    def test_a_slow_reader_gets_the_newest(self):
        wait_s = 0.5
        with limef_read.Reader(str(SOCKET), timeout=DEADLINE_S) as reader:
            picture = reader.read()
            picture.release()
            while True:
                time.sleep(wait_s)
                before, picture = picture, reader.read()
                self.assertEqual(picture.sequence - before.sequence - 1, picture.n_missed)
                is_newest = picture.n_missed > 3 and picture.age_us() < 1000000
                if is_newest or wait_s > DEADLINE_S / 4:
                    break
                picture.release()
                wait_s *= 2  # on a busy machine few pictures come, and the newest is old
            self.assertTrue(is_newest)

    def test_limef_read_counts_and_writes_a_picture(self):
        png = FOLDER / "picture.png"
        done = self.read("--queued", "--frames=5", f"--png={png}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 5 + 1)
        self.assertTrue(done.stdout.splitlines()[-1].startswith("5 pictures, "))
        data = png.read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        at, pixels = 8, b""
        while at < len(data):
            n, kind = struct.unpack(">I4s", data[at:at + 8])
            chunk = data[at + 8:at + 8 + n]
            self.assertEqual(struct.unpack(">I", data[at + 8 + n:at + 12 + n])[0],
                             zlib.crc32(kind + chunk))
            if kind == b"IHDR":
                width, height = struct.unpack(">II", chunk[:8])
            if kind == b"IDAT":
                pixels += zlib.decompress(chunk)
            at += 12 + n
        self.assertEqual(len(pixels), height * (1 + 3 * width))
        self.assertGreater(len(set(pixels)), 16)

    def test_a_killed_reader_disturbs_nobody(self):
        sleeper = subprocess.Popen([READ, "--queued", "--work=100000", str(SOCKET)],
                                   stdout=subprocess.PIPE)
        sleeper.stdout.readline()
        sleeper.kill()
        sleeper.wait(DEADLINE_S)
        sleeper.stdout.close()
        done = self.read("--queued", "--frames=20", "--quiet")
        self.assertTrue(done.stdout.startswith("20 pictures, "), done.stdout)

    def test_wrong_usage_and_nobody_there(self):
        self.assertEqual(subprocess.run([READ], capture_output=True).returncode, 1)
        done = subprocess.run([READ, str(FOLDER / "nobody")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 1)


class Alone(unittest.TestCase):
    """limef_read.py with an export that the test plays: it has one picture, of 4x4, in two
    buffers."""

    def setUp(self):
        self.go_on = threading.Event()
        self.types = []
        self.path = str(FOLDER / "alone.sock")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def tearDown(self):
        self.go_on.set()
        self.thread.join(DEADLINE_S)
        self.listener.close()
        os.unlink(self.path)

    def serve(self):
        connection, _ = self.listener.accept()
        with connection, tempfile.TemporaryFile() as luma, tempfile.TemporaryFile() as chroma:
            luma.write(bytes(16))
            chroma.write(b"\x80" * 8)
            luma.flush()
            chroma.flush()
            connection.send(limef_read._HELLO.pack(limef_read.HELLO, 64, limef_read.MAGIC,
                                                   limef_read.VERSION, 4, 0, 0, 0, 0, b""))
            self.go_on.wait(DEADLINE_S)
            frame = limef_read._FRAME.pack(
                limef_read.FRAME, 256, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, limef_read.DMABUF, 0, 4, 4,
                0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 0, 0, b"nv12")
            frame += limef_read._PLANE.pack(0, 0, 4, 4, 4, 0)
            frame += limef_read._PLANE.pack(1, 0, 4, 4, 2, 0)
            socket.send_fds(connection, [frame.ljust(256, b"\0")],
                            [luma.fileno(), chroma.fileno()])
            while message := connection.recv(256):
                self.types.append(struct.unpack_from("<I", message)[0])

    def test_who_waits_again_after_a_timeout_asks_no_second_time(self):
        with limef_read.Reader(self.path, timeout=0.05) as reader:
            for _ in range(2):
                with self.assertRaises(TimeoutError):
                    reader.read()
            self.go_on.set()
            reader._socket.settimeout(DEADLINE_S)
            picture = reader.read()
            self.assertEqual(picture.sequence, 7)
            picture.release()
        self.thread.join(DEADLINE_S)
        self.assertEqual(self.types, [limef_read.SUBSCRIBE, limef_read.NEXT, limef_read.RELEASE])

    def test_who_reads_a_dma_buf_tells_the_kernel_when(self):
        self.go_on.set()
        with limef_read.Reader(self.path, timeout=DEADLINE_S) as reader, \
                unittest.mock.patch("fcntl.ioctl") as ioctl:
            picture = reader.read()
            ioctl.assert_not_called()
            self.assertEqual(bytes(picture.plane(0)), bytes(16))
            self.assertEqual(bytes(picture.plane(1)), b"\x80" * 8)
            fds = list(picture.fds)
            picture.release()
            self.assertEqual([call.args for call in ioctl.call_args_list],
                             [(fd, 0x40086200, struct.pack("<Q", flags))
                              for flags in (1, 5) for fd in fds])


class Graph(unittest.TestCase):
    def test_a_signal_ends_it_and_the_socket_goes(self):
        path = FOLDER / "graph.sock"
        graph = subprocess.Popen([GRAPH, f"pattern fps=25 ! export {path}"])
        with_deadline = time.monotonic() + DEADLINE_S
        while not path.exists() and time.monotonic() < with_deadline:
            time.sleep(0.01)
        done = subprocess.run([READ, "--frames=3", "--quiet", path], capture_output=True, text=True,
                              timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        graph.send_signal(signal.SIGTERM)
        self.assertEqual(graph.wait(DEADLINE_S), 4)
        self.assertFalse(path.exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
