# SPDX-License-Identifier: MIT
"""limef_rtspd, which serves files by RTSP through gst-rtsp-server, while it runs."""
import subprocess

SKIPPED = 77


class NotInstalled(Exception):
    pass


def make_certificate(folder):
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                    "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return key, certificate


class Server:
    def __init__(self, program, *arguments, namespace=()):
        self.process = subprocess.Popen([*namespace, program, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if line.startswith("ready "):
            self.port = int(line.split()[1])
            return
        self.process.communicate()
        if self.process.returncode == SKIPPED:
            raise NotInstalled("what the server needs is not installed")
        raise RuntimeError(f"the server said {line!r}")

    def do(self, command):
        """Returns when it is done."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line == "done\n", (command, line)

    def kill(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()
