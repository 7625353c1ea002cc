#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the pictures that limef hands out on a socket, without copying them.

    import limef_read

    with limef_read.Reader("/run/user/1000/camera.sock") as reader:
        for picture in reader:
            array = picture.array()      # needs numpy; picture.plane(0) does not
            ...                          # valid until the next picture

The standard library is enough; numpy is used if it is there. The protocol: doc/export.md.
"""
import argparse
import fcntl
import mmap
import os
import select
import socket
import struct
import sys
import time

HELLO, SUBSCRIBE, FRAME, NEXT, RELEASE, GOODBYE = range(1, 7)
LATEST, QUEUED = 1, 2
MEMORY, DMABUF = 1, 2
MAGIC, VERSION = b"limefexp", 1
NO_TIME = -(1 << 63)
MAX_FDS = 5
FENCE_MS = 200
# <linux/dma-buf.h>
DMA_BUF_IOCTL_SYNC, SYNC_READ, SYNC_END = 0x40086200, 1, 4
REASONS = ("it is over", "bad message", "another version", "too many readers", "too late")

_HELLO = struct.Struct("<II8sIIIIII24s")
_SUBSCRIBE = struct.Struct("<II8sIIII")
_FRAME = struct.Struct("<IIQQqqqqQQIIIIIIIIHHIIBBBBBB6x32s")
_PLANE = struct.Struct("<IIIIII")
_GOODBYE = struct.Struct("<IIII")


class ExportEnded(Exception):
    """The export said goodbye, or its process is gone."""


class Picture:
    """One picture, lent: its memory must not be looked at after release()."""

    def __init__(self, reader, message, fds):
        (_, _, self.sequence, self.n_missed, pts_us, self.duration_us, self.wall_us,
         self.entered_us, self.buffer, self.modifier, self.slot, self.flags, self.kind,
         self.fourcc, self.width, self.height, self.sar_num, self.sar_den,
         self.rotation_degrees, self.mirrored, n_fds, n_planes, self.primaries, self.transfer,
         self.matrix, self.range, self.chroma_location, self.has_fence,
         name) = _FRAME.unpack_from(message)
        if n_fds != len(fds) or n_planes > 4:
            raise ExportEnded("not what was announced")
        self.pts_us = None if pts_us == NO_TIME else pts_us
        self.format = name.rstrip(b"\0").decode()
        self.planes = [_PLANE.unpack_from(message, _FRAME.size + i * _PLANE.size)
                       for i in range(n_planes)]
        self.fds = fds
        self._reader = reader
        self._is_read = False

    def plane(self, n):
        """The bytes of a plane, with the padding of its rows, as a read-only memoryview."""
        fd, offset, pitch, row_bytes, rows, _ = self.planes[n]
        if self.modifier != 0:
            raise ValueError("this memory is for GPUs")
        memory = self._reader._map(self, fd)
        self._begin_reading()
        return memory[offset:offset + pitch * (rows - 1) + row_bytes]

    def _begin_reading(self):
        if self.has_fence:  # whoever writes it has done so
            poll = select.poll()
            poll.register(self.fds[-1], select.POLLIN)
            if not poll.poll(FENCE_MS):
                raise TimeoutError("the picture is not written")
        if self.kind == DMABUF and not self._is_read:
            self._sync(0)
            self._is_read = True

    def _sync(self, flags):
        """Empties caches of CPUs that do not see what devices write."""
        for fd in self.fds[:-1] if self.has_fence else self.fds:
            try:
                fcntl.ioctl(fd, DMA_BUF_IOCTL_SYNC, struct.pack("<Q", flags | SYNC_READ))
            except OSError:
                pass  # a memfd needs no such words

    def array(self, n=0):
        """A plane as a numpy array of rows and bytes; packed RGB formats get a third axis."""
        import numpy
        _, offset, pitch, row_bytes, rows, _ = self.planes[n]
        channels = {"rgb24": 3, "bgr24": 3, "rgba": 4, "bgra": 4, "rgb0": 4, "bgr0": 4,
                    "argb": 4, "abgr": 4, "0rgb": 4, "0bgr": 4}.get(self.format, 1)
        rest = 2 if n == 1 and self.format in ("nv12", "nv21", "nv16", "nv24") else channels
        shape, strides = (rows, row_bytes), (pitch, 1)
        if rest > 1:
            shape, strides = (rows, row_bytes // rest, rest), (pitch, rest, 1)
        return numpy.ndarray(shape, numpy.uint8, self.plane(n), strides=strides)

    def age_us(self):
        """Microseconds since it entered the process that hands it out; None: not known."""
        return time.monotonic_ns() // 1000 - self.entered_us if self.entered_us else None

    def release(self):
        if self._is_read:
            self._sync(SYNC_END)
        self._is_read = False
        if self._reader:
            self._reader._release(self)
        self._reader = None


class Reader:
    """A connection to an export; iterate over it, or call read() and picture.release()."""

    def __init__(self, path, queued=False, depth=0, dmabuf=False, timeout=None):
        self._mappings = {}
        self._mode = QUEUED if queued else LATEST
        self._asked = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
            hello = self._socket.recv(256)
            if len(hello) != _HELLO.size:
                self._leave(hello)
            _, _, magic, version, self.max_depth, *_ = _HELLO.unpack(hello)
            if magic != MAGIC or version != VERSION:
                raise ExportEnded("no export, or another version")
            self._socket.send(_SUBSCRIBE.pack(SUBSCRIBE, _SUBSCRIBE.size, MAGIC, VERSION,
                                              self._mode, depth,
                                              MEMORY | (DMABUF if dmabuf else 0)))
        except BaseException:
            self._socket.close()
            raise

    def read(self):
        """Waits for the next picture, or in mode latest for the newest that was not read yet.
        After a timeout, wait again."""
        try:
            if self._mode == LATEST and not self._asked:
                self._socket.send(struct.pack("<II", NEXT, 8))
        except OSError:
            pass  # it has gone; what it said before is still there
        self._asked = True  # a second NEXT before its FRAME would break the protocol
        message, fds, _, _ = socket.recv_fds(self._socket, 512, MAX_FDS)
        self._asked = False
        if len(message) != 256 or message[:4] != struct.pack("<I", FRAME):
            for fd in fds:
                os.close(fd)
            self._leave(message)
        return Picture(self, message, list(fds))

    def __iter__(self):
        while True:
            try:
                picture = self.read()
            except (ExportEnded, ConnectionError):
                return
            try:
                yield picture
            finally:
                picture.release()

    def close(self):
        self._socket.close()
        self._mappings.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _leave(self, message):
        why = "it is gone"
        if len(message) == _GOODBYE.size:
            _, _, reason, _ = _GOODBYE.unpack(message)
            why = REASONS[reason] if reason < len(REASONS) else "reason %d" % reason
        raise ExportEnded(why)

    def _map(self, picture, fd):
        key = picture.kind, picture.buffer, fd
        if key not in self._mappings:
            while len(self._mappings) >= 64:  # of pictures of other sizes: the oldest goes
                del self._mappings[next(iter(self._mappings))]
            bytes_ = os.lseek(picture.fds[fd], 0, os.SEEK_END)
            mapped = mmap.mmap(picture.fds[fd], bytes_, prot=mmap.PROT_READ)
            self._mappings[key] = memoryview(mapped)
        return self._mappings[key]

    def _release(self, picture):
        for fd in picture.fds:
            os.close(fd)
        picture.fds = []
        try:
            self._socket.send(struct.pack("<IIQ", RELEASE, 16, picture.sequence))
        except OSError:
            pass


def main():
    parser = argparse.ArgumentParser(description="Reads pictures that limef hands out.")
    parser.add_argument("socket")
    parser.add_argument("--queued", action="store_true", help="every picture")
    parser.add_argument("--depth", type=int, default=0, help="pictures that may wait")
    parser.add_argument("--frames", type=int, default=0, help="end after so many")
    parser.add_argument("--work", type=float, default=0, help="be busy so many ms with each")
    parser.add_argument("--quiet", action="store_true", help="a line at the end only")
    parser.add_argument("--gray", metavar="FILE.pgm", help="write plane 0 of the last picture")
    options = parser.parse_args()
    n = n_missed = 0
    try:
        with Reader(options.socket, options.queued, options.depth) as reader:
            for picture in reader:
                n += 1
                n_missed += picture.n_missed
                first = picture.plane(0)
                if not options.quiet:
                    print("%d missed %d slot %d %dx%d %s mean %.1f" % (
                        picture.sequence, picture.n_missed, picture.slot, picture.width,
                        picture.height, picture.format,
                        sum(first[::997]) / len(first[::997])), flush=True)
                time.sleep(options.work / 1e3)
                if options.gray and n == max(options.frames, 1):
                    _, _, pitch, row_bytes, rows, _ = picture.planes[0]
                    with open(options.gray, "wb") as file:
                        file.write(b"P5\n%d %d\n255\n" % (row_bytes, rows))
                        for y in range(rows):
                            file.write(first[y * pitch:y * pitch + row_bytes])
                if n == options.frames:
                    break
    except (ExportEnded, OSError) as error:
        print("limef_read.py: %s: %s" % (options.socket, error), file=sys.stderr)
        return 2
    print("%d pictures, %d missed" % (n, n_missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
