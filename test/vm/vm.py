#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command in a virtual machine that has displays, with the host's files.

vm.py [--out=DIR] [--limit=S] [--video=WxH] [--virgl] [--counted] [--plugged] VM-DIR COMMAND [ARGUMENT...]

VM-DIR is what setup.sh made. COMMAND runs as root; the host's / is its /, read only; what it writes to
$OUT is found in DIR. Leaves with its status (0..127); 77 if there is no VM-DIR or no qemu; 99 if the
guest said nothing. A line "SHOT name" that the guest prints writes what virtio-gpu shows to
DIR/name.ppm; when DIR/name.done exists it is written.

--virgl: virtio-gpu has a GPU, whose commands the host's OpenGL draws, in a window of an X server of its
own; 77 without Xvfb or qemu's packages for that. What a SHOT shows is all of that X server then.

--counted: the guest's time is its own: a nanosecond for each instruction of its one processor, whatever else
the host does. When it has nothing to do the time of its next timer comes at once.

--plugged: a line "PLUG WxH" that the guest prints plugs another display into virtio-gpu, which prefers that
size; "PLUG 0x0" unplugs it."""
import argparse
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
QEMU = "qemu-system-x86_64"
NO_REPORT = 99
COUNTED_KHZ = 1000000  # of the processor's counter


class Monitor:
    """qemu's, by QMP."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r")
        self.lines.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        for line in self.lines:
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
        raise RuntimeError("qemu has gone")


class Viewer:
    """Of qemu's VNC (RFC 6143): the size that a viewer wishes for is that of virtio-gpu's display."""

    SET_DESKTOP_SIZE = 251  # of the community's protocol, as the rest of the message

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.socket.sendall(self.read(12))  # the version that the server has
        if 1 not in self.read(self.read(1)[0]):
            raise RuntimeError("qemu's VNC wants a password")
        self.socket.sendall(b"\1")  # no password
        self.read(4)
        self.socket.sendall(b"\1")  # others may look as well
        self.read(struct.unpack(">20xI", self.read(24))[0])

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise RuntimeError("qemu's VNC has gone")
            data += more
        return data

    def resize(self, width, height):
        self.socket.sendall(struct.pack(">BxHHBxIHHHHI", self.SET_DESKTOP_SIZE, width, height, 1, 0, 0, 0, width,
                                        height, 0))


def cpu_khz():
    """The guest's clock is the host's: a busy host would let it measure that wrongly."""
    for line in open("/proc/cpuinfo", encoding="ascii", errors="replace"):
        if line.startswith("cpu MHz"):
            return int(float(line.split(":")[1]) * 1000)
    return None


def command_of(options, folder):
    vm = pathlib.Path(options.vm).resolve()
    # each look at a clock that is a device would stop the processor: the host's counter is the clock
    words = ["console=ttyS0", "quiet", "panic=-1", "mitigations=off", "tsc=reliable",
             "clocksource=tsc", f"init={HERE}/guest-init", f"limef.modules={vm}/modules"]
    khz = COUNTED_KHZ if options.counted else cpu_khz()
    if khz:
        words.append(f"tsc_early_khz={khz}")
    time = (["-accel", "tcg,thread=single,tb-size=512", "-icount", "shift=0,sleep=off", "-smp", "1"] if options.counted
            else ["-accel", "tcg,thread=multi,tb-size=512", "-smp", "2"])
    display = (["-display", "sdl,gl=on"] if options.virgl else
               ["-vnc", f"unix:{folder}/vnc"] if options.plugged else ["-display", "none"])
    gpu = "virtio-gpu-gl-pci" if options.virgl else "virtio-gpu-pci"
    width, height = options.video.split("x")
    words.append(f"video=Virtual-1:{options.video}M@60")  # 59.8 Hz; with reduced blanking 58.5
    return [QEMU, "-nodefaults", "-no-user-config", "-no-reboot", *display, "-vga", "none",
            "-machine", "q35,hpet=off", *time,
            # without AVX: Mesa's renderer crashed once in a gather, see README.md
            "-cpu", "max,avx=off,avx2=off,f16c=off,fma=off",
            "-m", "1536",
            "-kernel", f"{vm}/vmlinux", "-initrd", f"{vm}/initrd.img", "-append", " ".join(words),
            "-serial", "stdio", "-qmp", f"unix:{folder}/qmp,server=on,wait=off",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x1", "-device", "virtio-rng-pci",
            "-device", f"{gpu},id=screen,xres={width},yres={height}",
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
            "-fsdev", f"local,id=out,path={options.out},security_model=none",
            "-device", "virtio-9p-pci,fsdev=out,mount_tag=out"]


