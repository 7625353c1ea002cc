#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command in a virtual machine that has displays, with the host's files.

vm.py [--out=DIR] [--limit=S] [--video=WxH] VM-DIR COMMAND [ARGUMENT...]

VM-DIR is what setup.sh made. COMMAND runs as root; the host's / is its /, read only; what it writes to
$OUT is found in DIR. Leaves with its status (0..127); 77 if there is no VM-DIR or no qemu; 99 if the
guest said nothing. A line "SHOT name" that the guest prints writes what virtio-gpu shows to
DIR/name.ppm; when DIR/name.done exists it is written."""
import argparse
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
QEMU = "qemu-system-x86_64"
NO_REPORT = 99


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
    if cpu_khz():
        words.append(f"tsc_early_khz={cpu_khz()}")
    width, height = options.video.split("x")
    words.append(f"video=Virtual-1:{options.video}M@60")  # 59.8 Hz; with reduced blanking 58.5
    return [QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-vga", "none",
            "-machine", "q35,hpet=off", "-accel", "tcg,thread=multi,tb-size=512",
            # without AVX: Mesa's renderer crashed once in a gather, see README.md
            "-cpu", "max,avx=off,avx2=off,f16c=off,fma=off",
            "-smp", "2", "-m", "1536",
            "-kernel", f"{vm}/vmlinux", "-initrd", f"{vm}/initrd.img", "-append", " ".join(words),
            "-serial", "stdio", "-qmp", f"unix:{folder}/qmp,server=on,wait=off",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x1", "-device", "virtio-rng-pci",
            "-device", f"virtio-gpu-pci,id=screen,xres={width},yres={height}",
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
            "-fsdev", f"local,id=out,path={options.out},security_model=none",
            "-device", "virtio-9p-pci,fsdev=out,mount_tag=out"]


def shoot(monitor, out, name):
    monitor.ask("screendump", filename=f"{out}/{name}.ppm", device="screen")
    pathlib.Path(out, f"{name}.done").touch()


def follow(qemu, options, folder):
    """Prints what the guest says, and does what it asks for."""
    monitor = None
    for line in qemu.stdout:
        print(line.rstrip("\r\n"), flush=True)
        words = line.split()
        if len(words) == 2 and words[0] == "SHOT":
            monitor = monitor or Monitor(f"{folder}/qmp")
            shoot(monitor, options.out, os.path.basename(words[1]))


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--video", default="320x240")
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
        return run(options, folder)


if __name__ == "__main__":
    sys.exit(main())
