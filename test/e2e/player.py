# SPDX-License-Identifier: MIT
"""The client of tests, rtsp_client, while it plays."""
import subprocess

DEADLINE_S = 120


def fields_of(path):
    """Of each picture that was shown, as limef_framemd5_filter writes it."""
    return [line.split(",") for line in path.read_text().splitlines() if not line.startswith("#")]


def sums_of(path):
    return [fields[-1].strip() for fields in fields_of(path)]


def times_of(path):
    """In us."""
    return [int(fields[1]) for fields in fields_of(path)]


def datagrams_thrown_away():
    """By the system, as there was no room for them where they wait to be read; of all sockets."""
    with open("/proc/net/snmp") as counters:
        names, values = (line.split()[1:] for line in counters if line.startswith("Udp: "))
    return int(dict(zip(names, values))["RcvbufErrors"])


class Player:
    def __init__(self, client, url, sums, *arguments):
        self.sums = sums    # a file, written
        self.sums.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [client, url, f"md5={sums}", f"seconds={DEADLINE_S}", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self.lines = []

    def wait_for(self, state):
        """For its next line "state ..."; or another one, with its first words."""
        return self.wait_for_line(f"state {state} ")

    def wait_for_line(self, begin):
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith(begin):
                return True
        return False

    def stop(self):
        self.process.terminate()

    def finish(self):
        """Waits for its end; returns the sums of what was shown."""
        output, self.errors = self.process.communicate(timeout=DEADLINE_S)
        self.lines += output.splitlines(True)
        assert self.process.returncode == 0, self.errors
        self.counters = self.numbers("counters")
        return sums_of(self.sums)

    def numbers(self, kind):
        """Of the line that begins so: "kind name=1 other=2"."""
        words = next(line.split()[1:] for line in self.lines if line.startswith(kind + " "))
        return {key: int(value) for key, value in (word.split("=") for word in words)}

    def stopped_us(self):
        return next(int(line.split()[1]) for line in self.lines if line.startswith("stopped "))

    def states(self):
        return [line.split(" ", 1)[1].strip() for line in self.lines if line.startswith("state ")]