def shoot(monitor, out, name):
    monitor.ask("screendump", filename=f"{out}/{name}.ppm", device="screen")
    pathlib.Path(out, f"{name}.done").touch()


def shoot_window(out, name):
    """All that the X server shows: qemu does not have what its OpenGL draws."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "x11grab", "-i", os.environ["DISPLAY"], "-frames:v", "1",
                    "-pix_fmt", "rgb24", f"{out}/{name}.ppm"], check=False)
    pathlib.Path(out, f"{name}.done").touch()


def follow(qemu, options, folder):
    """Prints what the guest says, and does what it asks for."""
    monitor = viewer = None
    for line in qemu.stdout:
        print(line.rstrip("\r\n"), flush=True)
        words = line.split()
        if len(words) == 2 and words[0] == "SHOT" and options.virgl:
            shoot_window(options.out, os.path.basename(words[1]))
        elif len(words) == 2 and words[0] == "SHOT":
            monitor = monitor or Monitor(f"{folder}/qmp")
            shoot(monitor, options.out, os.path.basename(words[1]))
        elif len(words) == 2 and words[0] == "PLUG" and options.plugged:
            if not viewer:
                viewer = Viewer(f"{folder}/vnc")
                viewer.resize(*map(int, options.video.split("x")))  # a wish for nothing is heard behind one alone
            viewer.resize(*map(int, words[1].split("x")))


def run(options, folder):
    if os.path.exists(options.command[0]):
        options.command[0] = os.path.abspath(options.command[0])
    with open(f"{options.out}/command", "w", encoding="utf-8") as file:
        file.write("exec " + shlex.join(options.command) + "\n")
    qemu = subprocess.Popen(command_of(options, folder), stdin=subprocess.DEVNULL, text=True,
                            errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    limit = threading.Timer(options.limit, qemu.kill)
    limit.start()
    try:
        follow(qemu, options, folder)
    finally:
        limit.cancel()
        if qemu.poll() is None and sys.exc_info()[0]:
            qemu.kill()
        status = qemu.wait()
    if status > 0 and status & 1:
        return status >> 1
    print(f"vm.py: qemu left with {status}, the guest did not report", file=sys.stderr)
    return NO_REPORT


@contextlib.contextmanager
def x_server():
    """Its name; None: it does not start."""
    if not shutil.which("Xvfb"):
        yield None
        return
    read_fd, write_fd = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write_fd), "-nolisten", "tcp", "-screen", "0",
                               "1280x1024x24"], pass_fds=(write_fd,), stderr=subprocess.DEVNULL)
    os.close(write_fd)
    with os.fdopen(read_fd) as answers:
        number = answers.readline().strip()
    try:
        yield f":{number}" if number else None
    finally:
        server.terminate()
        server.wait()


def has_virgl():
    """qemu's modules for it are packages of their own."""
    says = subprocess.run([QEMU, "-display", "help"], capture_output=True, text=True, check=False)
    devices = subprocess.run([QEMU, "-device", "virtio-gpu-gl-pci,help"], capture_output=True, check=False)
    return "sdl" in says.stdout and devices.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--video", default="320x240")
    parser.add_argument("--virgl", action="store_true")
    parser.add_argument("--counted", action="store_true")
    parser.add_argument("--plugged", action="store_true")
    parser.add_argument("vm")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not shutil.which(QEMU):
        print(f"skipped: there is no {QEMU}; scripts/install-deps.sh vm installs it")
        return 77
    if not os.path.exists(f"{options.vm}/stamp"):
        print(f"skipped: no virtual machine in {options.vm}; test/vm/setup.sh makes it")
        return 77
    with tempfile.TemporaryDirectory(prefix="limef-vm-") as folder:
        options.out = os.path.abspath(options.out or f"{folder}/out")
        os.makedirs(options.out, exist_ok=True)
        if not options.virgl:
            return run(options, folder)
        with x_server() as display:
            if not display or not has_virgl():
                print("skipped: no Xvfb, or qemu has no virtio-gpu with OpenGL; Debian's xvfb, qemu-system-gui and "
                      "libvirglrenderer1 are that")
                return 77
            os.environ.update(DISPLAY=display, SDL_VIDEODRIVER="x11")
            return run(options, folder)


if __name__ == "__main__":
    sys.exit(main())
