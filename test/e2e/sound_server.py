#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays with limef-play through ALSA's plugin to a real sound server, and listens to that.

sound_server.py LIMEF-PLAY pulseaudio|pipewire; the server is the test's own, in a folder of its own, with a
sink that plays nowhere. ffmpeg makes the clips, parec or pw-record records what the sink was given. Where
PipeWire's plugin is not installed, which Debian does not let be beside PulseAudio, apt is asked for it."""
import array
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from needed import SKIPPED, need

PLAY = sys.argv[1]
DEADLINE_S = 60
RATE = 48000
HZ = 1000
BY_SIGNAL = 4  # what limef-play ends with
TEMP = tempfile.TemporaryDirectory(prefix="limef-e2e-server-")
FOLDER = pathlib.Path(TEMP.name)
OWN = {k: v for k, v in os.environ.items()
       if k not in ("DISPLAY", "WAYLAND_DISPLAY", "PULSE_SERVER", "PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR",
                    "DBUS_SESSION_BUS_ADDRESS")} | {
           "XDG_RUNTIME_DIR": str(FOLDER), "XDG_CONFIG_HOME": str(FOLDER), "XDG_STATE_HOME": str(FOLDER),
           "HOME": str(FOLDER), "PULSE_CLIENTCONFIG": str(FOLDER / "client.conf"),
           "ALSA_CONFIG_PATH": str(FOLDER / "asound.conf")}
# As its minimal.conf, and a sink; what connects what is WirePlumber's.
PIPEWIRE = """
context.properties = { core.daemon = true core.name = pipewire-0 }
context.spa-libs = { audio.convert.* = audioconvert/libspa-audioconvert support.* = support/libspa-support }
context.modules = [
    { name = libpipewire-module-rt flags = [ ifexists nofail ] }
    { name = libpipewire-module-protocol-native }
    { name = libpipewire-module-metadata }
    { name = libpipewire-module-spa-node-factory }
    { name = libpipewire-module-client-node }
    { name = libpipewire-module-access }
    { name = libpipewire-module-adapter }
    { name = libpipewire-module-link-factory }
    { name = libpipewire-module-session-manager }
]
context.objects = [
    { factory = metadata args = { metadata.name = default } }
    { factory = adapter args = { factory.name = support.null-audio-sink node.name = limef media.class = Audio/Sink
                                 audio.rate = 48000 audio.position = [ FL FR ] } }
]
"""


def comes(condition, what, said=lambda: ""):
    """Waits for something to be true."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come: {said()}")
        time.sleep(0.02)


def end(process, number):
    if process.poll() is None:
        process.send_signal(number)
    process.wait(DEADLINE_S)


def unpacked(plugin, package):
    """Where a plugin of ALSA's lies: installed, or out of a package that is not, but that apt can get; or None."""
    def there(root):
        return next(iter(glob.glob(f"{root}/usr/lib*/alsa-lib/{plugin}") +
                         glob.glob(f"{root}/usr/lib/*/alsa-lib/{plugin}")), None)

    if not there("") and shutil.which("apt-get") and shutil.which("dpkg"):
        subprocess.run(f"timeout 30 apt-get -qq -o APT::Sandbox::User= download {package} && dpkg -x {package}_*.deb .",
                       cwd=FOLDER, shell=True, capture_output=True, timeout=DEADLINE_S)
    return there("") or there(FOLDER)


class Server:
    """With one sink, and a program that records what that is given."""

    keeps_up = True  # what it is given is heard without a gap

    def __init__(self):
        self.processes = []
        self.path = FOLDER / "heard"
        self.path.unlink(missing_ok=True)
        self.log = open(FOLDER / "server.txt", "a")

    def run(self, *command, stdout=None):
        self.processes.append(subprocess.Popen(command, env=OWN, stdout=stdout or self.log, stderr=self.log))

    def ask(self, *command):
        """What a program says; "" if it fails."""
        return subprocess.run(command, env=OWN, capture_output=True, text=True, timeout=DEADLINE_S).stdout

    def start(self):
        self.serve()
        self.record()
        comes(self.recorded, "anything of the monitor", self.said)

    def said(self):
        return (FOLDER / "server.txt").read_text()

    def recorded(self):
        """Bytes of 32 bit floats in two channels."""
        return self.path.read_bytes() if self.path.exists() else b""

    def heard(self):
        """The left channel, from the first sound on."""
        samples = array.array("f")
        data = self.recorded()
        samples.frombytes(data[:len(data) // 8 * 8])
        if sys.byteorder == "big":
            samples.byteswap()
        left = samples[::2]
        first = next((i for i, sample in enumerate(left) if abs(sample) > 0.01), len(left))
        return left[first:]

    def die(self):
        for process in self.processes:
            end(process, signal.SIGKILL)
        self.log.close()


class PulseAudio(Server):
    needs = "pulseaudio", "pactl", "parec"
    kind, plugin, package = "pulse", "libasound_module_pcm_pulse.so", "libasound2-plugins"
    where = ""
    socket = FOLDER / "pulse" / "native"

    def serve(self):
        self.socket.parent.mkdir(exist_ok=True)
        self.socket.unlink(missing_ok=True)
        self.run("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes",
                 "-L", f"module-native-protocol-unix auth-anonymous=1 socket={self.socket}",
                 "-L", f"module-null-sink sink_name=limef rate={RATE} channels=2 format=float32le norewinds=1")
        comes(lambda: self.socket.exists() and self.ask("pactl", "info"), "the server", self.said)

    def record(self):
        with open(self.path, "wb") as heard:
            self.run("parec", "-d", "limef.monitor", "--raw", "--format=float32le", f"--rate={RATE}", "--channels=2",
                     "--latency-msec=20", stdout=heard)


class PipeWire(Server):
    needs = "pipewire", "wireplumber", "pw-cli", "pw-record"
    kind, plugin, package = "pipewire", "libasound_module_pcm_pipewire.so", "pipewire-alsa"
    where = 'playback_node "limef"'  # nobody chooses a default
    # nothing that looks for devices, as WirePlumber 0.4 and 0.5 call it
    keeps_up = False  # without real-time priority it stands still where a machine does much else
    policy = ("-c", "policy.conf") if os.path.exists("/usr/share/wireplumber/policy.conf") else ("-p", "policy")

    def serve(self):
        (FOLDER / "pipewire.conf").write_text(PIPEWIRE)
        self.run("pipewire", "-c", str(FOLDER / "pipewire.conf"))
        comes(lambda: "limef" in self.ask("pw-cli", "list-objects", "Node"), "the server", self.said)
        self.run("wireplumber", *self.policy)

    def record(self):
        self.run("pw-record", "--target=limef", "-P", "{ stream.capture.sink = true }", "--format=f32", f"--rate={RATE}",
                 "--channels=2", "--latency=20ms", str(self.path))

    def recorded(self):
        """Of a WAV file that is being written."""
        return super().recorded().partition(b"data")[2][4:]


class Playing:
    def __init__(self, *arguments):
        self.errors = open(FOLDER / "play.txt", "w+")
        self.process = subprocess.Popen([PLAY, "--vo=none", "--report=json", "--log-level=info", *map(str, arguments)],
                                        env=OWN, stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def said(self):
        return (FOLDER / "play.txt").read_text()

    def report(self, status=0):
        """What it says at its end."""
        output = self.process.communicate(timeout=DEADLINE_S)[0]
        if self.process.returncode != status:
            raise AssertionError(f"status {self.process.returncode}: {self.said()}")
        return json.loads(output.splitlines()[-1])

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.report(BY_SIGNAL)

    def close(self):
        end(self.process, signal.SIGKILL)
        self.process.stdout.close()
        self.errors.close()


def pitch(samples):
    """Of a tone, by how often it passes zero upwards."""
    return sum(1 for a, b in zip(samples, samples[1:]) if a < 0 <= b) * RATE / len(samples)


def has_tone(samples):
    """Whether a tenth of a second of the tone is in it, anywhere."""
    n = RATE // 10
    return any(abs(pitch(samples[at:at + n]) - HZ) <= 10 for at in range(0, len(samples) - n, n))


class SoundServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (FOLDER / "asound.conf").write_text(f'pcm_type.{SERVER.kind}.lib "{SERVER.plugin}"\n'
                                            f"pcm.!default {{ type {SERVER.kind} {SERVER.where} }}\n")
        (FOLDER / "client.conf").write_text("autospawn = no\n")
        cls.clip = FOLDER / "tone.wav"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"sine={HZ}:d=300", str(cls.clip)], check=True,
                       timeout=DEADLINE_S)

    def serve(self):
        server = SERVER()
        self.addCleanup(server.die)
        server.start()
        return server

    def play(self, *arguments):
        playing = Playing(*arguments, self.clip)
        self.addCleanup(playing.close)
        return playing

    def test_a_server_hears_all_of_it(self):
        server = self.serve()
        # so much waits in the server that a machine which does much else makes no gap
        report = self.play("--ao=alsa", "--audio-buffer=1", "--duration=2").report()
        self.assertEqual(report["sound"]["output"], "alsa")
        self.assertEqual(report["sound"]["devices_lost"], 0)
        self.assertEqual(report["streams"][0]["sound"]["lost"], 0)
        comes(lambda: len(server.heard()) > RATE // 2, "half a second of it")
        if server.keeps_up:
            self.assertAlmostEqual(pitch(server.heard()[RATE // 10:RATE // 2]), HZ, delta=5)
        else:
            comes(lambda: has_tone(server.heard()), "a tenth of a second of it")

    def test_goes_on_without_a_server_that_died_and_is_heard_when_it_is_back(self):
        server = self.serve()
        playing = self.play("--ao=alsa")
        comes(lambda: has_tone(server.heard()), "the tone", playing.said)
        server.die()
        comes(lambda: "the sound device is lost" in playing.said(), "a word of the loss", playing.said)
        server = self.serve()
        comes(lambda: has_tone(server.heard()), "the tone again", playing.said)
        report = playing.stop()
        self.assertEqual(report["sound"]["output"], "alsa")
        self.assertGreaterEqual(report["sound"]["devices_lost"], 1)
        self.assertEqual(report["streams"][0]["sound"]["lost"], 0)

    def test_a_server_that_comes_while_it_plays_is_used_without_being_asked_for(self):
        playing = self.play()
        comes(lambda: "no sound device" in playing.said(), "a word of the missing device", playing.said)
        server = self.serve()
        comes(lambda: has_tone(server.heard()), "the tone", playing.said)
        report = playing.stop()
        self.assertEqual(report["sound"]["output"], "alsa")
        self.assertEqual(report["sound"]["devices_lost"], 0)


SERVER = {"pulseaudio": PulseAudio, "pipewire": PipeWire}[sys.argv[2]]

if __name__ == "__main__":
    need("ffmpeg", *SERVER.needs)
    SERVER.plugin = unpacked(SERVER.plugin, SERVER.package)
    if not SERVER.plugin:
        print(f"skipped: there is no {SERVER.package}")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
